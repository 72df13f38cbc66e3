"""What differs between backends gives the same everywhere."""

import keras
import numpy as np
import pytest

from seq2seq.backend import first_best, top_k
from seq2seq.generation.constraints import NEVER


def test_the_first_of_equals_is_best():
    x = np.random.default_rng(1).integers(-3, 3, (50, 2, 7)).astype("float32")
    compiled = keras.ops.convert_to_numpy(first_best(keras.ops.array(x)))
    np.testing.assert_array_equal(compiled, x.argmax(-1))
    assert compiled.dtype == "int32"


def test_no_number_is_best_where_there_is_none():
    assert int(first_best(keras.ops.array([[np.nan, np.nan, np.nan]]))[0]) == 0


@pytest.mark.parametrize(("columns", "k"), [(1000, 5), (997, 3), (640, 5), (70, 5), (4, 4)])
def test_the_largest_are_those_of_keras_the_first_of_equals_first(columns, k):
    x = np.random.default_rng(1).integers(-40, 40, (20, columns)).astype("float32")
    x[0] = NEVER  # as where all is banned
    for ours, plain in zip(top_k(keras.ops.array(x), k), keras.ops.top_k(x, k), strict=True):
        np.testing.assert_array_equal(ours, plain)
