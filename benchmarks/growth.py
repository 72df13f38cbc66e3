"""Tells how the time of an update grows with the model, the batch and the corpus.

    python benchmarks/growth.py
    python benchmarks/growth.py --plot growth.png --corpus-sizes 10000 100000 1000000 10000000

One thing is changed at a time, from 8,000 tokens, 256 units, 16 tokens a sentence, 64 pairs a
batch. Corpora are streamed from a generator, in processes of their own: the table tells how many
pairs a second are read, encoded and batched, and the most memory that took.
"""

import argparse
import itertools
import json
import statistics
import sys
import time

import numpy as np
from cores import add_threads_argument, restrict_threads
from memory import peak_megabytes
from train import run_apart

DEFAULT = {"vocabulary": 8000, "units": 256, "length": 16, "batch": 64}
AXES = {
    "vocabulary": (1000, 4000, 8000, 16_000, 32_000, 64_000),
    "units": (128, 256, 512, 1024),
    "length": (10, 25, 50, 100, 200),
    "batch": (1, 8, 64, 128, 256, 512),
}


def main() -> None:
    """Measures along every axis and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=10, help="timed; the median counts (10)")
    parser.add_argument(
        "--corpus-sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], help="pairs"
    )
    parser.add_argument("--plot", metavar="FILE", help="draw the table (needs matplotlib)")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    add_threads_argument(parser)
    arguments = parser.parse_args()
    restrict_threads(arguments.threads)
    results = {axis: [] for axis in (*AXES, "corpus")}
    for axis, values in AXES.items():
        for value in values:
            seconds = run_apart(time_update, {**DEFAULT, axis: value}, arguments.updates)
            results[axis].append({"value": value, "milliseconds": 1000 * seconds})
    for count in arguments.corpus_sizes:
        results["corpus"].append({"value": count, **run_apart(read_corpus, count)})
    print(json.dumps(results, indent=2) if arguments.json else format_table(results))
    if arguments.plot:
        plot(results, arguments.plot)


def time_update(setting: dict, updates: int) -> float:
    """Returns the median seconds of an update of a model without attention."""
    import keras
    import tensorflow as tf

    import seq2seq

    keras.utils.set_random_seed(1)
    size = setting["vocabulary"]
    model = seq2seq.Seq2Seq(size, size, units=setting["units"])
    generator = np.random.default_rng(1)
    shape = setting["batch"], setting["length"]
    source_ids, target_ids, labels = (
        generator.integers(4, size, shape, dtype="int32") for _ in range(3)
    )
    times = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: times.append(time.perf_counter())
    )
    inputs = {"source_ids": source_ids, "target_ids": target_ids}
    dataset = tf.data.Dataset.from_tensors((inputs, labels)).repeat(updates + 4)
    model.fit(dataset, shuffle=False, verbose=0, callbacks=[callback])
    return statistics.median(np.diff(times)[3:])


def read_corpus(count: int) -> dict:
    """Streams so many pairs through a model's dataset; returns pairs a second and megabytes."""
    import seq2seq

    words = [f"w{i}" for i in range(5000)]
    tokenizer = seq2seq.WordTokenizer().adapt(words)
    model = seq2seq.Seq2Seq(tokenizer, tokenizer, units=32, embedding_dim=32)
    texts = [" ".join(words[i : i + 4 + i % 17]) for i in range(4000)]

    def read_pairs():
        return itertools.islice(itertools.cycle(zip(texts, reversed(texts), strict=True)), count)

    start = time.perf_counter()
    pairs = sum(
        len(labels) for _, labels in model.stream_pairs(read_pairs, seed=1, num_pairs=count)
    )
    seconds = time.perf_counter() - start
    if pairs != count:
        sys.exit(f"{pairs} of {count} pairs came through.")
    return {"pairs_per_second": pairs / seconds, "peak_megabytes": peak_megabytes()}


def format_table(results: dict) -> str:
    """Returns the results as text."""
    lines = [f"{'axis':10}  {'value':>10}  ms an update"]
    for axis in AXES:
        lines += [
            f"{axis:10}  {row['value']:10,}  {row['milliseconds']:12.1f}" for row in results[axis]
        ]
    lines.append(f"{'axis':10}  {'value':>10}  pairs/s  peak MB")
    lines += [
        f"{'corpus':10}  {row['value']:10,}  {row['pairs_per_second']:7,.0f}  "
        f"{row['peak_megabytes']:7,.0f}"
        for row in results["corpus"]
    ]
    return "\n".join(lines)


def plot(results: dict, path: str) -> None:
    """Draws the time of an update along every axis."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(AXES), figsize=(14, 3.2), sharey=True)
    for panel, axis in zip(panels, AXES, strict=True):
        values = [row["value"] for row in results[axis]]
        panel.loglog(values, [row["milliseconds"] for row in results[axis]], marker="o")
        panel.set_xticks(values, [f"{value:,}" for value in values], rotation=30)
        panel.minorticks_off()
        panel.set_xlabel(axis)
        panel.grid(True, alpha=0.3)
    marks = 10, 20, 50, 100, 200, 500, 1000
    panels[0].set_yticks(marks, list(map(str, marks)))
    panels[0].set_ylabel("ms an update")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
