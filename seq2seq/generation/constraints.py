"""What a sampler may not choose: bans, forced prefixes, repetitions."""

import numbers
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from seq2seq.checks import check_number, check_whole
from seq2seq.generation.arrays import array_ops
from seq2seq.text.vocabulary import BOS, EOS, PAD, UNK

NEVER = -1e9  # a log probability that no sum reaches; infinite ones lead to NaN
SMALLEST = 1e-37  # about the least normal float32, in the place of a probability of 0


@dataclass(frozen=True)
class Constraints:
    """Options that all samplers share.

    Attributes:
        min_length: Minimum number of generated tokens, `EOS` included, unless all others are banned
            or would repeat. Defaults to 1.
        no_repeat_ngram: Length of the n-grams that are not generated twice (Paulus et al. 2018,
            https://arxiv.org/abs/1705.04304, section 2.5). Defaults to `None`.
        repetition_penalty: Multiplies the log probability of tokens already generated; above 1
            makes them rarer (Keskar et al. 2019, https://arxiv.org/abs/1909.05858, section 4.1).
            Defaults to 1.0.
        frequency_penalty: Is subtracted from the log probability of a token as often as it has been
            generated (OpenAI's API reference). Defaults to 0.0.
        presence_penalty: Is subtracted once, from that of all tokens already generated. Defaults to
            0.0.
        prefix: What every result starts with, even if banned: a text, or ids. Defaults to `()`,
            nothing.
        banned: Tokens never generated, as str or ids. Defaults to `()`.
        replace_unknown: Whether the unknown token may be generated, and is replaced by the source
            token with the most attention (Luong et al. 2015, https://aclanthology.org/P15-1002,
            section 3.3, with an aligner instead). The model needs attention. Defaults to `False`.
    """

    min_length: int = 1
    no_repeat_ngram: int | None = None
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    prefix: str | tuple[int, ...] = ()
    banned: tuple[str | int, ...] = ()
    replace_unknown: bool = False

    def __post_init__(self):
        check_whole("min_length", self.min_length)
        if self.no_repeat_ngram is not None:
            check_whole("no_repeat_ngram", self.no_repeat_ngram)
        penalty = self.repetition_penalty
        check_number("repetition_penalty", penalty, "(0, 1e6]", "Use 1.0 for none.")
        for name in ("frequency_penalty", "presence_penalty"):
            check_number(name, getattr(self, name), "[-1e6, 1e6]", "Use 0.0 for none.")
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

    def resolve(
        self, tokenizer, vocabulary_size: int, max_length: int, size: int | None = None
    ) -> "TokenConstraints":
        """Returns these constraints as arrays, with ids in place of texts and tokens.

        Args:
            tokenizer: Tokenizer of what is generated, or `None` for ids.
            vocabulary_size: Size of its vocabulary.
            max_length: Maximum number of generated tokens.
            size: Slots for generated tokens. Defaults to `None`, `max_length`.

        Raises:
            ValueError: If a token is unknown or the prefix does not fit.
        """
        prefix, banned = self.prefix, self.banned
        if isinstance(prefix, str):
            prefix = _with(tokenizer, "prefix").encode(prefix)
        if any(isinstance(token, str) for token in banned):
            banned = _with(tokenizer, "banned").vocabulary.ids(banned)
        _check_known("prefix", self.prefix, prefix, vocabulary_size)
        _check_known("banned", self.banned, banned, vocabulary_size)
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
        never = np.zeros(vocabulary_size, dtype="float32")
        never[[PAD, BOS, *(() if self.replace_unknown else (UNK,)), *banned]] = NEVER
        forced = np.full(size or max_length, PAD, dtype="int32")
        forced[: len(prefix)] = prefix
        penalty, n = self.repetition_penalty, self.no_repeat_ngram
        return TokenConstraints(
            banned=never,
            may_be_stuck=len(banned) > 0 or n is not None or vocabulary_size <= EOS + 1,
            prefix=forced if len(prefix) else None,
            min_length=np.int32(self.min_length) if self.min_length > 1 else None,
            no_repeat_ngram=np.int32(n) if n is not None and n <= max_length else None,
            repetition_penalty=np.float32(penalty) if penalty != 1 else None,
            frequency_penalty=_unless_zero(self.frequency_penalty),
            presence_penalty=_unless_zero(self.presence_penalty),
        )


CONSTRAINTS = tuple(field.name for field in fields(Constraints))


@dataclass(frozen=True)
class TokenConstraints:
    """What may be chosen next, as arrays, so that one compiled function serves all values.

    Attributes:
        banned: float32 `(vocabulary,)`, 0 or `NEVER`, to be added.
        may_be_stuck: Whether there may be no token left to choose.
        prefix: int32 `(size,)`, the tokens forced at the first positions, then `PAD`; or `None`.
        min_length: int32, or `None` for 1.
        no_repeat_ngram: int32, or `None`.
        repetition_penalty: float32, or `None` for 1.
        frequency_penalty: float32, or `None` for 0.
        presence_penalty: float32, or `None` for 0.
    """

    banned: Any
    may_be_stuck: bool
    prefix: Any = None
    min_length: Any = None
    no_repeat_ngram: Any = None
    repetition_penalty: Any = None
    frequency_penalty: Any = None
    presence_penalty: Any = None

    def inputs(self) -> dict[str, Any]:
        """Returns the arrays that a compiled function takes, by attribute name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        del values["may_be_stuck"]
        return {name: value for name, value in values.items() if value is not None}

    def structure(self) -> Hashable:
        """Returns what is compiled into a function: everything but the `inputs`."""
        inputs = self.inputs()
        return "min_length" in inputs and self.may_be_stuck, *inputs

    def bind(self, inputs: dict[str, Any]) -> "TokenConstraints":
        """Returns these constraints with other arrays or tensors."""
        return replace(self, **inputs)

    @property
    def most_banned(self) -> int | None:
        """How many tokens they may ban at a step, or `None` if they do more than that."""
        more = self.inputs().keys() - {"banned", "min_length"}
        if more or (self.min_length is not None and self.may_be_stuck):
            return None
        return np.count_nonzero(self.banned) + (self.min_length is not None)  # `EOS`

    def apply(self, log_probabilities, ids, positions):
        """Returns the log probabilities to choose by.

        Args:
            log_probabilities: `(batch, width, vocabulary)`, the model's own.
            ids: `(batch, width, size)`, the tokens generated so far.
            positions: int32 `(batch,)`, how many tokens each row has generated so far.
        """
        ops = array_ops(log_probabilities)
        position = positions[:, None, None]
        vocabulary = log_probabilities.shape[-1]
        tokens = np.arange(vocabulary, dtype="int32")
        choices = log_probabilities
        if self.repetition_penalty is not None:
            seen = _count_tokens(ids, ids != PAD, vocabulary) > 0
            choices = ops.where(seen, choices * self.repetition_penalty, choices)
        if self.frequency_penalty is not None or self.presence_penalty is not None:
            counts = ops.cast(_count_tokens(ids, ids != PAD, vocabulary), "float32")
            if self.frequency_penalty is not None:
                choices = choices - counts * self.frequency_penalty
            if self.presence_penalty is not None:
                choices = ops.where(counts > 0, choices - self.presence_penalty, choices)
        if self.no_repeat_ngram is not None:
            repeats = _repeated(ids, position, self.no_repeat_ngram)
            choices = ops.where(_count_tokens(ids, repeats, vocabulary) > 0, NEVER, choices)
        choices = choices + self.banned
        if self.min_length is not None:
            choices = self._go_on(choices, tokens, position)
            if self.may_be_stuck:  # then the text ends anyway
                stuck = ops.max(choices, axis=-1, keepdims=True) < NEVER / 2
                ending = ops.logical_and(stuck, tokens == EOS)
                choices = ops.where(ending, log_probabilities, choices)
        if self.prefix is not None:
            forced = ops.take(self.prefix, position)  # (batch, 1, 1)
            # A forced token may be banned elsewhere: it keeps the model's own probability.
            only = ops.where(tokens == forced, log_probabilities, NEVER)
            choices = ops.where(forced == PAD, choices, only)
        return choices

    def ban(self, scores, token_ids, positions):
        """Returns the scores of some tokens to choose by, where `most_banned` is a number.

        Args:
            scores: `(rows, few)`.
            token_ids: The tokens, of the same shape.
            positions: int32 `(rows,)`, as in `apply`.
        """
        choices = scores + array_ops(scores).take(self.banned, token_ids)
        if self.min_length is None:
            return choices
        return self._go_on(choices, token_ids, positions[:, None])

    def _go_on(self, choices, tokens, position):
        """Bans the end before the minimum length."""
        ops = array_ops(choices)
        too_short = ops.logical_and(tokens == EOS, position + 1 < self.min_length)
        return ops.where(too_short, NEVER, choices)


def _unless_zero(value):
    return np.float32(value) if value else None


def _are(values, kind) -> bool:
    """Tells whether this is a sequence of values of a type."""
    sequence = isinstance(values, Sequence) and not isinstance(values, str)
    return sequence and all(isinstance(value, kind) for value in values)


def _with(tokenizer, name):
    if tokenizer is None:
        raise ValueError(f"Expected ids for `{name}`, because the model has no target tokenizer.")
    return tokenizer


def _check_known(name, given, ids, vocabulary_size):
    """Raises a `ValueError` for ids outside the vocabulary, naming what they were given as."""
    unknown = [i for i, token_id in enumerate(ids) if not EOS < token_id < vocabulary_size]
    if unknown:
        which = given if isinstance(given, str) else [given[i] for i in unknown]
        raise ValueError(
            f"Expected `{name}` of tokens of the target vocabulary. Received: {which!r}. "
            "Leave out tokens that are in no training target."
        )


def _repeated(ids, position, n):
    """Marks tokens that would complete an n-gram seen before: bool of the shape of `ids`."""
    ops = array_ops(ids)
    places = ops.arange(ids.shape[-1])
    marked = ops.logical_and(places >= n - 1, places < position)  # (batch, 1, size)
    marked = ops.broadcast_to(ops.logical_and(marked, position >= n - 1), ops.shape(ids))

    def compare(i, marked):
        """Keeps the marks whose i-th token before equals the i-th before the next one."""
        before = ops.roll(ids, i, axis=-1)
        # A position before the first does not count: `position >= n - 1` has cleared the marks.
        last = ops.sum(ops.where(places == position - i, ids, 0), axis=-1, keepdims=True)
        return ops.logical_and(marked, before == last)

    # Where nothing is as long as that yet there is no mark to keep, however large `n` is.
    last = ops.where(ops.max(position) >= n - 1, n, np.int32(1))
    return ops.fori_loop(1, last, compare, marked)


def _count_tokens(ids, marked, vocabulary):
    """Counts the marks of each token of the vocabulary: int32 `(batch, width, vocabulary)`."""
    ops = array_ops(ids)
    batch, width, size = ops.shape(ids)[0], ids.shape[1], ids.shape[2]
    rows = ops.repeat(ops.arange(batch * width), size)
    indices = ops.stack([rows, ops.reshape(ids, (-1,))], axis=1)
    counts = ops.scatter(
        indices, ops.reshape(ops.cast(marked, "int32"), (-1,)), (batch * width, vocabulary)
    )
    return ops.reshape(counts, (batch, width, vocabulary))
