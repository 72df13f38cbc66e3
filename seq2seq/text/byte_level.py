"""Byte-level subwords, by the Hugging Face library `tokenizers` (the extra `subword`)."""

import codecs
import json
from collections.abc import Iterable, Iterator, Sequence

from seq2seq.keras_registry import keras_serializable
from seq2seq.text.subword import check_max_tokens, load_library, number_tokens
from seq2seq.text.tokenizers import Tokenizer, replace_surrogates
from seq2seq.text.vocabulary import SPECIAL_TOKENS, Vocabulary


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's character for each byte: its own if that can be seen, else one from U+0100 on."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(256 + n): b for n, b in enumerate(hidden)}


BYTES = _byte_alphabet()


@keras_serializable
class ByteLevelTokenizer(Tokenizer):
    """GPT-2's subwords: parts of the UTF-8 of a text, learned by byte pair encoding.

    Every byte is in the vocabulary, so no text is unknown, and `decode(encode(text))` is the text,
    white space included; only a lone surrogate becomes `?`. Tokens are written in GPT-2's alphabet
    of bytes: a space is `Ġ`, a line break `Ċ`, and `é` the two characters `Ã©`.

    Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.

    Args:
        max_tokens: Size of the vocabulary, its four special tokens and 256 bytes included. Defaults
            to 8000.
        min_frequency: Pairs seen less often in `adapt` are not merged. Defaults to 1.
        lowercase: Whether texts are lower-cased. Defaults to `False`.
        add_prefix_space: Whether a text that begins with no space gets one, which comes back too: a
            word is then one token wherever it stands. Defaults to `False`.
        merges: Pairs of tokens that are merged, most important first, each as one text with a space
            between the two: what `adapt` learned. Defaults to `None`.
        vocabulary: The vocabulary that belongs to `merges`. Defaults to `None`.

    Raises:
        ImportError: If `tokenizers` is not installed.
        ValueError: If an argument is out of range.

    Example:

    >>> tokenizer = ByteLevelTokenizer(max_tokens=270).adapt(["lower low lowest slow slowest"])
    >>> tokenizer.tokenize("slow lowest")
    ['s', 'low', 'Ġlowest']
    >>> tokenizer.decode(tokenizer.encode(" 你好\\n\\n  😀 "))
    ' 你好\\n\\n  😀 '
    """

    package = "tokenizers"

    def __init__(
        self,
        max_tokens: int = 8000,
        min_frequency: int = 1,
        lowercase: bool = False,
        add_prefix_space: bool = False,
        merges: Sequence[str] | None = None,
        vocabulary: Vocabulary | Sequence[str] | None = None,
    ):
        check_max_tokens(max_tokens, len(SPECIAL_TOKENS) + len(BYTES))
        super().__init__(max_tokens, min_frequency, lowercase, vocabulary)
        if (merges is None) != (vocabulary is None):
            raise ValueError(
                "Expected `merges` and `vocabulary` together, as `get_config` returns them. "
                "Received one of them. Call `tokenizer.adapt(texts)` to make both."
            )
        self.add_prefix_space = bool(add_prefix_space)
        self.merges = self._tokenizer = None
        if merges is not None:
            self._restore(self._vocabulary, merges)

    def adapt(self, texts: Iterable[str]) -> "ByteLevelTokenizer":
        """Learns subwords from texts and returns the tokenizer.

        Args:
            texts: Iterable of str.

        Returns:
            The tokenizer.

        Raises:
            ValueError: If all texts are empty, or they are not texts.
        """
        texts = [text for text in map(self._clean, self._listed(texts)) if text]
        if not texts:
            raise self._nothing()
        library = load_library()
        tokenizer = library.Tokenizer(library.models.BPE())
        tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(self.add_prefix_space)
        trainer = library.trainers.BpeTrainer(
            vocab_size=self.max_tokens - len(SPECIAL_TOKENS),
            min_frequency=self.min_frequency,
            initial_alphabet=list(BYTES),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        learned = json.loads(tokenizer.to_str())["model"]
        tokens = sorted(learned["vocab"], key=learned["vocab"].get)
        self._restore(Vocabulary(tokens), [" ".join(pair) for pair in learned["merges"]])
        return self

    def tokenize(self, text: str) -> list[str]:
        """Splits a text into subwords, in GPT-2's alphabet of bytes."""
        self._adapted()
        return self._tokenizer.encode(self._clean(text)).tokens

    def tokenize_part(self, part: str) -> list[str]:
        """Splits a part of a text; see `Tokenizer.tokenize_part`. The next token has the space."""
        return self.tokenize(part.rstrip(" "))

    def detokenize(self, tokens: Iterable[str]) -> str:
        """Joins subwords into a text; bytes that are not UTF-8 become U+FFFD."""
        return "".join(self.detokenize_each(tokens))

    def detokenize_each(self, tokens: Iterable[str]) -> Iterator[str]:
        """Yields the characters that each subword completes; see `Tokenizer.detokenize_each`."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for token in tokens:
            yield decoder.decode(_to_bytes(token))
        if rest := decoder.decode(b"", final=True):
            yield rest

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this tokenizer, including what it has learned."""
        return {
            **super().get_config(),
            "add_prefix_space": self.add_prefix_space,
            "merges": self.merges,
        }

    def _clean(self, text):
        return replace_surrogates(super()._clean(text))

    def _restore(self, vocabulary, merges):
        _check(vocabulary, merges)
        library = load_library()
        model = library.models.BPE(number_tokens(vocabulary), list(map(_pair, merges)))
        tokenizer = library.Tokenizer(model)
        tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(self.add_prefix_space)
        self._vocabulary, self.merges, self._tokenizer = vocabulary, list(merges), tokenizer


def _check(vocabulary, merges):
    """Raises a `ValueError` for what `adapt` would not make: the library aborts on some of it."""
    if missing := [character for character in BYTES if character not in vocabulary]:
        raise ValueError(
            f"Expected `vocabulary` to hold GPT-2's characters for all {len(BYTES)} bytes. "
            f"Received one without {missing[0]!r}. Take it from `get_config`."
        )
    if not isinstance(merges, (list, tuple)):
        raise ValueError(
            f"Expected `merges` to be a list of texts. Received: {merges!r:.60}. Take it from "
            "`get_config`."
        )
    for merge in merges:
        left, right = _pair(merge) if isinstance(merge, str) else ("", "")
        if not (left in vocabulary and right in vocabulary and left + right in vocabulary):
            raise ValueError(
                "Expected each of `merges` to be two tokens that make a third of the vocabulary, a "
                f"space between them. Received: {merge!r:.60}. Take them from `get_config`."
            )


def _pair(merge):
    return merge.partition(" ")[::2]


def _to_bytes(token):
    if all(character in BYTES for character in token):
        return bytes(BYTES[character] for character in token)
    return token.encode("utf-8", "replace")  # a token of another kind, not of bytes
