"""What the samplers share."""

import copy
import inspect
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from seq2seq.generation.arrays import array_ops
from seq2seq.generation.constraints import CONSTRAINTS, Constraints
from seq2seq.text.vocabulary import PAD


class Sampler:
    """What the samplers share.

    `choose` takes two arrays `(batch, width, vocabulary)` for the next token: `choices`, the log
    probabilities to choose by, and the model's own to add up; then the scores of the current
    hypotheses and which are finished, `(batch, width)`, and a uniform number per row, `(batch,)`.
    It returns the chosen tokens, the hypothesis each continues, and the new scores, all `(batch,
    width)`. A finished hypothesis continues with `PAD` only, at no cost.

    A sampler with `few` has also `choose_among`, which takes in place of the two arrays these
    numbers of each hypothesis's `few` best tokens, best first, and the tokens, all `(batch, width,
    few)`.

    A custom sampler only needs to override `choose`. It is compiled for each object of its class,
    with the attributes that the object has at a call.

    Args:
        **constraints: See `Constraints`: `min_length`, `no_repeat_ngram`, `repetition_penalty`,
            `frequency_penalty`, `presence_penalty`, `prefix`, `banned`, `replace_unknown`.
    """

    width = 1
    num_results = 1
    length_penalty = 1.0
    seed = None
    first_row = 0
    draws = True  # whether `choose` uses the uniform numbers
    few = None  # how many of each hypothesis's best tokens decide, for `choose_among`

    def __init__(self, **constraints):
        for name, value in constraints.items():
            if name not in CONSTRAINTS:
                own = [
                    known.name
                    for known in inspect.signature(type(self)).parameters.values()
                    if known.kind is not known.VAR_KEYWORD
                ]
                raise TypeError(
                    f"{type(self).__name__} got an unexpected argument {name!r}. Its options are "
                    f"{', '.join([*own, *CONSTRAINTS])}."
                )
            if isinstance(value, (list, np.ndarray)):
                constraints[name] = tuple(value)
        self.constraints = Constraints(**constraints)

    @property
    def needs_log_probabilities(self) -> bool:
        """Whether it compares sums over steps, for which unnormalised scores will not do."""
        return self.width > 1 or self.constraints.repetition_penalty != 1

    def inputs(self) -> dict[str, Any]:
        """Returns the numbers that a compiled function takes, by attribute name."""
        return {}

    def structure(self) -> Hashable:
        """Returns what is compiled into a function: everything but the `inputs`."""
        attributes = {**vars(self), "constraints": None, "first_row": None}
        return _Same(self), tuple((name, _frozen(value)) for name, value in attributes.items())

    def key(self) -> Hashable:
        """Returns the key of the compiled function: equal for samplers that can share it."""
        # A user's class may have attributes that its inherited methods do not know.
        return type(self), self.structure() if self.is_ours else Sampler.structure(self)

    @property
    def is_ours(self) -> bool:
        """Whether its class is one of the toolkit, not one that a user made from it."""
        return type(self).__module__.startswith(f"{__package__}.")

    def bind(self, inputs: dict[str, Any] | None = None) -> "Sampler":
        """Returns the sampler that chooses, with numbers or tensors in place of its `inputs`.

        Args:
            inputs: As `inputs` returns them. Defaults to `None`: its own.
        """
        bound = copy.copy(self)
        vars(bound).update(self.inputs() if inputs is None else inputs)
        return bound

    def choose(self, choices, log_probabilities, scores, finished, noise):
        """Chooses the next tokens."""
        raise NotImplementedError

    def make_noise(self, places: Sequence[int], size: int) -> np.ndarray:
        """Returns the uniform numbers for rows at some places of a call: `(rows, size)`."""
        return make_noise(self.seed, [self.first_row + place for place in places], size)

    def is_done(self, lengths, scores, finished, max_length):
        """Tells which rows need no further steps: bool `(batch,)`.

        Args:
            lengths: int32 `(batch, width)`, how many tokens each hypothesis has, `EOS` included.
            scores: `(batch, width)`.
            finished: `(batch, width)`.
            max_length: Maximum number of tokens, an int32 scalar, or `(batch, 1)`.
        """
        return array_ops(finished).all(finished, axis=-1)

    def rank(self, lengths, scores):
        """Returns the order of the hypotheses of each row, best first: int32 `(batch, width)`."""
        return lengths * 0

    def normalise(self, scores, length):
        """Divides scores by the length penalty of Wu et al. 2016, equation 14; see `BeamSearch`."""
        return scores / ((5 + length) / 6) ** self.length_penalty

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this sampler."""
        return self.constraints.given()

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def make_noise(seed: int | None, rows: Sequence[int], max_length: int) -> np.ndarray:
    """Returns uniform numbers `(len(rows), max_length)`, each row's from its own stream.

    A row's numbers depend on the seed and its place in the input, not on its batch.
    """
    if seed is None:
        noise = np.random.default_rng().random((len(rows), max_length))
    else:
        noise = np.stack([np.random.default_rng([seed, row]).random(max_length) for row in rows])
    return (noise * (1 - 1e-6)).astype("float32")  # 1.0 by rounding would draw past the last token


def continue_with(log_probabilities, scores, finished, token_ids):
    """Continues the only hypothesis of each row with a token: `(batch, 1)` each."""
    ops = array_ops(log_probabilities)
    token_ids = ops.cast(token_ids, "int32")
    vocabulary = log_probabilities.shape[-1]
    added = ops.take_columns(ops.reshape(log_probabilities, (-1, vocabulary)), token_ids)
    scores = ops.where(finished, scores, scores + added)
    return ops.where(finished, PAD, token_ids), token_ids * 0, scores


def round_up(number: int, least: int, factor: int) -> int:
    """Returns the first of `least`, `least * factor`, `least * factor**2`, ... not below a number.

    This keeps the number of compiled functions small.
    """
    size = least
    while size < number:
        size *= factor
    return size


def _frozen(value) -> Hashable:
    """Returns something hashable that differs where two values do."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, dict):
        return tuple((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(_frozen, value))
    if isinstance(value, (set, frozenset)):
        return frozenset(map(_frozen, value))
    if isinstance(value, (str, int, float, bool, type(None))):
        return type(value), value  # 1 and True are equal
    return _Same(value)


class _Same:
    """Equal to another one that holds the same object."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self):
        return id(self.value)
