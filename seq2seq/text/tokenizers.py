"""Tokenizers: from a text to a list of tokens and ids, and back."""

import copy
import inspect
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from seq2seq.checks import check_whole
from seq2seq.keras_registry import keras_serializable
from seq2seq.text.columns import each_text
from seq2seq.text.segmentation import load_jieba, segment_all
from seq2seq.text.spacing import GLUE, HAN, KANA, SPACE, SYMBOL, join_each, mark_spaces
from seq2seq.text.tokenizer_file import read_tokenizer, write_tokenizer
from seq2seq.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from seq2seq.text.word_lists import read_words

BLOCK = 50_000  # texts segmented together: enough for all cores, few enough for memory


def check_text(text) -> None:
    """Raises a `ValueError` unless the argument is a text."""
    if not isinstance(text, str):
        raise ValueError(
            f"Expected a text (str). Received: {text!r} of type {type(text).__name__}."
        )


def replace_surrogates(text: str) -> str:
    """Returns a text that UTF-8 can hold: each lone surrogate becomes `?`."""
    return text.encode("utf-8", "replace").decode("utf-8")


class Tokenizer:
    """What the tokenizers share: the vocabulary, and ids on top of `tokenize` and `detokenize`.

    `detokenize(tokenize(text))` gives a text back character by character, except that a run of
    white space becomes one space, and none is left at the ends; each class says what else it
    changes. `decode(encode(text))` does too, but leaves out tokens outside the vocabulary.

    A tokenizer of your own is a subclass that defines `tokenize` and `detokenize`; registered with
    Keras, it is saved and loaded like the others.

    Args:
        max_tokens: Size of the vocabulary, its four special tokens included. Defaults to `None`,
            no limit.
        min_frequency: Tokens seen less often in `adapt` are left out. Defaults to 1.
        lowercase: Whether texts are lower-cased; they come back so. Defaults to `False`.
        vocabulary: A `Vocabulary`, or its ordinary tokens in order. Defaults to `None`: `adapt`
            builds it.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> tokenizer = WordTokenizer().adapt(["the cat sat", "the dog"])
    >>> tokenizer
    <WordTokenizer of 8 tokens>
    >>> tokenizer("the dog sat")
    [4, 6, 7]
    """

    package: str | None = None  # that splitting texts needs

    def __init__(
        self,
        max_tokens: int | None = None,
        min_frequency: int = 1,
        lowercase: bool = False,
        vocabulary: Vocabulary | Sequence[str] | None = None,
    ):
        if max_tokens is not None:
            check_whole("max_tokens", max_tokens, len(SPECIAL_TOKENS) + 1)
        check_whole("min_frequency", min_frequency)
        if vocabulary is not None and not isinstance(vocabulary, Vocabulary):
            vocabulary = Vocabulary(vocabulary)
        self.max_tokens = max_tokens and int(max_tokens)
        self.min_frequency = int(min_frequency)
        self.lowercase = bool(lowercase)
        self._vocabulary = vocabulary

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # A class that joins tokens in its own way streams them in that way too.
        if "detokenize" in vars(cls) and "detokenize_each" not in vars(cls):
            cls.detokenize_each = Tokenizer.detokenize_each

    def __call__(self, texts: str | Iterable[str]) -> list[int] | list[list[int]]:
        """Returns the ids of a text as `encode` does, or of each of many as `encode_all` does."""
        if isinstance(texts, str):
            return self.encode(texts)
        return self.encode_all(self._listed(texts))

    def __repr__(self) -> str:
        if self._vocabulary is None:
            return f"<{type(self).__name__}, not adapted>"
        return f"<{type(self).__name__} of {len(self._vocabulary)} tokens>"

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The `Vocabulary`, or `None` before `adapt`."""
        return self._vocabulary

    def adapt(self, texts: Iterable[str]) -> "Tokenizer":
        """Builds the vocabulary from texts and returns the tokenizer.

        Args:
            texts: Iterable of str: a list, a generator, an array, a column of a data frame or a
                Hugging Face dataset, or a `tf.data.Dataset` of strings.

        Returns:
            The tokenizer.

        Raises:
            ValueError: If there is no token in them, or they are not texts.
        """
        vocabulary = Vocabulary.build(
            self.tokenize_all(self._listed(texts)), self.max_tokens, self.min_frequency
        )
        if len(vocabulary) == len(SPECIAL_TOKENS):
            raise self._nothing()
        self._vocabulary = vocabulary
        return self

    def tokenize(self, text: str) -> list[str]:
        """Splits a text into tokens, special ones left out.

        Args:
            text: The text.

        Returns:
            The tokens, also those that the vocabulary lacks.
        """
        raise NotImplementedError

    def tokenize_part(self, part: str) -> list[str]:
        """Splits a part of a text, beside which a token is hidden, as it is split in the text."""
        tokens = self.tokenize(part)
        if " " not in self._adapted():
            return tokens
        return [" "] * part.startswith(" ") + tokens + [" "] * (bool(tokens) and part.endswith(" "))

    def tokenize_all(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yields the tokens of each text."""
        return map(self.tokenize, texts)

    def detokenize(self, tokens: Iterable[str]) -> str:
        """Joins tokens into a text.

        Args:
            tokens: The tokens, special ones left out.

        Returns:
            The text.
        """
        raise NotImplementedError

    def detokenize_each(self, tokens: Iterable[str]) -> Iterator[str]:
        """Yields what each token adds to the text of those before it, as soon as it comes.

        The pieces join to what `detokenize` returns. After the last token another piece may follow.
        """
        seen, text = [], ""
        for token in tokens:
            seen.append(token)
            longer = self.detokenize(seen)
            yield longer[len(text) :]
            text = longer

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text, without `BOS` and `EOS`.

        Args:
            text: The text.

        Returns:
            The ids, `UNK` for a token that the vocabulary lacks.

        Raises:
            ValueError: If the tokenizer is not adapted.
        """
        return self._adapted().ids(self.tokenize(text))

    def encode_all(self, texts: Iterable[str]) -> list[list[int]]:
        """Returns the ids of each text.

        Args:
            texts: Any number of texts.

        Returns:
            A list of what `encode` returns for each.

        Raises:
            ValueError: If the tokenizer is not adapted.
        """
        vocabulary = self._adapted()
        return [vocabulary.ids(tokens) for tokens in self.tokenize_all(texts)]

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text of ids; special ids are skipped.

        Args:
            ids: Ids of the vocabulary.

        Returns:
            The text.

        Raises:
            ValueError: If the tokenizer is not adapted, or there is no such id.
        """
        tokens = self._adapted().tokens(ids)
        return self.detokenize(token for token in tokens if token not in SPECIAL_TOKENS)

    def save(self, path: str | Path) -> None:
        """Writes the tokenizer into a file of its own, as readable JSON.

        Args:
            path: Path of the file; an older one is replaced.

        Raises:
            ValueError: If the file cannot be written, or a class of your own is not registered with
                Keras.

        Example:

        >>> WordTokenizer().adapt(["the cat"]).save("words.json")
        >>> Tokenizer.load("words.json")
        <WordTokenizer of 6 tokens>
        """
        write_tokenizer(path, self)

    @classmethod
    def load(cls, path: str | Path) -> "Tokenizer":
        """Loads what `save` has written, which is data only: nothing in it is run.

        Args:
            path: Path of the file.

        Returns:
            A tokenizer of the class that was saved: this one, or a subclass of it.

        Raises:
            ValueError: If the file is missing, broken, or holds something else.
        """
        return read_tokenizer(path, cls)

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this tokenizer, its vocabulary included."""
        tokens = self._vocabulary and self._vocabulary.get_config()["tokens"]
        return {
            "max_tokens": self.max_tokens,
            "min_frequency": self.min_frequency,
            "lowercase": self.lowercase,
            "vocabulary": tokens,
        }

    @classmethod
    def from_config(cls, config: dict) -> "Tokenizer":
        """Rebuilds a tokenizer from `get_config()`.

        A config may come from a file of somebody else's: it can name no file to be read.

        Raises:
            ValueError: If it is not the config of such a tokenizer.
        """
        known = inspect.signature(cls).parameters
        takes_all = any(one.kind is one.VAR_KEYWORD for one in known.values())
        if not takes_all and (unknown := [name for name in config if name not in known]):
            raise ValueError(
                f"Expected the config of a {cls.__name__}. Received an unknown entry, "
                f"{unknown[0]!r:.60}. Was the file saved by a newer version?"
            )
        for name in ("user_dictionary", "stop_words", "vocabulary"):
            words = config.get(name)
            if words is not None and not isinstance(words, (list, tuple)):
                raise ValueError(
                    f"Expected `{name}` to be a list of words in the config of a {cls.__name__}. "
                    f"Received: {type(words).__name__}."
                )
        return cls(**config)

    def _adapted(self) -> Vocabulary:
        if self._vocabulary is None:
            raise ValueError(
                f"Expected a {type(self).__name__} with a vocabulary. Received one that was never "
                "adapted. Call `tokenizer.adapt(texts)` with the training texts first."
            )
        return self._vocabulary

    def _listed(self, texts):
        return each_text(texts)

    def _nothing(self) -> ValueError:
        return ValueError(
            "Expected texts with at least one token to keep. Received none "
            f"(min_frequency={self.min_frequency}). Check that the corpus is not empty, "
            "or lower `min_frequency`."
        )

    def _clean(self, text: str) -> str:
        check_text(text)
        return text.lower() if self.lowercase else text


@keras_serializable
class CharTokenizer(Tokenizer):
    """One token per character; all but runs of white space comes back, which become one space.

    Args:
        max_tokens: See `WordTokenizer`. Defaults to `None`.
        min_frequency: See `WordTokenizer`. Defaults to 1.
        lowercase: See `WordTokenizer`. Defaults to `False`.
        vocabulary: See `WordTokenizer`. Defaults to `None`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> CharTokenizer().tokenize("你好 ok")
    ['你', '好', ' ', 'o', 'k']
    """

    def tokenize(self, text: str) -> list[str]:
        """Splits a text into characters."""
        return list(" ".join(self._clean(text).split()))

    def detokenize(self, tokens: Iterable[str]) -> str:
        """Joins characters into a text."""
        return "".join(tokens)

    def detokenize_each(self, tokens: Iterable[str]) -> Iterator[str]:
        """Yields each character; see `Tokenizer.detokenize_each`."""
        return iter(tokens)


_letter = rf"[^\s{SYMBOL}{HAN}{KANA}]"
_contraction = rf"['’](?i:s|t|re|ve|ll|d|m)(?!{_letter})"
_pieces = re.compile(
    rf"\d+(?:[.,:]\d+)+(?!{_letter})"  # 3.14, 1,000, 12:30
    rf"|&\w+;{_letter}*"  # &apos;s, as the Moses scripts leave it
    rf"|{_letter}+(?:-{_letter}+)*(?:(?!{_contraction})['’](?={_letter}))?"  # t-shirt, l'
    rf"|{_contraction}"  # 's, 't
    rf"|[{HAN}{KANA}]|([{SYMBOL}])\1{{0,2}}"  # 你, “, ……
)
_contains_han = re.compile(f"[{HAN}]")
_marks = str.maketrans({SPACE: " ", GLUE: " "})


@keras_serializable
class WordTokenizer(Tokenizer):
    """Words and punctuation marks; each Chinese or Japanese character is a word of its own.

    Contractions split before the apostrophe. Where the spacing is unusual, a token carries a mark,
    so that `detokenize` restores it: a text comes back up to runs of white space and the two marks
    themselves, `▁` and `￭`, which are read as spaces. Text that is already tokenised (words and
    punctuation marks separated) keeps its tokens.

    Args:
        max_tokens: Size of the vocabulary, its four special tokens included. Defaults to `None`,
            no limit.
        min_frequency: Tokens seen less often in `adapt` are left out. Defaults to 1.
        lowercase: Whether texts are lower-cased. Defaults to `False`.
        vocabulary: A `Vocabulary`, or its ordinary tokens in order. Defaults to `None`: `adapt`
            builds it.

    Example:

    >>> tokenizer = WordTokenizer().adapt(["It didn't rain, did it?"])
    >>> tokenizer.tokenize("It didn't rain.")
    ['It', 'didn', "'t", 'rain', '.']
    >>> tokenizer.decode(tokenizer.encode("did it rain?"))
    'did it rain?'
    """

    def tokenize(self, text: str) -> list[str]:
        """Splits a text into words and punctuation marks."""
        return mark_spaces(self._pieces(self._clean(text).translate(_marks)))

    def detokenize(self, tokens: Iterable[str]) -> str:
        """Joins words and punctuation marks into a text."""
        return "".join(join_each(tokens))

    def detokenize_each(self, tokens: Iterable[str]) -> Iterator[str]:
        """Yields each word, with the space before it; see `Tokenizer.detokenize_each`."""
        return join_each(tokens)

    def _pieces(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yields the pieces of a text, and whether white space precedes each."""
        for chunk in text.split():
            for i, piece in enumerate(self._split(chunk)):
                yield piece, i == 0

    def _split(self, chunk: str) -> Iterable[str]:
        """Splits a chunk that holds no white space."""
        return [match.group() for match in _pieces.finditer(chunk)]


@keras_serializable
class JiebaTokenizer(WordTokenizer):
    """Chinese words by jieba (https://github.com/fxsjy/jieba); other text as `WordTokenizer` does.

    A text comes back as from a `WordTokenizer`, but without the stop words.

    Args:
        max_tokens: See `WordTokenizer`. Defaults to `None`.
        min_frequency: See `WordTokenizer`. Defaults to 1.
        lowercase: See `WordTokenizer`. Defaults to `False`.
        vocabulary: See `WordTokenizer`. Defaults to `None`.
        user_dictionary: Words that jieba must know: a list, or the path of a UTF-8 file with one
            word per line (jieba's frequency and tag may follow after a space). A saved model
            contains the words themselves. Defaults to `None`.
        stop_words: Words to leave out: a list, or the path of a UTF-8 file with one word per line.
            They do not come back. Defaults to `None`.
        hmm: Whether jieba guesses words outside its dictionary. Defaults to `True`.

    Raises:
        ValueError: If an argument is out of range, or a file cannot be read.

    Example:

    >>> JiebaTokenizer().tokenize("我用Python写程序。")
    ['我用', 'Python', '写', '程序', '。']
    """

    package = "jieba"

    def __init__(
        self,
        max_tokens: int | None = None,
        min_frequency: int = 1,
        lowercase: bool = False,
        vocabulary: Vocabulary | Sequence[str] | None = None,
        user_dictionary: str | Sequence[str] | None = None,
        stop_words: str | Sequence[str] | None = None,
        hmm: bool = True,
    ):
        super().__init__(max_tokens, min_frequency, lowercase, vocabulary)
        self.user_dictionary = read_words(user_dictionary, lowercase)
        self.stop_words = read_words(stop_words, lowercase)
        self._left_out = frozenset(self.stop_words)
        self.hmm = bool(hmm)
        self._words = {}
        self._jieba = None

    def tokenize_all(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yields the tokens of each text, segmenting much text on all cores."""
        texts = iter(texts)
        while block := list(itertools.islice(texts, BLOCK)):
            chunks = {
                chunk
                for text in block
                for chunk in self._clean(text).translate(_marks).split()
                if _contains_han.search(chunk)
            }
            informed, chunks = copy.copy(self), sorted(chunks)
            words = segment_all(chunks, self.user_dictionary, self.hmm)
            informed._words = dict(zip(chunks, words, strict=True))
            yield from map(informed.tokenize, block)

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this tokenizer, its vocabulary included."""
        return {
            **super().get_config(),
            "user_dictionary": self.user_dictionary,
            "stop_words": self.stop_words,
            "hmm": self.hmm,
        }

    def _split(self, chunk: str) -> Iterable[str]:
        if not _contains_han.search(chunk):
            return super()._split(chunk)
        if chunk in self._words:
            return self._words[chunk]
        if self._jieba is None:
            self._jieba = load_jieba(self.user_dictionary)
        return self._jieba.cut(chunk, HMM=self.hmm)

    def __getstate__(self):
        return {**self.__dict__, "_jieba": None}  # copied and pickled without the dictionary

    def _pieces(self, text: str) -> Iterator[tuple[str, bool]]:
        skipped_space = False
        for piece, spaced in super()._pieces(text):
            spaced = spaced or skipped_space
            if piece in self._left_out:
                skipped_space = spaced
            else:
                yield piece, spaced
                skipped_space = False
