"""Pooling of token vectors into one vector per text."""

import keras
from keras import ops

from seq2seq.tasks.text_vectors import LOWEST


@keras.saving.register_keras_serializable(package="seq2seq")
class MeanPooling(keras.layers.Layer):
    """Mean over the real tokens.

    Call arguments:
        inputs: float `(batch, length, dim)`.
        mask: bool `(batch, length)`, true where there is a token.

    Returns:
        float `(batch, dim)`.
    """

    def call(self, inputs, mask):
        """Returns the mean of each text."""
        mask = ops.cast(mask, inputs.dtype)[:, :, None]  # (batch, length, 1)
        return ops.sum(inputs * mask, axis=1) / ops.sum(mask, axis=1)  # (batch, dim)

    def compute_mask(self, inputs, mask=None):
        """Returns `None`: the output has no token axis."""
        return None


@keras.saving.register_keras_serializable(package="seq2seq")
class MaxPooling(MeanPooling):
    """Maximum over the real tokens (Collobert et al. 2011, section 3.3.2), as `MeanPooling`.

    https://www.jmlr.org/papers/v12/collobert11a.html
    """

    def call(self, inputs, mask):
        """Returns the maximum of each text."""
        return ops.max(ops.where(mask[:, :, None], inputs, LOWEST), axis=1)  # (batch, dim)
