"""What the commands of the command line do."""

import dataclasses
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import keras

from seq2seq.callbacks import ShowSamples, WarmUp
from seq2seq.checks import check_number
from seq2seq.data.corpus import decode_utf8, read_lines, read_pairs, split_lines
from seq2seq.data.report import inspect_pairs
from seq2seq.data.splitting import fingerprint, split_pairs
from seq2seq.evaluation import evaluate_model
from seq2seq.generation.constraints import Constraints
from seq2seq.generation.samplers import BeamSearch, Greedy, Sample
from seq2seq.models.files import read_config
from seq2seq.models.inference import load_model
from seq2seq.models.seq2seq import OPTIONS, Seq2Seq
from seq2seq.text.spacing import is_chinese
from seq2seq.text.tokenizers import CharTokenizer, JiebaTokenizer, Tokenizer, WordTokenizer

keras.ops.zeros(())  # starts the backend, while the command line keeps it quiet

BLOCK = 1024  # input lines generated from, and printed, at a time


def train(options) -> None:
    """Trains a model and keeps its best epoch in `--output`."""
    _check_training(options)
    if options.precision is not None:
        keras.config.set_dtype_policy(options.precision)
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
    _print(options, result, f"Saved {output}, epoch {manifest['training']['epochs']}.")


def generate(options) -> None:
    """Generates a line for each line of files, of standard input, or of a prompt."""
    sampler = _sampler(options)
    model = load_model(options.model, Seq2Seq)

    def results(texts):
        return model.generate(texts, options.max_length, sampler, options.batch_size)

    for texts in _prompt() if _at_terminal(options) else _blocks(options.files):
        for text, result in zip(texts, results(texts), strict=True):
            row = {"source": text, "text": result}
            line = "\t".join(result) if isinstance(result, list) else result
            print(json.dumps(row, ensure_ascii=False) if options.json else line)
        sys.stdout.flush()


def evaluate(options) -> None:
    """Measures a model on a file of pairs."""
    sources, targets = _read(options.data, options.columns)
    sampler = _sampler(options)
    result = evaluate_model(
        load_model(options.model, Seq2Seq),
        sources,
        targets,
        metrics=options.metrics,
        sampler=sampler,
        max_length=options.max_length,
        batch_size=options.batch_size,
    )
    lines = [f"{name:<12}{value:.4f}" for name, value in result.items()]
    _print(options, {"pairs": len(sources), **result}, "\n".join(lines))


def inspect(options) -> None:
    """Reports on a file of pairs, or on a model file."""
    if options.data[0].endswith(".keras"):
        if options.data[1:]:
            raise ValueError(
                f"Expected one model file. Received more: {' '.join(options.data[1:])}."
            )
        config = read_config(options.data[0])
        return _print(options, _summary(config), _describe(_summary(config)))
    sources, targets = _read(options.data, options.columns)
    report = inspect_pairs(
        sources,
        targets,
        _tokenizer(options, "source", sources),
        _tokenizer(options, "target", targets),
        validation=_read(options.validation, options.columns) if options.validation else None,
        batch_size=options.batch_size,
        max_length=options.max_length,
    )
    _print(options, report.to_dict(), str(report))


def _check_training(options) -> None:
    output = Path(options.output)
    if output.suffix != ".keras":
        raise ValueError(f"Expected --output to end in .keras. Received: {output}.")
    if not output.parent.is_dir():
        raise ValueError(f"Expected --output in a folder that exists. Received: {output}.")
    if options.learning_rate is not None:
        check_number("--learning-rate", options.learning_rate, "(0, inf)")
    if options.warm_up is not None and options.decay is None:
        raise ValueError(
            "Expected --decay with --warm-up. Received no --decay. Add --decay inverse_sqrt or "
            "--decay cosine."
        )


def _training_parts(options):
    pairs = _read(options.data, options.columns)
    share = options.validation_split
    if options.validation:
        if share is not None:
            raise ValueError("Expected --validation or --validation-split. Received both.")
        return pairs, _read(options.validation, options.columns)
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
        source = target = _tokenizer(options, "source", sources).adapt([*sources, *targets])
    else:
        source = _tokenizer(options, "source", sources).adapt(sources)
        target = _tokenizer(options, "target", targets).adapt(targets)
    model = Seq2Seq(source, target, **_given(options, *OPTIONS, "source_vectors", "target_vectors"))
    if options.learning_rate is not None:
        model.optimizer.learning_rate = options.learning_rate
    return model


def _resume(options, path, pairs) -> Seq2Seq:
    """Loads a model to train on; refuses options that would make another one."""
    model = load_model(path, Seq2Seq)
    for name, value in _given(options, *OPTIONS).items():
        if value != getattr(model, name):
            raise ValueError(
                f"Expected --resume with the settings of {path}: {name}={getattr(model, name)}. "
                f"Received: {name}={value}. Leave the option out, or train anew without --resume."
            )
    if _given(options, "source_vectors", "target_vectors"):
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


def _given(options, *names) -> dict:
    """Returns the options that were given, by name."""
    values = {name: getattr(options, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}


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


def _tokenizer(options, side, texts) -> Tokenizer:
    kind = getattr(options, f"{side}_tokenizer")
    if kind == "auto":
        kind = "jieba" if is_chinese(texts) else "word"
    classes = {"char": CharTokenizer, "word": WordTokenizer, "jieba": JiebaTokenizer}
    arguments = {
        "max_tokens": options.max_tokens,
        "min_frequency": options.min_frequency,
        "lowercase": options.lowercase,
    }
    if kind == "jieba":
        arguments["user_dictionary"] = getattr(options, f"{side}_user_dictionary")
        arguments["stop_words"] = getattr(options, f"{side}_stop_words")
        arguments["hmm"] = not getattr(options, f"{side}_no_hmm")
    return classes[kind](**arguments)


def _sampler(options):
    constraints = {
        field.name: getattr(options, field.name) for field in dataclasses.fields(Constraints)
    }
    samplers = {
        "greedy": (Greedy, ()),
        "sample": (Sample, ("temperature", "top_k", "top_p", "seed")),
        "beam": (BeamSearch, ("width", "length_penalty", "num_results")),
    }
    for name, (_, own) in samplers.items():
        if name != options.sampler and (others := _given(options, *own)):
            raise ValueError(
                f"Expected --sampler {name} with --{next(iter(others)).replace('_', '-')}. "
                f"Received: --sampler {options.sampler}."
            )
    sampler, own = samplers[options.sampler]
    return sampler(**_given(options, *own), **constraints)


def _read(paths, columns):
    if len(paths) > 2:
        raise ValueError(f"Expected one file of pairs, or two files. Received: {' '.join(paths)}.")
    if columns and all(map(str.isdigit, columns)):
        columns = tuple(map(int, columns))
    return read_pairs(*paths, columns=columns)


def _blocks(files) -> Iterator[list[str]]:
    """Yields blocks of lines of files or of standard input, as they come."""
    if files:
        lines = [line for path in files for line in read_lines(path)]
        yield from (lines[i : i + BLOCK] for i in range(0, len(lines), BLOCK))
        return
    block = []
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            block += split_lines(decode_utf8(line, "standard input", number)) or [""]
        except ValueError:
            yield block  # what came before is good
            raise
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def _at_terminal(options) -> bool:
    return not options.files and sys.stdin.isatty()


def _prompt() -> Iterator[list[str]]:
    """Yields what is typed, a text at a time."""
    print("A text a line; Ctrl-D ends.", file=sys.stderr)
    while True:
        try:
            yield [input("> ")]
        except UnicodeDecodeError as error:
            print(f"Expected UTF-8 text. Received: {error}. Try again.", file=sys.stderr)
        except EOFError:
            return


def _summary(config) -> dict:
    """Returns what a saved model says of itself, its vocabularies as sizes."""
    settings = dict(config["config"])
    manifest = settings.pop("manifest", {})
    for side in ("source", "target"):
        if isinstance(settings.get(side), dict):
            tokenizer = settings[side]
            vocabulary = tokenizer["config"]["vocabulary"]
            settings[side] = f"{tokenizer['class_name']}, {len(vocabulary) + 4} tokens"
    return {"model": config["class_name"], "settings": settings, "manifest": manifest}


def _describe(summary, indent="") -> str:
    lines = []
    for name, value in summary.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", _describe(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name:<{26 - len(indent)}}{value}")
    return "\n".join(lines)


def _print(options, result, text) -> None:
    print(json.dumps(result, ensure_ascii=False, indent=2) if options.json else text)
