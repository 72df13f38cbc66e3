"""Times a model that `model.export` has written, in float32 and int8, beside its peers.

    python benchmarks/deploy.py
    python benchmarks/deploy.py --size large --data train.en train.de val.en val.de

The peers decode with the same weights: `generate` of the model itself, plain PyTorch, and PyTorch
with products of 8 bits (`quantize_dynamic`). Prints one table of the first translation of a
process, of greedy search and beam search, of the sizes of the folders, and of how many sentences
get the ids that the model gives them; then where the time of a step goes.
"""

import argparse
import importlib.util
import json
import os
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from compare import show
from cores import add_threads_argument, restrict_threads
from corpus import add_data_argument, encode, load_corpus
from generate import (
    add_decoding_arguments,
    add_model_arguments,
    make_generate,
    make_torch,
    measure_opennmt,
    search_name,
    time_sides,
    torch_peer,
    train_model,
)
from start import SIDES, measure, write_models

import seq2seq

OWN = {"float32": "exported", "int8": "exported int8"}
PEERS = {"float32": ("generate", "torch", "opennmt"), "int8": ("torch int8",)}
START = """
import sys, seq2seq
print(seq2seq.load_model(sys.argv[1]).generate(sys.argv[2]))
"""
START_TORCH_INT8 = """
import json, sys, torch
sys.path.insert(0, sys.argv[5])
from peers.torch_lstm import TorchLSTM, greedy, quantize
shape, weights = torch.load(sys.argv[4])
model = TorchLSTM(*shape)
model.load_state_dict(weights)
print(greedy(quantize(model), torch.tensor([json.loads(sys.argv[3])]), 50))
"""


def main() -> None:
    """Measures everything and prints the tables."""
    arguments = parse_arguments()
    restrict_threads(arguments.threads)
    train, validation = load_corpus(arguments.data)
    model = seq2seq.load_model(arguments.model) if arguments.model else None
    model = model or train_model(train, arguments)
    step = max(1, len(validation[0]) // arguments.limit)  # of all lengths, spread over the file
    texts = validation[0][::step][: arguments.limit]
    rows = sorted(encode(model.source_tokenizer, texts), key=len)
    with tempfile.TemporaryDirectory() as root:
        folders = {OWN[name]: os.path.join(root, name) for name in OWN}
        for name, side in OWN.items():
            quantize = None if name == "float32" else name
            model.export(folders[side], quantize=quantize, verbose=False)
        exported = {side: seq2seq.load_model(folders[side]) for side in folders}
        jobs = [*start_jobs(model, folders, texts[0], root, arguments)]
        jobs += decoding_jobs(model, exported, train, rows, arguments)
        jobs.append(size_job(model, folders))
        parts = [part for side in exported for part in breakdown(side, exported, rows, arguments)]
    results = {"size": arguments.size, "jobs": jobs, "breakdown": parts}
    print(json.dumps(results, indent=2) if arguments.json else format_tables(results))


def parse_arguments() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_argument(parser)
    add_model_arguments(parser)
    add_decoding_arguments(parser)
    parser.add_argument("--repeats", type=int, default=3, help="runs a side; the median counts (3)")
    add_threads_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, not tables")
    arguments = parser.parse_args()
    if arguments.model and not os.path.isfile(arguments.model):
        parser.error(f"--model: no such file: {arguments.model}")
    return arguments


def start_jobs(model, folders: dict, text: str, root: str, arguments) -> list[dict]:
    """Returns the seconds and the memory of processes that translate one sentence; the best."""
    path = os.path.join(root, "model.keras")
    model.save(path)
    path, *inputs = write_models(path, text, root)
    sides = {side: (START, folder) for side, folder in folders.items()}
    sides["generate"] = START, path
    if importlib.util.find_spec("torch"):
        sides |= {"torch": (SIDES["torch"], path), "torch int8": (START_TORCH_INT8, path)}
    runs = {side: [] for side in sides}
    for _ in range(arguments.repeats):  # in turn, so that a busy spell hits all
        for side, (code, own) in sides.items():
            runs[side].append(measure(code, [own, *inputs]))
    return [
        job(title, {side: min(run[name] for run in runs[side]) for side in runs}, min)
        for title, name in (
            ("first translation of a process, s", "seconds_to_first"),
            ("first translation of a process, MB", "peak_megabytes"),
        )
    ]


def decoding_jobs(model, exported: dict, train, rows, arguments) -> list[dict]:
    """Returns the sentences a second of each search and batch size, and the shares of same ids."""
    others = measure_opennmt(model, train, rows, arguments) if arguments.opennmt else []
    jobs = []
    for width in dict.fromkeys((1, arguments.beam)):
        for batch_size in arguments.batch_sizes:
            search = search_name(width)
            settings = width, batch_size, arguments.max_length
            sides = {side: make_generate(exported[side], *settings) for side in exported}
            sides["generate"] = make_generate(model, *settings)
            if importlib.util.find_spec("torch"):
                sides |= torch_sides(model, settings, arguments.threads)
            speeds, ids = time_sides(sides, rows, batch_size, arguments.repeats)
            speeds |= {
                row["side"]: row["sentences_per_second"]
                for row in others
                if (row["search"], row["batch_size"]) == (search, batch_size)
            }
            title = f"{search}, batch {batch_size}, sentences/s"
            jobs.append({**job(title, best_threads(speeds), max), "by_threads": speeds})
        shares = {
            side: 100 * np.mean([a == b for a, b in zip(row, ids["generate"], strict=True)])
            for side, row in ids.items()
            if side in exported
        }
        jobs.append({"job": f"{search}, sentences with the model's ids, %", "sides": shares})
    return jobs


def torch_sides(model, settings: tuple, threads: int) -> dict:
    """Returns decoding by PyTorch in both precisions, with all threads and with one.

    Threads that wait for each other in a loop lose to one where another program has a core.
    """
    import torch
    from peers.torch_lstm import quantize

    def with_threads(decode, count):
        def run(rows):
            torch.set_num_threads(count)
            return decode(rows)

        return run

    peer = torch_peer(model).eval()
    return {
        f"{side}, threads: {count}": with_threads(make_torch(one, *settings), count)
        for side, one in (("torch", peer), ("torch int8", quantize(peer)))
        for count in dict.fromkeys((1, threads))
    }


def best_threads(speeds: dict) -> dict:
    """Returns the speeds with each of PyTorch's at its better number of threads."""
    names = [side.partition(",")[0] for side in speeds]
    return {
        name: max(speeds[side] for side in speeds if side.partition(",")[0] == name)
        for name in dict.fromkeys(names)
    }


def size_job(model, folders: dict) -> dict:
    """Returns the sizes of the folders over that of the weights in float32."""
    weights = 4 * model.count_params()
    sizes = {
        side: sum(file.stat().st_size for file in Path(folder).iterdir())
        for side, folder in folders.items()
    }
    sides = {side: size / weights for side, size in sizes.items()}
    return {"job": "folder, times the weights in float32", "sides": sides}


def job(title: str, sides: dict, better) -> dict:
    """Returns a row of the table, with how many times as good exported models are as peers."""
    times = {}
    for precision, own in OWN.items():
        peers = [sides[side] for side in PEERS[precision] if side in sides]
        if peers:
            best, ours = better(peers), sides[own]
            times[precision] = ours / best if better is max else best / ours
    return {"job": title, "sides": sides, "times_the_best_peer": times}


class TimedDecoder:
    """A decoder that counts the seconds inside its steps and between them.

    Args:
        decoder: The decoder of an exported model.
    """

    def __init__(self, decoder):
        self.decoder = decoder
        self.steps = 0
        self.inside = self.between = 0.0
        self.ended = None

    def begin(self, ids, max_length):
        """Reads sources."""
        self.ended = None  # what follows is not between two steps
        return self.decoder.begin(ids, max_length)

    def step(self, *arguments):
        """Decodes one token."""
        return self._timed(self.decoder.step, *arguments)

    def step_best(self, *arguments):
        """Decodes one token, and finds the best ones."""
        return self._timed(self.decoder.step_best, *arguments)

    def _timed(self, step, *arguments):
        start = time.perf_counter()
        if self.ended:
            self.between += start - self.ended
        result = step(*arguments)
        self.ended = time.perf_counter()
        self.inside += self.ended - start
        self.steps += 1
        return result


def breakdown(side: str, exported: dict, rows, arguments: argparse.Namespace):
    """Yields the milliseconds a step of each search and batch size, part by part."""
    generator = exported[side].generator
    decoder = generator.decoder
    for width in dict.fromkeys((1, arguments.beam)):
        for batch_size in arguments.batch_sizes:
            decode = make_generate(exported[side], width, batch_size, arguments.max_length)
            runs = []
            for _ in range(arguments.repeats):
                generator.decoder = timed = TimedDecoder(decoder)
                start = time.perf_counter()
                decode(rows)
                rest = time.perf_counter() - start - timed.inside - timed.between
                parts = timed.inside, timed.between, rest
                runs.append([1000 * seconds / timed.steps for seconds in parts])
            generator.decoder = decoder
            graph, choosing, rest = min(runs, key=sum)
            yield {
                "side": side,
                "search": search_name(width),
                "batch_size": batch_size,
                "graph": graph,
                "choosing": choosing,
                "rest": rest,
            }


def format_tables(results: dict) -> str:
    """Returns the results as text, two tables in Markdown."""
    jobs = results["jobs"]
    sides = list(dict.fromkeys(side for row in jobs for side in row["sides"]))
    lines = [
        f"backend {keras.backend.backend()}, model {results['size']}",
        f"| job | {' | '.join(sides)} | float32, times the best peer | int8 |",
        f"|---|{'---|' * len(sides)}---|---|",
    ]
    for row in jobs:
        cells = [show(row["sides"][side]) if side in row["sides"] else "" for side in sides]
        times = row.get("times_the_best_peer", {})
        cells += [show(times[precision]) if precision in times else "" for precision in OWN]
        lines.append(f"| {row['job']} | {' | '.join(cells)} |")
    lines += ["", "| ms a step | graph | choosing | rest |", "|---|---|---|---|"]
    for part in results["breakdown"]:
        cells = [f"{part[name]:.2f}" for name in ("graph", "choosing", "rest")]
        name = f"{part['side']}, {part['search']}, batch {part['batch_size']}"
        lines.append(f"| {name} | {' | '.join(cells)} |")
    if not any(side.startswith("torch") for side in sides):
        lines.append("torch is not installed: its sides are skipped.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
