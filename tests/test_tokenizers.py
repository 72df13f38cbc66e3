"""The tokenizers: texts come back, vocabularies are the same everywhere, mistakes are named."""

import json
import os
import pickle
import random
import subprocess
import sys
from copy import deepcopy

import keras
import pytest

import seq2seq
from seq2seq.text import (
    EOS,
    SPECIAL_TOKENS,
    UNK,
    CharTokenizer,
    JiebaTokenizer,
    SubwordTokenizer,
    WordTokenizer,
    remove_stop_words,
    segmentation,
    to_half_width,
    tokenizers,
)
from seq2seq.text.segmentation import load_jieba, segment_all

pytestmark = pytest.mark.neutral

TOKENIZERS = [CharTokenizer, WordTokenizer, JiebaTokenizer]
WORD_TOKENIZERS = [WordTokenizer, JiebaTokenizer]

TEXTS = {
    "chinese": "我们去车站，好吗？他说：“好。”",
    "rare chinese": "㐀𠀀囍，甪直。",
    "punctuation": "Hello, world! Is it 3.14 (about 22/7)... or 12:30 -- who knows; 50%?",
    "contractions": "I don't think they're here; we'd've gone, it's John's. O'Brien can't.",
    "mixed": "我用Python 3.11写程序,it's fun! 你OK吗?",
    "spaced chinese": "我 爱 北京 ， 天安门 。 The end 。",
    "french": "L'été, c'est l'heure d'aujourd'hui ! « Qu’est-ce que c'est ? »",
    "spanish": "¿Qué tal? ¡Muy bien!",
    "straight quotes": "\"Yes,\" he said, 'no' — \"maybe 'so'\".",
    "curly quotes": "“Yes,” he said, ‘no’ … she’s “here”",
    "url": "See https://example.com/a_b?c=d&e=%20#f or mail a.b@c.org, 网址http://x.cn/路径。",
    "emoji": "Nice 😀👍🏽 family 👨‍👩‍👧! 太好了😀❤️。",
    "full width": "ＡＢＣ１２３，（括号）【书】《名》！？ ～ ￥100",
    "japanese": "駅はどこですか。カタカナ tests ー！",
    "combining": "cafe\u0301 naïve Ελλάδα привет नमस्ते",
    "tokenised before": "I do n't know , he said . He &apos;s here",
    "odd spaces": "a ,b , c,d ( e)f ' g' $ 5 5 $ ...x. . y t-shirt - -x x-",
    "special tokens": "[EOS] and [PAD]你好[BOS] [UNK]",
    "empty": "",
}


def clean(text):
    """A text up to runs of white space."""
    return " ".join(text.split())


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_text_comes_back(kind, text):
    tokenizer = kind().adapt([text, "x"])
    assert tokenizer.detokenize(tokenizer.tokenize(text)) == text
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert all(i >= len(SPECIAL_TOKENS) for i in ids)  # UNK, BOS and EOS among them would be a loss


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_runs_of_white_space_become_one_space(kind):
    tokenizer = kind()
    text = "  a\t b\n\n你\u3000好 \xa0, c\r\n"
    assert tokenizer.detokenize(tokenizer.tokenize(text)) == "a b 你 好 , c"
    assert tokenizer.tokenize(" \n\t") == []


NASTY = list(
    "aBs1t .,'’\"“”(-)&;！，。…￥中文㐀𠀀の\u3000\t\n\x1fé\u0301¿$@#[]%=/:_\\٣Ａ１"
    "😀👍🏽\u200d\ufe0f"
)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_any_jumble_of_characters_comes_back(kind):
    tokenizer = kind()
    dice = random.Random(20)
    for _ in range(3000):
        text = "".join(dice.choices(NASTY, k=dice.randint(1, 10)))
        assert tokenizer.detokenize(tokenizer.tokenize(text)) == clean(text), ascii(text)


LEARNED = ["I like tea, 我爱北京。", "tea ,I 。北 京", "low ▁￭"]
BYTES = {"max_tokens": 300, "byte_fallback": True}
WHAT_COMES_BACK = {
    "runs of white space as one": (TOKENIZERS, {}, "I\t\u3000tea \n", "I tea"),
    "of a subword tokenizer too": ([SubwordTokenizer], {}, " I \r\n tea", "I tea"),
    "all else of characters": ([CharTokenizer], {}, "▁￭ tea ,I。", "▁￭ tea ,I。"),
    "unusual spaces": ([*TOKENIZERS, SubwordTokenizer], {}, "tea ,I 。北 京", "tea ,I 。北 京"),
    "marks as spaces": (WORD_TOKENIZERS, {}, "I▁like￭tea", "I like tea"),
    "the mark of subwords": ([SubwordTokenizer], {}, "I▁like", "I like"),
    "lower case": (TOKENIZERS, {"lowercase": True}, "I LIKE", "i like"),
    "no unknown words": (WORD_TOKENIZERS, {}, "I like green tea", "I like tea"),
    "no unknown characters": ([CharTokenizer, SubwordTokenizer], {}, "tea龘é", "tea"),
    "no stop words": ([JiebaTokenizer], {"stop_words": ["爱"]}, "我爱北京。", "我北京。"),
    "every character of bytes": ([SubwordTokenizer], BYTES, "龘é 😀\x01", "龘é 😀\x01"),
    "but the mark of subwords": ([SubwordTokenizer], BYTES, "龘▁é", "龘 é"),
    "no lone surrogates": ([SubwordTokenizer], BYTES, "tea\ud800", "tea?"),
}


@pytest.mark.parametrize(
    ("kinds", "options", "text", "expected"), WHAT_COMES_BACK.values(), ids=WHAT_COMES_BACK
)
def test_what_comes_back_is_what_the_docstrings_say(kinds, options, text, expected):
    for kind in kinds:
        tokenizer = kind(**options).adapt(LEARNED)
        assert tokenizer.decode(tokenizer.encode(text)) == expected


def test_words_and_marks_are_tokens():
    def words(text):
        return " | ".join(WordTokenizer().tokenize(text))

    assert words("Hi, you!") == "Hi | , | you | !"
    assert words("It didn't, we're he’s") == "It | didn | 't | , | we | 're | he | ’s"
    assert words("l'heure t-shirt 3.14 1,000") == "l' | heure | t-shirt | 3.14 | 1,000"
    assert words("你好ok") == "你 | 好 | ok"
    assert words("wait... “so”") == "wait | ... | “ | so | ”"


def test_a_word_is_one_token_wherever_it_stands():
    tokenizer = WordTokenizer()
    for text in ("rain", "rain.", "(rain)", '"rain"', "the rain", "雨rain雨", "rain's", "rain，"):
        assert "rain" in tokenizer.tokenize(text), text


def test_jieba_finds_chinese_words_and_leaves_other_text_to_the_word_tokenizer():
    tokenizer = JiebaTokenizer()
    assert tokenizer.tokenize("今天天气很好。") == ["今天天气", "很", "好", "。"]
    english = "It didn't rain, did it?"
    assert tokenizer.tokenize(english) == WordTokenizer().tokenize(english)


@pytest.mark.parametrize("kind", WORD_TOKENIZERS)
def test_the_marks_themselves_are_read_as_spaces(kind):
    tokenizer = kind()
    for text, expected in [
        ("a▁b ￭c", "a b c"),
        ("▁", ""),
        ("￭.▁你￭好", ". 你 好"),
        ("x▁￭▁,", "x ,"),
    ]:
        assert tokenizer.detokenize(tokenizer.tokenize(text)) == expected


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_no_text_can_end_its_own_sequence(kind):
    text = "[EOS]你[EOS] [EOS].[PAD][BOS]"
    tokenizer = kind().adapt([text])
    assert not {0, 1, 2, EOS} & set(tokenizer.encode(text))
    unseen = kind().adapt(["something else, 别的"])
    assert not {0, 2, EOS} & set(unseen.encode(text))


# Vocabularies


def test_frequent_tokens_come_first_and_ties_go_by_code_point():
    tokenizer = WordTokenizer().adapt(["b c, a", "é Z", "c", "中"])
    assert tokenizer.vocabulary.tokens(range(4, 11)) == ["c", ",", "Z", "a", "b", "é", "中"]


MANY_TIES = "the quick brown fox, jumps over 'a' lazy dog! 敏捷的棕色狐狸跳过了懒狗。北京上海广州"

IN_ANOTHER_PROCESS = f"""
import json
from seq2seq.text import CharTokenizer, JiebaTokenizer, WordTokenizer
kinds = CharTokenizer, JiebaTokenizer, WordTokenizer
texts = [{MANY_TIES!r}]
print(json.dumps([kind().adapt(texts).get_config()["vocabulary"] for kind in kinds]))
"""


@pytest.fixture(scope="module")
def other_process():
    """What a fresh process, with other string hashes than ours, says of three vocabularies."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    return subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
        cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )


def test_a_vocabulary_is_the_same_on_every_run(other_process):
    here = [
        kind().adapt([MANY_TIES]).get_config()["vocabulary"]
        for kind in (CharTokenizer, JiebaTokenizer, WordTokenizer)
    ]
    assert json.loads(other_process.stdout) == here


def test_jieba_says_nothing_when_it_loads(other_process):
    assert "jieba" not in other_process.stderr.lower()
    assert "prefix dict" not in other_process.stdout + other_process.stderr
    assert len(other_process.stdout.splitlines()) == 1


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_max_tokens_counts_the_special_tokens(kind):
    tokenizer = kind(max_tokens=7).adapt(["a b c d e f g 你 好"])
    assert len(tokenizer.vocabulary) == 7
    assert max(tokenizer.encode("a b c d e f g 你 好")) <= 6


def test_min_frequency_leaves_out_rarer_tokens():
    tokenizer = WordTokenizer(min_frequency=2).adapt(["a b", "a c", "b a"])
    assert tokenizer.vocabulary.tokens([4, 5]) == ["a", "b"]
    assert len(tokenizer.vocabulary) == 6


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_lowercase_is_off_unless_asked_for(kind):
    assert kind().tokenize("Ab É") == kind(lowercase=False).tokenize("Ab É")
    assert "".join(kind().tokenize("Ab É")).startswith("A")
    assert kind(lowercase=True).tokenize("Ab É你好") == kind().tokenize("ab é你好")
    tokenizer = kind(lowercase=True).adapt(["AB ab"])
    assert tokenizer.decode(tokenizer.encode("aB Ab")) == "ab ab"


def test_unknown_words_become_unk_and_are_skipped_in_decode():
    tokenizer = WordTokenizer().adapt(["I like tea."])
    ids = tokenizer.encode("I like green tea.")
    assert ids == [*tokenizer.encode("I like"), UNK, *tokenizer.encode("tea.")]
    assert tokenizer.decode(ids) == "I like tea."


def test_special_ids_are_skipped_in_decode():
    tokenizer = JiebaTokenizer().adapt(["你好"])
    assert tokenizer.decode([2, 4, 1, 3, 0, 0]) == "你好"
    assert tokenizer.decode([]) == tokenizer.decode([2, 3, 0]) == ""


def test_encode_adds_neither_begin_nor_end():
    tokenizer = CharTokenizer().adapt(["ab"])
    assert tokenizer.encode("ab") == [4, 5]
    assert tokenizer.encode("") == []


def test_adapt_returns_the_tokenizer_and_starts_over():
    tokenizer = WordTokenizer()
    assert tokenizer.vocabulary is None
    assert tokenizer.adapt(["a"]) is tokenizer
    assert "b" in tokenizer.adapt(text for text in ["b"]).vocabulary
    assert "a" not in tokenizer.vocabulary


def test_a_tokenizer_shows_its_kind_and_its_size():
    assert repr(WordTokenizer()) == "<WordTokenizer, not adapted>"
    assert repr(JiebaTokenizer().adapt(["你好"])) == "<JiebaTokenizer of 5 tokens>"
    assert repr(CharTokenizer(vocabulary=["a", "b"])) == "<CharTokenizer of 6 tokens>"


def test_a_tokenizer_called_encodes_one_text_or_many():
    tokenizer = CharTokenizer().adapt(["ab"])
    assert tokenizer("ab") == [4, 5] and tokenizer("") == []
    assert tokenizer(["ab", "", "b"]) == [[4, 5], [], [5]] == tokenizer(iter(["ab", "", "b"]))
    with pytest.raises(ValueError, match="Expected a list of texts"):
        tokenizer(5)
    with pytest.raises(ValueError, match="never adapted"):
        CharTokenizer()("a")


# Mistakes


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_tokenizer_that_was_never_adapted_says_so(kind):
    with pytest.raises(ValueError, match=f"{kind.__name__} .* never adapted"):
        kind().encode("a")
    with pytest.raises(ValueError, match="adapt"):
        kind().decode([4])


@pytest.mark.parametrize("texts", [[], [""], [" \n", ""]])
@pytest.mark.parametrize("kind", TOKENIZERS)
def test_adapting_to_nothing_is_refused(kind, texts):
    with pytest.raises(ValueError, match="at least one token"):
        kind().adapt(texts)


def test_adapting_is_refused_when_every_token_is_too_rare():
    with pytest.raises(ValueError, match="min_frequency=2"):
        WordTokenizer(min_frequency=2).adapt(["a b c"])


def test_a_failed_adapt_keeps_the_vocabulary():
    tokenizer = WordTokenizer().adapt(["a"])
    with pytest.raises(ValueError):
        tokenizer.adapt([])
    assert tokenizer.encode("a") == [4]


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_adapting_to_one_text_instead_of_a_list_is_refused(kind):
    with pytest.raises(ValueError, match="Put it in a list"):
        kind().adapt("hello")


@pytest.mark.parametrize("wrong", [None, 5, b"a", ["a"]])
@pytest.mark.parametrize("kind", TOKENIZERS)
def test_only_strings_are_texts(kind, wrong):
    tokenizer = kind().adapt(["a"])
    with pytest.raises(ValueError, match=f"of type {type(wrong).__name__}"):
        tokenizer.encode(wrong)
    with pytest.raises(ValueError, match=f"of type {type(wrong).__name__}"):
        tokenizer.adapt(["a", wrong])


@pytest.mark.parametrize(
    "arguments",
    [{"max_tokens": 4}, {"max_tokens": 0}, {"min_frequency": 0}, {"vocabulary": ["a", "a"]}],
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match=r"Expected .* Received"):
        WordTokenizer(**arguments)


def test_ids_of_another_vocabulary_are_refused():
    with pytest.raises(ValueError, match="another vocabulary"):
        CharTokenizer().adapt(["a"]).decode([4, 5])


# Saving


def round_trips(tokenizer):
    """The tokenizer after each of the two ways through JSON."""
    config = json.loads(json.dumps(tokenizer.get_config()))
    yield type(tokenizer).from_config(config)
    stored = json.loads(json.dumps(keras.saving.serialize_keras_object(tokenizer)))
    yield keras.saving.deserialize_keras_object(stored)


def test_a_tokenizer_of_ones_own_may_hand_on_its_arguments():
    class Shouting(WordTokenizer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)

    config = Shouting(max_tokens=6).adapt(["a b"]).get_config()
    assert Shouting.from_config(config).get_config() == config
    with pytest.raises(TypeError, match="surprise"):
        Shouting.from_config({**config, "surprise": 1})


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_tokenizer_survives_serialisation(kind):
    tokenizer = kind(max_tokens=50, min_frequency=1, lowercase=True).adapt(TEXTS.values())
    for copy in round_trips(tokenizer):
        assert type(copy) is kind
        assert copy.get_config() == tokenizer.get_config()
        for text in TEXTS.values():
            assert copy.encode(text) == tokenizer.encode(text)


def test_a_tokenizer_without_a_vocabulary_survives_too():
    for copy in round_trips(WordTokenizer(max_tokens=9, min_frequency=3)):
        assert copy.vocabulary is None
        assert (copy.max_tokens, copy.min_frequency, copy.lowercase) == (9, 3, False)


def test_a_vocabulary_can_be_given():
    assert WordTokenizer(vocabulary=["b", "a"]).encode("a b c") == [5, 4, UNK]
    given = WordTokenizer().adapt(["a b"]).vocabulary
    assert CharTokenizer(vocabulary=given).encode("ab") == [4, 5]


# Jieba

SENTENCE = "我们在云计算平台上学习深度学习"


def test_jieba_learns_the_words_of_a_user_dictionary(tmp_path):
    words = ["云计算平台", "深度学习"]
    plain = JiebaTokenizer().tokenize(SENTENCE)
    assert not set(words) & set(plain)
    assert set(words) <= set(JiebaTokenizer(user_dictionary=words).tokenize(SENTENCE))
    path = tmp_path / "words.txt"
    path.write_text("\ufeff云计算平台 5 n\r\n\n深度学习\n", encoding="utf-8")
    for name in (path, str(path)):
        assert set(words) <= set(JiebaTokenizer(user_dictionary=name).tokenize(SENTENCE))
    assert JiebaTokenizer().tokenize(SENTENCE) == plain  # nobody else's dictionary changed
    odd = JiebaTokenizer(user_dictionary=["云计算平台 ²", "深度学习 " + "9" * 5000])  # no counts
    assert set(words) <= set(odd.tokenize(SENTENCE))


def test_what_a_user_dictionary_calls_no_word_is_one_for_others():
    plain = JiebaTokenizer().tokenize("他来到了网易杭研大厦")
    assert "杭研" in plain  # which jieba guesses
    JiebaTokenizer(user_dictionary=["杭研 0"]).tokenize("他来到了网易杭研大厦")
    assert JiebaTokenizer().tokenize("他来到了网易杭研大厦") == plain


def test_a_user_dictionary_is_looked_up_once_not_for_every_text(monkeypatch):
    lookups = []

    def look_up(words):
        lookups.append(words)
        return load_jieba(words)

    monkeypatch.setattr(tokenizers, "load_jieba", look_up)
    monkeypatch.setattr(segmentation, "load_jieba", look_up)
    tokenizer = JiebaTokenizer(user_dictionary=["云计算平台"])
    for text in [SENTENCE] * 50:
        assert "云计算平台" in tokenizer.tokenize(text)
    assert lookups == [["云计算平台"]]
    list(tokenizer.tokenize_all([SENTENCE, "我们上学"] * 50))
    assert len(lookups) == 2


@pytest.mark.parametrize("clone", [deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_tokenizer_in_use_can_be_copied_and_pickled(clone):
    tokenizer = JiebaTokenizer(user_dictionary=["云计算平台"]).adapt([SENTENCE])
    tokens = tokenizer.tokenize(SENTENCE)
    assert clone(tokenizer).tokenize(SENTENCE) == tokens
    assert len(pickle.dumps(tokenizer)) < 2000  # without jieba's dictionary


def test_the_words_of_a_user_dictionary_are_saved_not_its_path(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("云计算平台\n深度学习 10\n", encoding="utf-8")
    tokenizer = JiebaTokenizer(user_dictionary=str(path)).adapt([SENTENCE])
    path.unlink()
    for copy in round_trips(tokenizer):
        assert copy.encode(SENTENCE) == tokenizer.encode(SENTENCE)
        assert UNK not in copy.encode(SENTENCE)
        assert copy.user_dictionary == ["云计算平台", "深度学习 10"]


def test_stop_words_are_left_out(tmp_path):
    text = "我的书和你的书。"
    path = tmp_path / "stop.txt"
    path.write_text("的\n。\n", encoding="utf-8")
    assert JiebaTokenizer().tokenize(text) == ["我", "的", "书", "和", "你", "的", "书", "。"]
    for stop_words in (["的", "。"], ("的", "。"), path):
        tokenizer = JiebaTokenizer(stop_words=stop_words).adapt([text])
        assert tokenizer.tokenize(text) == ["我", "书", "和", "你", "书"]
        assert "的" not in tokenizer.vocabulary
        for copy in round_trips(tokenizer):
            assert copy.stop_words == ["的", "。"]
            assert copy.tokenize(text) == tokenizer.tokenize(text)


def test_stop_words_are_left_out_however_they_are_spaced():
    tokenizer = JiebaTokenizer(stop_words=["!", ","])
    assert tokenizer.detokenize(tokenizer.tokenize("oh , no !")) == "oh no"
    for text in ("oh,no!", "oh ,no !yes", "哦 , 不 !"):
        assert not {",", "!"} & set("".join(tokenizer.tokenize(text)))


def test_stop_words_may_be_a_set():
    assert JiebaTokenizer(stop_words={"的"}).tokenize("我的书") == ["我", "书"]


@pytest.mark.parametrize("package", ["jieba", "tokenizers"])
def test_a_package_that_is_missing_is_named(package, monkeypatch):
    """An exported model may run where they are not installed."""
    pytest.importorskip("tokenizers", reason="the extra `subword` is not installed")
    config = SubwordTokenizer(max_tokens=30).adapt(["slow slower"]).get_config()
    segmentation._build.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        if package == "jieba":
            JiebaTokenizer().tokenize("你好")
        else:
            SubwordTokenizer.from_config(config)


@pytest.mark.parametrize("argument", ["stop_words", "user_dictionary"])
def test_blank_words_are_passed_over(argument):
    assert JiebaTokenizer(**{argument: ["", " "]}).tokenize("我的书") == ["我", "的", "书"]


def test_without_hmm_jieba_guesses_no_words():
    text = "他来到了网易杭研大厦"
    assert "杭研" in JiebaTokenizer().tokenize(text)
    tokenizer = JiebaTokenizer(hmm=False).adapt([text])
    assert "杭研" not in tokenizer.tokenize(text)
    for copy in round_trips(tokenizer):
        assert copy.hmm is False
        assert copy.tokenize(text) == tokenizer.tokenize(text)


@pytest.mark.parametrize("argument", ["user_dictionary", "stop_words"])
def test_a_file_of_words_must_be_there_and_be_utf8(argument, tmp_path):
    with pytest.raises(ValueError, match="a word a line"):
        JiebaTokenizer(**{argument: str(tmp_path / "none.txt")})
    path = tmp_path / "gbk.txt"
    path.write_bytes("云计算".encode("gbk"))
    with pytest.raises(ValueError, match="UTF-8"):
        JiebaTokenizer(**{argument: path})


class TestSubwordTokenizer:
    TEXTS = ("lower low lowest slow slowest", "我们用Python写程序，我们写得慢。", "臺灣的繁體字")

    @pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
    def test_texts_come_back(self, algorithm):
        tokenizer = SubwordTokenizer(60, algorithm=algorithm).adapt(self.TEXTS * 3)
        for text in (*self.TEXTS, "I don't, 他说：“3.14！”", "  two   spaces ", ""):
            tokens = tokenizer.tokenize(text)
            assert tokenizer.detokenize(tokens) == " ".join(text.split())
        for text in self.TEXTS:
            assert tokenizer.decode(tokenizer.encode(text)) == text
        assert len(tokenizer.vocabulary) <= 60
        assert tokenizer.encode("жж") == [UNK, UNK] and tokenizer.tokenize("жжo") == ["ж", "ж", "o"]
        assert tokenizer.tokenize("\ud800") == ["?"]

    @pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
    def test_no_text_is_one_of_the_library_s_own(self, algorithm):
        texts = [*self.TEXTS, "the <UNK> sat [UNK] <unk>"]
        tokenizer = SubwordTokenizer(90, algorithm=algorithm).adapt(texts)
        assert tokenizer.decode(tokenizer.encode("<UNK>")) == "<UNK>"

    @pytest.mark.parametrize("byte_fallback", [False, True])
    @pytest.mark.parametrize("more", [0, 1, 20])
    def test_it_is_no_larger_than_told(self, byte_fallback, more):
        characters = [chr(0x4E00 + i) for i in range(100)]
        texts = ["".join(characters[i % 100] for i in range(k, 9 * k, k)) for k in range(1, 99)]
        size = 4 + 256 * byte_fallback + 101 + more  # 101 with "▁"
        tokenizer = SubwordTokenizer(size, algorithm="unigram", byte_fallback=byte_fallback)
        assert len(tokenizer.adapt(texts).vocabulary) <= size
        assert [tokenizer.decode(tokenizer.encode(text)) for text in texts] == texts

    @pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
    def test_it_is_the_same_in_every_run_and_from_its_config(self, algorithm):
        tokenizer, other = (
            SubwordTokenizer(50, algorithm=algorithm).adapt(self.TEXTS) for _ in range(2)
        )
        assert tokenizer.get_config() == other.get_config()
        copy = keras.saving.deserialize_keras_object(
            json.loads(json.dumps(keras.saving.serialize_keras_object(tokenizer)))
        )
        assert [copy.encode(text) for text in self.TEXTS] == [
            tokenizer.encode(text) for text in self.TEXTS
        ]

    def test_frequent_words_are_whole(self):
        tokenizer = SubwordTokenizer(40).adapt(["low lower lowest"] * 5)
        assert tokenizer.tokenize("low lowest") == ["low", "▁lowest"]
        assert tokenizer.tokenize("slow") == ["s", "low"]

    def test_rare_characters_are_left_out(self):
        tokenizer = SubwordTokenizer(50, min_frequency=2).adapt(["好好学习", "好学"])
        assert "习" not in tokenizer.vocabulary and "好" in tokenizer.vocabulary
        assert len(SubwordTokenizer(6).adapt(["abcdefg"]).vocabulary) == 6

    def test_it_is_saved_with_a_model(self, tmp_path):
        tokenizer = SubwordTokenizer(50).adapt(self.TEXTS)
        model = seq2seq.LanguageModel(tokenizer, 8, 8)
        model.save(tmp_path / "m.keras")
        copy = keras.saving.load_model(tmp_path / "m.keras")
        assert copy.generate("low", max_length=5) == model.generate("low", max_length=5)

    @pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
    def test_with_byte_fallback_every_character_comes_back(self, algorithm):
        tokenizer = SubwordTokenizer(320, algorithm=algorithm, byte_fallback=True)
        tokenizer.adapt(self.TEXTS * 3)
        assert "龘" not in tokenizer.vocabulary and len(tokenizer.vocabulary) <= 320
        for text in (*TEXTS.values(), "龘𠀀", "\x00\x01\x7f\ufffd\U0010ffff", "<0x41> [UNK]<0xFF>"):
            ids = tokenizer.encode(text)
            assert tokenizer.decode(ids) == clean(text) and UNK not in ids
        assert tokenizer.tokenize("é")[-2:] == ["<0xC3>", "<0xA9>"]
        dice = random.Random(20)
        for _ in range(500):
            text = "".join(dice.choices(NASTY, k=dice.randint(1, 10)))
            assert tokenizer.decode(tokenizer.encode(text)) == clean(text), ascii(text)

    @pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
    def test_with_byte_fallback_it_comes_back_from_its_config(self, algorithm):
        tokenizer = SubwordTokenizer(300, algorithm=algorithm, byte_fallback=True)
        assert tokenizer.adapt(self.TEXTS).byte_fallback
        for other in round_trips(tokenizer):
            assert other.get_config() == tokenizer.get_config()
            assert other.encode("slow 龘") == tokenizer.encode("slow 龘")

    def test_byte_fallback_is_off_unless_asked_for(self):
        tokenizer = SubwordTokenizer(300).adapt(self.TEXTS)
        assert tokenizer.byte_fallback is False and "<0x41>" not in tokenizer.vocabulary
        assert tokenizer.detokenize(["<0x41>"]) == "<0x41>"

    def test_the_bytes_count_among_the_tokens(self):
        texts = ["abcdefghijklmnop"]
        for size in (261, 265):
            tokenizer = SubwordTokenizer(size, byte_fallback=True).adapt(texts)
            assert len(tokenizer.vocabulary) == size
        with pytest.raises(ValueError, match="more than 260 with byte_fallback=True"):
            SubwordTokenizer(260, byte_fallback=True)

    def test_bytes_that_are_no_text_are_decoded_all_the_same(self):
        tokenizer = SubwordTokenizer(300, byte_fallback=True).adapt(self.TEXTS)
        dice = random.Random(20)
        for _ in range(500):
            row = [dice.choice([dice.randrange(256), 0xF0, 0x9F, 0x98, 0xE4]) for _ in range(6)]
            tokens = [f"<0x{byte:02X}>" for byte in row]
            assert tokenizer.detokenize(tokens) == bytes(row).decode("utf-8", "replace")
        assert tokenizer.detokenize(["<0xF0>", "l", "<0x9F>", "▁"]) == "\ufffdl\ufffd "

    def test_bad_input(self):
        for call, words in (
            (lambda: SubwordTokenizer(algorithm="wordpiece"), "'bpe' or 'unigram'"),
            (lambda: SubwordTokenizer(max_tokens=None), "max_tokens"),
            (lambda: SubwordTokenizer(max_tokens=10**9), "at most 4,194,304"),
            (lambda: SubwordTokenizer(vocabulary=["a"]), "together"),
            (lambda: SubwordTokenizer(vocabulary=["a"], model="{}"), "get_config"),
            (lambda: SubwordTokenizer().adapt(None), "list of texts"),
            (lambda: remove_stop_words("我的书", ["的"]), "list of tokens"),
            (lambda: SubwordTokenizer().tokenize("a"), "never"),
            (lambda: SubwordTokenizer().adapt("a"), "in a list"),
            (lambda: SubwordTokenizer().adapt([""]), "at least one token"),
        ):
            with pytest.raises(ValueError, match=words):
                call()


class TestCleaning:
    def test_full_width_letters_and_digits(self):
        text = "ＡＢＣ　１２３％，好。"
        assert to_half_width(text) == "ABC 123%，好。"
        assert to_half_width(text, punctuation=True) == "ABC 123%,好。"

    def test_stop_words(self, tmp_path):
        (tmp_path / "stop.txt").write_text("的\n在\n", encoding="utf-8")
        tokens = ["我", "的", "书", "在", "桌上"]
        assert remove_stop_words(tokens, ["的"]) == ["我", "书", "在", "桌上"]
        assert remove_stop_words(tokens, tmp_path / "stop.txt") == ["我", "书", "桌上"]


class TestAllCores:
    def test_workers_segment_alike(self):
        texts = ["我用Python写程序。", "他来到了网易杭研大厦", "臺灣的繁體字"] * 3
        words = segment_all(texts, ["杭研大厦"], hmm=False, workers=2)
        jieba = load_jieba(["杭研大厦"])
        assert words == [jieba.lcut(text, HMM=False) for text in texts]
        assert "杭研大厦" in words[1]

    def test_a_program_that_is_no_python_starts_no_workers(self, monkeypatch):
        monkeypatch.setattr(sys, "executable", "")
        assert segment_all(["我爱北京"] * 2, workers=2) == [["我", "爱", "北京"]] * 2

    def test_a_corpus_is_encoded_as_its_texts(self, monkeypatch):
        monkeypatch.setattr(segmentation, "ENOUGH", 10)  # so that workers are used
        texts = ["我爱北京 天安门！", "he said 你好", "", "在，在的"] * 5
        tokenizer = JiebaTokenizer(user_dictionary=["北京天"], stop_words=["在"]).adapt(texts)
        assert tokenizer.encode_all(iter(texts)) == [tokenizer.encode(text) for text in texts]
        assert list(tokenizer.tokenize_all(texts)) == [tokenizer.tokenize(text) for text in texts]
