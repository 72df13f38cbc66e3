"""What `fit` and `evaluate` of a `TextModel` hand to those of Keras."""

from seq2seq.checks import check_whole
from seq2seq.data.batching import BatchTokens
from seq2seq.data.inputs import is_arrays
from seq2seq.data.padding import BATCH_SIZE
from seq2seq.data.tables import check_kind


def check_call(model, x, batch_size) -> None:
    """Raises a `ValueError` for what neither the model nor Keras can read."""
    if isinstance(x, str) or not (model.is_read(x) or is_arrays(x)):
        check_kind(x)
    if batch_size is not None:
        check_whole("batch_size", batch_size)


def read_batch_tokens(model, x, batch_size, batch_tokens) -> int | BatchTokens | None:
    """Returns the size of batches, of rows or of tokens.

    Raises:
        ValueError: If both are given, or tokens where there are no texts to make batches of.
    """
    if batch_tokens is None:
        return batch_size
    check_whole("batch_tokens", batch_tokens)
    if batch_size is not None:
        raise ValueError(
            f"Expected `batch_size` or `batch_tokens`. Received: {batch_size} and {batch_tokens}. "
            "Leave one out."
        )
    if callable(x) or not model.is_read(x):
        raise ValueError(
            "Expected a list of texts with `batch_tokens`. Received something else. Give "
            "`batch_size`."
        )
    return BatchTokens(batch_tokens)


def check_and_prepare(model, x, y, weights: dict) -> dict:
    """Checks the training data, and returns its weights as Keras expects them."""
    if model.is_read(x):
        model.refuse_weights(weights)
    elif is_arrays(x):
        model.check_arrays(x, y)
    return model.prepare_weights(x, y, weights)


def validation_for_keras(model, data, batch_size: int | None):
    """Returns validation data as Keras takes it."""
    if callable(data):
        return model.stream_batches(data, batch_size or BATCH_SIZE)
    if not isinstance(data, tuple):
        return data
    x, y, *weights = data
    weights = {"sample_weight": weights[0] if weights else None}
    if model.is_read(x):
        model.refuse_weights(weights)
        return model.make_dataset(x, y, batch_size or BATCH_SIZE)
    if is_arrays(x):
        model.check_arrays(x, y)
        if weights["sample_weight"] is not None:
            return x, y, model.prepare_weights(x, y, weights)["sample_weight"]
    return data


def batches_for_keras(model, x, y, batch_size, shuffle, order, validation_split) -> dict:
    """Returns the arguments of Keras's `fit` for the data and its order."""
    if model.is_read(x):
        return {
            "x": model.make_training_dataset(x, y, batch_size, shuffle, order),
            "shuffle": False,  # the dataset shuffles
        }
    if hasattr(x, "element_spec"):  # a tf.data.Dataset has its own order
        shuffle = False
    return {
        "x": x,
        "y": y,
        "batch_size": batch_size,
        "shuffle": shuffle,
        "validation_split": validation_split,
    }
