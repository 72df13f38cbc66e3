"""Samplers: how the next token is chosen from the log probabilities."""

import copy
import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from seq2seq.checks import check_number, check_whole
from seq2seq.generation.arrays import array_ops
from seq2seq.generation.constraints import NEVER, Constraints
from seq2seq.text.vocabulary import PAD

LEAST = -3e38  # about the least float32
EVERY = 2**30  # more tokens than any vocabulary has


class Sampler:
    """What the samplers share.

    `choose` sees two arrays `(batch, width, vocabulary)` for the next token: `choices`, the log
    probabilities to choose by, and the model's own to add up; then the scores of the hypotheses in
    hand and which are finished, `(batch, width)`, and a uniform number for each row, `(batch,)`. It
    returns the chosen tokens, the hypothesis each continues, and the new scores, all `(batch,
    width)`. A finished hypothesis goes on with `PAD` alone, at no cost.

    A sampler of your own need only override `choose`. It is compiled for each object of its class,
    with the attributes that the object has at a call.

    Args:
        **constraints: See `Constraints`: `min_length`, `no_repeat_ngram`, `repetition_penalty`,
            `prefix`, `banned`, `replace_unknown`.
    """

    width = 1
    num_results = 1
    length_penalty = 1.0
    seed = None
    draws = True  # whether `choose` uses the uniform numbers

    def __init__(self, **constraints):
        known = [field.name for field in dataclasses.fields(Constraints)]
        for name, value in constraints.items():
            if name not in known:
                raise TypeError(
                    f"{type(self).__name__} got an unexpected argument {name!r}. Options of all "
                    f"samplers are {', '.join(known)}."
                )
            if isinstance(value, (list, np.ndarray)):
                constraints[name] = tuple(value)
        self.constraints = Constraints(**constraints)

    @property
    def needs_log_probabilities(self) -> bool:
        """Whether it compares sums over steps. Else it chooses alike by unnormalised scores."""
        return self.width > 1 or self.constraints.repetition_penalty != 1

    def inputs(self) -> dict[str, Any]:
        """Returns the numbers that a compiled function takes, by the name of their attribute."""
        return {}

    def structure(self) -> Hashable:
        """Returns what a compiled function is made for: all but the `inputs`."""
        attributes = {**vars(self), "constraints": None}
        return _Same(self), tuple((name, _frozen(value)) for name, value in attributes.items())

    def key(self) -> Hashable:
        """Returns what tells compiled functions apart: equal for samplers that one can serve."""
        # A class of somebody else's may have more attributes than what it inherits knows of.
        known = type(self).__module__ == __name__
        return type(self), self.structure() if known else Sampler.structure(self)

    def bind(self, inputs: dict[str, Any] | None = None) -> "Sampler":
        """Returns the sampler that chooses, with numbers or tensors in the place of its `inputs`.

        Args:
            inputs: As `inputs` returns them. Defaults to `None`: its own.
        """
        bound = copy.copy(self)
        vars(bound).update(self.inputs() if inputs is None else inputs)
        return bound

    def choose(self, choices, log_probabilities, scores, finished, noise):
        """Chooses the next tokens."""
        raise NotImplementedError

    def is_done(self, ids, scores, finished, max_length):
        """Tells which rows need no further step: bool `(batch,)`."""
        return array_ops(finished).all(finished, axis=-1)

    def rank(self, ids, scores):
        """Orders the finished hypotheses of each row, best first."""
        return ids, scores

    def normalise(self, scores, length):
        """Divides scores by the length penalty of Wu et al. 2016, equation 14; see `BeamSearch`."""
        return scores / ((5 + length) / 6) ** self.length_penalty

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this sampler."""
        return self.constraints.given()

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class Greedy(Sampler):
    """Takes the most probable token at each step.

    Args:
        **constraints: Options of all samplers, see `Constraints`.

    Example:

    >>> model.generate("Good morning.", sampler=Greedy())  # doctest: +SKIP
    '早上好。'
    """

    draws = False

    def structure(self) -> Hashable:
        """Returns what a compiled function is made for: nothing but this class."""
        return ()

    def choose(self, choices, log_probabilities, scores, finished, noise):
        """Chooses the most probable token."""
        return _continue(log_probabilities, scores, finished, array_ops(choices).argmax(choices))


class Sample(Sampler):
    """Draws each token from the model's distribution, sharpened or cut as you like.

    Args:
        temperature: Divides the log probabilities: below 1 bolder, above 1 more varied. Defaults
            to 1.0.
        top_k: Only the `top_k` most probable tokens are drawn (Fan et al. 2018,
            https://arxiv.org/abs/1805.04833). Defaults to `None`, all.
        top_p: Only the most probable tokens whose probabilities add up to `top_p` are drawn
            (nucleus sampling, Holtzman et al. 2019, https://arxiv.org/abs/1904.09751, section 3.1).
            Defaults to `None`, all.
        seed: Same seed, same texts: each row of the input has its own stream of random numbers.
            Defaults to `None`, a new draw at each call.
        **constraints: Options of all samplers, see `Constraints`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> sampler = Sample(temperature=0.7, top_p=0.9, seed=1)
    """

    def __init__(
        self,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        **constraints,
    ):
        super().__init__(**constraints)
        if seed is not None:
            check_whole("seed", seed, 0)
        greedy = 'Use sampler="greedy" to always take the most probable token.'
        check_number("temperature", temperature, "[1e-6, inf)", greedy)
        if top_k is not None:
            check_whole("top_k", top_k)
        if top_p is not None:
            check_number("top_p", top_p, "(0, 1]", "Use None to draw from all tokens.")
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p
        self.seed = seed

    def inputs(self) -> dict[str, Any]:
        """Returns the numbers that a compiled function takes."""
        inputs = {"temperature": np.float32(self.temperature)}
        if self._candidates() is not None:
            inputs["top_k"] = np.int32(min(self.top_k or EVERY, EVERY))
            inputs["top_p"] = np.float32(2.0 if self.top_p is None else self.top_p)
        return inputs

    def structure(self) -> Hashable:
        """Returns what a compiled function is made for: how many tokens are sorted."""
        return self._candidates()

    def bind(self, inputs: dict[str, Any] | None = None) -> "Sample":
        """Returns the sampler that chooses; see `Sampler.bind`."""
        bound = super().bind(inputs)
        bound.candidates = self._candidates()
        return bound

    def _candidates(self):
        """Returns how many tokens are sorted, in a few steps; `None` where none need be."""
        if self.top_k is None:
            return None if self.top_p is None else EVERY
        return round_up(min(self.top_k, EVERY), 8, 8)

    def choose(self, choices, log_probabilities, scores, finished, noise):
        """Draws a token by the inverse of the cumulative distribution."""
        ops = array_ops(choices)
        # A ban is no probability: it must not melt at a high temperature.
        best = ops.max(choices, axis=-1, keepdims=True)
        scaled = ops.where(choices > NEVER / 2, (choices - best) / self.temperature, LEAST)
        probabilities = ops.softmax(scaled)  # (batch, 1, vocabulary)
        token_ids = None
        if self.candidates is not None:
            few = min(self.candidates, probabilities.shape[-1])
            probabilities, token_ids = ops.top_k(probabilities, few)  # (batch, 1, few)
            before = ops.cumsum(probabilities, axis=-1) - probabilities
            kept = ops.logical_and(before < self.top_p, ops.arange(few) < self.top_k)
            probabilities = ops.where(kept, probabilities, 0.0)
        cumulative = ops.cumsum(probabilities, axis=-1)
        threshold = noise[:, None, None] * cumulative[:, :, -1:]
        drawn = ops.sum(ops.cast(cumulative <= threshold, "int32"), axis=-1)  # (batch, 1)
        if token_ids is not None:
            drawn = ops.take_along_axis(token_ids, drawn[:, :, None], axis=-1)[:, :, 0]
        return _continue(log_probabilities, scores, finished, drawn)

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this sampler."""
        return {
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
            "seed": self.seed,
            **super().get_config(),
        }


class BeamSearch(Sampler):
    """Keeps the `width` best hypotheses at each step; a finished one keeps its place.

    Args:
        width: Number of hypotheses. Defaults to 5.
        length_penalty: Exponent of the length normalisation by which finished hypotheses are
            ranked, `score / ((5 + length) / 6) ** length_penalty`, the length counting `EOS` (Wu et
            al. 2016, https://arxiv.org/abs/1609.08144, equation 14). Defaults to 1.0; 0 for none.
        num_results: Hypotheses returned for each input, best first. Defaults to 1.
        **constraints: Options of all samplers, see `Constraints`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> sampler = BeamSearch(width=5, length_penalty=0.6, num_results=3)
    """

    def __init__(
        self, width: int = 5, length_penalty: float = 1.0, num_results: int = 1, **constraints
    ):
        super().__init__(**constraints)
        check_whole("width", width)
        check_whole("num_results", num_results)
        if num_results > width:
            raise ValueError(
                f"Expected `num_results` of at most `width`. Received: num_results={num_results}, "
                f"width={width}. Use a wider beam or ask for fewer results."
            )
        check_number("length_penalty", length_penalty, "[0, inf)", "Use 0 for none.")
        self.width = width
        self.length_penalty = length_penalty
        self.num_results = num_results

    draws = False

    def inputs(self) -> dict[str, Any]:
        """Returns the numbers that a compiled function takes."""
        return {"length_penalty": np.float32(self.length_penalty)}

    def structure(self) -> Hashable:
        """Returns what a compiled function is made for."""
        return self.width, self.num_results

    def choose(self, choices, log_probabilities, scores, finished, noise):
        """Chooses the best continuations of all hypotheses of a row together."""
        ops = array_ops(choices)
        width, vocabulary = self.width, choices.shape[-1]
        # The best of all are among the best of each hypothesis.
        few = min(width, vocabulary)
        best, tokens = ops.top_k(ops.reshape(choices, (-1, vocabulary)), few)
        best, tokens = (ops.reshape(x, (-1, width, few)) for x in (best, tokens))
        only_pad = np.array([0.0] + [NEVER] * (few - 1), dtype="float32")
        best = ops.where(finished[:, :, None], only_pad, best)  # (batch, width, few)
        tokens = ops.where(finished[:, :, None], PAD, tokens)
        totals = ops.reshape(scores[:, :, None] + best, (-1, width * few))
        totals, best = ops.top_k(totals, width)  # (batch, width)
        parents = best // few
        tokens = ops.take_along_axis(ops.reshape(tokens, (-1, width * few)), best, axis=1)
        added = ops.take_along_axis(
            ops.reshape(log_probabilities, (-1, width * vocabulary)),
            parents * vocabulary + tokens,
            axis=1,
        )
        added = ops.where(ops.take_along_axis(finished, parents, axis=1), 0.0, added)
        scores = ops.take_along_axis(scores, parents, axis=1) + added
        return tokens, parents, ops.where(totals > NEVER / 2, scores, NEVER)

    def is_done(self, ids, scores, finished, max_length):
        """Tells which rows have their results, whatever the unfinished hypotheses become.

        An unfinished score only falls. So the best finished hypotheses are final when none that is
        unfinished has a better score, to push them out, nor would have at the greatest length.
        """
        ops = array_ops(ids)
        final = self.normalise(scores, _lengths(ids))
        bound = self.normalise(scores, ops.cast(max_length, "float32"))
        final, order = ops.top_k(ops.where(finished, final, NEVER), self.num_results)
        worst = ops.min(ops.take_along_axis(scores, order, axis=1), axis=-1)
        open_score = ops.max(ops.where(finished, NEVER, scores), axis=-1)
        open_bound = ops.max(ops.where(finished, NEVER, bound), axis=-1)
        settled = ops.logical_and(final[:, -1] >= open_bound, worst >= open_score)
        return ops.logical_or(settled, ops.all(finished, axis=-1))

    def rank(self, ids, scores):
        """Orders hypotheses by their score, normalised for length."""
        ops = array_ops(ids)
        order = ops.argsort(-self.normalise(scores, _lengths(ids)), axis=-1)
        return (
            ops.take_along_axis(ids, order[:, :, None], axis=1),
            ops.take_along_axis(scores, order, axis=1),
        )

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this sampler."""
        return {
            "width": self.width,
            "length_penalty": self.length_penalty,
            "num_results": self.num_results,
            **super().get_config(),
        }


def get_sampler(sampler: "str | Sampler") -> Sampler:
    """Returns the sampler that a name or an object stands for.

    Raises:
        ValueError: If there is none.
    """
    if isinstance(sampler, Sampler):
        return sampler
    samplers = {"greedy": Greedy, "sample": Sample, "beam": BeamSearch}
    if not isinstance(sampler, str) or sampler not in samplers:
        raise ValueError(
            f"Expected a sampler, or one of {', '.join(map(repr, samplers))}. "
            f"Received: sampler={sampler!r}. Pass one of these, or an object such as "
            "seq2seq.BeamSearch(width=5)."
        )
    return samplers[sampler]()


def make_noise(seed: int | None, rows: Sequence[int], max_length: int) -> np.ndarray:
    """Returns uniform numbers `(len(rows), max_length)`, each row's from a stream of its own.

    A row's numbers depend on the seed and its place in the input, not on its batch.
    """
    if seed is None:
        noise = np.random.default_rng().random((len(rows), max_length))
    else:
        noise = np.stack([np.random.default_rng([seed, row]).random(max_length) for row in rows])
    return (noise * (1 - 1e-6)).astype("float32")  # 1.0 by rounding would draw past the last token


def round_up(number: int, least: int, factor: int) -> int:
    """Returns the first of `least`, `least * factor`, `least * factor**2`, ... not below a number.

    What compiled functions are made for takes few values so, and they are few.
    """
    size = least
    while size < number:
        size *= factor
    return size


def _lengths(ids):
    """Returns the lengths of hypotheses `(batch, width, size)`, `EOS` counted: float32."""
    ops = array_ops(ids)
    return ops.sum(ops.cast(ids != PAD, "float32"), axis=-1)


def _continue(log_probabilities, scores, finished, token_ids):
    """Continues the only hypothesis of each row with a token: `(batch, 1)` each."""
    ops = array_ops(log_probabilities)
    token_ids = ops.cast(token_ids, "int32")
    added = ops.take_along_axis(log_probabilities, token_ids[:, :, None], axis=-1)[:, :, 0]
    scores = ops.where(finished, scores, scores + added)
    return ops.where(finished, PAD, token_ids), token_ids * 0, scores


def _frozen(value) -> Hashable:
    """Returns something hashable that differs where two values do."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, dict):
        return tuple((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(_frozen, value))
    return value if isinstance(value, (str, int, float, bool, type(None))) else _Same(value)


class _Same:
    """Equal where it holds the very same object."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self):
        return id(self.value)
