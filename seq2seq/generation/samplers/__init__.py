"""Samplers: how the next token is chosen from the log probabilities."""

from seq2seq.generation.samplers.beam_search import BeamSearch
from seq2seq.generation.samplers.greedy import Greedy
from seq2seq.generation.samplers.sample import Sample
from seq2seq.generation.samplers.sampler import Sampler, round_up

__all__ = ["BeamSearch", "Greedy", "Sample", "Sampler", "get_sampler", "round_up"]
SAMPLERS = {  # by name: the class, and the options that it has beside the constraints
    "greedy": (Greedy, ()),
    "sample": (Sample, ("temperature", "top_k", "top_p", "seed")),
    "beam": (BeamSearch, ("width", "length_penalty", "num_results")),
}


def get_sampler(sampler: str | Sampler) -> Sampler:
    """Returns the sampler that a name or an object stands for.

    Raises:
        ValueError: If there is no such sampler.
    """
    if isinstance(sampler, Sampler):
        return sampler
    if not isinstance(sampler, str) or sampler not in SAMPLERS:
        raise ValueError(
            f"Expected a sampler, or one of {', '.join(map(repr, SAMPLERS))}. "
            f"Received: sampler={sampler!r}. Pass one of these, or an object such as "
            "seq2seq.BeamSearch(width=5)."
        )
    return SAMPLERS[sampler][0]()
