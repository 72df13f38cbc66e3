"""The loss with smoothed labels."""

import keras
from keras import ops

from seq2seq.models.metrics import SMALLEST


@keras.saving.register_keras_serializable(package="seq2seq")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy with labels of which a share is spread evenly over the vocabulary.

    Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, section 7.

    Args:
        label_smoothing: The share, from 0 to 1. Defaults to 0.1.
        name: Defaults to `"smoothed_crossentropy"`.
        reduction: As in Keras. Defaults to `"sum_over_batch_size"`.

    Example:

    >>> loss = SmoothedCrossentropy(0.1)
    >>> round(float(loss([[1]], [[[0.5, 0.5]]])), 4)
    0.6931
    """

    def __init__(
        self,
        label_smoothing=0.1,
        name="smoothed_crossentropy",
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        """Returns the loss of each token, `(batch, length)`."""
        exact = ops.sparse_categorical_crossentropy(y_true, y_pred)
        even = -ops.mean(ops.log(ops.maximum(y_pred, SMALLEST)), axis=-1)
        return (1 - self.label_smoothing) * exact + self.label_smoothing * even

    def get_config(self):
        """Returns the arguments that rebuild this loss."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
