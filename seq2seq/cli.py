"""The command line: its commands, its exit codes, and a quiet start."""

import argparse
import importlib
import itertools
import os
import sys
import warnings
from pathlib import Path

from seq2seq.commands.early_checks import check_early, stopped
from seq2seq.commands.options import PAIRS, add_data, add_json, positive
from seq2seq.commands.sampler_options import add_sampler
from seq2seq.commands.tokenizer_options import add_side_tokenizers
from seq2seq.commands.train_options import add_train
from seq2seq.evaluation.metric_names import DEFAULT_METRICS, KNOWN_METRICS
from seq2seq.lazy import needs_keras
from seq2seq.quiet import LEVEL
from seq2seq.serving.keys import KEY_VARIABLE
from seq2seq.serving.limits import Limits
from seq2seq.version import __version__


def main(arguments: list[str] | None = None) -> int:
    """Runs the command `seq2seq`.

    Args:
        arguments: Words of the command line. Defaults to `None`, those of the process.

    Returns:
        Exit code: 0, 1 for bad input, 130 after Ctrl-C. Bad usage exits with 2.
    """
    options = parse(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a notebook's has none, and takes all of Unicode
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    before, warnings.formatwarning = warnings.formatwarning, _format_warning
    try:
        check_early(options)
        _load_command(options.command)(options)
        sys.stdout.flush()
    except (ValueError, ImportError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # the reader, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"seq2seq: {_in_a_line(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print(f"\nseq2seq: {str(error) or _stopped(options)}", file=sys.stderr)
        return 130
    except Exception as error:  # such as out of memory: a user needs no stack trace
        print(f"seq2seq: {type(error).__name__}: {_in_a_line(error)[:300]}", file=sys.stderr)
        return 1
    finally:
        warnings.formatwarning = before
    return 0


def _format_warning(message, *details):
    """Returns a warning in a line: whoever runs a command has not written the code it is of."""
    return f"seq2seq: {_in_a_line(message)}\n"


def _in_a_line(message):
    return " ".join(str(message).split())


def _stopped(options):
    """Returns what to say after Ctrl-C before a command has begun."""
    return stopped(Path(options.output)) if options.command == "train" else "stopped."


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses a command line; exits with 2 if it is invalid."""
    options = build_parser().parse_args(arguments)
    if options.command == "train":
        options.by_task.refuse_others(options)
    return options


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line; it needs no Keras."""
    parser = argparse.ArgumentParser(
        "seq2seq", description="Train models of texts - the classic encoder-decoder - and use them."
    )
    parser.add_argument("--version", action="version", version=f"seq2seq {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_train(commands)
    _add_generate(commands)
    _add_evaluate(commands)
    _add_inspect(commands)
    _add_export(commands)
    _add_convert(commands)
    _add_serve(commands)
    return parser


def _add_generate(commands):
    generate = commands.add_parser(
        "generate", help="generate a line for each line of input, label it, or fill it in"
    )
    generate.add_argument("model", help="model file (.keras), exported or pretrained folder")
    generate.add_argument(
        "files", nargs="*", metavar="FILE", help="one text per line; default: standard input"
    )
    generate.add_argument(
        "--text", action="append", help="a line of input, instead of FILEs; repeat it for more"
    )
    generate.add_argument("--batch-size", type=positive, default=64, help="default: %(default)s")
    sampling = add_sampler(generate)
    sampling.add_argument(
        "--num-results", type=int, help="beam: results per line, separated by tabs (default: 1)"
    )
    add_json(generate)


def _add_evaluate(commands):
    known = dict.fromkeys(itertools.chain(*KNOWN_METRICS.values()))
    usual = set(itertools.chain(*DEFAULT_METRICS.values()))
    rest = ", ".join(name for name in known if name not in usual)
    evaluate = commands.add_parser("evaluate", help="measure a model on a file")
    evaluate.add_argument("model", help="model file (.keras), exported or pretrained folder")
    add_data(
        evaluate,
        f"{PAIRS}; or .gz; for a classifier, texts with labels; for a language model, or one that "
        "fills in, one text per line",
    )
    evaluate.add_argument(
        "--whole-files", action="store_true", help="language model: each file is one text"
    )
    evaluate.add_argument(
        "--metrics",
        nargs="+",
        choices=tuple(known),
        metavar="METRIC",
        help=f"of {', '.join(known)} (default: all of the model's kind except {rest})",
    )
    evaluate.add_argument("--batch-size", type=positive, default=64, help="default: %(default)s")
    add_sampler(evaluate)
    add_json(evaluate)


def _add_inspect(commands):
    inspect = commands.add_parser("inspect", help="report on a file of pairs, or on a model file")
    model = "a model: a file (.keras), an exported or a pretrained folder"
    add_data(inspect, f"{PAIRS}; or .gz; or {model}")
    inspect.add_argument(
        "--validation", nargs="+", metavar="FILE", help="validation pairs, as DATA"
    )
    inspect.add_argument("--batch-size", type=positive, default=64, help="default: %(default)s")
    inspect.add_argument("--max-length", type=int, default=200, help="default: %(default)s")
    add_side_tokenizers(inspect)
    add_json(inspect)


def _add_export(commands):
    export = commands.add_parser(
        "export", help="write a folder that runs without Keras and TensorFlow"
    )
    export.add_argument("model", help="model file (.keras), or a pretrained folder")
    export.add_argument("folder", metavar="FOLDER", help="folder to write; an export is replaced")
    export.add_argument("--quantize", choices=("int8",), help="weights of 8 bits")
    export.add_argument(
        "--format",
        choices=("onnx", "litert"),
        default="onnx",
        help="what runs it; litert: recurrent models alone (default: onnx)",
    )
    add_json(export)


def _add_convert(commands):
    convert = commands.add_parser(
        "convert",
        help="make a model file of a pretrained model of Hugging Face: GPT-2, Marian, BERT",
    )
    convert.add_argument(
        "folder",
        metavar="FOLDER",
        help="folder with config.json and model.safetensors, or the name of a model in the cache",
    )
    convert.add_argument("output", metavar="OUTPUT", help="model file (.keras)")
    convert.add_argument("--overwrite", action="store_true", help="replace OUTPUT if it exists")
    add_json(convert)


def _add_serve(commands):
    serve = commands.add_parser(
        "serve", help="answer requests over HTTP, with a page to try models"
    )
    serve.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="exported folder, model file (.keras), or pretrained folder; NAME=MODEL gives it "
        "another name",
    )
    serve.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="default: %(default)s; 0: a free one")
    serve.add_argument(
        "--api-key",
        default=os.environ.get(KEY_VARIABLE),
        help=f"key that clients must send (default: the variable {KEY_VARIABLE}, or none)",
    )
    serve.add_argument(
        "--no-auth",
        action="store_true",
        help="need no key, whatever the address and the variable",
    )
    serve.add_argument(
        "--max-batch", type=positive, default=Limits.max_batch, help="default: %(default)s rows"
    )
    serve.add_argument(
        "--max-queue", type=positive, default=Limits.max_queue, help="default: %(default)s texts"
    )
    serve.add_argument(
        "--max-length",
        type=positive,
        default=Limits.max_length,
        help="of a request (default: %(default)s)",
    )
    serve.add_argument(
        "--max-input",
        type=positive,
        default=Limits.max_input,
        help="tokens of a text (default: %(default)s)",
    )
    serve.add_argument(
        "--timeout",
        type=float,
        default=Limits.timeout,
        help="seconds for an answer (default: %(default)g)",
    )
    serve.add_argument(
        "--cors", action="append", default=[], metavar="ORIGIN", help="site whose pages may ask"
    )
    serve.add_argument("--threads", type=positive, help="of a step (default: one per core)")


def _load_command(name):
    """Returns the function of a command."""
    os.environ.setdefault(LEVEL, "3")  # for what TensorFlow prints after its start
    with needs_keras():
        return getattr(importlib.import_module(f"seq2seq.commands.{name}"), name)
