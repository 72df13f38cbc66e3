"""Callbacks."""

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH, make_model

import seq2seq


def test_samples_are_shown_after_each_epoch(model, capsys):
    show = seq2seq.callbacks.ShowSamples(ENGLISH[:2], CHINESE[:2], max_length=3)
    model.fit(ENGLISH, CHINESE, epochs=2, verbose=0, callbacks=[show])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("  good morning -> ")
    assert lines[0].endswith("(true: 早上好。)")
    assert lines[3].strip().startswith(f"good night -> {model.generate(ENGLISH[1], max_length=3)}")


def test_a_sample_is_one_short_line(model, capsys):
    long = " ".join(["good"] * 60)
    show = seq2seq.callbacks.ShowSamples([f"{long}\n", "good\n morning"], ["早\n上", long])
    model.generate = lambda sources, **options: [["a\nb", "早" * 99, ""], "好\u2028" * 99][
        : len(sources)
    ]
    model.fit(ENGLISH, CHINESE, verbose=0, callbacks=[show])
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"  {long[:99]}… -> a b | {'早' * 32}… |   (true: 早 上)"
    assert second == f"  good morning -> {'好 ' * 49}好…  (true: {long[:99]}…)"


@pytest.mark.parametrize("rows", [[[5, 3]], np.array([[5, 3]])], ids=["list", "array"])
def test_samples_of_ids_are_shown_too(rows, capsys):
    model = seq2seq.Seq2Seq(9, 9, units=4, embedding_dim=4)
    show = seq2seq.callbacks.ShowSamples(rows, rows, max_length=40)
    show.set_model(model)
    show.on_train_begin()
    show.on_epoch_end(0)
    show.on_train_end()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("  [5") and line.endswith("3])") and " -> [" in line


def test_samples_may_be_shown_less_often(model, capsys):
    show = seq2seq.callbacks.ShowSamples(ENGLISH[:1], every=2, max_length=3)
    model.fit(ENGLISH, CHINESE, epochs=5, verbose=0, callbacks=[show])
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_sources_and_targets_must_fit():
    with pytest.raises(ValueError, match="as many targets"):
        seq2seq.callbacks.ShowSamples(ENGLISH, CHINESE[:1])
    with pytest.raises(ValueError, match="list of sources"):
        seq2seq.callbacks.ShowSamples("one text")


@pytest.mark.parametrize("kind", ["ShowSamples", "TextMetrics"])
def test_what_generates_nothing_is_told(kind):
    tokenizer = seq2seq.CharTokenizer().adapt(CHINESE)
    model = seq2seq.TextClassifier(tokenizer, 2, embedding_dim=8, units=8)
    callback = getattr(seq2seq.callbacks, kind)(CHINESE, CHINESE)
    with pytest.raises(ValueError, match=f"a model that generates.*Leave {kind} out"):
        model.fit(CHINESE, [0, 1, 0, 1], verbose=0, callbacks=[callback])


class CountBatches(keras.callbacks.Callback):
    batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (lambda: seq2seq.callbacks.ShowSamples(ENGLISH, sampler="bem"), "bem"),
        (lambda: seq2seq.callbacks.ShowSamples(ENGLISH, max_length=0), "max_length"),
        (lambda: seq2seq.callbacks.TextMetrics(ENGLISH, CHINESE, sampler="bem"), "bem"),
        (lambda: seq2seq.callbacks.TextMetrics(ENGLISH, [""] * 4, ["wer"]), "one word"),
        (lambda: seq2seq.callbacks.TextMetrics(ENGLISH, [3] * 4, ["exact"]), "row 0"),
        (lambda: seq2seq.callbacks.ShowSamples([5]), "texts or rows"),
        (lambda: seq2seq.callbacks.ShowSamples(["a", None]), "texts or rows"),
        (
            lambda: seq2seq.callbacks.TextMetrics(
                ENGLISH, CHINESE, sampler=seq2seq.BeamSearch(3, num_results=2)
            ),
            "num_results",
        ),
        (
            lambda: seq2seq.callbacks.WarmUp(updates=1, decay="cosine", total_updates=2),
            "above 2, the updates",
        ),
    ],
)
def test_mistakes_are_told_before_training(model, callback, message):
    model.optimizer.iterations.assign(2)
    count = CountBatches()
    with pytest.raises(ValueError, match=message):
        model.fit(ENGLISH, CHINESE, verbose=0, callbacks=[count, callback()])
    assert not count.batches


class TestTextMetrics:
    def test_other_callbacks_see_the_figures(self, model, tmp_path):
        measure = seq2seq.callbacks.TextMetrics(ENGLISH, CHINESE, ["bleu", "exact"], max_length=8)
        best = keras.callbacks.ModelCheckpoint(
            tmp_path / "best.keras", monitor="val_bleu", mode="max", save_best_only=True
        )
        model.optimizer.learning_rate = 0.02
        history = model.fit(ENGLISH, CHINESE, epochs=25, verbose=0, callbacks=[measure, best])
        assert history.history["val_bleu"][-1] == pytest.approx(100)
        assert history.history["val_exact"][-1] == 1
        assert (tmp_path / "best.keras").exists()

    def test_bad_input(self):
        with pytest.raises(ValueError, match="bleu, chrf, wer, exact"):
            seq2seq.callbacks.TextMetrics(ENGLISH, CHINESE, ["meteor"])
        with pytest.raises(ValueError, match="list of metrics"):
            seq2seq.callbacks.TextMetrics(ENGLISH, CHINESE, "bleu")
        with pytest.raises(ValueError, match="4 sources and 1 targets"):
            seq2seq.callbacks.TextMetrics(ENGLISH, CHINESE[:1])
        with pytest.raises(ValueError, match="list of sources"):
            seq2seq.callbacks.TextMetrics("ab", "cd")
        with pytest.raises(ValueError, match="0 sources"):
            seq2seq.callbacks.TextMetrics([], [])


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

    def test_it_sets_the_rate_of_each_update_and_puts_it_back(self, model):
        by_hand = make_model()
        by_hand.set_weights(model.get_weights())
        model.fit(
            ENGLISH,
            CHINESE,
            batch_size=1,
            shuffle=False,
            verbose=0,
            callbacks=[seq2seq.callbacks.WarmUp(0.01, updates=8)],
        )
        assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
        lengths = [len(text) for text in CHINESE]
        for place, rate in zip(np.argsort(lengths), [1, 2, 3, 4], strict=True):
            by_hand.optimizer.learning_rate = 0.01 * rate / 8
            pair = ENGLISH[place : place + 1], CHINESE[place : place + 1]
            by_hand.fit(*pair, batch_size=1, verbose=0)
        for weight, expected in zip(model.get_weights(), by_hand.get_weights(), strict=True):
            np.testing.assert_allclose(weight, expected, atol=1e-5)

    @pytest.mark.parametrize(
        "options",
        [
            {"decay": "step"},
            {"peak": 0},
            {"updates": 0},
            {"decay": "cosine"},
            {"total_updates": "9"},
        ],
    )
    def test_bad_input(self, options):
        with pytest.raises(ValueError, match="Expected"):
            seq2seq.callbacks.WarmUp(**options)

    def test_a_training_at_the_rate_of_zero_that_it_left_warns(self, model, tmp_path):
        decay = seq2seq.callbacks.WarmUp(0.01, updates=1, decay="cosine", total_updates=2)
        checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "m.keras")
        model.fit(ENGLISH, CHINESE, epochs=2, verbose=0, callbacks=[decay, checkpoint])
        loaded = keras.saving.load_model(tmp_path / "m.keras")
        with pytest.warns(UserWarning, match="learning rate is 0"):
            loaded.fit(ENGLISH, CHINESE, verbose=0)


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

    def test_another_training_starts_afresh(self, model):
        def interrupt(epoch, logs):
            raise KeyboardInterrupt

        average = seq2seq.callbacks.AverageWeights(2)
        stop = keras.callbacks.LambdaCallback(on_epoch_end=interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.fit(ENGLISH, CHINESE, verbose=0, callbacks=[average, stop])
        seen = []
        keep = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())
        )
        model.fit(ENGLISH, CHINESE, verbose=0, callbacks=[keep, average])
        for weight, last in zip(model.get_weights(), seen[-1], strict=True):
            np.testing.assert_allclose(weight, last, atol=1e-7)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="epochs"):
            seq2seq.callbacks.AverageWeights(0)
