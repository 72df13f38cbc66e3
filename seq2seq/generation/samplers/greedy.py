"""Greedy search."""

from collections.abc import Hashable

from seq2seq.generation.arrays import array_ops
from seq2seq.generation.samplers.sampler import Sampler, continue_with


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
        """Returns what is compiled into a function: nothing but this class."""
        return ()

    def choose(self, choices, log_probabilities, scores, finished, noise):
        """Chooses the most probable token."""
        return continue_with(
            log_probabilities, scores, finished, array_ops(choices).argmax(choices)
        )
