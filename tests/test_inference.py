"""The inference models, and files that hold none."""

import zipfile

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH

import seq2seq
from seq2seq import load_model


def greedy_by_hand(encoder_model, decoder_model, source_ids, max_length):
    """The tutorial's loop."""
    states = encoder_model.predict(source_ids, verbose=0)
    token_ids = np.full((len(source_ids), 1), seq2seq.BOS)
    rows = []
    for _ in range(max_length):
        probabilities, *states = decoder_model.predict([token_ids, *states], verbose=0)
        probabilities[:, :, : seq2seq.EOS] = 0
        token_ids = probabilities.argmax(-1)
        rows.append(token_ids[:, 0])
    rows = np.stack(rows, axis=1).tolist()
    return [row[: row.index(3) + 1] if 3 in row else row for row in rows]


@pytest.mark.usefixtures("untraced")
def test_the_loop_by_hand_gives_what_generate_gives(trained):
    source_ids = trained.encode_pairs(ENGLISH, CHINESE)[0][0]
    models = seq2seq.build_inference_models(trained)
    assert greedy_by_hand(*models, source_ids, 10) == trained.generate(source_ids, max_length=10)


def test_the_states_are_a_list_of_at_least_two(model):
    encoder_model, decoder_model = seq2seq.build_inference_models(model)
    states = encoder_model.predict(np.array([[5, 3]]), verbose=0)
    assert isinstance(states, list) and len(states) == 2
    outputs = decoder_model.predict([np.array([[2]]), *states], verbose=0)
    assert outputs[0].shape == (1, 1, model.target_vocabulary_size)
    assert [state.shape for state in outputs[1:]] == [state.shape for state in states]


def test_they_share_the_layers(model):
    _, decoder_model = seq2seq.build_inference_models(model)
    layer = model.get_layer("decoder_lstm")
    assert decoder_model.get_layer("decoder_lstm") is layer


def test_the_summary_keeps_its_shapes(model):
    def summary():
        lines = []
        model.summary(print_fn=lambda text, **_: lines.append(text))
        return lines

    before = summary()
    seq2seq.build_inference_models(model)
    assert summary() == before


def test_they_are_loaded_from_a_file(trained, tmp_path):
    trained.save(tmp_path / "m.keras")
    models = seq2seq.load_inference_models(tmp_path / "m.keras")
    source_ids = trained.encode_pairs(ENGLISH, CHINESE)[0][0]
    assert greedy_by_hand(*models, source_ids, 10) == trained.generate(source_ids, max_length=10)


class TestBadFiles:
    def test_none_there(self, tmp_path):
        with pytest.raises(ValueError, match="does not exist"):
            seq2seq.load_inference_models(tmp_path / "none.keras")

    def test_no_model(self, tmp_path):
        (tmp_path / "text.keras").write_text("hello")
        with pytest.raises(ValueError, match="saved with"):
            load_model(tmp_path / "text.keras")
        with zipfile.ZipFile(tmp_path / "zip.keras", "w") as archive:
            archive.writestr("a.txt", "a")
        with pytest.raises(ValueError, match="saved with"):
            load_model(tmp_path / "zip.keras")

    def test_half_a_model(self, model, tmp_path):
        model.save(tmp_path / "m.keras")
        content = (tmp_path / "m.keras").read_bytes()
        (tmp_path / "half.keras").write_bytes(content[: len(content) // 2])
        with pytest.raises(ValueError, match="part of one"):
            load_model(tmp_path / "half.keras")

    def test_broken_weights(self, model, tmp_path):
        model.save(tmp_path / "m.keras")
        with (
            zipfile.ZipFile(tmp_path / "m.keras") as old,
            zipfile.ZipFile(tmp_path / "broken.keras", "w") as new,
        ):
            for name in old.namelist():
                content = old.read(name)
                new.writestr(name, content[:500] if name.endswith(".h5") else content)
        with pytest.raises(ValueError, match="Could not load"):
            load_model(tmp_path / "broken.keras")

    def test_another_model(self, tmp_path):
        inputs = keras.Input((3,))
        keras.Model(inputs, keras.layers.Dense(2)(inputs)).save(tmp_path / "other.keras")
        with pytest.raises(ValueError, match="Seq2Seq"):
            seq2seq.load_inference_models(tmp_path / "other.keras")
        with pytest.raises(ValueError, match="Expected a Seq2Seq"):
            seq2seq.build_inference_models(keras.Model(inputs, inputs))
