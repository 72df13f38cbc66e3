"""Strings <-> ids."""

from seq2seq.text.cleaning import remove_stop_words, to_half_width
from seq2seq.text.subword import SubwordTokenizer
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
    "SubwordTokenizer",
    "Tokenizer",
    "Vocabulary",
    "WordTokenizer",
    "remove_stop_words",
    "to_half_width",
]
