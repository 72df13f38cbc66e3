"""Checks of arguments that many functions share."""

import numbers
import operator
import os
from pathlib import Path


def check_whole(name: str, value, minimum: int = 1) -> None:
    """Raises a `ValueError` unless an argument is a whole number of at least `minimum`."""
    try:
        fits = operator.index(value) >= minimum and not isinstance(value, bool)
    except TypeError:
        fits = False
    if not fits:
        raise ValueError(
            f"Expected `{name}` to be a whole number of at least {minimum}. "
            f"Received: {name}={value!r}."
        )


def check_flag(name: str, value) -> None:
    """Raises a `ValueError` unless an argument is `True` or `False`."""
    if not isinstance(value, bool):
        raise ValueError(f"Expected `{name}` to be True or False. Received: {name}={value!r}.")


def check_number(name: str, value, interval: str, cure: str = "") -> None:
    """Raises a `ValueError` unless an argument is a number in an interval such as `"[0, 1)"`."""
    low, high = map(float, interval[1:-1].split(","))
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if fits:
        fits = low < value < high
        fits = (
            fits or (value == low and interval[0] == "[") or (value == high and interval[-1] == "]")
        )
    if not fits:
        received = f"Received: {name}={value!r}. {cure}".rstrip()
        raise ValueError(f"Expected `{name}` to be a number in {interval}. {received}")


def check_is_file(path: str | Path, expected: str) -> None:
    """Raises a `ValueError` unless a path is one of a file; `expected` tells what it should be."""
    if not Path(path).is_file():
        state = "is no file" if Path(path).exists() else "does not exist"
        raise ValueError(
            f"Expected {expected}. Received: {path}, which {state}. Check the path (from "
            f"{Path.cwd()})."
        )


def check_model_path(filepath: str | Path) -> None:
    """Raises a `ValueError` unless a model can be saved there; to call before training."""
    path = Path(filepath)
    if path.suffix != ".keras":
        raise ValueError(f"Expected a model file that ends in .keras. Received: {path}.")
    if not path.parent.is_dir():
        raise ValueError(f"Expected a model file in a folder that exists. Received: {path}.")
    if path.is_dir():
        raise ValueError(f"Expected a model file. Received: {path}, which is a folder.")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise ValueError(
            f"Expected a model file that can be written. Received: {path}, which cannot."
        )
