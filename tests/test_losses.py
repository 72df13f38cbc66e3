"""The loss of one pass is Keras's, in value and gradient."""

import keras
import numpy as np
import pytest
from keras import ops

from seq2seq.training.losses import Crossentropy, crossentropy_of_scores

LABELS = np.array([[1, 0, 4], [3, 3, 2]], dtype="int32")
SCORES = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32") * 4
WEIGHTS = np.array([[1.0, 0.0, 2.0], [0.5, 3.0, 1.0]], dtype="float32")


def value_and_gradient(function):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        scores = tf.constant(SCORES)
        with tf.GradientTape() as tape:
            tape.watch(scores)
            value = function(scores)
        return value, tape.gradient(value, scores)
    import jax

    return jax.value_and_grad(function)(SCORES)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.5])
def test_value_and_gradient_are_those_of_keras(label_smoothing):
    def plain(scores):
        targets = ops.one_hot(LABELS, 5) * (1 - label_smoothing) + label_smoothing / 5
        return ops.sum(WEIGHTS * ops.categorical_crossentropy(targets, scores, from_logits=True))

    def fast(scores):
        return ops.sum(WEIGHTS * crossentropy_of_scores(scores, LABELS, label_smoothing))

    for a, b in zip(value_and_gradient(plain), value_and_gradient(fast), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_padding_with_weight_zero_has_no_gradient():
    _, gradient = value_and_gradient(
        lambda scores: ops.sum(WEIGHTS * crossentropy_of_scores(scores, LABELS))
    )
    assert not np.asarray(gradient)[0, 1].any()


@pytest.mark.parametrize("shape", [(6,), (6, 1), (2, 3)])
def test_labels_of_rows_and_of_tokens(shape):
    labels, scores = LABELS.reshape(shape), SCORES.reshape((*shape[:1], -1, 5))
    scores = scores[:, 0] if len(shape) == 1 or shape[-1] == 1 else scores
    expected = float(ops.mean(ops.sparse_categorical_crossentropy(LABELS, SCORES, True)))
    for probabilities in (keras.activations.softmax(scores), np.asarray(ops.softmax(scores))):
        loss = Crossentropy()(ops.convert_to_tensor(labels), ops.convert_to_tensor(probabilities))
        assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_a_probability_of_zero_is_finite():
    scores = ops.convert_to_tensor(np.array([[0.0, 500.0]], dtype="float32"))
    value = crossentropy_of_scores(scores, ops.convert_to_tensor(np.array([0], dtype="int32")))
    assert float(value[0]) == pytest.approx(500)


def test_it_is_rebuilt_from_its_config():
    loss = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(Crossentropy(0.2))
    )
    assert isinstance(loss, Crossentropy) and loss.label_smoothing == 0.2


def test_its_former_name_loads():
    config = keras.saving.serialize_keras_object(Crossentropy(0.2))
    config.update(class_name="SmoothedCrossentropy", registered_name="seq2seq>SmoothedCrossentropy")
    assert isinstance(keras.saving.deserialize_keras_object(config), Crossentropy)
