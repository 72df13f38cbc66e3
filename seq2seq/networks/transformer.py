"""The Transformer: blocks of attention over the source, and over the target so far."""

import keras
from keras import ops

from seq2seq.layers.embedding import TiedEmbedding
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

    Raises:
        ValueError: If the sizes do not fit the options.
    """

    has_attention = True

    def __init__(self, source_size: int, target_size: int, options: TransformerOptions):
        options.check_sizes(source_size, target_size)
        shared = options.share_embeddings
        name = "embedding" if shared else "target_embedding"
        target_embedding = _make_embedding(target_size, options, name, options.tie_output)
        source_embedding = target_embedding
        if not shared:
            source_embedding = _make_embedding(source_size, options, "source_embedding", False)
        self.encoder = TransformerEncoder(source_embedding, options)
        self.decoder = TransformerDecoder(target_embedding, target_size, options)
        self.units = options.units

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
        """Returns the weights `(batch, target_length, source_length)`: the last block's mean."""
        source, _, mask = self.encoder.read(source_ids)
        return ops.mean(self.decoder.attention_by_head(target_ids, source, mask)[-1], axis=1)

    def begin(self, ids, max_length):
        """Reads sources `(batch, source_length)`; see `generation.loop`."""
        source, _, mask = self.encoder.read(ids)
        memory = [
            tensor
            for block in self.decoder.blocks
            for tensor in block.cross_attention.project(source)
        ]
        slots = ops.zeros((ops.shape(ids)[0], max_length, self.units), dtype=source.dtype)
        return [slots] * (2 * len(self.decoder.blocks)), [*memory, mask], None

    def step(self, token_ids, states, memory, positions):
        """Decodes one token; see `generation.loop`."""
        return self.decoder.step(token_ids, states, memory, positions)


class TransformerEncoder:
    """Embedding, positions and blocks over the source."""

    def __init__(self, embedding, options: TransformerOptions):
        self.mask = PaddingMask(name="source_mask")
        self.embedding = embedding
        self.place = _make_positions("source", options)
        self.blocks = make_blocks("encoder", options, crosses=False)
        self.norm = make_norm("encoder_norm", options)

    def read(self, source_ids):
        """Reads source ids `(batch, source_length)`.

        Returns:
            Tuple of the outputs `(batch, source_length, units)`, an empty list, and the mask
            `(batch, source_length)`.
        """
        mask = self.mask(source_ids)  # (batch, source_length)
        x = self.place(self.embedding(source_ids))  # (batch, source_length, units)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x), [], mask


class TransformerDecoder:
    """Embedding, positions and blocks over the target, and a softmax."""

    def __init__(self, embedding, size: int, options: TransformerOptions):
        self.embedding = embedding
        self.place = _make_positions("target", options)
        self.blocks = make_blocks("decoder", options, crosses=True)
        self.norm = make_norm("decoder_norm", options)
        self.tied = options.tie_output
        self.dense = None
        if not self.tied:
            half = training_dtype(options.precision, options.units, size)
            self.dense = Dense(size, half, name="decoder_output")
        self.softmax = keras.layers.Softmax(dtype="float32", name="decoder_softmax")

    def __call__(self, target_ids, source, source_mask):
        """Decodes with teacher forcing; returns `(batch, target_length, vocabulary)`."""
        x = self.place(self.embedding(target_ids))  # (batch, target_length, units)
        for block in self.blocks:
            # Padding comes last, so that no token looks at it.
            x = block(x, None, source, source_mask)
        return self.softmax(self.output(self.norm(x)))

    def attention_by_head(self, target_ids, source, source_mask) -> list:
        """Returns each block's weights `(batch, heads, target_length, source_length)`."""
        x, found = self.place(self.embedding(target_ids)), []
        for block in self.blocks:
            x, weights = block.cross_weights(x, source, source_mask)
            found.append(weights)
        return found

    def step(self, token_ids, states, memory, positions):
        """Decodes one token of every hypothesis; see `generation.loop`."""
        x = self.place(self.embedding(token_ids[:, None]), positions[:, None])[:, 0]
        *pairs, mask = memory
        kept = []
        for i, block in enumerate(self.blocks):
            own = states[2 * i : 2 * i + 2]
            source = *pairs[2 * i : 2 * i + 2], mask
            x, *new = block.step(x, *own, positions, source)  # (rows, units)
            kept += new
        return self.output(self.norm(x)), kept

    def output(self, x):
        """Scores outputs over the vocabulary."""
        return self.embedding(x, reverse=True) if self.tied else self.dense(x)


def _make_embedding(size, options, name, tied):
    if tied:
        dtype = training_dtype(options.precision, options.units, size)
        return TiedEmbedding(size, options.units, dtype, name=name)
    initializer = keras.initializers.RandomNormal(stddev=options.units**-0.5)
    return keras.layers.Embedding(size, options.units, initializer, name=name)


def _make_positions(side, options):
    longest = getattr(options, f"max_{side}_length")
    return TokenAndPosition(options.positions, longest, options.dropout, name=f"{side}_positions")


def make_blocks(side: str, options, crosses: bool) -> list[TransformerBlock]:
    """Returns the blocks of an encoder, or of a decoder, which crosses to a source."""
    return [
        TransformerBlock(
            options.units,
            options.num_heads,
            options.feedforward_units,
            options.dropout,
            options.norm_first,
            options.activation,
            options.positions == "rotary",
            crosses,  # a decoder looks back only
            crosses,
            options.precision,
            options.norm_epsilon,
            name=f"{side}_block_{i + 1}",
        )
        for i in range(options.num_layers)
    ]


def make_norm(name: str, options):
    """Returns the norm after the last block, whose sums are not normalised with `norm_first`."""
    if options.norm_first:
        return keras.layers.LayerNormalization(epsilon=options.norm_epsilon, name=name)
    return lambda x: x
