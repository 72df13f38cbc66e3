"""Products of bfloat16 in training: where they are used, and that nothing else is touched."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH, make_model

import seq2seq
from seq2seq.backend import multiplies_bfloat16, runs_tensorflow_on_cpu
from seq2seq.layers import precision
from seq2seq.layers.embedding import TiedEmbedding
from seq2seq.layers.mixed_precision_dense import Dense
from seq2seq.layers.precision import training_dtype

X = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")


@pytest.mark.parametrize("fast", [False, True])
def test_auto_is_bfloat16_for_large_layers_where_the_processor_has_it(monkeypatch, fast):
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: fast)
    assert training_dtype("auto", 256, 8000) == ("bfloat16" if fast else "float32")
    assert training_dtype("auto", 32, 100) == "float32"
    assert training_dtype("bfloat16", 32, 100) == "bfloat16"
    assert training_dtype("float32", 256, 8000) == "float32"


def test_xla_is_never_given_bfloat16_by_itself():
    if keras.backend.backend() != "tensorflow":
        assert not multiplies_bfloat16()
        return
    flags = Path("/proc/cpuinfo")
    has_it = flags.exists() and re.search("avx512_bf16|amx_bf16", flags.read_text())
    assert multiplies_bfloat16() == (bool(has_it) and runs_tensorflow_on_cpu())


def tied(dtype):
    layer = TiedEmbedding(20, 8, dtype)
    return layer, lambda **options: layer(X, reverse=True, **options)


def dense(dtype):
    layer = Dense(20, dtype, activation="tanh")
    return layer, lambda **options: layer(X, **options)


@pytest.mark.parametrize("make", [tied, dense])
def test_layers_multiply_in_bfloat16_in_training_alone(make):
    (plain, run_plain), (half, run_half) = make("float32"), make("bfloat16")
    for layer in (plain, half):
        layer.build((None, 8) if make is dense else None)
    half.set_weights(plain.get_weights())
    expected = np.asarray(run_plain(training=True))
    np.testing.assert_array_equal(run_half(training=False), expected)
    trained = np.asarray(run_half(training=True))
    assert trained.dtype == "float32" and (trained != expected).any()
    np.testing.assert_allclose(trained, expected, atol=0.02)
    assert type(half).from_config(half.get_config()).training_dtype == "bfloat16"


@pytest.mark.parametrize("tie_output", [False, True])
def test_a_model_trained_so_is_one_of_float32(tmp_path, tie_output):
    model = make_model(
        precision="bfloat16", attention="luong", units=16, embedding_dim=16, tie_output=tie_output
    )
    losses = model.fit(ENGLISH, CHINESE, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert seq2seq.check_inference(model, ENGLISH, CHINESE) < 1e-5
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert again.precision == "bfloat16"
    assert again.generate(ENGLISH) == model.generate(ENGLISH)


def test_it_trains_nearly_as_float32_does():
    def losses(kind):
        model = make_model(precision=kind, attention="luong")
        return model.fit(ENGLISH, CHINESE, epochs=10, shuffle=False, verbose=0).history["loss"]

    assert losses("bfloat16") == pytest.approx(losses("float32"), rel=0.02)


def test_it_must_be_known():
    with pytest.raises(ValueError, match="`precision` to be one of 'auto', 'float32', 'bfloat16'"):
        make_model(precision="float16")


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
def test_another_policy_of_keras_is_left_to_keras(policy):
    layer = Dense(20, "bfloat16", dtype=policy)
    plain = keras.layers.Dense(20, dtype=policy)
    for dense_layer in (layer, plain):
        dense_layer.build((None, 8))
    plain.set_weights(layer.get_weights())
    trained, expected = layer(X, training=True), plain(X, training=True)
    assert trained.dtype == expected.dtype
    np.testing.assert_array_equal(*(keras.ops.cast(x, "float32") for x in (trained, expected)))
