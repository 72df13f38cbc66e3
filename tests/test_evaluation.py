"""Corpus metrics on texts, with one reference or several."""

import math
import sys

import keras
import pytest

import seq2seq
from seq2seq.evaluation import (
    bleu,
    chrf,
    distinct,
    evaluate_model,
    exact_match,
    group_references,
    word_error_rate,
)

METRICS = [bleu, chrf, word_error_rate, exact_match]
ENGLISH = "The quick brown fox jumps over the lazy dog."


@pytest.fixture
def sacrebleu():
    return pytest.importorskip("sacrebleu")


def test_equal_texts_score_best(sacrebleu):
    assert bleu([ENGLISH], [ENGLISH]) == pytest.approx(100)
    assert chrf([ENGLISH], [ENGLISH]) == pytest.approx(100)
    assert word_error_rate([ENGLISH], [ENGLISH]) == 0
    assert exact_match([ENGLISH], [ENGLISH]) == 1


def test_bleu_is_that_of_sacrebleu_tokenized_by_script(sacrebleu):
    for tokenize, hypothesis, reference in (
        ("13a", "A quick brown fox jumps over a dog.", ENGLISH),
        ("zh", "今天的天气真的很好，我们去公园。", "今天的天气真的不错，我们去公园吧。"),
        ("13a", "今日は とても 天気が いい です ね 。", "今日は とても 天気が よい です ね 。"),
    ):
        expected = sacrebleu.corpus_bleu([hypothesis], [[reference]], tokenize=tokenize).score
        assert bleu([hypothesis], [reference]) == pytest.approx(expected)


def test_a_tokenizer_of_bleu_can_be_named(sacrebleu):
    assert bleu(["今天天气很好"], ["今天天气不好"], tokenize="char") > 0
    with pytest.raises(ValueError, match="'klingon'"):
        bleu(["a"], ["a"], tokenize="klingon")


def test_rows_may_differ_in_their_number_of_references(sacrebleu):
    hypotheses = ["the cat sat on the mat", "a dog barks at night"]
    references = [["a cat sits here now", hypotheses[0]], hypotheses[1]]
    assert bleu(hypotheses, references) == pytest.approx(100)
    assert chrf(hypotheses, references) == pytest.approx(100)


def test_word_error_rate_counts_each_kind_of_error():
    assert word_error_rate(["a b c"], ["a b c d"]) == 1 / 4  # one missing
    assert word_error_rate(["a x b c d"], ["a b c d"]) == 1 / 4  # one too many
    assert word_error_rate(["a b x d"], ["a b c d"]) == 1 / 4  # one wrong
    assert word_error_rate(["", "a b"], ["c d", "a b"]) == 2 / 4  # over the whole corpus
    assert word_error_rate(["a b c d"], ["x"]) == 4


def test_a_chinese_character_is_a_word():
    assert word_error_rate(["我爱Python"], ["我恨 Python"]) == 1 / 3


def test_the_closest_reference_counts():
    assert word_error_rate(["D AO G"], [["D AA G Z", "D AO G"]]) == 0
    assert word_error_rate(["D AO G"], [["D AA G Z", "D AO"]]) == 1 / 2


def test_exact_match_takes_any_reference_and_overlooks_only_spacing():
    assert exact_match(["K AE T", "dog"], [["x", "K  AE T "], "Dog"]) == 1 / 2


def test_references_of_equal_sources_are_gathered_in_order():
    sources, references = group_references(["b", "a", "b", "b"], ["1", "2", "3", "1"])
    assert (sources, references) == (["b", "a"], [["1", "3"], ["2"]])


@pytest.mark.parametrize("metric", METRICS)
def test_bad_lists_are_refused(metric):
    with pytest.raises(ValueError, match="2 hypotheses and 1 references"):
        metric(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="at least one text"):
        metric([], [])
    with pytest.raises(ValueError, match="Put a single text in a list"):
        metric("a", ["a"])
    with pytest.raises(ValueError, match="row 1"):
        metric(["a", "b"], ["a", []])
    with pytest.raises(ValueError, match="row 0"):
        metric([None], ["a"])


def test_references_without_a_word_are_refused():
    with pytest.raises(ValueError, match="only empty texts"):
        word_error_rate(["a"], [""])
    with pytest.raises(ValueError, match="2 sources and 1 targets"):
        group_references(["a", "b"], ["1"])


@pytest.mark.parametrize("metric", [bleu, chrf])
def test_a_missing_package_is_named(monkeypatch, metric):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(ImportError, match=r'pip install "keras-seq2seq\[metrics\]"'):
        metric(["a"], ["a"])


def test_the_metrics_of_a_model_need_one_result_a_source(trained):
    several = seq2seq.BeamSearch(3, num_results=2)
    with pytest.raises(ValueError, match="num_results"):
        evaluate_model(trained, ["a"], ["b"], ["exact"], sampler=several)
    with pytest.raises(ValueError, match="list of metrics"):
        evaluate_model(trained, ["a"], ["b"], metrics="exact")


class TestEvaluateModel:
    def test_an_encoder_decoder(self, trained, phrases):
        figures = evaluate_model(trained, *phrases)
        _, accuracy, perplexity = trained.evaluate(*phrases, verbose=0)
        characters = sum(len(text) + 1 for text in phrases[1])
        assert figures["perplexity"] == pytest.approx(perplexity, rel=1e-4)
        assert figures["loss"] == pytest.approx(math.log(perplexity), rel=1e-4)
        assert figures["accuracy"] == pytest.approx(accuracy)
        nats = -trained.score(*phrases).sum()
        assert figures["character_perplexity"] == pytest.approx(math.exp(nats / characters), 1e-4)
        assert figures["coverage"] == 1 and figures["distinct_1"] == distinct(phrases[1])
        other = evaluate_model(
            trained, ["good zebra"], ["早上好，"], ["source_coverage", "coverage"]
        )
        assert other == {"source_coverage": 0.5, "coverage": 0.75}

    @pytest.mark.parametrize("kind", [seq2seq.LanguageModel, seq2seq.NGramModel])
    def test_a_language_model(self, kind, phrases):
        tokenizer = seq2seq.WordTokenizer().adapt(phrases[0])
        model = kind(tokenizer)
        model.fit(phrases[0])
        texts = [*phrases[0], "good zebra"]
        figures = evaluate_model(model, texts)
        assert figures["perplexity"] == pytest.approx(model.perplexity(texts), rel=1e-5)
        nats = -model.score(texts).sum()
        characters = sum(len(text) + 1 for text in texts)
        assert figures["character_perplexity"] == pytest.approx(math.exp(nats / characters), 1e-4)
        tokens = sum(len(tokenizer.tokenize(text)) for text in texts)
        assert figures["coverage"] == pytest.approx(1 - 1 / tokens)
        assert 0 < figures["distinct_1"] <= figures["distinct_2"] <= 1
        assert figures == evaluate_model(model, texts)  # the samples are seeded

    def test_bad_input(self, trained):
        language_model = seq2seq.LanguageModel(trained.source_tokenizer, 4, 4)
        for arguments, words in (
            ((trained, ["a"]), "0 targets"),
            ((trained, ["a"], ["b"], ["macro_f1"]), "list of metrics"),
            ((keras.Sequential(), ["a"]), "a model of this package"),
            ((seq2seq.LanguageModel(9, 4, 4), ["a"]), "tokenizer"),
            ((language_model, ["a"], ["b"]), "texts alone"),
            ((language_model, []), "at least one text"),
        ):
            with pytest.raises(ValueError, match=words):
                evaluate_model(*arguments)


def test_distinct_counts_ngrams():
    assert distinct(["a b a", "b"]) == 2 / 4
    assert distinct(["好好学习", "好好"], n=2) == 3 / 4
    assert distinct(["a"], n=2) == 0
    with pytest.raises(ValueError, match="n=0"):
        distinct(["a"], n=0)
    with pytest.raises(ValueError, match="list of texts"):
        distinct("abc")
