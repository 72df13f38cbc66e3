"""Recurrent layers that are trained and run fast on a CPU."""

import keras
from keras import ops

from seq2seq.backend import runs_tensorflow_on_cpu
from seq2seq.layers.precision import multiplies_half


class FastLoop:
    """A recurrent layer of Keras with a faster loop for TensorFlow on a CPU; elsewhere Keras's.

    Both compute the same from the same weights, to rounding. With dropout, other activations or no
    bias it is Keras's everywhere.

    Args:
        units: Size of the output.
        training_dtype: Data type of the operands of the matrix products in training, `"float32"` or
            `"bfloat16"`; weights, states and everything outside training are float32. Defaults to
            `"float32"`. Only the faster loop uses it.
        **kwargs: The other arguments of the layer.

    Call arguments:
        sequences: `(batch, length, dim)`.
        initial_state: A list of states, each `(batch, units)`. Defaults to `None`, zeros.
        mask: bool `(batch, length)`; a row starts with real steps. Defaults to `None`.
        training: Whether in training. Defaults to `False`.
    """

    def __init__(self, units: int, training_dtype: str = "float32", **kwargs):
        super().__init__(units, **kwargs)
        self.training_dtype = training_dtype

    def run(self, *tensors):
        """Runs the faster loop; see `run_lstm` and `run_gru`."""
        raise NotImplementedError

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Runs over the steps; see `keras.layers.RNN`."""
        if not (runs_tensorflow_on_cpu() and self.is_usual()):
            return super().inner_loop(sequences, initial_state, mask, training)
        dtype, cell = self.compute_dtype, self.cell
        x = ops.cast(ops.transpose(sequences, (1, 0, 2)), "float32")  # (length, batch, dim)
        if mask is not None:
            mask = ops.transpose(ops.cast(mask, "bool"))[:, :, None]  # (length, batch, 1)
        if self.go_backwards:
            x, mask = ops.flip(x, 0), None if mask is None else ops.flip(mask, 0)
        tensors = *initial_state, cell.kernel, cell.recurrent_kernel, cell.bias
        tensors = (ops.cast(tensor, "float32") for tensor in tensors)
        product_dtype = "bfloat16" if multiplies_half(self, training) else dtype
        outputs, *states = self.run(x, mask, *tensors, product_dtype, training)
        if mask is not None and self.zero_output_for_mask:  # in a Bidirectional
            outputs = ops.where(mask, outputs, 0.0)
        outputs = ops.cast(ops.transpose(outputs, (1, 0, 2)), dtype)  # (batch, length, units)
        return outputs[:, -1], outputs, [ops.cast(state, dtype) for state in states]

    def is_usual(self) -> bool:
        """Tells whether the faster loop computes what this layer asks for."""
        activations = self.activation, self.recurrent_activation
        return (
            activations == (keras.activations.tanh, keras.activations.sigmoid)
            and self.use_bias
            and not (self.dropout or self.recurrent_dropout)
            and self.compute_dtype in ("float32", "bfloat16")
        )

    def get_config(self):
        """Returns the arguments that rebuild this layer."""
        return {**super().get_config(), "training_dtype": self.training_dtype}


@keras.saving.register_keras_serializable(package="seq2seq")
class LSTM(FastLoop, keras.layers.LSTM):
    """`keras.layers.LSTM`, faster; see `FastLoop`. Its states are `[h, c]`."""

    gates = 4

    def __init__(self, units: int, training_dtype: str = "float32", **kwargs):
        if keras.backend.backend() == "jax":
            # Keras's call of cuDNN learns worse on a GPU: a loss of 5.09 after 150 updates of
            # benchmarks/train.py where the same model in PyTorch comes to 4.56.
            kwargs = {"use_cudnn": False, **kwargs}
        super().__init__(units, training_dtype, **kwargs)

    def run(self, *tensors):
        """Runs the faster loop."""
        from seq2seq.layers.tensorflow_lstm import run_lstm

        return run_lstm(*tensors)


@keras.saving.register_keras_serializable(package="seq2seq")
class GRU(FastLoop, keras.layers.GRU):
    """`keras.layers.GRU`, faster; see `FastLoop`. Its state is `[h]`."""

    gates = 3

    def run(self, *tensors):
        """Runs the faster loop."""
        from seq2seq.layers.tensorflow_gru import run_gru

        return run_gru(*tensors)

    def is_usual(self) -> bool:
        """Tells whether the faster loop computes what this layer asks for."""
        return super().is_usual() and self.reset_after
