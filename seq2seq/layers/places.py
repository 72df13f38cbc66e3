"""Takes the outputs at some places of a sequence."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="seq2seq")
class TakePlaces(keras.layers.Layer):
    """Picks the vectors at some places of each row.

    Call arguments:
        inputs: float `(batch, length, units)`.
        places: int `(batch, count)`, each below `length`.

    Returns:
        float `(batch, count, units)`.
    """

    def call(self, inputs, places):
        """Picks vectors."""
        batch, length = ops.shape(inputs)[0], ops.shape(inputs)[1]
        starts = ops.arange(batch, dtype="int32")[:, None] * length  # (batch, 1)
        vectors = ops.reshape(inputs, (-1, inputs.shape[-1]))  # (batch * length, units)
        return ops.take(vectors, starts + ops.cast(places, "int32"), axis=0)

    def compute_output_spec(self, inputs, places):
        """Returns the shape and data type of the output."""
        shape = (inputs.shape[0], places.shape[1], inputs.shape[2])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)
