"""The Transformer as a language model: a decoder without an encoder."""

from keras import ops

from seq2seq.layers.masking import PaddingMask, measure_prompts
from seq2seq.layers.positions import TokenAndPosition, count_positions
from seq2seq.networks.options import TransformerLanguageModelOptions
from seq2seq.networks.transformer import TransformerDecoder, make_embedding


class CausalTransformer:
    """A decoder whose tokens look at those before them (Radford et al. 2019, section 2.3).

    Args:
        size: Size of the vocabulary.
        options: Its options; see `TransformerLanguageModel`.
    """

    def __init__(self, size: int, options: TransformerLanguageModelOptions):
        position_embedding = TokenAndPosition(
            options.positions,
            options.window,
            options.dropout,
            # Waves would drown tokens that are not.
            scale=options.positions == "sinusoidal",
            name="positions",
        )
        tied = options.tie_embeddings
        embedding = make_embedding(size, options, "embedding", tied)
        self.decoder = TransformerDecoder(
            embedding, size, options, position_embedding, crosses=False, tied=tied
        )
        self.mask = PaddingMask(name="mask")

    def __call__(self, token_ids):
        """Predicts each next token: probabilities `(batch, length, vocabulary)`."""
        return self.decoder(token_ids)

    def read(self, token_ids):
        """Returns the outputs `(batch, length, units)` and the mask."""
        return self.decoder.read(token_ids), self.mask(token_ids)

    def begin(self, ids, max_length):
        """Reads prompts `(batch, length)`, all but their last tokens; see `generation.loop`."""
        lengths, last = measure_prompts(ids)
        decoder, memory = self.decoder, []
        x, places = decoder.position_embedding(decoder.embedding(ids)), count_positions(ids)
        for block in decoder.blocks:
            x, *pair = block.read(x)  # each (batch, length, units)
            memory += pair
        return decoder.make_slots(x, max_length), [*memory, places < lengths - 1], last

    def step(self, token_ids, states, memory, positions):
        """Predicts one token; see `generation.loop`."""
        before = ops.sum(ops.cast(memory[-1], "int32"), axis=1)  # (batch,)
        width = ops.shape(token_ids)[0] // ops.shape(before)[0]
        places = ops.repeat(before, width, axis=0) + positions  # (rows,)
        return self.decoder.step(token_ids, states, positions, places, prompt=memory)
