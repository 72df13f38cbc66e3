"""Masks of padding."""

import keras
from keras import ops

from seq2seq.text.vocabulary import PAD


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
