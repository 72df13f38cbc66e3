"""Subwords, by the Hugging Face library `tokenizers` (the extra `subword`)."""

import codecs
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from seq2seq.checks import check_whole
from seq2seq.keras_registry import keras_serializable
from seq2seq.text.spacing import HAN, SPACE
from seq2seq.text.tokenizers import Tokenizer, replace_surrogates
from seq2seq.text.vocabulary import SPECIAL_TOKENS, Vocabulary, rank_tokens

MAX_VOCABULARY = 2**22  # tokens of a vocabulary
UNKNOWN = SPECIAL_TOKENS[1]
NONE = ("truncation", "padding", "normalizer", "post_processor")  # of the library, not used here
BYTES = {f"<0x{byte:02X}>": bytes([byte]) for byte in range(256)}  # the library's names for them
# A subword is part of a run of letters or of Chinese characters, or a digit or mark, optionally
# with a space before it.
PIECES = rf"{SPACE}?(?:[{HAN}]+|[\p{{L}}\p{{M}}&&[^{HAN}]]+|[^\p{{L}}\p{{M}}{SPACE}])|{SPACE}"
PRE_TOKENIZER = {
    "type": "Split",
    "pattern": {"Regex": PIECES},
    "behavior": "Isolated",
    "invert": False,
}


@keras_serializable
class SubwordTokenizer(Tokenizer):
    """Subwords learned from texts: frequent words and phrases whole, rare ones in parts.

    A space is part of the subword it precedes, written `▁`. Chinese is not segmented first. A text
    comes back up to runs of white space; `▁` itself is read as a space, and a lone surrogate as
    `?`. With `byte_fallback` no character is outside the vocabulary, so `decode(encode(text))`
    gives all of them back.

    Args:
        max_tokens: Size of the vocabulary, its four special tokens included. Defaults to 8000.
        min_frequency: Characters, and with BPE pairs, seen less often in `adapt` are left out.
            Defaults to 1.
        lowercase: Whether texts are lower-cased. Defaults to `False`.
        algorithm: `"bpe"` (byte pair encoding, Sennrich et al. 2016,
            https://aclanthology.org/P16-1162) or `"unigram"` (Kudo 2018,
            https://aclanthology.org/P18-1007). Defaults to `"bpe"`.
        model: What `adapt` learned, as the library's JSON text. Defaults to `None`.
        vocabulary: The vocabulary of `model`. Defaults to `None`.
        byte_fallback: Whether characters outside the vocabulary become the bytes of their UTF-8,
            256 tokens `<0x00>` to `<0xFF>` of the vocabulary, so that no character is unknown.
            Defaults to `False`.

    Raises:
        ImportError: If `tokenizers` is not installed.
        ValueError: If an argument is out of range.

    Example:

    >>> tokenizer = SubwordTokenizer(max_tokens=30).adapt(["lower low lowest slow slowest"])
    >>> tokenizer.tokenize("slow lowest")
    ['s', 'low', '▁lowest']
    >>> tokenizer = SubwordTokenizer(300, byte_fallback=True).adapt(["lower low lowest"])
    >>> tokenizer.tokenize("low é")
    ['low', '▁', '<0xC3>', '<0xA9>']
    >>> tokenizer.decode(tokenizer.encode("low é"))
    'low é'
    """

    package = "tokenizers"

    def __init__(
        self,
        max_tokens: int = 8000,
        min_frequency: int = 1,
        lowercase: bool = False,
        algorithm: str = "bpe",
        model: str | None = None,
        vocabulary: Vocabulary | Sequence[str] | None = None,
        byte_fallback: bool = False,
    ):
        check_max_tokens(max_tokens)
        super().__init__(max_tokens, min_frequency, lowercase, vocabulary)
        if algorithm not in ("bpe", "unigram"):
            raise ValueError(
                f"Expected `algorithm` to be 'bpe' or 'unigram'. Received: {algorithm!r}."
            )
        fixed = len(SPECIAL_TOKENS) + len(BYTES)
        if byte_fallback and max_tokens <= fixed:
            raise ValueError(
                f"Expected `max_tokens` to be more than {fixed} with byte_fallback=True: there are "
                f"{len(SPECIAL_TOKENS)} special tokens and {len(BYTES)} bytes. Received: "
                f"max_tokens={max_tokens}. Raise it, or leave out `byte_fallback`."
            )
        if (model is None) != (vocabulary is None):
            raise ValueError(
                "Expected `model` and `vocabulary` together, as `get_config` returns them. "
                "Received one of them. Call `tokenizer.adapt(texts)` to make both."
            )
        self.algorithm = algorithm
        self.byte_fallback = bool(byte_fallback)
        self.model = model
        self._tokenizer = None if model is None else _load(model)

    def adapt(self, texts: Iterable[str]) -> "SubwordTokenizer":
        """Learns subwords from texts and returns the tokenizer.

        Args:
            texts: Iterable of str.

        Returns:
            The tokenizer.

        Raises:
            ValueError: If there is no character to keep, or `max_tokens` leaves no room.
        """
        texts = [self._marked(text) for text in self._listed(texts)]
        counts = Counter(character for text in texts for character in text)
        bytes_kept = list(BYTES) if self.byte_fallback else []
        room = self.max_tokens - len(SPECIAL_TOKENS)
        kept = rank_tokens(counts, self.min_frequency)[: room - len(bytes_kept)]
        if not kept:
            raise self._nothing()
        # The library would keep every character: those left out are hidden from it.
        hidden = str.maketrans(dict.fromkeys(set(counts) - set(kept), "\n"))
        if self.algorithm == "unigram":  # the library calls its unknown token so as it learns
            texts = [text.replace("<UNK>", "<UN\nK>") for text in texts]
        parts = (part for text in texts for part in text.translate(hidden).split("\n"))
        tokenizer, trainer = _untrained(self.algorithm, room, self.min_frequency, kept, bytes_kept)
        tokenizer.train_from_iterator(parts, trainer)
        if self.algorithm == "unigram":
            tokenizer = _settle(tokenizer, room)
        if self.byte_fallback:
            tokenizer = _fall_back(tokenizer)
        ranked = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        self._vocabulary = Vocabulary([token for token, _ in ranked if token != UNKNOWN])
        self.model, self._tokenizer = tokenizer.to_str(), tokenizer
        return self

    def tokenize(self, text: str) -> list[str]:
        """Splits a text into subwords; a character outside the vocabulary is one of its own.

        With `byte_fallback` it is as many as it has bytes in UTF-8.
        """
        return self._split(self._marked(text))

    def tokenize_part(self, part: str) -> list[str]:
        """Splits a part of a text; see `Tokenizer.tokenize_part`."""
        marked = self._marked(part)
        return self._split(SPACE + marked if marked and part.startswith(" ") else marked)

    def _split(self, text):
        """Splits a text in which spaces are marked."""
        self._adapted()
        encoding, unknown = self._tokenizer.encode(text), self._tokenizer.token_to_id(UNKNOWN)
        tokens = []
        found = zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True)
        for i, token, (start, end) in found:
            # A unigram model merges consecutive unknown characters into one.
            tokens += text[start:end] if i == unknown else [token]
        return tokens

    def detokenize(self, tokens: Iterable[str]) -> str:
        """Joins subwords into a text; bytes that are not UTF-8 become U+FFFD."""
        return "".join(self.detokenize_each(tokens))

    def detokenize_each(self, tokens: Iterable[str]) -> Iterator[str]:
        """Yields each subword, a character of bytes with its last; see `Tokenizer`."""
        pieces = join_bytes(tokens) if self.byte_fallback else tokens
        return (piece.replace(SPACE, " ") for piece in pieces)

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this tokenizer, including what it has learned."""
        return {
            **super().get_config(),
            "algorithm": self.algorithm,
            "byte_fallback": self.byte_fallback,
            "model": self.model,
        }

    def _marked(self, text):
        text = replace_surrogates(self._clean(text))
        return SPACE.join(text.replace(SPACE, " ").split())


def check_max_tokens(max_tokens, minimum: int = len(SPECIAL_TOKENS) + 1) -> None:
    """Raises a `ValueError` unless the library can learn so many tokens.

    It reserves memory for all of them at once, and aborts the process where that fails.
    """
    check_whole("max_tokens", max_tokens, minimum)
    if max_tokens > MAX_VOCABULARY:
        raise ValueError(
            f"Expected `max_tokens` of at most {MAX_VOCABULARY:,}. Received: {max_tokens:,}. Lower "
            "it."
        )


def load_library():
    """Returns the library `tokenizers`.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError(
            "Subwords need the package tokenizers: pip install tokenizers, or "
            'pip install "keras-seq2seq[subword]"'
        ) from error
    return tokenizers


def number_tokens(vocabulary: Vocabulary) -> dict[str, int]:
    """Returns the id of each token, as the library takes them.

    Raises:
        ValueError: If a token holds a lone surrogate, which the library does not take.
    """
    for token in vocabulary:
        if token != replace_surrogates(token):
            raise ValueError(
                f"Expected tokens that UTF-8 can hold. Received: {token!r:.60}, with a lone "
                "surrogate. Leave it out of the vocabulary."
            )
    return {token: i for i, token in enumerate(vocabulary)}


def _load(model):
    library = load_library()
    try:
        content = json.loads(model)
        # A file may hold what makes the library fill the memory or abort the process.
        other = [name for name in NONE if content[name] is not None]
        if other or content["pre_tokenizer"] != PRE_TOKENIZER or content["decoder"] is not None:
            raise ValueError(f"it has {other[0] if other else 'another pre_tokenizer'!r}")
        if content["model"]["type"] not in ("BPE", "Unigram"):
            raise ValueError("its model is of another type")
        return library.Tokenizer.from_str(model)
    except Exception as error:  # the library raises no other
        raise ValueError(
            f"Expected `model` as `get_config` returns it. Received: {model!r:.60} ({error})."
        ) from error


def _untrained(algorithm, size, min_frequency, characters, bytes_kept):
    """Returns a tokenizer of the library and the trainer for it."""
    library = load_library()
    models, trainers = library.models, library.trainers
    common = {
        "vocab_size": size + 1,  # the library counts UNKNOWN
        "special_tokens": [UNKNOWN, *bytes_kept],
        "initial_alphabet": characters,
        "show_progress": False,
    }
    if algorithm == "bpe":
        tokenizer = library.Tokenizer(models.BPE(unk_token=UNKNOWN))
        trainer = trainers.BpeTrainer(**common, min_frequency=min_frequency)
    else:
        tokenizer = library.Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(**common, unk_token=UNKNOWN)
    tokenizer.pre_tokenizer = library.pre_tokenizers.Split(library.Regex(PIECES), "isolated")
    return tokenizer, trainer


def _fall_back(tokenizer):
    """Returns a tokenizer that spells unknown characters in bytes, and no text as special."""
    state = json.loads(tokenizer.to_str())
    state["model"]["byte_fallback"] = True
    # Or the text "<0x41>" would be read as the byte, and "[UNK]" as unknown.
    state["added_tokens"] = []
    return load_library().Tokenizer.from_str(json.dumps(state))


def join_bytes(tokens):
    """Yields what each token adds to a text: nothing, as long as a character lacks bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        if token in BYTES:
            yield decoder.decode(BYTES[token])
        else:
            yield decoder.decode(b"", final=True) + token
    if rest := decoder.decode(b"", final=True):
        yield rest


def _settle(tokenizer, size):
    """Returns a unigram tokenizer of a size whose scores and order are the same in every run.

    The library keeps more than the size where that is little above the number of characters. And
    it depends on the order of a hash table, which differs from run to run: where it sums, and where
    it gives characters that it keeps only for completeness the lowest score and 0.0001 more for
    each.
    """
    state = json.loads(tokenizer.to_str())
    unknown, *rest = state["model"]["vocab"]
    lowest = min(score for _, score in rest)
    bound = lowest + 1e-4 * sum(len(token) == 1 for token, _ in rest)
    rest = [
        (token, lowest if len(token) == 1 and score <= bound else score) for token, score in rest
    ]
    rest = sorted(((token, round(score, 4)) for token, score in rest), key=lambda x: (-x[1], x[0]))
    longer = [item for item in rest if len(item[0]) > 1 and item[0] not in BYTES]
    too_many = set(longer[max(0, size - len(rest) + len(longer)) :])
    state["model"]["vocab"] = [unknown, *(item for item in rest if item not in too_many)]
    return load_library().Tokenizer.from_str(json.dumps(state))
