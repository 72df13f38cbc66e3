"""What the loops over the steps of recurrent layers share, in plain TensorFlow operations.

Tensors have time first: `(length, batch, dim)`.
"""

import tensorflow as tf


def product(a, b):
    """Returns the float32 product of a float32 matrix and one of the data type of products."""
    return tf.cast(tf.matmul(tf.cast(a, b.dtype), b), "float32")


def times(x, kernel):
    """Multiplies each step `(length, batch, dim)` by a kernel, all in one product."""
    shape = tf.shape(x)[0], tf.shape(x)[1], kernel.shape[1]
    return tf.reshape(product(_rows(x), kernel), shape)


def outer(a, b, dtype):
    """Returns the sum over steps and batch of the outer products, `(dim of a, dim of b)`."""
    a, b = tf.cast(_rows(a), dtype), tf.cast(_rows(b), dtype)
    return tf.cast(tf.matmul(a, b, transpose_a=True), "float32")


def shifted(h, outputs):
    """Returns what each step began with: `h`, then all outputs but the last."""
    return tf.concat([h[None], outputs[:-1]], 0)


def unstack(x):
    """Returns an array of the steps of a tensor."""
    return tf.TensorArray(x.dtype, tf.shape(x)[0], element_shape=x.shape[1:]).unstack(x)


def new_array(length, batch, width):
    """Returns an empty array of steps `(batch, width)`; `batch` may be `None`."""
    return tf.TensorArray("float32", length, element_shape=(batch, width), clear_after_read=False)


def _rows(x):
    return tf.reshape(x, (-1, x.shape[2]))  # (length * batch, dim)
