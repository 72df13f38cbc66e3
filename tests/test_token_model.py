"""TokenModel: labels and weights in every shape that Keras takes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import seq2seq

TOKENS = np.array([[2, 5, 6], [2, 7, 8], [2, 4, 0]])
LABELS = np.array([[5, 6, 3], [7, 8, 3], [4, 3, 0]])


def make_model():
    keras.utils.set_random_seed(1)
    return seq2seq.LanguageModel(9, units=8, embedding_dim=8)


def test_labels_may_have_an_axis_of_one():
    model, expected = make_model(), make_model().evaluate(TOKENS, LABELS, verbose=0)
    assert model.evaluate(TOKENS, LABELS[..., None], verbose=0) == pytest.approx(expected)
    model.fit(TOKENS, LABELS[..., None], verbose=0)


def test_weights_of_rows_and_of_tokens_in_any_order():
    model = make_model()
    rows = np.array([1.0, 2.0, 0.5], "float32")
    tokens = np.repeat(rows[:, None], 3, axis=1)
    dataset = tf.data.Dataset.from_tensor_slices((TOKENS, LABELS, rows)).batch(3)
    expected = model.evaluate(TOKENS, LABELS, sample_weight=tokens, verbose=0)
    assert model.evaluate(TOKENS, LABELS, sample_weight=rows, verbose=0) == pytest.approx(expected)
    assert model.evaluate(dataset, verbose=0) == pytest.approx(expected)
    model.fit(TOKENS, LABELS, sample_weight=rows, verbose=0)
    model.fit(dataset, verbose=0)
    for weights in (rows, tokens):
        model.train_on_batch(TOKENS, LABELS, weights)


def test_weights_that_fit_neither_rows_nor_tokens_are_refused():
    with pytest.raises((ValueError, TypeError)):
        make_model().train_on_batch(TOKENS, LABELS, np.ones(9, "float32"))


def test_weights_of_classes_are_refused():
    dataset = tf.data.Dataset.from_tensor_slices((TOKENS, LABELS)).batch(3)
    for data in ((TOKENS, LABELS), (dataset,)):
        with pytest.raises(ValueError, match="Expected no `class_weight`: labels are tokens"):
            make_model().fit(*data, class_weight={5: 2.0}, verbose=0)
