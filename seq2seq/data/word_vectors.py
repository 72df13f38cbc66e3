"""Files of word vectors."""

import gzip
import re
from pathlib import Path

import numpy as np

from seq2seq.text.vocabulary import SPECIAL_TOKENS, Vocabulary


def read_vectors(path: str | Path, vocabulary: Vocabulary, dim: int) -> dict[int, np.ndarray]:
    """Reads word vectors in the text format of word2vec and GloVe, plain or `.gz`.

    Args:
        path: UTF-8 file with a token and its numbers on each line, separated by spaces; word2vec's
            first line, two whole numbers, is skipped.
        vocabulary: Only its tokens are kept.
        dim: Length that every vector must have.

    Returns:
        Dict of float32 vectors `(dim,)` by id.

    Raises:
        ValueError: If the file cannot be read, a line is broken or of another length, or no line
            has a token of the vocabulary.
    """
    if not isinstance(path, (str, Path)):
        raise ValueError(f"Expected the path of a file of word vectors. Received: {path!r}.")
    path = Path(path)
    vectors = {}
    number = 0
    try:
        with (gzip.open if path.suffix == ".gz" else open)(
            path, "rt", encoding="utf-8-sig"
        ) as file:
            for number, line in enumerate(file, start=1):
                # Not at any white space: tokens may contain the rarer kinds.
                token, *values = re.split("[ \t]+", line.strip("\r\n \t"))
                if number == 1 and token.isdigit() and len(values) == 1:
                    continue
                # An unknown token may contain spaces, but the first line must have `dim` numbers.
                if token in vocabulary or len(values) < dim or number == 1:
                    vector = _vector(path, number, values, dim)
                if token in vocabulary:
                    vectors[vocabulary.ids([token])[0]] = vector
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(
            f"Expected {path} to be a UTF-8 file of word vectors. Received: {error}."
        ) from error
    if not number:
        raise ValueError(f"Expected {path} to hold word vectors. Received an empty file.")
    if not vectors:
        raise ValueError(
            f"Expected {path} to hold vectors of tokens of the vocabulary. Received none of its "
            f"{len(vocabulary) - len(SPECIAL_TOKENS)} tokens. Is it for another language?"
        )
    return vectors


def _vector(path, number, values, dim):
    try:
        vector = np.array(values, dtype="float32")
    except ValueError:
        vector = np.array([])
    if vector.shape != (dim,) or not np.isfinite(vector).all():
        raise ValueError(
            f"{path}, line {number}: expected a token and {dim} numbers (`embedding_dim`). "
            f"Received {len(values)} values, {' '.join(values)[:40]!r}. Set `embedding_dim` to the "
            "length of the vectors, or fix the line."
        )
    return vector
