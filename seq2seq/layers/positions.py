"""How a network that reads all tokens at once knows their order."""

import keras
from keras import ops

LONGEST_WAVE = 10_000


def sinusoids(positions, size: int):
    """Returns sines and cosines of positions (Vaswani et al. 2017, section 3.5).

    https://arxiv.org/abs/1706.03762

    Args:
        positions: int `(...,)`.
        size: Number of waves times two.

    Returns:
        float32 `(..., size)`, the sines, then the cosines.
    """
    angles = _angles(positions, size)  # (..., size / 2)
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def rotate(x, positions):
    """Turns pairs of numbers by angles that grow with the position (RoPE, Su et al. 2021).

    https://arxiv.org/abs/2104.09864, equation 34; number `i` is paired with `i + size / 2`.

    Args:
        x: `(batch, length, heads, size)`.
        positions: int `(batch or 1, length)`.

    Returns:
        As `x`.
    """
    size = x.shape[-1]
    angles = _angles(positions, size)[:, :, None, :]  # (batch, length, 1, size / 2)
    sine, cosine = ops.cast(ops.sin(angles), x.dtype), ops.cast(ops.cos(angles), x.dtype)
    first, second = ops.split(x, 2, axis=-1)  # not slices, whose gradients are as large as `x`
    return ops.concatenate(
        [first * cosine - second * sine, first * sine + second * cosine], axis=-1
    )


def count_positions(x):
    """Returns the positions of a sequence `(batch, length, ...)`: int32 `(1, length)`."""
    return ops.arange(ops.shape(x)[1], dtype="int32")[None, :]


def _angles(positions, size):
    exponents = ops.arange(size // 2, dtype="float32") * (2.0 / size)
    frequencies = ops.exp(exponents * -ops.log(float(LONGEST_WAVE)))
    return ops.cast(positions, "float32")[..., None] * frequencies


@keras.saving.register_keras_serializable(package="seq2seq")
class TokenAndPosition(keras.layers.Layer):
    """Adds positions to embedded tokens (Vaswani et al. 2017, sections 3.4 and 3.5).

    Args:
        kind: `"sinusoidal"`, `"learned"`, or `"rotary"`, which adds nothing: see `rotate`.
        longest: Number of positions that are learned.
        dropout: Dropout rate of the sum. Defaults to 0.
        scale: Whether tokens are multiplied by the square root of their size, as in the paper.
            Defaults to `True`.
        **kwargs: The other arguments of `keras.layers.Layer`.

    Call arguments:
        x: `(batch, length, units)`, the embedded tokens.
        positions: int `(batch or 1, length)`. Defaults to `None`: from 0 on.
    """

    def __init__(self, kind: str, longest: int, dropout: float = 0.0, scale: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.kind = kind
        self.longest = longest
        self.dropout = dropout
        self.scale = scale
        self.drop = keras.layers.Dropout(dropout, name="dropout")

    def factor(self, units: int) -> float:
        """Returns what tokens of a size are multiplied by."""
        return units**0.5 if self.scale else 1.0

    def build(self, x_shape, positions_shape=None):
        """Creates the learned positions."""
        self.table = None
        if self.kind == "learned":
            self.table = self.add_weight(
                name="positions",
                shape=(self.longest, x_shape[-1]),
                initializer=keras.initializers.RandomNormal(stddev=0.02),
            )

    def call(self, x, positions=None, training=False):
        """Adds positions to tokens."""
        units = x.shape[-1]
        positions = count_positions(x) if positions is None else positions
        x = x * self.factor(units)
        if self.kind == "learned":
            # Texts are not that long, see `check_positions`: only padding is.
            positions = ops.minimum(positions, self.longest - 1)
            x = x + ops.take(self.table, positions, axis=0)
        elif self.kind == "sinusoidal":
            x = x + ops.cast(sinusoids(positions, units), x.dtype)
        return self.drop(x, training=training)

    def compute_output_spec(self, x, positions=None, training=False):
        """Returns the shape and data type of the output."""
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype)

    def get_config(self):
        """Returns the arguments that rebuild this layer."""
        names = ("kind", "longest", "dropout", "scale")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
