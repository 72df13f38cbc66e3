"""From options of the command line to a sampler."""

from seq2seq.commands.options import flag, given, seed
from seq2seq.generation.constraints import CONSTRAINTS
from seq2seq.generation.samplers import SAMPLERS, Sampler


def add_sampler(parser):
    """Adds the options of samplers, none with a default of its own; returns their group."""
    group = parser.add_argument_group("generation")
    group.add_argument(
        "--max-length", type=int, help="default: 100, or what a model of fewer positions has left"
    )
    group.add_argument(
        "--sampler",
        choices=tuple(SAMPLERS),
        help="default: greedy; to evaluate a language model: sample",
    )
    group.add_argument("--width", type=int, help="beam: default 5")
    group.add_argument("--length-penalty", type=float, help="beam: default 1.0")
    group.add_argument("--temperature", type=float, help="sample: default 1.0")
    group.add_argument("--top-k", type=int, help="sample: default all")
    group.add_argument("--top-p", type=float, help="sample: default all")
    group.add_argument("--seed", type=seed, help="sample: default none")
    group.add_argument("--min-length", type=int, help="default: 1")
    group.add_argument("--no-repeat-ngram", type=int, help="default: repetitions are allowed")
    group.add_argument("--repetition-penalty", type=float, help="default: 1.0")
    group.add_argument("--frequency-penalty", type=float, help="default: 0.0")
    group.add_argument("--presence-penalty", type=float, help="default: 0.0")
    group.add_argument("--prefix", help="what every result starts with")
    group.add_argument(
        "--banned",
        action="append",
        metavar="TOKEN",
        help="a token never to generate; repeat the option for more",
    )
    group.add_argument(
        "--replace-unknown",
        action="store_const",
        const=True,
        help="replace an unknown token with the source token attended to",
    )
    return group


def make_sampler(options) -> Sampler:
    """Returns the sampler that the options ask for.

    Raises:
        ValueError: If an option belongs to another sampler.
    """
    chosen = options.sampler or "greedy"
    for name, (_, own) in SAMPLERS.items():
        if name != chosen and (others := given(options, *own)):
            raise ValueError(
                f"Expected --sampler {name} with {flag(next(iter(others)))}. "
                f"Received: --sampler {chosen}."
            )
    sampler, own = SAMPLERS[chosen]
    return sampler(**given(options, *own, *CONSTRAINTS))


def refuse_sampler(options) -> None:
    """Raises a `ValueError` if options of generation were given where nothing is generated."""
    if asked := given(options, "sampler", "max_length", *CONSTRAINTS):
        name, value = next(iter(asked.items()))
        raise ValueError(
            f"Expected no {flag(name)} with a model that generates nothing. Received: {flag(name)} "
            f"{value}. Leave it out."
        )
