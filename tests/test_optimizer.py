"""Adam in one pass is Keras's Adam."""

import keras
import numpy as np
import pytest

from seq2seq.training.optimizer import Adam


def gradients(update):
    generator = np.random.default_rng(update)
    return [generator.normal(size=shape).astype("float32") for shape in ((5, 3), (4,))]


def train(optimizer, updates=5):
    """Returns the weights after a few updates."""
    weights = [keras.Variable(np.ones((5, 3), "float32")), keras.Variable(np.zeros(4, "float32"))]
    optimizer.build(weights)
    for update in range(updates):
        optimizer.apply(list(map(keras.ops.convert_to_tensor, gradients(update))), weights)
    return [np.asarray(weight) for weight in weights]


@pytest.mark.parametrize(
    "options",
    [{}, {"clipnorm": 0.5}, {"amsgrad": True}, {"weight_decay": 0.01}, {"use_ema": True}],
)
def test_weights_are_those_of_keras(options):
    expected = train(keras.optimizers.Adam(0.01, **options))
    for a, b in zip(expected, train(Adam(0.01, **options)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_schedule_is_followed():
    def schedule():
        return keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)

    expected = train(keras.optimizers.Adam(schedule()))
    for a, b in zip(expected, train(Adam(schedule())), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_rate_of_each_weight_is_followed():
    def halved(kind):
        class Halved(kind):
            def update_step(self, gradient, variable, learning_rate):
                super().update_step(gradient, variable, 0.5 * learning_rate)

        return Halved(0.1)

    expected = train(halved(keras.optimizers.Adam))
    for a, b, c in zip(expected, train(halved(Adam)), train(Adam(0.1)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
        assert not np.allclose(b, c, atol=1e-2)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="gradients of TensorFlow")
@pytest.mark.parametrize("limit", [0.5, 100.0, None])
def test_gradients_are_clipped_as_by_keras(limit):
    import tensorflow as tf

    dense = [tf.constant(gradient) for gradient in (*gradients(0), np.zeros((2, 2), "float32"))]
    sparse = tf.IndexedSlices(dense[0], tf.constant([1, 0, 1, 1, 3]), tf.constant([4, 3]))
    ours, theirs = (
        kind(clipnorm=limit)._clip_gradients([*dense, sparse])
        for kind in (Adam, keras.optimizers.Adam)
    )
    for a, b in zip(ours, theirs, strict=True):
        assert type(a) is type(b)
        np.testing.assert_allclose(tf.convert_to_tensor(a), tf.convert_to_tensor(b), rtol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="gradients of TensorFlow")
def test_the_gradients_of_a_row_are_added_up():
    import tensorflow as tf

    rows = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    sparse = tf.IndexedSlices(rows, tf.constant([2, 0, 2]), tf.constant([4, 2]))
    dense = tf.constant([[3.0, 4.0], [0.0, 0.0], [6.0, 8.0], [0.0, 0.0]])
    results = []
    for optimizer, gradient in (
        (Adam(0.1, clipnorm=1.0), sparse),
        (keras.optimizers.Adam(0.1, clipnorm=1.0), dense),
    ):
        weight = keras.Variable(np.zeros((4, 2), "float32"))
        optimizer.build([weight])
        for _ in range(3):
            optimizer.apply([gradient], [weight])
        results.append(np.asarray(weight))
    np.testing.assert_allclose(*results, atol=1e-5)


def test_it_is_rebuilt_from_its_config():
    adam = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(Adam(0.5, clipnorm=2.0))
    )
    assert isinstance(adam, Adam) and adam.clipnorm == 2.0 and adam.name == "adam"
    assert float(adam.learning_rate) == 0.5
