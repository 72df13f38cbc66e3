"""Greedy search."""

from collections.abc import Hashable

from seq2seq.generation.arrays import array_ops
from seq2seq.generation.constraints import NEVER
from seq2seq.generation.samplers.sampler import Sampler, continue_with
from seq2seq.text.vocabulary import PAD


class Greedy(Sampler):
    """Takes the most probable token at each step.

    Args:
        **constraints: Options of all samplers, see `Constraints`.

    Example:

    >>> model.generate("Good morning.", sampler=Greedy())  # doctest: +SKIP
    '早上好。'
    """

    draws = False
    few = 1

    def structure(self) -> Hashable:
        """Returns what is compiled into a function: nothing but this class."""
        return ()

    def choose(self, choices, log_probabilities, scores, finished, noise):
        """Chooses the most probable token."""
        return continue_with(
            log_probabilities, scores, finished, array_ops(choices).argmax(choices)
        )

    def choose_among(self, best, log_probabilities, token_ids, scores, finished):
        """Chooses the first token; see `Sampler`."""
        ops = array_ops(best)
        ended = ops.logical_or(finished, ops.logical_not(best[:, :, 0] > NEVER / 2))
        scores = ops.where(finished, scores, scores + log_probabilities[:, :, 0])
        return ops.where(ended, PAD, token_ids[:, :, 0]), token_ids[:, :, 0] * 0, scores
