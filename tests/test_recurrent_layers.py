"""The faster loops compute what Keras's own layers do, gradients included."""

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH
from keras import ops

from seq2seq.backend import runs_tensorflow_on_cpu
from seq2seq.layers.recurrent import GRU, LSTM

BATCH, LENGTH, DIM, UNITS = 3, 7, 5, 4
LENGTHS = np.array([7, 2, 5])
OPTIONS = {"return_sequences": True, "return_state": True}
KINDS = {"lstm": (keras.layers.LSTM, LSTM), "gru": (keras.layers.GRU, GRU)}
each_kind = pytest.mark.parametrize("kind", KINDS)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def make_layers(kind, **options):
    """Returns Keras's layer and ours with the same weights, biases too being random."""
    layers = [layer(UNITS, **OPTIONS, **options) for layer in KINDS[kind]]
    for layer in layers:
        layer.build((None, None, DIM))
        layer.set_weights([random(*weight.shape) for weight in layer.weights])
    return layers


def results_and_gradients(layer, mask, states, training):
    """Returns the layer's results, and the gradients of a number made of all of them."""
    inputs = random(BATCH, LENGTH, DIM), *states

    def loss_of(x, *states):
        outputs, *last = layer(x, initial_state=list(states), mask=mask, training=training)
        parts = outputs * random(BATCH, LENGTH, UNITS, seed=1), *(state**2 for state in last)
        return sum(map(ops.sum, parts)), (outputs, *last)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        inputs = list(map(tf.constant, inputs))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss, results = tf.function(loss_of)(*inputs)
        weights = [weight.value for weight in layer.trainable_variables]
        return [*results, *tape.gradient(loss, [*inputs, *weights])]
    import jax

    numbers = tuple(range(len(inputs)))
    gradients, results = jax.grad(loss_of, argnums=numbers, has_aux=True)(*inputs)
    return [*results, *gradients]


@each_kind
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_results_and_gradients_are_those_of_keras(kind, masked, training):
    mask = np.arange(LENGTH) < LENGTHS[:, None] if masked else None
    layers = make_layers(kind)
    states = [random(BATCH, UNITS, seed=i) for i in range(2, 3 + (kind == "lstm"))]
    expected, received = (results_and_gradients(layer, mask, states, training) for layer in layers)
    assert len(expected) == len(received) >= 4
    for a, b in zip(expected, received, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="cuDNN trains right elsewhere")
@pytest.mark.parametrize("wrap", [lambda layer: layer, keras.layers.Bidirectional])
def test_jax_never_calls_cudnn(wrap, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("cuDNN was called")

    monkeypatch.setattr("keras.src.backend.lstm", refuse)
    monkeypatch.setattr("keras.src.backend.bidirectional_lstm", refuse)
    layer = LSTM.from_config(LSTM(UNITS, **OPTIONS).get_config())
    wrap(layer)(random(BATCH, LENGTH, DIM))
    with pytest.raises(AssertionError, match="cuDNN was called"):
        wrap(keras.layers.LSTM(UNITS, **OPTIONS))(random(BATCH, LENGTH, DIM))


@each_kind
def test_reading_from_both_ends_is_that_of_keras(kind):
    mask = np.arange(LENGTH) < LENGTHS[:, None]
    layers = [keras.layers.Bidirectional(layer(UNITS, **OPTIONS)) for layer in KINDS[kind]]
    x = random(BATCH, LENGTH, DIM)
    results = []
    for layer in layers:
        layer.build(x.shape)
        layer.set_weights([random(*weight.shape) for weight in layer.weights])
        results.append(layer(x, mask=mask))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@each_kind
def test_a_state_dropped_in_training_is_left_to_keras(kind):
    layer = KINDS[kind][1](UNITS, recurrent_dropout=0.5, seed=1, return_sequences=True)
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


@each_kind
@pytest.mark.parametrize(
    "options", [{"activation": "relu"}, {"use_bias": False}, {"dtype": "float64"}]
)
def test_what_is_unusual_is_left_to_keras(kind, options):
    x = random(BATCH, LENGTH, DIM)
    plain, ours = (layer(UNITS, seed=1, **options) for layer in KINDS[kind])
    expected = plain(x)
    ours.build(x.shape)
    ours.set_weights(plain.get_weights())
    np.testing.assert_array_equal(ours(x), expected)


def test_a_gru_that_resets_first_is_left_to_keras():
    plain, ours = make_layers("gru", reset_after=False)
    x = random(BATCH, LENGTH, DIM)
    np.testing.assert_array_equal(ours(x, training=True)[0], plain(x, training=True)[0])


@each_kind
def test_bfloat16_products_are_near_and_only_in_training(kind):
    x = random(BATCH, LENGTH, DIM)
    plain, _ = make_layers(kind)
    half = KINDS[kind][1](UNITS, "bfloat16", **OPTIONS)
    half.build(x.shape)
    half.set_weights(plain.get_weights())
    expected = plain(x)[0]
    np.testing.assert_allclose(half(x)[0], expected, atol=1e-6)
    trained = np.asarray(half(x, training=True)[0])
    assert trained.dtype == "float32"
    np.testing.assert_allclose(trained, expected, atol=0.05)
    if runs_tensorflow_on_cpu():
        assert np.abs(trained - expected).max() > 1e-5


@each_kind
def test_it_is_rebuilt_from_its_config(kind):
    layer = KINDS[kind][1](UNITS, "bfloat16", return_sequences=True, name="encoder")
    again = KINDS[kind][1].from_config(layer.get_config())
    assert (again.units, again.training_dtype, again.name) == (UNITS, "bfloat16", "encoder")
