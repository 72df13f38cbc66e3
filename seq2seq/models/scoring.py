"""Scores given and generated rows with teacher forcing, in compiled functions."""

import numpy as np
from keras import ops

from seq2seq.data.padding import batches_by_length, pad_batch, shift_right
from seq2seq.progress import track
from seq2seq.tasks.scoring import ALTERNATIVES, ContinuationScorer, PairScorer
from seq2seq.text.vocabulary import PAD
from seq2seq.training.metrics import token_log_probabilities


class CompiledPairScorer(PairScorer):
    """Runs an `EncoderDecoderModel` over pairs of rows of ids.

    Args:
        model: The model. Its weights are read at each call.
    """

    def __init__(self, model):
        super().__init__(model.source_tokenizer, model.target_tokenizer)
        self.model = model

    def score(
        self,
        source_rows,
        label_rows,
        batch_size,
        verbose=0,
    ):
        """Returns the summed log probability of each pair of rows; see `PairScorer`."""
        scores = np.zeros(len(source_rows), dtype="float32")
        function = self.model.functions.get("score pairs", self._score_batch)
        batches = batches_by_length(label_rows, batch_size)
        for batch in track(batches, len(label_rows), verbose):
            totals = function(*_pair_arrays(source_rows, label_rows, batch))
            scores[batch] = np.asarray(totals)[: len(batch)]
        return scores

    def look(self, source_rows, label_rows, batch_size):
        """Scores each position of given pairs of rows; see `PairScorer`."""
        results = [None] * len(source_rows)
        function = self.model.functions.get("look at pairs", self._look_at_batch)
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
        scores = token_log_probabilities(labels, probabilities)  # (batch, target_length)
        return ops.sum(ops.where(ops.not_equal(labels, PAD), scores, 0.0), axis=-1)

    def _look_at_batch(self, source_ids, target_ids, labels):
        network = self.model.network
        probabilities = network(source_ids, target_ids)  # (batch, target_length, vocabulary)
        arrays = _look_at(labels, probabilities)
        if network.has_attention:
            weights = network.attention_weights(source_ids, target_ids)
            arrays["attention"] = ops.cast(weights, "float32")
        return arrays


class CompiledContinuationScorer(ContinuationScorer):
    """Looks at what a `LanguageModel` has generated.

    Args:
        model: The model. Its weights are read at each call.
    """

    def __init__(self, model):
        super().__init__(model.tokenizer)
        self.model = model

    def look(self, pairs, batch_size):
        """Scores the ids after each prompt; see `ContinuationScorer`."""
        rows, results = [[*prompt, *ids] for prompt, ids in pairs], [None] * len(pairs)
        function = self.model.functions.get("look at rows", self._look_at_batch)
        for batch in batches_by_length(rows, batch_size):
            row_ids = pad_batch([rows[i] for i in batch])
            arrays = function(row_ids[:, :-1], row_ids[:, 1:])
            arrays = {name: np.asarray(array) for name, array in arrays.items()}
            for place, i in enumerate(batch):
                part = slice(len(pairs[i][0]) - 1, len(rows[i]) - 1)
                results[i] = {name: array[place, part] for name, array in arrays.items()}
        return results

    def _look_at_batch(self, token_ids, labels):
        probabilities, _ = self.model.network(token_ids)
        return _look_at(labels, probabilities)


def _look_at(labels, probabilities):
    """Returns the log probability of each label, and the most probable ids there."""
    best, ids = ops.top_k(probabilities, min(ALTERNATIVES, probabilities.shape[-1]))
    scores = token_log_probabilities(labels, probabilities)
    return {"scores": scores, "ids": ids, "probabilities": best}


def _pair_arrays(source_rows, label_rows, batch):
    labels = pad_batch([label_rows[i] for i in batch])
    return pad_batch([source_rows[i] for i in batch]), shift_right(labels), labels
