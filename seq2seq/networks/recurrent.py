"""The recurrent encoder-decoder: stacks of named Keras layers, and what joins them.

Everything is called on symbolic tensors, once for the training graph and again for the inference
models, so that they share the layers.
"""

import functools

import keras

from seq2seq.layers.attention import AttentionHead
from seq2seq.layers.embedding import TiedEmbedding
from seq2seq.layers.masking import PaddingMask
from seq2seq.layers.mixed_precision_dense import Dense
from seq2seq.layers.precision import training_dtype
from seq2seq.layers.recurrent import GRU, LSTM, FastLoop
from seq2seq.networks.options import EncoderDecoderOptions, RecurrentOptions

CELL_LAYERS = {
    "lstm": LSTM,  # Hochreiter & Schmidhuber 1997
    "gru": GRU,  # Cho et al. 2014
    "rnn": keras.layers.SimpleRNN,  # Elman 1990
}


class RecurrentEncoderDecoder:
    """An encoder whose final states start a decoder (Sutskever et al. 2014, section 2).

    Args:
        source_size: Size of the source vocabulary.
        target_size: Size of the target vocabulary.
        options: Its options; see `Seq2Seq`.
    """

    def __init__(self, source_size: int, target_size: int, options: EncoderDecoderOptions):
        shared, trained = options.share_embeddings, options.train_target_embedding
        name = "embedding" if shared else "target_embedding"
        target_embedding = make_embedding(target_size, options, name, trained, options.tie_output)
        source_embedding = target_embedding
        if not shared:
            trained = options.train_source_embedding
            source_embedding = make_embedding(source_size, options, "source_embedding", trained)
        stack = Stack("decoder", options)
        bridge = Bridge(options, stack.states_per_layer) if options.bidirectional else None
        attention = None
        if options.attention is not None:
            attention = AttentionHead(
                options.attention,
                options.attention_score,
                options.units,
                make_regularizer(options),
                options.precision,
            )
        encoder_stack = Stack("encoder", options, options.bidirectional)
        self.encoder = Encoder(source_embedding, encoder_stack, bridge, attention)
        output = make_output(target_embedding, target_size, options, options.tie_output)
        self.decoder = Decoder(target_embedding, stack, attention, options.dropout, output)
        self.has_attention = attention is not None

    def __call__(self, source_ids, target_ids):
        """Predicts each target token from the source and the target tokens before it.

        Args:
            source_ids: `(batch, source_length)`.
            target_ids: `(batch, target_length)`, the first column `BOS`.

        Returns:
            Probabilities `(batch, target_length, target_vocabulary)`.
        """
        probabilities, _ = self.decoder(target_ids, self.encoder(source_ids))
        return probabilities

    def attention_weights(self, source_ids, target_ids):
        """Returns `attention`, the weights `(batch, target_length, source_length)`."""
        weights = self.decoder.attention_weights(target_ids, self.encoder(source_ids))
        return {"attention": weights}

    def begin(self, ids, max_length):
        """Reads sources `(batch, source_length)`; see `generation.loop`."""
        states, memory = self.decoder.split(self.encoder(ids))
        return states, memory, None

    def step(self, token_ids, states, memory, positions):
        """Decodes one token; see `generation.loop`."""
        return self.decoder.step(token_ids, states, memory)

    def hand_over(self, source_ids):
        """Returns the states that a decoder starts with, see `Encoder`."""
        return self.encoder(source_ids)

    def follow(self, token_ids, states):
        """Decodes tokens `(batch, length)`; returns probabilities and the states after them."""
        return self.decoder(token_ids, states)


class Encoder:
    """Embedding and recurrent stack over the source; its final states start the decoder.

    Args:
        embedding: The layer that embeds tokens.
        stack: The `Stack`.
        bridge: The `Bridge` from the states of both directions to the decoder's, or `None`.
        attention: The decoder's `AttentionHead`, which may project the outputs, or `None`.
    """

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
            its memory of the source. A single state is followed by the source mask, because Keras
            unwraps a list of one.
        """
        return self.hand_over(*self.read(source_ids))

    def hand_over(self, outputs, states, mask):
        """Returns for the decoder what `read` returned."""
        if self.bridge is not None:
            states = self.bridge(states)  # each (batch, units)
        if self.attention is not None:
            return [*states, *self.attention.memory(outputs, mask)]
        return states if len(states) > 1 else [*states, mask]

    def read(self, source_ids):
        """Reads source ids `(batch, source_length)`.

        Returns:
            Tuple of the outputs `(batch, source_length, units)`, the list of the stack's own final
            states, and the mask `(batch, source_length)`.
        """
        mask = self.mask(source_ids)  # (batch, source_length)
        x = self.embedding(source_ids)  # (batch, source_length, embedding_dim)
        outputs, states = self.stack(x, mask=mask)  # (batch, source_length, units)
        return outputs, states, mask


class Decoder:
    """Embedding and recurrent stack over the target, attention, and a softmax.

    Args:
        embedding: The layer that embeds tokens.
        stack: The `Stack`.
        attention: The `AttentionHead`, or `None`.
        dropout: Dropout rate of what is scored.
        output: Scores outputs `(..., units)` over the vocabulary.
    """

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

        No mask is needed: padding comes last, so it changes nothing before it.

        Args:
            target_ids: `(batch, target_length)`, the first column `BOS`.
            states: The encoder's list, or the decoder's own from the step before; `None` to start
                from zeros, without an encoder.

        Returns:
            Tuple `(probabilities, states)`: `(batch, target_length, vocabulary)`, and a list like
            the one received, with what follows the recurrent states unchanged.
        """
        states, memory = (None, []) if states is None else self.split(states)
        x = self.embedding(target_ids)  # (batch, target_length, embedding_dim)
        x, states = self.stack(x, states)  # (batch, target_length, units)
        if self.attention is not None:
            x = self.attention(x, memory)  # (batch, target_length, units)
        scores = self.output(self.dropout(x))  # (batch, target_length, vocabulary)
        return self.softmax(scores), [*states, *memory]

    def split(self, states):
        """Splits the encoder's list into the recurrent states and what attention needs."""
        return list(states[: self.num_states]), list(states[self.num_states :])

    def attention_weights(self, target_ids, states):
        """Returns the attention weights `(batch, target_length, source_length)`."""
        states, memory = self.split(states)
        x, _ = self.stack(self.embedding(target_ids), states)  # (batch, target_length, units)
        return self.attention.weights(x, memory)

    def step(self, token_ids, states, memory):
        """Decodes one token of every hypothesis.

        Args:
            token_ids: `(batch * width,)`.
            states: The recurrent states, each `(batch * width, units)`.
            memory: What follows them in the encoder's list, each `(batch, ...)`.

        Returns:
            Tuple `(scores, states)`, the first `(batch * width, vocabulary)`, unnormalised: the
            softmax takes as long again with a large vocabulary, and greedy search does not need it.
        """
        x, states = self.stack.step(self.embedding(token_ids), states)  # (batch * width, units)
        if self.attention is not None:
            x = self.attention.step(x, memory)
        return self.output(x), states


class Stack:
    """Recurrent layers on top of each other, with residual connections from the third.

    Args:
        side: `"encoder"` or `"decoder"`, for the names.
        options: Of these it uses `cell`, `units` (of both directions together if bidirectional),
            `num_layers`, `dropout`, `recurrent_dropout`, `l2` and `precision`.
        bidirectional: Whether each layer reads in both directions (Schuster & Paliwal 1997).
            Defaults to `False`.
    """

    def __init__(self, side: str, options: RecurrentOptions, bidirectional: bool = False):
        cell, count = options.cell, options.num_layers
        self.states_per_layer = (2 if cell == "lstm" else 1) * (2 if bidirectional else 1)
        self.dropout = [
            make_dropout(_numbered(f"{side}_dropout", i, count), options.dropout)
            for i in range(count)
        ]
        size = options.units // 2 if bidirectional else options.units
        precision = {}
        if issubclass(CELL_LAYERS[cell], FastLoop):
            width = CELL_LAYERS[cell].gates * size
            precision["training_dtype"] = training_dtype(options.precision, size, width)
        self.layers = []
        for i in range(count):
            layer = CELL_LAYERS[cell](
                size,
                return_sequences=True,
                return_state=True,
                recurrent_dropout=options.recurrent_dropout,
                kernel_regularizer=make_regularizer(options),
                recurrent_regularizer=make_regularizer(options),
                name=_numbered(f"{side}_{cell}", i, count),
                **precision,
            )
            if bidirectional:
                layer = keras.layers.Bidirectional(layer, name=layer.name)
            self.layers.append(layer)

    def __call__(self, x, states=None, mask=None):
        """Runs over sequences `(batch, length, dim)`; returns the outputs and a list of states."""
        final_states = []
        for i, (layer, dropout) in enumerate(zip(self.layers, self.dropout, strict=True)):
            # Keras loses the embedding's mask when a layer gets several tensors: pass it.
            y, *new_states = layer(dropout(x), initial_state=self._of(states, i), mask=mask)
            x = y if i < 2 else x + y  # (batch, length, units)
            final_states += new_states
        return x, final_states

    def step(self, x, states):
        """Runs the cells over one position, `(rows, dim)`, without a loop over a length of one."""
        final_states = []
        for i, layer in enumerate(self.layers):
            y, new_states = layer.cell(x, self._of(states, i))
            x = y if i < 2 else x + y  # (rows, units)
            final_states += new_states
        return x, final_states

    def _of(self, states, i):
        n = self.states_per_layer
        return None if states is None else list(states[i * n : (i + 1) * n])


class Bridge:
    """A tanh layer from both directions' final states to each state of the decoder.

    As in Bahdanau et al. 2015 (https://arxiv.org/abs/1409.0473, appendix A.2.2), who use only one
    of the directions.

    Args:
        options: The network's options.
        states_per_layer: Number of states that a layer has.
    """

    def __init__(self, options: EncoderDecoderOptions, states_per_layer: int):
        count = options.num_layers * states_per_layer
        self.states_per_layer = states_per_layer
        self.joins = [
            keras.layers.Concatenate(name=_numbered("bridge_join", i, count)) for i in range(count)
        ]
        self.layers = [
            keras.layers.Dense(
                options.units,
                activation="tanh",
                kernel_regularizer=make_regularizer(options),
                name=_numbered("bridge", i, count),
            )
            for i in range(count)
        ]

    def __call__(self, states):
        """Takes each layer's forward states, then its backward ones, as Keras lists them."""
        return [
            layer(join(pair))  # (batch, units)
            for layer, join, pair in zip(self.layers, self.joins, self.pairs(states), strict=True)
        ]

    def pairs(self, states) -> list[list]:
        """Returns each forward state with the backward one of its kind."""
        count = self.states_per_layer
        return [
            [states[start + i], states[start + count + i]]
            for start in range(0, len(states), 2 * count)
            for i in range(count)
        ]


def make_embedding(
    size: int, options: RecurrentOptions, name: str, trainable: bool, tied: bool = False
) -> keras.layers.Embedding:
    """Returns the embedding of a vocabulary, which may also be the output layer."""
    dim = options.embedding_dim
    if tied:  # an output layer must start small, as Keras's embeddings do
        dtype = training_dtype(options.precision, dim, size)
        return TiedEmbedding(size, dim, dtype, trainable=trainable, name=name)
    # Keras's embeddings start so small that tokens look alike for many updates; with variance 1
    # they differ from the start. The few tokens of an alphabet are in every batch and soon learned:
    # smaller embeddings generalise better there.
    initializer = keras.initializers.RandomNormal(stddev=min(1.0, size / 40))
    return keras.layers.Embedding(size, dim, initializer, trainable=trainable, name=name)


def make_output(embedding, size: int, options: RecurrentOptions, tied: bool):
    """Returns the layer from the decoder's outputs to scores over the vocabulary."""
    if tied:
        return functools.partial(embedding, reverse=True)
    return Dense(
        size,
        training_dtype(options.precision, options.units, size),
        kernel_regularizer=make_regularizer(options),
        name="decoder_output",
    )


def make_regularizer(options: RecurrentOptions) -> keras.regularizers.Regularizer | None:
    """Returns the L2 penalty on kernels, or `None`."""
    return keras.regularizers.L2(options.l2) if options.l2 else None


def make_dropout(name: str, rate: float):
    """Returns a dropout layer, or the identity if nothing is dropped."""
    return keras.layers.Dropout(rate, name=name) if rate else lambda x: x


def _numbered(name, i, count):
    return name if count == 1 else f"{name}_{i + 1}"
