"""Files of tokenizers in folders as Hugging Face keeps them."""

import json
import random

from seq2seq import SentencePieceTokenizer

END = "<|endoftext|>"
BERT_TOKENS = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "你"]


def write(folder, **files):
    """Writes files of JSON, or of lines, whose names have `_` for the dot."""
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        text = "\n".join(content) + "\n" if suffix == "txt" else json.dumps(content)
        (folder / f"{stem}.{suffix}").write_text(text, encoding="utf-8")
    return folder


def count(tokens):
    return {token: i for i, token in enumerate(tokens)}


def write_gpt2(folder, tokenizer, *more, **files):
    """Writes GPT-2's files: its tokens in another order than ours, the special one last."""
    tokens = list(tokenizer.vocabulary)[4:]
    random.Random(1).shuffle(tokens)
    merges = ["#version: 0.2", *tokenizer.merges]
    return write(folder, vocab_json=count([*tokens, END, *more]), merges_txt=merges, **files)


def write_marian(folder, source, target):
    """Writes Marian's files: the pieces of both models in one vocabulary."""
    (folder / "source.spm").write_bytes(source)
    (folder / "target.spm").write_bytes(target)
    pieces = [list(SentencePieceTokenizer(model).vocabulary)[4:] for model in (source, target)]
    pieces = sorted({*pieces[0], *pieces[1], ">>fra<<"})
    random.Random(1).shuffle(pieces)
    return write(folder, vocab_json=count(["</s>", "<unk>", *pieces, "<pad>"]))
