"""The command line, as a shell sees it."""

import io
import json
import os
import subprocess
import sys
import types

import keras
import pytest
from conftest import CHINESE, ENGLISH

import seq2seq
from seq2seq import check_inference, load_model
from seq2seq.cli import main

SMALL = ["--units", "16", "--embedding-dim", "8", "--epochs", "2", "--show", "1"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder with `data.tsv`."""
    monkeypatch.chdir(tmp_path)
    lines = [f"{source}\t{target}\n" for source, target in zip(ENGLISH, CHINESE, strict=True)]
    (tmp_path / "data.tsv").write_text("".join(lines), encoding="utf-8")
    return tmp_path


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

    @pytest.mark.parametrize("decay", ["inverse_sqrt", "cosine"])
    def test_the_learning_rate_may_rise_and_fall(self, folder, capsys, decay):
        schedule = ["--decay", decay, "--warm-up", "1", "--learning-rate", "0.01"]
        arguments = ["train", "data.tsv", "--output", "m.keras", "--validation", "data.tsv"]
        assert main([*arguments, *schedule, *SMALL, "--batch-size", "4", "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        expected = {"inverse_sqrt": 0.01 / 2**0.5, "cosine": 0.0}  # at the second update of two
        rates = {1: 0.01, 2: expected[decay]}
        assert result["training"]["learning_rate"] == pytest.approx(
            rates[result["training"]["updates"]], abs=1e-6
        )

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
        def interrupt(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

        arguments = ["train", "data.tsv", "--output", "m.keras", "--validation", "data.tsv", *SMALL]
        with monkeypatch.context() as patch:
            patch.setattr(keras.callbacks.ModelCheckpoint, "on_epoch_begin", interrupt, False)
            assert main(arguments) == 130
        assert "--resume" in capsys.readouterr().err
        assert load_model("m.last.keras").manifest["training"]["epochs"] == 1

        assert main([*arguments, "--resume", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["training"]["epochs"] == 2
        assert not (folder / "m.last.keras").exists()
        assert main([*arguments, "--resume", "--epochs", "3", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["training"]["epochs"] == 3

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
            (["--source-vectors", "none.txt"], "no vectors"),
        ):
            fails_with_one_line([*arguments, "--resume", *options], capsys, words)

    def test_resume_does_not_train_at_a_rate_of_zero(self, folder, capsys):
        arguments = ["train", "data.tsv", "--output", "m.keras", "--validation", "data.tsv"]
        arguments += [*SMALL, "--json", "--batch-size", "1"]
        assert main([*arguments, "--decay", "cosine", "--warm-up", "1"]) == 0
        capsys.readouterr()
        more = [*arguments, "--epochs", "4", "--resume"]
        fails_with_one_line(more, capsys, "--decay or --learning-rate")
        assert main([*more, "--learning-rate", "0.01"]) == 0
        assert json.loads(capsys.readouterr().out)["training"]["learning_rate"] == pytest.approx(
            0.01
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
        finally:
            keras.config.set_dtype_policy(policy)
        model = load_model("m.keras")
        assert {layer.compute_dtype for layer in model.layers} == {"float32"}
        assert check_inference(model, ENGLISH, CHINESE) < 1e-5

    def test_a_fresh_run_forgets_the_last_epoch_of_another(self, folder):
        (folder / "m.last.keras").write_bytes(b"of another run")
        assert main(["train", "data.tsv", "--output", "m.keras", *SMALL]) == 0
        assert not (folder / "m.last.keras").exists()

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
        rate = ["--learning-rate", "nan"]
        fails_with_one_line(["train", "data.tsv", *output, *rate], capsys, "--learning-rate")
        both = ["--validation", "data.tsv", "--validation-split", "0.5"]
        fails_with_one_line(["train", "data.tsv", *output, *both], capsys, "Received both")
        assert not (folder / "m.keras").exists()


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

    def test_options_of_the_sampler(self, saved, capsys, monkeypatch):
        pretend_input(monkeypatch, ENGLISH[0].encode())
        beam = ["--sampler", "beam", "--width", "4", "--num-results", "2", "--prefix", "晚"]
        assert main(["generate", saved, *beam, "--banned", "好", "--max-length", "6"]) == 0
        results = capsys.readouterr().out.rstrip("\n").split("\t")
        assert len(results) == 2
        assert all(text.startswith("晚") and "好" not in text for text in results)

    def test_json(self, saved, capsys, monkeypatch):
        pretend_input(monkeypatch, ENGLISH[0].encode())
        assert main(["generate", saved, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"source": ENGLISH[0], "text": CHINESE[0]}

    def test_a_prompt_where_there_is_a_terminal(self, saved, capsys, monkeypatch):
        typed = iter([ENGLISH[1], ENGLISH[2]])

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
