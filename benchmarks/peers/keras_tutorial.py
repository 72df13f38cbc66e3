"""The same encoder-decoder as the Keras tutorial writes it: stock layers, `compile` and `fit`.

No command of its own: `python benchmarks/train.py` uses it. Unlike the tutorial's, it passes the
mask to the encoder and weights the padding away, so that its loss is the others'.
"""

import keras
import numpy as np
from keras import layers, ops


def make_tutorial(
    source_size: int,
    target_size: int,
    embedding_dim: int,
    units: int,
    bidirectional: bool = False,
    attention: str | None = None,
) -> keras.Model:
    """Returns the model, compiled; its layers are named as those of `Seq2Seq`."""
    source_ids = keras.Input((None,), dtype="int32", name="source_ids")
    target_ids = keras.Input((None,), dtype="int32", name="target_ids")
    mask = ops.not_equal(source_ids, 0)
    x = layers.Embedding(source_size, embedding_dim, name="source_embedding")(source_ids)
    encoder = _lstm("encoder_lstm", units // 2 if bidirectional else units)
    if bidirectional:
        values, *halves = layers.Bidirectional(encoder, name="encoder_lstm")(x, mask=mask)
        pairs = zip(halves[:2], halves[2:], strict=True)
        states = [
            layers.Dense(units, activation="tanh", name=f"bridge_{i}")(ops.concatenate(pair, -1))
            for i, pair in enumerate(pairs, start=1)
        ]
    else:
        values, *states = encoder(x, mask=mask)
    x = layers.Embedding(target_size, embedding_dim, name="target_embedding")(target_ids)
    x, *_ = _lstm("decoder_lstm", units)(x, initial_state=states)
    if attention:
        context = layers.Attention(name="attention")([x, values], mask=[None, mask])
        combine = layers.Dense(units, activation="tanh", name="attention_vector")
        x = combine(layers.Concatenate()([context, x]))
    outputs = layers.Dense(target_size, activation="softmax", name="decoder_output")(x)
    model = keras.Model([source_ids, target_ids], outputs)
    model.compile(
        keras.optimizers.Adam(1e-3, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
        weighted_metrics=["accuracy"],
    )
    return model


def copy_weights(model: keras.Model, weights: dict[str, np.ndarray]) -> None:
    """Takes over the weights of a `Seq2Seq` by their paths."""
    for variable in model.weights:
        variable.assign(weights[variable.path])


def _lstm(name, units):
    return layers.LSTM(units, return_sequences=True, return_state=True, name=name)
