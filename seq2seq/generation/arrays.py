"""The array operations for an array: Keras's, compiled or not, or NumPy's."""

from types import ModuleType

import numpy as np

from seq2seq.generation import numpy_ops


def array_ops(array) -> ModuleType:
    """Returns the module of operations for arrays of this kind.

    Generating from an exported model takes NumPy arrays, and needs no Keras.

    Args:
        array: A NumPy array, or a tensor of the backend.

    Returns:
        `numpy_ops` or `keras_ops`, which offer the same functions.
    """
    if isinstance(array, (np.ndarray, np.generic)):
        return numpy_ops
    from seq2seq.generation import keras_ops

    return keras_ops
