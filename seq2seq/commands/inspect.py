"""The command `inspect`."""

import contextlib
from pathlib import Path

from seq2seq.commands.options import flag, given, print_result
from seq2seq.commands.tokenizer_options import make_tokenizers
from seq2seq.data.corpus import read_pair_files
from seq2seq.data.report import inspect_pairs
from seq2seq.files.keras_file import read_config
from seq2seq.files.pretrained_folder import find_model, is_pretrained, read_pretrained_config
from seq2seq.runtime.loading import check_file, read_settings
from seq2seq.text import (
    SPECIAL_TOKENS,
    ByteLevelTokenizer,
    SubwordTokenizer,
    WordPieceTokenizer,
)

LEARNED = SubwordTokenizer, ByteLevelTokenizer, WordPieceTokenizer


def inspect(options) -> None:
    """Reports on files of pairs, or on a model's file or folder."""
    path = Path(options.data[0])
    with contextlib.suppress(ValueError):  # then it is the name of no model either
        path = find_model(options.data[0])
    if path.suffix == ".keras" or path.is_dir():
        _check_model_alone(options)
    if path.suffix == ".keras":
        summary = _summary(read_config(options.data[0]))
        return print_result(options, summary, _describe(summary))
    if path.is_dir():
        if is_pretrained(path):
            settings = read_pretrained_config(path)
        else:
            settings = read_settings(path)
            for name in settings["files"]:
                check_file(path, name, settings)
        return print_result(options, settings, _describe(settings))
    sources, targets = read_pair_files(options.data, options.columns)
    validation = None
    if options.validation:
        validation = read_pair_files(options.validation, options.columns)
    report = inspect_pairs(
        sources,
        targets,
        *_tokenizers(options, sources, targets),
        validation=validation,
        batch_size=options.batch_size,
        max_length=options.max_length,
    )
    print_result(options, report.to_dict(), str(report))


def _check_model_alone(options):
    if options.data[1:]:
        raise ValueError(f"Expected one model. Received more: {' '.join(options.data[1:])}.")
    for name in given(options, "validation", "columns"):
        raise ValueError(f"Expected {flag(name)} with files of pairs. Received a model.")


def _tokenizers(options, sources, targets):
    sides = {"source_": sources, "target_": targets}
    tokenizers = make_tokenizers(options, sides)
    for tokenizer, texts in zip(tokenizers, sides.values(), strict=True):
        if isinstance(tokenizer, LEARNED):  # it has no tokens until it has learned them
            tokenizer.adapt(texts)
    return tokenizers


def _summary(config) -> dict:
    """Returns settings and manifest of a saved model, its vocabularies as sizes."""
    settings = dict(config["config"])
    manifest = settings.pop("manifest", {})
    for name, value in settings.items():
        if isinstance(value, dict) and "vocabulary" in value.get("config", ()):  # a tokenizer
            size = len(value["config"]["vocabulary"]) + len(SPECIAL_TOKENS)
            settings[name] = f"{value['class_name']}, {size} tokens"
    return {"model": config["class_name"], "settings": settings, "manifest": manifest}


def _describe(summary, indent="") -> str:
    lines = []
    for name, value in summary.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", _describe(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name:<{25 - len(indent)}} {value}")
    return "\n".join(lines)
