"""What the models share: texts in `fit` and `evaluate`, padding left out, a file that is whole."""

import hashlib
import math
import platform
import warnings

import keras
import numpy as np
from keras import ops

from seq2seq.checks import check_number, check_whole
from seq2seq.data.rows import is_texts
from seq2seq.data.splitting import fingerprint
from seq2seq.models.files import check_space, write_whole
from seq2seq.models.losses import SmoothedCrossentropy
from seq2seq.models.metrics import Accuracy, Perplexity
from seq2seq.text.vocabulary import PAD
from seq2seq.version import __version__

BATCH_SIZE = 64


class TextModel(keras.Model):
    """A Keras model that takes texts, leaves padding out, and is saved whole.

    A subclass says how texts become batches (`make_dataset`) and how arrays are checked
    (`check_arrays`).
    """

    def compile_usual(self, label_smoothing):
        """Compiles the model as it arrives."""
        self.compile(
            optimizer=keras.optimizers.Adam(1e-3, clipnorm=1.0),
            loss=SmoothedCrossentropy(label_smoothing)
            if label_smoothing
            else "sparse_categorical_crossentropy",
            metrics=[Accuracy(), Perplexity()],
        )

    def make_dataset(self, x, y, batch_size, shuffle=False, seed=None):
        """Returns a dataset of batches of ids for texts."""
        raise NotImplementedError

    def make_training_dataset(self, x, y, batch_size, shuffle, seed):
        """Returns the dataset that `fit` makes of texts."""
        return self.make_dataset(x, y, batch_size, shuffle, seed)

    def check_arrays(self, x, y=None):
        """Raises a `ValueError` for arrays that the model cannot train on."""
        raise NotImplementedError

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
            y: List of texts, or an array of labels.
            batch_size: Defaults to `None`: 64 for texts, Keras's 32 for arrays.
            epochs: Defaults to 1.
            verbose: As in Keras.
            callbacks: As in Keras.
            validation_split: Share of the pairs, the last ones, kept for validation. Defaults to 0.
            validation_data: `(x, y)`, or a dataset. Defaults to `None`.
            shuffle: Whether the order changes from epoch to epoch. Defaults to `True`.
            seed: Seed of the order of texts. Defaults to `None`: drawn from NumPy's global
                generator, which `keras.utils.set_random_seed` seeds.
            **kwargs: The other arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If texts, arrays or arguments do not fit together.
        """
        check_whole("epochs", epochs)
        if batch_size is not None:
            check_whole("batch_size", batch_size)
        if seed is None:
            seed = int(np.random.randint(2**31))
        manifest = {
            "seed": seed,
            "data": _describe_data(x, y),
            "training": {"batch_size": batch_size, "validation_split": validation_split},
        }
        if is_texts(x):
            _refuse_weights(kwargs)
            batch_size = manifest["training"]["batch_size"] = batch_size or BATCH_SIZE
            if validation_split and validation_data is None:
                x, y, validation_data = _split(x, y, validation_split)
            x = self.make_training_dataset(x, y, batch_size, shuffle, seed)
            y, batch_size, validation_split, shuffle = None, None, 0.0, False
        elif _is_arrays(x):
            self.check_arrays(x, y)
            _spread_weights(kwargs, y)
            batch_size = manifest["training"]["batch_size"] = batch_size or 32
        if is_texts(validation_data):
            validation_data = validation_data, None
        if isinstance(validation_data, (tuple, list)) and len(validation_data) > 1:
            manifest["validation"] = _describe_data(*validation_data[:2])
        return super().fit(
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=[_ManifestWriter(manifest), *keras.tree.flatten(callbacks or [])],
            validation_split=validation_split,
            validation_data=self._prepare_validation(validation_data, kwargs),
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
        if batch_size is not None:
            check_whole("batch_size", batch_size)
        if is_texts(x):
            _refuse_weights(kwargs)
            x, y, batch_size = self.make_dataset(x, y, batch_size or BATCH_SIZE), None, None
        elif _is_arrays(x):
            self.check_arrays(x, y)
            _spread_weights(kwargs, y)
        return super().evaluate(x, y, batch_size=batch_size, verbose=verbose, **kwargs)

    def _prepare_validation(self, validation_data, kwargs):
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) < 2:
            return validation_data
        x, y, *weights = validation_data
        if is_texts(x):
            _refuse_weights({"sample_weight": weights[0] if weights else None})
            batch_size = kwargs.pop("validation_batch_size", None) or BATCH_SIZE
            return self.make_dataset(x, y, batch_size)
        if _is_arrays(x):
            self.check_arrays(x, y)
            if weights:
                weights = {"sample_weight": weights[0]}
                _spread_weights(weights, y)
                return x, y, weights["sample_weight"]
        return validation_data

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Computes the loss as a mean over real tokens, whatever loss was compiled."""
        y_pred = _mask_padding(y, y_pred)
        return super().compute_loss(x, y, y_pred, _token_weight(sample_weight), training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the metrics, Keras's own too, with the real tokens alone."""
        y_pred = _mask_padding(y, y_pred)
        return super().compute_metrics(x, y, y_pred, _token_weight(sample_weight))

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


class _CarryMask(keras.layers.Layer):
    """Passes a tensor on with the mask it is given."""

    def __init__(self, **kwargs):
        super().__init__(autocast=False, name="carry_mask", **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        return inputs


_carry_mask = _CarryMask()


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


def _mask_padding(y, y_pred):
    """Hangs the mask of the real tokens on predictions, where Keras looks for it."""
    if y is None:
        return y_pred
    if len(y.shape) == 3:  # one-hot; padding is all zero, or one at 0
        y = ops.argmax(y, axis=-1) if y.shape[-1] != 1 else ops.squeeze(y, axis=-1)
    return _carry_mask(y_pred, mask=ops.not_equal(y, PAD))


def _token_weight(sample_weight):
    """Makes a weight of each row one of its tokens: Keras does not combine it with a mask."""
    if sample_weight is None or len(sample_weight.shape) == 2:
        return sample_weight
    return ops.expand_dims(sample_weight, -1)


def _is_arrays(x) -> bool:
    if isinstance(x, (dict, list, tuple)):
        return all(hasattr(array, "shape") for array in (x.values() if isinstance(x, dict) else x))
    return hasattr(x, "shape")


def _split(x, y, share):
    check_number("validation_split", share, "[0, 1)", "0.1 is usual.")
    x, y = list(x), y if y is None else list(y)
    kept = int(len(x) * (1 - share))
    if not 0 < kept < len(x):
        raise ValueError(
            f"Expected enough pairs for both parts. Received: {len(x)} pairs with "
            f"validation_split={share}. Give more pairs or another share."
        )
    if y is None:
        return x[:kept], None, (x[kept:], None)
    return x[:kept], y[:kept], (x[kept:], y[kept:])


def _refuse_weights(kwargs):
    for name in ("sample_weight", "class_weight"):
        if kwargs.get(name) is not None:
            raise ValueError(
                f"Expected no `{name}` with texts. Encode the texts first and pass arrays of ids "
                f"with it: see `Seq2Seq.encode_pairs`."
            )


def _spread_weights(kwargs, y):
    """Gives each token its row's weight, so that weights have one rank in all calls."""
    weights = kwargs.get("sample_weight")
    if weights is not None and np.ndim(weights) == 1:
        kwargs["sample_weight"] = np.repeat(np.asarray(weights)[:, None], y.shape[1], axis=1)


def _describe_data(x, y) -> dict:
    if is_texts(x):
        if y is None:
            return {"texts": len(x), "fingerprint": fingerprint(x, x)}
        return {"pairs": len(x), "fingerprint": fingerprint(x, y)} if is_texts(y) else {}
    if _is_arrays(x):
        digest = hashlib.sha256()
        for array in keras.tree.flatten((x, y)):
            if array is not None:
                array = np.ascontiguousarray(array)
                digest.update(f"{array.shape} {array.dtype}".encode())
                digest.update(array)
        return {"pairs": len(keras.tree.flatten(x)[0]), "fingerprint": digest.hexdigest()[:16]}
    return {"pairs": None, "fingerprint": None}  # a dataset is read once, by the training


def _name(loss) -> str:
    return loss if isinstance(loss, str) else getattr(loss, "name", type(loss).__name__)
