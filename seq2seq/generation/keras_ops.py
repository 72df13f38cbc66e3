"""The array operations of generation, by Keras: `numpy_ops` offers the same."""

import functools

from keras import ops
from keras.ops import (  # noqa: F401
    all,
    argsort,
    broadcast_to,
    cast,
    cond,
    cumsum,
    fori_loop,
    full,
    log_softmax,
    logical_and,
    logical_not,
    logical_or,
    max,
    min,
    minimum,
    repeat,
    reshape,
    roll,
    scatter,
    shape,
    softmax,
    stack,
    sum,
    take,
    where,
    while_loop,
)

from seq2seq.backend import first_best as argmax  # noqa: F401
from seq2seq.backend import take_columns, top_k  # noqa: F401
from seq2seq.generation.numpy_ops import __all__ as __all__  # both offer the same names

arange = functools.partial(ops.arange, dtype="int32")  # Keras's follow the size of its floats
