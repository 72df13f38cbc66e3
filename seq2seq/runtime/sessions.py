"""Opens graphs with ONNX Runtime."""

import threading
from pathlib import Path

from seq2seq.cores import count_cores

# A sum and its norm as one operation take four times as long as one after the other.
SLOW_FUSIONS = ["SkipLayerNormFusion"]
OLDEST = (1, 19)  # of ONNX Runtime: 1.18 gives wrong scores without an error


class SessionByRows:
    """A graph that runs on one thread for a single row, and on all cores for more.

    Where a product takes a few hundredths of a millisecond, waking a second thread costs more than
    it gains. The session for more rows is opened when it is first needed.

    Args:
        path: Path of the `.onnx` file, for messages.
        content: What is in it.
    """

    def __init__(self, path: Path, content: bytes):
        self._path, self._content = path, content
        self._lock = threading.Lock()
        self._single, self._many = open_session(path, content, 1), None

    def get_inputs(self):
        """Returns the inputs of the graph."""
        return self._single.get_inputs()

    def get_overridable_initializers(self):
        """Returns the inputs of the graph that may be left out."""
        return self._single.get_overridable_initializers()

    def get_outputs(self):
        """Returns the outputs of the graph."""
        return self._single.get_outputs()

    def run(self, names: list[str], inputs: dict):
        """Runs the graph; the first input tells the number of rows."""
        if len(next(iter(inputs.values()))) == 1:
            return self._single.run(names, inputs)
        with self._lock:
            if self._many is None:
                self._many = open_session(self._path, self._content, None)
                self._content = None
        return self._many.run(names, inputs)


def open_session(path: Path, content: bytes, threads: int | None):
    """Opens a graph.

    Args:
        path: Path of the `.onnx` file, for messages.
        content: What is in it.
        threads: Number of threads; `None` for one per core.

    Returns:
        An `onnxruntime.InferenceSession`.

    Raises:
        ImportError: If `onnxruntime` is not installed, or too old.
        ValueError: If the graph cannot be opened.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "Exported models need the package onnxruntime: pip install onnxruntime, or "
            'pip install "keras-seq2seq[export]"'
        ) from error
    version = onnxruntime.__version__
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        raise ImportError(
            f"Expected onnxruntime {'.'.join(map(str, OLDEST))} or newer. Received: {version}. "
            "Install a newer one: pip install -U onnxruntime"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads or count_cores()
    options.inter_op_num_threads = 1
    # A thread that waits by spinning takes the core from whoever else needs it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # The content, not the path: then no other file is looked for beside it.
        return onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW_FUSIONS
        )
    except Exception as error:  # ONNX Runtime raises many kinds
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"Could not open {path}: {reason:.200}. Export the model again, or install a newer "
            f"onnxruntime than {version}."
        ) from error
