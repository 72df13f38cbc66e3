"""Embeddings that can be tied, shared, summed, and started from word vectors."""

from pathlib import Path

import keras
import numpy as np
from keras import ops

from seq2seq.data.word_vectors import read_vectors
from seq2seq.layers.output_product import remember_product
from seq2seq.layers.precision import half_product, multiplies_half
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS

HASH = 31337, 7919  # of a bigram: factors of the token before, and of the token


@keras.saving.register_keras_serializable(package="seq2seq")
class TiedEmbedding(keras.layers.Embedding):
    """An embedding whose transpose is the output layer (Press & Wolf 2017, section 3).

    https://aclanthology.org/E17-2025

    Args:
        input_dim: Size of the vocabulary.
        output_dim: Size of the embeddings.
        training_dtype: Data type of the operands of the scores in training, see `Dense`. Defaults
            to `"float32"`.
        **kwargs: The other arguments of `keras.layers.Embedding`.

    Call arguments:
        inputs: Ids `(batch, length)`, or with `reverse=True` outputs `(batch, length,
            embedding_dim)`, from which it computes scores over the vocabulary.
    """

    def __init__(self, input_dim, output_dim, training_dtype="float32", **kwargs):
        super().__init__(input_dim, output_dim, **kwargs)
        self.training_dtype = training_dtype

    def get_config(self):
        """Returns the arguments that rebuild this layer."""
        return {**super().get_config(), "training_dtype": self.training_dtype}

    def build(self, input_shape=None):
        """Creates the embeddings and the bias of the scores."""
        super().build(input_shape)
        self.bias = self.add_weight(name="bias", shape=(self.input_dim,), initializer="zeros")

    def save_own_variables(self, store):
        """Saves the bias too: Keras's embedding would save only the embeddings."""
        if self.lora_enabled:
            store["0"], store["1"] = self.embeddings, self.bias  # what LoRA adds is merged
        else:
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
        kernel = ops.transpose(self.embeddings)  # (output_dim, input_dim)
        half = multiplies_half(self, training)
        if half:
            scores = half_product(inputs, kernel) + self.bias  # (..., input_dim)
        else:
            kernel = ops.cast(kernel, inputs.dtype)
            scores = ops.matmul(inputs, kernel) + ops.cast(self.bias, inputs.dtype)
        return remember_product(scores, inputs, kernel, self.bias, half) if training else scores


@keras.saving.register_keras_serializable(package="seq2seq")
class NGramEmbedding(keras.layers.Embedding):
    """Embeds each bigram, a token together with the one before it.

    The bigrams are hashed to `input_dim` rows, as in fastText (Joulin et al. 2017,
    https://aclanthology.org/E17-2068, section 2).

    Call arguments:
        inputs: Ids `(batch, length)`.

    Returns:
        float `(batch, length, output_dim)`.
    """

    def call(self, inputs):
        """Looks up bigrams."""
        before = ops.pad(inputs, [[0, 0], [1, 0]])[:, :-1]  # (batch, length)
        # Products that overflow wrap around in the same way on every backend.
        return super().call(ops.mod(before * HASH[0] + inputs * HASH[1], self.input_dim))


@keras.saving.register_keras_serializable(package="seq2seq")
class SegmentEmbedding(keras.layers.Embedding):
    """Tells the second sentence of a row from the first (Devlin et al. 2019, section 3.2).

    https://aclanthology.org/N19-1423

    Call arguments:
        inputs: Ids `(batch, length)`, where `EOS` ends each sentence.

    Returns:
        float `(batch, length, output_dim)`: row 0 up to the first `EOS`, row 1 after it.
    """

    def call(self, inputs):
        """Looks up segments."""
        ends = ops.cast(ops.equal(inputs, EOS), "int32")  # (batch, length)
        before = ops.cumsum(ends, axis=1) - ends
        return super().call(ops.minimum(before, 1))


class SummedEmbedding:
    """The sum of a token's embedding and, unless it is `None`, that of its pair."""

    def __init__(self, token_embedding, pair_embedding):
        self.token_embedding = token_embedding
        self.pair_embedding = pair_embedding

    def __call__(self, token_ids):
        """Embeds ids `(batch, length)`."""
        x = self.token_embedding(token_ids)  # (batch, length, output_dim)
        return x if self.pair_embedding is None else x + self.pair_embedding(token_ids)


def load_vectors(
    side: str,
    layer: keras.layers.Embedding,
    tokenizer: Tokenizer | None,
    path: str | Path | None,
) -> None:
    """Initialises an embedding from a file of vectors; tokens without one keep what they have.

    Args:
        side: `"source"` or `"target"`, for the message, or `""`.
        layer: The embedding.
        tokenizer: Tokenizer of its tokens; needed if there is a file.
        path: See `read_vectors`. With `None` nothing is done.

    Raises:
        ValueError: If there is no tokenizer, or the file holds no word vectors.
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
