"""Attention of the decoder over the encoder's outputs."""

import keras
from keras import ops

from seq2seq.layers.mixed_precision_dense import Dense
from seq2seq.layers.precision import training_dtype


class AttentionHead:
    """A context over the source for each target position, joined with the decoder's output.

    The decoder's outputs are the queries; context and output go through a tanh layer (Luong et al.
    2015, https://arxiv.org/abs/1508.04025, equations 5 to 8). `"luong"` scores by a dot product:
    plain, scaled by a learned factor, or with learned keys (general); `"bahdanau"` by an additive
    layer (Bahdanau et al. 2015, https://arxiv.org/abs/1409.0473, appendix A.1.2).

    Args:
        kind: `"luong"` or `"bahdanau"`.
        score: For `"luong"`: `"dot"`, `"scaled"` or `"general"`.
        units: Size of the decoder's outputs, and of the result.
        regularizer: Of all kernels, or `None`.
        precision: See `Seq2Seq`.
    """

    def __init__(self, kind, score, units, regularizer, precision):
        def project(name):
            return keras.layers.Dense(
                units, use_bias=False, kernel_regularizer=regularizer, name=name
            )

        additive = kind == "bahdanau"
        self.queries = project("attention_queries") if additive else None
        self.keys = project("attention_keys") if additive or score == "general" else None
        if additive:
            self.attend = keras.layers.AdditiveAttention(name="attention")
        else:
            self.attend = keras.layers.Attention(use_scale=score == "scaled", name="attention")
        self.join = keras.layers.Concatenate(name="attention_join")
        self.combine = Dense(
            units,
            training_dtype(precision, 2 * units, units),
            activation="tanh",
            kernel_regularizer=regularizer,
            name="attention_vector",
        )

    def memory(self, values, mask):
        """Returns what attention needs of the source, in a list that travels with the states.

        Args:
            values: The encoder's outputs `(batch, source_length, units)`.
            mask: bool `(batch, source_length)`.

        Returns:
            `[values, mask]`, or `[values, keys, mask]` with keys projected once for all steps.
        """
        return [values, mask] if self.keys is None else [values, self.keys(values), mask]

    def __call__(self, queries, memory):
        """Returns attentional outputs `(batch, target_length, units)` for the decoder's outputs."""
        context = self._attend(queries, memory)  # (batch, target_length, units)
        return self.combine(self.join([context, queries]))

    def step(self, queries, memory):
        """Attends from one position of every hypothesis; those of a row share its memory.

        Args:
            queries: The decoder's outputs `(batch * width, units)`.
            memory: As `memory` returns it, each `(batch, ...)`.

        Returns:
            The attentional outputs `(batch * width, units)`.
        """
        batch, units = ops.shape(memory[0])[0], queries.shape[-1]
        queries = ops.reshape(queries, (batch, -1, units))  # (batch, width, units)
        return ops.reshape(self(queries, memory), (-1, units))  # (batch * width, units)

    def weights(self, queries, memory):
        """Returns the attention weights `(batch, target_length, source_length)`."""
        return self._attend(queries, memory, return_attention_scores=True)[1]

    def _attend(self, queries, memory, **options):
        values, *keys, mask = memory
        if self.queries is not None:
            queries = self.queries(queries)
        return self.attend([queries, values, *keys], mask=[None, mask], **options)
