"""Counts of n-grams in a file: an `.npz` archive of plain arrays, as NumPy writes it.

`settings` is JSON in bytes; `grams_1`, `grams_2` ..., int32 `(n, length)`, are the n-grams of each
length, and `counts_1`, `counts_2` ..., int64 `(n,)`, how often each was counted.
"""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seq2seq.atomic_write import write_whole
from seq2seq.checks import check_is_file, check_whole
from seq2seq.text.tokenizer_file import describe_tokenizer, rebuild_tokenizer
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import PAD
from seq2seq.version import __version__


def write_ngrams(path: str | Path, tokenizer: Tokenizer, levels: Sequence[dict]) -> None:
    """Writes counts into a file; a failure leaves the file that was there.

    Args:
        path: Path of the file, whatever it ends with.
        tokenizer: Tokenizer of the ids.
        levels: For each length, from 1, the count of each n-gram, a tuple of ids.
    """
    settings = {
        "seq2seq": __version__,
        "order": len(levels),
        "tokenizer": describe_tokenizer(tokenizer),
    }
    arrays = {"settings": np.frombuffer(json.dumps(settings).encode(), dtype="uint8")}
    for length, counts in enumerate(levels, start=1):
        grams = np.array(list(counts), dtype="int32").reshape(-1, length)
        arrays[f"grams_{length}"] = grams
        arrays[f"counts_{length}"] = np.array(list(counts.values()), dtype="int64")
    write_whole(path, ".npz", lambda temporary: np.savez(temporary, **arrays))


def is_ngram_file(path: str | Path) -> bool:
    """Tells whether a file is an archive with n-grams."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "grams_1.npy" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def read_ngrams(path: str | Path) -> tuple[Tokenizer, list[dict]]:
    """Reads what `write_ngrams` has written; nothing in it is run.

    Args:
        path: Path of the file.

    Returns:
        Tuple of the tokenizer and the levels.

    Raises:
        ValueError: If the file is missing, broken, or holds something else.
    """
    check_is_file(path, "a file that `NGramModel.save` has written")
    try:
        return _read(path)
    except ImportError:  # of the library that the tokenizer needs
        raise
    except Exception as error:  # NumPy raises many kinds for a broken file
        raise ValueError(
            f"Expected {path} to be an NGramModel saved with `model.save(...)`. Received another "
            f"file, or only part of one: {str(error).rstrip('.')}. Save it again."
        ) from error


def _read(path):
    with zipfile.ZipFile(path) as archive:
        # As they are written, arrays take no more memory than the file has bytes.
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("it is compressed")
    with np.load(path, allow_pickle=False) as arrays:
        settings = json.loads(arrays["settings"].tobytes())
        if not isinstance(settings, dict):
            raise ValueError("its settings are not those of a model")
        check_whole("order", settings.get("order"))
        tokenizer = rebuild_tokenizer(settings.get("tokenizer"), Tokenizer)
        if tokenizer.vocabulary is None:
            raise ValueError("its tokenizer has no vocabulary")
        size = len(tokenizer.vocabulary)
        lengths = range(1, settings["order"] + 1)
        return tokenizer, [_read_level(arrays, length, size) for length in lengths]


def _read_level(arrays, length, vocabulary_size):
    grams, counts = arrays[f"grams_{length}"], arrays[f"counts_{length}"]
    if grams.dtype != "int32" or counts.dtype != "int64" or grams.shape != (counts.size, length):
        raise ValueError(f"its n-grams of {length} tokens are not two arrays of whole numbers")
    if counts.size and (grams.min() <= PAD or grams.max() >= vocabulary_size):
        raise ValueError(f"its n-grams of {length} tokens hold ids outside the vocabulary")
    if counts.size and counts.min() < 1:
        raise ValueError(f"its n-grams of {length} tokens were counted less than once")
    return dict(zip(map(tuple, grams.tolist()), counts.tolist(), strict=True))
