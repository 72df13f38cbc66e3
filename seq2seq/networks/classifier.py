"""Classifiers: an encoder without a decoder, and pooling of its outputs."""

import math

import keras
from keras import ops

from seq2seq.layers.embedding import NGramEmbedding, SummedEmbedding
from seq2seq.layers.pooling import MaxPooling, MeanPooling
from seq2seq.networks.options import ClassifierOptions, EncodedClassifierOptions
from seq2seq.networks.recurrent import Encoder, Stack, make_regularizer
from seq2seq.networks.text_encoder import TextEncoder, make_initializer
from seq2seq.text.vocabulary import BOS


class RecurrentClassifier:
    """A softmax over mean and maximum of an encoder's outputs and the mean of its embeddings.

    The pooling is similar to Howard & Ruder 2018, https://aclanthology.org/P18-1031, section 3.3.

    Args:
        size: Size of the vocabulary.
        classes: Number of classes.
        options: Its options; see `TextClassifier`.
    """

    def __init__(self, size: int, classes: int, options: ClassifierOptions):
        embedding = _pooled_embedding("embedding", size, options)
        self.token_embedding = embedding.token_embedding
        self.token_embedding.trainable = options.train_embedding
        self.longest = math.inf  # of a row
        stack = Stack("encoder", options, options.bidirectional)
        self.units, self.layers = options.units, stack.layers
        self.encoder = Encoder(embedding, stack)
        self.mean_pooling = MeanPooling(name="mean_pooling")
        self.max_pooling = MaxPooling(name="max_pooling")
        self.embedding_pooling = MeanPooling(name="embedding_pooling")
        self.join = keras.layers.Concatenate(name="text_vector")
        self.dropout = keras.layers.Dropout(options.dropout, name="output_dropout")
        self.output = keras.layers.Dense(
            classes, kernel_regularizer=make_regularizer(options), name="output"
        )
        self.softmax = keras.layers.Softmax(dtype="float32", name="softmax")

    def __call__(self, token_ids):
        """Returns the probabilities of the classes `(batch, classes)` for ids `(batch, length)`."""
        return self.read(token_ids)[0]

    def read(self, token_ids):
        """Returns the probabilities, and the encoder's outputs `(batch, length, units)`."""
        encoder = self.encoder
        x, mask = encoder.embedding(token_ids), encoder.mask(token_ids)  # (batch, length, dim)
        outputs, _ = encoder.stack(x, mask=mask)  # (batch, length, units)
        pooled = [
            self.mean_pooling(outputs, mask),  # (batch, units)
            self.max_pooling(outputs, mask),  # (batch, units)
            self.embedding_pooling(x, mask),  # (batch, dim)
        ]
        x = self.dropout(self.join(pooled))  # (batch, 2 * units + dim)
        return self.softmax(self.output(x)), outputs


class EncodedClassifier:
    """A softmax over mean and maximum of a `TextEncoder`'s outputs and the output at `BOS`.

    With `pair_buckets` also over the mean of embeddings of its own, of tokens and of pairs.

    Args:
        rows: Number of ids, that of the mask included.
        classes: Number of classes.
        options: Its options; see `TextClassifier`.
    """

    def __init__(self, rows: int, classes: int, options: EncodedClassifierOptions):
        self.units = options.encoder.units
        self.longest = options.encoder.max_length - 1  # of a row without `BOS`
        self.token_embedding = keras.layers.Embedding(
            rows, self.units, make_initializer(), name="embedding"
        )
        self.encoder = _BegunEncoder(self.token_embedding, options.encoder)
        self.layers = self.encoder.layers
        self.mean_pooling = MeanPooling(name="mean_pooling")
        self.max_pooling = MaxPooling(name="max_pooling")
        self.pooled_embedding = None
        if options.pair_buckets:
            self.pooled_embedding = _pooled_embedding("pooled_embedding", rows, options)
            self.embedding_pooling = MeanPooling(name="embedding_pooling")
        self.join = keras.layers.Concatenate(name="text_vector")
        self.dropout = keras.layers.Dropout(options.dropout, name="output_dropout")
        self.output = keras.layers.Dense(classes, name="output")
        self.softmax = keras.layers.Softmax(dtype="float32", name="softmax")

    def __call__(self, token_ids):
        """Returns the probabilities of the classes `(batch, classes)` for ids `(batch, length)`."""
        outputs, _, mask = self.encoder.read(token_ids)  # (batch, length + 1, units)
        pooled = [
            self.mean_pooling(outputs, mask),  # each (batch, units)
            self.max_pooling(outputs, mask),
            outputs[:, 0],
        ]
        if self.pooled_embedding is not None:
            mask = self.encoder.mask(token_ids)  # (batch, length)
            pooled.append(self.embedding_pooling(self.pooled_embedding(token_ids), mask))
        return self.softmax(self.output(self.dropout(self.join(pooled))))


class _BegunEncoder(TextEncoder):
    """A `TextEncoder` of rows that do not begin with `BOS`, as those of classifiers."""

    def read(self, token_ids):
        return super().read(ops.pad(token_ids, [[0, 0], [1, 0]], constant_values=BOS))


def _pooled_embedding(name, rows, options):
    """Returns the embedding of tokens, and of pairs if there are buckets for them."""

    def table(kind, rows, name):
        # Small: the pooled embeddings go straight to the output.
        initializer = keras.initializers.RandomNormal(stddev=0.1)
        return kind(rows, options.embedding_dim, initializer, name=name)

    tokens, buckets = table(keras.layers.Embedding, rows, name), options.pair_buckets
    pairs = table(NGramEmbedding, buckets, "pair_embedding") if buckets else None
    return SummedEmbedding(tokens, pairs)
