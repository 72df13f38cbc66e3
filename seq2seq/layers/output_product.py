"""What an output layer multiplied, so that a loss of a large vocabulary may multiply it anew."""

import contextlib
import dataclasses
from typing import Any

from keras import ops

from seq2seq.layers.precision import half_product

LARGE = 2**15  # classes; with fewer, the scores of a batch fit into memory


@dataclasses.dataclass(eq=False)
class OutputProduct:
    """An output layer's part in scores `inputs @ kernel + bias`, passed on to loss and metrics.

    Args:
        inputs: float32 `(..., dim)`.
        kernel: float32 `(dim, classes)`.
        bias: float32 `(classes,)`.
        half: Whether the products are in bfloat16.
        weights: float32 `(...)`, what each position counts in the loss. Defaults to `None`: the
            model has not said.
        measured: What the loss has found for the metrics, float32 `(...)` by name.
    """

    inputs: Any
    kernel: Any
    bias: Any
    half: bool
    weights: Any = None
    measured: dict = dataclasses.field(default_factory=dict)

    def multiply(self, a, b):
        """Multiplies matrices."""
        return half_product(a, b) if self.half else ops.matmul(a, b)


def remember_product(scores, inputs, kernel, bias, half: bool):
    """Returns scores with the product that made them, if there are many and the backend can.

    If nothing but a loss asks for them, the compiled graph then never computes these scores.
    """
    if scores.shape[-1] >= LARGE:
        kernel, bias = ops.convert_to_tensor(kernel), ops.convert_to_tensor(bias)
        with contextlib.suppress(AttributeError):  # JAX's tensors take no attributes
            scores._output_product = OutputProduct(inputs, kernel, bias, half)
    return scores


def find_product(probabilities) -> OutputProduct | None:
    """Returns the product behind the softmax of scores, if it was remembered."""
    # Keras attaches a softmax's inputs to its result.
    scores = getattr(probabilities, "_keras_logits", None)
    return getattr(scores, "_output_product", None)
