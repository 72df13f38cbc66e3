"""Texts that come token by token: the same as all at once, for work that does not grow."""

import random

import pytest

from seq2seq import (
    EOS,
    ByteLevelTokenizer,
    CharTokenizer,
    JiebaTokenizer,
    SubwordTokenizer,
    Tokenizer,
    WordPieceTokenizer,
    WordTokenizer,
)
from seq2seq.generation.continuation import continue_text, prompt_tokens

pytestmark = pytest.mark.neutral

TEXTS = [
    "I don't know , he said: ( really ) '' no ...or yes?",
    "我用Python 3.11写程序,it's fun! 你OK吗? “好 ” 。",
    "$ 5 a ,b 😀👍🏽 x",
]
KINDS = {
    "char": CharTokenizer,
    "word": WordTokenizer,
    "jieba": JiebaTokenizer,
    "bpe": lambda: SubwordTokenizer(90),
    "unigram": lambda: SubwordTokenizer(90, algorithm="unigram"),
    "bytes": lambda: SubwordTokenizer(300, byte_fallback=True),
    "byte level": lambda: ByteLevelTokenizer(300),
    "word pieces": lambda: WordPieceTokenizer(150),
}


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    if request.param not in ("char", "word", "jieba"):
        pytest.importorskip("tokenizers", reason="the extra `subword` is not installed")
    return KINDS[request.param]().adapt(TEXTS)


def draw_ids(tokenizer, count, dice):
    """Random ids, every second one of a token that joins its neighbours in some special way."""
    special = [token for token in tokenizer.vocabulary if set(token) & set("▁￭'“”(,<")]
    special = tokenizer.vocabulary.ids(special)
    others = range(4, len(tokenizer.vocabulary))
    return [dice.choice(special if dice.random() < 0.5 else others) for _ in range(count)]


def continue_at_once(tokenizer, prompt, ids):
    """What the pieces must join to: the text of all tokens, behind the prompt as it was given."""
    before = prompt_tokens(tokenizer, prompt)
    start = len(tokenizer.detokenize(before))
    text = tokenizer.detokenize([*before, *tokenizer.vocabulary.tokens(ids)])[start:]
    if prompt[-1:].isspace() and not tokenizer.detokenize(before).endswith(" "):
        text = text.lstrip()
    return prompt + text


@pytest.mark.parametrize("prompt", ["", "I don", "unknown 龘", "space ", "（", "it 's ▁"])
def test_the_pieces_join_to_the_whole_text(tokenizer, prompt):
    dice = random.Random(6)
    for _ in range(200):
        ids = draw_ids(tokenizer, dice.randint(0, 12), dice)
        pieces = list(continue_text(tokenizer, prompt, [*ids, EOS, 4, 4]))
        assert pieces[0] == prompt
        assert "".join(pieces) == continue_at_once(tokenizer, prompt, ids)
        assert prompt or "".join(pieces) == tokenizer.decode(ids)


def test_each_piece_comes_before_the_next_token_is_asked_for(tokenizer):
    ids = tokenizer.encode(TEXTS[0])
    asked = 0

    def generate():
        nonlocal asked
        for i in ids:
            asked += 1
            yield i

    for count, _ in enumerate(continue_text(tokenizer, "x", generate())):
        assert asked == count


class Counting:
    """Counts the tokens that are joined."""

    work = 0

    def detokenize(self, tokens):
        return super().detokenize(self._counted(tokens))

    def detokenize_each(self, tokens):
        return super().detokenize_each(self._counted(tokens))

    def _counted(self, tokens):
        for token in tokens:
            self.work += 1
            yield token


def test_the_work_for_a_token_does_not_grow(tokenizer):
    kind = type("Counted", (Counting, type(tokenizer)), {})
    counted = kind.from_config(tokenizer.get_config())
    ids = draw_ids(tokenizer, 1000, random.Random(6))
    assert len(list(continue_text(counted, "", ids))) > 1000
    assert counted.work == 1000


def test_a_character_of_bytes_is_shown_when_it_is_whole():
    pytest.importorskip("tokenizers", reason="the extra `subword` is not installed")
    tokenizer = KINDS["bytes"]().adapt(["abc"])
    ids = tokenizer.vocabulary.ids(["a", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "b", "<0xE4>"])
    pieces = list(continue_text(tokenizer, "", ids))
    assert pieces == ["", "a", "", "", "", "😀", "b", "", "\ufffd"]
    assert "".join(pieces) == tokenizer.decode(ids)


def test_spaces_that_are_tokens_come_back_behind_a_prompt_that_ends_with_one():
    pytest.importorskip("tokenizers", reason="the extra `subword` is not installed")
    tokenizer = KINDS["byte level"]().adapt(["abc"])
    assert "".join(continue_text(tokenizer, "a\n", tokenizer.encode("  b c"))) == "a\n  b c"


def test_a_tokenizer_that_joins_in_its_own_way_is_streamed_in_that_way():
    class Sentences(CharTokenizer):
        def detokenize(self, tokens):
            return super().detokenize(tokens).capitalize()

    class Lines(Tokenizer):
        def tokenize(self, text):
            return text.split("/")

        def detokenize(self, tokens):
            return "/".join(tokens)

    sentences, lines = Sentences().adapt(["ab c"]), Lines().adapt(["a/b"])
    assert list(continue_text(sentences, "", sentences("ab"))) == ["", "A", "b"]
    assert list(continue_text(lines, "a", lines("b/a"))) == ["a", "/b", "/a"]


def test_a_prompt_is_read_before_the_first_id_is_there(monkeypatch):
    tokenizer = WordTokenizer().adapt(TEXTS)
    pieces = continue_text(tokenizer, TEXTS[0], tokenizer.encode("OK"))
    assert next(pieces) == TEXTS[0]
    monkeypatch.setattr(WordTokenizer, "tokenize", None)  # it takes time, which others wait for
    assert list(pieces) == [" OK"]
