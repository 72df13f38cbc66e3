"""The other formats of `export`: a model gives the same in LiteRT, and as Keras's SavedModel."""

import json
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH, make_model, trained_model

import seq2seq
from seq2seq.cli import main

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="LiteRT's converter is TensorFlow's"
)
READ = """
import json, sys
import tensorflow as tf
results = []
for folder, ids in json.loads(sys.argv[1]):
    model = tf.saved_model.load(folder)
    results.append(model.serve(ids).numpy().tolist())
assert "seq2seq" not in sys.modules
print(json.dumps(results))
"""


@pytest.fixture
def litert():
    pytest.importorskip("onnx")
    pytest.importorskip("ai_edge_litert")


def words():
    return seq2seq.WordTokenizer().adapt(ENGLISH)


def language_model():
    keras.utils.set_random_seed(7)
    return seq2seq.LanguageModel(words(), embedding_dim=16, units=32)


def classifier():
    keras.utils.set_random_seed(7)
    return seq2seq.TextClassifier(words(), ["a", "b"], embedding_dim=16, units=32, pair_buckets=10)


@pytest.fixture(scope="module")
def classic_folder(tmp_path_factory):
    """The folder of a small model, not to be changed."""
    folder = tmp_path_factory.mktemp("litert") / "model"
    assert trained_model("classic").export(folder, format="litert", verbose=0) < 1e-4
    return folder


@on_tensorflow
@pytest.mark.parametrize("name", ["classic", "two ways", "tied"])
def test_the_same_texts_in_litert(name, tmp_path, litert, request):
    model = trained_model(name)
    if name == "classic":
        folder = request.getfixturevalue("classic_folder")
    else:
        folder = tmp_path / "model"
        assert model.export(folder, format="litert", verbose=0) < 1e-4
    exported = seq2seq.load_model(folder)
    texts = [*ENGLISH, "", "good station"]
    for sampler in ("greedy", seq2seq.BeamSearch(4, num_results=3), seq2seq.Sample(seed=3)):
        assert exported.generate(texts, 12, sampler) == model.generate(texts, 12, sampler)
    ours, theirs = (one.generate(texts, 12, return_details=True) for one in (model, exported))
    for a, b in zip(ours, theirs, strict=True):
        assert a.score == pytest.approx(b.score, abs=1e-4)
        if name != "classic":
            np.testing.assert_allclose(a.attention, b.attention, atol=1e-4)
    ours, theirs = (seq2seq.encode_texts(one, ENGLISH) for one in (model, exported))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@on_tensorflow
def test_the_command_exports_for_litert(tmp_path, litert, capsys):
    model = language_model()
    model.save(tmp_path / "m.keras")
    folder = tmp_path / "model"
    assert main(["export", str(tmp_path / "m.keras"), str(folder), "--format", "litert"]) == 0
    difference = re.search(r"Largest difference to the model.*: (\S+)\.\n", capsys.readouterr().out)
    assert float(difference[1]) < 1e-4
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert ".tflite`" in readme and "onnx" not in readme.lower()
    exported = seq2seq.load_model(folder)
    assert exported.generate(["good", ""], 5) == model.generate(["good", ""], 5)


@on_tensorflow
def test_a_classifier_in_litert(tmp_path, litert):
    model = classifier()
    assert model.export(tmp_path / "model", format="litert", verbose=0) < 1e-4
    exported = seq2seq.load_model(tmp_path / "model")
    np.testing.assert_allclose(exported.predict_proba(ENGLISH), model.predict_proba(ENGLISH), 1e-4)


@on_tensorflow
def test_eight_bits_in_litert_are_small_and_near(trained, tmp_path, litert):
    model = make_model(units=256)
    assert model.export(tmp_path / "large", "litert", "int8", verbose=0) < 0.5
    size = sum(file.stat().st_size for file in (tmp_path / "large").glob("*.tflite"))
    assert size < 0.4 * 4 * model.count_params()
    trained.export(tmp_path / "small", "litert", "int8", verbose=0)
    assert seq2seq.load_model(tmp_path / "small").generate(ENGLISH) == trained.generate(ENGLISH)


@on_tensorflow
def test_litert_runs_without_keras_and_says_nothing(classic_folder, litert):
    program = (
        "import sys, seq2seq\n"
        f"model = seq2seq.load_model({str(classic_folder)!r})\n"
        f"print(model.generate({ENGLISH[0]!r}))\n"
        "print({'keras', 'tensorflow', 'onnxruntime'} & sys.modules.keys())"
    )
    command = [sys.executable, "-X", "utf8", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert result.stdout == f"{CHINESE[0]}\nset()\n", result.stderr
    assert result.stderr == ""


@on_tensorflow
def test_what_litert_cannot_compute_is_refused(tmp_path, litert):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make_model()
    finally:
        keras.config.set_dtype_policy(policy)
    with pytest.raises(ValueError, match=r"float32.*Received: bfloat16\. Use format='onnx'"):
        model.export(tmp_path / "model", format="litert")
    assert not (tmp_path / "model").exists()


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="for other backends")
def test_litert_needs_tensorflow(model, tmp_path):
    pytest.importorskip("onnx")
    with pytest.raises(ValueError, match=r"Expected Keras on TensorFlow.*KERAS_BACKEND=tensorflow"):
        model.export(tmp_path / "model", format="litert")


def test_a_saved_model_is_read_by_tensorflow_alone(tmp_path):
    ids = [[4, 5, 3], [6, 3, 0]]
    models = make_model(attention="luong", bidirectional=True), language_model(), classifier()
    inputs = [ids, ids], ids, ids
    folders = [str(tmp_path / type(model).__name__) for model in models]
    for model, folder in zip(models, folders, strict=True):
        model.export(folder, format="tf_saved_model", verbose=False)
    arguments = json.dumps(list(zip(folders, inputs, strict=True)))
    command = [sys.executable, "-c", READ, arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for model, given, received in zip(models, inputs, json.loads(result.stdout), strict=True):
        arrays = [np.array(rows, "int32") for rows in (given if len(model.inputs) > 1 else [given])]
        expected = model(arrays if len(arrays) > 1 else arrays[0])
        np.testing.assert_allclose(received, expected, atol=1e-5)
