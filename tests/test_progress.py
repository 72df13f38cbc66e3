"""The line that tells how far long work is."""

import io
import sys

import pytest
from conftest import CHINESE, ENGLISH

import seq2seq
from seq2seq import progress
from seq2seq.progress import Progress, track

pytestmark = pytest.mark.neutral


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved: `clock[0] += seconds`."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_the_line_tells_how_many_are_done_and_is_removed(clock):
    stream = io.StringIO()
    batches = track([range(10), range(10), range(5)], 25, Progress(25, 1, stream))
    for _ in batches:
        clock[0] += 4
    assert "\r10 of 25 texts, about 6 s left\r20 of 25" in stream.getvalue()


def test_a_line_is_removed(clock):
    stream = io.StringIO()
    line = Progress(None, 1, stream)
    line.add(1234)
    line.close()
    assert stream.getvalue() == "\r1,234 texts" + "\r" + " " * 11 + "\r"
    line.close()
    assert stream.getvalue().endswith("\r" + " " * 11 + "\r")


def test_auto_shows_long_work_at_a_prompt_only(clock, monkeypatch):
    def show(seconds):
        stream = io.StringIO()
        line = Progress(100, "auto", stream)
        clock[0] += seconds
        line.add(10)
        return stream.getvalue()

    monkeypatch.delattr(sys, "ps1", raising=False)
    assert show(60) == ""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert show(60).startswith("\r10 of 100") and show(1) == ""


def test_models_show_it_when_asked(trained, capsys):
    assert trained.generate(ENGLISH, batch_size=2, verbose=1) == CHINESE
    assert "\r2 of 4 texts" in capsys.readouterr().out
    trained.score(ENGLISH, CHINESE, verbose=1)
    assert "\r4 of 4 texts" in capsys.readouterr().out
    trained.generate(ENGLISH)
    trained.score(ENGLISH, CHINESE)
    assert capsys.readouterr().out == ""
    language_model = seq2seq.LanguageModel(trained.target_tokenizer, embedding_dim=4, units=4)
    language_model.generate(["晚", "早"], max_length=2, verbose=1)
    assert "\r2 of 2 texts" in capsys.readouterr().out
    language_model.score(CHINESE, verbose=1)
    assert "\r4 of 4 texts" in capsys.readouterr().out
    classifier = seq2seq.TextClassifier(trained.target_tokenizer, 2, embedding_dim=4, units=4)
    classifier.classify(CHINESE, verbose=1)
    assert "\r4 of 4 texts" in capsys.readouterr().out


def test_another_word_is_refused(trained):
    with pytest.raises(ValueError, match="Expected `verbose` to be 'auto', 0 or 1"):
        trained.generate(ENGLISH, verbose="yes")
