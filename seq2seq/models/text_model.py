"""What all models share: texts in `fit` and `evaluate`, a manifest, atomic saving."""

import importlib
import math
import warnings

import keras
import numpy as np

from seq2seq.atomic_write import check_space, write_whole
from seq2seq.backend import CompiledFunctions, forget_gradients, start_quietly, variable_scope
from seq2seq.checks import check_whole
from seq2seq.data.batching import EpochOrder
from seq2seq.data.inputs import check_dataset, is_arrays, is_rows, is_texts
from seq2seq.data.padding import BATCH_SIZE, pad_batch
from seq2seq.data.splitting import split_texts
from seq2seq.data.tables import read_data, read_validation
from seq2seq.layers.pooling import MaxPooling, MeanPooling
from seq2seq.models.cloning import cloned_by_config
from seq2seq.models.configs import check_saving, freeze, list_frozen, split_config
from seq2seq.models.fit_data import (
    batches_for_keras,
    check_and_prepare,
    check_call,
    read_batch_tokens,
    validation_for_keras,
)
from seq2seq.models.parts import Part
from seq2seq.networks.sides import serialize_side
from seq2seq.text.columns import read_column
from seq2seq.text.side import Side
from seq2seq.training.epoch_seeds import EpochSeeds
from seq2seq.training.manifest import ManifestWriter, describe_training
from seq2seq.training.optimizer import Adam


@cloned_by_config
class TextModel(keras.Model):
    """A Keras model that takes texts and is saved atomically.

    A subclass defines how texts become batches (`make_dataset`) and how arrays are checked
    (`check_arrays`). Its options are attributes, as in Keras's layers.
    """

    options_type = None  # the dataclass of its options
    side_names = ("tokenizer",)  # the constructor's arguments for its vocabularies
    more_arguments = ()  # those that a config has beside the options
    column_roles = ("text",)  # what the columns of a table are for, and called if not named
    takes_rows = False  # whether `fit` takes a list of rows of ids like texts
    default_learning_rate = 1e-3

    def __new__(cls, *args, **kwargs):
        """Starts the backend: a program may configure it until its first model."""
        start_quietly()
        return super().__new__(cls, *args, **kwargs)

    def describe(self, options, sides: dict[str, Side]) -> None:
        """Stores what the model was made with, for its config and for `generate`.

        Args:
            options: The network's options, a dataclass.
            sides: The vocabularies, by constructor argument.
        """
        self.options = options
        self.sides = sides
        self.manifest = {}
        self.quantization = None
        self.functions = CompiledFunctions(lambda: self.variables)

    def __getattr__(self, name):
        options = vars(self).get("options")
        if options is None or name not in vars(options):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(options, name)

    # For subclasses to define

    def make_dataset(self, x, y, batch_size, shuffle=False, seed=None):
        """Returns a dataset of batches of ids for texts."""
        raise NotImplementedError

    def make_training_dataset(self, x, y, batch_size, shuffle, seed):
        """Returns the dataset that `fit` makes from texts."""
        return self.make_dataset(x, y, batch_size, shuffle, seed)

    def check_arrays(self, x, y=None):
        """Raises a `ValueError` for arrays that the model cannot train on."""
        raise NotImplementedError

    def prepare_weights(self, x, y, weights: dict) -> dict:
        """Returns `sample_weight` and `class_weight` of a call in the form that Keras expects."""
        return weights

    def parts(self) -> dict[str, Part]:
        """Returns the parts that `copy_weights` can copy, by name."""
        raise NotImplementedError

    def read_tokens(self, token_ids):
        """Reads rows for `encode_texts`: returns outputs `(batch, length, units)` and a mask."""
        outputs, _, mask = self.network.encoder.read(token_ids)
        return outputs, mask

    def vector_function(self, pooling: str):
        """Returns a function of rows of ids to their vectors; see `encode_texts`."""
        pool = {"mean": MeanPooling, "max": MaxPooling}[pooling]()

        def read(token_ids):
            return pool(*self.read_tokens(token_ids))

        function = self.functions.get(("vectors", pooling), read)
        return lambda rows: np.asarray(function(pad_batch(rows))).astype("float32")[: len(rows)]

    # Training

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
        batch_tokens=None,
        seed=None,
        **kwargs,
    ):
        """Trains the model on texts, arrays or a dataset; otherwise as `keras.Model.fit`.

        Args:
            x: A list of texts, or an array, a column or a `tf.data.Dataset` of them; a table, which
                is a data frame of pandas or polars or a Hugging Face dataset; a list or generator
                of pairs, which is read once; for pairs of texts also a function that returns them
                anew for each epoch; or what Keras accepts: arrays of ids, a dict of them, a
                dataset.
            y: As many texts, labels for a `TextClassifier`, or an array of labels; nothing with a
                table, pairs or a dataset.
            batch_size: Defaults to `None`: 64 for texts, Keras's 32 for arrays.
            epochs: Defaults to 1.
            verbose: As in Keras.
            callbacks: As in Keras.
            validation_split: Share of the texts, from the end, held out for validation. Defaults to
                0.
            validation_data: `(x, y)`, or what `x` may be. Defaults to `None`.
            shuffle: Whether to shuffle before each epoch. Defaults to `True`.
            batch_tokens: In place of `batch_size`, with texts: about how many tokens each batch has
                on the longer side, so that batches of short texts have more of them. Defaults to
                `None`.
            seed: Seed of the shuffling of texts. Defaults to `None`: drawn from NumPy's global
                generator, which `keras.utils.set_random_seed` seeds.
            **kwargs: With a table the names of its columns: `source` and `target` for pairs of
                texts, `text` and `label` for a `TextClassifier`, `text` for a language model; a
                column of that name need not be named. In a Hugging Face dataset they may also be
                languages in its column `translation`.
                The other arguments of `keras.Model.fit`. For a `TextClassifier`,
                `class_weight` is the weight of each class in the loss: a dict by label (by class
                index with arrays), 1 for classes left out; or `"balanced"`, the same total for
                every class.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If texts, arrays or arguments do not match, or a value of a table is
                missing; for a `TextClassifier` also if a label is unknown or all training texts
                have one label.

        Example:

        >>> model.fit([("good morning", "早上好"), ("good night", "晚安")])  # doctest: +SKIP
        >>> model.fit(pandas.read_csv("pairs.csv"), source="en", target="zh")  # doctest: +SKIP
        """
        x, y, validation_data = self.read_data(x, y, validation_data, kwargs)
        check_call(self, x, batch_size)
        batch_size = read_batch_tokens(self, x, batch_size, batch_tokens)
        check_whole("epochs", epochs)
        order = EpochOrder(seed)
        if batch_size is None and (self.is_read(x) or is_arrays(x)):
            batch_size = BATCH_SIZE if self.is_read(x) else 32
        data = x, y
        if self.is_read(x) and validation_split and validation_data is None:
            (x, y), validation_data = split_texts(x, y, validation_split)
        if callable(x):
            if validation_split:
                raise ValueError(
                    "Expected no validation_split with a function. Received: "
                    f"{validation_split}. Pass validation_data, which may be a function too."
                )
            x = self.stream_batches(x, batch_size or BATCH_SIZE, shuffle, order)
        validation_batch_size = kwargs.pop("validation_batch_size", None)
        weights = {name: kwargs.pop(name, None) for name in ("sample_weight", "class_weight")}
        weights = check_and_prepare(self, x, y, weights)
        validation = validation_for_keras(self, validation_data, validation_batch_size)
        batches = batches_for_keras(self, x, y, batch_size, shuffle, order, validation_split)
        manifest = describe_training(
            data,
            validation_data,
            order.seed,
            batch_size=None if batch_tokens else batch_size,
            batch_tokens=batch_tokens,
            validation_split=validation_split,
        )
        return super().fit(
            epochs=epochs,
            verbose=verbose,
            callbacks=[
                ManifestWriter(manifest),
                EpochSeeds(order, x),
                *keras.tree.flatten(callbacks or []),
            ],
            validation_data=validation,
            validation_batch_size=validation_batch_size,
            **batches,
            **weights,
            **kwargs,
        )

    def default_optimizer(self) -> Adam:
        """Returns the optimizer that a model is compiled with as it arrives."""
        return Adam(self.default_learning_rate, clipnorm=1.0)

    def make_train_function(self, force=False):
        """Makes the function that `fit` calls, as `keras.Model.make_train_function`.

        The optimizer's variables come first: made in the function, they have it traced twice.
        """
        self._build_optimizer()
        return super().make_train_function(force)

    def _build_optimizer(self):
        """Makes the optimizer's variables, where those of the model are."""
        if self.optimizer is not None and not self.optimizer.built:
            with variable_scope(self):
                self.optimizer.build(self.trainable_variables)

    def train_step(self, *arguments):
        """Trains on a batch, as `keras.Model.train_step`."""
        with forget_gradients():
            return super().train_step(*arguments)

    def test_step(self, *arguments):
        """Evaluates a batch, as `keras.Model.test_step`."""
        with forget_gradients():  # the loss has one, though nobody asks for it here
            return super().test_step(*arguments)

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", **kwargs):
        """Evaluates the model on texts, arrays or a dataset; otherwise as `keras.Model.evaluate`.

        Args:
            x: Texts, a table, pairs or what Keras accepts, as in `fit`.
            y: As many texts, or an array of labels, as in `fit`.
            batch_size: Defaults to `None`: 64 for texts, Keras's 32 for arrays.
            verbose: As in Keras.
            **kwargs: The names of columns, as in `fit`, and the other arguments of
                `keras.Model.evaluate`.

        Returns:
            The loss and metrics, a list, or a dict with `return_dict=True`.

        Raises:
            ValueError: As of `fit`.
        """
        x, y, _ = self.read_data(x, y, None, kwargs)
        check_call(self, x, batch_size)
        if callable(x):
            x, batch_size = self.stream_batches(x, batch_size or BATCH_SIZE), None
        if self.is_read(x):
            self.refuse_weights(kwargs)
            x, y, batch_size = self.make_dataset(x, y, batch_size or BATCH_SIZE), None, None
        elif is_arrays(x):
            self.check_arrays(x, y)
            weights = {"sample_weight": kwargs.pop("sample_weight", None)}
            kwargs |= self.prepare_weights(x, y, weights)
        return super().evaluate(x, y, batch_size=batch_size, verbose=verbose, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Predicts for arrays or a dataset, as `keras.Model.predict`.

        Raises:
            ValueError: If `x` is texts: use `generate`, `classify` or `fill`.
        """
        if self.is_read(read_column(x)):
            raise ValueError(
                "Expected arrays of ids or a dataset. Received texts. Use `generate`, `classify` "
                "or `fill` for texts."
            )
        return super().predict(x, *args, **kwargs)

    def is_read(self, x) -> bool:
        """Tells whether `make_dataset` makes batches of this input."""
        return is_texts(x) or (self.takes_rows and is_rows(x))

    def refuse_weights(self, weights: dict) -> None:
        """Raises a `ValueError` for weights that cannot be given with texts."""
        if weights.get("sample_weight") is not None:
            raise ValueError(
                "Expected no `sample_weight` with texts. Encode the texts first, with "
                "`encode_pairs` of a Seq2Seq or `encode_rows` of another model, and pass arrays of "
                "ids with it."
            )

    def read_data(self, x, y, validation_data, kwargs: dict) -> tuple:
        """Reads what `fit` was given: texts into lists; what Keras takes stays as it is.

        Args:
            x: See `fit`.
            y: See `fit`.
            validation_data: See `fit`.
            kwargs: Further arguments; the names of columns are taken out of it.

        Returns:
            Tuple `(x, y, validation_data)`, which may be read again.
        """
        names = {role: kwargs.pop(role, None) for role in self.column_roles}
        x, y = read_data(x, y, names)
        validation_data = read_validation(validation_data, names, self.is_read)
        for data in (x, validation_data):
            check_dataset(data)
        return x, y, validation_data

    def stream_batches(self, read, batch_size, shuffle=False, seed=None):
        """Returns a dataset of what a function returns anew for each epoch."""
        raise ValueError(
            f"Expected texts. Received a function: {read!r:.60}. Pass what it returns: a "
            f"{type(self).__name__} holds its texts in memory."
        )

    def quantize(self, mode=None, config=None, filters=None, **kwargs):
        """Quantizes the weights, as `keras.Model.quantize`; a saved model stays quantized.

        Args:
            mode: `"int8"` or `"int4"`. Defaults to `None`, what `config` says.
            config: As in Keras. A model quantized in another way than usual cannot be saved.
            filters: As in Keras. A model of which only some layers are quantized cannot be saved.
            **kwargs: As in Keras.

        Raises:
            ValueError: As in Keras, as for a mode that it does not know.
        """
        with warnings.catch_warnings():
            # Keras warns of each layer that has nothing to quantize.
            warnings.filterwarnings("ignore", "Layer .* does not have a `quantize` method")
            super().quantize(mode, config, filters, **kwargs)
        # Keras has already put its usual config in the place of none.
        usual = config is None or config.get_config() == type(config)().get_config()
        self.quantization = mode if usual and filters is None else None
        if self.optimizer is not None:  # what it knew was of weights that are gone
            self.optimizer = type(self.optimizer).from_config(self.optimizer.get_config())

    # Files

    def export(self, filepath, format="onnx", quantize=None, verbose="auto", **kwargs):
        """Exports the model, to be run without training it any more.

        Args:
            filepath: Path of the folder to write.
            format: `"onnx"` or `"litert"`: graphs, tokenizers and settings that
                `seq2seq.load_model` runs without Keras and TensorFlow, with ONNX Runtime or, for
                recurrent models alone, LiteRT; or another format of Keras's, such as
                `"tf_saved_model"`. Defaults to `"onnx"`.
            quantize: With these two: `"int8"` for weights of 8 bits. Defaults to `None`.
            verbose: Whether to print what was written. Defaults to `"auto"`, yes.
            **kwargs: The other arguments of `keras.Model.export`.

        Returns:
            float: the largest difference between the folder's results and the model's on a few
            inputs. For a format of Keras's, what Keras returns.

        Raises:
            ValueError: If the folder holds something else, cannot be written, or an argument is out
                of range.
            ImportError: If a package that the format needs is not installed.

        Example:

        >>> model.export("translator", quantize="int8")  # doctest: +SKIP
        >>> seq2seq.load_model("translator").generate("Where is the station?")  # doctest: +SKIP
        """
        if format not in ("onnx", "litert"):
            if quantize is not None:
                raise ValueError(
                    f"Expected format='onnx' or 'litert' with quantize={quantize!r}. Received: "
                    f"{format!r}."
                )
            return super().export(filepath, format=format, verbose=verbose, **kwargs)
        if kwargs:
            raise ValueError(
                f"Expected no other arguments with format={format!r}. Received: {min(kwargs)}=..."
            )
        # By its name, because that room comes after this one.
        room = importlib.import_module(f"seq2seq.export.{format}_export")
        return getattr(room, f"export_{format}")(self, filepath, quantize, verbose)

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Saves the model as one file, replacing an older one only when complete.

        Args:
            filepath: Path ending in `.keras`.
            overwrite: Whether to overwrite without asking. Defaults to `True`.
            zipped: As in Keras.
            **kwargs: As in Keras.

        Raises:
            ValueError: If the file cannot be written, or could not be loaded.
        """
        check_saving(self, filepath)
        if not overwrite or zipped is False or not str(filepath).endswith(".keras"):
            return super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)
        self._build_optimizer()  # or loading would warn of one without its variables
        write_whole(filepath, ".keras", lambda path: super(TextModel, self).save(path, **kwargs))

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Saves the weights, as `keras.Model.save_weights`, whole or not at all.

        Args:
            filepath: Path ending in `.weights.h5`.
            overwrite: Whether to overwrite without asking. Defaults to `True`.
            **kwargs: As in Keras.
        """
        if not overwrite or not str(filepath).endswith(".weights.h5") or kwargs:
            return super().save_weights(filepath, overwrite=overwrite, **kwargs)
        # HDF5 may crash the process on a full disk: check first.
        check_space(filepath, sum(4 * math.prod(weight.shape) for weight in self.variables))
        write_whole(filepath, ".weights.h5", super().save_weights)

    def compile_from_config(self, config):
        """Compiles the model as its file says; on another backend, by XLA if that one would.

        A file tells what became of `jit_compile="auto"` where it was saved. On JAX, a model that
        TensorFlow has saved would be trained operation by operation.
        """
        if self.manifest.get("backend") != keras.backend.backend():
            config = {**config, "jit_compile": "auto"}
        super().compile_from_config(config)

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this model, with its manifest."""
        return {
            **{name: serialize_side(side) for name, side in self.sides.items()},
            **self.options.to_dict(),
            "name": self.name,
            "manifest": dict(self.manifest),
            **({"quantization": self.quantization} if self.quantization else {}),
            "frozen": list_frozen(self),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> "TextModel":
        """Rebuilds a model, untrained, from `get_config()`.

        A config may come from a file of somebody else's: it can name no file to be read.

        Raises:
            ValueError: If it is not the config of such a model.
        """
        arguments, manifest, quantization, frozen = split_config(cls, config, custom_objects)
        model = cls(**arguments)
        model.manifest = manifest
        if quantization is not None:
            model.quantize(quantization)
        if frozen is not None:
            freeze(model, frozen)
        return model
