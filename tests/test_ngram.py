"""The n-gram baseline."""

import numpy as np
import pytest

import seq2seq
from seq2seq.models.ngram import NGramModel

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "a bird sang and the cat heard it"]


@pytest.fixture(scope="module")
def ngrams():
    return NGramModel(seq2seq.CharTokenizer().adapt(TEXTS), order=4).fit(TEXTS)


@pytest.mark.parametrize("before", ["", "t", "the c", "tttt", "zzz"])
def test_probabilities_add_up_to_one(ngrams, before):
    ids = [seq2seq.BOS, *ngrams.tokenizer.encode(before)]
    distribution = ngrams._distribution(ids)
    assert distribution.sum() == pytest.approx(1)
    assert distribution[[seq2seq.PAD, seq2seq.BOS]].sum() == 0 and (distribution[1:2] > 0).all()
    each = [ngrams._probability(ids, i) for i in range(3, ngrams.vocabulary_size)]
    np.testing.assert_allclose(distribution[3:], each)


def test_bigrams_are_those_of_the_formula_by_hand():
    model = NGramModel(seq2seq.CharTokenizer().adapt(["ab"]), order=2).fit(["aab", "ab", "b"])
    a, b = model.tokenizer.encode("ab")
    unigrams, bigrams = model._levels
    # A letter counts by the letters it was seen behind: a behind a; b behind a. The first ones of
    # the texts are bigrams with BOS; the ends follow b.
    assert unigrams.contexts[()][0] == {a: 2, b: 2, seq2seq.EOS: 1}
    assert bigrams.contexts[(a,)][0] == {a: 1, b: 2}
    assert bigrams.contexts[(seq2seq.BOS,)][0] == {a: 2, b: 1}
    one, two = bigrams.discounts[1:3]
    unigram = (2 - unigrams.discounts[2]) / 5 + unigrams.contexts[()][2] / 4
    expected = (2 - two) / 3 + (one + two) / 3 * unigram
    assert model._probability([a], b) == pytest.approx(expected)


def test_seen_texts_are_likelier_than_unseen_ones(ngrams):
    assert ngrams.perplexity(TEXTS) < ngrams.perplexity(["tac eht", "gol on"])
    scores = ngrams.score(TEXTS)
    assert scores.dtype == "float32" and scores.shape == (3,)
    tokens = sum(len(text) + 1 for text in TEXTS)
    assert ngrams.perplexity(TEXTS) == pytest.approx(np.exp(-scores.sum() / tokens))


def test_a_prompt_is_continued_by_every_sampler(ngrams):
    assert ngrams.generate("the d", max_length=3) == "the dog "
    sampler = seq2seq.Sample(seed=1)
    texts = ngrams.generate(["the", ""], max_length=9, sampler=sampler)
    assert texts == ngrams.generate(["the", ""], max_length=9, sampler=sampler)
    assert texts[0].startswith("the")
    beam = seq2seq.BeamSearch(4, num_results=2)
    best, second = ngrams.generate("the", max_length=9, sampler=beam)
    assert best != second and best.startswith("the")


def test_bad_input(ngrams):
    with pytest.raises(ValueError, match="kneser_ney"):
        NGramModel(ngrams.tokenizer, smoothing="good_turing")
    with pytest.raises(ValueError, match="no source"):
        ngrams.generate("a", sampler=seq2seq.Greedy(replace_unknown=True))
    with pytest.raises(ValueError, match="order"):
        NGramModel(ngrams.tokenizer, order=0)
    with pytest.raises(ValueError, match="adapt"):
        NGramModel(seq2seq.CharTokenizer())
    with pytest.raises(ValueError, match="at least one text"):
        NGramModel(ngrams.tokenizer).fit([])
    with pytest.raises(ValueError, match="fit"):
        NGramModel(ngrams.tokenizer).score(["a"])
