"""What is wrong with a command line, told before TensorFlow takes seconds to start."""

import dataclasses
from pathlib import Path

from seq2seq.checks import check_model_path, check_number
from seq2seq.commands.options import flag, given
from seq2seq.commands.sampler_options import make_sampler
from seq2seq.commands.task_options import check_model_arguments, model_arguments
from seq2seq.commands.tokenizer_options import OF_JIEBA, OF_SUBWORDS, SHARED
from seq2seq.commands.train_options import VECTORS
from seq2seq.data.corpus import check_pair_files, check_readable
from seq2seq.files.keras_file import read_config, read_manifest
from seq2seq.files.pretrained_folder import (
    find_model,
    is_pretrained,
    read_pretrained_config,
)
from seq2seq.networks.options import EncodedClassifierOptions

# What is left to choose with --encoder.
ENCODED = {field.name for field in dataclasses.fields(EncodedClassifierOptions)}


def check_early(options) -> None:
    """Raises a `ValueError` for options that conflict and for files that are missing."""
    if check := _checks.get(options.command):
        check(options)


def last_model(output: Path) -> Path:
    """Returns the path at which `train` keeps the last epoch while it runs."""
    return output.with_suffix(".last.keras")


def resumed_model(options) -> Path | None:
    """Returns the model that `train` trains further, or `None` if it makes one."""
    output = Path(options.output)
    saved = (path for path in (last_model(output), output) if path.exists())
    return next(saved, None) if options.resume else None


def _check_train(options):
    check_output(options)
    if options.learning_rate is not None:
        check_number("--learning-rate", options.learning_rate, "(0, inf)")
    if options.warm_up is not None and options.decay is None:
        raise ValueError(
            "Expected --decay with --warm-up. Received no --decay. Add --decay inverse_sqrt or "
            "--decay cosine."
        )
    if options.batch_size is not None and options.batch_tokens is not None:
        raise ValueError("Expected --batch-size or --batch-tokens. Received both. Leave one out.")
    if options.validation and options.validation_split is not None:
        raise ValueError(
            "Expected --validation or --validation-split. Received both. Leave one out."
        )
    if options.validation_split is not None:
        check_number("--validation-split", options.validation_split, "[0, 1)")
    if not resumed_model(options):
        check_model_arguments(options)
        _check_encoder(options)
        check_readable(given(options, *VECTORS).values())
    for files in (options.data, options.validation or ()):
        if options.task in ("translate", "classify"):
            check_pair_files(files)
        check_readable(files)


def _check_encoder(options):
    if options.encoder is None:
        return
    _check_model(options.encoder)
    tokenizer = "tokenizer", *OF_JIEBA, *SHARED, *OF_SUBWORDS
    others = [name for name in model_arguments(options) if name not in ENCODED]
    if others := [*others, *given(options, *tokenizer, *VECTORS)]:
        raise ValueError(
            f"Expected no {flag(others[0])} with --encoder, which has its own. Received: "
            f"{flag(others[0])} {getattr(options, others[0])}. Leave it out."
        )


def stopped(output: Path) -> str:
    """Returns what to say after Ctrl-C in a training: what is kept."""
    for path, cure in ((last_model(output), " Continue with --resume."), (output, "")):
        if path.exists():
            try:
                manifest = read_manifest(path)
            except ValueError:  # no model, and to be overwritten
                continue
            epochs = manifest.get("training", {}).get("epochs", 0)
            return f"stopped. {path} holds a model of {epochs} epoch(s).{cure}"
    return "stopped. No epoch was finished: nothing is kept."


def check_output(options) -> None:
    """Raises a `ValueError` for an `--output` that cannot be written or would be lost."""
    output = Path(options.output)
    check_model_path(output)
    kept = next((path for path in (output, last_model(output)) if path.exists()), None)
    if kept and not (options.resume or options.overwrite):
        raise ValueError(
            f"Expected --resume or --overwrite, because {kept} exists. Received neither. Add "
            "--resume to continue its training, --overwrite to lose it, or name another --output."
        )
    if options.resume and options.overwrite:
        raise ValueError("Expected --resume or --overwrite. Received both. Leave one out.")


def _check_generate(options):
    make_sampler(options)
    if options.text and options.files:
        raise ValueError("Expected FILEs or --text. Received both. Leave one out.")
    _check_model(options.model)
    check_readable(options.files)


def _check_evaluate(options):
    if options.sampler is not None:  # or it depends on the model
        make_sampler(options)
    _check_model(options.model)
    check_readable(options.data)


def _check_export(options):
    path = find_model(options.model)
    if path.is_dir() and not is_pretrained(path):
        raise ValueError(
            f"Expected a model file (.keras), or the folder of a pretrained model. Received: {path}"
            ", another folder. What has been exported needs no export."
        )
    _check_model(path)


def _check_convert(options):
    check_model_path(options.output)
    if Path(options.output).exists() and not options.overwrite:
        raise ValueError(
            f"Expected --overwrite, because {options.output} exists. Received no such option. Add "
            "it to lose what is there, or name another OUTPUT."
        )
    path = find_model(options.folder)
    if not is_pretrained(path):
        raise ValueError(
            f"Expected the folder of a pretrained model. Received: {path}, which has none of its "
            "files. Name a folder with config.json and model.safetensors."
        )
    read_pretrained_config(path)


def _check_model(path):
    path = find_model(path)
    if is_pretrained(path):
        read_pretrained_config(path)
    elif path.is_dir():
        from seq2seq.runtime.loading import read_settings  # it needs NumPy

        read_settings(path)
    else:
        read_config(path)


_checks = {
    "train": _check_train,
    "generate": _check_generate,
    "evaluate": _check_evaluate,
    "export": _check_export,
    "convert": _check_convert,
}
