"""Word pieces: BERT's tokens, and texts joined as they are usually written."""

import pytest
from conftest import adapt_elsewhere, make_lines

from seq2seq import UNK, WordPieceTokenizer

pytest.importorskip("tokenizers", reason="the extra `subword` is not installed")

pytestmark = pytest.mark.neutral

SIZES = {"max_tokens": 700, "lowercase": True}
WORDS = ["un", "##aff", "##able", "want", "##ed", "run", "##ning", ",", "你", "好", "'", "t", "don"]


@pytest.fixture(scope="module")
def tokenizer():
    return WordPieceTokenizer(**SIZES).adapt(make_lines(500))


def words(text, **options):
    """The words of a text, all of which are unknown."""
    return WordPieceTokenizer(vocabulary=["x"], **options).tokenize(text)


def test_the_longest_pieces_are_taken():
    tokenizer = WordPieceTokenizer(vocabulary=WORDS)
    assert tokenizer.tokenize("unaffable running") == ["un", "##aff", "##able", "run", "##ning"]
    assert tokenizer.tokenize("unwanted,你好") == ["unwanted", ",", "你", "好"]  # no "##want"
    assert tokenizer.encode("unwanted") == tokenizer.encode("run" * 40) == [UNK]


def test_texts_are_cleaned_and_split_as_bert_does():
    assert words("Héllo,\tw\x00ö\ufffdrld!?") == ["Héllo", ",", "wörld", "!", "?"]
    assert words("abc你好d $5-6") == ["abc", "你", "好", "d", "$", "5", "-", "6"]
    assert words("你好。", tokenize_chinese=False) == ["你好", "。"]
    assert words("Éa", lowercase=True) == ["ea"]
    assert words("Éa", lowercase=True, strip_accents=False) == ["éa"]
    assert words("Éa", strip_accents=True) == ["Ea"]
    assert words("a\ud800") == ["a", "?"]
    assert words("") == words(" \n") == []


def test_special_tokens_are_split_like_other_text(tokenizer):
    for text in ("[PAD]", "[UNK] [EOS]", "[BOS]"):
        assert all(i == UNK or i > 3 for i in tokenizer.encode(text))
        assert "[" in tokenizer.tokenize(text)


@pytest.mark.parametrize(
    "text",
    [
        "hello, world. how? fine!",
        "don't, it's we're dogs'",
        "我们去车站，好吗？他说：“好。”",
        "我用python写程序",
        "he (the man) said; 50% of it: yes",
        "unaffable running",
    ],
)
def test_texts_come_back_as_they_are_usually_written(text):
    tokenizer = WordPieceTokenizer().adapt([text])
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_what_is_lost():
    tokenizer = WordPieceTokenizer(lowercase=True).adapt(["cafe , a - b"])
    for text, expected in (
        ("Café,a-b", "cafe, a - b"),
        ("cafe  \n龘 ,a", "cafe, a"),
        ("\x01cafe", "cafe"),
    ):
        assert tokenizer.decode(tokenizer.encode(text)) == expected


def test_streams_join_to_the_text(tokenizer):
    for line in make_lines(300, seed=2):
        tokens = tokenizer.tokenize(line)
        pieces = list(tokenizer.detokenize_each(tokens))
        assert len(pieces) == len(tokens) and "".join(pieces) == tokenizer.detokenize(tokens)
    assert list(tokenizer.detokenize_each(["##ing", "a", "##", "##b"])) == ["ing", " a", " ##", "b"]


def test_the_most_frequent_characters_are_kept():
    tokenizer = WordPieceTokenizer(max_tokens=9).adapt(["aa aa ab b c 你"])
    assert list(tokenizer.vocabulary)[4:] == ["a", "b", "c", "##a", "##b"]
    small = WordPieceTokenizer(max_tokens=6).adapt(["aa ab b c 你"])
    assert list(small.vocabulary)[4:] == ["a", "##a"]
    assert small.encode("ab") == [UNK]
    rare = WordPieceTokenizer(min_frequency=2).adapt(["ab ab c"])
    assert list(rare.vocabulary)[4:] == ["a", "b", "##b", "ab"]


def test_the_size_is_kept(tokenizer):
    assert len(tokenizer.vocabulary) == 700
    for size in range(6, 60, 6):
        assert len(WordPieceTokenizer(size).adapt(make_lines(20)).vocabulary) <= size


def test_what_is_learned_is_the_same_on_every_run(tokenizer):
    for seed in (1, 2):
        config = adapt_elsewhere("WordPieceTokenizer", SIZES, make_lines(500), seed)
        assert config == tokenizer.get_config()


def test_bad_input(tokenizer):
    for arguments, message in (
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 10**9}, "at most 4,194,304"),
        ({"max_tokens": 4}, "max_tokens"),
        ({"vocabulary": [["a"]]}, "vocabulary"),
        ({"vocabulary": "/etc/passwd"}, "list of words"),
        ({"vocabulary": ["\ud800"]}, "lone surrogate"),
        ({"vocabulary": ["[UNK]"]}, "special tokens"),
        ({"surprise": 1}, "unknown entry"),
    ):
        with pytest.raises(ValueError, match=message):
            WordPieceTokenizer.from_config(arguments)
    for call, message in (
        (lambda: WordPieceTokenizer().adapt(["", " \x01"]), "at least one token"),
        (lambda: WordPieceTokenizer(min_frequency=3).adapt(["ab"]), "min_frequency=3"),
        (lambda: WordPieceTokenizer().adapt("a"), "in a list"),
        (lambda: WordPieceTokenizer().encode("a"), "never adapted"),
        (lambda: tokenizer.encode(None), "of type NoneType"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("options", [{}, {"lowercase": True}, {"strip_accents": True}])
def test_it_agrees_with_transformers(options, tmp_path):
    """10,000 lines: the same ids."""
    transformers = pytest.importorskip("transformers")
    tokenizer = WordPieceTokenizer(700, **options).adapt(make_lines(500))
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *list(tokenizer.vocabulary)[4:]]
    (tmp_path / "vocab.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    theirs = transformers.BertTokenizerFast(
        str(tmp_path / "vocab.txt"),
        do_lower_case=tokenizer.lowercase,
        strip_accents=tokenizer.strip_accents,
    )
    lines = make_lines(10_000, seed=4)
    assert tokenizer.encode_all(lines) == theirs(lines, add_special_tokens=False)["input_ids"]
