"""The encoder of BERT: every token sees those on both sides of it."""

import keras

from seq2seq.layers.embedding import SegmentEmbedding
from seq2seq.layers.layer_normalization import LayerNormalization
from seq2seq.layers.masking import PaddingMask
from seq2seq.layers.positions import TokenAndPosition
from seq2seq.networks.options import MaskedLanguageModelOptions
from seq2seq.networks.transformer import make_blocks, make_norm, with_weights


def make_initializer() -> keras.initializers.Initializer:
    """Returns that of BERT, a new one: an initializer without a seed draws its seed when made."""
    return keras.initializers.TruncatedNormal(stddev=0.02)


class TextEncoder:
    """Tokens, positions and segments, normalised, and blocks (Devlin et al. 2019, section 3).

    https://aclanthology.org/N19-1423. Unlike in other Transformers, embeddings are not scaled.

    Args:
        embedding: The layer that embeds tokens.
        options: Its options; see `MaskedLanguageModel`.

    Attributes:
        layers: The layers with weights, but for the embedding.
    """

    def __init__(self, embedding: keras.layers.Embedding, options: MaskedLanguageModelOptions):
        self.mask = PaddingMask(name="mask")
        self.embedding = embedding
        self.position_embedding = TokenAndPosition(
            options.positions, options.max_length, scale=False, name="positions"
        )
        self.segments = SegmentEmbedding(2, options.units, make_initializer(), name="segments")
        self.embedding_norm = LayerNormalization(
            epsilon=options.norm_epsilon, name="embedding_norm"
        )
        self.drop = keras.layers.Dropout(options.dropout, name="embedding_dropout")
        self.blocks = make_blocks("encoder", options, causal=False, crosses=False)
        self.norm = make_norm("encoder_norm", options)
        self.layers = with_weights(
            self.position_embedding, self.segments, self.embedding_norm, *self.blocks, self.norm
        )

    def copy(self, other: "TextEncoder") -> None:
        """Takes over the weights of another encoder of the same options and vocabulary."""
        self.embedding.set_weights(other.embedding.get_weights()[:1])  # a tied one has a bias too
        for layer, counterpart in zip(self.layers, other.layers, strict=True):
            layer.set_weights(counterpart.get_weights())

    def read(self, token_ids):
        """Reads rows `(batch, length)`: `BOS`, a sentence, `EOS`, perhaps another and `EOS`.

        Returns:
            Tuple of the outputs `(batch, length, units)`, an empty list, and the mask `(batch,
            length)`, as from the encoders of other networks.
        """
        mask = self.mask(token_ids)  # (batch, length)
        x = self.position_embedding(self.embedding(token_ids))
        x = x + self.segments(token_ids)
        x = self.drop(self.embedding_norm(x))  # (batch, length, units)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x), [], mask
