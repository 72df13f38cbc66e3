"""Looks at given pairs of rows with teacher forcing: their scores, and what else was likely."""

from collections.abc import Sequence

import numpy as np
from keras import ops

from seq2seq.backend import compile_function
from seq2seq.data.batching import shift_right
from seq2seq.models.generator import batches_by_length, pad_batch
from seq2seq.models.metrics import token_log_probabilities
from seq2seq.text.vocabulary import PAD

ALTERNATIVES = 5


class TeacherForcing:
    """Runs a `Seq2Seq` over pairs of rows of ids.

    Args:
        model: The model. Its weights are read at each call.
    """

    def __init__(self, model):
        self.model = model
        self._functions = {}

    def score(
        self,
        source_rows: Sequence[Sequence[int]],
        label_rows: Sequence[Sequence[int]],
        batch_size: int,
    ) -> np.ndarray:
        """Returns the summed log probability of each pair of rows, float32 `(pairs,)`."""
        scores = np.zeros(len(source_rows), dtype="float32")
        function = self._compiled(self._score_batch)
        for batch in batches_by_length(label_rows, batch_size):
            totals = function(*_pair_arrays(source_rows, label_rows, batch))
            scores[batch] = np.asarray(totals)[: len(batch)]
        return scores

    def details(
        self,
        source_rows: Sequence[Sequence[int]],
        label_rows: Sequence[Sequence[int]],
        batch_size: int,
    ) -> list[dict[str, np.ndarray]]:
        """Looks at each position of given pairs of rows.

        Returns:
            A dict a pair: `scores` `(length,)` log probabilities of the labels; `ids` and
            `probabilities` `(length, 5)` of the most probable tokens; with attention also
            `attention` `(length, source_length)`.
        """
        results = [None] * len(source_rows)
        function = self._compiled(self._details_batch)
        for batch in batches_by_length(label_rows, batch_size):
            arrays = function(*_pair_arrays(source_rows, label_rows, batch))
            arrays = {name: np.asarray(array) for name, array in arrays.items()}
            for place, i in enumerate(batch):
                length = len(label_rows[i])
                results[i] = {name: array[place, :length] for name, array in arrays.items()}
                if "attention" in arrays:
                    results[i]["attention"] = results[i]["attention"][:, : len(source_rows[i])]
        return results

    def _score_batch(self, source_ids, target_ids, labels):
        probabilities = self.model([source_ids, target_ids], training=False)
        scores = token_log_probabilities(labels, probabilities)
        return ops.sum(ops.where(ops.not_equal(labels, PAD), scores, 0.0), axis=-1)

    def _details_batch(self, source_ids, target_ids, labels):
        encoder, decoder = self.model.encoder, self.model.decoder
        states = encoder(source_ids)
        probabilities, _ = decoder(target_ids, states)
        best, ids = ops.top_k(probabilities, min(ALTERNATIVES, probabilities.shape[-1]))
        details = {
            "scores": token_log_probabilities(labels, probabilities),
            "ids": ids,
            "probabilities": best,
        }
        if decoder.attention is not None:
            weights = decoder.attention_weights(target_ids, states)
            details["attention"] = ops.cast(weights, "float32")
        return details

    def _compiled(self, function):
        name = function.__name__
        if name not in self._functions:
            self._functions[name] = compile_function(function, self.model.variables)
        return self._functions[name]


def _pair_arrays(source_rows, label_rows, batch):
    labels = pad_batch([label_rows[i] for i in batch])
    return pad_batch([source_rows[i] for i in batch]), shift_right(labels), labels
