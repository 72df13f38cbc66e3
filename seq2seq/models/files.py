"""Model files on disk, without loading Keras: written whole or not at all, and read for a look."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
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
            f"Expected the folder of {path} to exist. Received: {path.parent}, which is no folder. "
            "Make it first."
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


def check_model_path(filepath: str | Path) -> None:
    """Raises a `ValueError` unless a model can be saved there, to be told before it is trained."""
    path = Path(filepath)
    if path.suffix != ".keras":
        raise ValueError(f"Expected a model file that ends in .keras. Received: {path}.")
    if not path.parent.is_dir():
        raise ValueError(f"Expected a model file in a folder that exists. Received: {path}.")


def check_space(filepath: str | Path, size: int) -> None:
    """Raises a `ValueError` unless the disk of a file has room for so many bytes."""
    folder = Path(filepath).parent
    if folder.is_dir() and (free := shutil.disk_usage(folder).free) < size:
        raise ValueError(
            f"Expected {size:,} free bytes to write {filepath}. Received: "
            f"{free:,}. Free some space or save somewhere else."
        )


def read_config(path: str | Path) -> dict:
    """Reads what a saved model says of itself, without loading it.

    Args:
        path: Path of a `.keras` file.

    Returns:
        Dict with `class_name`, `config` (the manifest included) and more, as Keras wrote it.

    Raises:
        ValueError: If the file is missing or no Keras model.
    """
    if not Path(path).is_file():
        raise ValueError(
            f"Expected a model file. Received: {path}, which does not exist. Check the path (from "
            f"{Path.cwd()})."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            archive.getinfo("model.weights.h5")
            return config
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError, OSError) as error:
        raise ValueError(
            f"Expected {path} to be a model saved with `model.save(...)`. Received a file that is "
            f"none, or only part of one ({error}). Save it again."
        ) from error
