"""Reads from a `.keras` file without loading Keras."""

import json
import os
import zipfile
from pathlib import Path

from seq2seq.checks import check_is_file

MAX_EXPANDED = 50  # times its size that an archive may unpack to
MAX_CONFIG = 2**28  # bytes


def _check_members(archive):
    """Raises a `ValueError` for an archive that Keras would not write."""
    for member in archive.infolist():
        if member.filename.startswith("/") or ".." in member.filename.split("/"):
            raise ValueError(f"a file in it is called {member.filename!r:.60}")
    size = sum(member.file_size for member in archive.infolist())
    if size > MAX_EXPANDED * os.path.getsize(archive.filename):
        raise ValueError(f"it would unpack to {size:,} bytes")
    if archive.getinfo("config.json").file_size > MAX_CONFIG:
        raise ValueError("its config is larger than any vocabulary makes it")


def _check_sizes(config, weight_bytes):
    """Raises a `ValueError` for a network that is larger than its weights, before it is made."""
    if isinstance(config.get("encoder"), dict):
        config = {**config, **config["encoder"]}
        if not config.get("pair_buckets"):  # nor embeddings beside the encoder's
            config["embedding_dim"] = 1
    number = {name: size for name, size in config.items() if isinstance(size, int)}
    units, layers = number.get("units", 1), number.get("num_layers", 1)
    dim = number.get("embedding_dim", units)
    rows = [_rows(config.get(name)) for name in ("source", "target", "tokenizer")]
    tables = max(rows) if config.get("share_embeddings") else sum(rows)
    learned = config.get("positions") == "learned"
    lengths = ("max_length", "max_source_length", "max_target_length", "window")
    fewest = max(
        layers * units**2 // 2,  # half for each direction
        layers * units * number.get("feedforward_units", 0),
        dim * (tables + number.get("pair_buckets", 0)),
        units * max(number.get(name, 0) for name in lengths) if learned else 0,
        units * number.get("labels", 0),
    )
    if fewest // 2 > weight_bytes:  # of four bits each
        raise ValueError(f"its {weight_bytes:,} bytes of weights are too few for its settings")


def _rows(side) -> int:
    """Returns how many tokens a config has for a side: a size, or a tokenizer with its words."""
    if isinstance(side, int):
        return side
    inner = side.get("config") if isinstance(side, dict) else None
    tokens = inner.get("vocabulary") if isinstance(inner, dict) else None
    return len(tokens) if isinstance(tokens, list) else 0


def read_manifest(path: str | Path) -> dict:
    """Returns the manifest of a saved model, without loading it; an empty one if it has none."""
    return read_config(path)["config"].get("manifest", {})


def read_config(path: str | Path) -> dict:
    """Reads the config of a saved model, without loading it.

    Args:
        path: Path of a `.keras` file.

    Returns:
        Dict with `class_name`, `config` (the manifest included) and more, as Keras wrote it.

    Raises:
        ValueError: If the file is missing or not a Keras model.
    """
    check_is_file(path, "a model file")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive)
            config = json.loads(archive.read("config.json"))
            weights = archive.getinfo("model.weights.h5").file_size
        if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
            raise ValueError("its config is not one of a model")
        _check_sizes(config["config"], weights)
        return config
    except Exception as error:  # archives and JSON break in many ways
        raise ValueError(
            f"Expected {path} to be a model saved with `model.save(...)`. Received another file, "
            f"or only part of one ({error}). Save it again."
        ) from error
