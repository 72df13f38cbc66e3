"""Nothing is left of a model that is dropped."""

import gc

import keras
import pytest
from conftest import CHINESE, ENGLISH, make_model

import seq2seq

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX keeps some of what it compiled, by itself"
)


def attentive():
    make_model(cell="gru", attention="luong").fit(ENGLISH, CHINESE, verbose=0)


def streamed():
    model = make_model(recurrent_dropout=0.1)
    pairs = ENGLISH, CHINESE
    model.fit(lambda: zip(*pairs, strict=True), verbose=0, validation_data=pairs)


def language_model():
    tokenizer = seq2seq.CharTokenizer().adapt(CHINESE)
    model = seq2seq.LanguageModel(tokenizer, embedding_dim=8, units=8)
    model.fit(CHINESE, verbose=0)
    model.generate("晚", max_length=3)


def classifier():
    tokenizer = seq2seq.CharTokenizer().adapt(CHINESE)
    model = seq2seq.TextClassifier(tokenizer, 2, embedding_dim=8, units=8, pair_buckets=10)
    model.fit(CHINESE, [0, 1, 0, 1], verbose=0)


@pytest.mark.parametrize("use", [attentive, streamed, language_model, classifier])
def test_a_model_that_was_fitted_and_dropped_leaves_nothing(use):
    counts = []
    for _ in range(3):
        use()
        gc.collect()
        counts.append(len(gc.get_objects()))
    # A training graph is 27,000 objects. What is left is not more with every model.
    assert counts[2] - counts[1] < 2000, counts
