"""BERT's word pieces, by the Hugging Face library `tokenizers` (the extra `subword`)."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from seq2seq.keras_registry import keras_serializable
from seq2seq.text.spacing import is_joined
from seq2seq.text.subword import check_max_tokens, load_library, number_tokens
from seq2seq.text.tokenizers import Tokenizer, check_text, replace_surrogates
from seq2seq.text.vocabulary import SPECIAL_TOKENS, UNK, Vocabulary, rank_tokens

INSIDE = "##"  # before a piece that continues a word
APOSTROPHES = {"'", "’"}


@keras_serializable
class WordPieceTokenizer(Tokenizer):
    """BERT's subwords: words and punctuation marks, rare words in parts, `play` `##ing`.

    A text is cleaned first: control characters are removed, and each Chinese character and
    punctuation mark becomes a word of its own. Each word is then split greedily into the longest
    pieces of the vocabulary; a word that cannot be, or is longer than 100 characters, is unknown.

    A text does not come back exactly. Lost are unknown words, control characters, lone surrogates
    (which become `?`), where spaces stood, and, as asked for, capitals and accents. Pieces are
    joined as words are usually written: no space between Chinese characters, around an apostrophe
    or before a full stop.

    Devlin et al. 2019, https://aclanthology.org/N19-1423; Schuster and Nakajima 2012, "Japanese and
    Korean Voice Search".

    Args:
        max_tokens: Size of the vocabulary, its four special tokens included. Defaults to 8000.
        min_frequency: Characters and pairs seen less often in `adapt` are left out. Defaults to 1.
        lowercase: Whether texts are lower-cased. Defaults to `False`.
        strip_accents: Whether `é` becomes `e`. Defaults to `None`, as `lowercase`.
        tokenize_chinese: Whether each Chinese character is a word of its own. Defaults to `True`.
        vocabulary: A `Vocabulary`, or its ordinary tokens in order. Defaults to `None`: `adapt`
            builds it.

    Raises:
        ImportError: If `tokenizers` is not installed.
        ValueError: If an argument is out of range.

    Example:

    >>> tokenizer = WordPieceTokenizer(30, lowercase=True).adapt(["Low lower lowest, slow slower"])
    >>> tokenizer.tokenize("Slow, lowers")
    ['slow', ',', 'lower', '##s']
    >>> tokenizer.decode(tokenizer.encode("Slow, lowers"))
    'slow, lowers'
    """

    package = "tokenizers"

    def __init__(
        self,
        max_tokens: int = 8000,
        min_frequency: int = 1,
        lowercase: bool = False,
        strip_accents: bool | None = None,
        tokenize_chinese: bool = True,
        vocabulary: Vocabulary | Sequence[str] | None = None,
    ):
        check_max_tokens(max_tokens)
        super().__init__(max_tokens, min_frequency, lowercase, vocabulary)
        self.strip_accents = None if strip_accents is None else bool(strip_accents)
        self.tokenize_chinese = bool(tokenize_chinese)
        self._normalizer = load_library().normalizers.BertNormalizer(
            clean_text=True,
            handle_chinese_chars=self.tokenize_chinese,
            strip_accents=self.strip_accents,
            lowercase=self.lowercase,
        )
        self._tokenizer = None if vocabulary is None else _build(self._vocabulary)

    def adapt(self, texts: Iterable[str]) -> "WordPieceTokenizer":
        """Learns pieces from texts and returns the tokenizer.

        Args:
            texts: Iterable of str.

        Returns:
            The tokenizer.

        Raises:
            ValueError: If there is no character to keep, or `max_tokens` leaves no room.
        """
        split = load_library().pre_tokenizers.BertPreTokenizer().pre_tokenize_str
        words = Counter(
            word for text in self._listed(texts) for word, _ in split(self._clean(text))
        )
        room = self.max_tokens - len(SPECIAL_TOKENS)
        characters = _choose_characters(words, room, self.min_frequency)
        if not characters:
            raise self._nothing()
        self._vocabulary = Vocabulary(_learn(words, characters, room, self.min_frequency))
        self._tokenizer = _build(self._vocabulary)
        return self

    def tokenize(self, text: str) -> list[str]:
        """Splits a text into pieces; an unknown word is one of its own."""
        self._adapted()
        text = self._clean(text)
        encoding = self._tokenizer.encode(text)
        found = zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True)
        return [text[start:end] if i == UNK else token for i, token, (start, end) in found]

    def detokenize(self, tokens: Iterable[str]) -> str:
        """Joins pieces into a text."""
        return "".join(self.detokenize_each(tokens))

    def detokenize_each(self, tokens: Iterable[str]) -> Iterator[str]:
        """Yields each piece, with the space before it; see `Tokenizer.detokenize_each`."""
        left = None
        for token in tokens:
            piece = token.removeprefix(INSIDE) or token
            joined = left is None or piece != token or {left, piece} & APOSTROPHES
            yield piece if joined or is_joined(left, piece) else f" {piece}"
            left = piece

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this tokenizer, its vocabulary included."""
        return {
            **super().get_config(),
            "strip_accents": self.strip_accents,
            "tokenize_chinese": self.tokenize_chinese,
        }

    def _clean(self, text):
        check_text(text)
        return self._normalizer.normalize_str(replace_surrogates(text))  # lower-cases too


def _build(vocabulary):
    """Returns the library's tokenizer of cleaned texts, with the ids of a vocabulary."""
    library = load_library()
    model = library.models.WordPiece(number_tokens(vocabulary), unk_token=SPECIAL_TOKENS[UNK])
    tokenizer = library.Tokenizer(model)
    tokenizer.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _choose_characters(words, room, min_frequency):
    """Returns the pieces of one character: the most frequent characters for which there is room.

    A character is one piece, and one more where it continues a word.
    """
    counts, inside = Counter(), set()
    for word, count in words.items():
        for character in word:
            counts[character] += count
        inside.update(word[1:])
    ranked = rank_tokens(counts, min_frequency)
    sizes = itertools.accumulate(1 + (character in inside) for character in ranked)
    kept = sorted(c for c, size in zip(ranked, sizes, strict=True) if size <= room)
    return kept + [INSIDE + character for character in kept if character in inside]


def _learn(words, characters, room, min_frequency):
    """Returns the vocabulary that the library learns from words made of given characters."""
    library = load_library()
    tokenizer = library.Tokenizer(library.models.WordPiece())
    # Given as special tokens, they have the same ids, which break ties, in every run.
    trainer = library.trainers.WordPieceTrainer(
        vocab_size=room,
        min_frequency=min_frequency,
        special_tokens=characters,
        show_progress=False,
    )
    known = set(characters)
    kept = ([word] * count for word, count in words.items() if known.issuperset(word))
    tokenizer.train_from_iterator(kept, trainer)
    return sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
