"""The corpus report: the figures, the words about them, and both ways to read it."""

import json

import pytest

from seq2seq.data.report import inspect_pairs
from seq2seq.text import CharTokenizer, JiebaTokenizer, WordTokenizer
from seq2seq.text.spacing import is_chinese

pytestmark = pytest.mark.neutral

SOURCES = ["a b", "a b", "c", "", "d e f"]
TARGETS = ["x", "x", "c", "y z", "x"]


@pytest.fixture(scope="module")
def clean():
    """A corpus with nothing to complain about."""
    texts = [f"word{i % 50} and word{i % 49}" for i in range(200)]
    return inspect_pairs(texts, [text.upper() for text in texts], validation=(["and"], ["AND"]))


def test_pairs_are_counted():
    report = inspect_pairs(SOURCES, TARGETS)
    assert (report.pairs, report.repeated_pairs, report.identical_sides) == (5, 1, 1)
    assert (report.source.empty, report.target.empty) == (1, 0)
    assert (report.source.repeated, report.target.repeated) == (1, 2)


def test_lengths_are_tokens_without_eos():
    report = inspect_pairs(SOURCES, TARGETS)
    assert report.source.lengths == {"min": 0, "median": 2, "p90": 3, "p99": 3, "max": 3}
    assert inspect_pairs(SOURCES, TARGETS, CharTokenizer()).source.lengths["max"] == 5


def test_rows_are_cut_off_when_they_and_eos_pass_the_limit():
    assert inspect_pairs(SOURCES, TARGETS, max_length=4).source.truncated == 0
    assert inspect_pairs(SOURCES, TARGETS, max_length=3).source.truncated == 1 / 5


def test_vocabulary_and_unknown_tokens_follow_the_tokenizer():
    side = inspect_pairs(SOURCES, TARGETS, WordTokenizer(max_tokens=6)).source
    assert (side.distinct_tokens, side.vocabulary_size) == (6, 6)
    assert side.unknown == 4 / 8  # a and b are kept, and each is seen twice
    adapted = WordTokenizer().adapt(["a"])
    side = inspect_pairs(SOURCES, TARGETS, adapted, validation=(["a q"], ["x"])).source
    assert (side.vocabulary_size, side.unknown, side.unknown_validation) == (5, 6 / 8, 1 / 2)


def test_a_tokenizer_without_a_vocabulary_stays_so():
    tokenizer = WordTokenizer()
    inspect_pairs(SOURCES, TARGETS, tokenizer)
    assert tokenizer.vocabulary is None


def test_the_tokenizer_is_chosen_by_script():
    report = inspect_pairs(["Where is the station?"], ["车站在哪里？"])
    assert (report.source.tokenizer, report.target.tokenizer) == ("WordTokenizer", "JiebaTokenizer")
    assert is_chinese(["我用Python。", "今天天气很好"])
    assert not is_chinese(["駅はどこですか", "東京都庁舎前駅の北口"])
    assert not is_chinese(["...", "123"])


def test_what_validation_shares_with_training_is_counted():
    validation = (["a b", "c", "new"], ["x", "new", "c"])
    report = inspect_pairs(SOURCES, TARGETS, validation=validation)
    assert report.shared == {"pairs": 1, "sources": 2, "targets": 2}


def test_only_long_pairs_far_off_the_median_ratio_are_unusual():
    texts = ["one two three four five six"] * 9
    odd = " ".join(["word"] * 40)
    assert inspect_pairs([*texts, "a"], [*texts, "b c d e"]).unusual_ratios == 0
    assert inspect_pairs([*texts, "a b"], [*texts, odd]).unusual_ratios == 1


def test_cost_is_estimated():
    report = inspect_pairs(["a"] * 100, ["b c"] * 100, batch_size=30)
    assert report.batches == 4
    assert report.corpus_mib == 100 * (2 + 3) * 4 / 2**20
    assert report.batch_mib == 30 * 3 * (4 + 2) * 4 / 2**20


def test_a_clean_corpus_gets_no_remark(clean):
    assert clean.warnings == []
    assert "<-" not in str(clean)


def test_each_suspicious_figure_is_marked_in_words():
    texts = ["a b", "a b", "bad \ufffd", "", "long " * 300]
    report = inspect_pairs(
        texts, texts, WordTokenizer(max_tokens=5), validation=(["a b", "q"], ["a b", "q"])
    )
    printed = str(report)
    for words in (
        "20.0 % are duplicates",
        "100.0 % are copies",
        "remove them: nothing is learned",
        "decoded wrongly",
        "raise `max_length`",
        "become [UNK]",
        "50.0 % are known from training",
    ):
        assert words in printed
    assert f"5 pairs, {len(report.warnings)} of the figures suspicious" in printed


def test_a_vocabulary_larger_than_the_corpus_is_marked():
    texts = [f"w{i} x{i} y{i}" for i in range(100)]
    printed = str(inspect_pairs(texts, texts))
    assert "more tokens than pairs" in printed


def test_a_huge_output_is_marked(clean):
    assert "lower `batch_size`" not in str(clean)
    texts = [f"w{i} " + "and " * 150 for i in range(2000)]
    assert "lower `batch_size`" in str(inspect_pairs(texts, texts, batch_size=2000))


def test_columns_are_aligned(clean):
    lines = str(clean).split("\n")
    ends = {line.split("<-")[0].rstrip().find("%") for line in lines if line.startswith("unknown")}
    assert len(ends) == 1
    assert all(line == line.rstrip() for line in lines)


def test_the_report_becomes_json(clean):
    report = json.loads(json.dumps(clean.to_dict()))
    assert report["pairs"] == 200
    assert report["source"]["tokenizer"] == "WordTokenizer"
    assert report["warnings"] == clean.warnings


def test_texts_without_any_token_are_reported_not_refused():
    report = inspect_pairs(["", ""], ["", ""], WordTokenizer(), JiebaTokenizer())
    assert report.source.empty == 2
    assert "remove them" in str(report)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="2 sources and 1 targets"):
        inspect_pairs(["a", "b"], ["c"])
    with pytest.raises(ValueError, match="at least one pair"):
        inspect_pairs([], [])
    with pytest.raises(ValueError, match=r"validation: .*1 sources and 0 targets"):
        inspect_pairs(["a"], ["b"], validation=(["a"], []))
    with pytest.raises(ValueError, match="batch_size=0"):
        inspect_pairs(["a"], ["b"], batch_size=0)
