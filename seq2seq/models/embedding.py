"""Embeddings that can be tied, shared, and read from files of word vectors."""

import gzip
import re
from pathlib import Path

import keras
import numpy as np
from keras import ops

from seq2seq.models.precision import half_product, multiplies_half
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import SPECIAL_TOKENS, Vocabulary


@keras.saving.register_keras_serializable(package="seq2seq")
class TiedEmbedding(keras.layers.Embedding):
    """An embedding whose transpose is the output layer (Press & Wolf 2017, section 3).

    https://aclanthology.org/E17-2025

    Args:
        input_dim: Size of the vocabulary.
        output_dim: Size of the embeddings.
        training_dtype: Data type of the factors of the scores in training, see `Dense`. Defaults to
            `"float32"`.
        **kwargs: The other arguments of `keras.layers.Embedding`.

    Call arguments:
        inputs: Ids `(batch, length)`, or with `reverse=True` outputs `(batch, length,
            embedding_dim)`, of which it makes scores of the vocabulary.
    """

    def __init__(self, input_dim, output_dim, training_dtype="float32", **kwargs):
        super().__init__(input_dim, output_dim, **kwargs)
        self.training_dtype = training_dtype

    def get_config(self):
        """Returns the arguments that rebuild this layer."""
        return {**super().get_config(), "training_dtype": self.training_dtype}

    def build(self, input_shape=None):
        """Makes the embeddings and the bias of the scores."""
        super().build(input_shape)
        self.bias = self.add_weight(name="bias", shape=(self.input_dim,), initializer="zeros")

    def save_own_variables(self, store):
        """Saves the bias too: Keras's embedding would save the embeddings alone."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """Loads what `save_own_variables` saved."""
        keras.layers.Layer.load_own_variables(self, store)

    def compute_output_spec(self, inputs, reverse=False, training=False):
        """Returns the shape and data type of the output."""
        if not reverse:
            return super().compute_output_spec(inputs)
        shape = (*inputs.shape[:-1], self.input_dim)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def call(self, inputs, reverse=False, training=False):
        """Looks ids up, or scores outputs."""
        if not reverse:
            return super().call(inputs)
        kernel = ops.transpose(self.embeddings)
        if multiplies_half(self, training):
            return half_product(inputs, kernel) + self.bias
        kernel = ops.cast(kernel, inputs.dtype)
        return ops.matmul(inputs, kernel) + ops.cast(self.bias, inputs.dtype)


@keras.saving.register_keras_serializable(package="seq2seq")
class NGramEmbedding(keras.layers.Embedding):
    """Embeds each token together with the one before it, an n-gram of two.

    The pairs share `input_dim` rows by their hash, as in fastText (Joulin et al. 2017,
    https://aclanthology.org/E17-2068, section 2).

    Call arguments:
        inputs: Ids `(batch, length)`.

    Returns:
        float `(batch, length, output_dim)`.
    """

    def call(self, inputs):
        """Looks up pairs."""
        before = ops.pad(inputs, [[0, 0], [1, 0]])[:, :-1]
        # Products that overflow wrap around alike on every backend.
        return super().call(ops.mod(before * 31337 + inputs * 7919, self.input_dim))


class SummedEmbedding:
    """The sum of a token's embedding and, unless it is `None`, that of its pair."""

    def __init__(self, token_embedding, pair_embedding):
        self.token_embedding = token_embedding
        self.pair_embedding = pair_embedding

    def __call__(self, token_ids):
        """Embeds ids `(batch, length)`."""
        x = self.token_embedding(token_ids)
        return x if self.pair_embedding is None else x + self.pair_embedding(token_ids)


def load_vectors(
    side: str,
    layer: keras.layers.Embedding,
    tokenizer: Tokenizer | None,
    path: str | Path | None,
) -> None:
    """Begins an embedding with the vectors of a file; tokens without one keep what they have.

    Args:
        side: `"source"` or `"target"`, for the message, or `""`.
        layer: The embedding.
        tokenizer: Tokenizer of its tokens; needed if there is a file.
        path: See `read_vectors`. With `None` nothing is done.

    Raises:
        ValueError: If there is no tokenizer, or the file is none of word vectors.
    """
    if path is None:
        return
    if tokenizer is None:
        name = f"{side}_vectors".lstrip("_")
        raise ValueError(f"Expected a tokenizer with `{name}`. Received a size.")
    vectors = read_vectors(path, tokenizer.vocabulary, layer.output_dim)
    weights = layer.get_weights()
    weights[0][list(vectors)] = np.stack(list(vectors.values()))
    layer.set_weights(weights)


def read_vectors(path: str | Path, vocabulary: Vocabulary, dim: int) -> dict[int, np.ndarray]:
    """Reads word vectors in the text format of word2vec and GloVe, plain or `.gz`.

    Args:
        path: UTF-8 file of a token and its numbers a line, separated by spaces; word2vec's first
            line, two whole numbers, is skipped.
        vocabulary: Only its tokens are kept.
        dim: Length every vector must have.

    Returns:
        Dict of float32 vectors `(dim,)` by id.

    Raises:
        ValueError: If the file cannot be read, a line is broken or of another length, or no line is
            of a token of the vocabulary.
    """
    if not isinstance(path, (str, Path)):
        raise ValueError(f"Expected the path of a file of word vectors. Received: {path!r}.")
    path = Path(path)
    vectors = {}
    number = 0
    try:
        with (gzip.open if path.suffix == ".gz" else open)(
            path, "rt", encoding="utf-8-sig"
        ) as file:
            for number, line in enumerate(file, start=1):
                # Not any white space: tokens may hold the rarer kinds.
                token, *values = re.split("[ \t]+", line.strip("\r\n \t"))
                if number == 1 and token.isdigit() and len(values) == 1:
                    continue
                # A token of another vocabulary may hold spaces, but the first one tells the width.
                if token in vocabulary or len(values) < dim or number == 1:
                    vector = _vector(path, number, values, dim)
                if token in vocabulary:
                    vectors[vocabulary.ids([token])[0]] = vector
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(
            f"Expected {path} to be a UTF-8 file of word vectors. Received: {error}."
        ) from error
    if not number:
        raise ValueError(f"Expected {path} to hold word vectors. Received an empty file.")
    if not vectors:
        raise ValueError(
            f"Expected {path} to hold vectors of tokens of the vocabulary. Received none of its "
            f"{len(vocabulary) - len(SPECIAL_TOKENS)} tokens. Is it of another language?"
        )
    return vectors


def _vector(path, number, values, dim):
    try:
        vector = np.array(values, dtype="float32")
    except ValueError:
        vector = np.array([])
    if vector.shape != (dim,) or not np.isfinite(vector).all():
        raise ValueError(
            f"{path}, line {number}: expected a token and {dim} numbers (`embedding_dim`). "
            f"Received {len(values)} values, {' '.join(values)[:40]!r}. Set `embedding_dim` to the "
            "length of the vectors, or mend the line."
        )
    return vector
