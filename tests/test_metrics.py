"""Accuracy and perplexity: means over the real tokens of an epoch, however batched and padded."""

import keras
import numpy as np
import pytest
from keras import ops

from seq2seq.training.metrics import Accuracy, Perplexity, token_log_probabilities

VOCABULARY = 6
LENGTHS = [1, 5, 2, 5, 3, 2]


@pytest.fixture(scope="module")
def epoch():
    """`(labels, probabilities)` of rows of many lengths, without padding."""
    generator = np.random.default_rng(5)
    labels = [generator.integers(1, VOCABULARY, length) for length in LENGTHS]
    probabilities = [
        generator.dirichlet(np.ones(VOCABULARY), length).astype("float32") for length in LENGTHS
    ]
    return labels, probabilities


def batch(labels, probabilities, extra=0):
    """Pads some rows; the model is sure of the padding, or sure of something else."""
    length = max(map(len, labels)) + extra
    padded_labels = np.zeros((len(labels), length), "int32")
    padded_probabilities = np.zeros((len(labels), length, VOCABULARY), "float32")
    padded_probabilities[0, :, 0] = 1.0
    padded_probabilities[1:, :, 3] = 1.0
    for i, (row, table) in enumerate(zip(labels, probabilities, strict=True)):
        padded_labels[i, : len(row)] = row
        padded_probabilities[i, : len(row)] = table
    return padded_labels, padded_probabilities


def by_hand(labels, probabilities, weights=None):
    """`(accuracy, perplexity)` of unpadded rows; a weight for each token."""
    weights = np.ones(sum(map(len, labels))) if weights is None else np.concatenate(weights)
    labels, probabilities = np.concatenate(labels), np.concatenate(probabilities)
    hits = probabilities.argmax(axis=-1) == labels
    losses = -np.log(probabilities[np.arange(len(labels)), labels])
    return np.average(hits, weights=weights), np.exp(np.average(losses, weights=weights))


def measure(batches):
    """`(accuracy, perplexity)` by the metrics; batches of arguments to `update_state`."""
    results = []
    for metric in (Accuracy(), Perplexity()):
        for arguments in batches:
            metric.update_state(*arguments)
        results.append(float(metric.result()))
    return results


# The rows of each batch, and how much wider than its longest row it is padded.
each_batching = pytest.mark.parametrize(
    ("batching", "extra"),
    [([[0, 1, 2, 3, 4, 5]], 0), ([[0, 1, 2, 3, 4, 5]], 9), ([[5, 4], [1, 0], [3, 2]], 0)],
    ids=["one batch", "one wide batch", "three batches"],
)


@each_batching
def test_each_real_token_counts_once(epoch, batching, extra):
    labels, probabilities = epoch
    batches = [
        batch([labels[i] for i in rows], [probabilities[i] for i in rows], extra)
        for rows in batching
    ]
    np.testing.assert_allclose(measure(batches), by_hand(*epoch), 1e-5)


@each_batching
def test_rows_can_be_weighted(epoch, batching, extra):
    labels, probabilities = epoch
    weights = np.array([0.5, 0.0, 3.0, 1.0, 2.0, 0.25])
    batches = [
        (*batch([labels[i] for i in rows], [probabilities[i] for i in rows], extra), weights[rows])
        for rows in batching
    ]
    each_token = [np.full(length, w) for length, w in zip(LENGTHS, weights, strict=True)]
    np.testing.assert_allclose(measure(batches), by_hand(*epoch, each_token), 1e-5)


@each_batching
def test_tokens_can_be_weighted_and_padding_still_does_not_count(epoch, batching, extra):
    labels, probabilities = epoch
    weights = np.random.default_rng(6).uniform(0, 2, (len(LENGTHS), 20))
    batches = []
    for rows in batching:
        ids, tables = batch([labels[i] for i in rows], [probabilities[i] for i in rows], extra)
        batches.append((ids, tables, weights[rows, : ids.shape[1]]))
    each_token = [weights[i, :length] for i, length in enumerate(LENGTHS)]
    np.testing.assert_allclose(measure(batches), by_hand(*epoch, each_token), 1e-5)


def test_accuracy_counts_hits():
    probabilities = [[[0.1, 0.7, 0.2], [0.1, 0.7, 0.2], [0.9, 0.1, 0.0]]]
    assert measure([([[1, 2, 0]], probabilities)])[0] == 0.5
    assert measure([([[1, 1, 0]], probabilities)])[0] == 1.0
    assert measure([([[2, 2, 2]], probabilities)])[0] == 0.0


def test_perplexity_of_even_odds_is_the_number_of_choices():
    even = np.full((2, 3, VOCABULARY), 1 / VOCABULARY, "float32")
    assert measure([([[1, 2, 0], [5, 0, 0]], even)])[1] == pytest.approx(VOCABULARY, rel=1e-5)
    sure = np.eye(VOCABULARY, dtype="float32")[[[1, 2, 0]]]
    assert measure([([[1, 2, 0]], sure)])[1] == 1.0


def test_a_probability_of_zero_stays_finite():
    wrong = np.eye(VOCABULARY, dtype="float32")[[[4, 4, 0]]]
    accuracy, perplexity = measure([([[1, 2, 0]], wrong)])
    assert accuracy == 0
    assert 1e30 < perplexity < np.inf
    scores = ops.convert_to_numpy(token_log_probabilities(np.array([[1, 4]]), wrong[:, :2]))
    assert np.isfinite(scores).all()
    assert scores[0, 0] < -80
    assert scores[0, 1] == 0


def test_token_log_probabilities_pick_the_labels(epoch):
    ids, tables = batch(*epoch)
    scores = ops.convert_to_numpy(token_log_probabilities(ids, tables))
    assert scores.shape == ids.shape
    for i, row in enumerate(epoch[0]):
        np.testing.assert_allclose(
            scores[i, : len(row)], np.log(tables[i, np.arange(len(row)), row]), 1e-5
        )


def test_half_precision_probabilities_are_measured_in_full(epoch):
    ids, tables = batch(*epoch)
    half = ops.cast(tables, "bfloat16")
    scores = token_log_probabilities(ids, half)
    assert keras.backend.standardize_dtype(scores.dtype) == "float32"
    np.testing.assert_allclose(measure([(ids, half)])[1], by_hand(*epoch)[1], rtol=0.02)


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_many_tokens_are_counted_where_half_a_float_is_usual(half):
    before = keras.config.floatx()
    keras.config.set_floatx(half)
    try:
        metric = Accuracy()
        for label in (1, 2):
            for _ in range(600):
                metric.update_state([[label]], [[[0.0, 1.0, 0.0]]])
        assert float(metric.result()) == 0.5
    finally:
        keras.config.set_floatx(before)


def test_an_epoch_starts_from_nothing(epoch):
    metric = Perplexity()
    metric.update_state([[2]], [[[0.0, 1.0, 0.0]]])
    metric.reset_state()
    metric.update_state(*batch(*epoch))
    assert float(metric.result()) == pytest.approx(by_hand(*epoch)[1], rel=1e-5)


@pytest.fixture(scope="module")
def model():
    """A model that masks its padding, with Keras's loss beside our metrics."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.layers.Embedding(VOCABULARY, 8, mask_zero=True),
            keras.layers.Dense(VOCABULARY, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", metrics=[Accuracy(), Perplexity()])
    return model


def test_perplexity_is_the_exponential_of_the_loss(epoch, model):
    ids, _ = batch(*epoch, extra=3)
    results = model.evaluate(ids, ids, batch_size=len(ids), verbose=0, return_dict=True)
    assert set(results) == {"loss", "accuracy", "perplexity"}
    assert results["perplexity"] == pytest.approx(np.exp(results["loss"]), rel=1e-5)


def test_the_batch_size_changes_neither_metric(epoch, model):
    ids, _ = batch(*epoch, extra=3)
    whole, parts = (
        model.evaluate(ids, ids, batch_size=size, verbose=0, return_dict=True) for size in (6, 2)
    )
    for name in ("accuracy", "perplexity"):
        assert parts[name] == pytest.approx(whole[name], rel=1e-5)


@pytest.mark.parametrize("kind", [Accuracy, Perplexity])
def test_a_metric_survives_serialisation(kind):
    assert kind().name == kind.__name__.lower()
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(kind(name="mine"))
    )
    assert type(copy) is kind
    assert copy.name == "mine"
