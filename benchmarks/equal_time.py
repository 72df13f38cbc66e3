"""BLEU after equal minutes of training beside plain PyTorch: what the speed is worth.

    python benchmarks/equal_time.py --data train.en train.de val.en val.de
    python benchmarks/equal_time.py --minutes 2.5 5 10 20 40 --plot equal_time.png

The models of `--size` start from the same weights and read the same batches, in another order in
each epoch, with the same dropout and optimizer. Both train at the same time, each on cores of its
own, so that a busy spell hits both. Greedy translations of the validation sentences count; the
clock stands still while they are made. seq2seq's tracing counts.
"""

import argparse
import importlib.util
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from configurations import CONFIGURATIONS, EMBEDDING_DIM
from cores import restrict_threads
from corpus import add_data_argument
from train import MAX_LENGTH, Batch, Task, bleu, make_dataset, make_model, prepare, run_apart

Mark = tuple[float, int, float]  # minutes, updates, BLEU


def main() -> None:
    """Trains both sides and prints the table."""
    arguments = parse_arguments()
    check_machine(arguments.threads)
    task = run_apart(prepare, arguments, arguments.size)
    sides = {"seq2seq": train_seq2seq, "PyTorch": train_torch}
    with ProcessPoolExecutor(len(sides), multiprocessing.get_context("spawn")) as pool:
        futures = {
            side: pool.submit(train, task, arguments, number)
            for number, (side, train) in enumerate(sides.items())
        }
        found = {side: future.result() for side, future in futures.items()}
    print(f"{'minutes':>7}" + "".join(f"{side:>16} BLEU{'updates':>9}" for side in found))
    for marks in zip(*found.values(), strict=True):
        cells = (f"{score:>21.1f}{updates:>9,}" for _, updates, score in marks)
        print(f"{marks[0][0]:>7.1f}" + "".join(cells), flush=True)
    if arguments.plot:
        draw(found, arguments.plot)


def parse_arguments() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_argument(parser)
    parser.add_argument("--size", choices=CONFIGURATIONS, default="large")
    parser.add_argument("--minutes", type=float, nargs="+", default=[10, 20, 40], help="of marks")
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--precision", default="auto", help="of seq2seq: auto, float32 or bfloat16")
    parser.add_argument("--threads", type=int, default=1, help="CPU cores of each side (1)")
    parser.add_argument("--limit", type=int, help="pairs to train on (all); vocabularies see all")
    parser.add_argument("--plot", metavar="FILE", help="picture to draw")
    return parser.parse_args()


def check_machine(threads: int) -> None:
    """Ends the program where something is missing, before it trains for long."""
    for name in ("torch", "sacrebleu"):
        if not importlib.util.find_spec(name):
            sys.exit(f"Expected {name} to be installed: pip install {name}")
    if 2 * threads > os.cpu_count():
        sys.exit(f"Expected {threads} cores for each of two sides. There are {os.cpu_count()}.")


@dataclass
class Shuffled:
    """Batches, in another order each time that they are gone through."""

    batches: list[Batch]

    def __post_init__(self):
        self.generator = np.random.default_rng(1)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        for i in self.generator.permutation(len(self)):
            yield self.batches[i]


class Marks:
    """Measures a model whenever so many minutes of training are over.

    Args:
        minutes: The marks, rising.
        measure: Returns the model's BLEU; its time does not count.
    """

    def __init__(self, minutes: list[float], measure: Callable[[], float]):
        self.ahead, self.measure = sorted(minutes), measure
        self.found: list[Mark] = []
        self.updates, self.start = 0, time.perf_counter()

    def update(self) -> bool:
        """Counts an update; tells whether the last mark is behind."""
        self.updates += 1
        now = time.perf_counter()
        minutes = (now - self.start) / 60
        if minutes >= self.ahead[0]:
            self.found.append((minutes, self.updates, self.measure()))
            self.ahead.pop(0)
            self.start += time.perf_counter() - now
        return not self.ahead


def train_seq2seq(task: Task, arguments: argparse.Namespace, number: int) -> list[Mark]:
    """Trains seq2seq as a user would, with `fit` on a dataset."""
    restrict_threads(arguments.threads, arguments.threads * number)
    import keras
    from peers.keras_tutorial import copy_weights

    keras.utils.set_random_seed(1)
    options = {"dropout": arguments.dropout, "precision": arguments.precision}
    model = make_model(task.sizes, task.size, **options)
    copy_weights(model, task.weights)

    def measure():
        rows = [row[row != 0] for source_ids, _, _ in task.validation for row in source_ids]
        return bleu(task, model.generate(rows, MAX_LENGTH))

    marks = Marks(arguments.minutes, measure)

    def update(batch, logs):
        model.stop_training = marks.update()

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=update)
    dataset = make_dataset(Shuffled(task.batches))
    model.fit(dataset, epochs=10**6, shuffle=False, verbose=0, callbacks=[callback])
    return marks.found


def train_torch(task: Task, arguments: argparse.Namespace, number: int) -> list[Mark]:
    """Trains the PyTorch peer."""
    restrict_threads(arguments.threads, arguments.threads * number)
    import torch
    from peers.torch_lstm import KerasAdam, TorchLSTM, greedy, train_step

    torch.manual_seed(1)
    shape = {**CONFIGURATIONS[task.size], "dropout": arguments.dropout}
    model = TorchLSTM(*task.sizes, EMBEDDING_DIM, **shape).copy_from_keras(task.weights)
    optimizer = KerasAdam(model)

    def measure():
        model.eval()
        sources = [torch.from_numpy(source_ids) for source_ids, _, _ in task.validation]
        found = bleu(task, [row for source in sources for row in greedy(model, source, MAX_LENGTH)])
        model.train()
        return found

    marks, batches = Marks(arguments.minutes, measure), Shuffled(task.batches)
    while True:
        for batch in batches:
            train_step(model, optimizer, *map(torch.from_numpy, batch))
            if marks.update():
                return marks.found


def draw(found: dict[str, list[Mark]], path: str) -> None:
    """Draws BLEU over minutes."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for side, marks in found.items():
        minutes, _, scores = zip(*marks, strict=True)
        axes.plot(minutes, scores, "o-", label=side)
    axes.set(xlabel="minutes of training", ylabel="BLEU, greedy", ylim=(0, None), xlim=(0, None))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
