"""What a request wants of a model, and what it gets."""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from seq2seq.generation.continuation import continue_text
from seq2seq.generation.samplers import Sampler
from seq2seq.serving.engine import EngineIsClosed
from seq2seq.serving.errors import ApiError, about_to_end, server_error
from seq2seq.text.vocabulary import BOS, EOS

SETTINGS = 256  # of samplers, which are kept


@functools.lru_cache(SETTINGS, typed=True)
def make_sampler(kind: type[Sampler], **options) -> Sampler:
    """Returns a sampler, the same for equal options: what it asks for is worked out once."""
    return kind(**options)


@dataclass
class Generated:
    """A hypothesis.

    Attributes:
        ids: Its ids, `EOS` included unless it was cut off.
        text: What a person reads: a language model's without its prompt.
        finish_reason: `"stop"`, or `"length"` if it was cut off.
    """

    ids: list[int]
    text: str | None
    finish_reason: str

    @property
    def tokens(self) -> int:
        """Number of generated tokens, without `EOS`."""
        return len(self.ids) - (self.ids[-1:] == [EOS])


@dataclass(frozen=True)
class Call:
    """What a request wants of a model.

    Attributes:
        rows: Rows of ids to start from.
        prompts: The texts that they were, or `None` for ids.
        sampler: How tokens are chosen.
        max_length: Maximum number of generated tokens.
        count: Results for each row, where the sampler gives one. Defaults to 1.
        stops: Texts that end a result. Defaults to none.
    """

    rows: list[list[int]]
    prompts: list[str] | None
    sampler: Sampler
    max_length: int
    count: int = 1
    stops: tuple[str, ...] = ()

    def prompt(self, place: int) -> str:
        """Returns the text that the result at a place belongs to; `""` for ids."""
        return self.prompts[place // self.count] if self.prompts else ""


def count_tokens(rows: Sequence[Sequence[int]]) -> int:
    """Returns how many tokens rows have, without `BOS` and `EOS`."""
    return sum(len(row) - row.count(BOS) - row.count(EOS) for row in rows)


def settle(future, result) -> None:
    """Gives a future what the engine delivers, unless nobody waits for it any more."""
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(failure(result))
        return
    try:
        future.set_result(filled(result))
    except ApiError as error:
        future.set_exception(error)


def failure(error: Exception) -> ApiError:
    """Returns what a client is told of an exception of the engine."""
    return about_to_end() if isinstance(error, EngineIsClosed) else server_error(error)


def filled(hypotheses: list) -> list:
    """Returns hypotheses; raises an `ApiError` if there is none."""
    if not hypotheses:
        raise ApiError(500, "The model's weights give no probabilities.")
    return hypotheses


def split_text(tokenizer, beginning: str, ids: Sequence[int]) -> list[str]:
    """Returns what each id, without the end, adds to the text that it continues."""
    ids = [token_id for token_id in ids if token_id != EOS]
    added = itertools.islice(continue_text(tokenizer, beginning, ids), 1, None)
    return [piece for piece, _ in zip(added, ids, strict=False)]


def read_ids(tokenizer, beginning: str, ids: list[int], stream=None) -> Generated:
    """Returns a hypothesis as a person reads it.

    Args:
        tokenizer: Its tokenizer, or `None`.
        beginning: The text that it continues, which is left out.
        ids: Its ids.
        stream: The `TextStream` that has read them, if any.
    """
    text, ended = None, ids[-1:] == [EOS]
    if stream is not None:
        stream.finish()
        text, ended = stream.text, ended or stream.stopped
    elif beginning:
        text = "".join(continue_text(tokenizer, beginning, ids))[len(beginning) :]
    elif tokenizer is not None:
        text = tokenizer.decode(ids)
    return Generated(ids, text, "stop" if ended else "length")
