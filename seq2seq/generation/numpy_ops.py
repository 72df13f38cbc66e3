"""The array operations of generation, on plain NumPy arrays: those of `keras_ops`."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy import (
    argsort,
    broadcast_to,
    cumsum,
    full,
    logical_and,
    logical_not,
    logical_or,
    max,
    min,
    minimum,
    roll,
    shape,
    stack,
    sum,
)

__all__ = [
    "all",
    "arange",
    "argmax",
    "argsort",
    "broadcast_to",
    "cast",
    "cond",
    "cumsum",
    "fori_loop",
    "full",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "max",
    "min",
    "minimum",
    "repeat",
    "reshape",
    "roll",
    "scatter",
    "shape",
    "softmax",
    "stack",
    "sum",
    "take",
    "take_columns",
    "top_k",
    "where",
    "while_loop",
]


# Methods in place of NumPy's functions of these names: a step is a few dozen calls of microseconds.


def all(x: np.ndarray, axis: int | None = None):
    """Tells whether all along an axis hold."""
    return x.all(axis)


def repeat(x: np.ndarray, repeats: int, axis: int | None = None) -> np.ndarray:
    """Repeats each part along an axis."""
    return x.repeat(repeats, axis)


def reshape(x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Returns an array of another shape."""
    return x.reshape(shape)


def take(x: np.ndarray, indices, axis: int | None = None) -> np.ndarray:
    """Returns the parts along an axis at indices."""
    return x.take(indices, axis)


def arange(stop: int) -> np.ndarray:
    """Returns the whole numbers from 0 as int32."""
    return np.arange(stop, dtype="int32")


def argmax(x: np.ndarray) -> np.ndarray:
    """Returns the index of the first largest number of each row, int32."""
    return x.argmax(axis=-1).astype("int32")


def cast(x, dtype: str) -> np.ndarray:
    """Returns an array of another data type."""
    return np.asarray(x, dtype)


def where(condition, x, y) -> np.ndarray:
    """Chooses between two; Python numbers take the data type of the other one."""
    kind = getattr(x, "dtype", getattr(y, "dtype", None))
    return np.where(condition, x, y).astype(kind, copy=False)


def softmax(x: np.ndarray) -> np.ndarray:
    """Returns the softmax over the last axis."""
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Returns the logarithm of the softmax over the last axis."""
    x = x - x.max(axis=-1, keepdims=True)
    x -= np.log(np.exp(x).sum(axis=-1, keepdims=True))
    return x


def top_k(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the `k` largest numbers of each row and their indices; ties go to the first.

    They are in the `k` blocks of a row with the largest maxima, so only these are sorted, as in
    `backend.top_k`.
    """
    columns, width = x.shape[-1], 64
    count = columns // width
    flat = x.reshape(-1, columns)
    rows = np.arange(len(flat))[:, None]
    if k == 1:
        indices = argmax(flat)[:, None]
    elif 2 * k > count:
        indices = np.argsort(-flat, axis=-1, kind="stable")[:, :k]
    else:
        whole = flat[:, : count * width].reshape(len(flat), count, width)
        blocks = np.argsort(-whole.max(axis=-1), axis=-1, kind="stable")[:, :k]
        blocks.sort(axis=-1)  # so that ties go to the first
        places = (blocks[:, :, None] * width + np.arange(width)).reshape(len(flat), -1)
        rest = np.broadcast_to(np.arange(count * width, columns), (len(flat), columns % width))
        places = np.concatenate([places, rest], axis=-1)  # the last, incomplete block too
        order = np.argsort(-flat[rows, places], axis=-1, kind="stable")[:, :k]
        indices = places[rows, order]
    shape = (*x.shape[:-1], k)
    return flat[rows, indices].reshape(shape), indices.astype("int32").reshape(shape)


def take_columns(x: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Returns the numbers of each row of `x` `(rows, columns)` at `indices` `(rows, k)`."""
    return x[np.arange(len(x))[:, None], indices]


def scatter(indices: np.ndarray, values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Adds values at indices `(values, axes)` to an array of zeros."""
    result = np.zeros(shape, values.dtype)
    np.add.at(result, tuple(indices.T), values)
    return result


def cond(condition, true_fn: Callable, false_fn: Callable):
    """Calls one of two functions."""
    return true_fn() if condition else false_fn()


def fori_loop(lower: int, upper: int, body: Callable, value):
    """Repeats `value = body(i, value)` for the numbers from `lower` to `upper - 1`."""
    for i in range(int(lower), int(upper)):
        value = body(i, value)
    return value


def while_loop(condition: Callable, body: Callable, variables: tuple) -> tuple:
    """Repeats `variables = body(*variables)` as long as `condition(*variables)` holds."""
    while condition(*variables):
        variables = body(*variables)
    return variables
