"""How OpenAI's API writes what was generated."""

import time
import uuid

import numpy as np

from seq2seq.serving.calls import Generated
from seq2seq.serving.text_stream import Piece

END = "[EOS]"


class CompletionForm:
    """How completions look."""

    def __init__(self, model, echo, logprobs):
        self.model, self.echo, self.logprobs = model, echo, logprobs
        self.id, self.created = f"cmpl-{uuid.uuid4().hex}", int(time.time())
        self._sent = {}  # length of the text of each choice, for the offsets of its tokens

    def head(self, stream: bool = False) -> dict:
        """Returns what every answer and every event begins with."""
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model.name,
        }

    def whole(self, index: int, prompt: str, one: Generated, details) -> dict:
        """Returns a choice of an answer that is not streamed."""
        text = prompt + (one.text or "") if self.echo else one.text
        logprobs = None
        if details is not None:
            logprobs = self._logprobs(_looks(details), 0)
        return _choice(index, text, one.finish_reason, logprobs)

    def begin(self, index: int, prompt: str):
        """Returns the choices of the events before the first token."""
        return [_choice(index, prompt, None, None)] if self.echo and prompt else []

    def piece(self, index: int, piece: Piece):
        """Returns the choice of the event for a token, or `None` for no event."""
        logprobs = None
        if self.logprobs is not None and piece.token not in (None, END):
            looks = [(piece.token, piece.log_probability, piece.alternatives)]
            logprobs = self._logprobs(looks, self._sent.get(index, 0))
        self._sent[index] = self._sent.get(index, 0) + len(piece.text)
        return _choice(index, piece.text, None, logprobs) if piece.text or logprobs else None

    def end(self, index: int, one: Generated):
        """Returns the choice of the event that ends a text."""
        return _choice(index, "", one.finish_reason, None)

    def _logprobs(self, looks, offset):
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


class ChatForm:
    """How the answers of a conversation look."""

    def __init__(self, model, logprobs):
        self.model, self.logprobs = model, logprobs
        self.id, self.created = f"chatcmpl-{uuid.uuid4().hex}", int(time.time())

    def head(self, stream: bool = False) -> dict:
        """Returns what every answer and every event begins with."""
        return {
            "id": self.id,
            "object": "chat.completion.chunk" if stream else "chat.completion",
            "created": self.created,
            "model": self.model.name,
        }

    def whole(self, index: int, prompt: str, one: Generated, details) -> dict:
        """Returns a choice of an answer that is not streamed."""
        message = {"role": "assistant", "content": one.text, "refusal": None}
        logprobs = None
        if details is not None:
            logprobs = [self._look(*look) for look in _looks(details)]
        return {
            "index": index,
            "message": message,
            "logprobs": None if logprobs is None else {"content": logprobs, "refusal": None},
            "finish_reason": one.finish_reason,
        }

    def begin(self, index: int, prompt: str):
        """Returns the choices of the events before the first token."""
        return [self._delta(index, {"role": "assistant", "content": ""})]

    def piece(self, index: int, piece: Piece):
        """Returns the choice of the event for a token, or `None` for no event."""
        logprobs = None
        if self.logprobs is not None and piece.token not in (None, END):
            logprobs = [self._look(piece.token, piece.log_probability, piece.alternatives)]
        if not piece.text and not logprobs:
            return None
        return self._delta(index, {"content": piece.text}, logprobs)

    def end(self, index: int, one: Generated):
        """Returns the choice of the event that ends a text."""
        return {**self._delta(index, {}), "finish_reason": one.finish_reason}

    @staticmethod
    def _delta(index, delta, logprobs=None):
        logprobs = None if logprobs is None else {"content": logprobs, "refusal": None}
        return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}

    def _look(self, token, score, others):
        def named(name, log_probability):
            return {"token": name, "logprob": log_probability, "bytes": list(name.encode())}

        top = [named(*other) for other in others[: self.logprobs]]
        return {**named(token, float(score)), "top_logprobs": top}


def _looks(details):
    """Returns token, log probability and alternatives of each token, without the end."""
    return [
        (token, float(score), [(name, float(np.log(share))) for name, share in others])
        for token, score, others in zip(
            details.tokens, details.token_scores, details.alternatives, strict=False
        )
    ]
