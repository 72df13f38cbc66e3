"""Normalisation that knows its gradient gives what Keras's gives."""

import keras
import numpy as np
import pytest
from conftest import fewer_on_jax, value_and_gradient
from keras import ops

from seq2seq.layers.layer_normalization import LayerNormalization, normalise

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(2.0, 3.0, (2, 3, 8)).astype("float32")
GAMMA, BETA = RANDOM.normal(size=(2, 8)).astype("float32")
FACTORS = RANDOM.normal(size=(6, 8)).astype("float32")
POLICIES = "float32", "float64", "mixed_float16", "bfloat16"


def test_value_and_gradients_are_those_of_keras():
    def plain(arguments):
        return ops.sum(FACTORS * ops.layer_normalization(*arguments, axis=-1, epsilon=1e-3))

    def fast(arguments):
        return ops.sum(FACTORS * normalise(*arguments, epsilon=1e-3))

    given = X.reshape(6, 8), GAMMA, BETA
    (value, gradients), (expected, others) = (
        value_and_gradient(function, given) for function in (fast, plain)
    )
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for gradient, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(gradient, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", fewer_on_jax(POLICIES, "float32", "mixed_float16"))
def test_the_layer_gives_the_same_in_training(policy):
    own, other = (
        kind(epsilon=1e-3, dtype=policy)
        for kind in (LayerNormalization, keras.layers.LayerNormalization)
    )
    for layer in (own, other):
        layer.build((None, None, 8))
        layer.set_weights([GAMMA, BETA])
    found, expected = own(X, training=True), other(X)
    assert keras.backend.standardize_dtype(found.dtype) == own.compute_dtype
    found, expected = (np.asarray(ops.cast(each, "float32")) for each in (found, expected))
    np.testing.assert_allclose(found, expected, atol=0.05 if "16" in policy else 1e-5)
    np.testing.assert_array_equal(ops.cast(own(X), "float32"), expected)
