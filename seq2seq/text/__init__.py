"""Strings <-> ids."""

from seq2seq.text.byte_level import ByteLevelTokenizer
from seq2seq.text.cleaning import remove_stop_words, to_half_width
from seq2seq.text.sentencepiece import SentencePieceTokenizer
from seq2seq.text.subword import SubwordTokenizer
from seq2seq.text.tokenizers import CharTokenizer, JiebaTokenizer, Tokenizer, WordTokenizer
from seq2seq.text.vocabulary import BOS, EOS, PAD, SPECIAL_TOKENS, UNK, Vocabulary
from seq2seq.text.wordpiece import WordPieceTokenizer

__all__ = [
    "BOS",
    "EOS",
    "PAD",
    "SPECIAL_TOKENS",
    "UNK",
    "ByteLevelTokenizer",
    "CharTokenizer",
    "JiebaTokenizer",
    "SentencePieceTokenizer",
    "SubwordTokenizer",
    "Tokenizer",
    "Vocabulary",
    "WordPieceTokenizer",
    "WordTokenizer",
    "remove_stop_words",
    "to_half_width",
]
