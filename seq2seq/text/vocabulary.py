"""The vocabulary: tokens on one side, ids on the other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from seq2seq.keras_registry import keras_serializable

PAD, UNK, BOS, EOS = 0, 1, 2, 3
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[BOS]", "[EOS]")
MASK = "[MASK]"  # what a text has in the place of a token to be filled in


@keras_serializable
class Vocabulary:
    """Maps tokens to ids and back; iterates over all tokens, the special ones too, by id.

    Ids 0 to 3 are special: padding, unknown, beginning and end of sequence. A text can never
    produce them, except that a token outside the vocabulary becomes `UNK`.

    Args:
        tokens: The ordinary tokens, without repetition; the first one gets id 4.

    Raises:
        ValueError: If a token is repeated, empty, not a string, or one of the special tokens.

    Example:

    >>> vocabulary = Vocabulary(["hello", "world"])
    >>> vocabulary.ids(["hello", "there"])
    [4, 1]
    >>> vocabulary.tokens([4, 1])
    ['hello', '[UNK]']
    >>> list(vocabulary)
    ['[PAD]', '[UNK]', '[BOS]', '[EOS]', 'hello', 'world']
    """

    def __init__(self, tokens: Sequence[str]):
        if isinstance(tokens, str):
            raise ValueError(f"Expected a list of tokens. Received one text: {tokens[:40]!r}.")
        for token in tokens:
            if not isinstance(token, str) or not token or token in SPECIAL_TOKENS:
                raise ValueError(
                    "Expected the vocabulary's tokens to be strings, not empty, and none of the "
                    f"special tokens {', '.join(SPECIAL_TOKENS)}. Received: {token!r}."
                )
        self._tokens = [*SPECIAL_TOKENS, *tokens]
        self._ids = {token: i for i, token in enumerate(tokens, start=len(SPECIAL_TOKENS))}
        if len(self._ids) < len(tokens):
            repeated = next(token for token, count in Counter(tokens).items() if count > 1)
            raise ValueError(
                "Expected every token of the vocabulary once. "
                f"Received {repeated!r} more than once. Remove the repetitions."
            )

    @classmethod
    def build(
        cls,
        token_lists: Iterable[Sequence[str]],
        max_tokens: int | None = None,
        min_frequency: int = 1,
    ) -> "Vocabulary":
        """Keeps the most frequent tokens; ties are broken by code point.

        Args:
            token_lists: Iterable of lists of tokens, one list per text.
            max_tokens: Size of the vocabulary, the four special tokens included. Defaults to
                `None`, no limit.
            min_frequency: Rarer tokens are left out. Defaults to 1.

        Returns:
            A `Vocabulary`.
        """
        counts = Counter()
        for tokens in token_lists:
            counts.update(tokens)
        for token in SPECIAL_TOKENS:
            counts.pop(token, None)
        ranked = rank_tokens(counts, min_frequency)
        return cls(ranked if max_tokens is None else ranked[: max_tokens - len(SPECIAL_TOKENS)])

    def __len__(self) -> int:
        return len(self._tokens)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._tokens == other._tokens

    __hash__ = None

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self)} tokens>"

    def ids(self, tokens: Iterable[str]) -> list[int]:
        """Returns the id of each token, `UNK` (1) for an unknown one."""
        return [self._ids.get(token, UNK) for token in tokens]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Returns the token of each id, the special tokens included.

        Raises:
            ValueError: If an id lies outside the vocabulary, or is no whole number.
        """
        given = list(ids)
        ids = [int(i) for i in given]
        for i, number in zip(given, ids, strict=True):
            if i != number or not 0 <= number < len(self):
                raise ValueError(
                    f"Expected ids from 0 to {len(self) - 1} (the vocabulary has {len(self)} "
                    f"tokens). Received: {i}. Were the ids made with another vocabulary?"
                )
        return [self._tokens[i] for i in ids]

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this vocabulary."""
        return {"tokens": self._tokens[len(SPECIAL_TOKENS) :]}

    @classmethod
    def from_config(cls, config: dict) -> "Vocabulary":
        """Rebuilds a vocabulary from `get_config()`."""
        return cls(**config)


def rank_tokens(counts: Counter, min_frequency: int) -> list[str]:
    """Returns the tokens seen so often, the most frequent first; ties are broken by code point."""
    kept = (token for token, count in counts.items() if count >= min_frequency)
    return sorted(kept, key=lambda token: (-counts[token], token))
