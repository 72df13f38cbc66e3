"""The network of BERT: an encoder, a head for masked tokens and one for next sentences."""

import keras

from seq2seq.layers.activations import find_activation
from seq2seq.layers.embedding import TiedEmbedding
from seq2seq.layers.layer_normalization import LayerNormalization
from seq2seq.layers.mixed_precision_dense import Dense
from seq2seq.layers.places import TakePlaces
from seq2seq.layers.precision import training_dtype
from seq2seq.networks.options import MaskedLanguageModelOptions
from seq2seq.networks.text_encoder import TextEncoder, make_initializer


class MaskedTransformer:
    """A `TextEncoder` that guesses hidden tokens, and whether two sentences follow each other.

    Devlin et al. 2019, https://aclanthology.org/N19-1423, section 3.1.

    Args:
        size: Size of the vocabulary.
        rows: Number of ids, that of the mask included.
        options: Its options; see `MaskedLanguageModel`.
    """

    def __init__(self, size: int, rows: int, options: MaskedLanguageModelOptions):
        units, precision = options.units, options.precision
        self.size = size
        dtype = training_dtype(precision, units, rows)
        self.embedding = TiedEmbedding(
            rows, units, dtype, embeddings_initializer=make_initializer(), name="embedding"
        )
        self.encoder = TextEncoder(self.embedding, options)
        self.take = TakePlaces(name="masked_outputs")
        self.token_dense = Dense(
            units,
            training_dtype(precision, units, units),
            activation=find_activation(options.activation),
            name="token_dense",
        )
        self.token_norm = LayerNormalization(epsilon=options.norm_epsilon, name="token_norm")
        self.token_softmax = keras.layers.Softmax(dtype="float32", name="tokens")
        self.pooler = keras.layers.Dense(units, "tanh", name="pooler")
        self.next_dense = keras.layers.Dense(2, name="next_sentence_scores")
        self.next_softmax = keras.layers.Softmax(dtype="float32", name="next_sentence")

    def __call__(self, token_ids, places) -> dict:
        """Returns the probabilities of the tokens at some places, and of the two classes.

        Args:
            token_ids: `(batch, length)`.
            places: int `(batch, predictions)`.

        Returns:
            `tokens` `(batch, predictions, vocabulary)` and `next_sentence` `(batch, 2)`.
        """
        outputs, _, _ = self.encoder.read(token_ids)
        return {
            "tokens": self.guess_tokens(outputs, places),
            "next_sentence": self.next_softmax(self.score_next(outputs)),
        }

    def guess_tokens(self, outputs, places):
        """Returns probabilities `(batch, predictions, vocabulary)` from the encoder's outputs."""
        return self.token_softmax(self.score_tokens(self.take(outputs, places)))

    def score_tokens(self, outputs):
        """Scores the vocabulary `(..., vocabulary)`, without a mask of its own, at outputs."""
        x = self.token_norm(self.token_dense(outputs))  # (..., units)
        scores = self.embedding(x, reverse=True)  # (..., rows)
        return keras.ops.split(scores, [self.size], axis=-1)[0]

    def score_next(self, outputs):
        """Scores `(batch, 2)` whether the second sentence is the next one or another."""
        return self.next_dense(self.pooler(outputs[:, 0]))
