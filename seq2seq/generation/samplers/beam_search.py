"""Beam search."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from seq2seq.checks import check_number, check_whole
from seq2seq.generation.arrays import array_ops
from seq2seq.generation.constraints import NEVER
from seq2seq.generation.samplers.sampler import Sampler
from seq2seq.text.vocabulary import PAD


class BeamSearch(Sampler):
    """Keeps the `width` best hypotheses at each step; a finished one keeps its place.

    Args:
        width: Number of hypotheses. Defaults to 5.
        length_penalty: Exponent of the length normalisation by which finished hypotheses are
            ranked, `score / ((5 + length) / 6) ** length_penalty`, the length counting `EOS` (Wu et
            al. 2016, https://arxiv.org/abs/1609.08144, equation 14). Defaults to 1.0; 0 for none.
        num_results: Hypotheses returned per input, best first. Defaults to 1.
        **constraints: Options of all samplers, see `Constraints`.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If there is no such argument.

    Example:

    >>> sampler = BeamSearch(width=5, length_penalty=0.6, num_results=3)
    """

    draws = False

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
        check_number("length_penalty", length_penalty, "[0, 100]", "Use 0 for none.")
        self.width = width
        self.length_penalty = length_penalty
        self.num_results = num_results

    @property
    def few(self) -> int:
        """How many of each hypothesis's best tokens decide."""
        return self.width

    def inputs(self) -> dict[str, Any]:
        """Returns the numbers that a compiled function takes."""
        return {"length_penalty": np.float32(self.length_penalty)}

    def structure(self) -> Hashable:
        """Returns what is compiled into a function."""
        return self.width, self.num_results

    def choose(self, choices, log_probabilities, scores, finished, noise):
        """Chooses the best continuations among all hypotheses of a row."""
        ops = array_ops(choices)
        width, vocabulary = self.width, choices.shape[-1]
        # The best of all are among the best of each hypothesis.
        few = min(width, vocabulary)
        best, tokens = ops.top_k(ops.reshape(choices, (-1, vocabulary)), few)
        own = ops.take_columns(ops.reshape(log_probabilities, (-1, vocabulary)), tokens)
        best, own, tokens = (ops.reshape(x, (-1, width, few)) for x in (best, own, tokens))
        return self.choose_among(best, own, tokens, scores, finished)

    def choose_among(self, best, log_probabilities, token_ids, scores, finished):
        """Chooses among the best continuations of each hypothesis; see `Sampler`."""
        ops = array_ops(best)
        width, few = self.width, best.shape[-1]
        only_pad = np.array([0.0] + [NEVER] * (few - 1), dtype="float32")
        best = ops.where(finished[:, :, None], only_pad, best)  # (batch, width, few)
        token_ids = ops.where(finished[:, :, None], PAD, token_ids)
        added = ops.where(finished[:, :, None], 0.0, log_probabilities)
        totals = ops.reshape(scores[:, :, None] + best, (-1, width * few))
        totals, best = ops.top_k(totals, width)  # (batch, width)
        parents = best // few
        token_ids, added = (
            ops.take_columns(ops.reshape(x, (-1, width * few)), best) for x in (token_ids, added)
        )
        scores = ops.take_columns(scores, parents) + added
        return token_ids, parents, ops.where(totals > NEVER / 2, scores, NEVER)

    def is_done(self, lengths, scores, finished, max_length):
        """Tells which rows have their final results, whatever the unfinished hypotheses become.

        An unfinished score can only fall. So the best finished hypotheses are final when no
        unfinished one has a better score, which could push them out, or a better normalised score
        at the maximum length.
        """
        ops = array_ops(scores)
        final = self.normalise(scores, ops.cast(lengths, "float32"))
        bound = self.normalise(scores, ops.cast(max_length, "float32"))
        final, order = ops.top_k(ops.where(finished, final, NEVER), self.num_results)
        worst = ops.min(ops.take_columns(scores, order), axis=-1)
        open_score = ops.max(ops.where(finished, NEVER, scores), axis=-1)
        open_bound = ops.max(ops.where(finished, NEVER, bound), axis=-1)
        settled = ops.logical_and(final[:, -1] >= open_bound, worst >= open_score)
        return ops.logical_or(settled, ops.all(finished, axis=-1))

    def rank(self, lengths, scores):
        """Returns the order of the hypotheses by their scores, normalised for length."""
        ops = array_ops(scores)
        order = ops.argsort(-self.normalise(scores, ops.cast(lengths, "float32")), axis=-1)
        return ops.cast(order, "int32")

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this sampler."""
        return {
            "width": self.width,
            "length_penalty": self.length_penalty,
            "num_results": self.num_results,
            **super().get_config(),
        }
