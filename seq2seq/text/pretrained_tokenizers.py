"""Tokenizers of pretrained models, from folders as Hugging Face keeps them: JSON and text only."""

import warnings
from pathlib import Path

from seq2seq.checks import check_whole
from seq2seq.text.byte_level import BYTES, ByteLevelTokenizer
from seq2seq.text.pretrained_files import (
    add_tokens,
    broken,
    read_byte_pairs,
    read_bytes,
    read_json,
    read_library_file,
    read_settings,
    read_word_pieces,
)
from seq2seq.text.sentencepiece import SentencePieceTokenizer
from seq2seq.text.subword import MAX_VOCABULARY
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import BOS, EOS, PAD, SPECIAL_TOKENS, UNK
from seq2seq.text.wordpiece import WordPieceTokenizer

# Types of the parts of a `tokenizer.json`.
GPT2_PARTS = {"model": "BPE", "pre_tokenizer": "ByteLevel", "normalizer": None}
BERT_PARTS = {
    "model": "WordPiece",
    "pre_tokenizer": "BertPreTokenizer",
    "normalizer": "BertNormalizer",
}
# Classes of tokenizers that a folder may name; the last two are whatever `tokenizer.json` holds.
ANY = (None, "PreTrainedTokenizerFast", "TokenizersBackend")
CLASSES = {
    "gpt2": ("GPT2Tokenizer", "GPT2TokenizerFast", "BertTokenizer", "BertTokenizerFast", *ANY),
    "bert": ("BertTokenizer", "BertTokenizerFast", *ANY),
    "marian": ("MarianTokenizer", None),
}
MAX_WITHOUT = 1000  # rows that a vocabulary may have in reserve, and tokens that are added whole
# Where our special tokens are looked for in a folder, in this order: entries of its settings that
# name a token or its id, then the token itself.
SPECIAL = {
    "gpt2": {
        PAD: ("pad_token", "pad_token_id"),
        UNK: ("unk_token",),
        BOS: ("bos_token", "bos_token_id", "<|endoftext|>"),
        EOS: ("eos_token_id", "eos_token", "<|endoftext|>"),  # texts end as the library's
    },
    "gpt2 of word pieces": {
        PAD: ("pad_token", "[PAD]", "pad_token_id"),
        UNK: ("unk_token", "[UNK]"),
        BOS: ("bos_token", "bos_token_id", "cls_token", "[CLS]"),
        EOS: ("eos_token_id", "eos_token", "sep_token", "[SEP]"),
    },
    "bert": {  # whose configs may tell ids of a beginning and an end that its texts do not have
        PAD: ("pad_token", "[PAD]", "pad_token_id"),
        UNK: ("unk_token", "[UNK]"),
        BOS: ("cls_token", "[CLS]"),
        EOS: ("sep_token", "[SEP]"),
    },
    "marian": {
        PAD: ("pad_token", "pad_token_id", "<pad>"),
        UNK: ("unk_token", "<unk>"),
        BOS: ("decoder_start_token_id", "pad_token", "<pad>"),
        EOS: ("eos_token", "eos_token_id", "</s>"),
    },
}


def read_pretrained_tokenizer(
    folder: str | Path, kind: str, size: int | None = None
) -> tuple[Tokenizer | tuple[Tokenizer, Tokenizer], list[int]]:
    """Reads the tokenizer of a pretrained model.

    Files read are `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`,
    `generation_config.json` and `config.json`, if they are there, and for

    - `"gpt2"`: `vocab.json` and `merges.txt`, or `tokenizer.json`; those of `"bert"` for Chinese
      GPT-2 models, whose `tokenizer_class` is BERT's or which have only a `vocab.txt`,
    - `"bert"`: `vocab.txt`, or `tokenizer.json`,
    - `"marian"`: `source.spm`, `target.spm` and `vocab.json`.

    Added tokens, such as `[MASK]`, are in the vocabulary, but no text becomes them.

    Args:
        folder: Path of the folder.
        kind: `"gpt2"`, `"bert"` or `"marian"`.
        size: Number of rows of the model's embedding, `vocab_size` in its `config.json`. Defaults
            to `None`, that of the tokens. A row without a token gets one that no text becomes, and
            so does one whose token is called like a special token of ours.

    Returns:
        Tuple of the tokenizer, for `"marian"` the pair of those of sources and targets, and a list
        `ids`: for each id of the vocabulary the id of that token in the folder, -1 if it has none.
        Two ids may stand for one: GPT-2's `<|endoftext|>` is `BOS` and `EOS`, Marian's `<pad>` is
        `PAD` and `BOS`.

    Raises:
        ValueError: If a file is missing or broken, or of another kind of tokenizer.
        ImportError: If `tokenizers` or, for `"marian"`, `sentencepiece` is not installed.

    Example:

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "vocab.txt").write_text("[PAD]\\nhello\\n[UNK]\\n[CLS]\\n[SEP]\\n[MASK]\\n")
    >>> tokenizer, ids = read_pretrained_tokenizer(folder, "bert")
    >>> list(tokenizer.vocabulary)
    ['[PAD]', '[UNK]', '[BOS]', '[EOS]', 'hello', '[MASK]']
    >>> ids
    [0, 2, 3, 4, 1, 5]
    """
    if kind not in CLASSES:
        raise ValueError(f"Expected `kind` to be one of {list(CLASSES)}. Received: {kind!r}.")
    if size is not None:
        check_whole("size", size)
        if size > MAX_VOCABULARY:
            raise ValueError(
                f"Expected `size` of at most {MAX_VOCABULARY:,} rows. Received: {size:,}."
            )
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(
            f"Expected the folder of a pretrained model. Received: {folder}, which is no folder. "
            f"Check the path (from {Path.cwd()})."
        )
    settings = read_settings(folder)
    name = settings.get("tokenizer_class")
    if name not in CLASSES[kind]:
        raise ValueError(
            f"Expected the tokenizer_class of {folder} to be one of "
            f"{', '.join(filter(None, CLASSES[kind]))}. Received: {name!r:.60}, which this package "
            "lacks. Choose another model."
        )
    if kind == "gpt2" and _has_word_pieces(folder, name):
        return _read_bert(folder, settings, size, "gpt2 of word pieces")
    readers = {"gpt2": _read_gpt2, "bert": _read_bert, "marian": _read_marian}
    return readers[kind](folder, settings, size)


def _has_word_pieces(folder, name):
    without_pairs = (folder / "vocab.txt").exists() and not (folder / "vocab.json").exists()
    return str(name).startswith("Bert") or without_pairs


def _read_gpt2(folder, settings, size):
    library = read_library_file(folder, GPT2_PARTS)
    tokens, merges = read_byte_pairs(folder, library)
    tokens = add_tokens(folder, tokens, settings, library)
    produced = {*BYTES, *(merge.replace(" ", "") for merge in merges)}
    _warn_of_gap(folder, len(tokens.keys() - produced), "tokens that no merge makes")
    names, ids = _arrange(folder, tokens, _special_ids("gpt2", tokens, settings), size, produced)
    missing = [byte for byte in BYTES if byte not in tokens]
    tokenizer = _make(
        folder,
        ByteLevelTokenizer,
        max_tokens=len(ids) + len(missing),
        add_prefix_space=settings.get(
            "add_prefix_space", library["pre_tokenizer"].get("add_prefix_space", False)
        ),
        merges=merges,
        vocabulary=names + missing,
    )
    return tokenizer, ids + [-1] * len(missing)


def _read_bert(folder, settings, size, kind="bert"):
    library = read_library_file(folder, BERT_PARTS)
    tokens = add_tokens(folder, read_word_pieces(folder, library), settings, library)
    names, ids = _arrange(folder, tokens, _special_ids(kind, tokens, settings), size)
    cleaning = {
        "do_lower_case": library["normalizer"].get("lowercase", True),
        "strip_accents": library["normalizer"].get("strip_accents"),
        "tokenize_chinese_chars": library["normalizer"].get("handle_chinese_chars", True),
        **settings,
    }
    tokenizer = _make(
        folder,
        WordPieceTokenizer,
        max_tokens=len(ids),
        lowercase=cleaning["do_lower_case"],
        strip_accents=cleaning["strip_accents"],
        tokenize_chinese=cleaning["tokenize_chinese_chars"],
        vocabulary=names,
    )
    return tokenizer, ids


def _read_marian(folder, settings, size):
    if settings.get("separate_vocabs"):
        raise ValueError(
            f"Expected one vocabulary for sources and targets. Received: {folder}, which has two "
            "(separate_vocabs). Choose a model that has one."
        )
    tokens = add_tokens(folder, read_json(folder / "vocab.json"), settings, {})
    names, ids = _arrange(folder, tokens, _special_ids("marian", tokens, settings), size)
    source, target = (
        _make(path, SentencePieceTokenizer, model=read_bytes(path), vocabulary=names)
        for path in (folder / "source.spm", folder / "target.spm")
    )
    return (source, target), ids


def _warn_of_gap(folder, count, what):
    """Warns of files that look as if they had come in part."""
    if count > MAX_WITHOUT:
        warnings.warn(
            f"{folder} has {count:,} {what}. Was it downloaded whole? Texts with them are read as "
            "others.",
            stacklevel=5,
        )


def _special_ids(kind, tokens, settings):
    """Returns the ids in the folder of our four special tokens, -1 for those that it lacks."""
    named, ids = dict(tokens), set(tokens.values())
    for key, value in settings.items():
        if key.endswith("_token") and isinstance(value, str) and value in tokens:
            named[key] = tokens[value]
        # A model's default, such as GPT-2's 50256, may lie outside the vocabulary.
        first = value[0] if isinstance(value, list) and value else value
        if key.endswith("_token_id") and isinstance(first, int) and first in ids:
            named[key] = first
    special = [
        next((named[key] for key in keys if key in named), -1) for keys in SPECIAL[kind].values()
    ]
    if special[UNK] == special[EOS]:  # so GPT-2 says, which has no unknown token
        special[UNK] = -1
    return special


def _arrange(folder, tokens, special, size, produced=()):
    """Returns the ordinary tokens of our vocabulary, and the id in the folder of each of our ids.

    Args:
        folder: The folder.
        tokens: Its vocabulary: token to id.
        special: The ids in the folder of our special tokens.
        size: Number of its rows, or `None`.
        produced: Tokens that a text becomes; they stay ordinary where they are special too.
    """
    last = max(tokens.values(), default=-1)
    if size is not None and last >= size:
        raise broken(folder, f"it has a token of id {last}, beyond the {size} rows of the model")
    _warn_of_gap(folder, (size or 0) - len(tokens), "rows without a token")
    names = {i: token for token, i in tokens.items()}
    ids = [
        i
        for i in range(last + 1 if size is None else size)
        if i not in special or names.get(i) in produced
    ]
    # What stands in for a token has a space, as no token that a text becomes.
    absent = {"", None, *SPECIAL_TOKENS}
    ordinary = [f"[token {i}]" if names.get(i) in absent else names[i] for i in ids]
    return ordinary, special + ids


def _make(path, kind, **arguments):
    try:
        return kind(**arguments)
    except ValueError as error:
        raise broken(path, error) from error
