"""Strings <-> ids."""

from seq2seq.text.tokenizers import CharTokenizer, JiebaTokenizer, Tokenizer, WordTokenizer
from seq2seq.text.vocabulary import BOS, EOS, PAD, SPECIAL_TOKENS, UNK, Vocabulary

__all__ = [
    "BOS",
    "EOS",
    "PAD",
    "SPECIAL_TOKENS",
    "UNK",
    "CharTokenizer",
    "JiebaTokenizer",
    "Tokenizer",
    "Vocabulary",
    "WordTokenizer",
]
