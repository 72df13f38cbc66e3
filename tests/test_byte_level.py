"""Byte-level subwords: any text comes back exactly, as GPT-2's tokens."""

import json

import pytest
from conftest import adapt_elsewhere, make_lines

from seq2seq import UNK, ByteLevelTokenizer
from seq2seq.text.byte_level import BYTES

pytest.importorskip("tokenizers", reason="the extra `subword` is not installed")

pytestmark = pytest.mark.neutral

ODD = [
    "",
    " ",
    "\n\n \t ",
    "\x00\x7f\x80\u2028",
    "[EOS] [PAD]<|endoftext|>",
    "\u3000Ġ Ċ",
    "\U0010ffff",
]
SIZES = {"max_tokens": 600}


@pytest.fixture(scope="module")
def tokenizer():
    return ByteLevelTokenizer(**SIZES).adapt(make_lines(500))


def test_every_text_comes_back_exactly(tokenizer):
    for text in [*ODD, *make_lines(2000, seed=2)]:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert all(i > UNK + 2 for i in ids)
    assert tokenizer.decode(tokenizer.encode("a\ud800b")) == "a?b"


def test_any_sequence_of_code_points_comes_back(tokenizer):
    points = [*range(0x3000), *range(0xFE00, 0x10000), *range(0x1F300, 0x1F700)]
    text = "".join(map(chr, points))
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(tokenizer.encode(text[::-1])) == text[::-1]


def test_all_bytes_are_in_the_vocabulary_in_the_alphabet_of_the_library(tokenizer):
    from tokenizers.pre_tokenizers import ByteLevel

    assert set(BYTES) == set(ByteLevel.alphabet()) and sorted(BYTES.values()) == [*range(256)]
    assert set(BYTES) <= set(tokenizer.vocabulary)
    assert len(tokenizer.vocabulary) == 600
    assert ByteLevelTokenizer(260).adapt(["hello"]).tokenize("hé\n") == ["h", "Ã", "©", "Ċ"]


def test_frequent_words_are_whole_and_pieces_split_as_in_gpt2():
    tokenizer = ByteLevelTokenizer(400).adapt(["low lower lowest, I'll go in 1984!!  你好"] * 9)
    assert tokenizer.tokenize("slow lowest") == ["s", "low", "Ġlowest"]
    assert tokenizer.tokenize("I'll  1984!!") == ["I", "'ll", "Ġ", "Ġ1984", "!!"]


def test_min_frequency_lowercase_and_prefix_space():
    assert len(ByteLevelTokenizer(min_frequency=2).adapt(["abc"]).vocabulary) == 260
    assert ByteLevelTokenizer(270, lowercase=True).adapt(["low"]).tokenize("LOW") == ["low"]
    spaced = ByteLevelTokenizer(270, add_prefix_space=True).adapt(["low low"])
    assert spaced.tokenize("low low") == spaced.tokenize(" low low") == ["Ġlow", "Ġlow"]
    assert spaced.decode(spaced.encode("low")) == " low" and spaced.encode("") == []


def test_streams_show_whole_characters_only(tokenizer):
    for text in ["😀b你", *make_lines(200, seed=3)]:
        tokens = ByteLevelTokenizer(260).adapt(["a"]).tokenize(text)
        pieces = list(tokenizer.detokenize_each(tokens))
        assert "".join(pieces) == text and len(pieces) == len(tokens)
        assert "\ufffd" in text or "\ufffd" not in "".join(pieces)
    assert list(tokenizer.detokenize_each("ðŁĺĢb")) == ["", "", "", "😀", "b"]


def test_bytes_that_are_no_text_are_decoded_all_the_same(tokenizer):
    letters = {byte: letter for letter, byte in BYTES.items()}
    for row in (b"\xf0\x9f", b"a\xffb", b"\xe4\xbda", bytes(range(256))):
        tokens = [letters[byte] for byte in row]
        assert tokenizer.detokenize(tokens) == row.decode("utf-8", "replace")
    assert tokenizer.detokenize(["l", "[UNK]", "你 token"]) == "l[UNK]你 token"


def test_what_is_learned_is_the_same_on_every_run(tokenizer):
    for seed in (1, 2):
        config = adapt_elsewhere("ByteLevelTokenizer", SIZES, make_lines(500), seed)
        assert config == tokenizer.get_config()


def test_bad_input(tokenizer):
    config = tokenizer.get_config()
    for arguments, words in (
        ({"max_tokens": 259}, "at least 260"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 10**9}, "at most 4,194,304"),
        ({"merges": []}, "together"),
        ({"vocabulary": ["a"]}, "together"),
        ({"vocabulary": ["a"], "merges": []}, "all 256 bytes"),
        ({**config, "merges": "a b"}, "list of texts"),
        ({**config, "merges": [["a", "b"]]}, "two tokens"),
        ({**config, "merges": [5]}, "two tokens"),
        ({**config, "merges": ["a  b"]}, "two tokens"),
        ({**config, "merges": ["q 😀"]}, "two tokens"),
        ({**config, "merges": ["q Ā"]}, "two tokens"),
        ({**config, "merges": [" a"]}, "two tokens"),
        ({**config, "vocabulary": [*config["vocabulary"], "\ud800"]}, "lone surrogate"),
        ({**config, "surprise": 1}, "unknown entry"),
    ):
        with pytest.raises(ValueError, match=words):
            ByteLevelTokenizer.from_config(arguments)
    for call, words in (
        (lambda: ByteLevelTokenizer().adapt([]), "at least one token"),
        (lambda: ByteLevelTokenizer().adapt(["", ""]), "at least one token"),
        (lambda: ByteLevelTokenizer().adapt("a"), "in a list"),
        (lambda: ByteLevelTokenizer().encode("a"), "never adapted"),
        (lambda: tokenizer.encode(5), "of type int"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_it_agrees_with_transformers(tokenizer, tmp_path):
    """10,000 lines: the same ids, and the same texts of them."""
    transformers = pytest.importorskip("transformers")
    special = {"<|endoftext|>": 3}  # the others of our special ids are no tokens of it
    vocabulary = {token: i for i, token in enumerate(tokenizer.vocabulary) if i > 3} | special
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    merges = ["#version: 0.2", *tokenizer.merges]
    (tmp_path / "merges.txt").write_text("\n".join(merges) + "\n", encoding="utf-8")
    theirs = transformers.GPT2TokenizerFast.from_pretrained(tmp_path)
    lines = make_lines(10_000, seed=4)
    ids = tokenizer.encode_all(lines)
    assert ids == theirs(lines, add_special_tokens=False)["input_ids"]
    decoded = theirs.batch_decode(ids[:2000], clean_up_tokenization_spaces=False)
    assert decoded == list(map(tokenizer.decode, ids[:2000]))
