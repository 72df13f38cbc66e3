"""A vocabulary that a model reads or writes."""

from dataclasses import dataclass

import numpy as np

from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS, MASK


@dataclass(frozen=True)
class Side:
    """A vocabulary that a model reads or writes.

    Attributes:
        size: Number of ids, special ones included.
        tokenizer: Its tokenizer, or `None` in a model of ids.
    """

    size: int
    tokenizer: Tokenizer | None

    @classmethod
    def of(cls, name: str, given: Tokenizer | int) -> "Side":
        """Reads a constructor argument: an adapted tokenizer, or a vocabulary size."""
        if isinstance(given, (int, np.integer)) and given > EOS:
            return cls(int(given), None)
        if not isinstance(given, Tokenizer):
            raise ValueError(
                f"Expected `{name}` to be a tokenizer, or a vocabulary size above {EOS}, the last "
                f"special id. Received: {name}={given!r}."
            )
        if given.vocabulary is None:
            raise ValueError(
                f"Expected `{name}` to have a vocabulary. Received a {type(given).__name__} that "
                "was never adapted. Call `tokenizer.adapt(texts)` first."
            )
        return cls(len(given.vocabulary), given)

    @property
    def mask_id(self) -> int:
        """Id of `[MASK]`: its own if the vocabulary has that token, or the one after all others."""
        if self.tokenizer is not None and MASK in self.tokenizer.vocabulary:
            return self.tokenizer.vocabulary.ids([MASK])[0]
        return self.size

    @property
    def rows(self) -> int:
        """Number of ids with that of `[MASK]`."""
        return max(self.size, self.mask_id + 1)
