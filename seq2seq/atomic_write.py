"""Files that are written whole or not at all."""

import contextlib
import glob
import itertools
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

_numbers = itertools.count()


def write_whole(filepath: str | Path, suffix: str, write: Callable[[Path], None]) -> None:
    """Writes a file under another name, then puts it in its place; a failure leaves what was there.

    Args:
        filepath: Path of the file.
        suffix: What the name must end with for the writer.
        write: Takes a path and writes the file.

    Raises:
        ValueError: If the folder is missing or the file cannot be written.
    """
    path = Path(os.path.realpath(filepath))  # a link stays one
    if path.is_dir():
        raise ValueError(f"Expected the path of a file. Received: {path}, which is a folder.")
    if not path.parent.is_dir():
        raise ValueError(
            f"Expected the folder of {path} to exist. Received: {path.parent}, which is not a "
            "folder. Create it first."
        )
    for left in _leftovers(path, suffix):
        left.unlink(missing_ok=True)
    # A number for each save: two threads may save to one path, and the last one wins.
    name = f".{path.name}.{_this_host()}-{os.getpid()}-{next(_numbers)}{suffix}"
    temporary = path.with_name(name)
    try:
        write(temporary)
        os.replace(temporary, path)
    except OSError as error:
        kept = "The file that was there is kept. " if path.exists() else ""
        raise ValueError(
            f"Could not write {path}: {error}. {kept}Free some space or save somewhere else."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_folder(folder: str | Path, write: Callable[[Path], None]) -> None:
    """Writes a folder whole or not at all, as `write_whole` does.

    Args:
        folder: Path of the folder; one that is there is replaced.
        write: Takes the path of an empty folder and writes files into it.

    Raises:
        ValueError: If it cannot be written.
    """
    path = Path(os.path.realpath(folder))  # a link stays one
    name = f".{path.name}.{_this_host()}-{os.getpid()}-{next(_numbers)}"
    temporary, old = path.with_name(f"{name}.new"), path.with_name(f"{name}.old")
    try:
        for left in _leftovers(path, ".old"):
            if not path.exists():
                os.replace(left, path)
        for left in (*_leftovers(path, ".old"), *_leftovers(path, ".new")):
            shutil.rmtree(left, ignore_errors=True)
        temporary.mkdir()
        write(temporary)
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
    except OSError as error:
        raise ValueError(
            f"Could not write {folder}: {error}. What was there is kept. Free some space or name "
            "another folder."
        ) from error
    finally:
        if old.exists() and not path.exists():
            os.replace(old, path)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _leftovers(path: Path, suffix: str) -> list[Path]:
    """Returns what saves to a path have left that were killed on this machine."""
    found = path.parent.glob(f".{glob.escape(path.name)}.{_this_host()}-*{suffix}")
    pairs = ((left, left.name.split("-")[-2]) for left in found)
    return [left for left, process in pairs if process.isdigit() and not _is_running(int(process))]


def _this_host() -> str:
    """Returns the name of this machine: a folder may be shared by several."""
    return "".join(letter for letter in platform.node() if letter.isalnum())


def _is_running(process: int) -> bool:
    """Tells whether a process of this machine runs; `True` where that cannot be told."""
    try:
        if os.name == "posix":  # elsewhere it would end the process
            os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True


def check_space(filepath: str | Path, size: int) -> None:
    """Raises a `ValueError` unless the disk of a file has room for this many bytes."""
    folder = Path(filepath).parent
    if folder.is_dir() and (free := shutil.disk_usage(folder).free) < size:
        raise ValueError(
            f"Expected {size:,} free bytes to write {filepath}. Received: "
            f"{free:,}. Free some space or save somewhere else."
        )


@contextlib.contextmanager
def only_writer(filepath: str | Path) -> Iterator[None]:
    """Keeps other processes from training into the same file meanwhile.

    The lock ends with the process, however it ends. Where the system has no such locks, nothing is
    locked.

    Args:
        filepath: Path of the file.

    Raises:
        ValueError: If another process has the lock.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    path = Path(os.path.realpath(filepath))
    lock = path.with_name(f".{path.name}.lock")
    with open(lock, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not (lock.exists() and os.path.samestat(os.fstat(file.fileno()), lock.stat())):
                raise BlockingIOError("its owner has just removed it")
        except OSError as error:
            raise ValueError(
                f"Expected to be the only one that trains into {path}. Received: another process "
                "that does. Wait for it, stop it, or name another file."
            ) from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
