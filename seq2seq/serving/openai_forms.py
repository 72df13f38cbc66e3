"""How OpenAI's answers look, whole and in streams."""

import time
import uuid

import numpy as np

from seq2seq.generation.constraints import SMALLEST
from seq2seq.serving.calls import Generated
from seq2seq.serving.text_stream import Piece
from seq2seq.text.vocabulary import EOS, SPECIAL_TOKENS

END = SPECIAL_TOKENS[EOS]


def _looks(details, pieces: list[str], text: str) -> list[tuple]:
    """Returns text, log probability and alternatives of each token that is part of the text."""
    looks, length = [], 0
    for piece, token, score, others in zip(
        pieces, details.tokens, details.token_scores, details.alternatives, strict=False
    ):
        if length >= len(text) and piece:  # cut off by a stop
            break
        length += len(piece)
        others = [(name, float(np.log(max(share, SMALLEST)))) for name, share in others]
        looks.append((piece, float(score), _named(piece, token, others)))
    return looks


def _named(piece, token, others):
    """Gives the token itself, among its alternatives, the text that it adds."""
    return [(piece if name == token else name, score) for name, score in others]


class Form:
    """How the answers of one of OpenAI's ways to generate look.

    Args:
        model: The `ServedModel`.
        logprobs: Number of alternatives that each token tells, or `None` for no probabilities.
    """

    prefix = "cmpl"
    whole_object = stream_object = "text_completion"

    def __init__(self, model, logprobs: int | None):
        self.model, self.logprobs = model, logprobs
        self.id, self.created = f"{self.prefix}-{uuid.uuid4().hex}", int(time.time())

    def head(self, stream: bool = False) -> dict:
        """Returns what an answer, or an event of a stream, begins with."""
        return {
            "id": self.id,
            "object": self.stream_object if stream else self.whole_object,
            "created": self.created,
            "model": self.model.name,
        }

    def _look_at_all(self, prompt, one, details):
        """Returns the looks of a whole result, or `None` if nobody asked."""
        if details is None:
            return None
        return _looks(details, self.model.pieces(prompt, one.ids), one.text)

    def _look_at_piece(self, piece):
        """Returns the look of a streamed token in a list, or `None` if nobody asked."""
        if self.logprobs is None or piece.token in (None, END):
            return None
        others = _named(piece.own, piece.token, piece.alternatives)
        return [(piece.own, piece.log_probability, others)]


class CompletionForm(Form):
    """How completions look.

    Args:
        model: See `Form`.
        echo: Whether the prompt is part of the text.
        logprobs: See `Form`.
    """

    def __init__(self, model, echo: bool | None, logprobs: int | None):
        super().__init__(model, logprobs)
        self.echo = echo
        self._sent = {}  # length of the text of each choice, for the offsets of its tokens

    def whole(self, index: int, prompt: str, one: Generated, details) -> dict:
        """Returns a whole choice."""
        text = prompt + (one.text or "") if self.echo else one.text
        logprobs = self._logprobs(self._look_at_all(prompt, one, details), 0)
        return _choice(index, text, one.finish_reason, logprobs)

    def begin(self, index: int, prompt: str) -> list[dict]:
        """Returns what a stream begins with."""
        return [_choice(index, prompt, None, None)] if self.echo and prompt else []

    def piece(self, index: int, piece: Piece) -> dict | None:
        """Returns the choice of an event, or `None` for none."""
        logprobs = self._logprobs(self._look_at_piece(piece), self._sent.get(index, 0))
        self._sent[index] = self._sent.get(index, 0) + len(piece.own)
        return _choice(index, piece.text, None, logprobs) if piece.text or logprobs else None

    def end(self, index: int, one: Generated) -> dict:
        """Returns the choice of the last event."""
        return _choice(index, "", one.finish_reason, None)

    def _logprobs(self, looks, offset):
        if looks is None:
            return None
        offsets = []
        for token, _, _ in looks:
            offsets.append(offset)
            offset += len(token)
        return {
            "tokens": [token for token, _, _ in looks],
            "token_logprobs": [float(score) for _, score, _ in looks],
            "top_logprobs": [dict(others[: self.logprobs]) for _, _, others in looks],
            "text_offset": offsets,
        }


def _choice(index, text, finish_reason, logprobs):
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish_reason}


class ChatForm(Form):
    """How the answers of a conversation look."""

    prefix = "chatcmpl"
    whole_object, stream_object = "chat.completion", "chat.completion.chunk"

    def whole(self, index: int, prompt: str, one: Generated, details) -> dict:
        """Returns a whole choice."""
        message = {"role": "assistant", "content": one.text, "refusal": None}
        return {
            "index": index,
            "message": message,
            "logprobs": self._logprobs(self._look_at_all(prompt, one, details)),
            "finish_reason": one.finish_reason,
        }

    def begin(self, index: int, prompt: str) -> list[dict]:
        """Returns what a stream begins with."""
        return [self._delta(index, {"role": "assistant", "content": ""})]

    def piece(self, index: int, piece: Piece) -> dict | None:
        """Returns the choice of an event, or `None` for none."""
        logprobs = self._logprobs(self._look_at_piece(piece))
        if not piece.text and not logprobs:
            return None
        return self._delta(index, {"content": piece.text}, logprobs)

    def end(self, index: int, one: Generated) -> dict:
        """Returns the choice of the last event."""
        return {**self._delta(index, {}), "finish_reason": one.finish_reason}

    @staticmethod
    def _delta(index, delta, logprobs=None):
        return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}

    def _logprobs(self, looks):
        if looks is None:
            return None
        return {"content": [self._look(*look) for look in looks], "refusal": None}

    def _look(self, token, score, others):
        def named(name, log_probability):
            return {"token": name, "logprob": log_probability, "bytes": list(name.encode())}

        top = [named(*other) for other in others[: self.logprobs]]
        return {**named(token, float(score)), "top_logprobs": top}
