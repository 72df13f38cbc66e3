"""The command line: its options, its exit codes, and a quiet start."""

import argparse
import contextlib
import os
import sys

from seq2seq.version import __version__

METRICS = (
    "loss",
    "perplexity",
    "character_perplexity",
    "accuracy",
    "coverage",
    "source_coverage",
    "distinct_1",
    "distinct_2",
    "bleu",
    "chrf",
    "wer",
    "exact",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "classes",
    "confusion_matrix",
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command `seq2seq`.

    Args:
        arguments: Words of the command line. Defaults to `None`, those of the process.

    Returns:
        Exit code: 0, 1 for bad input, 130 after Ctrl-C. Bad usage exits with 2.
    """
    options = build_parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")
    try:
        with _quiet():
            from seq2seq import commands
        getattr(commands, options.command)(options)
        sys.stdout.flush()
    except (ValueError, ImportError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # the reader, `head` perhaps, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"seq2seq: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print(f"\nseq2seq: {error or 'stopped.'}", file=sys.stderr)
        return 130
    except Exception as error:  # out of memory, perhaps: a user needs no stack trace
        words = " ".join(str(error).split())
        print(f"seq2seq: {type(error).__name__}: {words[:300]}", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = argparse.ArgumentParser(
        "seq2seq", description="Train the classic encoder-decoder on pairs of texts, and use it."
    )
    parser.add_argument("--version", action="version", version=f"seq2seq {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_generate(commands)
    _add_evaluate(commands)
    _add_inspect(commands)
    return parser


def _add_train(commands):
    train = commands.add_parser("train", help="train a model on a file of pairs")
    _add_data(train)
    train.add_argument("--output", required=True, help="model file to write (.keras)")
    train.add_argument(
        "--resume", action="store_true", help="go on where a training run with this output stopped"
    )
    train.add_argument("--validation", nargs="+", metavar="FILE", help="validation pairs, as DATA")
    train.add_argument(
        "--validation-split",
        type=float,
        help="share of DATA kept for validation if none is given (default: 0.05)",
    )
    _add_tokenizers(train)
    _add_model(train)
    training = train.add_argument_group("training")
    training.add_argument("--epochs", type=_positive, default=10, help="default: %(default)s")
    training.add_argument("--batch-size", type=_positive, default=64, help="default: %(default)s")
    training.add_argument("--learning-rate", type=float, help="default: 0.001")
    training.add_argument(
        "--decay",
        choices=("inverse_sqrt", "cosine"),
        help="raise the learning rate to that value, then lower it (default: it is constant)",
    )
    training.add_argument(
        "--warm-up", type=_positive, help="updates it rises for, with --decay (default: 500)"
    )
    training.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16", "mixed_bfloat16"),
        help="data type of the matrix products in training, or with mixed_bfloat16 of nearly all; "
        "weights and the file are float32 (default: auto, the fastest for the processor and the "
        "model)",
    )
    training.add_argument(
        "--patience",
        type=_positive,
        help="stop after so many epochs without a better validation loss",
    )
    training.add_argument("--seed", type=_seed, default=1, help="default: %(default)s")
    training.add_argument(
        "--show",
        type=int,
        default=3,
        metavar="N",
        help="validation pairs shown after each epoch",
    )
    _add_json(train)


def _add_model(parser):
    # Without defaults: what is not given is left to the model, or to the file that is resumed.
    group = parser.add_argument_group("model")
    for name, kind, default in (
        ("embedding-dim", int, 256),
        ("units", int, 256),
        ("num-layers", int, 1),
        ("cell", str, "lstm"),
        ("attention", str, None),
        ("attention-score", str, "dot"),
        ("dropout", float, 0.0),
        ("recurrent-dropout", float, 0.0),
        ("l2", float, 0.0),
        ("label-smoothing", float, 0.0),
        ("source-vectors", str, None),
        ("target-vectors", str, None),
        ("max-source-length", int, 200),
        ("max-target-length", int, 200),
    ):
        group.add_argument(f"--{name}", type=kind, help=f"default: {default}")
    for name, default in (
        ("bidirectional", False),
        ("share-embeddings", False),
        ("tie-output", False),
        ("train-source-embedding", True),
        ("train-target-embedding", True),
    ):
        group.add_argument(
            f"--{name}",
            action=argparse.BooleanOptionalAction,
            default=None,
            help=f"default: {default}",
        )


def _add_generate(commands):
    generate = commands.add_parser("generate", help="generate a line for each line of input")
    generate.add_argument("model", help="model file (.keras)")
    generate.add_argument(
        "files", nargs="*", metavar="FILE", help="one text a line; default: standard input"
    )
    generate.add_argument("--batch-size", type=_positive, default=64, help="default: %(default)s")
    _add_sampler(generate)
    generate.add_argument(
        "--num-results", type=int, help="beam: results a line, separated by tabs (default: 1)"
    )
    _add_json(generate)


def _add_evaluate(commands):
    evaluate = commands.add_parser("evaluate", help="measure a model on a file")
    evaluate.add_argument("model", help="model file (.keras)")
    _add_data(evaluate)
    evaluate.add_argument(
        "--metrics",
        nargs="+",
        choices=METRICS,
        metavar="METRIC",
        help=f"of {', '.join(METRICS)} (default: all that the model's kind has but source_coverage "
        "and those that compare texts: bleu, chrf, wer, exact)",
    )
    evaluate.add_argument("--batch-size", type=_positive, default=64, help="default: %(default)s")
    _add_sampler(evaluate)
    _add_json(evaluate)


def _add_inspect(commands):
    inspect = commands.add_parser("inspect", help="report on a file of pairs, or on a model file")
    _add_data(inspect)
    inspect.add_argument(
        "--validation", nargs="+", metavar="FILE", help="validation pairs, as DATA"
    )
    inspect.add_argument("--batch-size", type=_positive, default=64, help="default: %(default)s")
    inspect.add_argument("--max-length", type=int, default=200, help="default: %(default)s")
    _add_tokenizers(inspect)
    _add_json(inspect)


def _add_data(parser):
    parser.add_argument(
        "data",
        nargs="+",
        metavar="DATA",
        help="one file of pairs (tab-separated, .csv, .jsonl), or two line-aligned files; or .gz; "
        "to evaluate a classifier texts with labels, a language model a text a line",
    )
    parser.add_argument(
        "--columns", nargs=2, metavar=("SOURCE", "TARGET"), help="names or numbers of two columns"
    )


def _add_tokenizers(parser):
    for side in ("source", "target"):
        group = parser.add_argument_group(f"{side} tokenizer")
        group.add_argument(
            f"--{side}-tokenizer",
            choices=("auto", "char", "word", "jieba"),
            default="auto",
            help="default: auto, jieba for Chinese and word for the rest",
        )
        group.add_argument(f"--{side}-user-dictionary", metavar="FILE", help="words for jieba")
        group.add_argument(f"--{side}-stop-words", metavar="FILE", help="words that jieba drops")
        group.add_argument(
            f"--{side}-no-hmm", action="store_true", help="jieba must not guess words"
        )
    group = parser.add_argument_group("both tokenizers")
    group.add_argument("--max-tokens", type=int, help="default: no limit")
    group.add_argument("--min-frequency", type=int, default=1, help="default: %(default)s")
    group.add_argument("--lowercase", action="store_true")


def _add_sampler(parser):
    group = parser.add_argument_group("generation")
    group.add_argument("--max-length", type=int, default=100, help="default: %(default)s")
    group.add_argument("--sampler", choices=("greedy", "sample", "beam"), help="default: greedy")
    group.add_argument("--width", type=int, help="beam: default 5")
    group.add_argument("--length-penalty", type=float, help="beam: default 1.0")
    group.add_argument("--temperature", type=float, help="sample: default 1.0")
    group.add_argument("--top-k", type=int, help="sample: default all")
    group.add_argument("--top-p", type=float, help="sample: default all")
    group.add_argument("--seed", type=_seed, help="sample: default none")
    group.add_argument("--min-length", type=int, default=1, help="default: %(default)s")
    group.add_argument("--no-repeat-ngram", type=int, help="default: repetitions are allowed")
    group.add_argument("--repetition-penalty", type=float, default=1.0, help="default: %(default)s")
    group.add_argument("--prefix", default="", help="what every result begins with")
    group.add_argument(
        "--banned",
        action="append",
        default=[],
        metavar="TOKEN",
        help="a token never generated; repeat it for more",
    )
    group.add_argument(
        "--replace-unknown", action="store_true", help="copy the source token attended to"
    )


def _add_json(parser):
    parser.add_argument("--json", action="store_true", help="print results as JSON")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, received {text}")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected 0 to 4294967295, received {text}")
    return int(text)


@contextlib.contextmanager
def _quiet():
    """Hides what TensorFlow prints at its start; it heeds nothing but the file descriptor."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with open(os.devnull, "wb") as sink:
        os.dup2(sink.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
