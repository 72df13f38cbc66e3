"""Files that earlier versions saved load for ever, and give the same texts.

`saved_models` holds files of version 0.1.0, most of them from before its code moved into rooms,
with what they generated then. They are never made anew.
"""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH, fewer_on_jax, make_model

import seq2seq

FOLDER = Path(__file__).parent / "saved_models"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


def load(name):
    if name == "tied":
        pytest.importorskip("tokenizers", reason="the extra `subword` is not installed")
    return keras.saving.load_model(FOLDER / f"{name}.keras")


TRANSLATORS = "classic", "gru", "attentive", "tied", "transformer"


@pytest.mark.parametrize("name", fewer_on_jax(TRANSLATORS, "attentive", "transformer"))
def test_translators(name):
    model, expected = load(name), EXPECTED[name]
    beam = seq2seq.BeamSearch(width=3, num_results=2)
    sample = seq2seq.Sample(temperature=1.5, top_p=0.95, seed=3)
    assert model.generate(ENGLISH) == expected["greedy"]
    assert model.generate(ENGLISH, sampler=beam, max_length=12) == expected["beam"]
    assert model.generate(ENGLISH, sampler=sample, max_length=12) == expected["sample"]
    np.testing.assert_allclose(model.score(ENGLISH, CHINESE), expected["score"], atol=1e-4)
    assert model.manifest["seq2seq"] == "0.1.0"


def test_a_language_model():
    model, expected = load("language_model"), EXPECTED["language_model"]
    sample = seq2seq.Sample(temperature=1.5, top_k=5, seed=3)
    assert model.generate(["却说曹", "曹操大"], max_length=12) == expected["greedy"]
    assert model.generate(["却说", ""], sampler=sample, max_length=12) == expected["sample"]
    texts = ["却说曹操引兵追赶。", "却说玄德引军。", "曹操大怒。"]
    np.testing.assert_allclose(model.score(texts), expected["score"], atol=1e-4)


SENTENCES = ["the cat sat on the mat", "the dog sat on the log", "a bird sang to the dog"]


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("classifier", ["很好", "太差了", "不错，很好", "差"]),
        ("encoded_classifier", SENTENCES),
        ("paired_classifier", SENTENCES),
    ],
)
def test_classifiers(name, texts):
    results = load(name).classify(texts)
    assert [result.label for result in results] == EXPECTED[name]["labels"]
    probabilities = [result.probability for result in results]
    np.testing.assert_allclose(probabilities, EXPECTED[name]["probabilities"], atol=1e-5)


def test_a_masked_language_model():
    model, expected = load("masked_language_model"), EXPECTED["masked_language_model"]
    texts = ["the cat [MASK] on the mat", "a [MASK] sang to the [MASK]"]
    for places, tokens, probabilities in zip(
        model.fill(texts, num_results=2), *expected.values(), strict=True
    ):
        assert [[result.token for result in results] for results in places] == tokens
        found = [[result.probability for result in results] for results in places]
        np.testing.assert_allclose(found, probabilities, atol=1e-5)


def test_training_goes_on_where_it_stopped():
    model = load("classic")
    updates = int(model.optimizer.iterations)
    assert updates == 80
    before = model.evaluate(ENGLISH, CHINESE, verbose=0)[0]
    model.fit(ENGLISH, CHINESE, epochs=5, batch_size=4, verbose=0)
    assert int(model.optimizer.iterations) == updates + 5
    assert model.evaluate(ENGLISH, CHINESE, verbose=0)[0] < before


@pytest.mark.parametrize("name", EXPECTED)
def test_they_are_saved_as_they_were(name, tmp_path):
    model = load(name)
    model.save(tmp_path / "model.keras")
    again = seq2seq.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("saved_on", ["this backend", "another"])
def test_the_backend_that_runs_a_model_decides_whether_by_xla(tmp_path, saved_on):
    model = make_model()
    usual = model.jit_compile
    model.compile("adam", model.loss, jit_compile=not usual)
    model.manifest = {"backend": keras.backend.backend() if saved_on == "this backend" else "other"}
    model.save(tmp_path / "m.keras")
    loaded = seq2seq.load_model(tmp_path / "m.keras")
    assert loaded.jit_compile == (usual if saved_on == "another" else not usual)
