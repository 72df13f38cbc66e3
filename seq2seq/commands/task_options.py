"""The options of `train` that belong to some of its tasks.

Those of the models are read from the dataclasses of `networks.options`: none is named here.
"""

import argparse
import dataclasses
import itertools
from collections import Counter

from seq2seq.commands.options import flag, given
from seq2seq.networks.options import (
    ClassifierOptions,
    EncoderDecoderOptions,
    LanguageModelOptions,
)

NETWORKS = {
    "translate": EncoderDecoderOptions,
    "language-model": LanguageModelOptions,
    "classify": ClassifierOptions,
}
TASKS = tuple(NETWORKS)
MIXED = "mixed_bfloat16"
# A Keras policy for all layers at once: not an option of a network.
MORE_CHOICES = {"precision": {MIXED: "nearly all in bfloat16, weights and file in float32"}}


class TaskOptions:
    """Adds options to a parser, grouped by the tasks they belong to, and refuses the others.

    Args:
        parser: Parser with an option `--task`.
    """

    def __init__(self, parser: argparse.ArgumentParser):
        self._parser = parser
        self._groups = {}
        self._added = []
        for count in range(len(TASKS), 0, -1):  # from options that all share to those of one
            for tasks in itertools.combinations(TASKS, count):
                title = "any --task" if tasks == TASKS else f"--task {' or '.join(tasks)}"
                self._groups[tasks] = parser.add_argument_group(f"with {title}")

    def add(self, tasks: tuple[str, ...], *flags: str, **settings) -> None:
        """Adds an option of some tasks, in the order of `TASKS`, with no default of its own."""
        action = self._groups[tasks].add_argument(*flags, default=None, **settings)
        self._added.append((action, tasks))

    def refuse_others(self, options: argparse.Namespace) -> None:
        """Ends the program, as argparse does, if an option of another task was given."""
        for action, tasks in self._added:
            if options.task not in tasks and getattr(options, action.dest) is not None:
                self._parser.error(
                    f"Expected --task {' or '.join(tasks)} with {'/'.join(action.option_strings)}. "
                    f"Received: --task {options.task}. Leave the option out; "
                    f"`{self._parser.prog} --help` lists those of each task."
                )


def add_model_options(by_task: TaskOptions) -> None:
    """Adds an option for each field of the networks' options.

    None has a default: what is not given is left to the model, or to the file to resume.
    """
    for name, fields in _fields().items():
        by_task.add(tuple(fields), flag(name), **_settings(name, fields))


def model_arguments(options) -> dict:
    """Returns the given options of the task's model, by name."""
    names = (field.name for field in dataclasses.fields(NETWORKS[options.task]))
    return {
        name: value
        for name, value in given(options, *names).items()
        if value not in MORE_CHOICES.get(name, ())
    }


def check_model_arguments(options) -> None:
    """Raises a `ValueError` for invalid model options."""
    NETWORKS[options.task](**model_arguments(options))


def _fields() -> dict[str, dict[str, dataclasses.Field]]:
    """Returns the fields of all networks' options: by name, then by task."""
    found = {}
    for task, network in NETWORKS.items():
        for field in dataclasses.fields(network):
            found.setdefault(field.name, {})[task] = field
    return found


def _settings(name, fields) -> dict:
    """Returns argparse's settings for a field, which has one kind whatever the task."""
    metadata = next(iter(fields.values())).metadata
    settings = {"help": _default({task: field.default for task, field in fields.items()})}
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
    """Describes the default of each task: the usual one, then those that differ."""
    ((usual, _),) = Counter(defaults.values()).most_common(1)
    others = [f"{task}: {value}" for task, value in defaults.items() if value != usual]
    return f"default: {usual}" + (f" ({', '.join(others)})" if others else "")
