"""The LSTM's faster loop computes what Keras's own layer does, gradients included."""

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH
from keras import ops

from seq2seq.backend import runs_tensorflow_on_cpu
from seq2seq.layers.lstm import LSTM

BATCH, LENGTH, DIM, UNITS = 3, 7, 5, 4
LENGTHS = np.array([7, 2, 5])
OPTIONS = {"return_sequences": True, "return_state": True}


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def make_layers(**options):
    """Returns Keras's layer and ours with the same weights, biases too being random."""
    layers = [kind(UNITS, **OPTIONS, **options) for kind in (keras.layers.LSTM, LSTM)]
    for layer in layers:
        layer.build((None, None, DIM))
        layer.set_weights([random(*weight.shape) for weight in layer.weights])
    return layers


def results_and_gradients(layer, mask, states, training):
    """Returns the layer's results, and the gradients of a number made of all of them."""
    x, h, c = random(BATCH, LENGTH, DIM), *states

    def loss_of(x, h, c):
        outputs, last_h, last_c = layer(x, initial_state=[h, c], mask=mask, training=training)
        parts = outputs * random(BATCH, LENGTH, UNITS, seed=1), 2 * last_h, last_c**2
        return sum(map(ops.sum, parts)), (outputs, last_h, last_c)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        inputs = list(map(tf.constant, (x, h, c)))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss, results = tf.function(loss_of)(*inputs)
        weights = [weight.value for weight in layer.trainable_variables]
        return [*results, *tape.gradient(loss, [*inputs, *weights])]
    import jax

    gradients, results = jax.grad(loss_of, argnums=(0, 1, 2), has_aux=True)(x, h, c)
    return [*results, *gradients]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_results_and_gradients_are_those_of_keras(masked, training):
    mask = np.arange(LENGTH) < LENGTHS[:, None] if masked else None
    states = random(BATCH, UNITS, seed=2), random(BATCH, UNITS, seed=3)
    expected, received = (
        results_and_gradients(layer, mask, states, training) for layer in make_layers()
    )
    assert len(expected) == len(received) >= 6
    for a, b in zip(expected, received, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_reading_from_both_ends_is_that_of_keras():
    mask = np.arange(LENGTH) < LENGTHS[:, None]
    layers = [
        keras.layers.Bidirectional(kind(UNITS, **OPTIONS)) for kind in (keras.layers.LSTM, LSTM)
    ]
    x = random(BATCH, LENGTH, DIM)
    results = []
    for layer in layers:
        layer.build(x.shape)
        layer.set_weights([random(*weight.shape) for weight in layer.weights])
        results.append(layer(x, mask=mask))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_state_dropped_in_training_is_left_to_keras():
    layer = LSTM(UNITS, recurrent_dropout=0.5, seed=1, return_sequences=True)
    x = random(BATCH, LENGTH, DIM)
    assert not np.allclose(layer(x, training=True), layer(x, training=False))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a format of TensorFlow")
def test_a_model_can_be_exported(model, tmp_path):
    import tensorflow as tf

    inputs, _ = model.encode_pairs(ENGLISH, CHINESE)
    model.export(tmp_path / "model", format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    served = loaded.serve(list(map(tf.constant, inputs)))
    np.testing.assert_allclose(served, model(inputs), atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"activation": "relu"}, {"use_bias": False}, {"dtype": "float64"}]
)
def test_what_is_unusual_is_left_to_keras(options):
    x = random(BATCH, LENGTH, DIM)
    ours, plain = (kind(UNITS, seed=1, **options) for kind in (LSTM, keras.layers.LSTM))
    expected = plain(x)
    ours.build(x.shape)
    ours.set_weights(plain.get_weights())
    np.testing.assert_array_equal(ours(x), expected)


def test_bfloat16_products_are_near_and_only_in_training():
    x = random(BATCH, LENGTH, DIM)
    plain, _ = make_layers()
    half = LSTM(UNITS, "bfloat16", **OPTIONS)
    half.build(x.shape)
    half.set_weights(plain.get_weights())
    expected = plain(x)[0]
    np.testing.assert_allclose(half(x)[0], expected, atol=1e-6)
    trained = np.asarray(half(x, training=True)[0])
    assert trained.dtype == "float32"
    np.testing.assert_allclose(trained, expected, atol=0.05)
    if runs_tensorflow_on_cpu():
        assert np.abs(trained - expected).max() > 1e-5


def test_it_is_rebuilt_from_its_config():
    layer = LSTM(UNITS, "bfloat16", return_sequences=True, name="encoder")
    again = LSTM.from_config(layer.get_config())
    assert (again.units, again.training_dtype, again.name) == (UNITS, "bfloat16", "encoder")
