"""A dense layer that may be trained with half-precision products."""

import keras

from seq2seq.layers.output_product import remember_product
from seq2seq.layers.precision import half_product, multiplies_half


@keras.saving.register_keras_serializable(package="seq2seq")
class Dense(keras.layers.Dense):
    """`keras.layers.Dense` whose matrix products in training may be in bfloat16.

    Args:
        units: Size of the output.
        training_dtype: Data type of the operands of the products in training, `"float32"` or
            `"bfloat16"`; bias, activation and everything outside training are float32. Defaults to
            `"float32"`.
        **kwargs: The other arguments of `keras.layers.Dense`.
    """

    def __init__(self, units: int, training_dtype: str = "float32", **kwargs):
        super().__init__(units, **kwargs)
        self.training_dtype = training_dtype

    def call(self, inputs, training=False):
        """Returns the outputs for inputs `(..., dim)`."""
        half = multiplies_half(self, training)
        if half:
            outputs = half_product(inputs, self.kernel)  # (..., units)
            outputs = outputs + self.bias if self.use_bias else outputs
            outputs = self.activation(outputs)
        else:
            outputs = super().call(inputs, training=training)
        if training and self.use_bias and self.activation is keras.activations.linear:
            return remember_product(outputs, inputs, self.kernel, self.bias, half)
        return outputs

    def quantize(self, mode=None, type_check=True, config=None):
        """Quantizes the layer as `keras.layers.Dense` does, which by default refuses subclasses."""
        return super().quantize(mode, type_check=False, config=config)

    def get_config(self):
        """Returns the arguments that rebuild this layer."""
        return {**super().get_config(), "training_dtype": self.training_dtype}
