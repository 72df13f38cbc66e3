"""Hides what TensorFlow and LiteRT print when they start, by way of the file descriptor."""

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from typing import BinaryIO

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_level = os.environ.get(LEVEL, "3")  # read early: JAX, which TensorFlow may import, sets it
_START_UP = re.compile(
    rb"""WARNING:\ All\ log\ messages\ before\ absl::InitializeLog
    | [IWE]\d{4}\ \d\d:\d\d:[\d.]+\ +\d+\ [\w./-]+:\d+\]\   # of absl
    | \d{4}-\d\d-\d\d\ [\d:.]+:\ [IWE]\ tensorflow/         # of older TensorFlows
    | To\ enable\ the\ following\ instructions:
    | Skipping\ registering\ GPU\ devices
    | INFO:\ Created\ TensorFlow\ Lite\ """,
    re.VERBOSE,
)


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hides the start-up lines of TensorFlow that are printed meanwhile.

    What else is written to standard error, by Python or by other threads, appears at the end; after
    an exception, everything does. Nothing is hidden if `TF_CPP_MIN_LOG_LEVEL` was below 3 when this
    package was imported, or if the process has no standard error.

    Example:

    >>> with quiet_start():
    ...     import tensorflow  # doctest: +SKIP
    """
    if _level == "3":
        os.environ.setdefault(LEVEL, "3")  # for what is printed after the start
    if _level != "3" or not _capture.begin():
        yield
        return
    failed = False
    try:
        yield
    except Exception:
        failed = True
        raise
    finally:
        _capture.end(failed)


class _Capture:
    """Standard error in a temporary file, as long as any thread wants it there."""

    def __init__(self):
        self._lock = threading.Lock()
        self._users = 0
        self._failed = False
        self._file: BinaryIO | None = None
        self._stderr = -1

    def begin(self) -> bool:
        """Returns whether standard error could be captured."""
        import tempfile

        with self._lock:
            if not self._users:
                _flush()
                try:
                    self._file = tempfile.TemporaryFile()  # noqa: SIM115
                    self._stderr = os.dup(2)
                except OSError:  # as in a program without a console
                    if self._file is not None:
                        self._file.close()
                    return False
                os.dup2(self._file.fileno(), 2)
                self._failed = False
            self._users += 1
            return True

    def end(self, failed: bool) -> None:
        """Writes what was captured, without start-up lines unless something has failed."""
        with self._lock:
            self._users -= 1
            self._failed |= failed
            if self._users:
                return
            _flush()
            os.dup2(self._stderr, 2)
            os.close(self._stderr)
            with self._file as file, open(2, "wb", closefd=False) as stderr:
                file.seek(0)
                stderr.writelines(
                    line for line in file if self._failed or not _START_UP.match(line)
                )


def _flush():
    with contextlib.suppress(AttributeError, OSError, ValueError):  # None, broken or closed
        sys.stderr.flush()


_capture = _Capture()
