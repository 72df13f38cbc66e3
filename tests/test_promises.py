"""The promises of section 5 of the design, one test each (beam search: `test_generation.py`)."""

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH, fewer_on_jax, make_model, make_words

import seq2seq
from seq2seq.data.padding import pad_rows


def test_saved_models_give_the_same_in_a_fresh_process(trained, tmp_path):
    trained.save(tmp_path / "translator.keras")
    tokenizer = seq2seq.CharTokenizer().adapt(CHINESE)
    classifier = seq2seq.TextClassifier(tokenizer, ["a", "b"], 8, 8, pair_buckets=10)
    classifier.save(tmp_path / "classifier.keras")
    program = (
        "import json, keras, seq2seq\n"
        "translator = keras.saving.load_model('translator.keras')\n"
        "classifier = keras.saving.load_model('classifier.keras')\n"
        f"texts = translator.generate({ENGLISH!r})\n"
        f"print(json.dumps([texts, classifier.classify({CHINESE!r})]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=True
    )
    texts, classes = json.loads(result.stdout)
    assert texts == trained.generate(ENGLISH) == CHINESE
    for (label, probability), expected in zip(classes, classifier.classify(CHINESE), strict=True):
        assert label == expected.label
        assert probability == pytest.approx(expected.probability, abs=1e-5)


@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"num_layers": 3, "dropout": 0.5}])
def test_inference_models_equal_the_training_graph(options):
    assert seq2seq.check_inference(make_model(**options), ENGLISH, CHINESE) < 1e-5


def test_padding_changes_neither_loss_nor_output(trained):
    (source_ids, target_ids), labels = trained.encode_pairs(ENGLISH, CHINESE)
    wide = [np.pad(ids, ((0, 0), (0, 9))) for ids in (source_ids, target_ids, labels)]

    narrow_loss = trained.evaluate([source_ids, target_ids], labels, verbose=0)
    assert trained.evaluate(wide[:2], wide[2], verbose=0) == pytest.approx(narrow_loss, rel=1e-5)

    together = trained.predict([source_ids, target_ids], verbose=0)
    padded = trained.predict(wide[:2], verbose=0)
    for row, ids in enumerate(target_ids):
        length = np.count_nonzero(ids)
        alone = trained.predict(
            [pad_rows([np.trim_zeros(source_ids[row])]), ids[None, :length]], verbose=0
        )
        np.testing.assert_allclose(alone[0], together[row, :length], atol=1e-6)
        np.testing.assert_allclose(padded[row, :length], together[row, :length], atol=1e-6)
    assert trained.score(ENGLISH, CHINESE) == pytest.approx(
        [
            trained.score([source], [target])[0]
            for source, target in zip(ENGLISH, CHINESE, strict=True)
        ],
        abs=1e-5,
    )


@pytest.mark.parametrize("task", fewer_on_jax(["copy", "reversal"], "reversal"))
def test_copy_and_reversal_are_learned(task, optimized):
    keras.utils.set_random_seed(1)
    sources = make_words(6000, seed=1)
    targets = sources if task == "copy" else [word[::-1] for word in sources]
    tokenizer = seq2seq.CharTokenizer().adapt(sources)
    model = seq2seq.Seq2Seq(tokenizer, tokenizer, embedding_dim=128, units=128)
    rise_and_fall = seq2seq.callbacks.WarmUp(0.01, 50, "cosine", total_updates=10 * 86)
    model.fit(sources[:5500], targets[:5500], epochs=10, verbose=0, callbacks=[rise_and_fall])
    results = model.generate(sources[5500:], max_length=10)
    right = np.mean([a == b for a, b in zip(results, targets[5500:], strict=True)])
    assert right >= 0.99


def test_the_loss_of_a_batch_is_the_mean_over_its_real_tokens(model):
    inputs, labels = model.encode_pairs(ENGLISH, CHINESE)
    probabilities = model.predict(inputs, verbose=0)
    real = labels != 0
    chosen = np.take_along_axis(probabilities, labels[:, :, None], axis=-1)[:, :, 0]
    expected = -np.log(chosen[real]).mean()
    loss, accuracy, perplexity = model.evaluate(inputs, labels, verbose=0)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert perplexity == pytest.approx(np.exp(expected), rel=1e-5)
    assert accuracy == pytest.approx((probabilities.argmax(-1) == labels)[real].mean(), rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4])
def test_accuracy_and_perplexity_do_not_depend_on_the_batches(trained, batch_size):
    expected = trained.evaluate(ENGLISH, CHINESE, verbose=0, return_dict=True)
    result = trained.evaluate(ENGLISH, CHINESE, batch_size=batch_size, verbose=0, return_dict=True)
    for name in ("accuracy", "perplexity"):
        assert result[name] == pytest.approx(expected[name], rel=1e-5)


def test_same_seed_same_data_same_weights(phrases):
    def train():
        model = make_model(dropout=0.2)
        model.fit(*phrases, epochs=2, batch_size=2, verbose=0)
        return model.get_weights()

    for first, second in zip(train(), train(), strict=True):
        np.testing.assert_array_equal(first, second)


TRAIN = """
import json, sys, keras, numpy as np, seq2seq
model = keras.saving.load_model(sys.argv[1])
kernel, bias = model.decoder.output.get_weights()
bias[4::2] -= 25  # these labels begin with a probability of about 1e-12
model.decoder.output.set_weights([kernel, bias])
model.optimizer.learning_rate = 0.02
losses = model.fit(*json.loads(sys.argv[2]), epochs=20, batch_size=4, shuffle=False, verbose=0)
print(json.dumps(losses.history["loss"]))
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_same_weights_same_data_another_backend_same_losses(tmp_path):
    saved = tmp_path / "model.keras"
    make_model().save(saved)
    quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # compiling takes longer than these updates
    losses = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", TRAIN, str(saved), json.dumps([ENGLISH, CHINESE])],
                env={**os.environ, **quick, "KERAS_BACKEND": backend},
                capture_output=True,
                check=True,
            ).stdout
        )
        for backend in ("tensorflow", "jax")
    ]
    assert losses[0][0] > 10 and losses[0][-1] < losses[0][0] - 3
    np.testing.assert_allclose(*losses, rtol=1e-3)
