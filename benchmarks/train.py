"""Trains seq2seq and the same model in plain PyTorch on the same batches from the same weights.

    python benchmarks/train.py
    python benchmarks/train.py --data train.en train.de val.en val.de --limit 6400

Prints the speed, the validation loss and the peak memory of both; fails if the losses differ by
more than 2 %. Each side runs in a process of its own, on the CPU. This file imports no framework at
the top: a process counts the memory of the one that started it as its own.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from cores import add_threads_argument, restrict_threads
from corpus import add_data_argument, encode, load_corpus, make_tokenizers

TOLERANCE = 0.02
EMBEDDING_DIM = 256
BATCH_SIZE = 64

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]  # source_ids, target_ids, labels


@dataclass
class Task:
    """What both sides are given: batches, the order included, and the weights to start from."""

    batches: list[Batch]
    validation: list[Batch]
    sizes: tuple[int, int]  # of the vocabularies
    units: int
    weights: dict[str, np.ndarray]  # of the Keras model, by path


def main() -> None:
    """Runs every size and prints the table."""
    arguments = parse_arguments()
    restrict_threads(arguments.threads)
    results = []
    for units in arguments.units:
        task = run_apart(prepare, arguments, units)
        runs = {side: [] for side in arguments.sides}
        for _ in range(arguments.repeats):  # in turn, so that a busy spell hits both
            for side in arguments.sides:
                runs[side].append(run_apart(SIDES[side], task, arguments))
        results.append(compare(units, {side: summarize(runs[side]) for side in runs}))
    print(json.dumps(results, indent=2) if arguments.json else format_table(results))
    if any(result.get("loss_difference", 0.0) > TOLERANCE for result in results):
        sys.exit(f"The validation losses differ by more than {TOLERANCE:.0%}.")


def parse_arguments() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_argument(parser)
    parser.add_argument("--units", type=int, nargs="+", default=[256, 512], help="LSTM sizes")
    parser.add_argument("--epochs", type=int, default=1, help="passes over the batches")
    parser.add_argument("--limit", type=int, help="pairs to train on (all); vocabularies see all")
    add_threads_argument(parser)
    parser.add_argument("--warmup", type=int, default=10, help="first updates, not timed (10)")
    parser.add_argument("--repeats", type=int, default=1, help="runs a side; the median counts")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES), help="who runs")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    return parser.parse_args()


def run_apart(function, *args):
    """Calls a function in a fresh process and returns its result."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def prepare(arguments: argparse.Namespace, units: int) -> Task:
    """Makes the batches and the first weights."""
    import keras
    from peers.torch_lstm import keras_weights

    import seq2seq

    train, validation = load_corpus(arguments.data)
    tokenizers = make_tokenizers(train)

    def batches(pairs, **kwargs):
        rows = map(encode, tokenizers, pairs)
        dataset = seq2seq.make_batches(*rows, BATCH_SIZE, **kwargs).as_numpy_iterator()
        return [(inputs["source_ids"], inputs["target_ids"], labels) for inputs, labels in dataset]

    keras.utils.set_random_seed(1)
    sizes = tuple(len(tokenizer.vocabulary) for tokenizer in tokenizers)
    model = seq2seq.Seq2Seq(*sizes, EMBEDDING_DIM, units)
    limited = [texts[: arguments.limit] for texts in train]
    return Task(
        batches(limited, shuffle=True, seed=1),
        batches(validation),
        sizes,
        units,
        keras_weights(model),
    )


def train_keras(task: Task, arguments: argparse.Namespace) -> dict:
    """Trains seq2seq as a user would, with `fit` on a dataset."""
    import keras

    import seq2seq

    model = seq2seq.Seq2Seq(*task.sizes, EMBEDDING_DIM, task.units)
    for variable in model.weights:
        variable.assign(task.weights[variable.path])
    clock = Clock(task, arguments)
    callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: clock.tick())
    dataset = make_dataset(task.batches)
    model.fit(dataset, epochs=arguments.epochs, shuffle=False, verbose=0, callbacks=[callback])
    metrics = model.evaluate(make_dataset(task.validation), verbose=0, return_dict=True)
    return figures(clock, float(np.log(metrics["perplexity"])))


def make_dataset(batches: list[Batch]):
    """Returns a dataset of batches in their order, of the kind that `make_batches` makes."""
    import tensorflow as tf

    ids = tf.TensorSpec((None, None), tf.int32)
    dataset = tf.data.Dataset.from_generator(
        lambda: (({"source_ids": x, "target_ids": y}, labels) for x, y, labels in batches),
        output_signature=({"source_ids": ids, "target_ids": ids}, ids),
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(4)


def train_torch(task: Task, arguments: argparse.Namespace) -> dict:
    """Trains the PyTorch peer."""
    import torch
    from peers.torch_lstm import KerasAdam, TorchLSTM, evaluate, train_step

    model = TorchLSTM(*task.sizes, EMBEDDING_DIM, task.units).copy_from_keras(task.weights)
    optimizer = KerasAdam(model)
    clock = Clock(task, arguments)
    for _ in range(arguments.epochs):
        for batch in task.batches:
            train_step(model, optimizer, *map(torch.from_numpy, batch))
            clock.tick()
    batches = [tuple(map(torch.from_numpy, batch)) for batch in task.validation]
    return figures(clock, evaluate(model, batches))


SIDES = {"keras": train_keras, "torch": train_torch}


class Clock:
    """Counts real target tokens and seconds after the warm-up; ticks after every update."""

    def __init__(self, task: Task, arguments: argparse.Namespace):
        self.tokens = [int((labels != 0).sum()) for _, _, labels in task.batches] * arguments.epochs
        if arguments.warmup >= len(self.tokens):
            sys.exit(f"--warmup {arguments.warmup} leaves none of {len(self.tokens)} updates.")
        self.warmup = arguments.warmup
        self.times = [time.perf_counter()]

    def tick(self) -> None:
        """Notes the time."""
        self.times.append(time.perf_counter())

    def speed(self) -> float:
        """Returns tokens a second."""
        return sum(self.tokens[self.warmup :]) / (self.times[-1] - self.times[self.warmup])


def figures(clock: Clock, loss: float) -> dict:
    """Returns the figures of a run; called in the process that trained."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB; macOS counts bytes
    return {
        "tokens_per_second": clock.speed(),
        "validation_loss": loss,
        "perplexity": float(np.exp(loss)),
        "peak_megabytes": peak / (2**20 if sys.platform == "darwin" else 2**10),
        "updates": len(clock.tokens),
    }


def summarize(runs: list[dict]) -> dict:
    """Returns the median of each figure."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def compare(units: int, sides: dict[str, dict]) -> dict:
    """Puts the two sides beside each other."""
    result = {"units": units, **sides}
    if len(sides) == len(SIDES):
        keras, torch = sides["keras"], sides["torch"]
        gap = abs(keras["validation_loss"] - torch["validation_loss"])
        result["loss_difference"] = gap / torch["validation_loss"]
        result["speed_ratio"] = keras["tokens_per_second"] / torch["tokens_per_second"]
    return result


def format_table(results: list[dict]) -> str:
    """Returns the results as text."""
    lines = ["units  side   updates  tokens/s  validation loss  perplexity  peak MB"]
    for result in results:
        for side in (side for side in SIDES if side in result):
            row = result[side]
            lines.append(
                f"{result['units']:5}  {side:5}  {row['updates']:7}  "
                f"{row['tokens_per_second']:8.0f}  {row['validation_loss']:15.4f}  "
                f"{row['perplexity']:10.2f}  {row['peak_megabytes']:7.0f}"
            )
        if "speed_ratio" in result:
            lines.append(
                f"       keras is {result['speed_ratio']:.2f} times as fast as torch; "
                f"losses differ by {result['loss_difference']:.2%}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
