"""The command line, as a shell sees it."""

import dataclasses
import io
import json
import os
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH

import seq2seq
from seq2seq import check_inference, load_model
from seq2seq.atomic_write import only_writer
from seq2seq.cli import build_parser, main
from seq2seq.commands.task_options import NETWORKS, Kind
from seq2seq.commands.validation import _split_document, split_labelled
from seq2seq.data import corpus
from seq2seq.generation.result import as_lines
from seq2seq.networks.options import ClassifierOptions, whole

# Few batches a model.
pytestmark = [pytest.mark.neutral, pytest.mark.usefixtures("untraced")]

TINY = ["--units", "8", "--embedding-dim", "8", "--epochs", "1", "--json"]
SMALL = ["--units", "16", "--embedding-dim", "8", "--epochs", "2", "--show", "1"]
DATA = {
    "translate": "data.tsv",
    "language-model": "lines.txt",
    "classify": "labels.tsv",
    "fill": "lines.txt",
}
TOKENIZERS = {
    "char": "CharTokenizer",
    "word": "WordTokenizer",
    "jieba": "JiebaTokenizer",
    "subword": "SubwordTokenizer",
    "byte": "ByteLevelTokenizer",
    "wordpiece": "WordPieceTokenizer",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with nothing but `data.tsv`."""
    monkeypatch.chdir(tmp_path)
    lines = [f"{source}\t{target}\n" for source, target in zip(ENGLISH, CHINESE, strict=True)]
    (tmp_path / "data.tsv").write_text("".join(lines), encoding="utf-8")
    return tmp_path


@pytest.fixture
def corpora(folder):
    """A working folder with data for every task."""
    lines = [f"{chinese}{i}" for i in range(6) for chinese in CHINESE]
    labelled = [f"{line}\t{'问' if '？' in line else '答'}" for line in lines]
    (folder / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "labels.tsv").write_text("\n".join(labelled), encoding="utf-8")
    return folder


@pytest.fixture
def saved(trained, folder):
    trained.save(folder / "m.keras")
    return "m.keras"


def pretend_input(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))


def fails_with_one_line(arguments, capsys, words):
    """Asserts exit code 1 and one line on standard error."""
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("seq2seq: ")
    assert words in error


def _interrupt(monkeypatch, at_epoch, arguments):
    """Runs a command that is stopped by Ctrl-C."""

    def interrupt(self, epoch, logs=None):
        if epoch == at_epoch:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks.ModelCheckpoint, "on_epoch_begin", interrupt, False)
        assert main(arguments) == 130


def test_a_warning_is_a_line(folder):
    arguments = ["train", "data.tsv", "--output", "m.keras", "--max-source-length", "2", *TINY]
    code = f"import sys; from seq2seq.cli import main; sys.exit(main({arguments}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    lines = [line for line in result.stderr.splitlines() if "were cut" in line]
    assert result.returncode == 0 and lines
    assert all(line.startswith("seq2seq: ") for line in lines) and "pairs.py" not in result.stderr


def test_a_result_is_a_line_of_columns():
    results = ["one\ntwo", ["three\tfour", "five\r\nsix"]]
    (line, record), (columns, _) = as_lines(results)
    assert (line, columns) == ("one two", "three four\tfive six")
    assert record == {"text": "one\ntwo"}


def test_a_document_is_split_at_a_line_or_a_word_near_its_share():
    text = "Title\n" + "word " * 1000
    ((train,), _), ((validation,), _) = _split_document(text, 0.1)
    assert f"{train} {validation}" == text.strip() and 490 <= len(validation) <= 510
    ((train,), _), ((validation,), _) = _split_document("one two\n" * 100, 0.1)
    assert validation == ("one two\n" * 10).strip()


def _stop(options):
    raise KeyboardInterrupt


class TestTrain:
    def test_it_writes_one_model_file(self, folder, capsys):
        arguments = ["train", "data.tsv", "--output", "m.keras", "--validation", "data.tsv"]
        options = ["--source-tokenizer", "char", "--target-tokenizer", "jieba", "--lowercase"]
        assert main([*arguments, *options, *SMALL, "--seed", "5"]) == 0
        assert sorted(path.name for path in folder.iterdir()) == ["data.tsv", "m.keras"]
        out = capsys.readouterr().out
        assert "good morning -> " in out and "Saved m.keras" in out
        capsys.readouterr()
        assert main(["inspect", "m.keras", "--json"]) == 0
        summary = json.loads(capsys.readouterr().out)
        assert summary["settings"]["units"] == 16
        assert summary["settings"]["source"].startswith("CharTokenizer")
        assert summary["settings"]["target"].startswith("JiebaTokenizer")
        assert summary["manifest"]["seed"] == 5
        assert summary["manifest"]["data"]["pairs"] == 4
        assert summary["manifest"]["metrics"]["val_perplexity"] > 1

    def test_the_learning_rate_may_rise_and_fall(self, folder, capsys):
        schedule = ["--decay", "inverse_sqrt", "--warm-up", "1", "--learning-rate", "0.01"]
        arguments = ["train", "data.tsv", "--output", "m.keras", "--validation", "data.tsv"]
        assert main([*arguments, *schedule, *SMALL, "--batch-size", "4", "--json"]) == 0
        result = json.loads(capsys.readouterr().out)["training"]
        expected = 0.01 / result["updates"] ** 0.5
        assert result["learning_rate"] == pytest.approx(expected, abs=1e-6)

    def test_the_last_epochs_may_be_averaged(self, folder, capsys):
        arguments = ["train", "data.tsv", "--output", "m.keras", "--validation", "data.tsv"]
        arguments += [*TINY, "--epochs", "3", "--batch-tokens", "8"]
        weights = []
        for options in ([], ["--average", "1"], ["--average", "2"]):
            assert main([*arguments, *options, "--overwrite"]) == 0
            metrics = json.loads(capsys.readouterr().out)["metrics"]
            model = load_model("m.keras")
            weights.append(model.get_weights())
            loss = model.evaluate(ENGLISH, CHINESE, verbose=0, return_dict=True)["loss"]
            assert metrics["val_loss"] == pytest.approx(loss, rel=1e-5)
        best, last, mean = ([weight.ravel() for weight in each] for each in weights)
        np.testing.assert_allclose(np.concatenate(best), np.concatenate(last), rtol=1e-5)
        assert np.abs(np.concatenate(mean) - np.concatenate(last)).max() > 1e-5

    def test_a_classifier_may_be_averaged(self, corpora, capsys):
        assert train("classify", *TINY, "--epochs", "2", "--average", "2") == 0
        assert json.loads(capsys.readouterr().out)["metrics"]["val_accuracy"] >= 0

    def test_a_mean_needs_as_many_epochs(self, folder, capsys):
        arguments = ["train", "data.tsv", "--output", "m.keras", *TINY]
        assert main(arguments) == 0
        assert main([*arguments, "--resume", "--epochs", "2", "--average", "2"]) == 1
        assert "at least --average 2 epochs" in capsys.readouterr().err

    def test_the_same_seed_gives_the_same_figures(self, folder, capsys):
        figures = []
        for name in ("a.keras", "b.keras"):
            arguments = [
                "train",
                "data.tsv",
                "--output",
                name,
                "--validation",
                "data.tsv",
                "--json",
            ]
            assert main([*arguments, *SMALL]) == 0
            figures.append(json.loads(capsys.readouterr().out)["metrics"])
        assert figures[0] == figures[1]

    def test_every_option_of_the_model(self, folder, capsys):
        options = ["--bidirectional", "--attention", "luong", "--attention-score", "general"]
        options += [
            "--tie-output",
            "--share-embeddings",
            "--label-smoothing",
            "0.1",
            "--cell",
            "gru",
        ]
        options += ["--num-layers", "2", "--dropout", "0.1", "--recurrent-dropout", "0.1"]
        options += ["--l2", "1e-6", "--no-train-source-embedding", "--no-train-target-embedding"]
        small = ["--units", "16", "--embedding-dim", "16", "--epochs", "1"]
        assert main(["train", "data.tsv", "--output", "m.keras", *options, *small]) == 0
        capsys.readouterr()
        assert main(["inspect", "m.keras", "--json"]) == 0
        settings = json.loads(capsys.readouterr().out)["settings"]
        assert settings["attention_score"] == "general" and settings["cell"] == "gru"
        assert settings["bidirectional"] and settings["share_embeddings"] and settings["tie_output"]
        assert not settings["train_source_embedding"] and not settings["train_target_embedding"]

    def test_two_line_aligned_files(self, folder):
        (folder / "a.en").write_text("\n".join(ENGLISH), encoding="utf-8")
        (folder / "a.zh").write_text("\n".join(CHINESE), encoding="utf-8")
        assert main(["train", "a.en", "a.zh", "--output", "m.keras", *SMALL]) == 0

    def test_ctrl_c_keeps_the_last_epoch_and_resume_goes_on(self, folder, capsys, monkeypatch):
        arguments = ["train", "data.tsv", "--validation", "data.tsv", "--dropout", "0.3", *SMALL]
        arguments += ["--output"]
        options = ["--batch-size", "1", "--decay", "inverse_sqrt", "--warm-up", "1", "--seed", "5"]
        assert main([*arguments, "whole.keras", *options]) == 0
        stopped = [*arguments, "m.keras", *options]
        _interrupt(monkeypatch, 1, stopped)
        assert "m.last.keras holds a model of 1 epoch(s). Continue" in capsys.readouterr().err
        again = ["train", "data.tsv", "--validation", "data.tsv", "--output", "m.keras"]
        assert main([*again, "--resume", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["training"]["epochs"] == 2
        assert not (folder / "m.last.keras").exists()
        # It is as if it had never been stopped.
        whole, resumed = load_model("whole.keras"), load_model("m.keras")
        for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_ctrl_c_says_what_is_kept_at_every_moment(self, folder, capsys, monkeypatch):
        arguments = ["train", "data.tsv", "--output", "m.keras", *SMALL, "--epochs", "1"]
        _interrupt(monkeypatch, 0, arguments)
        assert "No epoch was finished: nothing is kept" in capsys.readouterr().err
        assert main(arguments) == 0
        _interrupt(monkeypatch, 0, [*arguments, "--overwrite"])
        assert "m.keras holds a model of 1 epoch(s)." in capsys.readouterr().err
        keras.models.clone_model(load_model("m.keras")).save("n.keras")  # never fitted
        resumed = ["train", "data.tsv", "--output", "n.keras", "--epochs", "1", "--resume"]
        _interrupt(monkeypatch, 0, [*resumed, "--other-data"])
        assert "n.keras holds a model of 0 epoch(s)." in capsys.readouterr().err
        monkeypatch.setattr("seq2seq.commands.train.train", _stop)
        assert main([*arguments, "--overwrite"]) == 130
        assert "m.keras holds a model of 1 epoch(s)." in capsys.readouterr().err

    def test_resume_with_other_data_needs_consent(self, folder, capsys):
        arguments = ["train", "data.tsv", "--output", "m.keras", *SMALL]
        arguments += ["--validation-split", "0", "--epochs"]
        assert main([*arguments, "1"]) == 0
        (folder / "data.tsv").write_text("good night\t晚安。\n", encoding="utf-8")
        capsys.readouterr()
        fails_with_one_line([*arguments, "2", "--resume"], capsys, "--other-data")
        assert main([*arguments, "2", "--resume", "--other-data"]) == 0

    def test_resume_splits_off_what_was_split_off(self, folder, capsys):
        arguments = ["train", "data.tsv", "--output", "m.keras", "--json"]
        options = ["--validation-split", "0.5", "--columns", "0", "1", "--precision", "float32"]
        assert main([*arguments, *SMALL, *options, "--epochs", "1"]) == 0
        before = json.loads(capsys.readouterr().out)
        assert main([*arguments, "--resume", "--epochs", "2"]) == 0
        after = json.loads(capsys.readouterr().out)
        assert after["data"] == before["data"] and after["validation"] == before["validation"]
        assert after["command"] == before["command"]
        given = {"validation_split": 0.5, "columns": ["0", "1"], "precision": "float32"}
        assert given.items() <= after["command"].items()
        other = [*arguments, "--resume", "--epochs", "3", "--validation-split", "0.25"]
        fails_with_one_line(other, capsys, "--validation or --validation-split makes them so too")

    def test_resume_refuses_another_model_and_needs_more_epochs(self, folder, capsys):
        arguments = ["train", "data.tsv", "--output", "m.keras", *SMALL]
        assert main([*arguments, "--epochs", "1"]) == 0
        capsys.readouterr()
        wider = [*arguments, "--resume", "--units", "17"]
        fails_with_one_line(wider, capsys, "units=16")
        again = [*arguments, "--resume", "--epochs", "1"]
        fails_with_one_line(again, capsys, "--epochs above 1")

    def test_resume_heeds_options_that_are_the_usual_ones(self, folder, capsys):
        arguments = ["train", "data.tsv", "--output", "m.keras", *SMALL]
        assert main([*arguments, "--cell", "gru", "--bidirectional", "--epochs", "1"]) == 0
        capsys.readouterr()
        for options, words in (
            (["--cell", "lstm"], "cell=gru"),
            (["--no-bidirectional"], "bidirectional=True"),
            (["--source-vectors", "none.txt"], "vectors with --resume"),
        ):
            fails_with_one_line([*arguments, "--resume", *options], capsys, words)

    def test_resume_does_not_train_at_a_rate_of_zero(self, folder, capsys):
        arguments = ["train", "data.tsv", "--output", "m.keras", "--validation", "data.tsv"]
        arguments += [*SMALL, "--json", "--batch-size", "1"]
        assert main([*arguments, "--decay", "cosine", "--warm-up", "1"]) == 0
        capsys.readouterr()
        more = [*arguments, "--epochs", "4", "--resume"]
        assert main([*more, "--learning-rate", "0.01"]) == 0
        assert json.loads(capsys.readouterr().out)["training"]["learning_rate"] == pytest.approx(
            0.01
        )

    def test_resume_of_a_file_that_tells_no_options_needs_a_rate(self, folder, capsys):
        sides = (seq2seq.CharTokenizer().adapt(side) for side in (ENGLISH, CHINESE))
        model = seq2seq.Seq2Seq(*sides, units=8, embedding_dim=8)
        model.fit(ENGLISH, CHINESE, verbose=0)
        model.optimizer.learning_rate = 1e-10
        model.save("m.keras")
        arguments = ["train", "data.tsv", "--output", "m.keras", "--resume", "--epochs", "4"]
        fails_with_one_line(
            [*arguments, "--other-data"], capsys, "--decay or --learning-rate with --resume"
        )

    def test_weights_that_are_no_numbers_are_not_saved(self, folder, capsys):
        arguments = ["train", "data.tsv", "--output", "m.keras", *SMALL, "--learning-rate", "1e38"]
        assert main(arguments) == 1
        assert "finite loss" in capsys.readouterr().err
        assert not (folder / "m.keras").exists()

    def test_a_model_trained_in_bfloat16_is_one_of_float32_when_loaded(self, folder, capsys):
        arguments = ["train", "data.tsv", "--validation", "data.tsv", "--output", "m.keras", *SMALL]
        policy = keras.config.dtype_policy()
        try:
            assert main([*arguments, "--precision", "mixed_bfloat16"]) == 0
            assert keras.config.dtype_policy().name == "mixed_bfloat16"
            keras.config.set_dtype_policy(policy)
            resumed = ["train", *arguments[1:6], "--resume", "--epochs", "3"]
            assert main(resumed) == 0
            assert keras.config.dtype_policy().name == "mixed_bfloat16"
        finally:
            keras.config.set_dtype_policy(policy)
        model = load_model("m.keras")
        assert {layer.compute_dtype for layer in model.layers} == {"float32"}
        assert check_inference(model, ENGLISH, CHINESE) < 1e-5

    def test_a_model_is_not_lost_unasked(self, folder, capsys):
        arguments = ["train", "data.tsv", "--output", "m.keras", *SMALL]
        model, last = folder / "m.keras", folder / "m.last.keras"
        for file in (model, last):
            file.write_bytes(b"of another run")
            fails_with_one_line(arguments, capsys, "--resume or --overwrite")
            assert file.read_bytes() == b"of another run"
            fails_with_one_line([*arguments, "--resume", "--overwrite"], capsys, "Received both")
            file.unlink()
        for file in (model, last):
            file.write_bytes(b"of another run")
        assert main([*arguments, "--overwrite"]) == 0
        load_model("m.keras")
        assert not last.exists()

    def test_what_cannot_be_written_is_told_at_once(self, folder, capsys, monkeypatch):
        (folder / "folder.keras").mkdir()
        arguments = ["train", "none.tsv", "--output"]  # so early that the data is not read
        fails_with_one_line([*arguments, "folder.keras"], capsys, "is a folder")
        fails_with_one_line([*arguments, "m.bin"], capsys, "ends in .keras")
        fails_with_one_line([*arguments, "none/m.keras"], capsys, "folder that exists")
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        fails_with_one_line([*arguments, "m.keras"], capsys, "which cannot")

    def test_two_trainings_into_one_file_are_refused(self, folder, capsys):
        pytest.importorskip("fcntl", reason="this system has no such locks")
        arguments = ["train", "data.tsv", "--output", "m.keras", *SMALL]
        with only_writer("m.keras"):
            program = f"import seq2seq.cli, sys; sys.exit(seq2seq.cli.main({arguments!r}))"
            result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert result.returncode == 1 and "another process" in result.stderr
        assert not (folder / ".m.keras.lock").exists()
        with only_writer("m.keras"):
            pass

    def test_bad_input(self, folder, capsys):
        (folder / "no_tab.tsv").write_text("one\ttwo\nthree\n", encoding="utf-8")
        output = ["--output", "m.keras"]
        fails_with_one_line(["train", "no_tab.tsv", *output], capsys, "no_tab.tsv, line 2")
        fails_with_one_line(["train", "none.tsv", *output], capsys, "none.tsv")
        fails_with_one_line(["train", "data.tsv", "--output", "m.h5"], capsys, ".keras")
        fails_with_one_line(["train", "data.tsv", "--output", "no/m.keras"], capsys, "no/m.keras")
        fails_with_one_line(["train", "data.tsv", *output, "--units", "0"], capsys, "units")
        fails_with_one_line(["train", "data.tsv", *output, "--cell", "x"], capsys, "lstm")
        fails_with_one_line(["train", "a", "b", "c", *output], capsys, "two files")
        split = ["--validation-split", "1.5"]
        fails_with_one_line(["train", "data.tsv", *output, *split], capsys, "--validation-split")
        fails_with_one_line(["train", "data.tsv", *output, "--warm-up", "9"], capsys, "--decay")
        shared = ["--share-embeddings", "--source-tokenizer", "char", "--target-tokenizer", "word"]
        fails_with_one_line(["train", "data.tsv", *output, *shared], capsys, "one tokenizer")
        sizes = ["--batch-size", "4", "--batch-tokens", "99"]
        fails_with_one_line(["train", "data.tsv", *output, *sizes], capsys, "Leave one out")
        rate = ["--learning-rate", "nan"]
        fails_with_one_line(["train", "data.tsv", *output, *rate], capsys, "--learning-rate")
        both = ["--validation", "data.tsv", "--validation-split", "0.5"]
        fails_with_one_line(["train", "data.tsv", *output, *both], capsys, "Received both")
        assert not (folder / "m.keras").exists()


def train(task, *options, output="m.keras"):
    """Runs `train` on the data of a task; returns the exit code."""
    return main(["train", "--task", task, DATA[task], "--output", output, *options])


class TestEveryTask:
    @pytest.mark.parametrize("task", ["translate", "language-model"])
    def test_a_transformer_is_made_by_one_word(self, corpora, capsys, task):
        small = "--units=8", "--num-heads=2", "--num-layers=1", "--feedforward-units=8"
        options = "--architecture", "transformer", *small, "--epochs", "1", "--json"
        assert train(task, *options) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["metrics"]["val_loss"] > 0
        assert main(["generate", "m.keras", "--text", "the cat", "--max-length", "3"]) == 0
        assert main(["export", "m.keras", "folder"]) == 0
        assert train(task, "--resume", "--epochs", "2") == 1
        assert f"--task {task} --architecture transformer" in capsys.readouterr().err
        assert train(task, *options[:2], "--resume", "--epochs", "2", "--json") == 0
        assert json.loads(capsys.readouterr().out)["epochs"] == 2

    def test_a_model_learns_to_fill_in(self, corpora, capsys):
        small = "--units=8", "--num-heads=2", "--num-layers=1", "--feedforward-units=8"
        assert train("fill", *small, "--epochs", "1", "--json") == 0
        result = json.loads(capsys.readouterr().out)
        assert result["metrics"]["val_loss"] > 0
        assert type(load_model("m.keras").tokenizer).__name__ == TOKENIZERS["wordpiece"]
        assert train("fill", "--resume", "--epochs", "2", "--json") == 0
        assert main(["generate", "m.keras", "--text", "早上[MASK]", "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out.splitlines()[-1])["fills"]) == 1
        assert main(["evaluate", "m.keras", "lines.txt", "--json"]) == 0
        measured = json.loads(capsys.readouterr().out)
        assert list(measured) == ["texts", "loss", "perplexity", "accuracy", "coverage"]
        assert main(["evaluate", "m.keras", "lines.txt", "--sampler", "beam"]) == 1
        assert "a model that generates nothing" in capsys.readouterr().err
        assert main(["export", "m.keras", "folder"]) == 0
        assert main(["evaluate", "folder", "lines.txt"]) == 1
        assert "Evaluate the model it came from" in capsys.readouterr().err
        assert main(["evaluate", "folder", "lines.txt", "--metrics", "coverage"]) == 0

    def test_a_classifier_begins_with_what_fills_in(self, corpora, capsys):
        small = "--units=8", "--num-heads=2", "--num-layers=1", "--feedforward-units=8"
        assert train("fill", *small, "--epochs", "1", "--json", output="b.keras") == 0
        begin = "--encoder", "b.keras", "--epochs", "1", "--json"
        for wrong in ("--units=8", "--tokenizer=char", "--lowercase"):
            assert train("classify", *begin, wrong) == 1
            assert f"no {wrong.split('=')[0]} with --encoder" in capsys.readouterr().err
        assert train("classify", *begin, "--dropout=0.1", "--decay=cosine") == 0
        model = load_model("m.keras")
        assert model.options.encoder.units == 8 and model.default_learning_rate == 1e-4
        assert model.tokenizer.get_config() == load_model("b.keras").tokenizer.get_config()
        assert train("classify", *begin, "--resume", "--epochs=2") == 1
        assert "no --encoder with --resume" in capsys.readouterr().err
        assert train("classify", "--resume", "--epochs=2") == 0
        assert main(["generate", "m.keras", "--text", "早上好"]) == 0

    @pytest.mark.parametrize(
        ("task", "kind"),
        [
            ("language-model", "word"),
            ("language-model", "jieba"),
            ("language-model", "byte"),
            ("classify", "char"),
            ("classify", "subword"),
            ("classify", "wordpiece"),
        ],
    )
    def test_train_generate_evaluate_with_every_tokenizer(self, corpora, capsys, task, kind):
        assert train(task, *TINY, "--tokenizer", kind, "--lowercase") == 0
        result = json.loads(capsys.readouterr().out)
        assert result["metrics"]["val_loss"] > 0
        assert main(["inspect", "m.keras", "--json"]) == 0
        summary = json.loads(capsys.readouterr().out)
        assert summary["settings"]["tokenizer"].startswith(TOKENIZERS[kind])
        (corpora / "in.txt").write_text("晚安\n\n早上好", encoding="utf-8")
        assert main(["generate", "m.keras", "in.txt"]) == 0
        lines = capsys.readouterr().out.split("\n")
        assert len(lines) == 4
        assert task == "language-model" or set(lines[:3]) <= {"问", "答"}
        assert main(["evaluate", "m.keras", DATA[task], "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["texts"] == 24 and result["coverage"] > 0.5

    @pytest.mark.parametrize(
        ("algorithm", "size", "more"),
        [("bpe", 30, []), ("unigram", 30, []), ("bpe", 290, ["--byte-fallback"])],
    )
    def test_subwords_on_both_sides(self, folder, capsys, algorithm, size, more):
        sides = ["--source-tokenizer", "subword", "--target-tokenizer", "subword"]
        options = [*sides, "--subword-algorithm", algorithm, "--max-tokens", str(size), *more]
        assert main(["train", "data.tsv", "--output", "m.keras", *options, *TINY]) == 0
        model = load_model("m.keras")
        assert model.source_tokenizer.algorithm == model.target_tokenizer.algorithm == algorithm
        assert size - 26 < model.source_vocabulary_size <= size
        assert model.target_tokenizer.byte_fallback is bool(more)
        capsys.readouterr()
        assert main(["inspect", "data.tsv", *options]) == 0
        assert "SubwordTokenizer" in capsys.readouterr().out

    def test_bytes_and_word_pieces_are_inspected_once_they_have_learned(self, folder, capsys):
        options = ["--source-tokenizer", "byte", "--target-tokenizer", "wordpiece"]
        assert main(["inspect", "data.tsv", *options]) == 0
        report = capsys.readouterr().out
        assert "ByteLevelTokenizer" in report and "WordPieceTokenizer" in report

    @pytest.mark.parametrize(
        "task, tokenizer", [("language-model", "JiebaTokenizer"), ("classify", "CharTokenizer")]
    )
    def test_resume(self, corpora, capsys, task, tokenizer):
        assert train(task, *TINY) == 0
        assert type(load_model("m.keras").tokenizer).__name__ == tokenizer  # chosen for Chinese
        capsys.readouterr()
        assert train(task, *TINY, "--epochs", "2", "--resume") == 0
        assert json.loads(capsys.readouterr().out)["training"]["epochs"] == 2
        more = ["train", "--task", task, DATA[task], "--output", "m.keras", "--resume"]
        more += ["--epochs", "3"]
        fails_with_one_line([*more, "--units", "9"], capsys, "units=8")
        fails_with_one_line([*more, "--tokenizer", "word"], capsys, "--tokenizer")
        fails_with_one_line([*more, "--max-tokens", "9"], capsys, "max_tokens=None")
        fails_with_one_line([*more, "--vectors", "none.txt"], capsys, "vectors with --resume")
        other = ["train", "data.tsv", "--output", "m.keras", "--resume"]
        fails_with_one_line(other, capsys, f"Expected --task {task}")

    def test_the_options_of_jieba(self, corpora, capsys):
        (corpora / "words.txt").write_text("车站在\n", encoding="utf-8")
        (corpora / "stop.txt").write_text("。\n", encoding="utf-8")
        jieba = ["--tokenizer", "jieba", "--no-hmm"]
        jieba += ["--user-dictionary", "words.txt", "--stop-words", "stop.txt"]
        assert train("classify", *TINY, *jieba) == 0
        tokenizer = load_model("m.keras").tokenizer
        assert tokenizer.tokenize("车站在。") == ["车站在"] and not tokenizer.hmm
        capsys.readouterr()
        assert train("classify", *TINY, *jieba, "--resume", "--epochs", "2") == 0
        capsys.readouterr()
        arguments = ["train", "--task", "classify", "labels.tsv", "--output", "n.keras"]
        fails_with_one_line([*arguments, "--no-hmm"], capsys, "--tokenizer jieba")
        fails_with_one_line([*arguments, "--subword-algorithm", "bpe"], capsys, "subword")
        fails_with_one_line([*arguments, "--byte-fallback"], capsys, "subword with --byte-fallback")


class TestLanguageModel:
    def test_it_shows_what_it_writes(self, corpora, capsys):
        assert train("language-model", *SMALL) == 0
        assert capsys.readouterr().out.count(" -> ") == 2

    def test_the_last_texts_are_for_validation(self, corpora, capsys):
        assert train("language-model", *TINY, "--validation-split", "0.25") == 0
        result = json.loads(capsys.readouterr().out)
        assert result["data"]["texts"] == 18 and result["validation"]["texts"] == 6
        again = [*TINY, "--overwrite"]
        assert train("language-model", *again, "--validation", "lines.txt", "lines.txt") == 0
        assert json.loads(capsys.readouterr().out)["validation"]["texts"] == 48
        (corpora / "lines.txt").write_text("晚安", encoding="utf-8")
        assert train("language-model", *again) == 0
        output = capsys.readouterr()
        assert "nothing is kept for validation" in output.err and "validation" not in json.loads(
            output.out
        )
        assert train("language-model", *again, "--validation-split", "0.25") == 1
        assert capsys.readouterr().err.startswith("seq2seq: Expected")

    def test_whole_files(self, corpora, capsys):
        options = [*TINY, "--whole-files", "--tokenizer", "char", "--validation-split", "0.2"]
        options.append("--overwrite")
        assert train("language-model", *options) == 0
        output = capsys.readouterr()
        assert "the last 33 of 155 characters" in output.err  # whole lines
        assert json.loads(output.out)["data"]["texts"] == 1
        files = ["lines.txt"] * 3
        arguments = ["train", "--task", "language-model", *files, "--output", "m.keras", *options]
        assert main(arguments) == 0
        output = capsys.readouterr()
        assert "the last 1 of 3 files" in output.err
        assert json.loads(output.out)["data"]["texts"] == 2
        assert main(["evaluate", "m.keras", "lines.txt", "--whole-files", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["texts"] == 1

    def test_states_are_carried_from_window_to_window(self, corpora, capsys):
        options = ["--tokenizer", "char", "--batch-size", "4", "--window", "10"]
        options += ["--validation-split", "0"]
        assert train("language-model", *TINY, *options, "--carry-states") == 0
        result = json.loads(capsys.readouterr().out)
        # 132 characters and 24 ends of lines in four streams, not 24 windows, four at a time.
        assert result["training"]["updates"] == 4
        load_model("m.keras").generate("晚", max_length=3)

    def test_the_rate_falls_over_all_windows(self, corpora, capsys):
        decay = ["--decay", "cosine", "--warm-up", "1", "--batch-size", "2", "--whole-files"]
        options = [*TINY, "--epochs", "2", "--tokenizer", "char", "--window", "10"]
        assert train("language-model", *options, *decay) == 0
        result = json.loads(capsys.readouterr().out)["training"]
        assert result["updates"] > 10 and result["learning_rate"] == pytest.approx(0, abs=1e-9)

    def test_it_is_judged_by_samples(self, corpora, capsys):
        assert train("language-model", *TINY) == 0
        capsys.readouterr()
        arguments = ["evaluate", "m.keras", "lines.txt"]
        arguments += ["--metrics", "distinct_1", "--json", "--max-length", "5"]
        assert main(arguments) == 0
        usual = capsys.readouterr().out
        for options, same in (
            (["--sampler", "sample", "--seed", "0"], True),
            (["--sampler", "greedy"], False),
            (["--seed", "1"], False),
            (["--min-length", "3"], False),
        ):
            assert main([*arguments, *options]) == 0
            assert (capsys.readouterr().out == usual) == same


class TestClassify:
    def test_some_of_every_label_are_left_to_train_on(self):
        texts = [f"{i}" for i in range(40)] + ["same", "same", "rare"]
        labels = ["a"] * 30 + ["b"] * 12 + ["c"]
        train, validation = split_labelled(texts, labels, 0.2, seed=1)
        assert sorted([*train[0], *validation[0]]) == sorted(texts)
        assert set(train[1]) == {"a", "b", "c"} and "rare" in train[0]
        assert len(validation[0]) in (8, 9) and len(set(validation[1])) == 2
        assert not set(train[0]) & set(validation[0])
        assert split_labelled(texts, labels, 0.2, seed=1) == (train, validation)
        assert split_labelled(texts, labels, 0.2, seed=2) != (train, validation)
        with pytest.raises(ValueError, match="spared"):
            split_labelled(["x", "y"], ["a", "b"], 0.5, seed=1)

    def test_labels_of_equal_weight(self, corpora, capsys):
        losses = []
        for options in ([], ["--class-weight", "balanced"]):
            assert train("classify", *TINY, "--overwrite", *options) == 0
            losses.append(json.loads(capsys.readouterr().out)["metrics"]["loss"])
        assert losses[0] != losses[1]

    def test_labels_that_are_numbers_in_the_model(self, corpora, capsys):
        tokenizer = seq2seq.CharTokenizer().adapt(CHINESE)
        model = seq2seq.TextClassifier(tokenizer, [0, 1], 8, 8, pair_buckets=0)
        model.save("m.keras")
        (corpora / "labels.tsv").write_text("晚安\t0\n早\t1\n早上好\t1\n", encoding="utf-8")
        assert train("classify", "--epochs", "1", "--json", "--resume") == 0
        assert load_model("m.keras").labels == [0, 1]

    def test_bad_data(self, corpora, capsys):
        (corpora / "labels.tsv").write_text("晚安\t好\n早上\t\n", encoding="utf-8")
        arguments = ["train", "--task", "classify", "labels.tsv", "--output", "m.keras", *TINY]
        fails_with_one_line(arguments, capsys, "none for text 2")
        (corpora / "labels.tsv").write_text("晚安\t好\n早上\t好\n", encoding="utf-8")
        fails_with_one_line([*arguments, "--validation-split", "0"], capsys, "two labels")
        (corpora / "labels.tsv").write_text("好\t晚安\n好\t早上\n", encoding="utf-8")
        assert main(arguments) == 0
        error = capsys.readouterr().err
        assert "nothing is kept for validation" in error and "2 labels for 2 texts" in error

    def test_it_refuses_options_of_generation(self, corpora, capsys):
        tokenizer = seq2seq.CharTokenizer().adapt(CHINESE)
        seq2seq.TextClassifier(tokenizer, 2, 8, 8, pair_buckets=0).save("m.keras")
        for command in (
            ["generate", "m.keras", "lines.txt"],
            ["evaluate", "m.keras", "labels.tsv"],
        ):
            for option in (["--sampler", "greedy"], ["--max-length", "5"], ["--prefix", "好"]):
                fails_with_one_line([*command, *option], capsys, f"Received: {option[0]}")
        whole = ["evaluate", "m.keras", "labels.tsv", "--whole-files"]
        fails_with_one_line(whole, capsys, "--whole-files")


class TestOptionsByTask:
    @pytest.mark.parametrize(
        "task, option",
        [
            ("translate", "--tokenizer=char"),
            ("translate", "--vectors=v.txt"),
            ("translate", "--whole-files"),
            ("translate", "--max-length=3"),
            ("language-model", "--attention=luong"),
            ("language-model", "--no-bidirectional"),
            ("language-model", "--class-weight=balanced"),
            ("classify", "--source-tokenizer=char"),
            ("classify", "--carry-states"),
            ("classify", "--show=1"),
            ("translate", "--num-heads=4"),
            ("translate --architecture transformer", "--attention=luong"),
            ("language-model --architecture transformer", "--carry-states"),
        ],
    )
    def test_an_option_of_another_task_is_bad_usage(self, corpora, capsys, task, option):
        with pytest.raises(SystemExit) as exit_info:
            train(*task.split(), option)
        assert exit_info.value.code == 2
        error = capsys.readouterr().err
        assert f"Received: --task {task}" in error and option.split("=")[0] in error

    def test_help_lists_options_by_task(self, capsys):
        groups = help_groups(capsys)
        assert "--units" in groups["with any --task"]
        assert "default: 256" in groups["with any --task"]
        assert "--tokenizer" in groups["with --task language-model or classify or fill"]
        recurrent = "with --task {} --architecture recurrent"
        assert "--attention {luong,bahdanau}" in groups[recurrent.format("translate")]
        assert "--target-vectors" in groups[recurrent.format("translate")]
        assert "--carry-states" in groups[recurrent.format("language-model")]
        assert "--max-source-length" in groups["with --task translate"]
        assert "--num-heads" in groups["with --architecture transformer"]
        embedding = " ".join(groups["with --architecture recurrent"].split())
        assert "--embedding-dim EMBEDDING_DIM default: 256 (128 with --task classify)" in embedding
        assert "--class-weight" in groups["with --task classify"]

    def test_a_classifier_is_recurrent(self, corpora, capsys):
        with pytest.raises(SystemExit):
            train("classify", "--architecture", "transformer")
        assert "Expected --task classify --architecture recurrent" in capsys.readouterr().err

    @pytest.mark.parametrize("kind", NETWORKS, ids=str)
    def test_every_field_of_the_options_is_an_option(self, kind):
        options = build_parser().parse_args(["train", "d", "--output", "m.keras"])
        for field in dataclasses.fields(NETWORKS[kind]):
            assert vars(options)[field.name] is None  # left to the model

    def test_a_new_field_is_an_option(self, capsys, monkeypatch):
        @dataclasses.dataclass(frozen=True, kw_only=True)
        class More(ClassifierOptions):
            number_of_heads: int = whole(4)

        monkeypatch.setitem(NETWORKS, Kind("classify", "recurrent"), More)
        groups = help_groups(capsys)
        text = " ".join(groups["with --task classify"].split())
        assert "--number-of-heads NUMBER_OF_HEADS default: 4" in text


class TestWithoutKeras:
    """What needs no Keras does not wait for it."""

    @pytest.mark.parametrize(
        "arguments, code, words",
        [
            (["--version"], 0, "seq2seq"),
            (["train", "--help"], 0, "usage"),
            (["inspect", "data.tsv"], 0, "4 pairs"),
            (["inspect", "m.keras"], 0, "WordTokenizer"),
            (["train", "none.tsv", "--output", "new.keras"], 1, "none.tsv"),
            (["train", "data.tsv", "--output", "new.keras", "--units", "0"], 1, "units"),
            (["train", "data.tsv", "--output", "new.keras", "--target-vectors", "none"], 1, "none"),
            (["train", "none.tsv", "--output", "m.keras"], 1, "--resume"),
            (["generate", "none.keras"], 1, "none.keras"),
            (["generate", "m.keras", "none.txt"], 1, "none.txt"),
            (["generate", "m.keras", "data.tsv", "--width", "3"], 1, "--sampler beam"),
            (["evaluate", "m.keras", "none.tsv"], 1, "none.tsv"),
            (["evaluate", "data.tsv", "data.tsv"], 1, "saved with"),
        ],
    )
    def test_it_is_not_loaded(self, saved, arguments, code, words):
        program = (
            "import sys; from seq2seq.cli import main\n"
            f"try: code = main({arguments!r})\n"
            "except SystemExit as exit: code = exit.code\n"
            "loaded = {'keras', 'tensorflow', 'jax'} & sys.modules.keys()\n"
            "sys.exit(f'{loaded} loaded' if loaded else code)"
        )
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert result.returncode == code, result.stderr
        assert words in result.stdout + result.stderr

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such pipes")
    def test_a_pipe_which_can_be_read_only_once_is_not_opened_early(self, folder, monkeypatch):
        os.mkfifo("pipe")
        opened = []
        monkeypatch.setattr(corpus, "open", lambda *_: opened.append(_), raising=False)
        corpus.check_readable(["pipe"])
        assert not opened


def help_groups(capsys):
    """Returns what `train --help` prints, by the titles of its groups."""
    with pytest.raises(SystemExit) as exit_info:
        main(["train", "--help"])
    assert exit_info.value.code == 0
    groups = (group.split(":\n", 1) for group in capsys.readouterr().out.split("\n\n"))
    return {group[0]: group[-1] for group in groups}


class TestGenerate:
    def test_a_line_for_each_line_of_standard_input(self, saved, capsys, monkeypatch):
        lines = [ENGLISH[3], "", ENGLISH[0]]
        pretend_input(monkeypatch, "\r\n".join(lines).encode("utf-8"))
        assert main(["generate", saved]) == 0
        assert capsys.readouterr().out == f"{CHINESE[3]}\n\n{CHINESE[0]}\n"

    def test_files(self, saved, folder, capsys):
        (folder / "in.txt").write_text("\ufeff" + "\n".join(ENGLISH) + "\n", encoding="utf-8")
        assert main(["generate", saved, "in.txt", "in.txt", "--sampler", "beam"]) == 0
        assert capsys.readouterr().out.split() == CHINESE * 2

    def test_a_seeded_sample_does_not_repeat_with_every_block(self, saved, capsys, monkeypatch):
        monkeypatch.setattr("seq2seq.commands.generate.BLOCK", 2)
        pretend_input(monkeypatch, b"good night\n" * 6)
        sample = ["--sampler", "sample", "--temperature", "5", "--seed", "3", "--max-length", "9"]
        assert main(["generate", saved, *sample]) == 0
        sampler = seq2seq.Sample(temperature=5.0, seed=3)
        texts = load_model(saved).generate(["good night"] * 6, max_length=9, sampler=sampler)
        assert capsys.readouterr().out.splitlines() == texts
        assert len(set(texts)) > 3

    def test_options_of_the_sampler(self, saved, capsys, monkeypatch):
        pretend_input(monkeypatch, ENGLISH[0].encode())
        beam = ["--sampler", "beam", "--width", "4", "--num-results", "2", "--prefix", "晚"]
        assert main(["generate", saved, *beam, "--banned", "好", "--max-length", "6"]) == 0
        results = capsys.readouterr().out.rstrip("\n").split("\t")
        assert len(results) == 2
        assert all(text.startswith("晚") and "好" not in text for text in results)

    def test_texts_on_the_command_line(self, saved, capsys):
        texts = ["--text", ENGLISH[3], "--text", "", "--text", ENGLISH[0].replace(" ", "\n")]
        assert main(["generate", saved, *texts]) == 0
        assert capsys.readouterr().out == f"{CHINESE[3]}\n\n{CHINESE[0]}\n"
        assert main(["generate", saved, *texts[4:], "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"source": ENGLISH[0], "text": CHINESE[0]}
        fails_with_one_line(["generate", saved, "data.tsv", *texts], capsys, "Received both")

    def test_json(self, saved, capsys, monkeypatch):
        pretend_input(monkeypatch, ENGLISH[0].encode())
        assert main(["generate", saved, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"source": ENGLISH[0], "text": CHINESE[0]}

    def test_a_prompt_where_there_is_a_terminal(self, saved, capsys, monkeypatch):
        typed = iter([ENGLISH[1], f"\ufeff{ENGLISH[2]}\t"])

        def ask(_):
            try:
                return next(typed)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(isatty=lambda: True))
        monkeypatch.setattr("builtins.input", ask)
        assert main(["generate", saved]) == 0
        assert capsys.readouterr().out.split() == CHINESE[1:3]

    def test_bad_input(self, saved, folder, capsys, monkeypatch):
        fails_with_one_line(["generate", "none.keras"], capsys, "none.keras")
        fails_with_one_line(["generate", "data.tsv"], capsys, "saved with")
        fails_with_one_line(["generate", saved, "none.txt"], capsys, "none.txt")
        fails_with_one_line(
            ["generate", saved, "data.tsv", "--max-length", "0"], capsys, "max_length"
        )
        for option, sampler in (("--width", "beam"), ("--top-k", "sample"), ("--seed", "sample")):
            fails_with_one_line(
                ["generate", saved, "data.tsv", option, "3"], capsys, f"--sampler {sampler}"
            )
        pretend_input(monkeypatch, "好\n".encode() + "好".encode("gb18030"))
        fails_with_one_line(["generate", saved], capsys, "line 2")

    def test_a_language_model_continues_each_line(self, folder, capsys):
        model = seq2seq.LanguageModel(seq2seq.CharTokenizer().adapt(CHINESE), 8, 8)
        model.save("writer.keras")
        (folder / "in.txt").write_text("晚\n早\n", encoding="utf-8")
        assert main(["generate", "writer.keras", "in.txt", "--max-length", "3"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines == model.generate(["晚", "早"], max_length=3)
        assert main(["evaluate", "writer.keras", "in.txt", "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["texts"] == 2 and result["perplexity"] == pytest.approx(
            model.perplexity(["晚", "早"])
        )
        assert {"character_perplexity", "coverage", "distinct_1", "distinct_2"} < result.keys()
        assert main(["inspect", "writer.keras", "--json"]) == 0
        settings = json.loads(capsys.readouterr().out)["settings"]
        assert settings["tokenizer"] == f"CharTokenizer, {model.vocabulary_size} tokens"

    def test_a_classifier_labels_each_line(self, folder, capsys):
        tokenizer = seq2seq.CharTokenizer().adapt(CHINESE)
        model = seq2seq.TextClassifier(tokenizer, [0, 1], 8, 8, pair_buckets=0)
        model.save("labels.keras")
        (folder / "in.tsv").write_text("晚安\t0\n早上好\t1\n", encoding="utf-8")
        (folder / "in.txt").write_text("晚安\n早上好\n", encoding="utf-8")
        assert main(["generate", "labels.keras", "in.txt"]) == 0
        labels = [result.label for result in model.classify(["晚安", "早上好"])]
        assert capsys.readouterr().out.split() == [str(label) for label in labels]
        assert main(["evaluate", "labels.keras", "in.tsv", "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        expected = model.evaluate(["晚安", "早上好"], [0, 1])
        assert result["accuracy"] == expected["accuracy"] and result["texts"] == 2
        assert result["confusion_matrix"] == expected["confusion_matrix"].tolist()
        assert main(["evaluate", "labels.keras", "in.tsv"]) == 0
        assert "precision" in capsys.readouterr().out
        names = ["--metrics", "classes", "confusion_matrix"]
        assert main(["evaluate", "labels.keras", "in.tsv", *names]) == 0
        assert "confusion_matrix" in capsys.readouterr().out
        for command in (["evaluate", "labels.keras", "in.tsv"], ["generate", "labels.keras"]):
            fails_with_one_line([*command, "--sampler", "beam"], capsys, "--sampler beam")
        (folder / "bad.tsv").write_text("晚安\t2\n", encoding="utf-8")
        fails_with_one_line(["evaluate", "labels.keras", "bad.tsv"], capsys, "'2'")


class TestEvaluate:
    def test_all_metrics(self, saved, capsys):
        names = ["loss", "perplexity", "accuracy", "bleu", "chrf", "wer", "exact"]
        assert main(["evaluate", saved, "data.tsv", "--json", "--metrics", *names]) == 0
        result = json.loads(capsys.readouterr().out)
        assert list(result) == ["pairs", *names]
        assert result["exact"] == 1 and result["wer"] == 0 and result["bleu"] == pytest.approx(100)
        assert 0 < result["loss"] < 1 and result["accuracy"] == 1

    def test_as_text(self, saved, capsys):
        assert main(["evaluate", saved, "data.tsv"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == [
            "loss",
            "perplexity",
            "character_perplexity",
            "accuracy",
            "coverage",
            "distinct_1",
            "distinct_2",
        ]

    def test_bad_input(self, saved, folder, capsys):
        (folder / "empty.tsv").write_text("")
        fails_with_one_line(["evaluate", saved, "empty.tsv"], capsys, "empty.tsv")
        fails_with_one_line(["evaluate", saved, "gone.tsv"], capsys, "gone.tsv")


class TestInspect:
    def test_a_corpus(self, folder, capsys):
        assert main(["inspect", "data.tsv", "--validation", "data.tsv"]) == 0
        out = capsys.readouterr().out
        assert "4 pairs" in out and "WordTokenizer" in out and "JiebaTokenizer" in out
        assert main(["inspect", "data.tsv", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["pairs"] == 4

    def test_another_keras_model(self, folder, capsys):
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save("plain.keras")
        assert main(["inspect", "plain.keras"]) == 0
        assert "Sequential" in capsys.readouterr().out
        for command in (["generate"], ["evaluate"]):
            arguments = [*command, "plain.keras", "data.tsv"]
            fails_with_one_line(arguments, capsys, "model of this package")

    def test_a_model(self, saved, capsys):
        assert main(["inspect", saved]) == 0
        out = capsys.readouterr().out
        assert "WordTokenizer" in out and "fingerprint" in out and "val_perplexity" in out
        arguments = ["inspect", saved, "--validation", "data.tsv"]
        fails_with_one_line(arguments, capsys, "--validation with files of pairs")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["train"],
        ["evaluate", "m", "d", "--metrics", "x"],
        ["train", "d", "--output", "m.keras", "--epochs", "0"],
        ["generate", "m", "--batch-size", "-1"],
    ],
)
def test_bad_usage_exits_with_2(arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 2


def test_the_command_in_a_shell_of_another_locale(saved, folder):
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(
        [sys.executable, "-m", "seq2seq", "generate", saved],
        input=ENGLISH[0].encode(),
        capture_output=True,
        env=environment,
        check=True,
    )
    assert result.stdout.decode("utf-8") == f"{CHINESE[0]}\n"
    assert result.stderr == b""
