"""Names that are imported at their first use (SPEC 1, https://scientific-python.org/specs/spec-0001).

What a package offers is written in the `__init__.pyi` beside its `__init__.py`, where type checkers
and editors read it too.
"""

import ast
import contextlib
import functools
import importlib
import sys
from collections.abc import Callable
from pathlib import Path


def attach(package: str, init_file: str) -> tuple[Callable, Callable, list[str]]:
    """Makes a package import its names when they are first used.

    Args:
        package: `__name__` of the package.
        init_file: `__file__` of its `__init__.py`; the `.pyi` beside it imports the names, as in
            `from seq2seq.models.seq2seq import Seq2Seq as Seq2Seq`.

    Returns:
        Tuple of the package's `__getattr__`, `__dir__` and `__all__`.

    Example:

    >>> __getattr__, __dir__, __all__ = attach(__name__, __file__)  # doctest: +SKIP
    """
    modules = _read_stub(Path(init_file).with_suffix(".pyi"))

    def get(name: str):
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with needs_keras():
            module = importlib.import_module(modules[name]) if modules[name] != package else None
            if hasattr(module, name):
                value = getattr(module, name)
            else:  # a module of that package
                value = importlib.import_module(f"{modules[name]}.{name}")
        setattr(sys.modules[package], name, value)
        return value

    names = sorted(modules)
    return get, lambda: names, names


@contextlib.contextmanager
def needs_keras():
    """Says what is missing where only what runs exported models is installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("keras", "tensorflow", "jax", "h5py"):
            raise
        raise ImportError(
            f"This needs the package {error.name}, which is not installed here: pip install "
            "keras-seq2seq, with all that it depends on. Only models exported with "
            '`model.export(folder, format="onnx")` do without.',
            name=error.name,
        ) from error


@functools.cache
def _read_stub(path: Path) -> dict[str, str]:
    """Returns the module that each name of a stub is imported from."""
    statements = ast.parse(path.read_text(encoding="utf-8")).body
    return {
        alias.name: statement.module
        for statement in statements
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
