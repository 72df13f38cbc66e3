"""Trains seq2seq and its peers, the same model on the same batches from the same weights.

    python benchmarks/train.py
    python benchmarks/train.py --data train.en train.de val.en val.de --limit 6400
    python benchmarks/train.py --sizes gru two-layers transformer transformer-256

The peers are plain PyTorch, PyTorch multiplying in bfloat16 (autocast), Keras's own layers as its
tutorial puts them together, and with `--opennmt` OpenNMT-py, which has its own first weights and
order; beside a GRU, two layers or a Transformer it is PyTorch alone, and the translations of its
Transformer are not measured. Prints the speed, the validation loss, the BLEU of greedy translations
of the validation sentences, and the peak memory of each; fails if a loss differs from PyTorch's by
more than 2 %. Each side runs in a process of its own, on the CPU or, with `--gpu`, on a GPU. This
file imports no framework at the top: a process counts the memory of the one that started it as its
own.
"""

import argparse
import importlib.util
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from configurations import CONFIGURATIONS, EMBEDDING_DIM, RECURRENT, TRANSFORMERS
from cores import add_threads_argument, restrict_threads
from corpus import add_data_argument, encode, load_corpus, make_tokenizers
from memory import peak_megabytes

TOLERANCE = 0.02
BATCH_SIZE = 64
MAX_LENGTH = 60  # of a translation

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]  # source_ids, target_ids, labels


@dataclass
class Task:
    """What all sides are given: batches, the order included, and the weights to start from."""

    batches: list[Batch]
    validation: list[Batch]
    sizes: tuple[int, int]  # of the vocabularies
    size: str  # of the model
    weights: dict[str, np.ndarray]  # of the Keras model, by path


def main() -> None:
    """Runs every size and prints the table."""
    arguments = parse_arguments()
    restrict_threads(arguments.threads, gpu=arguments.gpu)
    results = []
    for size in arguments.sizes:
        task = run_apart(prepare, arguments, size)
        sides = {side: SIDES[side] for side in arguments.sides}
        if size not in CONFIGURATIONS:
            sides.pop("keras", None)
        elif arguments.opennmt:
            sides["opennmt"] = train_opennmt
        runs = {side: [] for side in sides}
        for _ in range(arguments.repeats):  # in turn, so that a busy spell hits all
            for side, train in sides.items():
                runs[side].append(run_apart(train, task, arguments))
        results.append(compare(size, {side: summarize(runs[side]) for side in runs}))
    print(json.dumps(results, indent=2) if arguments.json else format_table(results))
    if any(result["loss_difference"] > TOLERANCE for result in results):
        sys.exit(f"The validation losses differ by more than {TOLERANCE:.0%}.")


def parse_arguments() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_argument(parser)
    sizes = [*RECURRENT, *TRANSFORMERS]
    parser.add_argument("--sizes", nargs="+", choices=sizes, default=list(CONFIGURATIONS))
    parser.add_argument("--precision", default="auto", help="of seq2seq: auto, float32 or bfloat16")
    parser.add_argument("--epochs", type=int, default=1, help="passes over the batches")
    parser.add_argument("--limit", type=int, help="pairs to train on (all); vocabularies see all")
    add_threads_argument(parser)
    parser.add_argument("--gpu", action="store_true", help="run on a GPU")
    parser.add_argument("--warmup", type=int, default=10, help="first updates, not timed (10)")
    parser.add_argument("--repeats", type=int, default=1, help="runs a side; the median counts")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES), help="who runs")
    parser.add_argument("--opennmt", metavar="PYTHON", help="interpreter with OpenNMT-py; a peer")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    return parser.parse_args()


def run_apart(function, *args):
    """Calls a function in a fresh process and returns its result."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def prepare(arguments: argparse.Namespace, size: str) -> Task:
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
    model = make_model(sizes, size)
    limited = [texts[: arguments.limit] for texts in train]
    return Task(
        batches(limited, shuffle=True, seed=1),
        batches(validation),
        sizes,
        size,
        keras_weights(model),
    )


def make_model(sizes: tuple[int, int], size: str, **options):
    """Returns a model of seq2seq; without dropout unless told, so that all sides do the same."""
    import seq2seq

    if size in TRANSFORMERS:
        return seq2seq.Transformer(*sizes, **{"dropout": 0.0, **TRANSFORMERS[size], **options})
    return seq2seq.Seq2Seq(*sizes, EMBEDDING_DIM, **RECURRENT[size], **options)


def train_seq2seq(task: Task, arguments: argparse.Namespace) -> dict:
    """Trains seq2seq as a user would, with `fit` on a dataset."""
    from peers.keras_tutorial import copy_weights

    model = make_model(task.sizes, task.size, precision=arguments.precision)
    copy_weights(model, task.weights)
    clock = fit(model, make_dataset(task.batches), task, arguments)
    metrics = model.evaluate(make_dataset(task.validation), verbose=0, return_dict=True)
    translations = [
        ids
        for source_ids, _, _ in task.validation
        for ids in model.generate([row[row != 0] for row in source_ids], MAX_LENGTH)
    ]
    return figures(task, clock, float(np.log(metrics["perplexity"])), translations)


def train_tutorial(task: Task, arguments: argparse.Namespace) -> dict:
    """Trains the same model of Keras's own layers, with `fit` on the same dataset."""
    from peers.keras_tutorial import copy_weights, make_tutorial

    model = make_tutorial(*task.sizes, EMBEDDING_DIM, **CONFIGURATIONS[task.size])
    copy_weights(model, task.weights)
    clock = fit(model, make_dataset(task.batches, weighted=True), task, arguments)
    loss = tokens = 0
    for source_ids, target_ids, labels in task.validation:
        real = int((labels != 0).sum())
        loss += real * model.test_on_batch([source_ids, target_ids], labels, labels != 0)[0]
        model.reset_metrics()
        tokens += real
    return figures(task, clock, loss / tokens)


def fit(model, dataset, task: Task, arguments: argparse.Namespace) -> "Clock":
    """Trains a Keras model and returns the clock that ran."""
    import keras

    clock = Clock(task, arguments)
    callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: clock.tick())
    model.fit(dataset, epochs=arguments.epochs, shuffle=False, verbose=0, callbacks=[callback])
    clock.stop()
    return clock


def make_dataset(batches: list[Batch], weighted: bool = False):
    """Returns a dataset of batches in their order, of the kind that `make_batches` makes.

    With `weighted` each token comes with its weight in the loss, 0 for padding.
    """
    import tensorflow as tf

    ids = tf.TensorSpec((None, None), tf.int32)
    weight = (tf.TensorSpec((None, None), tf.bool),) if weighted else ()

    def generate():
        for x, y, labels in batches:
            yield {"source_ids": x, "target_ids": y}, labels, *((labels != 0,) if weighted else ())

    dataset = tf.data.Dataset.from_generator(
        generate, output_signature=({"source_ids": ids, "target_ids": ids}, ids, *weight)
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(4)


def train_torch(task: Task, arguments: argparse.Namespace, autocast: bool = False) -> dict:
    """Trains the PyTorch peer."""
    import torch
    from peers.torch_lstm import KerasAdam, TorchLSTM, evaluate, greedy, train_step
    from peers.torch_transformer import TorchTransformer

    if task.size in TRANSFORMERS:
        model = TorchTransformer(*task.sizes, **TRANSFORMERS[task.size], dropout=0.0)
    else:
        model = TorchLSTM(*task.sizes, EMBEDDING_DIM, **RECURRENT[task.size])
    device = torch.device("cuda" if arguments.gpu else "cpu")
    if arguments.gpu:
        torch.set_float32_matmul_precision("high")  # TF32, as JAX multiplies
    model.copy_from_keras(task.weights)
    optimizer = KerasAdam(model.to(device))

    def tensors(batch):
        return [torch.from_numpy(array).to(device) for array in batch]

    clock = Clock(task, arguments)
    for _ in range(arguments.epochs):
        for batch in task.batches:
            train_step(model, optimizer, *tensors(batch), autocast)
            clock.tick()
    if arguments.gpu:
        torch.cuda.synchronize()
    clock.stop()
    batches = list(map(tensors, task.validation))
    translations = None
    if task.size in RECURRENT:
        translations = [row for batch in batches for row in greedy(model, batch[0], MAX_LENGTH)]
    return figures(task, clock, evaluate(model, batches), translations)


def train_torch_bfloat16(task: Task, arguments: argparse.Namespace) -> dict:
    """Trains the PyTorch peer with bfloat16 products."""
    return train_torch(task, arguments, autocast=True)


def train_opennmt(task: Task, arguments: argparse.Namespace) -> dict:
    """Trains OpenNMT-py on the pairs, from its own first weights and in its own order."""
    from peers import opennmt

    def lines(batches):
        rows = [row for batch in batches for row in zip(batch[0], batch[2], strict=True)]
        return tuple(list(map(opennmt.to_line, side)) for side in zip(*rows, strict=True))

    options = CONFIGURATIONS[task.size]
    updates = len(task.batches) * arguments.epochs
    with tempfile.TemporaryDirectory() as folder:
        figures = opennmt.train(
            arguments.opennmt,
            Path(folder),
            lines(task.batches),
            lines(task.validation),
            task.sizes,
            options["units"],
            options.get("bidirectional", False),
            "attention" in options,
            updates,
            BATCH_SIZE,
            arguments.threads,
            EMBEDDING_DIM,
        )
    return {"updates": updates, **figures}


SIDES = {
    "seq2seq": train_seq2seq,
    "torch": train_torch,
    "torch bf16": train_torch_bfloat16,
    "keras": train_tutorial,
}


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

    def stop(self) -> None:
        """Sets the last tick to now: a GPU is asked for an update before the last one is done."""
        self.times[-1] = time.perf_counter()

    def speed(self) -> float:
        """Returns tokens a second."""
        return sum(self.tokens[self.warmup :]) / (self.times[-1] - self.times[self.warmup])


def figures(task: Task, clock: Clock, loss: float, translations: list | None = None) -> dict:
    """Returns the figures of a run; called in the process that trained."""
    return {
        "bleu": None if translations is None else bleu(task, translations),
        "tokens_per_second": clock.speed(),
        "validation_loss": loss,
        "peak_megabytes": peak_megabytes(),
        "updates": len(clock.tokens),
    }


def bleu(task: Task, translations: list) -> float | None:
    """Returns the BLEU of ids, each a word, or `None` where sacrebleu is not installed."""
    if not importlib.util.find_spec("sacrebleu"):
        return None
    import sacrebleu

    def text(ids):
        return " ".join(str(i) for i in ids if i > 3)  # words; the first ids are special

    references = [text(row) for _, _, labels in task.validation for row in labels]
    return sacrebleu.corpus_bleu(
        list(map(text, translations)), [references], tokenize="none", force=True
    ).score


def summarize(runs: list[dict]) -> dict:
    """Returns the median of each figure."""
    names = (name for name, value in runs[0].items() if isinstance(value, (int, float)))
    return {name: statistics.median(run[name] for run in runs) for name in names}


def compare(size: str, sides: dict[str, dict]) -> dict:
    """Puts the sides beside each other; losses by how far they are from PyTorch's at most."""
    expected = next((sides[side] for side in ("torch", *sides) if side in sides), None)
    gaps = [
        abs(row["validation_loss"] / expected["validation_loss"] - 1)
        for side, row in sides.items()
        if side != "opennmt"
    ]
    return {"size": size, "sides": sides, "loss_difference": max(gaps)}


def format_table(results: list[dict]) -> str:
    """Returns the results as text."""
    lines = [
        "size             side        updates  tokens/s  seq2seq is  validation loss  perplexity  "
        "BLEU  peak MB"
    ]
    for result in results:
        own = result["sides"].get("seq2seq", {}).get("tokens_per_second", float("nan"))
        for side, row in result["sides"].items():
            score = f"{row['bleu']:4.1f}" if "bleu" in row else "    "
            lines.append(
                f"{result['size']:15}  {side:10}  {row['updates']:7}  "
                f"{row['tokens_per_second']:8.0f}  {own / row['tokens_per_second']:9.2f}x  "
                f"{row['validation_loss']:15.4f}  {np.exp(row['validation_loss']):10.2f}  {score}  "
                f"{row['peak_megabytes']:7.0f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
