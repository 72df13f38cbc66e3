"""An encoder-decoder of OpenNMT-py, to measure seq2seq against.

No command of its own. OpenNMT-py 3.5.1 needs a PyTorch before 2.3 and a NumPy before 2, so it has
an environment of its own (`pip install OpenNMT-py==3.5.1 "torch<2.3" "numpy<2"`), whose interpreter
every function here is given as `python` and runs in a subprocess.
"""

import json
import math
import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from memory import peak_megabytes

Pairs = tuple[list[str], list[str]]  # source and target lines, tokens separated by spaces

SIDES = ("src", "tgt")


def to_line(ids) -> str:
    """Returns ids as a line of tokens without the special ones, but for the unknown word."""
    return " ".join(str(i) for i in ids if i == 1 or i > 3)


def train(
    python: str,
    folder: Path,
    pairs: Pairs,
    validation: Pairs,
    sizes: tuple[int, int],
    units: int,
    bidirectional: bool,
    attention: bool,
    updates: int,
    batch_size: int,
    threads: int,
    embedding_dim: int = 256,
) -> dict:
    """Trains one layer of LSTM a side with Adam at 1e-3, and validates after the last update.

    As near to `Seq2Seq` as the options go: halves of `units` for a bidirectional encoder, Luong's
    dot product for attention, no input feeding, no dropout, vocabularies of the ids from 4 to
    `sizes`, and gradients of the mean loss a token. What differs: gradients are clipped by the norm
    of all together, sources have no `EOS`, no layer bridges the states of a bidirectional encoder,
    weights start uniform in ±0.1, and of equal sources in one batch only the first is trained on.

    All files go to `folder`. Call it from a process that imported no framework: Linux counts the
    memory of the process that starts another as the other's. There must be 2 `updates` or more.

    Returns:
        `tokens_per_second`, real target tokens and `EOS` over the second half of the updates;
        `validation_loss`, natural, a token; `peak_megabytes`, of the process; `model`, a path.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for side, lines, held_out, size in zip(SIDES, pairs, validation, sizes, strict=True):
        tokens = map(str, range(4, size))
        files |= {f"train.{side}": lines, f"valid.{side}": held_out, f"vocabulary.{side}": tokens}
    paths = {name: _write_lines(folder / name, lines) for name, lines in files.items()}
    config = {
        "data": {
            corpus: {f"path_{side}": paths[f"{corpus}.{side}"] for side in SIDES}
            for corpus in ("train", "valid")
        },
        **{f"{side}_vocab": paths[f"vocabulary.{side}"] for side in SIDES},
        "src_vocab_size": 0,  # no limit
        "tgt_vocab_size": 0,
        "vocab_size_multiple": 1,
        "save_model": str(folder / "model"),
        "encoder_type": "brnn" if bidirectional else "rnn",
        "decoder_type": "rnn",
        "rnn_type": "LSTM",
        "layers": 1,
        "hidden_size": units,
        "word_vec_size": embedding_dim,
        "global_attention": "dot" if attention else "none",
        "input_feed": 0,
        "dropout": 0.0,
        "optim": "adam",
        "learning_rate": 1e-3,
        "max_grad_norm": 1.0,
        "normalization": "tokens",
        "batch_type": "sents",
        "batch_size": batch_size,
        "valid_batch_size": batch_size,
        "bucket_size": len(pairs[0]),  # sorted by length together; every pair once an epoch
        "num_workers": 0,  # batches are made in the process that trains
        "train_steps": updates,
        "valid_steps": updates,
        "save_checkpoint_steps": updates,
        "report_every": updates // 2,
        "seed": 1,
    }
    path = _write_lines(folder / "config.yaml", [json.dumps(config, indent=2)])  # which is YAML
    run = _run(python, "train", ["-config", path], threads)
    return {
        "tokens_per_second": run.number(r"Step +\d+/.*/ *(\d+) tok/s"),
        "validation_loss": math.log(run.number(r"Validation perplexity: (\S+)")),
        "peak_megabytes": run.peak_megabytes,
        "model": str(folder / f"model_step_{updates}.pt"),
    }


def translate(
    python: str,
    folder: Path,
    model: str,
    sources: list[str],
    beam: int,
    batch_size: int,
    max_length: int,
    threads: int,
) -> dict:
    """Translates lines of tokens, by a beam of a width (1: greedily), and tells how fast.

    OpenNMT-py times its loop over the batches, without its start and the loading of the model. From
    that is taken the same of another process, which translates one batch to warm up: the shortest
    line `batch_size` times over. The timed process begins with that batch too, for OpenNMT-py sorts
    lines by length. As in `Seq2Seq.generate`, beams are ranked by the length penalty of Wu et al.
    2016 with exponent 1, and no unknown words are generated.

    Returns:
        `sentences_per_second`; `tokens` of the results, `EOS` included.
    """
    folder = folder.resolve()
    options = ["-model", str(model), "-beam_size", str(beam), "-batch_size", str(batch_size)]
    options += ["-max_length", str(max_length), "-max_length_ratio", "0", "-ban_unk_token"]
    options += ["-length_penalty", "wu", "-alpha", "1", "-report_time"]

    def seconds(name: str, lines: list[str]) -> float:
        source, output = _write_lines(folder / f"{name}.src", lines), folder / f"{name}.out"
        result = _run(
            python, "translate", ["-src", source, "-output", str(output), *options], threads
        )
        tokens = len(output.read_text(encoding="utf-8").split())
        if tokens:  # their rate is printed to more digits than the time
            return tokens / result.number(r"Tokens per second: (\S+)")
        return result.number(r"Total translation time \(s\): (\S+)")

    sources = [line for line in sources if line.strip()]  # OpenNMT-py skips empty ones
    warmup = [min(sources, key=lambda line: len(line.split()))] * batch_size
    taken = seconds("all", [*warmup, *sources]) - seconds("warmup", warmup)
    results = (folder / "all.out").read_text(encoding="utf-8").splitlines()[batch_size:]
    return {
        "sentences_per_second": len(sources) / taken,
        "tokens": sum(len(line.split()) + 1 for line in results),
    }


class _Run(NamedTuple):
    """What a finished process printed, and the memory it took."""

    output: str
    peak_megabytes: float

    def number(self, pattern: str) -> float:
        """Returns the last number in the output that follows a pattern."""
        if found := re.findall(pattern, self.output):
            return float(found[-1])
        raise RuntimeError(f"OpenNMT-py printed no {pattern!r}:\n{_last_lines(self.output)}")


def _run(python: str, command: str, options: list[str], threads: int) -> _Run:
    variables = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    process = subprocess.Popen(
        [python, "-m", f"onmt.bin.{command}", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=os.environ | variables | {"CUDA_VISIBLE_DEVICES": "-1"},
    )
    with process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)  # the memory of this child alone
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"OpenNMT-py failed to {command}:\n{_last_lines(output)}")
    return _Run(output, peak_megabytes(usage))


def _last_lines(output: str) -> str:
    return "\n".join(output.splitlines()[-15:])


def _write_lines(path: Path, lines: list[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)
