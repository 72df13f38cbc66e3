"""A dense layer that may be trained with half-precision products."""

from collections.abc import Sequence

import keras
from keras import ops

from seq2seq.layers.output_product import remember_product
from seq2seq.layers.precision import half_product, multiplies_half
from seq2seq.layers.rows import flatten_rows, restore_rows


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
        rows = flatten_rows(inputs)
        if half:
            outputs = half_product(rows, self.kernel)  # (rows, units)
            outputs = ops.add(outputs, self.bias) if self.use_bias else outputs
            outputs = self.activation(outputs)
        else:
            outputs = super().call(rows, training=training)
        outputs = restore_rows(outputs, inputs)
        if training and self.use_bias and self.activation is keras.activations.linear:
            return remember_product(outputs, inputs, self.kernel, self.bias, half)
        return outputs

    def quantize(self, mode=None, type_check=True, config=None):
        """Quantizes the layer as `keras.layers.Dense` does, which by default refuses subclasses."""
        return super().quantize(mode, type_check=False, config=config)

    def get_config(self):
        """Returns the arguments that rebuild this layer."""
        return {**super().get_config(), "training_dtype": self.training_dtype}


def multiply_together(x, layers: Sequence[Dense], training: bool = False) -> list:
    """Returns what layers without activation make of the same input, by one wide product.

    Args:
        x: `(..., dim)`.
        layers: Built layers of the same size and training data type, with bias.
        training: Whether in training. Defaults to `False`.
    """
    if any(layer.quantization_mode for layer in layers):  # each scales its kernel in its own way
        return [layer(x, training=training) for layer in layers]
    kernel = ops.concatenate([layer.kernel for layer in layers], axis=1)  # (dim, all units)
    bias = ops.concatenate([layer.bias for layer in layers], axis=0)
    half, rows = multiplies_half(layers[0], training), flatten_rows(x)
    product = half_product(rows, kernel) if half else ops.matmul(rows, ops.cast(kernel, x.dtype))
    product = ops.add(product, ops.cast(bias, product.dtype))
    return ops.split(restore_rows(product, x), len(layers), axis=-1)
