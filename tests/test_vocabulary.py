"""The vocabulary: special ids, order, limits, unknown tokens."""

import json

import keras
import numpy as np
import pytest

from seq2seq.text import BOS, EOS, PAD, SPECIAL_TOKENS, UNK, Vocabulary

pytestmark = pytest.mark.neutral


def test_special_tokens_come_first():
    vocabulary = Vocabulary(["a", "b"])
    assert (PAD, UNK, BOS, EOS) == (0, 1, 2, 3)
    assert vocabulary.tokens(range(6)) == [*SPECIAL_TOKENS, "a", "b"]
    assert len(vocabulary) == 6


def test_ids_and_tokens_are_inverse():
    vocabulary = Vocabulary(["你", "好", "'t"])
    assert vocabulary.ids(["好", "'t", "你"]) == [5, 6, 4]
    assert vocabulary.tokens([5, 6, 4]) == ["好", "'t", "你"]
    assert vocabulary.tokens(np.array([5, 4], "int32")) == ["好", "你"]


def test_unknown_tokens_become_unk():
    assert Vocabulary(["a"]).ids(["a", "b", "A", ""]) == [4, UNK, UNK, UNK]


def test_the_names_of_special_tokens_are_no_tokens():
    vocabulary = Vocabulary(["a"])
    assert vocabulary.ids(SPECIAL_TOKENS) == [UNK] * 4
    assert not any(token in vocabulary for token in SPECIAL_TOKENS)
    assert "a" in vocabulary
    assert Vocabulary.build([["[EOS]", "[EOS]", "a"]]) == vocabulary


def test_frequent_tokens_come_first_and_ties_go_by_code_point():
    texts = [["b", "é", "中", "a", "Z"], ["b", "c"], ["c", "b"]]
    assert Vocabulary.build(texts).tokens(range(4, 10)) == ["b", "c", "Z", "a", "é", "中"]
    assert Vocabulary.build(reversed(texts)) == Vocabulary.build(texts)


def test_max_tokens_counts_the_special_ones():
    texts = [["a", "a", "a", "b", "b", "c"]]
    assert len(Vocabulary.build(texts, max_tokens=6)) == 6
    assert Vocabulary.build(texts, max_tokens=6).tokens([4, 5]) == ["a", "b"]
    assert len(Vocabulary.build(texts, max_tokens=100)) == 7


def test_min_frequency_leaves_out_rarer_tokens():
    texts = [["a", "b"], ["a", "b"], ["a", "c"]]
    assert Vocabulary.build(texts, min_frequency=2).tokens([4, 5]) == ["a", "b"]
    assert len(Vocabulary.build(texts, min_frequency=2)) == 6
    assert len(Vocabulary.build(texts, min_frequency=4)) == 4


@pytest.mark.parametrize("tokens", [["a", "b", "a"], ["a", "[PAD]"], ["[UNK]"], ["a", 5]])
def test_wrong_tokens_are_refused(tokens):
    with pytest.raises(ValueError, match=r"Expected .* Received.*"):
        Vocabulary(tokens)


@pytest.mark.parametrize("wrong", [-1, 6, 1000, 4.5])
def test_ids_outside_the_vocabulary_are_refused(wrong):
    with pytest.raises(ValueError, match=f"from 0 to 5 .* Received: {wrong}"):
        Vocabulary(["a", "b"]).tokens([4, wrong])


def test_a_vocabulary_lists_its_tokens_by_id():
    vocabulary = Vocabulary(["b", "a"])
    assert list(vocabulary) == [*SPECIAL_TOKENS, "b", "a"]
    assert len(list(vocabulary)) == len(vocabulary)
    assert [vocabulary.tokens([i]) for i in range(6)] == [[token] for token in vocabulary]


def test_vocabularies_are_equal_when_their_tokens_are():
    assert Vocabulary(["a", "b"]) == Vocabulary(["a", "b"])
    assert Vocabulary(["a", "b"]) != Vocabulary(["b", "a"])
    assert Vocabulary(["a"]) != ["a"]


def test_a_vocabulary_survives_serialisation():
    vocabulary = Vocabulary(["hello", "你好", "▁,", '"', "\u2028", "😀"])
    assert Vocabulary.from_config(json.loads(json.dumps(vocabulary.get_config()))) == vocabulary
    stored = json.loads(json.dumps(keras.saving.serialize_keras_object(vocabulary)))
    assert keras.saving.deserialize_keras_object(stored) == vocabulary
