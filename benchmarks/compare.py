"""Prints one table of seq2seq beside its peers: training, decoding, the first translation, memory.

    python benchmarks/compare.py
    python benchmarks/compare.py --data train.en train.de val.en val.de

Runs train.py, generate.py and start.py, each in a process of its own, one after the other. Each row
names the best peer and how many times as fast (or as small) seq2seq is.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from configurations import CONFIGURATIONS
from cores import add_threads_argument
from corpus import add_data_argument

FOLDER = Path(__file__).parent


def main() -> None:
    """Runs all and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_argument(parser)
    parser.add_argument("--limit", type=int, help="pairs to train on in train.py (all)")
    parser.add_argument("--epochs", type=int, default=1, help="passes over them (1)")
    parser.add_argument("--repeats", type=int, default=1, help="runs a side; the median counts")
    parser.add_argument("--opennmt", metavar="PYTHON", help="interpreter with OpenNMT-py; a peer")
    add_threads_argument(parser)
    arguments = parser.parse_args()
    rows = [*training_rows(arguments), *decoding_rows(arguments), *start_rows(arguments)]
    print(format_table(rows), flush=True)


def training_rows(arguments: argparse.Namespace) -> list[tuple]:
    """Returns rows of real target tokens a second, and of memory in training."""
    options = [*corpus_options(arguments), "--epochs", arguments.epochs]
    options += [] if arguments.limit is None else ["--limit", arguments.limit]
    rows = []
    for result in run("train.py", arguments, *options):
        for job, name, better in (
            ("training, tokens/s", "tokens_per_second", max),
            ("loss after it", "validation_loss", min),
            ("BLEU after it", "bleu", max),
            ("training, MB", "peak_megabytes", min),
        ):
            sides = {side: row[name] for side, row in result["sides"].items() if name in row}
            rows.append((job, result["size"], sides, better))
    return rows


def decoding_rows(arguments: argparse.Namespace) -> list[tuple]:
    """Returns rows of sentences a second; OpenNMT-py's may be of another length."""
    rows = []
    for size in CONFIGURATIONS:
        groups = {}
        options = [*corpus_options(arguments), "--size", size]
        for result in run("generate.py", arguments, *options):
            group = groups.setdefault((result["search"], result["batch_size"]), {})
            group[result["side"]] = result["sentences_per_second"]
        for (search, batch_size), sides in groups.items():
            rows.append((f"{search}, batch {batch_size}, sentences/s", size, sides, max))
    return rows


def start_rows(arguments: argparse.Namespace) -> list[tuple]:
    """Returns rows of seconds and memory to the first translation of a fresh process."""
    results = run("start.py", arguments)
    return [
        (job, "small", {side: row[name] for side, row in results.items()}, min)
        for job, name in (
            ("first translation, s", "seconds_to_first"),
            ("translating, MB", "peak_megabytes"),
        )
    ]


def corpus_options(arguments: argparse.Namespace) -> list[str]:
    """Returns the options of what reads a corpus: which one, and whether OpenNMT-py does too."""
    options = [] if arguments.data is None else ["--data", *arguments.data]
    return options + ([] if arguments.opennmt is None else ["--opennmt", arguments.opennmt])


def run(script: str, arguments: argparse.Namespace, *options):
    """Runs a benchmark and returns its figures."""
    options = ["--threads", arguments.threads, "--repeats", arguments.repeats, *options]
    command = [sys.executable, str(FOLDER / script), "--json", *map(str, options)]
    print(" ".join(command[1:]), file=sys.stderr, flush=True)
    # A benchmark that finds its sides unequal has printed their figures all the same.
    output = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=False).stdout
    if not output:
        sys.exit(f"{script} failed.")
    return json.loads(output)


def format_table(rows: list[tuple]) -> str:
    """Returns the rows as a table in Markdown."""
    lines = [
        "| job | model | seq2seq | best peer | ratio | other peers |",
        "|---|---|---|---|---|---|",
    ]
    for job, size, sides, better in rows:
        name = "generate" if "generate" in sides else "seq2seq"
        own, peers = sides[name], {side: sides[side] for side in sides if side != name}
        best = better(peers, key=peers.get)
        ratio = own / peers[best] if better is max else peers[best] / own
        others = ", ".join(f"{side} {show(peers[side])}" for side in peers if side != best)
        lines.append(
            f"| {job} | {size} | {show(own)} | {best} {show(peers[best])} | {ratio:.2f} "
            f"| {others} |"
        )
    return "\n".join(lines)


def show(number: float) -> str:
    """Returns three digits of a number, or all before the point."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


if __name__ == "__main__":
    main()
