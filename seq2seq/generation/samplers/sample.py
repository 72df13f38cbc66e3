"""Sampling from the model's distribution."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from seq2seq.checks import check_number, check_whole
from seq2seq.generation.arrays import array_ops
from seq2seq.generation.constraints import NEVER, SMALLEST
from seq2seq.generation.samplers.sampler import Sampler, continue_with, round_up
from seq2seq.text.vocabulary import PAD

LEAST = -3e38  # about the lowest float32
EVERY = 2**30  # more tokens than any vocabulary has


class Sample(Sampler):
    """Draws each token from the model's distribution, which may be sharpened or truncated.

    Args:
        temperature: Divides the log probabilities: below 1 sharper, above 1 more varied. Defaults
            to 1.0.
        top_k: Only the `top_k` most probable tokens are drawn (Fan et al. 2018,
            https://arxiv.org/abs/1805.04833). Defaults to `None`, all.
        top_p: Only the most probable tokens whose probabilities add up to `top_p` are drawn
            (nucleus sampling, Holtzman et al. 2019, https://arxiv.org/abs/1904.09751, section 3.1).
            Defaults to `None`, all.
        seed: Same seed, same texts: each row of the input has its own stream of random numbers.
            Defaults to `None`, a new draw at each call.
        first_row: Number of the first row of a call. Texts that are given in several calls, with
            the numbers of the texts before, get what they would get together. Defaults to 0.
        **constraints: Options of all samplers, see `Constraints`.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If there is no such argument.

    Example:

    >>> sampler = Sample(temperature=0.7, top_p=0.9, seed=1)
    """

    def __init__(
        self,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        first_row: int = 0,
        **constraints,
    ):
        super().__init__(**constraints)
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p
        self.seed = seed
        self.first_row = first_row
        self._check()

    def inputs(self) -> dict[str, Any]:
        """Returns the numbers that a compiled function takes."""
        self._check()  # they may have been changed
        inputs = {"temperature": np.float32(self.temperature)}
        if self._candidates() is not None:
            inputs["top_k"] = np.int32(min(self.top_k or EVERY, EVERY))
            inputs["top_p"] = np.float32(2.0 if self.top_p is None else max(self.top_p, SMALLEST))
        return inputs

    def structure(self) -> Hashable:
        """Returns what is compiled into a function: how many tokens are sorted."""
        return self._candidates()

    def bind(self, inputs: dict[str, Any] | None = None) -> "Sample":
        """Returns the sampler that chooses; see `Sampler.bind`."""
        bound = super().bind(inputs)
        bound.candidates = self._candidates()
        return bound

    def _check(self):
        if self.seed is not None:
            check_whole("seed", self.seed, 0)
        check_whole("first_row", self.first_row, 0)
        greedy = 'Use sampler="greedy" to always take the most probable token.'
        check_number("temperature", self.temperature, "[1e-6, 1e30]", greedy)
        if self.top_k is not None:
            check_whole("top_k", self.top_k)
        if self.top_p is not None:
            check_number("top_p", self.top_p, "(0, 1]", "Use None to draw from all tokens.")

    def _candidates(self):
        """Returns how many tokens to sort, rounded up to few values; `None` for none."""
        if self.top_k is None:
            return None if self.top_p is None else EVERY
        return round_up(min(self.top_k, EVERY), 8, 8)

    def choose(self, choices, log_probabilities, scores, finished, noise):
        """Draws a token by the inverse of the cumulative distribution."""
        ops = array_ops(choices)
        # A ban is not a probability: a high temperature must not weaken it.
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
            drawn = ops.take_columns(token_ids[:, 0], drawn)
        drawn = ops.where(best[:, :, 0] > NEVER / 2, drawn, PAD)  # of nothing, nothing is drawn
        return continue_with(log_probabilities, scores, finished, drawn)

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this sampler."""
        return {
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
            "seed": self.seed,
            "first_row": self.first_row,
            **super().get_config(),
        }
