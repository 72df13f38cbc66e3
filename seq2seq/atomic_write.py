"""Files that are written whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path


def write_whole(filepath: str | Path, suffix: str, write: Callable[[Path], None]) -> None:
    """Writes a file under another name, then puts it in its place; a failure leaves what was there.

    Args:
        filepath: Path of the file.
        suffix: What the name must end with for the writer.
        write: Takes a path and writes the file.

    Raises:
        ValueError: If the folder is missing or the file cannot be written.
    """
    path = Path(filepath)
    if not path.parent.is_dir():
        raise ValueError(
            f"Expected the folder of {path} to exist. Received: {path.parent}, which is not a "
            "folder. Create it first."
        )
    temporary = path.with_name(f".{path.name}.{os.getpid()}{suffix}")
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
    path = Path(filepath)
    lock = path.with_name(f".{path.name}.lock")
    with open(lock, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(
                f"Expected to be the only one that trains into {path}. Received: another process "
                "that does. Wait for it, stop it, or name another file."
            ) from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
