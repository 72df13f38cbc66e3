"""The command `train`."""

import sys
from pathlib import Path

import keras

from seq2seq.atomic_write import only_writer
from seq2seq.commands.early_checks import check_output, last_model, resumed_model, stopped
from seq2seq.commands.options import given, print_result
from seq2seq.commands.resuming import (
    best_loss,
    check_data,
    epochs_of,
    restore_options,
    resume,
    seed_of,
)
from seq2seq.commands.task_options import MIXED
from seq2seq.commands.tasks import make_model
from seq2seq.commands.train_options import EPOCHS
from seq2seq.commands.training_callbacks import keep_best_and_last, make_callbacks
from seq2seq.commands.validation import training_parts
from seq2seq.files.keras_file import read_manifest


def train(options) -> None:
    """Trains a model and keeps its best epoch in `--output`."""
    output = Path(options.output)
    last = last_model(output)
    with only_writer(output):
        check_output(options)  # again: another training may have ended meanwhile
        try:
            _train(options, output, last)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(stopped(output)) from None


def _train(options, output, last):
    resumed = resumed_model(options)
    if options.seed is None:
        options.seed = seed_of(resumed)
    if resumed:
        restore_options(options, resumed)
    options.epochs = options.epochs or EPOCHS
    if options.precision == MIXED:
        keras.config.set_dtype_policy(options.precision)
    model, examples, validation = _prepare(options, resumed)
    if not options.resume:
        last.unlink(missing_ok=True)  # from another run
    _set_learning_rate(options, model, resumed)
    epochs_done = epochs_of(model)
    if epochs_done >= options.epochs:
        raise ValueError(
            f"Expected --epochs above {epochs_done}, which {resumed} has been trained for. "
            f"Received: --epochs {options.epochs}."
        )
    if options.average is not None and options.epochs - epochs_done < options.average:
        raise ValueError(
            f"Expected at least --average {options.average} epochs to train, because those before "
            f"are not kept. Received: --epochs {options.epochs} after {epochs_done}. Add epochs, "
            "or leave --average out."
        )
    best = best_loss(output, resumed)
    kept = keep_best_and_last(output, last, validation, best)
    callbacks = make_callbacks(options, model, validation, best, kept)
    history = model.fit(
        *examples,
        batch_size=options.batch_size,
        batch_tokens=options.batch_tokens,
        epochs=options.epochs,
        initial_epoch=epochs_done,
        validation_data=validation,
        callbacks=callbacks,
        seed=options.seed,
        verbose=0 if options.json else 1 if sys.stdout.isatty() else 2,
        **given(options, "carry_states", "class_weight"),  # of one kind of model
    )
    if options.average is not None:
        _save_average(model, output, validation)
    last.unlink(missing_ok=True)
    manifest = read_manifest(output) if output.exists() else model.manifest
    result = {"output": str(output), "epochs": epochs_done + len(history.epoch), **manifest}
    print_result(options, result, f"Saved {output}, epoch {manifest['training']['epochs']}.")


def _prepare(options, resumed):
    """Returns the model, its training data, and its validation data or `None`."""
    model = resume(options, resumed) if resumed else None
    examples, validation = training_parts(options)
    keras.utils.set_random_seed(options.seed)
    if model is None:
        return make_model(options, *examples), examples, validation
    examples = examples[0], model.match_targets(examples[1])
    if validation is not None:
        validation = validation[0], model.match_targets(validation[1])
    check_data(options, model, examples, resumed)
    return model, examples, validation


def _save_average(model, output, validation) -> None:
    """Saves the averaged weights with the validation metrics that they have."""
    metrics = {}
    if validation is not None:
        metrics = model.evaluate(*validation, verbose=0, return_dict=True)
    numbers = {name: value for name, value in metrics.items() if isinstance(value, (int, float))}
    model.manifest = {
        **model.manifest,
        "metrics": {f"val_{name}": float(value) for name, value in numbers.items()},
    }
    model.save(output)


def _set_learning_rate(options, model, resumed) -> None:
    if options.learning_rate is not None:
        model.optimizer.learning_rate = options.learning_rate
    rate = float(model.optimizer.learning_rate)
    if resumed and options.decay is None and rate < 1e-9:
        raise ValueError(
            f"Expected --decay or --learning-rate with --resume, because the rate of {resumed} has "
            f"fallen to {rate:g}. Received neither."
        )
