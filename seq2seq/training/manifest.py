"""What a model was trained with, as recorded in its file."""

import hashlib
import math
import platform
import warnings

import keras
import numpy as np
from keras import ops

from seq2seq.backend import as_number
from seq2seq.data.inputs import is_arrays, is_documents, is_rows, is_texts
from seq2seq.data.splitting import fingerprint
from seq2seq.version import __version__


class ManifestWriter(keras.callbacks.Callback):
    """Records in `model.manifest` what the model was trained with, before others save it.

    Args:
        manifest: What is known before training.
    """

    def __init__(self, manifest: dict):
        super().__init__()
        self.manifest = manifest
        self._first = True

    def on_train_batch_end(self, batch, logs=None):
        """Warns if training changes nothing."""
        # After the first batch: by then other callbacks have set the learning rate.
        if self._first and as_number(self.model.optimizer.learning_rate) < 1e-12:
            warnings.warn(
                "The learning rate is 0, perhaps after a decay: training changes nothing. Set "
                "`model.optimizer.learning_rate`.",
                stacklevel=2,
            )
        self._first = False

    def on_epoch_end(self, epoch, logs=None):
        """Writes the manifest, and warns of a loss that is no number."""
        if wrong := find_nan(self.model, logs):
            warnings.warn(
                f"Epoch {epoch + 1} ended with {wrong}: the weights are no use any more. Train "
                "again, with a lower learning rate or with a clipnorm.",
                stacklevel=2,
            )
        optimizer = self.model.optimizer
        self.model.manifest = {
            **describe_versions(),
            **self.manifest,
            "training": {
                **self.manifest["training"],
                "epochs": epoch + 1,
                "updates": int(as_number(optimizer.iterations)),
                "optimizer": optimizer.name,
                "learning_rate": as_number(optimizer.learning_rate),
                "loss": _name(self.model.loss),
            },
            "metrics": {name: float(value) for name, value in (logs or {}).items()},
        }


def find_nan(model: keras.Model, logs: dict | None) -> str:
    """Returns which losses of an epoch are no numbers, or that weights are; `""` if all is well."""
    losses = {name: value for name, value in (logs or {}).items() if name.endswith("loss")}
    if not all(map(math.isfinite, losses.values())):
        return str(losses)
    # The last update of an epoch comes after the last loss.
    weights = map(ops.convert_to_numpy, model.trainable_variables)
    finite = all(np.isfinite(weight).all() for weight in weights)
    return "" if finite else "weights that are no finite numbers"


def describe_versions() -> dict:
    """Returns the versions to record in a model file."""
    return {
        "seq2seq": __version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
    }


def describe_training(data: tuple, validation_data, seed: int, **settings) -> dict:
    """Returns what is known before a training, for a `ManifestWriter`.

    Args:
        data: `x` and `y` of `fit`, before a share was held out.
        validation_data: `(x, y)`, or what cannot be described.
        seed: Seed of the shuffling.
        **settings: Other arguments of `fit`; those that are `None` are left out.
    """
    settings = {name: value for name, value in settings.items() if value is not None}
    manifest = {"seed": seed, "data": describe_data(*data), "training": settings}
    if isinstance(validation_data, tuple):
        manifest["validation"] = describe_data(*validation_data[:2])
    return manifest


def describe_data(x, y) -> dict:
    """Returns how many examples there are, and a fingerprint of them."""
    if is_rows(x):
        x = [" ".join(map(str, row)) for row in x]
    if is_documents(x):
        texts = ["\n".join(document) for document in x]
        return {"documents": len(x), "fingerprint": fingerprint(texts, texts)}
    if is_texts(x):
        if y is None:
            return {"texts": len(x), "fingerprint": fingerprint(x, x)}
        if is_texts(y):
            return {"pairs": len(x), "fingerprint": fingerprint(x, y)}
        return {"texts": len(x), "fingerprint": fingerprint(x, list(map(str, y)))}
    if is_arrays(x):
        digest = hashlib.sha256()
        for array in keras.tree.flatten((x, y)):
            if array is not None:
                array = np.ascontiguousarray(array)
                digest.update(f"{array.shape} {array.dtype}".encode())
                digest.update(array)
        inputs = keras.tree.flatten(x)
        kind = "pairs" if len(inputs) > 1 else "texts"
        return {kind: len(inputs[0]), "fingerprint": digest.hexdigest()[:16]}
    return {"pairs": None, "fingerprint": None}  # a dataset is read once, by the training


def _name(loss) -> str:
    return loss if isinstance(loss, str) else getattr(loss, "name", type(loss).__name__)
