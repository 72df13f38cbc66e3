"""Models whose weights were changed by Keras's `quantize` and `enable_lora`."""

import warnings

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH, fewer_on_jax, make_model

import seq2seq


def learned(**options):
    model = make_model(**options)
    model.fit(ENGLISH, CHINESE, epochs=2, verbose=0)
    return model


def assert_equal_once_loaded(model, path):
    model.save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        loaded = seq2seq.load_model(path)
    np.testing.assert_array_equal(
        loaded.score(ENGLISH, CHINESE), model.score(ENGLISH, CHINESE), strict=True
    )
    assert loaded.generate(ENGLISH, max_length=9) == model.generate(ENGLISH, max_length=9)
    return loaded


@pytest.mark.parametrize("mode", fewer_on_jax(["int8", "int4"], "int8"))
@pytest.mark.usefixtures("untraced")
def test_a_quantized_model_is_the_same_once_loaded(tmp_path, mode):
    model = learned(attention="luong", cell="gru")
    before = model.score(ENGLISH, CHINESE)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.quantize(mode)
    assert (model.score(ENGLISH, CHINESE) != before).any()
    loaded = assert_equal_once_loaded(model, tmp_path / "m.keras")
    assert_equal_once_loaded(loaded, tmp_path / "again.keras")


@pytest.mark.neutral
def test_quantizing_in_a_way_that_no_file_holds_is_refused_when_saved(tmp_path):
    unusual = keras.quantizers.Int8QuantizationConfig(activation_quantizer=None)
    ways = [
        lambda model: model.quantize("int8", filters="decoder.*"),
        lambda model: model.quantize(config=unusual),
        lambda model: model.decoder.output.quantize("int8"),
    ]
    for quantize in ways:
        model = make_model()
        quantize(model)
        with pytest.raises(ValueError, match="quantized as a whole"):
            model.save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())


def test_the_weights_of_lora_are_saved_merged(tmp_path):
    model = learned()
    model.decoder.output.enable_lora(2)
    model.encoder.embedding.enable_lora(2)
    model.compile("adam", model.loss)
    before = model.score(ENGLISH, CHINESE)
    model.fit(ENGLISH, CHINESE, epochs=2, verbose=0)
    assert (model.score(ENGLISH, CHINESE) != before).any()
    with pytest.warns(UserWarning, match="call `enable_lora` again"):
        model.save(tmp_path / "m.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimizer knew other weights
        loaded = seq2seq.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(
        loaded.score(ENGLISH, CHINESE), model.score(ENGLISH, CHINESE), rtol=1e-5
    )
    assert loaded.generate(ENGLISH, max_length=9) == model.generate(ENGLISH, max_length=9)


@pytest.mark.neutral
def test_lora_of_a_tied_embedding_is_saved_merged(tmp_path):
    model = learned(tie_output=True, embedding_dim=32)
    model.decoder.embedding.enable_lora(2)
    before = model.score(ENGLISH, CHINESE)
    model.decoder.embedding.lora_embeddings_b.assign_add(np.full((2, 32), 0.1))
    assert (model.score(ENGLISH, CHINESE) != before).any()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimizer knew other weights
        model.save(tmp_path / "m.keras")
        loaded = seq2seq.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(
        loaded.score(ENGLISH, CHINESE), model.score(ENGLISH, CHINESE), rtol=1e-5
    )


def test_a_file_names_no_other_way_to_quantize():
    config = {**make_model().get_config(), "quantization": "gptq"}
    with pytest.raises(ValueError, match="`quantization` among int8, int4"):
        seq2seq.Seq2Seq.from_config(config)
