"""The loop of a GRU over its steps, in plain TensorFlow operations for a CPU.

It computes what `keras.layers.GRU` does (Cho et al. 2014, with the reset after the product as in
cuDNN) with less work between the matrix products; see `tensorflow_lstm`.
"""

import tensorflow as tf

from seq2seq.backend import custom_gradient
from seq2seq.layers.tensorflow_loop import new_array, outer, product, shifted, times, unstack


def run_gru(x, mask, h, kernel, recurrent_kernel, bias, product_dtype, training):
    """Runs a GRU over sequences.

    Args:
        x: float32 `(length, batch, dim)`, time first.
        mask: bool `(length, batch, 1)`, or `None`. Where it is false, states stay as they are.
        h: float32 `(batch, units)`, the initial state.
        kernel: float32 `(dim, 3 * units)`; gates in the order update, reset, candidate.
        recurrent_kernel: float32 `(units, 3 * units)`.
        bias: float32 `(2, 3 * units)`, of the inputs and of the state.
        product_dtype: Data type of the operands of the matrix products.
        training: Whether to use the faster gradient. It keeps a graph from being exported.

    Returns:
        Tuple `(outputs, h)`: float32 `(length, batch, units)`, and the last state.
    """

    def run(x, h, kernel, recurrent_kernel, bias):
        factors = tf.cast(kernel, product_dtype), tf.cast(recurrent_kernel, product_dtype)
        projected = times(x, factors[0]) + bias[0]  # (length, batch, 3 * units)
        outputs, last_h, *kept = _forward(projected, mask, h, factors[1], bias[1])

        def gradient(d_outputs, d_h):
            transposed = [tf.transpose(factor) for factor in factors]
            before = shifted(h, outputs)  # (length, batch, units)
            d_inner, d_new, d_h = _backward(kept, before, mask, d_outputs, d_h, transposed[1])
            # The candidate reads the state through the reset gate, the inputs directly.
            d_projected = tf.concat([d_inner[:, :, : -h.shape[1]], d_new], 2)
            return (
                times(d_projected, transposed[0]),
                d_h,
                outer(x, d_projected, product_dtype),
                outer(before, d_inner, product_dtype),
                tf.stack([tf.reduce_sum(d, [0, 1]) for d in (d_projected, d_inner)]),
            )

        return (outputs, last_h), gradient

    arguments = x, h, kernel, recurrent_kernel, bias
    return custom_gradient(run)(*arguments) if training else run(*arguments)[0]


def _forward(projected, mask, h, recurrent_kernel, bias):
    """Returns the outputs, the last state, and arrays of what the gradient needs for each step.

    These are the gates `(batch, 2 * units)`, the candidates, and what the state adds to them before
    its reset, `(batch, units)`.
    """
    length, units = tf.shape(projected)[0], recurrent_kernel.shape[0]
    batch = h.shape[0]  # if known: LiteRT takes no arrays of steps of unknown shape
    projected = unstack(projected)
    masks = None if mask is None else unstack(mask)

    def body(t, h, outputs, gates, candidates, states):
        inputs = projected.read(t)
        inner = product(h, recurrent_kernel) + bias  # (batch, 3 * units)
        gate = tf.sigmoid(inputs[:, : 2 * units] + inner[:, : 2 * units])
        update, reset = tf.split(gate, 2, axis=1)  # each (batch, units)
        state = inner[:, 2 * units :]
        candidate = tf.tanh(inputs[:, 2 * units :] + reset * state)
        new_h = candidate + update * (h - candidate)
        if masks is not None:
            new_h = tf.where(masks.read(t), new_h, h)
        kept = gates.write(t, gate), candidates.write(t, candidate), states.write(t, state)
        return t + 1, new_h, outputs.write(t, new_h), *kept

    arrays = [new_array(length, batch, width) for width in (units, 2 * units, units, units)]
    _, h, outputs, *kept = tf.while_loop(lambda t, *_: t < length, body, (0, h, *arrays))
    return outputs.stack(), h, *kept


def _backward(kept, before, mask, d_outputs, d_h, recurrent_kernel):
    """Returns the gradients of what the state adds, of the candidates before `tanh`, and of `h`.

    Args:
        kept: See `_forward`.
        before: The state before each step, `(length, batch, units)`.
        mask: See `run_gru`.
        d_outputs: `(length, batch, units)`.
        d_h: `(batch, units)`.
        recurrent_kernel: Transposed, `(3 * units, units)`.
    """
    gates, candidates, states = kept
    length, units = tf.shape(d_outputs)[0], recurrent_kernel.shape[1]
    before, d_outputs = unstack(before), unstack(d_outputs)
    masks = None if mask is None else unstack(mask)

    def body(t, d_h, d_inner, d_new):
        d_h += d_outputs.read(t)
        gate, candidate = gates.read(t), candidates.read(t)
        update, reset = tf.split(gate, 2, axis=1)  # each (batch, units)
        d_candidate = tf.raw_ops.TanhGrad(y=candidate, dy=d_h - d_h * update)
        d_gate = [d_h * (before.read(t) - candidate), d_candidate * states.read(t)]
        d_gate = tf.raw_ops.SigmoidGrad(y=gate, dy=tf.concat(d_gate, 1))  # (batch, 2 * units)
        d_all = tf.concat([d_gate, d_candidate * reset], 1)  # (batch, 3 * units)
        if masks is not None:
            real = masks.read(t)
            number = tf.cast(real, "float32")
            d_all, d_candidate = d_all * number, d_candidate * number
        d_before = d_h * update + product(d_all, recurrent_kernel)
        if masks is not None:
            d_before = tf.where(real, d_before, d_h)
        return t - 1, d_before, d_inner.write(t, d_all), d_new.write(t, d_candidate)

    arrays = [new_array(length, None, width) for width in (3 * units, units)]
    _, d_h, d_inner, d_new = tf.while_loop(lambda t, *_: t >= 0, body, (length - 1, d_h, *arrays))
    return d_inner.stack(), d_new.stack(), d_h
