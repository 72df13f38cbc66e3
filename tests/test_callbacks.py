"""Callbacks."""

import pytest
from conftest import CHINESE, ENGLISH

import seq2seq


def test_samples_are_shown_after_each_epoch(model, capsys):
    show = seq2seq.callbacks.ShowSamples(ENGLISH[:2], CHINESE[:2], max_length=3)
    model.fit(ENGLISH, CHINESE, epochs=2, verbose=0, callbacks=[show])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("  good morning -> ")
    assert lines[0].endswith("(true: 早上好。)")
    assert lines[3].strip().startswith(f"good night -> {model.generate(ENGLISH[1], max_length=3)}")


def test_sources_and_targets_must_fit():
    with pytest.raises(ValueError, match="as many targets"):
        seq2seq.callbacks.ShowSamples(ENGLISH, CHINESE[:1])
    with pytest.raises(ValueError, match="list of sources"):
        seq2seq.callbacks.ShowSamples("one text")
