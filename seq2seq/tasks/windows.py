"""Texts longer than what a model reads at once."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from seq2seq.data.padding import batches_by_length
from seq2seq.progress import track


def overlapping_windows(length: int, window: int) -> Iterator[tuple[int, int, int]]:
    """Yields windows that overlap by a half, so that each token is scored after half a window.

    Args:
        length: Number of tokens of a text.
        window: Number of tokens of a window.

    Yields:
        For each window its start, the first token that was in none before, and its end.

    Example:

    >>> list(overlapping_windows(7, 4))
    [(0, 0, 4), (2, 4, 6), (4, 6, 7)]
    """
    start = counted = 0
    while counted < length:
        stop = min(start + window, length)
        yield start, counted, stop
        counted, start = stop, start + max(1, window // 2)


def sum_windows(
    score: Callable, windows: Sequence[tuple], count: int, batch_size: int, verbose
) -> np.ndarray:
    """Scores windows of texts, and adds up those of each text.

    Args:
        score: Returns the scores `(batch,)` or more of a list of rows that are read and one of
            rows of labels.
        windows: Tuples of the number of the text, the row that is read, and that of its labels.
        count: Number of texts.
        batch_size: Windows scored together.
        verbose: See `Progress`.

    Returns:
        float32 `(count,)`.
    """
    scores = np.zeros(count, dtype="float64")
    batches = batches_by_length([labels for *_, labels in windows], batch_size)
    for batch in track(batches, len(windows), verbose):
        texts, read, labels = zip(*(windows[i] for i in batch), strict=True)
        np.add.at(scores, list(texts), score(read, labels)[: len(batch)])
    return scores.astype("float32")
