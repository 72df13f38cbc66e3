"""Tells how far long work is, where somebody watches."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

AFTER = 2.0  # seconds; shorter work needs no line
EVERY = 0.5  # seconds from one line to the next


class Progress:
    """One line that is written over and over, and removed at the end.

    Args:
        total: Number of texts, or `None` if it is not known.
        verbose: 1 or 0, whether to show it; `"auto"` shows work of some seconds at a prompt and in
            a notebook, and nothing in scripts and pipes. Defaults to `"auto"`.
        stream: Where to write. Defaults to `None`, standard output.

    Raises:
        ValueError: If `verbose` is something else.
    """

    def __init__(self, total: int | None, verbose="auto", stream: TextIO | None = None):
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f"Expected `verbose` to be 'auto', 0 or 1. Received: {verbose!r}.")
        self.total = total
        self.stream = sys.stdout if stream is None else stream
        self.shown = hasattr(sys, "ps1") if verbose == "auto" else bool(verbose)
        self.done = 0
        self._started = time.monotonic()
        self._next = self._started + (AFTER if verbose == "auto" else 0)
        self._width = 0

    def add(self, count: int) -> None:
        """Counts texts that are done."""
        self.done += count
        now = time.monotonic()
        if self.shown and now >= self._next:
            self._next = now + EVERY
            self._write(self._describe(now - self._started))

    def close(self) -> None:
        """Removes the line."""
        if self._width:
            self._write("")
            self._write("")  # the cursor stands at its beginning

    def _describe(self, seconds):
        if self.total is None:
            return f"{self.done:,} texts"
        left = seconds / self.done * (self.total - self.done)
        return f"{self.done:,} of {self.total:,} texts, about {left:.0f} s left"

    def _write(self, line):
        self.stream.write("\r" + line.ljust(self._width))
        self.stream.flush()
        self._width = len(line)


def track(batches: Iterable[Sequence], total: int, verbose="auto") -> Iterator[Sequence]:
    """Yields batches, and shows how many texts are done.

    Args:
        batches: The batches.
        total: Number of all texts.
        verbose: See `Progress`; or a `Progress` that goes on afterwards.
    """
    progress = verbose if isinstance(verbose, Progress) else Progress(total, verbose)
    try:
        for batch in batches:
            yield batch
            progress.add(len(batch))
    finally:
        if progress is not verbose:
            progress.close()
