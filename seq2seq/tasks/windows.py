"""Texts longer than what a model reads at once."""

from collections.abc import Iterator


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
