"""Tokenizers in files of their own: they come back the same, without Keras, and nothing is run."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from seq2seq import CharTokenizer, JiebaTokenizer, SubwordTokenizer, Tokenizer, WordTokenizer

pytestmark = pytest.mark.neutral

TEXTS = [
    "I like tea, don't you?",
    "我爱北京天安门。",
    'a "quoted" \\ line\u2028 😀',
    "a lone \ud800",
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.json"


@pytest.mark.parametrize(
    "tokenizer",
    [
        CharTokenizer(),
        CharTokenizer(max_tokens=np.int64(20), lowercase=True),
        WordTokenizer(min_frequency=1, lowercase=np.bool_(True)),
        JiebaTokenizer(user_dictionary=["北京天安门 5 n"], stop_words=["爱"], hmm=False),
        SubwordTokenizer(60),
        SubwordTokenizer(60, algorithm="unigram"),
    ],
)
def test_a_tokenizer_comes_back_from_its_file(tokenizer, path):
    tokenizer.adapt(TEXTS).save(path)
    copy = Tokenizer.load(path)
    assert type(copy) is type(tokenizer) and copy.get_config() == tokenizer.get_config()
    assert copy(TEXTS) == tokenizer(TEXTS)
    copy.save(path.with_name("again.json"))
    assert path.with_name("again.json").read_bytes() == path.read_bytes()


def test_one_without_a_vocabulary_comes_back_too(path):
    WordTokenizer(max_tokens=9).save(path)
    assert repr(Tokenizer.load(path)) == "<WordTokenizer, not adapted>"


def test_the_file_can_be_read_by_people(path):
    CharTokenizer().adapt(["你"]).save(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert ' "registered_name": "seq2seq>CharTokenizer",' in lines
    assert '   "你"' in lines


def test_keras_is_needed_neither_to_save_nor_to_load(tmp_path):
    program = (
        "import sys, seq2seq\n"
        "seq2seq.WordTokenizer().adapt(['a b']).save('t.json')\n"
        "print(seq2seq.Tokenizer.load('t.json'), 'keras' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.stdout == "<WordTokenizer of 6 tokens> False\n", result.stderr


def test_each_class_loads_its_own_kind(path):
    JiebaTokenizer().adapt(["你好"]).save(path)
    assert type(JiebaTokenizer.load(path)) is type(WordTokenizer.load(path)) is JiebaTokenizer
    with pytest.raises(ValueError, match=r"a CharTokenizer saved.*'seq2seq>JiebaTokenizer'"):
        CharTokenizer.load(path)


def test_a_class_of_ones_own_is_found_once_registered(path):
    class Letters(CharTokenizer):
        pass

    letters = Letters().adapt(["ab"])
    with pytest.raises(ValueError, match="Letters, which is not registered"):
        letters.save(path)
    assert not path.exists()
    keras.saving.register_keras_serializable(package="a_test")(Letters)
    letters.save(path)
    assert type(Tokenizer.load(path)) is Letters
    changed = path.read_text(encoding="utf-8").replace("a_test>Letters", "a_test>Numbers")
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(ValueError, match="class of your own before loading"):
        Tokenizer.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1"),
        ('{"seq2seq": "0.1.0", "registered_name": "seq2', "Unterminated"),
        ("[" * 100_000, "recursion"),
        ("[1, 2]", "not what `tokenizer.save` writes"),
        ('{"config": {}}', "not what `tokenizer.save` writes"),
        ({"registered_name": ["a"]}, "not what `tokenizer.save` writes"),
        ({"config": "none"}, "not what `tokenizer.save` writes"),
        ({"registered_name": "os>system"}, "'os>system'"),
        ({"registered_name": "seq2seq>Vocabulary"}, "'seq2seq>Vocabulary'"),
        ({"registered_name": "seq2seq>Seq2Seq"}, "'seq2seq>Seq2Seq'"),
        ({"config": {"surprise": 1}}, "unknown entry, 'surprise'"),
        ({"config": {"vocabulary": "/etc/passwd"}}, "list of words"),
        ({"config": {"vocabulary": ["a", "a"]}}, "more than once"),
        ({"config": {"max_tokens": "many"}}, "max_tokens"),
    ],
)
def test_another_file_is_refused(content, message, path):
    if isinstance(content, dict):
        described = {"registered_name": "seq2seq>CharTokenizer", "config": {}, **content}
        content = json.dumps(described)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"(?s)Expected .*t\.json to be a .*{message}"):
        Tokenizer.load(path)


def test_a_file_that_is_missing_or_not_utf8_is_named(path):
    with pytest.raises(ValueError, match=r"t\.json, which does not exist"):
        Tokenizer.load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="saved with"):
        Tokenizer.load(path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(path, monkeypatch):
    tokenizer = CharTokenizer().adapt(["a"])
    with pytest.raises(ValueError, match="to exist"):
        tokenizer.save(path.parent / "none" / "t.json")
    tokenizer.save(path)
    old = path.read_bytes()

    def disk_full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.replace", disk_full)
    with pytest.raises(ValueError, match="file that was there is kept"):
        CharTokenizer().adapt(["b"]).save(path)
    assert path.read_bytes() == old and list(path.parent.iterdir()) == [path]
