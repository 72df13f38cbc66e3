"""Attention by many heads."""

import keras
from keras import ops

from seq2seq.layers.mixed_precision_dense import Dense
from seq2seq.layers.positions import rotate
from seq2seq.layers.precision import training_dtype

MASKED = -1e9  # a score that no softmax lets through


@keras.saving.register_keras_serializable(package="seq2seq")
class MultiHeadAttention(keras.layers.Layer):
    """Scaled dot products by several heads (Vaswani et al. 2017, section 3.2).

    https://arxiv.org/abs/1706.03762. Keys and values are made apart from the rest, so that a
    decoder can keep those of the tokens before.

    Args:
        units: Size of inputs and outputs.
        num_heads: Number of heads, which share the units.
        dropout: Dropout rate on the weights. Defaults to 0.
        rotary: Whether queries and keys are turned by their positions, see `rotate`. Defaults to
            `False`.
        precision: See `Seq2Seq`. Defaults to `"float32"`.
        **kwargs: The other arguments of `keras.layers.Layer`.

    Call arguments:
        x: `(batch, queries, units)`.
        keys: `(batch, length, units)`, as `project` returns them.
        values: The same.
        mask: bool, broadcast to `(batch, queries, length)`: what each query may look at.
        positions: int `(batch or 1, queries)`, for rotary ones. Defaults to `None`.

    Returns:
        Tuple of the outputs `(batch, queries, units)` and the weights `(batch, heads, queries,
        length)`.
    """

    def __init__(
        self,
        units: int,
        num_heads: int,
        dropout: float = 0.0,
        rotary: bool = False,
        precision: str = "float32",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.num_heads = num_heads
        self.dropout = dropout
        self.rotary = rotary
        self.precision = precision
        half = training_dtype(precision, units, units)
        self.query = Dense(units, half, name="query")
        self.key = Dense(units, half, name="key")
        self.value = Dense(units, half, name="value")
        self.output_projection = Dense(units, half, name="output")
        self.drop = keras.layers.Dropout(dropout, name="dropout")

    def build(self, *shapes):
        """Creates the projections."""
        for layer in (self.query, self.key, self.value, self.output_projection):
            layer.build((None, None, self.units))

    def project(self, x, positions=None, training=False):
        """Returns keys and values of `x` `(batch, length, units)`, of the same shape."""
        keys = self.key(x, training=training)
        if self.rotary:
            keys = self._join(rotate(self._split(keys), positions))
        return keys, self.value(x, training=training)

    def call(self, x, keys, values, mask, positions=None, training=False):
        """Attends."""
        queries = self._split(self.query(x, training=training))
        if self.rotary:
            queries = rotate(queries, positions)
        # (batch, heads, queries, size) times (batch, heads, size, length)
        scores = ops.matmul(
            ops.transpose(queries, (0, 2, 1, 3)), ops.transpose(self._split(keys), (0, 2, 3, 1))
        )
        scores = scores * (self.units // self.num_heads) ** -0.5
        scores = ops.where(mask[:, None], scores, ops.cast(MASKED, scores.dtype))
        weights = ops.softmax(scores)  # (batch, heads, queries, length)
        values = ops.transpose(self._split(values), (0, 2, 1, 3))
        context = ops.matmul(self.drop(weights, training=training), values)
        context = self._join(ops.transpose(context, (0, 2, 1, 3)))  # (batch, queries, units)
        return self.output_projection(context, training=training), weights

    def compute_output_spec(self, x, keys, values, mask, positions=None, training=False):
        """Returns the shapes and data types of the outputs."""
        weights = (x.shape[0], self.num_heads, x.shape[1], keys.shape[1])
        return tuple(
            keras.KerasTensor(shape, dtype=self.compute_dtype) for shape in (x.shape, weights)
        )

    def get_config(self):
        """Returns the arguments that rebuild this layer."""
        names = ("units", "num_heads", "dropout", "rotary", "precision")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _split(self, x):
        return ops.reshape(
            x, (-1, ops.shape(x)[1], self.num_heads, self.units // self.num_heads)
        )  # (batch, length, heads, size)

    def _join(self, x):
        return ops.reshape(x, (-1, ops.shape(x)[1], self.units))
