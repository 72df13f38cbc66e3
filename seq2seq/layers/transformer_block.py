"""A block of a Transformer."""

import keras
from keras import ops

from seq2seq.layers.activations import find_activation
from seq2seq.layers.layer_normalization import LayerNormalization
from seq2seq.layers.mixed_precision_dense import Dense
from seq2seq.layers.multi_head_attention import MultiHeadAttention
from seq2seq.layers.positions import count_positions
from seq2seq.layers.precision import training_dtype
from seq2seq.layers.rows import flatten_rows, restore_rows


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
        dtype = training_dtype(precision, units, feedforward_units)
        self.feedforward_in = Dense(
            feedforward_units, dtype, activation=find_activation(activation), name="feedforward_in"
        )
        self.feedforward_out = Dense(units, dtype, name="feedforward_out")
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
        outputs, pair, _ = self._run(x, None, None, None, False)
        return outputs, *(restore_rows(rows, x) for rows in pair)

    def _run(self, x, mask, source, source_mask, training):
        """Returns outputs, keys and values as rows, and the attention to the source."""
        positions, weights = count_positions(x), None  # (1, length)
        seen = (ops.ones(ops.shape(x)[:2], "bool") if mask is None else mask)[:, None, :]
        if self.causal:
            seen = ops.logical_and(seen, positions[:, :, None] >= positions[:, None, :])
        rows = flatten_rows(x)  # (batch * length, units)
        queries, *pair = self.attention.read(
            self._before(rows, self.attention_norm), positions, training
        )
        y, _ = self.attention.attend(queries, *pair, seen, training)
        rows = self._after(rows, y, self.attention_norm, training)
        if self.crosses:
            memory = self.cross_attention.project(flatten_rows(source), training=training)
            y = self._before(rows, self.cross_norm)
            y, weights = self.cross_attention(
                y, *memory, source_mask[:, None, :], training=training
            )
            rows = self._after(rows, y, self.cross_norm, training)
        return restore_rows(self._feed(rows, training), x), pair, weights

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
        x = x[:, None]  # (rows, 1, units)
        y = self._before(x, self.attention_norm)
        new_keys, new_values = self.attention.project(y, positions[:, None])  # (rows, 1, units)
        keys, values = ops.where(here, new_keys, keys), ops.where(here, new_values, values)
        before = [] if prompt is None else [_with_queries(prompt)]
        y = self.attention.step(y, [*before, (keys, values, until)], positions[:, None])
        x = self._after(x, y, self.attention_norm)
        if self.crosses:
            y = self._before(x, self.cross_norm)
            y = self.cross_attention.step(y, [_with_queries(source)])
            x = self._after(x, y, self.cross_norm)
        return self._feed(x)[:, 0], keys, values

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

    def _feed(self, x, training=False):
        """Runs the feed-forward network."""
        y = self.feedforward_in(self._before(x, self.feedforward_norm), training=training)
        y = self.feedforward_out(y, training=training)
        return self._after(x, y, self.feedforward_norm, training)

    def _before(self, x, norm):
        """Returns what a part reads."""
        return norm(x) if self.norm_first else x

    def _after(self, x, y, norm, training=False):
        """Adds what a part made of `x`."""
        x = x + self.drop(y, training=training)
        return x if self.norm_first else norm(x)

    def _norm(self, name):
        return LayerNormalization(epsilon=self.norm_epsilon, name=name)


def _with_queries(memory):
    """Gives the mask of a memory an axis for the queries."""
    keys, values, mask = memory
    return keys, values, mask[:, None, :]
