"""The loop of an LSTM over its steps, in plain TensorFlow operations for a CPU.

It computes what `keras.layers.LSTM` does (Hochreiter & Schmidhuber 1997, with the forget gate of
Gers et al. 2000) with less work between the matrix products: the inputs of all steps are projected
at once, one tanh serves all gates, and the gradient of each kernel is one product over all steps
rather than one per step (backpropagation through time, Werbos 1990).
"""

import tensorflow as tf

from seq2seq.backend import custom_gradient
from seq2seq.layers.tensorflow_loop import new_array, outer, product, shifted, times, unstack


def run_lstm(x, mask, h, c, kernel, recurrent_kernel, bias, product_dtype, training):
    """Runs an LSTM over sequences.

    Args:
        x: float32 `(length, batch, dim)`, time first.
        mask: bool `(length, batch, 1)`, or `None`. Where it is false, states stay as they are.
        h: float32 `(batch, units)`, the initial output.
        c: float32 `(batch, units)`, the initial cell state.
        kernel: float32 `(dim, 4 * units)`; gates in the order input, forget, cell, output.
        recurrent_kernel: float32 `(units, 4 * units)`.
        bias: float32 `(4 * units,)`.
        product_dtype: Data type of the operands of the matrix products.
        training: Whether to use the faster gradient. It keeps a graph from being exported.

    Returns:
        Tuple `(outputs, h, c)`: float32 `(length, batch, units)`, and the last states.
    """
    # sigmoid(z) = (1 + tanh(z / 2)) / 2, so that one tanh serves all gates.
    scale = tf.repeat([0.5, 0.5, 1.0, 0.5], recurrent_kernel.shape[0])

    def run(x, h, c, kernel, recurrent_kernel, bias):
        factors = tf.cast(kernel, product_dtype), tf.cast(recurrent_kernel, product_dtype)
        projected = times(x, factors[0]) + bias  # (length, batch, 4 * units)
        outputs, last_h, last_c, *kept = _forward(projected, mask, h, c, factors[1])

        def gradient(d_outputs, d_h, d_c):
            transposed = [tf.transpose(factor) for factor in factors]
            d_gates, d_h, d_c = _backward(kept, mask, d_outputs, d_h, d_c, transposed[1])
            return (
                times(d_gates, transposed[0]),
                d_h,
                d_c,
                outer(x, d_gates, product_dtype),
                outer(shifted(h, outputs), d_gates, product_dtype),
                tf.reduce_sum(d_gates, [0, 1]),
            )

        return (outputs, last_h, last_c), gradient

    arguments = x, h, c, kernel * scale, recurrent_kernel * scale, bias * scale
    return custom_gradient(run)(*arguments) if training else run(*arguments)[0]


def _forward(projected, mask, h, c, recurrent_kernel):
    """Returns the outputs, the last states, and arrays of what the gradient needs for each step.

    These are the cell states and the gates; the three with a sigmoid `s` are kept as `2 * s - 1`.
    """
    length, units = tf.shape(projected)[0], recurrent_kernel.shape[0]
    batch = h.shape[0]  # if known: LiteRT takes no arrays of steps of unknown shape
    projected = unstack(projected)
    masks = None if mask is None else unstack(mask)
    cells = new_array(length + 1, batch, units).write(0, c)

    def body(t, h, c, outputs, cells, gates):
        gate = tf.tanh(projected.read(t) + product(h, recurrent_kernel))  # (batch, 4 * units)
        i, f, g, o = tf.split(gate, 4, axis=1)  # each (batch, units)
        new_c = 0.5 * (c + f * c + g + i * g)
        tanh_c = tf.tanh(new_c)
        new_h = 0.5 * (tanh_c + o * tanh_c)
        if masks is not None:
            real = masks.read(t)
            new_h, new_c = tf.where(real, new_h, h), tf.where(real, new_c, c)
        kept = cells.write(t + 1, new_c), gates.write(t, gate)
        return t + 1, new_h, new_c, outputs.write(t, new_h), *kept

    _, h, c, outputs, cells, gates = tf.while_loop(
        lambda t, *_: t < length,
        body,
        (0, h, c, new_array(length, batch, units), cells, new_array(length, batch, 4 * units)),
    )
    return outputs.stack(), h, c, cells, gates


def _backward(kept, mask, d_outputs, d_h, d_c, recurrent_kernel):
    """Returns the gradients of the gates before `tanh`, `(length, batch, 4 * units)`, `h` and `c`.

    Args:
        kept: Arrays of the cells and of the gates, see `_forward`.
        mask: See `run_lstm`.
        d_outputs: `(length, batch, units)`.
        d_h: `(batch, units)`.
        d_c: `(batch, units)`.
        recurrent_kernel: Transposed, `(4 * units, units)`.
    """
    cells, gates = kept
    length, units = tf.shape(d_outputs)[0], recurrent_kernel.shape[1]
    d_outputs = unstack(d_outputs)
    masks = None if mask is None else unstack(mask)

    def body(t, c, d_h, d_c, d_gates):
        d_h += d_outputs.read(t)
        before = cells.read(t)
        gate = gates.read(t)  # (batch, 4 * units)
        i, f, g, o = tf.split(gate, 4, axis=1)  # each (batch, units)
        tanh_c = tf.tanh(c)
        half = 0.5 * d_h
        all_c = d_c + tf.raw_ops.TanhGrad(y=tanh_c, dy=half + half * o)
        half_c = 0.5 * all_c
        d_gate = [half_c * g, half_c * before, half_c + half_c * i, half * tanh_c]
        d_gate = tf.raw_ops.TanhGrad(y=gate, dy=tf.concat(d_gate, 1))  # (batch, 4 * units)
        if masks is not None:
            real = masks.read(t)
            d_gate *= tf.cast(real, "float32")
        d_before, c_before = product(d_gate, recurrent_kernel), half_c + half_c * f
        if masks is not None:
            d_before, c_before = tf.where(real, d_before, d_h), tf.where(real, c_before, d_c)
        return t - 1, before, d_before, c_before, d_gates.write(t, d_gate)

    _, _, d_h, d_c, d_gates = tf.while_loop(
        lambda t, *_: t >= 0,
        body,
        (length - 1, cells.read(length), d_h, d_c, new_array(length, None, 4 * units)),
    )
    return d_gates.stack(), d_h, d_c
