"""Tensors of any number of axes as the rows of a matrix, and back."""

from keras import ops


def flatten_rows(x):
    """Returns `(..., dim)` as `(rows, dim)`.

    Keras multiplies a tensor of more axes by a matrix in 27 operations of TensorFlow, whose graph
    takes as long to trace.
    """
    return x if len(x.shape) == 2 else ops.reshape(x, (-1, x.shape[-1]))


def restore_rows(rows, x):
    """Returns `(rows, units)` with the first axes of `x` `(..., dim)`."""
    if len(x.shape) == 2:
        return rows
    return ops.reshape(rows, (-1, *ops.shape(x)[1:-1], rows.shape[-1]))
