"""Models of SentencePiece: their pieces, with a vocabulary of one's own."""

import base64
import subprocess
import sys

import pytest
from conftest import make_lines, train_sentencepiece

from seq2seq import UNK, SentencePieceTokenizer

sentencepiece = pytest.importorskip("sentencepiece", reason="`pretrained` is not installed")

pytestmark = pytest.mark.neutral


@pytest.fixture(scope="module")
def tokenizer(sentencepiece_model):
    return SentencePieceTokenizer(sentencepiece_model)


def test_pieces_and_texts_are_those_of_the_library(tokenizer, sentencepiece_model):
    theirs = sentencepiece.SentencePieceProcessor(model_proto=sentencepiece_model)
    for line in ["", " ", "▁", "  a  ", *make_lines(500, seed=2)]:
        tokens = tokenizer.tokenize(line)
        assert tokens == theirs.encode(line, out_type=str)
        assert tokenizer.detokenize(tokens) == theirs.decode(tokens)
        assert "".join(tokenizer.detokenize_each(tokens)) == tokenizer.detokenize(tokens)


def test_texts_come_back_normalised(tokenizer):
    assert tokenizer.decode(tokenizer.encode(" ＡＢ  don't ，好 ")) == "AB don't ,好"
    assert tokenizer.decode(tokenizer.encode("ab ┊ ab")) == "ab  ab"  # not in the model
    assert tokenizer.tokenize("\ud800") == tokenizer.tokenize("?")


def test_the_vocabulary_is_that_of_the_model_without_its_special_tokens(tokenizer):
    tokens = list(tokenizer.vocabulary)[4:]
    assert not {"<unk>", "<s>", "</s>"} & set(tokens)
    ids = tokenizer._processor.piece_to_id(tokens)
    assert ids == list(range(3, len(tokens) + 3))


def test_a_vocabulary_may_have_an_order_and_tokens_of_its_own(sentencepiece_model):
    tokenizer = SentencePieceTokenizer(sentencepiece_model, ["不", "▁", "好", "▁好", "┊"])
    assert tokenizer.encode("好 好") == [7, 7] and tokenizer.decode([7, 6, 7]) == "好好 好"
    assert tokenizer.encode("┊") == [5, 8]  # unknown to the model, not to the vocabulary
    assert tokenizer.encode("</s> [EOS] [PAD]").count(UNK) > 2


def test_a_language_code_is_a_token_where_the_vocabulary_has_it(sentencepiece_model, tokenizer):
    plain = tokenizer.tokenize("a b")
    tokens = [*plain, ">>fra<<"]
    coded = SentencePieceTokenizer(sentencepiece_model, tokens)
    assert coded.tokenize(">>fra<< a b") == coded.tokenize(">>fra<<a b") == [">>fra<<", *plain]
    assert coded.decode(coded.encode(">>fra<< a b")) == ">>fra<< a b"
    assert ">>fra<<" not in coded.tokenize("a >>fra<<") + tokenizer.tokenize(">>fra<< a")
    assert coded.tokenize(">>deu<< a") == tokenizer.tokenize(">>deu<< a")
    assert coded.tokenize(">>") == tokenizer.tokenize(">>")


def test_bytes_of_the_model_are_shown_as_whole_characters():
    model = train_sentencepiece(["low lower"], vocab_size=290, byte_fallback=True)
    tokenizer = SentencePieceTokenizer(model)
    tokens = tokenizer.tokenize("low 😀b")
    assert tokens[-5:] == ["<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "<0x62>"]
    pieces = list(tokenizer.detokenize_each(tokens))
    assert pieces[-5:] == ["", "", "", "😀", "b"] and "".join(pieces) == "low 😀b"
    for text in ("<0x41>", "龘é"):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_without_bytes_in_the_model_a_name_of_a_byte_is_text(tokenizer):
    assert tokenizer.detokenize(["▁", "<0x41>"]) == "<0x41>"


def test_its_config_holds_the_model_as_base64(tokenizer, sentencepiece_model):
    config = tokenizer.get_config()
    assert base64.b64decode(config["model"]) == sentencepiece_model
    assert SentencePieceTokenizer.from_config(config).get_config() == config


def test_it_does_not_learn(tokenizer):
    with pytest.raises(ValueError, match=r'SubwordTokenizer\(algorithm="unigram"\)'):
        tokenizer.adapt(["a"])


def test_bad_input(tokenizer):
    config = tokenizer.get_config()
    for arguments, message in (
        ({"model": None}, "content of a SentencePiece file"),
        ({"model": 5}, "content of a SentencePiece file"),
        ({"model": ["a"]}, "content of a SentencePiece file"),
        ({"model": ""}, "content of a SentencePiece file"),
        ({"model": "/etc/passwd"}, "content of a SentencePiece file"),
        ({"model": "你好"}, "content of a SentencePiece file"),
        ({"model": config["model"][:2000]}, "content of a SentencePiece file"),
        ({**config, "vocabulary": "/etc/passwd"}, "list of words"),
        ({**config, "vocabulary": ["a", "a"]}, "more than once"),
        ({**config, "vocabulary": ["[PAD]"]}, "special tokens"),
        ({**config, "max_tokens": 10}, "unknown entry"),
    ):
        with pytest.raises(ValueError, match=message):
            SentencePieceTokenizer.from_config(arguments)
    with pytest.raises(ValueError, match="of type int"):
        tokenizer.encode(5)


FUZZ = """
import random, sys
from seq2seq import SentencePieceTokenizer
content, dice, whole = sys.stdin.buffer.read(), random.Random(1), 0
for _ in range(150):
    crafted, end = bytearray(content), dice.choice([5000, len(content)])  # pieces are first
    for _ in range(dice.choice([1, 3, 10, 100])):
        crafted[dice.randrange(end)] = dice.randrange(256)
    try:
        SentencePieceTokenizer(bytes(crafted)).encode("hello 你好 ＡＢ ﬁ 한국어 ㌔ 龘")
        whole += 1
    except ValueError:
        pass
print(whole)
"""


def test_a_crafted_model_does_not_end_the_process(sentencepiece_model):
    program = [sys.executable, "-c", FUZZ]
    result = subprocess.run(program, input=sentencepiece_model, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    assert 0 < int(result.stdout) < 150
