"""Attention by many heads."""

import keras
from keras import ops

from seq2seq.layers.mixed_precision_dense import Dense, multiply_together
from seq2seq.layers.positions import rotate
from seq2seq.layers.precision import training_dtype
from seq2seq.layers.rows import restore_rows

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
        x: `(batch, queries, units)`, or its rows `(batch * queries, units)`.
        keys: `(batch, length, units)` or its rows, as `project` returns them.
        values: The same.
        mask: bool `(batch, queries or 1, length)`: what each query may look at.

    Returns:
        Tuple of the outputs, of the shape of `x`, and the weights `(batch, heads, queries,
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
        dtype = training_dtype(precision, units, 3 * units)  # of one product, see `read`
        self.query = Dense(units, dtype, name="query")
        self.key = Dense(units, dtype, name="key")
        self.value = Dense(units, dtype, name="value")
        dtype = training_dtype(precision, units, units)
        self.output_projection = Dense(units, dtype, name="output")
        self.drop = keras.layers.Dropout(dropout, name="dropout")

    def build(self, *shapes):
        """Creates the projections."""
        for layer in (self.query, self.key, self.value, self.output_projection):
            layer.build((None, None, self.units))

    def read(self, x, positions=None, training=False):
        """Returns queries, keys and values of `x`, a sequence or its rows, of the same shape."""
        layers = self.query, self.key, self.value
        queries, keys, values = multiply_together(x, layers, training)
        return self._turn(queries, positions), self._turn(keys, positions), values

    def project(self, x, positions=None, training=False):
        """Returns keys and values of `x`, a sequence or its rows, of the same shape."""
        keys, values = multiply_together(x, (self.key, self.value), training)
        return self._turn(keys, positions), values

    def call(self, x, keys, values, mask, training=False):
        """Attends."""
        queries = self.query(x, training=training)
        rows, weights = self.attend(queries, keys, values, mask, training)
        return restore_rows(rows, x), weights

    def attend(self, queries, keys, values, mask, training=False):
        """Attends with the queries of `read`; otherwise as `call`, but the outputs are rows."""
        weights = ops.softmax(self._score(queries, keys, mask))  # (batch, heads, queries, length)
        context = self._mix(self.drop(weights, training=training), values)
        return self.output_projection(context, training=training), weights

    def step(self, x, parts, positions=None):
        """Attends from one token of every hypothesis, which stand next to each other.

        Args:
            x: `(rows, 1, units)`.
            parts: Tuples of keys and values `(batch, length, units)` and mask `(batch, 1, length)`,
                which all hypotheses of a row of the batch share. The batch of each part may be
                another one: `rows` where every hypothesis has its own.
            positions: int `(rows, 1)`, for rotary ones. Defaults to `None`.

        Returns:
            The outputs `(rows, 1, units)`.
        """
        queries = self._turn(self.query(x), positions)
        scores, sizes = [], []
        for keys, _, mask in parts:
            length = ops.shape(keys)[1]
            found = ops.transpose(self._score(queries, keys, mask), (0, 2, 1, 3))
            scores.append(ops.reshape(found, (-1, self.num_heads, length)))
            sizes.append(length)
        # Not `softmax`: Keras warns of one over a single token, as the first of a text is.
        weights = ops.exp(ops.log_softmax(ops.concatenate(scores, axis=-1)))
        context, start = 0.0, 0
        for (_, values, _), length in zip(parts, sizes, strict=True):
            own = weights[:, :, start : start + length]
            own = ops.reshape(own, (ops.shape(values)[0], -1, self.num_heads, length))
            context = context + self._mix(ops.transpose(own, (0, 2, 1, 3)), values)
            start = start + length
        return self.output_projection(context)[:, None]

    def compute_output_spec(self, x, keys, values, mask, training=False):
        """Returns the shapes and data types of the outputs."""
        weights = (x.shape[0], self.num_heads, x.shape[1], keys.shape[1])
        return tuple(
            keras.KerasTensor(shape, dtype=self.compute_dtype) for shape in (x.shape, weights)
        )

    def get_config(self):
        """Returns the arguments that rebuild this layer."""
        names = ("units", "num_heads", "dropout", "rotary", "precision")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _score(self, queries, keys, mask):
        """Returns how well queries and keys match, `(batch, heads, queries, length)`."""
        # Queries are scaled and masks are added: scores are the larger tensor.
        queries, batch = queries * (self.units // self.num_heads) ** -0.5, ops.shape(mask)[0]
        queries = self._split(queries, batch, (0, 2, 1, 3))  # (batch, heads, queries, size)
        keys = self._split(keys, batch, (0, 2, 3, 1))  # (batch, heads, size, length)
        hidden = ops.cast(ops.where(mask[:, None], 0.0, MASKED), queries.dtype)
        return ops.matmul(queries, keys) + hidden

    def _mix(self, weights, values):
        """Returns means of values by weights, as rows `(batch * queries, units)`."""
        values = self._split(values, ops.shape(weights)[0], (0, 2, 1, 3))
        mixed = ops.matmul(weights, values)  # (batch, heads, queries, size)
        return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, self.units))

    def _turn(self, x, positions):
        """Turns queries or keys by their positions `(batch or 1, length)`, if they are rotary."""
        if not self.rotary:
            return x
        heads = self.num_heads, self.units // self.num_heads
        turned = rotate(ops.reshape(x, (-1, ops.shape(positions)[1], *heads)), positions)
        return restore_rows(ops.reshape(turned, (-1, self.units)), x)

    def _split(self, x, batch, order):
        """Splits sequences or rows: an order of the axes `(batch, length, heads, size)`."""
        heads = self.num_heads, self.units // self.num_heads
        return ops.transpose(ops.reshape(x, (batch, -1, *heads)), order)
