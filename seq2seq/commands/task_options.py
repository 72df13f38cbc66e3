"""The options of `train` that belong to some of its tasks.

Those of the models are read from the dataclasses of `networks.options`: none is named here.
"""

import argparse
import dataclasses
import itertools
from collections import Counter
from typing import NamedTuple

from seq2seq.commands.options import flag, given
from seq2seq.networks.options import (
    ClassifierOptions,
    EncoderDecoderOptions,
    LanguageModelOptions,
    MaskedLanguageModelOptions,
    TransformerLanguageModelOptions,
    TransformerOptions,
)


class Kind(NamedTuple):
    """A kind of model that `train` makes."""

    task: str
    architecture: str

    @classmethod
    def of(cls, options) -> "Kind":
        """Returns the kind that options ask for."""
        architectures = (kind.architecture for kind in NETWORKS if kind.task == options.task)
        return cls(options.task, options.architecture or next(architectures))

    def __str__(self):
        return f"--task {self.task} --architecture {self.architecture}"


NETWORKS = {
    Kind("translate", "recurrent"): EncoderDecoderOptions,
    Kind("translate", "transformer"): TransformerOptions,
    Kind("language-model", "recurrent"): LanguageModelOptions,
    Kind("language-model", "transformer"): TransformerLanguageModelOptions,
    Kind("classify", "recurrent"): ClassifierOptions,
    Kind("fill", "transformer"): MaskedLanguageModelOptions,
}
TASKS = tuple(dict.fromkeys(kind.task for kind in NETWORKS))
ARCHITECTURES = tuple(dict.fromkeys(kind.architecture for kind in NETWORKS))
MIXED = "mixed_bfloat16"
# A Keras policy for all layers at once: not an option of a network.
MORE_CHOICES = {"precision": {MIXED: "nearly all in bfloat16, weights and file in float32"}}


class TaskOptions:
    """Adds options to a parser, grouped by the kinds of models they belong to; refuses the others.

    Args:
        parser: Parser with the options `--task` and `--architecture`.
    """

    def __init__(self, parser: argparse.ArgumentParser):
        self._parser = parser
        self._groups = {}
        self._added = []
        for count in range(len(NETWORKS), 0, -1):  # from options that all share to those of one
            for kinds in itertools.combinations(NETWORKS, count):
                self._groups[kinds] = parser.add_argument_group(f"with {describe(kinds)}")

    def add(self, kinds: tuple[Kind, ...], *flags: str, **settings) -> None:
        """Adds an option of some kinds, in the order of `NETWORKS`, with no default of its own."""
        action = self._groups[kinds].add_argument(*flags, default=None, **settings)
        self._added.append((action, kinds))

    def refuse_others(self, options: argparse.Namespace) -> None:
        """Ends the program, as argparse does, if an option of another kind was given."""
        received = Kind.of(options)
        if received not in NETWORKS:
            self._parser.error(
                f"Expected {' or '.join(map(str, kinds_of(received.task)))}. Received: {received}."
            )
        for action, kinds in self._added:
            if received not in kinds and getattr(options, action.dest) is not None:
                self._parser.error(
                    f"Expected {describe(kinds)} with {'/'.join(action.option_strings)}. "
                    f"Received: {received}. Leave the option out; "
                    f"`{self._parser.prog} --help` lists those of each."
                )


def kinds_of(*tasks: str, architecture: str | None = None) -> tuple[Kind, ...]:
    """Returns the kinds of models of some tasks, of one architecture or of all."""
    return tuple(
        kind
        for kind in NETWORKS
        if kind.task in tasks and architecture in (None, kind.architecture)
    )


def describe(kinds: tuple[Kind, ...]) -> str:
    """Returns the options that ask for one of some kinds, in as few words as possible."""
    if len(kinds) == len(NETWORKS):
        return "any --task"
    for architecture in ARCHITECTURES:
        if kinds == kinds_of(*TASKS, architecture=architecture):
            return f"--architecture {architecture}"
    whole = [task for task in TASKS if set(kinds_of(task)) <= set(kinds)]
    words = [f"--task {' or '.join(whole)}"] if whole else []
    words += [str(kind) for kind in kinds if kind.task not in whole]
    return " or ".join(words)


def add_model_options(by_task: TaskOptions) -> None:
    """Adds an option for each field of the networks' options.

    None has a default: what is not given is left to the model, or to the file to resume.
    """
    for name, fields in _fields().items():
        by_task.add(tuple(fields), flag(name), **_settings(name, fields))


def model_arguments(options) -> dict:
    """Returns the given options of the task's model, by name."""
    names = (field.name for field in dataclasses.fields(NETWORKS[Kind.of(options)]))
    return {
        name: value
        for name, value in given(options, *names).items()
        if value not in MORE_CHOICES.get(name, ())
    }


def check_model_arguments(options) -> None:
    """Raises a `ValueError` for invalid model options."""
    NETWORKS[Kind.of(options)](**model_arguments(options))


def _fields() -> dict[str, dict[str, dataclasses.Field]]:
    """Returns the fields of all networks' options: by name, then by kind of model."""
    found = {}
    for kind, network in NETWORKS.items():
        for field in dataclasses.fields(network):
            found.setdefault(field.name, {})[kind] = field
    return found


def _settings(name, fields) -> dict:
    """Returns argparse's settings for a field, which has one type whatever the model."""
    metadata = next(iter(fields.values())).metadata
    settings = {"help": _default({kind: field.default for kind, field in fields.items()})}
    if metadata["kind"] is bool:
        return {**settings, "action": argparse.BooleanOptionalAction}
    settings["type"] = metadata["kind"]
    choices = [choice for choice in metadata["choices"] or () if choice is not None]
    if more := MORE_CHOICES.get(name):
        settings["choices"] = (*choices, *more)
        settings["help"] += "".join(f"; {choice}: {words}" for choice, words in more.items())
    elif choices:  # checked by the dataclass, with its own message
        settings["metavar"] = f"{{{','.join(choices)}}}"
    return settings


def _default(defaults: dict) -> str:
    """Describes the default of each kind: the usual one, then those that differ."""
    ((usual, _),) = Counter(defaults.values()).most_common(1)
    by_value = {}
    for kind, value in defaults.items():
        if value != usual:
            by_value.setdefault(value, []).append(kind)
    others = [f"{value} with {describe(tuple(kinds))}" for value, kinds in by_value.items()]
    return f"default: {usual}" + (f" ({', '.join(others)})" if others else "")
