"""Restricts a benchmark to some CPU cores, for every library alike.

No command of its own: see `--threads` of train.py and generate.py.
"""

import argparse
import os


def add_threads_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--threads`."""
    parser.add_argument("--threads", type=int, default=2, help="CPU cores to use (2)")


def restrict_threads(threads: int, first: int = 0, gpu: bool = False) -> None:
    """Restricts this process and those it starts; call it before a framework runs anything.

    Thread pools are made as large as the cores that a process may use, so one setting fits
    TensorFlow, JAX and PyTorch.

    Args:
        threads: How many cores.
        first: The first of them. Defaults to 0.
        gpu: Whether a GPU may be used beside them. Defaults to `False`.
    """
    if not gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    if hasattr(os, "sched_setaffinity"):  # Linux; elsewhere every core is used
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[first : first + threads])
