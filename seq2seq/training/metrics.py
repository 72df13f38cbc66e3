"""Metrics over the real tokens of an epoch, however they were batched."""

import keras
from keras import ops

from seq2seq.backend import first_best, known_rank, take_columns
from seq2seq.generation.constraints import SMALLEST
from seq2seq.layers.output_product import find_product
from seq2seq.text.vocabulary import PAD


def token_log_probabilities(labels, probabilities):
    """Returns the log probability of each label.

    Args:
        labels: int `(batch, length)`.
        probabilities: float `(batch, length, vocabulary)`.

    Returns:
        float32 `(batch, length)`.
    """
    labels = ops.cast(labels, "int32")
    chosen = ops.cast(pick(ops.convert_to_tensor(probabilities), labels), "float32")
    return ops.log(ops.maximum(chosen, SMALLEST))


def row_log_probabilities(labels, probabilities):
    """Returns the summed log probability of each row's labels, `(batch,)`, padding left out."""
    scores = token_log_probabilities(labels, probabilities)  # (batch, length)
    return ops.sum(ops.where(ops.not_equal(labels, PAD), scores, 0.0), axis=-1)


def pick(x, indices):
    """Returns one number of each row of `x` `(..., columns)`, the one at `indices` `(...)`."""
    rows = ops.reshape(x, (-1, x.shape[-1]))
    return ops.reshape(take_columns(rows, ops.reshape(indices, (-1, 1))), ops.shape(indices))


def weights_by_token(labels, sample_weight):
    """Returns weights of rows as `(batch, 1)`, and weights of tokens as they are.

    Args:
        labels: `(batch, length)` or `(batch, length, classes)`.
        sample_weight: `(batch,)` or `(batch, length)`.
    """
    sample_weight = ops.convert_to_tensor(sample_weight)
    rank = known_rank(sample_weight)
    if rank is None:  # TensorFlow forgets it when a model has met both kinds
        return ops.reshape(sample_weight, (ops.shape(labels)[0], -1))
    return sample_weight if rank == 2 else ops.expand_dims(sample_weight, -1)


def at_least_float32(dtype: str | None) -> str | None:
    """Returns the data type for sums and logarithms of many tokens, which no half float holds."""
    half = keras.config.floatx() in ("float16", "bfloat16")
    return "float32" if dtype is None and half else dtype


class _TokenMean(keras.metrics.Mean):
    """Mean of a value per token, without padding (label 0)."""

    measured: str  # the name of its values in an `OutputProduct`

    def __init__(self, name, dtype=None):
        super().__init__(name=name, dtype=at_least_float32(dtype))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds the tokens of a batch, as ids or one-hot."""
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if len(y_true.shape) == len(y_pred.shape):
            y_true = first_best(y_true)
        weight = ops.cast(ops.not_equal(y_true, PAD), "float32")
        if sample_weight is not None:
            weight *= weights_by_token(weight, ops.cast(sample_weight, "float32"))
        product = find_product(y_pred)
        if product is not None and self.measured in product.measured:
            values = product.measured[self.measured]
        else:
            values = self.token_values(y_true, y_pred)
        # Flat, because Keras's Mean would average each row over its padded length first.
        values = ops.reshape(values, (-1,))
        return super().update_state(values, ops.reshape(weight, (-1,)))

    def token_values(self, y_true, y_pred):
        """Returns a value for each token, `(batch, length)`."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="seq2seq")
class Accuracy(_TokenMean):
    """Share of tokens predicted correctly, given the true ones before them.

    Args:
        name: Name of the metric. Defaults to `"accuracy"`.
        dtype: Data type of the result. Defaults to `None`, Keras's.

    Example:

    >>> metric = Accuracy()
    >>> metric.update_state([[1, 2, 0]], [[[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]])
    >>> float(metric.result())
    0.5
    """

    measured = "hits"

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def token_values(self, y_true, y_pred):
        """Returns 1.0 where the most probable token is the label."""
        hits = ops.equal(first_best(y_pred), ops.cast(y_true, "int32"))
        return ops.cast(hits, "float32")


@keras.saving.register_keras_serializable(package="seq2seq")
class Perplexity(_TokenMean):
    """Exponential of the mean cross-entropy per token.

    Args:
        name: Name of the metric. Defaults to `"perplexity"`.
        dtype: Data type of the result. Defaults to `None`, Keras's.

    Example:

    >>> metric = Perplexity()
    >>> metric.update_state([[1, 0]], [[[0.5, 0.5], [1.0, 0.0]]])
    >>> float(metric.result())
    2.0
    """

    measured = "nats"

    def __init__(self, name="perplexity", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def token_values(self, y_true, y_pred):
        """Returns the cross-entropy of each label."""
        return -token_log_probabilities(y_true, y_pred)

    def result(self):
        """Returns the perplexity so far."""
        return ops.exp(super().result())
