"""The files of a pretrained model's tokenizer, as Hugging Face keeps them, read and checked."""

import json
import warnings
from pathlib import Path

from seq2seq.text.subword import MAX_VOCABULARY

# The later ones count.
SETTINGS = (
    "config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
)


def broken(path: Path, reason: object) -> ValueError:
    """Returns the error of a file, or a folder, that cannot be used."""
    return ValueError(
        f"Expected {path} to be of a pretrained model. Received: what is missing, broken or of "
        f"another kind ({str(reason).rstrip('.')}). Download the model's folder again."
    )


def read_bytes(path: Path) -> bytes:
    """Returns the content of a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise broken(path, error.strerror) from error


def read_text(path: Path) -> str:
    """Returns the content of a file of UTF-8, its line breaks as line feeds."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise broken(path, error.strerror) from error
    except UnicodeDecodeError as error:
        raise broken(path, error) from error


def read_json(path: Path) -> dict:
    """Returns the content of a file of one JSON object."""
    try:
        content = json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise broken(path, error) from error
    if not isinstance(content, dict):
        raise broken(path, "it is not one JSON object")
    return content


def read_settings(folder: Path) -> dict:
    """Returns what a folder's files of settings say; the tokenizer's own come before the model's.

    A special token is given as its text; settings that are null are left out.
    """
    settings = {}
    for name in SETTINGS:
        if (folder / name).exists():
            settings |= {k: v for k, v in read_json(folder / name).items() if v is not None}
    path = folder / "added_tokens.json"
    if path.exists():
        settings["added_tokens"] = read_json(path)
    for key, value in settings.items():
        if key.endswith("_token") and isinstance(value, dict):
            settings[key] = value.get("content")
    return settings


def read_library_file(folder: Path, types: dict[str, str | None]) -> dict:
    """Returns the content of a folder's `tokenizer.json`, the parts that it lacks as empty ones.

    Args:
        folder: The folder.
        types: The type that each of its parts must have; `None` if there must be no such part.
    """
    path = folder / "tokenizer.json"
    content = read_json(path) if path.exists() else {}
    for name, expected in types.items():
        part = content[name] = content.get(name) or {}
        # Old files leave out the type of the model.
        if not isinstance(part, dict) or part.get("type", expected) != expected:
            raise broken(path, f"its {name} is of another kind of tokenizer")
    return content


def read_template(folder: Path) -> tuple[list[int], list[int]]:
    """Returns the ids that a folder's `tokenizer.json` puts before each text, and after it."""
    path = folder / "tokenizer.json"
    processor = (read_json(path) if path.exists() else {}).get("post_processor") or {}
    before, after = [], []
    try:
        for part in processor.get("processors", [processor]):
            if part.get("type") == "TemplateProcessing":
                names = [next(iter(one.values()))["id"] for one in part["single"]]
                added = {name: value["ids"] for name, value in part["special_tokens"].items()}
                place = names.index("A")
                before = [i for name in names[:place] for i in added[name]]
                after = [i for name in names[place + 1 :] for i in added[name]]
            elif part.get("type", "ByteLevel") != "ByteLevel":  # BERT's and RoBERTa's
                before, after = [part["cls"][1]], [part["sep"][1]]
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration, IndexError) as error:
        reason = f"its post_processor is of another kind of tokenizer: {error!r}"
        raise broken(path, reason) from error
    return before, after


def read_byte_pairs(folder: Path, library: dict) -> tuple[dict, list[str]]:
    """Returns a folder's vocabulary of byte pairs, and their merges.

    Args:
        folder: The folder.
        library: The content of its `tokenizer.json`.
    """
    if (folder / "vocab.json").exists() or not library["model"]:
        tokens, lines = read_json(folder / "vocab.json"), read_text(folder / "merges.txt")
        lines = lines.split("\n")
        return tokens, [line for line in lines if line and not line.startswith("#version")]
    model = library["model"]
    try:
        # Old files have pairs with a space between, newer ones lists of two.
        merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    except (KeyError, TypeError) as error:
        raise broken(folder / "tokenizer.json", f"its model has no merges: {error!r}") from error
    return model.get("vocab"), merges


def read_word_pieces(folder: Path, library: dict) -> dict:
    """Returns a folder's vocabulary of word pieces.

    Args:
        folder: The folder.
        library: The content of its `tokenizer.json`.
    """
    if (folder / "vocab.txt").exists() or not library["model"]:
        lines = read_text(folder / "vocab.txt").removesuffix("\n").split("\n")
        return {token: i for i, token in enumerate(lines)}
    return library["model"].get("vocab")


def add_tokens(folder: Path, tokens: object, settings: dict, library: dict) -> dict[str, int]:
    """Returns a vocabulary, and in it the tokens that were added after it was made.

    Args:
        folder: The folder.
        tokens: Its vocabulary: token to id.
        settings: Its settings.
        library: The content of its `tokenizer.json`.

    Raises:
        ValueError: If it is not a vocabulary.
    """
    try:
        numbered = settings.get("added_tokens_decoder", {})
        listed = library.get("added_tokens") or ()
        tokens = {
            **tokens,
            **settings.get("added_tokens", {}),
            **{token["content"]: int(i) for i, token in numbered.items()},
            **{token["content"]: token["id"] for token in listed},
        }
        _warn_of_added(folder, settings, [*numbered.values(), *listed])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"no vocabulary, or added tokens without ids: {error!r}"
        raise broken(folder / "tokenizer.json", reason) from error
    for token, i in tokens.items():  # greater ids would fill the memory with gaps
        if type(i) is not int or not 0 <= i < MAX_VOCABULARY:
            raise broken(folder, f"the id of {token!r:.40} is {i!r:.40}")
    return tokens


def _warn_of_added(folder, settings, tokens):
    """Warns of tokens that the library finds in texts before anything else reads them."""
    special = {token["content"]: token.get("special", False) for token in tokens}
    special = dict.fromkeys(settings.get("added_tokens", ()), False) | special
    named = [value for key, value in settings.items() if key.endswith("_token")]
    for token in settings.get("additional_special_tokens", ()):
        named.append(token.get("content") if isinstance(token, dict) else token)
    added = [token for token, is_special in special.items() if not is_special]
    if added := [token for token in added if token not in named]:
        some = ", ".join(map(repr, added[:3])) + (", ..." if added[3:] else "")
        warnings.warn(
            f"{folder} has a vocabulary with added tokens: {some:.200}. The library finds them "
            "anywhere in a text, this package does not.",
            stacklevel=7,
        )
