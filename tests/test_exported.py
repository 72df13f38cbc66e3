"""Exported models give what the model gives, without Keras; a broken folder is told in one line."""

import functools
import json
import logging
import os
import shutil
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
from conftest import ARCHITECTURES, CHINESE, ENGLISH, fewer_on_jax, learn, make_model, trained_model

import seq2seq
from seq2seq.cli import main

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SAMPLERS = {
    "greedy": "greedy",
    "sample": seq2seq.Sample(temperature=2.0, top_k=6, top_p=0.95, seed=3),
    "constrained": seq2seq.Sample(
        seed=1, min_length=3, no_repeat_ngram=2, repetition_penalty=1.5, prefix="晚", banned=["。"]
    ),
    "beam": seq2seq.BeamSearch(4, num_results=3),
}


@pytest.fixture(scope="module", params=fewer_on_jax(ARCHITECTURES, "two ways"))
def both(request, tmp_path_factory):
    """A model, and what was exported from it."""
    model = trained_model(request.param)
    folder = tmp_path_factory.mktemp("exported") / "model"
    assert model.export(folder, verbose=0) < 1e-4
    return model, seq2seq.load_model(folder)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The folder of a small model, not to be changed."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    trained_model("classic").export(folder, verbose=0)
    return folder


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_texts(both, name):
    model, exported = both
    options = {"sampler": SAMPLERS[name], "max_length": 9}
    assert exported.generate(ENGLISH, **options) == model.generate(ENGLISH, **options)
    assert exported.generate("", **options) == model.generate("", **options)
    assert exported.generate(ENGLISH[1], batch_size=1) == model.generate(ENGLISH[1])


@pytest.mark.neutral
def test_a_stream_joins_to_the_text(both):
    for model in both:
        for text in (*ENGLISH, ""):
            pieces = list(model.generate(text, stream=True))
            assert "".join(pieces) == model.generate(text)
            assert len(pieces) > 1 or not text
        row = [5, 6, 3]
        assert list(model.generate(row, stream=True)) == model.generate(row)
        sampler = SAMPLERS["constrained"]
        pieces = model.generate("Run!", 9, sampler, stream=True)
        assert "".join(pieces) == model.generate("Run!", 9, sampler)
        for inputs, options in (
            (ENGLISH, {}),
            ("Run!", {"sampler": "beam"}),
            ("Run!", {"return_details": True}),
        ):
            with pytest.raises(ValueError, match="one text, a sampler with one hypothesis"):
                model.generate(inputs, stream=True, **options)


def test_the_same_scores_details_and_vectors(both):
    model, exported = both
    np.testing.assert_allclose(
        exported.score(ENGLISH, CHINESE), model.score(ENGLISH, CHINESE), atol=1e-4
    )
    for pooling in ("mean", "max"):
        np.testing.assert_allclose(
            seq2seq.encode_texts(exported, ENGLISH, pooling),
            seq2seq.encode_texts(model, ENGLISH, pooling),
            atol=1e-5,
        )
    ours = model.generate(ENGLISH, return_details=True)
    theirs = exported.generate(ENGLISH, return_details=True)
    for one, other in zip(ours, theirs, strict=True):
        assert one.tokens == other.tokens and one.source_tokens == other.source_tokens
        np.testing.assert_allclose(one.token_scores, other.token_scores, atol=1e-4)
        assert [place[0][0] for place in one.alternatives] == [
            place[0][0] for place in other.alternatives
        ]
        assert (one.attention is None) == (other.attention is None)
        if one.attention is not None:
            np.testing.assert_allclose(one.attention, other.attention, atol=1e-5)


def test_the_same_figures(both):
    model, exported = both
    ours = seq2seq.evaluation.evaluate_model(model, ENGLISH, CHINESE)
    theirs = seq2seq.evaluation.evaluate_model(exported, ENGLISH, CHINESE)
    assert theirs == pytest.approx(ours, abs=1e-4)


@pytest.mark.neutral
def test_eight_bits_are_near(tmp_path):
    model = learn(make_model(attention="luong"), 20)
    model.export(tmp_path / "m", quantize="int8", verbose=0)
    exported = seq2seq.load_model(tmp_path / "m")
    assert exported.generate(ENGLISH) == CHINESE
    gap = np.abs(exported.score(ENGLISH, CHINESE) - model.score(ENGLISH, CHINESE))
    assert 0 < gap.max() < 0.1


def test_exporting_leaves_the_log_as_it_is(tmp_path):
    before = logging.getLogger().level
    make_model().export(tmp_path / "m", quantize="int8", verbose=0)
    assert logging.getLogger().level == before


@pytest.mark.neutral
def test_a_row_alone_takes_one_thread(tmp_path, monkeypatch):
    monkeypatch.setattr("seq2seq.runtime.loading.count_cores", lambda: 2)
    trained_model("classic").export(tmp_path / "m", quantize="int8", verbose=0)
    exported = seq2seq.load_model(tmp_path / "m")
    session = exported.generator.decoder.decoder
    assert exported.generate(ENGLISH[0]) == CHINESE[0] and session._many is None
    assert exported.generate(ENGLISH) == CHINESE and session._many is not None
    one = seq2seq.load_model(tmp_path / "m", threads=1)
    assert one.generate(ENGLISH) == CHINESE


@pytest.mark.parametrize("missing", ["step_best", "_takes_normalise"])
@pytest.mark.neutral
def test_a_folder_of_before_gives_the_same_texts(exported, monkeypatch, missing):
    model = seq2seq.load_model(exported)
    texts = {name: model.generate(ENGLISH, 9, sampler) for name, sampler in SAMPLERS.items()}
    assert getattr(model.generator.decoder, missing)
    monkeypatch.setattr(model.generator.decoder, missing, None)
    for name, sampler in SAMPLERS.items():
        assert model.generate(ENGLISH, 9, sampler) == texts[name]


@pytest.mark.neutral
def test_a_language_model(tmp_path):
    tokenizer = seq2seq.CharTokenizer().adapt(CHINESE)
    model = seq2seq.LanguageModel(tokenizer, embedding_dim=8, units=16, num_layers=2)
    model.fit(CHINESE, epochs=10, verbose=0)
    model.export(tmp_path / "m", verbose=0)
    exported = seq2seq.load_model(tmp_path / "m")
    prompts = ["", "晚", "车站在哪", "晚"]
    for sampler in ("greedy", seq2seq.Sample(seed=2), seq2seq.BeamSearch(3, num_results=2)):
        options = {"sampler": sampler, "max_length": 9}
        assert exported.generate(prompts, **options) == model.generate(prompts, **options)
    pieces = exported.generate("车", max_length=7, sampler=seq2seq.Sample(seed=2), stream=True)
    assert "".join(pieces) == model.generate("车", max_length=7, sampler=seq2seq.Sample(seed=2))
    assert exported.perplexity(CHINESE) == pytest.approx(model.perplexity(CHINESE), rel=1e-4)
    one, other = (each.generate("晚", 5, return_details=True) for each in (model, exported))
    assert one.text == other.text
    np.testing.assert_allclose(one.token_scores, other.token_scores, atol=1e-4)
    np.testing.assert_allclose(
        seq2seq.encode_texts(exported, CHINESE), seq2seq.encode_texts(model, CHINESE), atol=1e-5
    )


@pytest.mark.parametrize("pair_buckets", [0, 10])
@pytest.mark.neutral
@pytest.mark.usefixtures("untraced")
def test_a_classifier(tmp_path, pair_buckets):
    tokenizer, labels = seq2seq.CharTokenizer().adapt(CHINESE), [1, 0, 1, 0]
    model = seq2seq.TextClassifier(tokenizer, [0, 1], 8, 8, pair_buckets=pair_buckets)
    model.fit(CHINESE, labels, epochs=3, verbose=0)
    model.export(tmp_path / "m", verbose=0)
    exported = seq2seq.load_model(tmp_path / "m")
    np.testing.assert_allclose(
        exported.predict_proba(CHINESE), model.predict_proba(CHINESE), atol=1e-6
    )
    assert exported.classify(CHINESE[0]).label == model.classify(CHINESE[0]).label
    ours, theirs = model.evaluate(CHINESE, labels), exported.evaluate(CHINESE, labels)
    pairs = list(zip(CHINESE, labels, strict=True))
    by_pairs = exported.evaluate(pairs, verbose=0, return_dict=True)
    assert str(by_pairs) == str(ours)
    assert theirs["loss"] == pytest.approx(ours["loss"], abs=1e-5) and str(ours) == str(theirs)
    np.testing.assert_allclose(
        seq2seq.encode_texts(exported, CHINESE), seq2seq.encode_texts(model, CHINESE), atol=1e-5
    )


@functools.cache
def masked_model(**options):
    """Returns a model that was trained a little, perhaps untraced; not to be changed."""
    tokenizer = seq2seq.CharTokenizer().adapt(CHINESE)
    model = seq2seq.MaskedLanguageModel(tokenizer, 8, 2, 2, 16, dropout=0.0, **options)
    model.optimizer.learning_rate = 1e-2
    model.fit(CHINESE * 4, epochs=2, seed=1, verbose=0)
    return model


@pytest.mark.parametrize("quantize", fewer_on_jax([None, "int8"], None))
@pytest.mark.parametrize(
    "options", fewer_on_jax([{}, {"norm_first": True, "positions": "rotary"}], {})
)
@pytest.mark.usefixtures("untraced")
def test_a_masked_language_model(tmp_path, options, quantize):
    model = masked_model(**options)
    assert model.export(tmp_path / "m", quantize=quantize, verbose=0) < (
        1e-5 if quantize is None else 0.2
    )
    exported = seq2seq.load_model(tmp_path / "m")
    texts = [f"[MASK]{CHINESE[0][1:]}", f"{CHINESE[1][:1]}[MASK][MASK]"]
    ours, theirs = model.fill(texts), exported.fill(texts)
    assert [len(places) for places in theirs] == [1, 2]
    if quantize is None:
        for one, other in zip(ours, theirs, strict=True):
            assert [[found.text for found in place] for place in one] == [
                [found.text for found in place] for place in other
            ]
        np.testing.assert_allclose(
            seq2seq.encode_texts(exported, CHINESE), seq2seq.encode_texts(model, CHINESE), atol=1e-5
        )
    with pytest.raises(ValueError, match="in the place of a token"):
        exported.fill("no mask")


@pytest.mark.parametrize("pairs", [0, 50])
@pytest.mark.neutral
@pytest.mark.usefixtures("untraced")
def test_a_classifier_with_the_encoder_of_a_masked_language_model(tmp_path, pairs):
    model = seq2seq.TextClassifier(None, [0, 1], pair_buckets=pairs, encoder=masked_model())
    model.fit(CHINESE, [1, 0, 1, 0], epochs=2, seed=1, verbose=0)
    assert model.export(tmp_path / "m", verbose=0) < 1e-5
    exported = seq2seq.load_model(tmp_path / "m")
    np.testing.assert_allclose(
        exported.predict_proba(CHINESE), model.predict_proba(CHINESE), atol=1e-6
    )
    for pooling in ("mean", "max"):
        ours, theirs = (seq2seq.encode_texts(each, CHINESE, pooling) for each in (model, exported))
        np.testing.assert_allclose(theirs, ours, atol=1e-5)
    with pytest.raises(ValueError, match=r"recurrent model for format='litert'"):
        model.export(tmp_path / "lite", format="litert")


def test_a_model_of_ids(tmp_path):
    model = seq2seq.Seq2Seq(9, 8, embedding_dim=4, units=4)
    model.export(tmp_path / "m", verbose=0)
    exported = seq2seq.load_model(tmp_path / "m")
    rows = [[4, 5, 3], [6, 3]]
    assert exported.generate(rows, max_length=4) == model.generate(rows, max_length=4)
    with pytest.raises(ValueError, match="Received texts"):
        exported.generate("good")


def test_the_same_errors(both):
    model, exported = both
    for arguments, options in (
        ((None,), {}),
        (([["a"]],), {}),
        (("good",), {"max_length": 0}),
        (("good",), {"max_length": 10**6}),
        (("good",), {"sampler": "best"}),
        (([[1000, 3]],), {}),
    ):
        messages = []
        for each in (model, exported):
            with pytest.raises(ValueError) as raised:
                each.generate(*arguments, **options)
            messages.append(str(raised.value))
        assert messages[0] == messages[1]


PROGRAM = """
import json, sys, seq2seq
model = seq2seq.load_model(sys.argv[1])
texts = json.loads(sys.argv[2])
print(json.dumps([model.generate(texts, sampler=name) for name in ("greedy", "beam")]))
model.score(texts, texts), model.generate(texts[0], return_details=True)
seq2seq.encode_texts(model, texts), seq2seq.Sample(seed=1), repr(model)
print(json.dumps(sorted({"keras", "tensorflow", "jax", "jieba", "h5py"} & sys.modules.keys())))
"""


def test_neither_keras_nor_a_backend_is_imported(exported):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(exported), json.dumps(ENGLISH)],
        capture_output=True,
        text=True,
    )
    texts, modules = map(json.loads, run.stdout.splitlines())
    assert texts == [CHINESE, CHINESE] and modules == [], run.stderr


WITHOUT_KERAS = """
import sys
sys.meta_path.insert(0, type("Absent", (), {"find_spec": staticmethod(lambda name, *_: (
    (_ for _ in ()).throw(ModuleNotFoundError(f"No module named {name!r}", name=name))
    if name == "keras" else None))}))
import seq2seq
from seq2seq.cli import main
for job in (lambda: seq2seq.Seq2Seq, lambda: seq2seq.load_model(sys.argv[1])):
    try:
        job()
    except ImportError as error:
        print(error)
sys.exit(main(["export", sys.argv[1], "folder"]))
"""


@pytest.mark.neutral
def test_an_onnxruntime_that_is_too_old_is_refused(exported, monkeypatch):
    monkeypatch.setattr("onnxruntime.__version__", "1.18.1")
    with pytest.raises(ImportError, match=r"1\.19 or newer. Received: 1\.18\.1"):
        seq2seq.load_model(exported)


@pytest.mark.neutral
def test_without_keras_the_error_says_what_to_install(tmp_path):
    make_model().save(tmp_path / "m.keras")
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERAS, str(tmp_path / "m.keras")],
        capture_output=True,
        text=True,
    )
    assert run.stdout.count("This needs the package keras, which is not installed") == 2
    assert run.returncode == 1 and "seq2seq: This needs the package keras" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.neutral
def test_many_threads_get_what_one_gets(exported):
    model, results = seq2seq.load_model(exported, threads=1), [None] * 8

    def generate(i):
        results[i] = [model.generate(ENGLISH, sampler="beam") for _ in range(3)]

    threads = [threading.Thread(target=generate, args=(i,)) for i in range(len(results))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[CHINESE] * 3] * 8


@pytest.mark.neutral
class TestCommands:
    def test_export_generate_evaluate_inspect(self, exported, trained, tmp_path, capsys):
        trained.save(tmp_path / "m.keras")
        folder = str(tmp_path / "m")
        assert main(["export", str(tmp_path / "m.keras"), folder, "--quantize", "int8"]) == 0
        assert "Largest difference to the model" in capsys.readouterr().out
        assert main(["generate", folder, "--text", ENGLISH[0], "--text", ENGLISH[1]]) == 0
        assert capsys.readouterr().out.splitlines() == CHINESE[:2]
        lines = [f"{pair[0]}\t{pair[1]}" for pair in zip(ENGLISH, CHINESE, strict=True)]
        (tmp_path / "data.tsv").write_text("\n".join(lines), encoding="utf-8")
        assert main(["evaluate", folder, str(tmp_path / "data.tsv"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["accuracy"] == 1
        assert main(["inspect", folder, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["quantize"] == "int8"

    def test_a_folder_that_is_something_else_is_told(self, tmp_path, capsys):
        assert main(["generate", str(tmp_path), "--text", "a"]) == 1
        assert "exported with `model.export(...)`" in capsys.readouterr().err


@pytest.mark.neutral
class TestFolders:
    @pytest.fixture
    def folder(self, exported, tmp_path):
        """A copy, to be spoiled."""
        copy = tmp_path / "m"
        copy.mkdir()
        for file in exported.iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
        return copy

    def change(self, folder, **entries):
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        content = json.dumps({**settings, **entries})
        (folder / "settings.json").write_text(content, encoding="utf-8")

    @pytest.mark.parametrize(
        "name", ["settings.json", "encoder_model.onnx", "target_tokenizer.json"]
    )
    def test_a_file_that_is_missing_or_cut(self, folder, name):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(ValueError, match=name):
            seq2seq.load_model(folder)
        (folder / name).unlink()
        with pytest.raises(ValueError, match=name):
            seq2seq.load_model(folder)

    def test_a_graph_of_another_model(self, folder, tmp_path):
        make_model(units=16).export(tmp_path / "other", verbose=0)
        other = (tmp_path / "other" / "decoder_model.onnx").read_bytes()
        (folder / "decoder_model.onnx").write_bytes(other)
        with pytest.raises(ValueError, match=r"decoder_model\.onnx is not the file that was"):
            seq2seq.load_model(folder)

    def test_settings_that_do_not_hold(self, folder):
        for entries, words in (
            ({"format": 3}, "format 2 or older"),
            ({"format": "1"}, "of something else"),
            ({"task": "cook"}, "of something else"),
            ({"task": ["translate"]}, "of something else"),
            ({"options": []}, "lacks 'options'"),
            ({"files": {}}, "settings.json: sizes"),
            ({"files": {"/etc/hostname": ""}}, "names the file '/etc/hostname'"),
            ({"files": {"../secret.bin": ""}}, "names the file '../secret.bin'"),
            ({"task": "classify", "labels": 10**9, "files": {}}, "lacks a list of labels"),
        ):
            before = (folder / "settings.json").read_bytes()
            self.change(folder, **entries)
            if words == "settings.json: sizes":
                self.change(folder, sizes={"source": "many"})
            with pytest.raises(ValueError, match=words):
                seq2seq.load_model(folder)
            (folder / "settings.json").write_bytes(before)
        (folder / "settings.json").write_text("[" * 10_000, encoding="utf-8")
        with pytest.raises(ValueError, match="cannot be read"):
            seq2seq.load_model(folder)

    def test_a_graph_reads_no_other_file(self, folder):
        import hashlib

        import onnx
        from onnx import TensorProto

        secret = folder.parent / "secret.bin"
        secret.write_bytes(bytes(10**6))
        for location in (str(secret), "../secret.bin", "/etc/hostname"):
            graph = onnx.load(folder / "decoder_model.onnx")
            weight = max(graph.graph.initializer, key=lambda tensor: len(tensor.raw_data))
            weight.data_location = TensorProto.EXTERNAL
            size = len(weight.raw_data)
            weight.ClearField("raw_data")
            for key, value in (("location", location), ("offset", "0"), ("length", str(size))):
                entry = weight.external_data.add()
                entry.key, entry.value = key, value
            content = graph.SerializeToString()
            settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
            files = settings["files"] | {"decoder_model.onnx": hashlib.sha256(content).hexdigest()}
            before = (folder / "decoder_model.onnx").read_bytes()
            (folder / "decoder_model.onnx").write_bytes(content)
            self.change(folder, files=files)
            with pytest.raises(ValueError, match="Could not open"):
                seq2seq.load_model(folder)
            (folder / "decoder_model.onnx").write_bytes(before)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
    @pytest.mark.parametrize("name", ["settings.json", "decoder_model.onnx"])
    def test_pipes_and_devices_are_not_waited_for(self, folder, name):
        for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
            (folder / name).unlink()
            make(folder / name)
            with pytest.raises(ValueError, match=f"{name} cannot be read"):
                seq2seq.load_model(folder)

    def test_what_else_is_in_a_folder_is_never_lost(self, folder, tmp_path):
        editor = tmp_path / ".vscode"
        editor.mkdir()
        (editor / "settings.json").write_text('{"editor.fontSize": 14}')
        (folder / "notes.txt").write_text("keep me")
        for path in (editor, folder):
            with pytest.raises(ValueError, match="holds something else"):
                make_model().export(path)
        assert (folder / "notes.txt").read_text() == "keep me"

    def test_its_readme_names_what_its_tokenizers_need(self, folder, tmp_path):
        assert "the packages `numpy`, `onnxruntime`:" in (folder / "README.md").read_text()
        tokenizer = seq2seq.SubwordTokenizer(60).adapt(ENGLISH)
        seq2seq.LanguageModel(tokenizer, units=8).export(tmp_path / "m", verbose=0)
        assert "`onnxruntime`, `tokenizers`:" in (tmp_path / "m" / "README.md").read_text()

    def test_what_a_file_manager_leaves_is_in_nobodys_way(self, folder):
        (folder / ".DS_Store").touch()
        make_model(units=16).export(folder, verbose=0)
        assert seq2seq.load_model(folder).units == 16

    def test_a_link_stays_one(self, folder):
        link = folder.with_name("current")
        link.symlink_to(folder, target_is_directory=True)
        make_model(units=16).export(link, verbose=0)
        assert link.is_symlink() and seq2seq.load_model(folder).units == 16
        assert sorted(path.name for path in folder.parent.iterdir()) == ["current", folder.name]

    def test_weights_that_are_no_numbers_replace_nothing(self, folder):
        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        model = make_model()
        model.set_weights([weight * np.nan for weight in model.get_weights()])
        with pytest.raises(ValueError, match="weights are NaN"):
            model.export(folder, verbose=0)
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == before

    def test_a_folder_of_something_else_is_never_touched(self, tmp_path):
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "notes.txt").write_text("keep me")
        (tmp_path / "file").write_text("keep me too")
        for name in ("mine", "file"):
            with pytest.raises(ValueError, match="holds something else"):
                make_model().export(tmp_path / name)
        assert (tmp_path / "mine" / "notes.txt").read_text() == "keep me"
        assert (tmp_path / "file").read_text() == "keep me too"

    def test_an_export_replaces_an_older_one_whole_or_not_at_all(self, folder, monkeypatch):
        make_model(units=16).export(folder, verbose=0)
        assert seq2seq.load_model(folder).units == 16
        assert [file.name for file in folder.parent.iterdir()] == [folder.name]
        before = {file.name: file.read_bytes() for file in folder.iterdir()}

        def fail(*arguments, **options):
            raise OSError("No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("pathlib.Path.write_bytes", fail)
            with pytest.raises(ValueError, match="No space left"):
                make_model(units=8).export(folder, verbose=0)
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
        assert [file.name for file in folder.parent.iterdir()] == [folder.name]

    def test_what_cannot_be_exported_is_told_before_any_work(self, tmp_path):
        model = make_model()
        with pytest.raises(ValueError, match="to be None or 'int8'"):
            model.export(tmp_path / "m", quantize="int3")
        with pytest.raises(ValueError, match=r"folder of .* to exist"):
            model.export(tmp_path / "none" / "m")
        model.quantize("int8")
        with pytest.raises(ValueError, match="Received one that Keras has quantized"):
            model.export(tmp_path / "m")
        assert not list(tmp_path.iterdir())


def test_the_classes_and_methods_are_those_of_the_models(both):
    model, exported = both
    for name in ("generate", "score", "respond", "coverage", "make_rows"):
        ours, theirs = getattr(type(model), name), getattr(type(exported), name)
        assert ours is theirs, name
    assert keras.Model not in type(exported).__mro__


@pytest.mark.neutral
def test_threads_have_a_limit(exported):
    with pytest.raises(ValueError, match="at most 16 a core"):
        seq2seq.load_model(exported, threads=10**6)


@pytest.mark.neutral
def test_inspect_tells_what_is_broken(exported, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    assert main(["inspect", str(copy)]) == 0
    assert main(["inspect", str(copy), "another"]) == 1
    assert "Expected one model. Received more: another" in capsys.readouterr().err
    (copy / "decoder_model.onnx").write_bytes(b"half")
    assert main(["inspect", str(copy)]) == 1
    assert "decoder_model.onnx is not the file" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["inspect", str(tmp_path / "empty")]) == 1
    assert "to be a model exported" in capsys.readouterr().err
    assert main(["export", str(copy), str(tmp_path / "other")]) == 1
    assert "needs no export" in capsys.readouterr().err
