"""The recurrent encoder and decoder, stacks of named Keras layers.

Both are called on symbolic tensors, once for the training graph and again for the inference models,
so that all of them share the layers.
"""

import keras
from keras import ops

from seq2seq.text.vocabulary import PAD


@keras.saving.register_keras_serializable(package="seq2seq")
class PaddingMask(keras.layers.Layer):
    """Tells the real tokens from the padding: ids `(batch, length)` to bool of that shape."""

    def call(self, ids):
        """Returns true where there is a token."""
        return ops.not_equal(ids, PAD)


class Encoder:
    """Embedding and LSTM stack over the source (Sutskever et al. 2014, section 2).

    https://arxiv.org/abs/1409.3215
    """

    def __init__(self, vocabulary_size, embedding_dim, units, num_layers, dropout):
        self.mask = PaddingMask(name="source_mask")
        self.embedding = keras.layers.Embedding(
            vocabulary_size, embedding_dim, name="source_embedding"
        )
        self.recurrent = _stack("encoder", units, num_layers)
        self.dropout = _dropout("source", dropout, num_layers)

    def __call__(self, source_ids):
        """Encodes source ids `(batch, source_length)`; returns the final states of all layers."""
        mask = self.mask(source_ids)
        x = self.embedding(source_ids)  # (batch, source_length, embedding_dim)
        final_states = []
        for dropout, layer in zip(self.dropout, self.recurrent, strict=True):
            # Keras loses the embedding's mask where a layer gets several tensors: pass it.
            x, *states = layer(dropout(x), mask=mask)
            final_states += states
        return final_states


class Decoder:
    """Embedding and LSTM stack over the target, with a softmax over the vocabulary."""

    def __init__(self, vocabulary_size, embedding_dim, units, num_layers, dropout):
        self.embedding = keras.layers.Embedding(
            vocabulary_size, embedding_dim, name="target_embedding"
        )
        self.recurrent = _stack("decoder", units, num_layers)
        self.dropout = _dropout("target", dropout, num_layers + 1)
        self.output = keras.layers.Dense(vocabulary_size, name="decoder_output")
        self.softmax = keras.layers.Softmax(dtype="float32", name="decoder_softmax")

    def __call__(self, target_ids, states):
        """Decodes with teacher forcing.

        No mask is needed: padding comes last, so that it changes nothing before it.

        Args:
            target_ids: `(batch, target_length)`, the first column `BOS`.
            states: The encoder's final states, or the decoder's own of the step before.

        Returns:
            Tuple `(probabilities, states)`: `(batch, target_length, vocabulary)`, and a list like
            the one received.
        """
        x = self.embedding(target_ids)
        final_states = []
        for i, layer in enumerate(self.recurrent):
            x, *new_states = layer(self.dropout[i](x), initial_state=states[2 * i : 2 * i + 2])
            final_states += new_states
        return self.softmax(self.output(self.dropout[-1](x))), final_states

    def step(self, token_ids, states, position):
        """Decodes one token; the generation loop's `step`.

        It calls the layers' cells, which saves the layers' own loop over one position.

        Args:
            token_ids: `(batch,)`.
            states: As in `__call__`.
            position: Not used: a recurrent decoder needs none.

        Returns:
            Tuple `(log_probabilities, states)`, the first `(batch, vocabulary)`.
        """
        x = self.embedding(token_ids)
        final_states = []
        for i, layer in enumerate(self.recurrent):
            x, new_states = layer.cell(x, states[2 * i : 2 * i + 2])
            final_states += new_states
        return ops.log_softmax(ops.cast(self.output(x), "float32")), final_states


def _stack(side, units, num_layers):
    return [
        keras.layers.LSTM(
            units,
            return_sequences=True,
            return_state=True,
            name=_numbered(f"{side}_lstm", i, num_layers),
        )
        for i in range(num_layers)
    ]


def _dropout(side, rate, count):
    """Dropout between the layers, not from step to step (Zaremba et al. 2014, section 3.1).

    https://arxiv.org/abs/1409.2329
    """
    if not rate:
        return [lambda x: x] * count
    return [
        keras.layers.Dropout(rate, name=_numbered(f"{side}_dropout", i, count))
        for i in range(count)
    ]


def _numbered(name, i, count):
    return name if count == 1 else f"{name}_{i + 1}"
