"""Masks of padding."""

import keras
from keras import ops

from seq2seq.text.vocabulary import PAD


def measure_prompts(ids):
    """Returns lengths `(batch, 1)` and last tokens `(batch,)` of prompts `(batch, length)`."""
    lengths = ops.sum(ops.cast(ops.not_equal(ids, PAD), "int32"), axis=1, keepdims=True)
    return lengths, ops.take_along_axis(ids, lengths - 1, axis=1)[:, 0]


@keras.saving.register_keras_serializable(package="seq2seq")
class PaddingMask(keras.layers.Layer):
    """Tells the real tokens from the padding.

    Call arguments:
        ids: int32 `(batch, length)`, padded with 0.

    Returns:
        bool `(batch, length)`, true where there is a token.
    """

    def call(self, ids):
        """Returns true where there is a token."""
        return ops.not_equal(ids, PAD)
