"""Loads an exported folder. It is data: nothing in it is run but the graphs."""

import hashlib
import json
import math
from pathlib import Path

from seq2seq.checks import check_whole
from seq2seq.cores import count_cores
from seq2seq.runtime.litert_session import LiteRTSession
from seq2seq.runtime.models import (
    ExportedClassifier,
    ExportedLanguageModel,
    ExportedMaskedLanguageModel,
    ExportedModel,
    ExportedSeq2Seq,
)
from seq2seq.runtime.sessions import SessionByRows, open_session
from seq2seq.text.side import Side
from seq2seq.text.tokenizer_file import rebuild_tokenizer
from seq2seq.text.tokenizers import Tokenizer

SETTINGS = "settings.json"
MAX_THREADS = 16
MAX_SETTINGS = 2**28  # bytes
FORMAT = 2  # of the folder; a reader refuses a higher one
TASKS = {
    "translate": (ExportedSeq2Seq, ("source", "target"), ("encoder_model", "decoder_model")),
    "language-model": (ExportedLanguageModel, ("tokenizer",), ("encoder_model", "decoder_model")),
    "classify": (ExportedClassifier, ("tokenizer",), ("model",)),
    "fill": (ExportedMaskedLanguageModel, ("tokenizer",), ("model",)),
}


def tokenizer_file(side: str) -> str:
    """Returns the name of the file of a side's tokenizer."""
    return "tokenizer.json" if side == "tokenizer" else f"{side}_tokenizer.json"


def is_exported(folder: str | Path) -> bool:
    """Tells whether a folder looks like an exported model."""
    return (Path(folder) / SETTINGS).is_file()


def load_exported(folder: str | Path, threads: int | None = None) -> ExportedModel:
    """Loads an exported model.

    Args:
        folder: Path of the folder.
        threads: Number of threads of a step. Defaults to `None`, one per core; for a single row of
            a model in int8 one, which is faster.

    Raises:
        ValueError: If the folder is not complete, or not what `export` writes.
        ImportError: If `onnxruntime` is not installed.
    """
    folder = Path(folder)
    if threads is not None:
        check_whole("threads", threads)
        if threads > MAX_THREADS * count_cores():
            raise ValueError(
                f"Expected `threads` of at most {MAX_THREADS} a core. Received: {threads}, with "
                f"{count_cores()} core(s)."
            )
    settings = read_settings(folder)
    kind, side_names, graphs = TASKS[settings["task"]]
    sides = {name: _read_side(folder, name, settings) for name in side_names}
    sessions = {name: _open_graph(folder, name, settings, threads) for name in graphs}
    try:
        return kind(settings, sides, sessions)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise _broken(folder, f"its {SETTINGS} lacks {error}") from error


def read_settings(folder: Path) -> dict:
    """Returns the settings of an exported model, checked.

    Raises:
        ValueError: If they are not what `export` writes, or of a newer version.
    """
    content = _read_json(folder, SETTINGS)
    if not isinstance(content.get("format"), int) or str(content.get("task")) not in TASKS:
        raise _broken(folder, f"its {SETTINGS} is of something else")
    if content["format"] > FORMAT:
        raise ValueError(
            f"Expected an exported model of format {FORMAT} or older. Received: {folder}, of "
            f"format {content['format']}. Install the version of seq2seq that wrote it, "
            f"{content.get('seq2seq')!s:.20}, or a newer one."
        )
    for name in ("options", "sizes", "files", "manifest"):
        if not isinstance(content.get(name), dict):
            raise _broken(folder, f"its {SETTINGS} lacks {name!r}")
    _, sides, graphs = TASKS[content["task"]]
    known = {f"{name}{suffix}" for name in graphs for suffix in (".onnx", ".tflite")}
    if unknown := content["files"].keys() - known.union(map(tokenizer_file, sides)):
        raise _broken(folder, f"its {SETTINGS} names the file {min(unknown)!r:.60}")
    if content["task"] == "classify" and not isinstance(content.get("labels"), list):
        raise _broken(folder, f"its {SETTINGS} lacks a list of labels")
    return content


def check_file(folder: Path, name: str, settings: dict) -> bytes:
    """Returns the content of a file of the folder, which must be the one that was written.

    Raises:
        ValueError: If it is missing, incomplete, or another one.
    """
    content = _read(folder, name)
    if hashlib.sha256(content).hexdigest() != settings["files"].get(name):
        raise _broken(folder, f"{name} is not the file that was written with it")
    return content


def _open_graph(folder, name, settings, threads):
    if f"{name}.tflite" in settings["files"]:
        return LiteRTSession(check_file(folder, f"{name}.tflite", settings), threads)
    path, content = folder / f"{name}.onnx", check_file(folder, f"{name}.onnx", settings)
    if name == "decoder_model" and settings.get("quantize") and not threads and count_cores() > 1:
        return SessionByRows(path, content)
    return open_session(path, content, threads)


def _read_side(folder, name, settings):
    size, file = settings["sizes"].get(name), tokenizer_file(name)
    if file not in settings["files"]:
        check_whole(f"{SETTINGS}: sizes: {name}", size)
        return Side(size, None)
    content = check_file(folder, file, settings)
    try:
        tokenizer = rebuild_tokenizer(json.loads(content), Tokenizer)
        return Side.of(name, tokenizer)
    except (ValueError, TypeError, RecursionError) as error:
        raise _broken(folder, f"{file}: {error}") from error


def _read(folder, name, most=math.inf):
    """Returns the bytes of a file; of no pipe or device, which have no end."""
    path = folder / name
    try:
        if path.is_file() and path.stat().st_size <= most:
            return path.read_bytes()
    except OSError as error:
        raise _broken(folder, f"{name} cannot be read ({error})") from error
    raise _broken(folder, f"{name} cannot be read")


def _read_json(folder, name):
    content = _read(folder, name, MAX_SETTINGS)
    try:
        content = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _broken(folder, f"{name} cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise _broken(folder, f"{name} is of something else")
    return content


def _broken(folder, reason) -> ValueError:
    return ValueError(
        f"Expected {folder} to be a model exported with `model.export(...)`. Received another "
        f"folder, or only part of one: {str(reason).rstrip('.')}. Export the model again."
    )
