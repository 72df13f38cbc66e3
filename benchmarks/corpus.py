"""The corpus that the benchmarks share: your own files, or sentences made up from a seed.

No command of its own: `python benchmarks/train.py --help` tells of `--data`.

Nothing here imports seq2seq at the top: the process that trains the PyTorch peer loads this file
too, and its memory is measured.
"""

import argparse
import sys

import numpy as np

Pairs = tuple[list[str], list[str]]

HELD_OUT = 1000  # pairs for validation where no files were given for it


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--data`."""
    parser.add_argument(
        "--data",
        nargs="+",
        metavar="FILE",
        help="SOURCE_FILE TARGET_FILE [VAL_SOURCE VAL_TARGET], line by line; without the last two "
        f"the last {HELD_OUT} pairs validate. Default: a synthetic corpus",
    )


def load_corpus(files: list[str] | None) -> tuple[Pairs, Pairs]:
    """Returns the pairs for training and those for validation."""
    import seq2seq

    if files is not None and len(files) not in (2, 4):
        sys.exit(f"--data takes 2 or 4 files. Received: {len(files)}.")
    try:
        sources, targets = seq2seq.read_pairs(*files[:2]) if files else make_pairs()
        if files and len(files) == 4:
            return (sources, targets), seq2seq.read_pairs(*files[2:])
    except ValueError as error:
        sys.exit(f"--data: {error}")
    kept = len(sources) - min(HELD_OUT, len(sources) // 10)
    return (sources[:kept], targets[:kept]), (sources[kept:], targets[kept:])


def make_pairs(count: int = 30_000, words: int = 5000, seed: int = 1) -> Pairs:
    """Makes up pairs of sentences of the size and the word frequencies of Multi30k.

    Lengths are about 12 words, frequencies follow Zipf's law, and the target renames every word and
    swaps neighbours, so that there is something to learn.
    """
    generator = np.random.default_rng(seed)
    frequencies = 1 / (np.arange(words) + 10)  # Zipf-Mandelbrot: no word is a tenth of the text
    renamed = generator.permutation(words)
    lengths = np.clip(generator.normal(12, 4, count).round().astype(int), 4, 40)
    text = generator.choice(words, int(lengths.sum()), p=frequencies / frequencies.sum())
    sources, targets = [], []
    for ids in np.split(text, np.cumsum(lengths)[:-1]):
        swapped = ids.copy()
        swapped[: len(ids) // 2 * 2] = ids[: len(ids) // 2 * 2].reshape(-1, 2)[:, ::-1].ravel()
        sources.append(" ".join(f"s{i}" for i in ids))
        targets.append(" ".join(f"t{i}" for i in renamed[swapped]))
    return sources, targets


def make_tokenizers(pairs: Pairs) -> tuple:
    """Returns the word tokenizers of both sides, words seen once left out."""
    import seq2seq

    return tuple(seq2seq.WordTokenizer(min_frequency=2).adapt(texts) for texts in pairs)


def encode(tokenizer, texts: list[str]) -> list[list[int]]:
    """Returns a row of ids for each text, ending with `EOS`."""
    import seq2seq

    return [[*tokenizer.encode(text), seq2seq.EOS] for text in texts]
