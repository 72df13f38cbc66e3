"""What a sampler may not choose: bans, forced prefixes, repetitions."""

import numbers
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from keras import ops

from seq2seq.checks import check_number, check_whole
from seq2seq.text.vocabulary import BOS, EOS, PAD, UNK

NEVER = -1e9  # a log probability that no sum reaches; infinite ones breed NaN


@dataclass(frozen=True)
class Constraints:
    """Options that all samplers share.

    Attributes:
        min_length: Fewest tokens generated, `EOS` included, unless all others are banned or would
            repeat. Defaults to 1.
        no_repeat_ngram: No sequence of so many generated tokens occurs twice (Paulus et al. 2018,
            https://arxiv.org/abs/1705.04304, section 2.5). Defaults to `None`.
        repetition_penalty: Multiplies the log probability of tokens that occurred; above 1 they
            become rarer (Keskar et al. 2019, https://arxiv.org/abs/1909.05858, section 4.1).
            Defaults to 1.0.
        prefix: What every result begins with: a text, or ids, whatever is banned. Defaults to `()`,
            nothing.
        banned: Tokens never generated, as str or ids. Defaults to `()`.
        replace_unknown: Whether the unknown token may be generated, and is replaced by the source
            token most attended to (Luong et al. 2015, https://aclanthology.org/P15-1002, section
            3.3, there with an aligner). The model needs attention. Defaults to `False`.
    """

    min_length: int = 1
    no_repeat_ngram: int | None = None
    repetition_penalty: float = 1.0
    prefix: str | tuple[int, ...] = ()
    banned: tuple[str | int, ...] = ()
    replace_unknown: bool = False

    def __post_init__(self):
        check_whole("min_length", self.min_length)
        if self.no_repeat_ngram is not None:
            check_whole("no_repeat_ngram", self.no_repeat_ngram)
        penalty = self.repetition_penalty
        check_number("repetition_penalty", penalty, "(0, inf)", "Use 1.0 for none.")
        if not _are(self.banned, (str, numbers.Integral)):
            raise ValueError(
                f"Expected `banned` to be a list of tokens or ids. Received: {self.banned!r}. "
                "Put one token in a list."
            )
        if not isinstance(self.prefix, str) and not _are(self.prefix, numbers.Integral):
            raise ValueError(
                f"Expected `prefix` to be one text, or a list of ids. Received: {self.prefix!r}. "
                "It is the same for all sources of a call."
            )

    def given(self) -> dict:
        """Returns the options that differ from their defaults."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }

    def resolve(self, tokenizer, vocabulary_size: int, max_length: int) -> "Constraints":
        """Returns these constraints with ids in the place of texts and tokens.

        Raises:
            ValueError: If a token is unknown or the prefix does not fit.
        """
        prefix, banned = self.prefix, self.banned
        if isinstance(prefix, str):
            prefix = _with(tokenizer, "prefix").encode(prefix)
        if any(isinstance(token, str) for token in banned):
            banned = _with(tokenizer, "banned").vocabulary.ids(banned)
        for name, given, ids in (("prefix", self.prefix, prefix), ("banned", self.banned, banned)):
            unknown = [i for i, token_id in enumerate(ids) if not EOS < token_id < vocabulary_size]
            if unknown:
                which = given if isinstance(given, str) else [given[i] for i in unknown]
                raise ValueError(
                    f"Expected `{name}` of tokens of the target vocabulary. Received: {which!r}. "
                    "Leave out what is in no training target."
                )
        if len(prefix) >= max_length:
            raise ValueError(
                "Expected a `prefix` shorter than `max_length`. Received: "
                f"{len(prefix)} tokens with max_length={max_length}."
            )
        if self.min_length > max_length:
            raise ValueError(
                "Expected `min_length` of at most `max_length`. Received: "
                f"min_length={self.min_length}, max_length={max_length}."
            )
        return replace(self, prefix=tuple(prefix), banned=tuple(banned))

    def apply(self, log_probabilities, ids, position):
        """Returns the log probabilities to choose by.

        Args:
            log_probabilities: `(batch, width, vocabulary)`, the model's own.
            ids: `(batch, width, max_length)`, what was generated before.
            position: How many tokens that is.
        """
        vocabulary = log_probabilities.shape[-1]
        choices = log_probabilities
        if self.repetition_penalty != 1:
            seen = _scatter(ids, ids != PAD, vocabulary)
            choices = ops.where(seen, choices * self.repetition_penalty, choices)
        if self.no_repeat_ngram is not None:
            repeats = _repeated(ids, position, self.no_repeat_ngram)
            choices = ops.where(_scatter(ids, repeats, vocabulary), NEVER, choices)
        banned = np.zeros(vocabulary, dtype="float32")
        banned[[PAD, BOS, *(() if self.replace_unknown else (UNK,)), *self.banned]] = NEVER
        choices = choices + banned
        every = ops.arange(vocabulary)
        if self.min_length > 1:
            too_short = ops.logical_and(every == EOS, position + 1 < self.min_length)
            choices = ops.where(too_short, NEVER, choices)
            if self.banned or self.no_repeat_ngram is not None:
                stuck = ops.max(choices, axis=-1, keepdims=True) < NEVER / 2
                ending = ops.logical_and(stuck, every == EOS)
                choices = ops.where(ending, log_probabilities, choices)
        if self.prefix:
            length = len(self.prefix)
            forced = ops.take(ops.array(self.prefix), ops.minimum(position, length - 1))
            others = ops.logical_and(position < length, every != forced)
            # What is forced may be banned elsewhere: it has the model's own probability.
            own = ops.where(every == forced, log_probabilities, choices)
            choices = ops.where(position < length, own, choices)
            choices = ops.where(others, NEVER, choices)
        return choices


def _are(values, kind) -> bool:
    """Tells whether this is a sequence of values of a kind."""
    sequence = isinstance(values, Sequence) and not isinstance(values, str)
    return sequence and all(isinstance(value, kind) for value in values)


def _with(tokenizer, name):
    if tokenizer is None:
        raise ValueError(f"Expected ids for `{name}`, for the model has no target tokenizer.")
    return tokenizer


def _repeated(ids, position, n):
    """Marks tokens that would close an n-gram seen before: bool of the shape of `ids`."""
    length = ids.shape[-1]
    places = ops.arange(length)
    marked = ops.logical_and(places >= n - 1, places < position)
    for i in range(1, n):  # the i-th token before it equals the i-th before the next one
        before = ops.roll(ids, i, axis=-1)
        last = ops.take(ids, ops.maximum(position - i, 0), axis=-1)[:, :, None]
        marked = ops.logical_and(marked, before == last)
    return ops.broadcast_to(ops.logical_and(marked, position >= n - 1), ops.shape(ids))


def _scatter(ids, marked, vocabulary):
    """Returns which tokens of the vocabulary are marked: bool `(batch, width, vocabulary)`."""
    batch, width, length = ops.shape(ids)[0], ids.shape[1], ids.shape[2]
    rows = ops.repeat(ops.arange(batch * width), length)
    indices = ops.stack([rows, ops.reshape(ids, (-1,))], axis=1)
    counts = ops.scatter(
        indices, ops.reshape(ops.cast(marked, "int32"), (-1,)), (batch * width, vocabulary)
    )
    return ops.reshape(counts > 0, (batch, width, vocabulary))
