"""Opens graphs with LiteRT, as sessions like those of ONNX Runtime."""

import threading
from typing import NamedTuple

import numpy as np

from seq2seq.quiet import quiet_start


class Tensor(NamedTuple):
    """An input of a graph; an axis of any length is -1 in its shape."""

    name: str
    shape: list[int]


class LiteRTSession:
    """A graph, run as an `onnxruntime.InferenceSession` is.

    Args:
        content: Content of a `.tflite` file.
        threads: Number of threads; `None` for LiteRT's choice.

    Raises:
        ImportError: If `ai-edge-litert` is not installed.
        ValueError: If the graph cannot be opened.
    """

    def __init__(self, content: bytes, threads: int | None = None):
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise ImportError(
                "Models exported with format='litert' need the package ai-edge-litert: pip install "
                'ai-edge-litert, or pip install "keras-seq2seq[litert]"'
            ) from error
        try:
            with quiet_start():
                interpreter = Interpreter(model_content=content, num_threads=threads)
                interpreter.allocate_tensors()
            self._run = interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise ValueError(
                f"Could not open a graph with LiteRT: {error!s:.200}. Export the model again, or "
                "install a newer ai-edge-litert."
            ) from error
        self._lock = threading.Lock()  # an interpreter holds the tensors of one run

    def get_inputs(self) -> list[Tensor]:
        """Returns the inputs: ids, then states, then memory."""
        shapes = {
            name: details["shape_signature"].tolist()
            for name, details in self._run.get_input_details().items()
        }
        first = sorted(shapes, key=lambda name: (not name.endswith("_ids"), len(name), name))
        return [Tensor(name, shapes[name]) for name in first]

    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Runs the graph.

        Args:
            names: Names of the outputs to return.
            inputs: Arrays by the names of the inputs.
        """
        if len(inputs) > 1:
            outputs = self._invoke(inputs)
            return [outputs[name] for name in names]
        ((ids_name, ids),) = inputs.items()  # a graph that reads texts takes one at a time
        rows = [self._invoke({ids_name: row[None]}) for row in ids]
        return [np.concatenate([outputs[name] for outputs in rows]) for name in names]

    def _invoke(self, inputs):
        with self._lock:
            return self._run(**inputs)
