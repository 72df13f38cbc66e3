"""Times `model.generate` beside the tutorial's loop of `predict` calls, on the same weights.

    python benchmarks/generate.py
    KERAS_BACKEND=jax python benchmarks/generate.py
    python benchmarks/generate.py --data train.en train.de val.en val.de --model translator.keras

Prints sentences a second of both, and of plain PyTorch where it is installed; then of beam search
beside PyTorch's. Fails if `generate` and the loop disagree on the ids of any sentence.
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from configurations import CONFIGURATIONS, EMBEDDING_DIM
from cores import add_threads_argument, restrict_threads
from corpus import add_data_argument, encode, load_corpus, make_tokenizers

import seq2seq
from seq2seq.backend import padded_size
from seq2seq.data.padding import pad_rows

BANNED = [seq2seq.PAD, seq2seq.UNK, seq2seq.BOS]


def main() -> None:
    """Measures every batch size and prints the table."""
    arguments = parse_arguments()
    restrict_threads(arguments.threads)
    train, validation = load_corpus(arguments.data)
    model = keras.saving.load_model(arguments.model) if arguments.model else None
    model = model or train_model(train, arguments)
    step = max(1, len(validation[0]) // arguments.limit)  # of all lengths, spread over the file
    rows = encode(model.source_tokenizer, validation[0][::step][: arguments.limit])
    results = [
        result
        for width in dict.fromkeys((1, arguments.beam))
        for batch_size in arguments.batch_sizes
        for result in measure(model, rows, width, batch_size, arguments)
    ]
    if arguments.opennmt:
        results += measure_opennmt(model, train, rows, arguments)
    print(json.dumps(results, indent=2) if arguments.json else format_table(results))
    if any(row["side"] == "tutorial" and row["same_ids"] < row["sentences"] for row in results):
        sys.exit("`generate` and the tutorial's loop disagree.")


def parse_arguments() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_argument(parser)
    add_model_arguments(parser)
    add_decoding_arguments(parser)
    parser.add_argument("--repeats", type=int, default=1, help="runs a side; the median counts")
    add_threads_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    arguments = parser.parse_args()
    if arguments.model and not os.path.isfile(arguments.model):
        parser.error(f"--model: no such file: {arguments.model}")
    return arguments


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--model`, and what is needed to train one."""
    parser.add_argument("--model", metavar="FILE.keras", help="trained model; default: train one")
    parser.add_argument("--pairs", type=int, default=6400, help="pairs to train one on (6400)")
    parser.add_argument("--size", choices=CONFIGURATIONS, default="small", help="of that one")


def add_decoding_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what is decoded, and how."""
    parser.add_argument("--limit", type=int, default=128, help="sentences to generate for (128)")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 64], help="(1 64)")
    parser.add_argument("--beam", type=int, default=5, help="width of the beam; 1: no beam (5)")
    parser.add_argument("--max-length", type=int, default=50, help="most tokens generated (50)")
    parser.add_argument(
        "--opennmt", metavar="PYTHON", help="interpreter with OpenNMT-py; it decodes its own model"
    )


def train_model(pairs, arguments: argparse.Namespace) -> seq2seq.Seq2Seq:
    """Returns a model trained for one epoch, enough for outputs of many lengths."""
    keras.utils.set_random_seed(1)
    model = seq2seq.Seq2Seq(
        *make_tokenizers(pairs), EMBEDDING_DIM, **CONFIGURATIONS[arguments.size]
    )
    limited = [texts[: arguments.pairs] for texts in pairs]
    model.fit(*limited, verbose=0)
    return model


def measure(model, rows, width: int, batch_size: int, arguments: argparse.Namespace) -> list[dict]:
    """Returns a result for each side, all decoding the same batches."""
    rows = sorted(rows, key=len)  # `generate` sorts by itself; the others are given it
    sides = {"generate": make_generate(model, width, batch_size, arguments.max_length)}
    if width == 1:
        sides["tutorial"] = make_tutorial(model, batch_size, arguments.max_length)
    if importlib.util.find_spec("torch"):
        sides["torch"] = make_torch(torch_peer(model), width, batch_size, arguments.max_length)
    speeds, ids = time_sides(sides, rows, batch_size, arguments.repeats)
    return [
        {
            "search": search_name(width),
            "batch_size": batch_size,
            "side": side,
            "sentences": len(rows),
            "sentences_per_second": speeds[side],
            "generate_is_faster": speeds["generate"] / speeds[side],
            "tokens": sum(map(len, ids[side])),
            "same_ids": sum(a == b for a, b in zip(ids["generate"], ids[side], strict=True)),
        }
        for side in sides
    ]


def time_sides(sides: dict, rows, batch_size: int, repeats: int) -> tuple[dict, dict]:
    """Returns the sentences a second of functions of rows, the median of some runs, and the ids."""
    for decode in sides.values():
        decode(warmup_rows(rows, batch_size))
    seconds, ids = {side: [] for side in sides}, {}
    for _ in range(repeats):  # in turn, so that a busy spell hits all
        for side, decode in sides.items():
            start = time.perf_counter()
            ids[side] = decode(rows)
            seconds[side].append(time.perf_counter() - start)
    return {side: len(rows) / statistics.median(seconds[side]) for side in sides}, ids


def measure_opennmt(model, pairs, rows, arguments: argparse.Namespace) -> list[dict]:
    """Returns the results of OpenNMT-py with a model that it trained on as many pairs."""
    from peers import opennmt

    tokenizers = model.source_tokenizer, model.target_tokenizer
    limited = (encode(*side) for side in zip(tokenizers, pairs, strict=True))
    limited = tuple(list(map(opennmt.to_line, rows[: arguments.pairs])) for rows in limited)
    lines = list(map(opennmt.to_line, rows))
    sizes = model.source_vocabulary_size, model.target_vocabulary_size
    validation = tuple(side[:64] for side in limited)
    updates = -(-len(limited[0]) // 64)
    shape = model.units, model.bidirectional, model.attention is not None
    results = []
    with tempfile.TemporaryDirectory() as folder:
        files = arguments.opennmt, Path(folder)
        trained = opennmt.train(
            *files, limited, validation, sizes, *shape, updates, 64, arguments.threads
        )
        for width in dict.fromkeys((1, arguments.beam)):
            for batch_size in arguments.batch_sizes:
                options = width, batch_size, arguments.max_length, arguments.threads
                figures = opennmt.translate(*files, trained["model"], lines, *options)
                results.append(
                    {
                        "search": search_name(width),
                        "batch_size": batch_size,
                        "side": "opennmt",
                        "sentences": len(rows),
                        "sentences_per_second": figures["sentences_per_second"],
                        "tokens": figures["tokens"],
                    }
                )
    return results


def search_name(width: int) -> str:
    """Returns how the tables call a search."""
    return "greedy" if width == 1 else f"beam {width}"


def make_batches(rows, batch_size: int) -> list:
    """Returns sorted rows in batches."""
    return [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]


def warmup_rows(rows, batch_size: int) -> list:
    """Returns rows that make up a batch of each shape, for JAX compiles anew for every one."""
    batches = make_batches(rows, batch_size)
    shapes = {(len(batch), padded_size(len(batch[-1]))): batch for batch in batches}
    return [row for batch in shapes.values() for row in batch]


def make_generate(model, width: int, batch_size: int, max_length: int):
    """Returns what seq2seq offers."""
    sampler = seq2seq.Greedy() if width == 1 else seq2seq.BeamSearch(width)
    return lambda rows: model.generate(rows, max_length, sampler, batch_size)


def make_tutorial(model, batch_size: int, max_length: int):
    """Returns the loop of the Keras tutorial, improved: in batches, and stopping early."""
    encoder_model, decoder_model = seq2seq.build_inference_models(model)

    def decode_batch(rows):
        # JAX's `predict` compiles for every shape: few of them, as `generate` does.
        source_ids = pad_rows(rows, padded_size(len(rows[-1])))
        states = encoder_model.predict(source_ids, batch_size=batch_size, verbose=0)
        token_ids = np.full((len(rows), 1), seq2seq.BOS)
        finished = np.zeros(len(rows), dtype=bool)
        columns = []
        while len(columns) < max_length and not finished.all():
            probabilities, *states = decoder_model.predict(
                [token_ids, *states], batch_size=batch_size, verbose=0
            )
            probabilities[:, :, BANNED] = -1.0
            token_ids = probabilities.argmax(-1)
            token_ids[finished] = seq2seq.PAD
            finished |= token_ids[:, 0] == seq2seq.EOS
            columns.append(token_ids)
        return np.concatenate(columns, axis=1)

    return lambda rows: trim(map(decode_batch, make_batches(rows, batch_size)))


def torch_peer(model):
    """Returns the PyTorch peer with the model's weights."""
    from peers.torch_lstm import TorchLSTM, keras_shape, keras_weights

    return TorchLSTM(*keras_shape(model)).copy_from_keras(keras_weights(model))


def make_torch(peer, width: int, batch_size: int, max_length: int):
    """Returns decoding by a PyTorch peer."""
    import torch
    from peers.torch_lstm import beam_search, greedy

    def decode_batch(rows):
        source_ids = torch.from_numpy(pad_rows(rows))
        if width == 1:
            return greedy(peer, source_ids, max_length)
        return beam_search(peer, source_ids, max_length, width)

    return lambda rows: trim(map(decode_batch, make_batches(rows, batch_size)))


def trim(batches) -> list[list[int]]:
    """Returns the rows of batches of ids without padding."""
    return [row[row != seq2seq.PAD].tolist() for batch in batches for row in batch]


def format_table(results: list[dict]) -> str:
    """Returns the results as text."""
    lines = [f"backend {keras.backend.backend()}"]
    lines.append("search  batch  side      sentences/s  tokens  generate is  same ids")
    for row in results:
        lines.append(
            f"{row['search']:6}  {row['batch_size']:5}  {row['side']:8}  "
            f"{row['sentences_per_second']:11.1f}  {row['tokens']:6}"
        )
        if "same_ids" in row:
            lines[-1] += (
                f"  {row['generate_is_faster']:10.2f}x  {row['same_ids']}/{row['sentences']}"
            )
    if not any(row["side"] == "torch" for row in results):
        lines.append("torch is not installed: its side is skipped.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
