"""A model file is data: a crafted one opens no other file, runs nothing, and costs nothing."""

import importlib.util
import json
import shutil
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import seq2seq

pytestmark = pytest.mark.neutral

SAVED = Path(__file__).parent / "saved_models"
SECRET = "the secret of another file"


def craft(tmp_path, change, name="attentive", config_text=None):
    """Returns the path of a copy of a saved model whose config was changed."""
    path = tmp_path / "crafted.keras"
    with zipfile.ZipFile(SAVED / f"{name}.keras") as source, zipfile.ZipFile(path, "w") as target:
        for member in source.namelist():
            content = source.read(member)
            if member == "config.json":
                config = json.loads(content)
                change(config["config"])
                content = config_text or json.dumps(config)
            target.writestr(member, content)
    return path


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text(f"{SECRET} 1 2\n", encoding="utf-8")
    return str(path)


def tokenizer(name, value):
    return lambda config: config["target"]["config"].update({name: value})


LOADERS = pytest.mark.parametrize("load", [seq2seq.load_model, keras.saving.load_model])


@LOADERS
@pytest.mark.parametrize(
    "entry", ["source_vectors", "target_vectors", "user_dictionary", "stop_words", "vocabulary"]
)
def test_no_other_file_is_opened_or_quoted(tmp_path, secret, entry, load):
    change = tokenizer(entry, secret)
    if entry.endswith("vectors"):
        change = lambda config: config.update({entry: secret})  # noqa: E731
    path, opened = craft(tmp_path, change), []
    sys.addaudithook(lambda event, arguments: event == "open" and opened.append(arguments[0]))
    with pytest.raises(Exception) as raised:
        load(path)
    chain, error = [], raised.value
    while error is not None:
        chain.append(str(error))
        error = error.__cause__ or error.__context__
    assert not any(SECRET in text for text in chain)
    assert secret not in map(str, opened)
    assert str(path) in map(str, opened)  # the hook sees what is opened


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.update(units=2**40), "at most|too few"),
        (lambda config: config.update(embedding_dim=2**40), "at most|too few"),
        (lambda config: config.update(source=2**50), "at most|too few"),
        (lambda config: config.update(num_layers=2**50), "at most|too few"),
        (lambda config: config.update(units="16"), "whole number"),
        (lambda config: config.update(cell=["lstm"]), "one of"),
        (lambda config: config.update(surprise=1), "unknown entry, 'surprise'"),
        (lambda config: config.update(manifest="none"), "manifest"),
        (lambda config: config.update(name=7), "name"),
        (lambda config: config.update(frozen="all"), "`frozen` to be a list of layers"),
        (lambda config: config.pop("target"), "target"),
        (tokenizer("surprise", 1), "unknown entry, 'surprise'"),
        (tokenizer("vocabulary", [["a"], "b"]), "vocabulary"),
        (tokenizer("vocabulary", ["a", "a"]), "more than once"),
        (tokenizer("max_tokens", "many"), "max_tokens"),
        (lambda config: config["target"].update(registered_name="keras>Dense"), "tokenizer"),
        (lambda config: config["target"].update(registered_name="seq2seq>LSTM"), "tokenizer"),
        (
            lambda config: config["target"].update(module="os", registered_name="system"),
            "tokenizer",
        ),
        (lambda config: config["target"].update(registered_name=None), "tokenizer"),
        (lambda config: config["target"].update(config="rm -r"), "tokenizer"),
    ],
)
def test_a_config_of_other_entries_or_types_is_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        seq2seq.load_model(craft(tmp_path, change))


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("classifier", {"labels": 10**7}),
        ("encoded_classifier", {"encoder": {"units": 20_000, "num_layers": 2}}),
        ("attentive", {"source": 2 * 10**7}),
        ("attentive", {"units": 20_000}),
        ("attentive", {"num_layers": 10**6}),
        ("masked_language_model", {"feedforward_units": 2**22}),
        ("masked_language_model", {"max_length": 2**22}),
    ],
)
def test_a_network_larger_than_the_weights_is_refused_before_it_is_made(tmp_path, name, entries):
    path = craft(tmp_path, lambda config: config.update(entries), name)
    with pytest.raises(ValueError, match="too few for its settings"):
        seq2seq.load_model(path)


@pytest.mark.parametrize(
    "entries",
    [
        {"padding": {"strategy": {"Fixed": 10**8}, "direction": "Right"}},
        {"truncation": {"max_length": 1, "stride": 5}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"model": {"type": "WordPiece"}},
    ],
    ids=lambda entries: next(iter(entries)),
)
def test_subwords_that_adapt_would_not_make_are_refused(entries):
    config = seq2seq.SubwordTokenizer(max_tokens=20).adapt(["low lower"]).get_config()
    config["model"] = json.dumps({**json.loads(config["model"]), **entries})
    with pytest.raises(ValueError, match="Expected `model` as `get_config` returns it"):
        seq2seq.SubwordTokenizer.from_config(config)


def test_json_nested_ten_thousand_deep_is_refused(tmp_path):
    deep = "[" * 100_000 + "]" * 100_000
    path = craft(tmp_path, lambda config: None, config_text=deep)
    with pytest.raises(ValueError, match="to be a model saved with"):
        seq2seq.load_model(path)


def test_words_without_weights_are_refused_before_a_network_is_made(tmp_path):
    words = [f"w{i}" for i in range(200_000)]
    with pytest.raises(ValueError, match="too few for its settings"):
        seq2seq.load_model(craft(tmp_path, tokenizer("vocabulary", words), "classic"))


def test_a_class_that_is_no_model_of_ours_is_refused_before_it_is_made(tmp_path):
    path = tmp_path / "dense.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]).save(path)
    with pytest.raises(ValueError, match="Received: a 'Sequential'"):
        seq2seq.load_model(path)


def test_a_function_in_the_place_of_a_class_is_refused(tmp_path):
    path = tmp_path / "crafted.keras"
    with zipfile.ZipFile(SAVED / "classic.keras") as source, zipfile.ZipFile(path, "w") as target:
        for member in source.namelist():
            content = source.read(member)
            if member == "config.json":
                content = json.dumps(
                    {**json.loads(content), "registered_name": "seq2seq>gelu_tanh"}
                )
            target.writestr(member, content)
    with pytest.raises(ValueError, match="to hold a model of this package"):
        seq2seq.load_model(path)


@pytest.mark.parametrize("damaged", [b"PK\x01\x02", b"config.json"], ids=["directory", "name"])
def test_damaged_archives_are_refused(tmp_path, damaged):
    path = tmp_path / "model.keras"
    content = (SAVED / "classic.keras").read_bytes()
    place = content.rindex(damaged)
    path.write_bytes(content[:place] + b"XXXX" + content[place + 4 :])
    with pytest.raises(ValueError, match=r"saved with `model\.save"):
        seq2seq.load_model(path)


def test_archives_that_keras_would_not_write_are_refused(tmp_path):
    path = tmp_path / "model.keras"
    shutil.copy(SAVED / "classic.keras", path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../outside.txt", "out")
    with pytest.raises(ValueError, match="outside"):
        seq2seq.load_model(path)
    assert not (tmp_path.parent / "outside.txt").exists()
    shutil.copy(SAVED / "classic.keras", path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros", bytes(2**27))  # 128 KiB of archive
    assert path.stat().st_size < 2**20
    with pytest.raises(ValueError, match="would unpack to"):
        seq2seq.load_model(path)
    shutil.copy(SAVED / "classic.keras", path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for i in range(1500):
            archive.writestr(f"assets/{i}", bytes(200_000))
    assert path.stat().st_size < 2**20
    with pytest.raises(ValueError, match="would unpack to"):
        seq2seq.load_model(path)


def craft_weights(tmp_path, change):
    """Returns the path of a copy of a saved model, of which one weight was changed."""
    path, weights = tmp_path / "crafted.keras", tmp_path / "weights.h5"
    with zipfile.ZipFile(SAVED / "classic.keras") as source, zipfile.ZipFile(path, "w") as target:
        for member in source.namelist():
            content = source.read(member)
            if member == "model.weights.h5":
                weights.write_bytes(content)
                with h5py.File(weights, "r+") as file:
                    group = file["layers/embedding/vars"]
                    change(group, np.array(group["0"]))
                content = weights.read_bytes()
            target.writestr(member, content)
    weights.unlink()
    return path


def replace_by(make):
    def change(group, array):
        del group["0"]
        make(group, array)

    return change


@LOADERS
@pytest.mark.parametrize(
    "make",
    [
        lambda group, array: group.create_dataset("0", data=array[:-1]),
        lambda group, array: group.create_dataset("0", data=np.full(array.shape, b"x")),
        lambda group, array: group.create_dataset("0", (2**20, 2**20), "f4"),
        lambda group, array: group.create_group("0"),
        lambda group, array: None,
    ],
    ids=["shape", "type", "terabytes", "group", "nothing"],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, make, load):
    path = craft_weights(tmp_path, replace_by(make))
    with pytest.raises(Exception):  # noqa: B017  Keras raises of several kinds
        load(path)
    if load is seq2seq.load_model:
        with pytest.raises(ValueError, match="Could not load"):
            load(path)


@LOADERS
@pytest.mark.parametrize("way", ["external link", "soft link", "external data", "virtual"])
def test_weights_come_from_no_other_file(tmp_path, way, load):
    other = tmp_path / "other.h5"

    def make(group, array):
        with h5py.File(other, "w") as file:
            file["secret"] = array * 0 + 7
            raw = file["secret"].id.get_offset()
        if way == "external link":
            group["0"] = h5py.ExternalLink(str(other), "secret")
        elif way == "soft link":
            group["0"] = h5py.SoftLink("/layers/embedding_1/vars/0")
        elif way == "external data":
            stored = [(str(other), raw, array.nbytes)]
            group.create_dataset("0", array.shape, array.dtype, external=stored)
        else:
            layout = h5py.VirtualLayout(array.shape, array.dtype)
            layout[:] = h5py.VirtualSource(str(other), "secret", array.shape)
            group.create_virtual_dataset("0", layout)

    path = craft_weights(tmp_path, replace_by(make))
    with pytest.raises(ValueError, match=r"Not allowed|could not be loaded"):
        load(path)


def test_weights_that_are_no_numbers_are_told_where_they_are_used(tmp_path):
    def spoil(group, array):
        group["0"][...] = np.nan

    model = seq2seq.load_model(craft_weights(tmp_path, spoil))
    with pytest.raises(ValueError, match="weights are NaN"):
        model.generate("good night", max_length=3)


def test_loading_imports_no_module_that_a_file_names(tmp_path, monkeypatch):
    (tmp_path / "trap.py").write_text("class Trap: pass", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def change(config):
        config["target"].update(module="trap", registered_name="Trap", class_name="Trap")

    with pytest.raises(ValueError, match="Expected `target` to be a tokenizer"):
        seq2seq.load_model(craft(tmp_path, change))
    assert "trap" not in sys.modules
    assert importlib.util.find_spec("trap")  # it could have been imported


def test_a_tokenizer_of_ones_own_loads_once_registered(tmp_path):
    @keras.saving.register_keras_serializable(package="mine")
    class Letters(seq2seq.CharTokenizer):
        pass

    model = seq2seq.LanguageModel(Letters().adapt(["abc"]), embedding_dim=4, units=4)
    model.save(tmp_path / "model.keras")
    assert type(seq2seq.load_model(tmp_path / "model.keras").tokenizer) is Letters
