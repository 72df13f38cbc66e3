"""Tokenizers as data: in JSON files of their own, or inside other files."""

import json
from pathlib import Path

from seq2seq.atomic_write import write_whole
from seq2seq.checks import check_is_file
from seq2seq.keras_registry import find_class, registered_name
from seq2seq.version import __version__


def describe_tokenizer(tokenizer) -> dict:
    """Returns a tokenizer as JSON can hold it.

    Raises:
        ValueError: If its class could not be found again.
    """
    kind = type(tokenizer)
    name = registered_name(kind)
    if name is None:
        raise ValueError(
            f"Expected a tokenizer whose class can be found when it is loaded. Received: a "
            f"{kind.__name__}, which is not registered. Put "
            "`@keras.saving.register_keras_serializable()` before the class."
        )
    return {"registered_name": name, "config": tokenizer.get_config()}


def rebuild_tokenizer(described: object, kind: type):
    """Returns a tokenizer from what `describe_tokenizer` returned; imports nothing that it names.

    Args:
        described: The content of a file, whatever it is.
        kind: Class expected.

    Raises:
        ValueError: If it is not a tokenizer of that class or a subclass.
    """
    described = described if isinstance(described, dict) else {}
    name, config = described.get("registered_name"), described.get("config")
    if not isinstance(name, str) or not isinstance(config, dict):
        raise ValueError("it is not what `tokenizer.save` writes")
    found = find_class(name)
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ValueError(
            f"it holds a {name!r:.60}, not a {kind.__name__}, or a class that is not registered; "
            "define a class of your own before loading"
        )
    return found.from_config(config)


def encode_json(content: dict) -> bytes:
    """Returns the content of a JSON file."""
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    # A lone surrogate, which UTF-8 cannot hold, becomes the escape that JSON has for it.
    return text.encode("utf-8", "backslashreplace")


def write_tokenizer(path: str | Path, tokenizer) -> None:
    """Writes a tokenizer into a file; see `Tokenizer.save`."""
    encoded = encode_json({"seq2seq": __version__, **describe_tokenizer(tokenizer)})
    write_whole(path, ".json", lambda temporary: temporary.write_bytes(encoded))


def read_tokenizer(path: str | Path, kind: type):
    """Reads a tokenizer of a class from a file; see `Tokenizer.load`."""
    check_is_file(path, "a file that `tokenizer.save` has written")
    try:
        return rebuild_tokenizer(json.loads(Path(path).read_text(encoding="utf-8")), kind)
    except (ValueError, TypeError, OSError, RecursionError) as error:
        raise ValueError(
            f"Expected {path} to be a {kind.__name__} saved with `tokenizer.save(...)`. Received "
            f"another file, or only part of one: {str(error).rstrip('.')}. Save it again."
        ) from error
