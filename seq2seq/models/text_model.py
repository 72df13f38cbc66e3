"""What all models share: texts in `fit` and `evaluate`, a manifest, a file that is whole."""

import hashlib
import math
import platform
import warnings

import keras
import numpy as np

from seq2seq.checks import check_number, check_whole
from seq2seq.data.rows import is_rows, is_texts
from seq2seq.data.splitting import fingerprint
from seq2seq.models.files import check_space, write_whole
from seq2seq.models.losses import Crossentropy
from seq2seq.models.optimizer import Adam
from seq2seq.models.tokenizer_config import deserialize_tokenizer, serialize_tokenizer
from seq2seq.version import __version__

BATCH_SIZE = 64


class TextModel(keras.Model):
    """A Keras model that takes texts and is saved whole.

    A subclass says how texts become batches (`make_dataset`), how arrays are checked
    (`check_arrays`), and which arguments rebuild it (`options` and `sides`).
    """

    options = ()  # arguments that a saved model keeps, beside its tokenizers
    sides = (("tokenizer", ""),)  # argument of each tokenizer, and what its attributes begin with
    takes_rows = False  # whether a list of rows of ids stands for texts
    refused_with_texts = ("sample_weight", "class_weight")

    def compile_usual(self, label_smoothing):
        """Compiles the model as it arrives."""
        self.compile(
            optimizer=Adam(1e-3, clipnorm=1.0),
            loss=Crossentropy(label_smoothing),
            metrics=self.usual_metrics(),
        )

    def usual_metrics(self):
        """Returns the metrics that the model arrives with."""
        return ["accuracy"]

    def make_dataset(self, x, y, batch_size, shuffle=False, seed=None):
        """Returns a dataset of batches of ids for texts."""
        raise NotImplementedError

    def make_training_dataset(self, x, y, batch_size, shuffle, seed):
        """Returns the dataset that `fit` makes of texts."""
        return self.make_dataset(x, y, batch_size, shuffle, seed)

    def check_arrays(self, x, y=None):
        """Raises a `ValueError` for arrays that the model cannot train on."""
        raise NotImplementedError

    def spread_weights(self, kwargs, y):
        """Brings a `sample_weight` beside arrays into the form that the labels want."""

    def prepare_training(self, kwargs, x, y):
        """Checks what is trained on, and brings a `class_weight` into the form that Keras wants."""

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        *,
        seed=None,
        **kwargs,
    ):
        """Trains the model on texts, arrays or a dataset; otherwise as `keras.Model.fit`.

        Args:
            x: List of texts, or what Keras takes: arrays of ids, a dict of them, a dataset.
            y: List of texts, of labels for a `TextClassifier`, or an array of labels.
            batch_size: Defaults to `None`: 64 for texts, Keras's 32 for arrays.
            epochs: Defaults to 1.
            verbose: As in Keras.
            callbacks: As in Keras.
            validation_split: Share of the texts, the last ones, kept for validation. Defaults to 0.
            validation_data: `(x, y)`, or a dataset. Defaults to `None`.
            shuffle: Whether the order changes from epoch to epoch. Defaults to `True`.
            seed: Seed of the order of texts. Defaults to `None`: drawn from NumPy's global
                generator, which `keras.utils.set_random_seed` seeds.
            **kwargs: The other arguments of `keras.Model.fit`. The `class_weight` of a
                `TextClassifier` is what a text of a class counts in the loss: a dict by label (by
                number with arrays), 1 for those left out; or `"balanced"`, as much for every class
                together.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If texts, arrays or arguments do not fit together; of a `TextClassifier`
                also if a label is unknown or all texts to train on have one label.
        """
        self._check_kind(x)
        check_whole("epochs", epochs)
        if batch_size is not None:
            check_whole("batch_size", batch_size)
        if seed is None:
            seed = int(np.random.randint(2**31))
        given, given_split = (x, y), validation_split
        if self.is_read(x):
            self._refuse_weights(kwargs)
            batch_size = batch_size or BATCH_SIZE
            if validation_split and validation_data is None:
                x, y, validation_data = split_texts(x, y, validation_split)
        elif _is_arrays(x):
            self.check_arrays(x, y)
            self.spread_weights(kwargs, y)
            batch_size = batch_size or 32
        self.prepare_training(kwargs, x, y)  # after the split, which may take a whole class away
        manifest = {
            "seed": seed,
            "data": _describe_data(*given),
            "training": {"batch_size": batch_size, "validation_split": given_split},
        }
        if self.is_read(validation_data):
            validation_data = validation_data, None
        prepared_validation = self._prepare_validation(validation_data, kwargs)
        if isinstance(validation_data, (tuple, list)):
            manifest["validation"] = _describe_data(*validation_data[:2])
        if self.is_read(x):
            x = self.make_training_dataset(x, y, batch_size, shuffle, seed)
            y, batch_size, validation_split, shuffle = None, None, 0.0, False
        elif hasattr(x, "element_spec"):  # a tf.data.Dataset has its order
            shuffle = False
        return super().fit(
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=[_ManifestWriter(manifest), *keras.tree.flatten(callbacks or [])],
            validation_split=validation_split,
            validation_data=prepared_validation,
            shuffle=shuffle,
            **kwargs,
        )

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", **kwargs):
        """Evaluates the model on texts, arrays or a dataset; otherwise as `keras.Model.evaluate`.

        Args:
            x: List of texts, or what Keras takes: arrays of ids, a dict of them, a dataset.
            y: List of texts, or an array of labels.
            batch_size: Defaults to `None`: 64 for texts, Keras's 32 for arrays.
            verbose: As in Keras.
            **kwargs: The other arguments of `keras.Model.evaluate`.

        Returns:
            The loss and metrics, a list, or a dict with `return_dict=True`.
        """
        self._check_kind(x)
        if batch_size is not None:
            check_whole("batch_size", batch_size)
        if self.is_read(x):
            self._refuse_weights(kwargs)
            x, y, batch_size = self.make_dataset(x, y, batch_size or BATCH_SIZE), None, None
        elif _is_arrays(x):
            self.check_arrays(x, y)
            self.spread_weights(kwargs, y)
        return super().evaluate(x, y, batch_size=batch_size, verbose=verbose, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Predicts for arrays or a dataset, as `keras.Model.predict`.

        Raises:
            ValueError: If `x` is texts, for which there are `generate` and `classify`.
        """
        if self.is_read(x):
            raise ValueError(
                "Expected arrays of ids or a dataset. Received texts. Use `generate` or "
                "`classify` for texts."
            )
        return super().predict(x, *args, **kwargs)

    def _check_kind(self, x):
        """Raises a `ValueError` for what neither this class nor Keras can read."""
        odd = isinstance(x, (list, tuple)) and not _is_arrays(x)
        if x is None or isinstance(x, (str, set)) or (odd and not self.is_read(x)):
            raise ValueError(
                f"Expected a list of texts, arrays of ids or a dataset. Received: {x!r:.60}."
            )

    def _prepare_validation(self, validation_data, kwargs):
        if not isinstance(validation_data, (tuple, list)):
            return validation_data
        if len(validation_data) < 2:
            raise ValueError(
                f"Expected validation_data of texts or (x, y). Received: {validation_data!r:.60}."
            )
        x, y, *weights = validation_data
        if self.is_read(x):
            self._refuse_weights({"sample_weight": weights[0] if weights else None})
            batch_size = kwargs.pop("validation_batch_size", None) or BATCH_SIZE
            return self.make_dataset(x, y, batch_size)
        if _is_arrays(x):
            self.check_arrays(x, y)
            if weights:
                weights = {"sample_weight": weights[0]}
                self.spread_weights(weights, y)
                return x, y, weights["sample_weight"]
        return validation_data

    def is_read(self, x) -> bool:
        """Tells whether `make_dataset` is to make batches of these."""
        return is_texts(x) or (self.takes_rows and is_rows(x))

    def _refuse_weights(self, kwargs):
        for name in self.refused_with_texts:
            if kwargs.get(name) is not None:
                raise ValueError(
                    f"Expected no `{name}` with texts. Encode the texts first, with "
                    "`encode_pairs` of a Seq2Seq or `encode_rows` of another model, and pass "
                    "arrays of ids with it."
                )

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Saves the model as one file; an older one stays whole until the new one is.

        Args:
            filepath: Path ending in `.keras`.
            overwrite: Whether to overwrite without asking. Defaults to `True`.
            zipped: As in Keras.
            **kwargs: As in Keras.

        Raises:
            ValueError: If the file cannot be written.
        """
        if not overwrite or zipped is False or not str(filepath).endswith(".keras"):
            return super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)
        if self.optimizer is not None and not self.optimizer.built:
            # Loading would warn of an optimizer without its variables.
            self.optimizer.build(self.trainable_variables)
        write_whole(filepath, ".keras", lambda path: super(TextModel, self).save(path, **kwargs))

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Saves the weights; otherwise as `keras.Model.save_weights`."""
        if not overwrite or not str(filepath).endswith(".weights.h5") or kwargs:
            return super().save_weights(filepath, overwrite=overwrite, **kwargs)
        # HDF5 may crash the process on a full disk: do not let it come to that.
        check_space(filepath, sum(4 * math.prod(weight.shape) for weight in self.variables))
        write_whole(filepath, ".weights.h5", super().save_weights)

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this model, with its manifest."""
        tokenizers = {
            argument: serialize_tokenizer(
                getattr(self, f"{side}tokenizer"), getattr(self, f"{side}vocabulary_size")
            )
            for argument, side in self.sides
        }
        options = {option: getattr(self, option) for option in self.options}
        return {**tokenizers, **options, "name": self.name, "manifest": dict(self.manifest)}

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> "TextModel":
        """Rebuilds a model, untrained, from `get_config()`."""
        config = dict(config)
        manifest = config.pop("manifest", {})
        for argument, _ in cls.sides:
            config[argument] = deserialize_tokenizer(config[argument], custom_objects)
        model = cls(**config)
        model.manifest = manifest
        return model


class _ManifestWriter(keras.callbacks.Callback):
    """Notes in `model.manifest` what the model was trained with, before others save it."""

    def __init__(self, manifest):
        super().__init__()
        self.manifest = manifest
        self._first = True

    def on_train_batch_end(self, batch, logs=None):
        # After the first batch: by then other callbacks have set the rate.
        if self._first and float(self.model.optimizer.learning_rate) < 1e-12:
            warnings.warn(
                "The learning rate is 0, as a decay may have left it: this training changes "
                "nothing. Set `model.optimizer.learning_rate`.",
                stacklevel=2,
            )
        self._first = False

    def on_epoch_end(self, epoch, logs=None):
        optimizer = self.model.optimizer
        self.model.manifest = {
            **describe_versions(),
            **self.manifest,
            "training": {
                **self.manifest["training"],
                "epochs": epoch + 1,
                "updates": int(optimizer.iterations),
                "optimizer": optimizer.name,
                "learning_rate": float(optimizer.learning_rate),
                "loss": _name(self.model.loss),
            },
            "metrics": {name: float(value) for name, value in (logs or {}).items()},
        }


def describe_versions() -> dict:
    """Returns the versions that a model file should tell."""
    return {
        "seq2seq": __version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
    }


def _is_arrays(x) -> bool:
    if isinstance(x, (dict, list, tuple)):
        return all(hasattr(array, "shape") for array in (x.values() if isinstance(x, dict) else x))
    return hasattr(x, "shape")


def split_texts(x, y, share):
    """Returns `x`, `y` and `(x, y)` for validation, the last share of both."""
    check_number("validation_split", share, "[0, 1)", "0.1 is usual.")
    x, y = list(x), y if y is None else list(y)
    kept = int(len(x) * (1 - share))
    if not 0 < kept < len(x):
        raise ValueError(
            f"Expected enough texts for both parts. Received: {len(x)} with "
            f"validation_split={share}. Give more texts or another share."
        )
    if y is None:
        return x[:kept], None, (x[kept:], None)
    return x[:kept], y[:kept], (x[kept:], y[kept:])


def _describe_data(x, y) -> dict:
    if is_rows(x):
        x = [" ".join(map(str, row)) for row in x]
    if is_texts(x):
        if y is None:
            return {"texts": len(x), "fingerprint": fingerprint(x, x)}
        if is_texts(y):
            return {"pairs": len(x), "fingerprint": fingerprint(x, y)}
        return {"texts": len(x), "fingerprint": fingerprint(x, list(map(str, y)))}
    if _is_arrays(x):
        digest = hashlib.sha256()
        for array in keras.tree.flatten((x, y)):
            if array is not None:
                array = np.ascontiguousarray(array)
                digest.update(f"{array.shape} {array.dtype}".encode())
                digest.update(array)
        kind = "pairs" if isinstance(x, (list, tuple, dict)) else "texts"
        return {kind: len(keras.tree.flatten(x)[0]), "fingerprint": digest.hexdigest()[:16]}
    return {"pairs": None, "fingerprint": None}  # a dataset is read once, by the training


def _name(loss) -> str:
    return loss if isinstance(loss, str) else getattr(loss, "name", type(loss).__name__)
