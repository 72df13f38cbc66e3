"""The recurrent encoder and decoder, stacks of named Keras layers.

Both are called on symbolic tensors, once for the training graph and again for the inference models,
so that all of them share the layers.
"""

import keras
from keras import ops

from seq2seq.models.lstm import LSTM
from seq2seq.models.precision import training_dtype
from seq2seq.text.vocabulary import PAD

CELLS = {
    "lstm": LSTM,  # Hochreiter & Schmidhuber 1997
    "gru": keras.layers.GRU,  # Cho et al. 2014
    "rnn": keras.layers.SimpleRNN,  # Elman 1990
}


@keras.saving.register_keras_serializable(package="seq2seq")
class PaddingMask(keras.layers.Layer):
    """Tells the real tokens from the padding: ids `(batch, length)` to bool of that shape."""

    def call(self, ids):
        """Returns true where there is a token."""
        return ops.not_equal(ids, PAD)


class Stack:
    """Recurrent layers on top of each other, with residual connections from the third.

    Args:
        side: `"encoder"` or `"decoder"`, for the names.
        cell: A key of `CELLS`.
        units: Size of each layer's output; of both directions together in a bidirectional stack.
        num_layers: Number of layers.
        bidirectional: Whether each layer reads from both ends (Schuster & Paliwal 1997).
        dropout: Share of each layer's inputs dropped in training, between the layers and not from
            step to step (Zaremba et al. 2014, https://arxiv.org/abs/1409.2329).
        recurrent_dropout: Share of the states dropped, the same at every step (Gal & Ghahramani
            2016, https://arxiv.org/abs/1512.05287).
        regularizer: Of the kernels, or `None`.
        precision: See `training_dtype`; only an LSTM heeds it.
    """

    def __init__(
        self,
        side,
        cell,
        units,
        num_layers,
        bidirectional,
        dropout,
        recurrent_dropout,
        regularizer,
        precision,
    ):
        self.states_per_layer = (2 if cell == "lstm" else 1) * (2 if bidirectional else 1)
        self.dropout = [
            make_dropout(_numbered(f"{side}_dropout", i, num_layers), dropout)
            for i in range(num_layers)
        ]
        self.layers = []
        size = units // 2 if bidirectional else units
        options = {}
        if cell == "lstm":
            options["training_dtype"] = training_dtype(precision, size, 4 * size)
        for i in range(num_layers):
            layer = CELLS[cell](
                size,
                return_sequences=True,
                return_state=True,
                recurrent_dropout=recurrent_dropout,
                kernel_regularizer=regularizer,
                recurrent_regularizer=regularizer,
                name=_numbered(f"{side}_{cell}", i, num_layers),
                **options,
            )
            if bidirectional:
                layer = keras.layers.Bidirectional(layer, name=layer.name)
            self.layers.append(layer)

    def __call__(self, x, states=None, mask=None):
        """Runs over sequences `(batch, length, dim)`; returns the outputs and a list of states."""
        final_states = []
        for i, (layer, dropout) in enumerate(zip(self.layers, self.dropout, strict=True)):
            # Keras loses the embedding's mask where a layer gets several tensors: pass it.
            y, *new_states = layer(dropout(x), initial_state=self._of(states, i), mask=mask)
            x = y if i < 2 else x + y
            final_states += new_states
        return x, final_states

    def step(self, x, states):
        """Runs over one position, `(batch, dim)`, by the cells: no loop over a length of one."""
        final_states = []
        for i, layer in enumerate(self.layers):
            y, new_states = layer.cell(x, self._of(states, i))
            x = y if i < 2 else x + y
            final_states += new_states
        return x, final_states

    def _of(self, states, i):
        n = self.states_per_layer
        return None if states is None else list(states[i * n : (i + 1) * n])


class Bridge:
    """A tanh layer from both directions' final states to each state of the decoder.

    As in Bahdanau et al. 2015 (https://arxiv.org/abs/1409.0473, appendix A.2.2), there for one of
    the directions.
    """

    def __init__(self, units, num_layers, states_per_layer, regularizer):
        count = num_layers * states_per_layer
        self.half = states_per_layer
        self.joins = [
            keras.layers.Concatenate(name=_numbered("bridge_join", i, count)) for i in range(count)
        ]
        self.layers = [
            keras.layers.Dense(
                units,
                activation="tanh",
                kernel_regularizer=regularizer,
                name=_numbered("bridge", i, count),
            )
            for i in range(count)
        ]

    def __call__(self, states):
        """Takes each layer's forward states, then its backward ones, as Keras lists them."""
        pairs = [
            [states[start + i], states[start + self.half + i]]
            for start in range(0, len(states), 2 * self.half)
            for i in range(self.half)
        ]
        return [
            layer(join(pair))
            for layer, join, pair in zip(self.layers, self.joins, pairs, strict=True)
        ]


class Encoder:
    """Embedding and recurrent stack over the source; its final states start the decoder."""

    def __init__(self, embedding, stack, bridge=None, attention=None):
        self.mask = PaddingMask(name="source_mask")
        self.embedding = embedding
        self.stack = stack
        self.bridge = bridge
        self.attention = attention

    def __call__(self, source_ids):
        """Encodes source ids `(batch, source_length)`.

        Returns:
            List of tensors: the states for the decoder, each `(batch, units)`, then with attention
            its memory of the source. A single state is followed by the source mask, for Keras
            unwraps a list of one.
        """
        outputs, states, mask = self.read(source_ids)
        if self.bridge is not None:
            states = self.bridge(states)
        if self.attention is not None:
            return [*states, *self.attention.memory(outputs, mask)]
        return states if len(states) > 1 else [*states, mask]

    def read(self, source_ids):
        """Reads source ids `(batch, source_length)`.

        Returns:
            Tuple of the outputs `(batch, source_length, units)`, the list of the stack's own final
            states, and the mask `(batch, source_length)`.
        """
        mask = self.mask(source_ids)
        outputs, states = self.stack(self.embedding(source_ids), mask=mask)
        return outputs, states, mask


class Decoder:
    """Embedding and recurrent stack over the target, attention, and a softmax."""

    def __init__(self, embedding, stack, attention, dropout, output):
        self.embedding = embedding
        self.stack = stack
        self.num_states = len(stack.layers) * stack.states_per_layer
        self.attention = attention
        self.dropout = make_dropout("output_dropout", dropout)
        self.output = output
        self.softmax = keras.layers.Softmax(dtype="float32", name="decoder_softmax")

    def __call__(self, target_ids, states=None):
        """Decodes with teacher forcing.

        No mask is needed: padding comes last, so that it changes nothing before it.

        Args:
            target_ids: `(batch, target_length)`, the first column `BOS`.
            states: The encoder's list, or the decoder's own of the step before; `None` to begin
                with zeros, without an encoder.

        Returns:
            Tuple `(probabilities, states)`: `(batch, target_length, vocabulary)`, and a list like
            the one received, what follows the recurrent states unchanged.
        """
        states, memory = (None, []) if states is None else self.split(states)
        x, states = self.stack(self.embedding(target_ids), states)
        if self.attention is not None:
            x = self.attention(x, memory)
        return self.softmax(self.output(self.dropout(x))), [*states, *memory]

    def split(self, states):
        """Splits the encoder's list into the recurrent states and what attention needs."""
        return list(states[: self.num_states]), list(states[self.num_states :])

    def attention_weights(self, target_ids, states):
        """Returns the attention weights `(batch, target_length, source_length)`."""
        states, memory = self.split(states)
        x, _ = self.stack(self.embedding(target_ids), states)
        return self.attention.weights(x, memory)

    def step(self, token_ids, states, memory, normalise=True):
        """Decodes one token.

        Args:
            token_ids: `(batch,)`.
            states: The recurrent states.
            memory: What follows them in the encoder's list.
            normalise: Whether log probabilities are wanted, or unnormalised scores will do, which
                take half the time with a large vocabulary. Defaults to `True`.

        Returns:
            Tuple `(log_probabilities, states)`, the first `(batch, vocabulary)`.
        """
        x, states = self.stack.step(self.embedding(token_ids), states)
        if self.attention is not None:
            x = self.attention(x[:, None, :], memory)[:, 0, :]
        scores = ops.cast(self.output(x), "float32")
        return ops.log_softmax(scores) if normalise else scores, states


def make_dropout(name, rate):
    """Returns a dropout layer, or where nothing is dropped a function that does nothing."""
    return keras.layers.Dropout(rate, name=name) if rate else lambda x: x


def _numbered(name, i, count):
    return name if count == 1 else f"{name}_{i + 1}"
