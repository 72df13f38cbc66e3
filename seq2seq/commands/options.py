"""What the options of all commands share, and how a command prints its result."""

import argparse
import json

PAIRS = "one file of pairs (tab-separated, .csv, .json, .jsonl), or two line-aligned files"


def add_data(parser, help_text: str) -> None:
    """Adds the files that a command reads, and their columns."""
    parser.add_argument("data", nargs="+", metavar="DATA", help=help_text)
    parser.add_argument(
        "--columns",
        nargs=2,
        metavar=("SOURCE", "TARGET"),
        help="names of two columns, or their numbers from 0",
    )


def add_json(parser) -> None:
    """Adds `--json`."""
    parser.add_argument("--json", action="store_true", help="print results as JSON")


def given(options, *names: str) -> dict:
    """Returns the options that were given, by name."""
    values = {name: getattr(options, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def flag(name: str) -> str:
    """Returns the command-line option for the name of an argument."""
    return f"--{name.replace('_', '-')}"


def positive(text: str) -> int:
    """Reads a whole number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, received {text}")
    return int(text)


def seed(text: str) -> int:
    """Reads what NumPy takes as a seed."""
    if not text.isdigit() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected 0 to 4294967295, received {text}")
    return int(text)


def print_result(options, result: dict, text: str) -> None:
    """Prints a result as text, or with `--json` as JSON."""
    print(json.dumps(result, ensure_ascii=False, indent=2) if options.json else text)
