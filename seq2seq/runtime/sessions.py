"""Opens graphs with ONNX Runtime."""

import os
from pathlib import Path


def open_session(path: Path, content: bytes, threads: int | None):
    """Opens a graph.

    Args:
        path: Path of the `.onnx` file, for messages.
        content: What is in it.
        threads: Number of threads; `None` for one per core.

    Returns:
        An `onnxruntime.InferenceSession`.

    Raises:
        ImportError: If `onnxruntime` is not installed.
        ValueError: If the graph cannot be opened.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "Exported models need the package onnxruntime: pip install onnxruntime, or "
            'pip install "keras-seq2seq[export]"'
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads or _cores()
    options.inter_op_num_threads = 1
    # A thread that waits by spinning takes the core from whoever else needs it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # The content, not the path: then no other file is looked for beside it.
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises many kinds
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"Could not open {path}: {reason:.200}. Export the model again, or install a newer "
            f"onnxruntime than {onnxruntime.__version__}."
        ) from error


def _cores() -> int:
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
