"""Callbacks."""

import keras
import numpy as np
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


def test_samples_may_be_shown_less_often(model, capsys):
    show = seq2seq.callbacks.ShowSamples(ENGLISH[:1], every=2, max_length=3)
    model.fit(ENGLISH, CHINESE, epochs=5, verbose=0, callbacks=[show])
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_sources_and_targets_must_fit():
    with pytest.raises(ValueError, match="as many targets"):
        seq2seq.callbacks.ShowSamples(ENGLISH, CHINESE[:1])
    with pytest.raises(ValueError, match="list of sources"):
        seq2seq.callbacks.ShowSamples("one text")


class TestTextMetrics:
    def test_other_callbacks_see_the_figures(self, model, tmp_path):
        measure = seq2seq.callbacks.TextMetrics(ENGLISH, CHINESE, ["bleu", "exact"], max_length=8)
        best = keras.callbacks.ModelCheckpoint(
            tmp_path / "best.keras", monitor="val_bleu", mode="max", save_best_only=True
        )
        model.optimizer.learning_rate = 0.02
        history = model.fit(ENGLISH, CHINESE, epochs=40, verbose=0, callbacks=[measure, best])
        assert history.history["val_bleu"][-1] == pytest.approx(100)
        assert history.history["val_exact"][-1] == 1
        assert (tmp_path / "best.keras").exists()

    def test_bad_input(self):
        with pytest.raises(ValueError, match="bleu, chrf, wer, exact"):
            seq2seq.callbacks.TextMetrics(ENGLISH, CHINESE, ["meteor"])
        with pytest.raises(ValueError, match="as many references"):
            seq2seq.callbacks.TextMetrics(ENGLISH, CHINESE[:1])


class TestSourceReliance:
    def test_it_is_near_zero_at_first_and_grows(self, model, capsys):
        reliance = seq2seq.callbacks.SourceReliance(ENGLISH, CHINESE)

        def train(learning_rate, epochs):
            model.optimizer.learning_rate = learning_rate
            history = model.fit(ENGLISH, CHINESE, epochs=epochs, verbose=0, callbacks=[reliance])
            return history.history["source_reliance"]

        assert abs(train(1e-6, epochs=1)[0]) < 0.05
        assert "ignores its source" in capsys.readouterr().out
        assert train(0.02, epochs=40)[-1] > 1

    def test_it_needs_two_pairs(self):
        with pytest.raises(ValueError, match="two pairs"):
            seq2seq.callbacks.SourceReliance(ENGLISH[:1], CHINESE[:1])


class TestWarmUp:
    @pytest.mark.parametrize("decay", ["inverse_sqrt", "cosine"])
    def test_it_rises_to_the_peak_and_falls(self, decay):
        warm_up = seq2seq.callbacks.WarmUp(0.01, updates=10, decay=decay, total_updates=50)
        rates = [warm_up.learning_rate(update) for update in range(1, 51)]
        assert rates[0] == pytest.approx(0.001)
        assert max(rates) == rates[9] == pytest.approx(0.01)
        assert rates[9:] == sorted(rates[9:], reverse=True)
        assert rates[-1] == pytest.approx(0 if decay == "cosine" else 0.01 * (10 / 50) ** 0.5)

    def test_it_sets_the_rate_of_each_update(self, model):
        model.fit(
            ENGLISH,
            CHINESE,
            batch_size=1,
            verbose=0,
            callbacks=[seq2seq.callbacks.WarmUp(0.01, updates=8)],
        )
        assert float(model.optimizer.learning_rate) == pytest.approx(0.005)

    @pytest.mark.parametrize(
        "options", [{"decay": "step"}, {"peak": 0}, {"updates": 0}, {"decay": "cosine"}]
    )
    def test_bad_input(self, options):
        with pytest.raises(ValueError, match="Expected"):
            seq2seq.callbacks.WarmUp(**options)


class TestAverageWeights:
    def test_it_is_the_mean_of_the_last_epochs(self, model):
        seen = []
        keep = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())
        )
        average = seq2seq.callbacks.AverageWeights(2)
        model.fit(ENGLISH, CHINESE, epochs=3, verbose=0, callbacks=[keep, average])
        for mean, before, last in zip(model.get_weights(), *seen[-2:], strict=True):
            np.testing.assert_allclose(mean, (before + last) / 2, atol=1e-6)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="epochs"):
            seq2seq.callbacks.AverageWeights(0)
