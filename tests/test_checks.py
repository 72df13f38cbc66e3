"""Numbers that users pass: the sensible ones go through, the others are named."""

import numpy as np
import pytest

from seq2seq import Seq2Seq, WordTokenizer
from seq2seq.callbacks import ShowSamples, WarmUp
from seq2seq.checks import check_number, check_whole
from seq2seq.data.corpus import read_pairs
from seq2seq.data.report import inspect_pairs
from seq2seq.data.splitting import split_pairs
from seq2seq.text import Vocabulary

pytestmark = pytest.mark.neutral


@pytest.mark.parametrize("value", [0, 0.0, 0.5, np.float32(0.999), np.int64(0)])
def test_a_number_in_the_interval_passes(value):
    check_number("dropout", value, "[0, 1)")


@pytest.mark.parametrize("value", [1, -0.1, None, "0.1", True, float("nan"), [0.1], 1j])
def test_a_number_outside_is_refused_with_name_interval_and_value(value):
    with pytest.raises(ValueError, match=r"Expected `dropout` .* in \[0, 1\)\. .*: dropout="):
        check_number("dropout", value, "[0, 1)")


def test_an_end_may_be_open_or_infinite():
    check_number("top_p", 1, "(0, 1]")
    check_number("l2", 1e30, "[0, inf)")
    for value in (0, 1.01):
        with pytest.raises(ValueError, match=r"in \(0, 1\]\. .* Use None\.$"):
            check_number("top_p", value, "(0, 1]", "Use None.")
    with pytest.raises(ValueError, match="l2=inf"):
        check_number("l2", float("inf"), "[0, inf)")


@pytest.mark.parametrize("value", [0, -1, 1.0, None, "1", True])
def test_what_counts_is_whole(value):
    check_whole("width", np.int32(1))
    with pytest.raises(ValueError, match="Expected `width` to be a whole number of at least 1"):
        check_whole("width", value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Seq2Seq(9, 9, dropout=None), r"`dropout` .* Received: dropout=None"),
        (lambda: Seq2Seq(9, 9, l2="small"), "l2='small'"),
        (lambda: read_pairs(__file__, columns=1), "columns=1"),
        (lambda: read_pairs(__file__, columns=("a", 1)), "two column numbers"),
        (lambda: split_pairs(["a"], ["b"], validation=None), "validation=None"),
        (lambda: split_pairs(["a"], ["b"], test=True), "test=True"),
        (lambda: inspect_pairs([None], ["b"]), "Expected texts .* None"),
        (lambda: inspect_pairs(["a"], ["b"], batch_size=0.5), "batch_size=0.5"),
        (lambda: Vocabulary("abc"), "Expected a list of tokens. Received one text: 'abc'"),
        (lambda: Vocabulary([""]), "not empty"),
        (lambda: WarmUp(peak=None), "peak=None"),
        (lambda: ShowSamples(["a"], every=0), "every=0"),
    ],
)
def test_no_argument_ends_in_a_type_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_empty_tokens_are_passed_over():
    assert WordTokenizer().detokenize(["a", "", "b"]) == "a b"
