"""The recurrent language model: a decoder without an encoder."""

from keras import ops

from seq2seq.layers.masking import PaddingMask, measure_prompts
from seq2seq.layers.positions import count_positions
from seq2seq.networks.options import LanguageModelOptions
from seq2seq.networks.recurrent import Decoder, Stack, make_embedding, make_output


class RecurrentLanguageModel:
    """A decoder that starts from zero states, or from those after a prompt.

    Args:
        size: Size of the vocabulary.
        options: Its options; see `LanguageModel`.
    """

    def __init__(self, size: int, options: LanguageModelOptions):
        tied = options.tie_embeddings
        embedding = make_embedding(size, options, "embedding", options.train_embedding, tied)
        output = make_output(embedding, size, options, tied)
        self.decoder = Decoder(embedding, Stack("decoder", options), None, options.dropout, output)
        self.mask = PaddingMask(name="mask")
        self.state_shapes = [(options.units,)] * self.decoder.num_states

    def __call__(self, token_ids):
        """Predicts each next token: probabilities `(batch, length, vocabulary)`."""
        return self.carry(token_ids)[0]

    def carry(self, token_ids, states=None):
        """Predicts each next token after given states; returns also the last states."""
        return self.decoder(token_ids, states)

    def read(self, token_ids):
        """Returns the outputs `(batch, length, units)` and the mask."""
        mask = self.mask(token_ids)  # (batch, length)
        outputs, _ = self.decoder.stack(self.decoder.embedding(token_ids), mask=mask)
        return outputs, mask

    def begin(self, ids, max_length):
        """Reads prompts `(batch, length)`, all but their last tokens; see `generation.loop`."""
        lengths, last = measure_prompts(ids)
        # A fully masked row would have no states: read one token, then discard the states.
        read = ops.maximum(lengths - 1, 1)  # (batch, 1)
        x = self.decoder.embedding(ids)  # (batch, length, embedding_dim)
        _, states = self.decoder.stack(x, mask=count_positions(ids) < read)  # each (batch, units)
        return [ops.where(lengths > 1, state, 0.0) for state in states], [], last

    def step(self, token_ids, states, memory, positions):
        """Predicts one token; see `generation.loop`."""
        return self.decoder.step(token_ids, states, memory)
