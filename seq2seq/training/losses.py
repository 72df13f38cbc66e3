"""The default loss of the models: cross-entropy with optional label smoothing."""

import keras
from keras import ops

from seq2seq.backend import known_rank
from seq2seq.checks import check_number
from seq2seq.generation.constraints import SMALLEST
from seq2seq.layers.output_product import find_product
from seq2seq.training.crossentropies import crossentropy_of_product, crossentropy_of_scores
from seq2seq.training.metrics import at_least_float32, pick


@keras.saving.register_keras_serializable(package="seq2seq")
class Crossentropy(keras.losses.Loss):
    """Cross-entropy of integer labels, of which a share may be spread over all classes.

    It equals Keras's `"sparse_categorical_crossentropy"` with about half of the work where the
    probabilities come from a softmax: the gradient is computed from them in one pass (Bishop 2006,
    equation 4.109). Label smoothing is that of Szegedy et al. 2016,
    https://arxiv.org/abs/1512.00567, section 7. Where a backend does not tell the scores that a
    softmax was of, as JAX, probabilities below 1e-37 count as that, and have no gradient.

    Args:
        label_smoothing: The share, from 0 to 1. Defaults to 0.
        name: Defaults to `"crossentropy"`.
        reduction: As in Keras. Defaults to `"sum_over_batch_size"`.
        dtype: As in Keras. Defaults to `None`.

    Call arguments:
        y_true: int `(batch,)` or `(batch, length)`.
        y_pred: float, a distribution for each: `(batch, classes)` or `(batch, length, classes)`.

    Example:

    >>> loss = Crossentropy(label_smoothing=0.1)
    >>> round(float(loss([[1]], [[[0.5, 0.5]]])), 4)
    0.6931
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        name: str = "crossentropy",
        reduction: str | None = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        check_number("label_smoothing", label_smoothing, "[0, 1]")
        super().__init__(name=name, reduction=reduction, dtype=at_least_float32(dtype))
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        """Returns the loss of each label, in the shape of `y_pred` without its last axis."""
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        rank = known_rank(y_true)
        if rank == known_rank(y_pred) and rank and y_true.shape[-1] not in (1, None):
            raise ValueError(
                "Expected labels that are ids or class indices. Received labels of the shape "
                f"{tuple(y_true.shape)} for outputs of the shape {tuple(y_pred.shape)}. Pass "
                "`labels.argmax(-1)`, or compile the model with 'categorical_crossentropy'."
            )
        labels = ops.reshape(ops.cast(y_true, "int32"), ops.shape(y_pred)[:-1])
        product = find_product(y_pred)
        if product is not None and product.weights is not None:
            return crossentropy_of_product(product, labels, self.label_smoothing)
        # Keras attaches a softmax's inputs to its result, on the backends where it can.
        scores = getattr(y_pred, "_keras_logits", None)
        if scores is not None and scores.dtype == y_pred.dtype:
            return crossentropy_of_scores(scores, labels, self.label_smoothing)
        # Keras's own would clip probabilities at 1e-7, below which there is no gradient.
        exact = -ops.log(ops.maximum(pick(y_pred, labels), SMALLEST))
        if not self.label_smoothing:
            return exact
        even = -ops.mean(ops.log(ops.maximum(y_pred, SMALLEST)), axis=-1)
        return (1 - self.label_smoothing) * exact + self.label_smoothing * even

    def get_config(self):
        """Returns the arguments that rebuild this loss."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


# Its name in files of development versions.
keras.saving.get_custom_objects()["seq2seq>SmoothedCrossentropy"] = Crossentropy
