"""Tokenizers of pretrained models: read from their folders, and in models of ours."""

import json
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from conftest import make_lines, train_sentencepiece
from pretrained_folders import BERT_TOKENS, END, count, write, write_gpt2, write_marian

import seq2seq
from seq2seq import (
    BOS,
    EOS,
    PAD,
    UNK,
    ByteLevelTokenizer,
    SentencePieceTokenizer,
    WordPieceTokenizer,
)
from seq2seq.text.pretrained_tokenizers import read_pretrained_tokenizer

pytest.importorskip("tokenizers", reason="the extra `pretrained` is not installed")
pytest.importorskip("sentencepiece", reason="the extra `pretrained` is not installed")

pytestmark = pytest.mark.neutral


@pytest.fixture(scope="module")
def byte_level():
    return ByteLevelTokenizer(600).adapt(make_lines(500))


@pytest.fixture(scope="module")
def marian(tmp_path_factory, sentencepiece_model):
    target = train_sentencepiece(make_lines(300, seed=9), vocab_size=300, model_type="bpe")
    return write_marian(tmp_path_factory.mktemp("marian"), sentencepiece_model, target)


def check_same_ids(tokenizer, ids, theirs, lines):
    assert [[ids[i] for i in row] for row in tokenizer.encode_all(lines)] == theirs


# Agreement


@pytest.mark.parametrize("whole", [False, True], ids=["vocab.json", "tokenizer.json"])
def test_gpt2_agrees_with_transformers(whole, byte_level, tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = write_gpt2(tmp_path, byte_level)
    theirs = transformers.GPT2TokenizerFast.from_pretrained(folder, add_prefix_space=whole)
    if whole:
        theirs.save_pretrained(tmp_path / "saved")
        for name in ("vocab.json", "merges.txt"):
            (tmp_path / "saved" / name).unlink(missing_ok=True)
        folder = tmp_path / "saved"
    tokenizer, ids = read_pretrained_tokenizer(folder, "gpt2")
    lines = make_lines(10_000, seed=4)
    check_same_ids(tokenizer, ids, theirs(lines)["input_ids"], lines)
    assert theirs.convert_ids_to_tokens(ids[4:]) == list(tokenizer.vocabulary)[4:]
    assert ids[:4] == [-1, -1, theirs.bos_token_id, theirs.eos_token_id]


@pytest.mark.parametrize("whole", [False, True], ids=["vocab.txt", "tokenizer.json"])
def test_bert_agrees_with_transformers(whole, tmp_path):
    transformers = pytest.importorskip("transformers")
    tokens = list(WordPieceTokenizer(700, lowercase=True).adapt(make_lines(500)).vocabulary)[4:]
    special = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    write(tmp_path, vocab_txt=[*special, *tokens])
    theirs = transformers.BertTokenizerFast(str(tmp_path / "vocab.txt"), strip_accents=False)
    theirs.save_pretrained(tmp_path)
    if whole:
        (tmp_path / "vocab.txt").unlink()
    tokenizer, ids = read_pretrained_tokenizer(tmp_path, "bert")
    lines = make_lines(10_000, seed=4)
    check_same_ids(tokenizer, ids, theirs(lines, add_special_tokens=False)["input_ids"], lines)
    assert ids == [0, 2, 3, 4, 1, *range(5, len(theirs))]


def test_marian_agrees_with_transformers(marian):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.MarianTokenizer.from_pretrained(marian)
    theirs.punc_normalizer = lambda text: text  # of sacremoses, where it is installed
    (source, target), ids = read_pretrained_tokenizer(marian, "marian")
    lines = [">>fra<< hello", *make_lines(10_000, seed=4)]
    expected = [theirs.encode(line, add_special_tokens=False) for line in lines]
    check_same_ids(source, ids, expected, lines)
    expected = theirs(text_target=lines[:2000], add_special_tokens=False)["input_ids"]
    check_same_ids(target, ids, expected, lines[:2000])
    for tokenizer, of_source in ((source, True), (target, False)):
        for row in tokenizer.encode_all(lines[:500]):
            text = theirs.decode([ids[i] for i in row if i != UNK], use_source_tokenizer=of_source)
            assert tokenizer.decode(row).strip() == text


# Which of the folder's tokens are ours


def test_marian_begins_with_its_padding(marian):
    (source, target), ids = read_pretrained_tokenizer(marian, "marian")
    pad = len(json.loads((marian / "vocab.json").read_text(encoding="utf-8"))) - 1
    assert ids == [pad, 1, pad, 0, *range(2, pad)]
    assert source.vocabulary == target.vocabulary and source.model != target.model


def test_special_tokens_are_those_that_the_settings_name(byte_level, tmp_path):
    size = len(byte_level.vocabulary) - 4
    more = ["<pad>", "<s>"]
    for files, expected in (
        ({"config_json": {"bos_token_id": 50256, "eos_token_id": None}}, [-1, -1, size, size]),
        ({"config_json": {"bos_token_id": size + 2}}, [-1, -1, size + 2, size]),
        ({"tokenizer_config_json": {"pad_token": "<pad>"}}, [size + 1, -1, size + 2, size]),
        ({"special_tokens_map_json": {"unk_token": END}}, [size + 1, -1, size + 2, size]),
        (
            {"special_tokens_map_json": {"unk_token": {"content": "<pad>"}, "bos_token": END}},
            [size + 1, size + 1, size, size],
        ),
    ):  # each adds to the files of those before it
        write_gpt2(tmp_path, byte_level, *more, **files)
        tokenizer, ids = read_pretrained_tokenizer(tmp_path, "gpt2")
        assert ids[:4] == expected
        assert ids[4:] == [i for i in range(size + 3) if i not in expected]
        assert tokenizer.decode(tokenizer.encode("<s> a ")) == "<s> a "


def test_chinese_gpt2_has_the_tokenizer_of_bert(tmp_path):
    write(tmp_path, vocab_txt=BERT_TOKENS)
    assert type(read_pretrained_tokenizer(tmp_path, "gpt2")[0]) is WordPieceTokenizer
    settings = {"tokenizer_class": "BertTokenizer", "bos_token_id": 50256}
    write(tmp_path, config_json=settings, vocab_json={})
    tokenizer, ids = read_pretrained_tokenizer(tmp_path, "gpt2")
    assert type(tokenizer) is WordPieceTokenizer and ids == [0, 2, 3, 4, 1, 5, 6, 7, 8]
    assert [ids[i] for i in tokenizer.encode("AB你")] == [6, 7, 8]
    write(tmp_path, tokenizer_config_json={"bos_token": "[MASK]", "do_lower_case": False})
    tokenizer, ids = read_pretrained_tokenizer(tmp_path, "gpt2")
    assert ids[BOS] == 5 and ids[EOS] == 4 and tokenizer.tokenize("AB") == ["AB"]


def test_a_text_of_bert_stands_between_its_own_tokens(tmp_path):
    write(tmp_path, vocab_txt=BERT_TOKENS, config_json={"bos_token_id": 0, "eos_token_id": 2})
    assert read_pretrained_tokenizer(tmp_path, "bert")[1][:4] == [0, 2, 3, 4]
    tokens = [*BERT_TOKENS[1:], "[PAD]"]
    write(tmp_path, vocab_txt=tokens, config_json={"pad_token_id": 0})
    assert read_pretrained_tokenizer(tmp_path, "bert")[1][:4] == [8, 1, 2, 3]


def test_gpt2_ends_where_the_librarys_does(byte_level, tmp_path):
    size = len(byte_level.vocabulary) - 4
    for name, ends in (("config_json", size + 1), ("generation_config_json", [size + 2, size])):
        write_gpt2(tmp_path, byte_level, "<s>", "</s>", **{name: {"eos_token_id": ends}})
        _, ids = read_pretrained_tokenizer(tmp_path, "gpt2")
        assert ids[EOS] == np.ravel(ends)[0] and ids[BOS] == size


def test_files_that_came_in_part_are_told(byte_level, tmp_path):
    more = [f"token{i}" for i in range(1001)]
    write_gpt2(tmp_path, byte_level, *more)
    with pytest.warns(UserWarning, match="1,002 tokens that no merge makes"):
        read_pretrained_tokenizer(tmp_path, "gpt2")
    write(tmp_path, vocab_txt=BERT_TOKENS)
    with pytest.warns(UserWarning, match="1,001 rows without a token"):
        read_pretrained_tokenizer(tmp_path, "bert", size=len(BERT_TOKENS) + 1001)


def test_added_tokens_that_texts_may_have_are_told(byte_level, tmp_path):
    write_gpt2(tmp_path, byte_level)
    size = len(byte_level.vocabulary)
    listed = [
        {"id": size, "content": "<domain>", "special": False},
        {"id": size + 1, "content": "<pad>", "special": True},
    ]
    write(tmp_path, added_tokens_json={"foxes": size + 2, "<pad>": size + 1, "<s>": size + 3})
    write(tmp_path, special_tokens_map_json={"additional_special_tokens": ["<s>"]})
    for files in (
        {"tokenizer_json": {"added_tokens": listed}},
        {"tokenizer_config_json": {"added_tokens_decoder": {str(x["id"]): x for x in listed}}},
    ):
        write(tmp_path, tokenizer_json={}, tokenizer_config_json={})
        write(tmp_path, **files)
        with pytest.warns(UserWarning, match=r"added tokens: 'foxes', '<domain>'\. The library"):
            read_pretrained_tokenizer(tmp_path, "gpt2")
    write(tmp_path, vocab_txt=BERT_TOKENS, tokenizer_config_json={"pad_token": "<pad>"})
    with pytest.warns(UserWarning, match=r"added tokens: 'foxes'\."):
        read_pretrained_tokenizer(tmp_path, "bert")
    write(tmp_path, added_tokens_json={"<pad>": size + 1})
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        read_pretrained_tokenizer(tmp_path, "bert")


@pytest.mark.parametrize("kind", ["bert", "gpt2", "marian"])
def test_tokenizers_of_other_classes_are_refused_by_name(kind, tmp_path):
    write(tmp_path, vocab_txt=BERT_TOKENS)
    write(tmp_path, tokenizer_config_json={"tokenizer_class": "BertJapaneseTokenizer"})
    with pytest.raises(ValueError, match="Received: 'BertJapaneseTokenizer'"):
        read_pretrained_tokenizer(tmp_path, kind)


def test_settings_of_cleaning_are_those_of_the_folder(tmp_path):
    write(tmp_path, vocab_txt=[*BERT_TOKENS, "é", "E", "你好"])
    assert read_pretrained_tokenizer(tmp_path, "bert")[0].tokenize("É") == ["e"]
    settings = {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False}
    write(tmp_path, tokenizer_config_json=settings)
    tokenizer, _ = read_pretrained_tokenizer(tmp_path, "bert")
    assert tokenizer.tokenize("É你好") == ["E你好"]
    assert tokenizer.tokenize("É 你好") == ["E", "你好"]


# Vocabularies with gaps


def test_rows_without_a_token_are_kept(tmp_path):
    write(tmp_path, vocab_txt=[*BERT_TOKENS, "", "a", "[EOS]"])  # "a" again: its first row is lost
    write(tmp_path, added_tokens_json={"<new>": 14})
    tokenizer, ids = read_pretrained_tokenizer(tmp_path, "bert", size=16)
    assert ids == [0, 2, 3, 4, 1, *range(5, 16)] and len(tokenizer.vocabulary) == len(ids)
    names = {i: token for i, token in zip(ids, tokenizer.vocabulary, strict=True) if i > 4}
    absent = {i: f"[token {i}]" for i in (6, 9, 11, 12, 13, 15)}
    assert names == {5: "[MASK]", 7: "##b", 8: "你", 10: "a", 14: "<new>"} | absent
    text = "[token 6] [EOS] <new> [MASK]"
    assert tokenizer.encode(text).count(UNK) == len(tokenizer.tokenize(text))


def test_bytes_that_a_folder_lacks_are_added(tmp_path):
    write(tmp_path, vocab_json={"a": 0, "b": 1, END: 2, "ab": 5}, merges_txt=["#version", "a b"])
    tokenizer, ids = read_pretrained_tokenizer(tmp_path, "gpt2", size=7)
    assert ids == [-1, -1, 2, 2, 0, 1, 3, 4, 5, 6] + [-1] * 254
    assert [ids[i] for i in tokenizer.encode("abac")] == [5, 0, -1]
    assert tokenizer.decode(tokenizer.encode("ab 你\n[token 3]")) == "ab 你\n[token 3]"


def test_a_byte_that_is_a_special_token_is_an_ordinary_one_too(byte_level, tmp_path):
    write_gpt2(tmp_path, byte_level, tokenizer_config_json={"pad_token": "!"})
    tokenizer, ids = read_pretrained_tokenizer(tmp_path, "gpt2")
    assert ids[PAD] == ids[tokenizer.encode("!")[0]] >= 0


# Mistakes


def test_missing_and_broken_files_are_named(byte_level, marian, tmp_path):
    def fails(kind, words, size=None):
        with pytest.raises(ValueError, match=words) as raised:
            read_pretrained_tokenizer(tmp_path, kind, size)
        assert "\n" not in str(raised.value)

    fails("t5", "'gpt2', 'bert', 'marian'")
    fails("bert", r"vocab\.txt")
    fails("gpt2", r"vocab\.json")
    fails("marian", r"vocab\.json")
    fails("bert", "`size`", 0)
    fails("bert", "at most 4,194,304", 10**12)
    write(tmp_path, vocab_txt=BERT_TOKENS)
    fails("bert", "id 8, beyond the 5 rows", 5)
    for settings, words in (
        ({"added_tokens_decoder": {"x": {"content": "y"}}}, "added tokens without ids"),
        ({"added_tokens_decoder": {"9": "y"}}, "added tokens without ids"),
        ({"added_tokens_decoder": {str(10**9): {"content": "y"}}}, "the id of 'y' is 1000000000"),
        ([], r"tokenizer_config\.json .*not one JSON object"),
    ):
        write(tmp_path, tokenizer_config_json=settings)
        fails("bert", words)
    write(tmp_path, tokenizer_config_json={}, vocab_json=count("ab"), merges_txt=["a b"])
    fails("gpt2", "two tokens that make a third")
    for content, words in (
        ({"model": {"type": "BPE"}, "pre_tokenizer": {"type": "Split"}}, "its pre_tokenizer"),
        ({"model": []}, "of another kind|vocab"),
        ({"normalizer": {"type": "NFC"}}, "its normalizer"),
        ({"added_tokens": [{"id": 1}]}, "added tokens without ids"),
    ):
        write(tmp_path, tokenizer_json=content)
        fails("gpt2", words)
    (tmp_path / "vocab.json").unlink()
    (tmp_path / "vocab.txt").unlink()
    write(tmp_path, tokenizer_json={"model": {"type": "BPE", "vocab": {"a": 0}}})
    fails("gpt2", r"tokenizer\.json .*no merges")
    write(tmp_path, tokenizer_json={"model": {"type": "BPE", "vocab": [], "merges": []}})
    fails("gpt2", "no vocabulary")
    (tmp_path / "vocab.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "tokenizer.json").unlink()
    fails("bert", r"vocab\.txt .*utf-8")
    write(tmp_path, vocab_json={"</s>": 0, "<unk>": "1"})
    fails("marian", "the id of '<unk>' is '1'")
    write(tmp_path, vocab_json=count(["</s>", "<unk>", "<pad>"]))
    fails("marian", r"source\.spm")
    (tmp_path / "source.spm").write_bytes((marian / "source.spm").read_bytes())
    (tmp_path / "target.spm").write_bytes(b"broken")
    fails("marian", r"target\.spm .*SentencePiece")
    write(tmp_path, tokenizer_config_json={"separate_vocabs": True})
    fails("marian", "separate_vocabs")
    with pytest.raises(ValueError, match="no folder"):
        read_pretrained_tokenizer(tmp_path / "none", "bert")


# In models

TEXTS = ["low lower lowest 😀", "我们去车站，好吗？", "it's  slow!"]
KINDS = {
    "bytes": lambda model: ByteLevelTokenizer(300).adapt(TEXTS),
    "word pieces": lambda model: WordPieceTokenizer(60).adapt(TEXTS),
    "sentencepiece": SentencePieceTokenizer,
}


@pytest.fixture(params=KINDS)
def tokenizer(request, sentencepiece_model):
    return KINDS[request.param](sentencepiece_model)


def test_they_come_back_from_their_files_and_from_keras(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "t.json")
    stored = json.loads(json.dumps(keras.saving.serialize_keras_object(tokenizer)))
    for other in (
        seq2seq.Tokenizer.load(tmp_path / "t.json"),
        keras.saving.deserialize_keras_object(stored),
    ):
        assert type(other) is type(tokenizer) and other.get_config() == tokenizer.get_config()
        assert other(TEXTS) == tokenizer(TEXTS)


WITHOUT_KERAS = """
import sys, seq2seq
model = seq2seq.load_model("exported")
sys.stdout.reconfigure(encoding="utf-8")
print("".join(model.generate("low ", max_length=8, stream=True)), "keras" in sys.modules, end="")
"""


def test_they_work_in_models_and_exported_folders(tokenizer, tmp_path):
    pytest.importorskip("onnxruntime")
    model = seq2seq.LanguageModel(tokenizer, embedding_dim=8, units=8)
    model.fit(TEXTS * 4, epochs=1, verbose=0)
    text = model.generate("low ", max_length=8)
    assert "".join(model.generate("low ", max_length=8, stream=True)) == text
    model.save(tmp_path / "m.keras")
    assert seq2seq.load_model(tmp_path / "m.keras").generate("low ", max_length=8) == text
    model.export(tmp_path / "exported")
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERAS], cwd=tmp_path, capture_output=True
    )
    assert result.stdout.decode("utf-8") == f"{text} False", result.stderr.decode("utf-8")


@pytest.mark.parametrize("package", ["tokenizers", "sentencepiece"])
def test_a_package_that_is_missing_is_named(package, sentencepiece_model, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    kinds = ["sentencepiece"] if package == "sentencepiece" else ["bytes", "word pieces"]
    for kind in kinds:
        with pytest.raises(ImportError, match=f"pip install {package}"):
            KINDS[kind](sentencepiece_model)
