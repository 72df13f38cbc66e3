"""A block of a Transformer."""

import keras
from keras import ops

from seq2seq.layers.activations import find_activation
from seq2seq.layers.mixed_precision_dense import Dense
from seq2seq.layers.multi_head_attention import MultiHeadAttention
from seq2seq.layers.positions import count_positions
from seq2seq.layers.precision import training_dtype


@keras.saving.register_keras_serializable(package="seq2seq")
class TransformerBlock(keras.layers.Layer):
    """Attention to the own sequence, perhaps to a source, and a feed-forward network.

    Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762, section 3.1); with `norm_first` each part
    normalises its input, not its sum (Xiong et al. 2020, https://arxiv.org/abs/2002.04745).

    Args:
        units: Size of inputs and outputs.
        num_heads: Heads of each attention.
        feedforward_units: Size of the hidden layer of the feed-forward network.
        dropout: Dropout rate on the output of each part. Defaults to 0.
        attention_dropout: Dropout rate on the weights of attention. Defaults to 0.
        norm_first: Whether to normalise first. Defaults to `True`.
        activation: Of the hidden layer. Defaults to `"relu"`.
        rotary: See `MultiHeadAttention`. Defaults to `False`.
        causal: Whether a token looks at those before it only. Defaults to `False`.
        crosses: Whether it attends to a source too. Defaults to `False`.
        precision: See `Seq2Seq`. Defaults to `"float32"`.
        norm_epsilon: Added to variances. Defaults to 1e-6.
        **kwargs: The other arguments of `keras.layers.Layer`.

    Call arguments:
        x: `(batch, length, units)`.
        padding_mask: bool `(batch, length)`, true where there is a token. Defaults to `None`:
            everywhere.
        source: The source `(batch, source_length, units)`. Defaults to `None`.
        source_mask: bool `(batch, source_length)`. Defaults to `None`.

    Returns:
        `(batch, length, units)`.
    """

    def __init__(
        self,
        units: int,
        num_heads: int,
        feedforward_units: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        norm_first: bool = True,
        activation: str = "relu",
        rotary: bool = False,
        causal: bool = False,
        crosses: bool = False,
        precision: str = "float32",
        norm_epsilon: float = 1e-6,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.num_heads = num_heads
        self.feedforward_units = feedforward_units
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.norm_first = norm_first
        self.activation = activation
        self.rotary = rotary
        self.causal = causal
        self.crosses = crosses
        self.precision = precision
        self.norm_epsilon = norm_epsilon
        self.attention = MultiHeadAttention(
            units, num_heads, attention_dropout, rotary, precision, name="attention"
        )
        self.attention_norm = self._norm("attention_norm")
        self.cross_attention = self.cross_norm = None
        if crosses:
            self.cross_attention = MultiHeadAttention(
                units, num_heads, attention_dropout, False, precision, name="cross_attention"
            )
            self.cross_norm = self._norm("cross_norm")
        half = training_dtype(precision, units, feedforward_units)
        self.feedforward_in = Dense(
            feedforward_units, half, activation=find_activation(activation), name="feedforward_in"
        )
        self.feedforward_out = Dense(units, half, name="feedforward_out")
        self.feedforward_norm = self._norm("feedforward_norm")
        self.drop = keras.layers.Dropout(dropout, name="dropout")

    def build(self, *shapes):
        """Creates all parts."""
        sequence = (None, None, self.units)
        self.attention.build()
        if self.crosses:
            self.cross_attention.build()
            self.cross_norm.build(sequence)
        self.feedforward_in.build(sequence)
        self.feedforward_out.build((None, None, self.feedforward_units))
        self.attention_norm.build(sequence)
        self.feedforward_norm.build(sequence)

    def call(self, x, padding_mask=None, source=None, source_mask=None, training=False):
        """Runs over whole sequences."""
        return self._run(x, padding_mask, source, source_mask, training)[0]

    def cross_weights(self, x, source, source_mask):
        """Returns the outputs, as `call`, and the attention to the source by head."""
        x, _, weights = self._run(x, None, source, source_mask, False)
        return x, weights

    def read(self, x):
        """Returns the outputs, as `call`, and the keys and values of all tokens."""
        x, pair, _ = self._run(x, None, None, None, False)
        return x, *pair

    def _run(self, x, mask, source, source_mask, training):
        positions, weights = count_positions(x), None  # (1, length)
        seen = positions[:, :, None] >= positions[:, None, :] * int(self.causal)
        if mask is not None:
            seen = ops.logical_and(seen, mask[:, None, :])
        pair = []

        def attend(x):
            queries, *own = self.attention.read(x, positions, training)
            pair.extend(own)
            return self.attention.attend(queries, *pair, seen, training)[0]

        x = self._add(x, attend, self.attention_norm, training)
        if self.crosses:
            memory = *self.cross_attention.project(source, training=training), source_mask
            x, weights = self._cross(x, memory, training)
        return self._add(x, self._feed, self.feedforward_norm, training), pair, weights

    def step(self, x, keys, values, slots, positions, prompt=None, source=None):
        """Runs over one token of every hypothesis.

        Args:
            x: `(rows, units)`.
            keys: `(rows, slots, units)`, those of the tokens generated before.
            values: The same.
            slots: int `(rows,)`, the slot of the token.
            positions: int `(rows,)`, its position in the text.
            prompt: Keys, values and mask of what stands before the first slot, `(batch, ...)`.
                Defaults to `None`.
            source: The same of the source. Defaults to `None`.

        Returns:
            Tuple of the outputs `(rows, units)`, and keys and values with those of the token.
        """
        numbers = ops.arange(ops.shape(keys)[1], dtype="int32")
        here = (numbers == slots[:, None])[:, :, None]  # (rows, slots, 1)
        until = (numbers <= slots[:, None])[:, None, :]  # (rows, 1, slots)
        kept = []

        def attend(x):
            new = self.attention.project(x, positions[:, None])  # each (rows, 1, units)
            pairs = zip(new, (keys, values), strict=True)
            kept.extend(ops.where(here, one, before) for one, before in pairs)
            parts = [(*kept, until)]
            if prompt is not None:
                parts.insert(0, _with_queries(prompt))
            return self.attention.step(x, parts, positions[:, None])

        x = self._add(x[:, None], attend, self.attention_norm, False)  # (rows, 1, units)
        if self.crosses:
            memory = [_with_queries(source)]
            x = self._add(x, lambda x: self.cross_attention.step(x, memory), self.cross_norm, False)
        return self._add(x, self._feed, self.feedforward_norm, False)[:, 0], *kept

    def compute_output_spec(self, x, *arguments, **options):
        """Returns the shape and data type of the output."""
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype)

    def get_config(self):
        """Returns the arguments that rebuild this layer."""
        names = (
            "units",
            "num_heads",
            "feedforward_units",
            "dropout",
            "attention_dropout",
            "norm_first",
            "activation",
            "rotary",
            "causal",
            "crosses",
            "precision",
            "norm_epsilon",
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _cross(self, x, memory, training):
        """Attends to the source; returns the sum and the weights."""
        keys, values, mask = memory
        weights = None

        def attend(x):
            nonlocal weights
            outputs, weights = self.cross_attention(
                x, keys, values, mask[:, None, :], training=training
            )
            return outputs

        return self._add(x, attend, self.cross_norm, training), weights

    def _feed(self, x, training=False):
        return self.feedforward_out(self.feedforward_in(x, training=training), training=training)

    def _add(self, x, function, norm, training):
        """Adds what a part makes of `x`."""
        if self.norm_first:
            return x + self.drop(function(norm(x)), training=training)
        return norm(x + self.drop(function(x), training=training))

    def _norm(self, name):
        return keras.layers.LayerNormalization(epsilon=self.norm_epsilon, name=name)


def _with_queries(memory):
    """Gives the mask of a memory an axis for the queries."""
    keys, values, mask = memory
    return keys, values, mask[:, None, :]
