"""The Transformer: blocks of attention over the source, and over the target so far."""

import keras
from keras import ops

from seq2seq.layers.embedding import TiedEmbedding
from seq2seq.layers.layer_normalization import LayerNormalization
from seq2seq.layers.masking import PaddingMask
from seq2seq.layers.mixed_precision_dense import Dense
from seq2seq.layers.positions import TokenAndPosition
from seq2seq.layers.precision import training_dtype
from seq2seq.layers.transformer_block import TransformerBlock
from seq2seq.networks.options import TransformerOptions


class TransformerEncoderDecoder:
    """An encoder whose outputs a decoder attends to (Vaswani et al. 2017).

    https://arxiv.org/abs/1706.03762

    Args:
        source_size: Size of the source vocabulary.
        target_size: Size of the target vocabulary.
        options: Its options; see `Transformer`.
    """

    has_attention = True

    def __init__(self, source_size: int, target_size: int, options: TransformerOptions):
        shared = options.share_embeddings
        name = "embedding" if shared else "target_embedding"
        target_embedding = make_embedding(target_size, options, name, options.tie_output)
        source_embedding = target_embedding
        if not shared:
            source_embedding = make_embedding(source_size, options, "source_embedding", False)
        self.encoder = TransformerEncoder(source_embedding, options)
        position_embedding = _make_positions("target", options)
        self.decoder = TransformerDecoder(
            target_embedding,
            target_size,
            options,
            position_embedding,
            crosses=True,
            tied=options.tie_output,
        )

    def __call__(self, source_ids, target_ids):
        """Predicts each target token from the source and the target tokens before it.

        Args:
            source_ids: `(batch, source_length)`.
            target_ids: `(batch, target_length)`, the first column `BOS`.

        Returns:
            Probabilities `(batch, target_length, target_vocabulary)`.
        """
        source, _, mask = self.encoder.read(source_ids)
        return self.decoder(target_ids, source, mask)

    def attention_weights(self, source_ids, target_ids):
        """Returns `attention` `(batch, target_length, source_length)`, the last block's mean over
        its heads, and `attention_by_head` `(batch, target_length, layers, heads, source_length)`.
        """
        source, _, mask = self.encoder.read(source_ids)
        blocks = self.decoder.attention_by_head(target_ids, source, mask)
        by_head = ops.transpose(ops.stack(blocks), (1, 3, 0, 2, 4))
        return {"attention": ops.mean(blocks[-1], axis=1), "attention_by_head": by_head}

    def begin(self, ids, max_length):
        """Reads sources `(batch, source_length)`; see `generation.loop`."""
        source, _, mask = self.encoder.read(ids)
        memory = project(self.decoder.blocks, source)
        return self.decoder.make_slots(source, max_length), [*memory, mask], None

    def step(self, token_ids, states, memory, positions):
        """Decodes one token; see `generation.loop`."""
        return self.decoder.step(token_ids, states, positions, positions, source=memory)

    def hand_over(self, source_ids):
        """Returns the states for `follow`: the encoder's outputs, its mask, and no tokens yet."""
        source, _, mask = self.encoder.read(source_ids)
        return [source, mask, *[source[:, :0]] * (2 * len(self.decoder.blocks))]

    def follow(self, token_ids, states):
        """Decodes one token `(batch, 1)`; returns probabilities and the states after it."""
        probabilities, *states = GrowingStep(self.decoder, name="decoder_step")(token_ids, states)
        return probabilities, states


class TransformerEncoder:
    """Embedding, positions and blocks over the source.

    Args:
        embedding: The layer that embeds tokens.
        options: The network's options.
    """

    def __init__(self, embedding, options: TransformerOptions):
        self.mask = PaddingMask(name="source_mask")
        self.embedding = embedding
        self.position_embedding = _make_positions("source", options)
        self.blocks = make_blocks("encoder", options, causal=False, crosses=False)
        self.norm = make_norm("encoder_norm", options)
        self.layers = with_weights(self.position_embedding, *self.blocks, self.norm)

    def read(self, source_ids):
        """Reads source ids `(batch, source_length)`.

        Returns:
            Tuple of the outputs `(batch, source_length, units)`, an empty list, and the mask
            `(batch, source_length)`.
        """
        mask = self.mask(source_ids)  # (batch, source_length)
        x = self.position_embedding(self.embedding(source_ids))  # (batch, source_length, units)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x), [], mask


class TransformerDecoder:
    """Embedding, positions and blocks over a target, and a softmax.

    Args:
        embedding: The layer that embeds tokens.
        size: Size of the vocabulary.
        options: The network's options.
        position_embedding: The `TokenAndPosition`.
        crosses: Whether blocks attend to a source.
        tied: Whether the embedding scores the outputs.
    """

    def __init__(
        self, embedding, size: int, options, position_embedding, crosses: bool, tied: bool
    ):
        self.embedding = embedding
        self.units = options.units
        self.position_embedding = position_embedding
        self.blocks = make_blocks("decoder", options, causal=True, crosses=crosses)
        self.norm = make_norm("decoder_norm", options)
        self.dense = None  # the embedding serves
        if not tied:
            dtype = training_dtype(options.precision, options.units, size)
            self.dense = Dense(size, dtype, name="decoder_output")
        self.softmax = keras.layers.Softmax(dtype="float32", name="decoder_softmax")
        self.layers = with_weights(self.position_embedding, *self.blocks, self.norm)

    def __call__(self, target_ids, source=None, source_mask=None):
        """Decodes with teacher forcing; returns `(batch, target_length, vocabulary)`."""
        return self.softmax(self.output(self.read(target_ids, source, source_mask)))

    def read(self, target_ids, source=None, source_mask=None):
        """Returns the outputs of the last block, `(batch, target_length, units)`."""
        x = self.position_embedding(self.embedding(target_ids))  # (batch, target_length, units)
        for block in self.blocks:
            # Padding comes last, so that no token looks at it.
            x = block(x, None, source, source_mask)
        return self.norm(x)

    def attention_by_head(self, target_ids, source, source_mask) -> list:
        """Returns each block's weights `(batch, heads, target_length, source_length)`."""
        x, found = self.position_embedding(self.embedding(target_ids)), []
        for block in self.blocks:
            x, weights = block.cross_weights(x, source, source_mask)
            found.append(weights)
        return found

    def make_slots(self, like, count):
        """Returns empty keys and values for tokens, `(batch, count, units)` for each block."""
        slots = ops.zeros((ops.shape(like)[0], count, self.units), dtype=like.dtype)
        return [slots] * (2 * len(self.blocks))

    def step(self, token_ids, states, slots, positions, prompt=None, source=None):
        """Decodes one token of every hypothesis.

        Args:
            token_ids: `(rows,)`.
            states: Keys and values of the tokens generated before, see `make_slots`.
            slots: int `(rows,)`, the slot of the token.
            positions: int `(rows,)`, its position in the text.
            prompt: Keys and values of each block, and a mask, of what stands before the first slot.
                Defaults to `None`.
            source: The same of the source. Defaults to `None`.

        Returns:
            Tuple of the scores `(rows, vocabulary)` and the states, one token longer.
        """
        x = self.position_embedding(self.embedding(token_ids[:, None]), positions[:, None])[:, 0]
        kept = []
        for i, block in enumerate(self.blocks):
            pairs = [
                None if memory is None else (*memory[2 * i : 2 * i + 2], memory[-1])
                for memory in (prompt, source)
            ]
            x, *new = block.step(x, *states[2 * i : 2 * i + 2], slots, positions, *pairs)
            kept += new
        return self.output(self.norm(x)), kept

    def output(self, x):
        """Scores outputs over the vocabulary."""
        return self.embedding(x, reverse=True) if self.dense is None else self.dense(x)


class GrowingStep(keras.layers.Layer):
    """One step of a decoder, whose keys and values grow by one token.

    Args:
        decoder: The decoder.
        **kwargs: The arguments of `keras.layers.Layer`.

    Call arguments:
        token_ids: int32 `(batch, 1)`.
        states: The encoder's outputs, its mask, and for each block keys and values of the tokens
            before.

    Returns:
        List of the probabilities `(batch, 1, vocabulary)` and the states, one token longer.
    """

    def __init__(self, decoder: TransformerDecoder, **kwargs):
        super().__init__(**kwargs)
        self.decoder = decoder
        parts = (
            decoder.embedding,
            decoder.position_embedding,
            *decoder.blocks,
            decoder.norm,
            decoder.dense,
        )
        self.parts = [part for part in parts if isinstance(part, keras.layers.Layer)]

    def call(self, token_ids, states):
        """Decodes one token."""
        source, mask, *own = states
        memory = [*project(self.decoder.blocks, source), mask]
        slots = [ops.pad(x, [[0, 0], [0, 1], [0, 0]]) for x in own]
        positions = token_ids[:, 0] * 0 + ops.shape(own[0])[1]
        token_ids = token_ids[:, 0]
        scores, own = self.decoder.step(token_ids, slots, positions, positions, source=memory)
        return [self.decoder.softmax(scores)[:, None], source, mask, *own]

    def compute_output_spec(self, token_ids, states):
        """Returns the shapes and data types of the outputs."""
        size = self.decoder.embedding.input_dim
        probabilities = keras.KerasTensor((token_ids.shape[0], 1, size), dtype="float32")
        return [probabilities, *(keras.KerasTensor(x.shape, dtype=x.dtype) for x in states)]


def project(blocks, source) -> list:
    """Returns keys and values `(batch, length, units)` of a source for each block."""
    return [tensor for block in blocks for tensor in block.cross_attention.project(source)]


def make_embedding(size: int, options, name: str, tied: bool):
    """Returns the embedding of a vocabulary, which may be the output layer too."""
    initializer = keras.initializers.RandomNormal(stddev=options.units**-0.5)
    arguments = {"embeddings_initializer": initializer, "name": name}
    if tied:
        dtype = training_dtype(options.precision, options.units, size)
        return TiedEmbedding(size, options.units, dtype, **arguments)
    return keras.layers.Embedding(size, options.units, **arguments)


def make_blocks(side: str, options, causal: bool, crosses: bool) -> list[TransformerBlock]:
    """Returns the blocks of an encoder or decoder."""
    return [
        TransformerBlock(
            options.units,
            options.num_heads,
            options.feedforward_units,
            options.dropout,
            options.attention_dropout,
            options.norm_first,
            options.activation,
            options.positions == "rotary",
            causal,
            crosses,
            options.precision,
            options.norm_epsilon,
            name=f"{side}_block_{i + 1}",
        )
        for i in range(options.num_layers)
    ]


def with_weights(position_embedding, *layers) -> list[keras.layers.Layer]:
    """Returns those layers, of positions, blocks and a norm, that have weights."""
    learned = [position_embedding] if position_embedding.kind == "learned" else []
    return [*learned, *(layer for layer in layers if isinstance(layer, keras.layers.Layer))]


def make_norm(name: str, options):
    """Returns the norm after the last block, whose sums are not normalised with `norm_first`."""
    if options.norm_first:
        return LayerNormalization(epsilon=options.norm_epsilon, name=name)
    return lambda x: x


def _make_positions(side, options):
    longest = getattr(options, f"max_{side}_length")
    return TokenAndPosition(options.positions, longest, options.dropout, name=f"{side}_positions")
