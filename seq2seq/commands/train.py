"""The command `train`."""

import math
import sys
from pathlib import Path

import keras

from seq2seq.callbacks import ShowSamples, WarmUp
from seq2seq.checks import check_number
from seq2seq.commands.options import given, make_tokenizer, print_result, read_data
from seq2seq.data.splitting import fingerprint, split_pairs
from seq2seq.files.keras_file import check_model_path, read_config
from seq2seq.files.loading import load_model
from seq2seq.models.seq2seq import Seq2Seq


def train(options) -> None:
    """Trains a model and keeps its best epoch in `--output`."""
    _check_training(options)
    if options.precision == "mixed_bfloat16":
        keras.config.set_dtype_policy(options.precision)
        options.precision = None
    output = Path(options.output)
    last = output.with_suffix(".last.keras")
    pairs, validation = _training_parts(options)
    keras.utils.set_random_seed(options.seed)
    if not options.resume:
        last.unlink(missing_ok=True)  # of another run
    resumed = next((path for path in (last, output) if options.resume and path.exists()), None)
    model = _resume(options, resumed, pairs) if resumed else _new_model(options, *pairs)
    epochs_done = model.manifest["training"]["epochs"] if resumed else 0
    if epochs_done >= options.epochs:
        raise ValueError(
            f"Expected --epochs above {epochs_done}, which {resumed} has been trained for. "
            f"Received: --epochs {options.epochs}."
        )
    try:
        history = model.fit(
            *pairs,
            batch_size=options.batch_size,
            epochs=options.epochs,
            initial_epoch=epochs_done,
            validation_data=validation,
            callbacks=[
                keras.callbacks.TerminateOnNaN(),
                _RefuseNaN(),
                *_schedule(options, len(pairs[0])),
                *_keep_best_and_last(output, last, validation, resumed),
                *_watch(options, model, validation),
            ],
            seed=options.seed + epochs_done,  # a resumed run must not repeat the order
            verbose=0 if options.json else 1 if sys.stdout.isatty() else 2,
        )
    except KeyboardInterrupt:
        kept = f" {last} holds the last epoch: go on with --resume." if last.exists() else ""
        raise KeyboardInterrupt(f"stopped.{kept}") from None
    last.unlink(missing_ok=True)
    manifest = read_config(output)["config"]["manifest"] if output.exists() else model.manifest
    result = {"output": str(output), "epochs": epochs_done + len(history.epoch), **manifest}
    print_result(options, result, f"Saved {output}, epoch {manifest['training']['epochs']}.")


def _check_training(options) -> None:
    check_model_path(options.output)
    if options.learning_rate is not None:
        check_number("--learning-rate", options.learning_rate, "(0, inf)")
    if options.warm_up is not None and options.decay is None:
        raise ValueError(
            "Expected --decay with --warm-up. Received no --decay. Add --decay inverse_sqrt or "
            "--decay cosine."
        )


def _training_parts(options):
    pairs = read_data(options.data, options.columns)
    share = options.validation_split
    if options.validation:
        if share is not None:
            raise ValueError("Expected --validation or --validation-split. Received both.")
        return pairs, read_data(options.validation, options.columns)
    share = 0.05 if share is None else share
    check_number("--validation-split", share, "[0, 1)")
    try:
        train, validation, _ = split_pairs(*pairs, validation=share, test=0, seed=options.seed)
    except ValueError:
        print("seq2seq: too few pairs to keep some for validation.", file=sys.stderr)
        return pairs, None
    return train, validation if validation[0] else None


def _new_model(options, sources, targets) -> Seq2Seq:
    if options.share_embeddings:
        kinds = options.source_tokenizer, options.target_tokenizer
        if kinds[0] != kinds[1]:
            raise ValueError(
                "Expected one tokenizer for both sides with --share-embeddings. Received: "
                f"--source-tokenizer {kinds[0]} --target-tokenizer {kinds[1]}."
            )
        source = target = make_tokenizer(options, "source", sources).adapt([*sources, *targets])
    else:
        source = make_tokenizer(options, "source", sources).adapt(sources)
        target = make_tokenizer(options, "target", targets).adapt(targets)
    model = Seq2Seq(source, target, **given(options, *OPTIONS, "source_vectors", "target_vectors"))
    if options.learning_rate is not None:
        model.optimizer.learning_rate = options.learning_rate
    return model


def _resume(options, path, pairs) -> Seq2Seq:
    """Loads a model to train on; refuses options that would make another one."""
    model = load_model(path, Seq2Seq)
    for name, value in given(options, *OPTIONS).items():
        if value != getattr(model, name):
            raise ValueError(
                f"Expected --resume with the settings of {path}: {name}={getattr(model, name)}. "
                f"Received: {name}={value}. Leave the option out, or train anew without --resume."
            )
    if given(options, "source_vectors", "target_vectors"):
        raise ValueError(
            "Expected no vectors with --resume, for the model has learned from them. Leave them "
            "out, or train anew without --resume."
        )
    if model.manifest["data"]["fingerprint"] != fingerprint(*pairs):
        print(f"seq2seq: {path} was trained on other pairs.", file=sys.stderr)
    if options.learning_rate is not None:
        model.optimizer.learning_rate = options.learning_rate
    rate = float(model.optimizer.learning_rate)
    if options.decay is None and rate < 1e-9:
        raise ValueError(
            f"Expected --decay or --learning-rate with --resume, for the rate of {path} has fallen "
            f"to {rate:g}. Received neither."
        )
    return model


def _schedule(options, pairs) -> list:
    """Returns a callback for a learning rate that changes, if one is wanted."""
    if options.decay is None:
        return []
    peak = 1e-3 if options.learning_rate is None else options.learning_rate
    updates = max(2, options.epochs * math.ceil(pairs / options.batch_size))
    return [WarmUp(peak, min(options.warm_up or 500, updates - 1), options.decay, updates)]


class _RefuseNaN(keras.callbacks.Callback):
    """Stops a training gone wrong before the callbacks after it save its weights."""

    def on_epoch_end(self, epoch, logs=None):
        losses = [logs[name] for name in ("loss", "val_loss") if name in logs]
        if not all(map(math.isfinite, losses)):
            raise ValueError(
                f"Expected a finite loss. Received {losses} in epoch {epoch + 1}. Train with "
                "a lower --learning-rate; files of earlier epochs are kept."
            )


def _keep_best_and_last(output, last, validation, resumed) -> list:
    """Keeps the best epoch in `output` and, while training goes on, the last one in `last`."""
    best = None
    if resumed and output.exists():
        best = read_config(output)["config"]["manifest"]["metrics"].get("val_loss")
    return [
        keras.callbacks.ModelCheckpoint(last),
        keras.callbacks.ModelCheckpoint(
            output,
            monitor="val_loss",
            save_best_only=validation is not None,
            initial_value_threshold=best,
        ),
    ]


def _watch(options, model, validation) -> list:
    """Shows samples, and stops when the validation loss has not fallen for long."""
    callbacks = []
    if validation and options.show > 0 and not options.json:
        shown = [side[: options.show] for side in validation]
        callbacks.append(ShowSamples(*shown, max_length=model.max_target_length))
    if options.patience is not None:
        if validation is None:
            raise ValueError("Expected validation pairs for --patience. Received none.")
        callbacks.append(keras.callbacks.EarlyStopping("val_loss", patience=options.patience))
    return callbacks
