"""Ids -> text, one by one, in the thread that generates them."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from seq2seq.generation.continuation import continue_text
from seq2seq.generation.numpy_ops import log_softmax, top_k
from seq2seq.tasks.scoring import ALTERNATIVES
from seq2seq.text.vocabulary import EOS


class Piece(NamedTuple):
    """What a token adds.

    Attributes:
        text: The text, but for what may be the beginning of a stop.
        token: The token, or `None` for text that was held back before.
        log_probability: Its log probability, or `None` if nobody asked.
        alternatives: The most probable tokens with their log probabilities, or `None` likewise.
        own: The text that the token adds, whatever is held back.
    """

    text: str
    token: str | None = None
    log_probability: float | None = None
    alternatives: list[tuple[str, float]] | None = None
    own: str = ""


class TextStream:
    """Turns ids into text as they come; see `Job.watch`.

    Args:
        tokenizer: The tokenizer.
        prompt: The text that the ids continue; it is not part of the stream.
        stops: Texts that end it, themselves left out.
        send: Is called with each `Piece`.
    """

    def __init__(
        self,
        tokenizer,
        prompt: str,
        stops: Sequence[str],
        send: Callable[[Piece], object],
    ):
        self.tokenizer = tokenizer
        self.stops = stops
        self.send = send
        self.text = ""  # all that was sent
        self.stopped = False  # by one of `stops`
        self._held = ""  # what may be the beginning of one
        self._ids = deque()
        self._pieces = continue_text(tokenizer, prompt, iter(self._ids.popleft, None))
        next(self._pieces)  # the prompt

    def __call__(self, token_id: int, scores: np.ndarray | None) -> bool:
        """Takes an id, and all scores or `None`; tells whether a text ends it here."""
        (token,) = self.tokenizer.vocabulary.tokens([token_id])
        self._ids.append(token_id)
        own = next(self._pieces, "")
        text = self._held + own
        places = [place for stop in self.stops if (place := text.find(stop)) >= 0]
        self.stopped = bool(places)
        kept = text[: min(places)] if places else text
        ends = token_id == EOS or self.stopped
        held = 0 if ends else max((_overlap(kept, stop) for stop in self.stops), default=0)
        kept, self._held = kept[: len(kept) - held], kept[len(kept) - held :]
        looks = (None, None) if scores is None else self._look(token_id, scores)
        self.text += kept
        self.send(Piece(kept, token, *looks, own))
        return self.stopped

    def finish(self) -> str:
        """Returns what is left when the text was cut off before its end."""
        if self.stopped:
            return ""
        self._ids.append(EOS)
        rest, self._held = self._held + next(self._pieces, ""), ""
        self.text += rest
        return rest

    def _look(self, token_id, scores):
        log_probabilities = log_softmax(scores[None].astype("float32"))
        best, ids = top_k(log_probabilities, min(ALTERNATIVES, len(scores)))
        tokens = self.tokenizer.vocabulary.tokens(ids[0])
        alternatives = list(zip(tokens, best[0].tolist(), strict=True))
        return float(log_probabilities[0, token_id]), alternatives


def _overlap(text, stop):
    """Returns how much of the end of a text may be the beginning of a stop."""
    for size in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
