"""Lists of words, as an argument or in a file."""

import os
from collections.abc import Sequence
from pathlib import Path


def read_words(words: str | Sequence[str] | None, lowercase: bool = False) -> list[str]:
    """Returns a list of words, given as one or as the path of a file."""
    if words is None:
        return []
    if isinstance(words, (str, os.PathLike)):
        try:
            words = Path(words).read_text(encoding="utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(
                "Expected a list of words or a UTF-8 file with a word a line. "
                f"Received: {str(words)!r} ({error})."
            ) from error
    if isinstance(words, (set, frozenset)):
        words = sorted(words)
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        raise ValueError(
            f"Expected a list of words or a UTF-8 file with a word a line. Received: {words!r}."
        )
    words = [word.strip() for word in words if word.strip()]
    return [word.lower() for word in words] if lowercase else words
