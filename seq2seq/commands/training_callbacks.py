"""What happens while `train` trains: the learning rate, the files it keeps, what it shows."""

from pathlib import Path

import keras

from seq2seq.callbacks import AverageWeights, ShowSamples, WarmUp
from seq2seq.commands.examples import Examples
from seq2seq.commands.resuming import options_to_keep
from seq2seq.generation.samplers import Sample
from seq2seq.models.text_model import TextModel
from seq2seq.training.manifest import find_nan

WARM_UP = 500
SHOWN = 3


def make_callbacks(
    options,
    model: TextModel,
    validation: Examples | None,
    best: float | None,
    kept: list[keras.callbacks.Callback],
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks of a training run, in order.

    Args:
        options: Options of `train`.
        model: The model.
        validation: The validation data, if any.
        best: The best validation loss of a run before, if it is resumed.
        kept: Those that save files.

    Raises:
        ValueError: If validation data is needed and there is none.
    """
    callbacks = [keras.callbacks.TerminateOnNaN(), RefuseNaN(), RecordOptions(options)]
    if options.decay is not None:
        callbacks.append(Schedule(options, model.default_learning_rate))
    callbacks += kept
    if not options.json:
        callbacks += _show(options, model, validation)
    if options.patience is not None:
        if validation is None:
            raise ValueError(
                "Expected data to validate on with --patience. Received none. Give --validation."
            )
        callbacks.append(
            keras.callbacks.EarlyStopping("val_loss", patience=options.patience, baseline=best)
        )
    if options.average is not None:
        callbacks.append(AverageWeights(options.average))
    return callbacks


def keep_best_and_last(
    output: Path, last: Path, validation: Examples | None, best: float | None
) -> list[keras.callbacks.Callback]:
    """Keeps the best epoch in `output` and, while training goes on, the last one in `last`."""
    return [
        keras.callbacks.ModelCheckpoint(last),
        keras.callbacks.ModelCheckpoint(
            output,
            monitor="val_loss",
            save_best_only=validation is not None,
            initial_value_threshold=best,
        ),
    ]


class Schedule(keras.callbacks.Callback):
    """Raises and lowers the learning rate, over the number of updates that Keras announces.

    Args:
        options: Options of `train`, with `decay`.
        usual: The highest learning rate where they name none.
    """

    def __init__(self, options, usual: float):
        super().__init__()
        self.peak = usual if options.learning_rate is None else options.learning_rate
        self.warm_up, self.decay = options.warm_up or WARM_UP, options.decay

    def on_train_begin(self, logs=None):
        """Counts the updates."""
        updates = max(2, self.params["epochs"] * self.params["steps"])
        self.rate = WarmUp(self.peak, min(self.warm_up, updates - 1), self.decay, updates)
        self.rate.set_model(self.model)
        self.rate.on_train_begin()

    def on_train_batch_begin(self, batch, logs=None):
        """Sets the learning rate."""
        self.rate.on_train_batch_begin(batch)

    def on_train_end(self, logs=None):
        """Restores the learning rate."""
        self.rate.on_train_end()


class RefuseNaN(keras.callbacks.Callback):
    """Stops training on a loss that is not finite, before later callbacks save the weights."""

    def on_epoch_end(self, epoch, logs=None):
        """Checks the losses of an epoch."""
        if wrong := find_nan(self.model, logs):
            raise ValueError(
                f"Expected a finite loss. Received {wrong} in epoch {epoch + 1}. Train with a "
                "lower --learning-rate; files of earlier epochs are kept."
            )


class RecordOptions(keras.callbacks.Callback):
    """Records in the manifest what a resumed training goes on with.

    Args:
        options: Options of `train`.
    """

    def __init__(self, options):
        super().__init__()
        self.options = options_to_keep(options)

    def on_epoch_end(self, epoch, logs=None):
        """Adds the options to what `fit` has recorded of the epoch."""
        self.model.manifest = {**self.model.manifest, "command": self.options}


def _show(options, model, validation) -> list:
    """Shows what the model makes of validation pairs, or what a language model writes."""
    count = SHOWN if options.show is None else options.show
    if count <= 0 or not model.uses_sampler:
        return []
    if model.task == "language-model":
        return [ShowSamples([""] * count, sampler=Sample(seed=options.seed))]
    if validation is None:
        return []
    shown = [side[:count] for side in validation]
    return [ShowSamples(*shown, max_length=model.max_target_length)]
