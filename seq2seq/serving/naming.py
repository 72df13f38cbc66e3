"""The names of the models that a server is to serve."""

from collections.abc import Iterable
from pathlib import Path


def name_models(arguments: Iterable[str]) -> dict[str, str]:
    """Returns the paths of models by their names.

    Args:
        arguments: Paths, each perhaps NAME=PATH. Without a name it is that of the file or folder.

    Raises:
        ValueError: If two have one name.
    """
    named = {}
    for argument in arguments:
        name, _, path = argument.partition("=")
        if not (name and path) or Path(argument).exists():
            path, name = argument, Path(argument).resolve().name.removesuffix(".keras")
        if name in named:
            raise ValueError(
                f"Expected models of different names. Received two called {name}: {named[name]} "
                f"and {path}. Write NAME={path}."
            )
        named[name] = path
    return named
