"""Scores given and generated rows with teacher forcing, in compiled functions."""

import functools

import numpy as np
from keras import ops

from seq2seq.data.padding import pad_batch, shift_right
from seq2seq.tasks.scoring import ALTERNATIVES, ContinuationScorer, PairScorer, cut
from seq2seq.training.metrics import row_log_probabilities, token_log_probabilities


class CompiledPairScorer(PairScorer):
    """Runs an `EncoderDecoderModel` over pairs of rows of ids.

    Args:
        model: The model. Its weights are read at each call.
    """

    def __init__(self, model):
        super().__init__(model.source_tokenizer, model.target_tokenizer)
        self.model = model

    def score_batch(self, source_rows, label_rows):
        """Returns the summed log probabilities of a batch; see `PairScorer`."""
        function = self.model.functions.get("score pairs", self._score_batch)
        return np.asarray(function(*_pair_arrays(source_rows, label_rows)))[: len(label_rows)]

    def look_at_batch(self, source_rows, label_rows, attentions):
        """Scores each position of a batch; see `PairScorer`."""
        look = functools.partial(self._look_at_batch, attentions)
        function = self.model.functions.get(("look at pairs", *attentions), look)
        arrays = function(*_pair_arrays(source_rows, label_rows))
        return {name: np.asarray(array) for name, array in arrays.items()}

    def _score_batch(self, source_ids, target_ids, labels):
        return row_log_probabilities(labels, self.model([source_ids, target_ids], training=False))

    def _look_at_batch(self, attentions, source_ids, target_ids, labels):
        network = self.model.network
        probabilities = network(source_ids, target_ids)  # (batch, target_length, vocabulary)
        arrays = _look_at(labels, probabilities)
        if network.has_attention and attentions:
            found = network.attention_weights(source_ids, target_ids)
            for name in found.keys() & attentions:
                arrays[name] = ops.cast(found[name], "float32")
        return arrays


class CompiledContinuationScorer(ContinuationScorer):
    """Looks at what a `NextTokenModel` has generated.

    Args:
        model: The model. Its weights are read at each call.
    """

    def __init__(self, model):
        super().__init__(model.tokenizer)
        self.model = model

    def look_at_batch(self, prompt_rows, label_rows):
        """Scores each position of a batch; see `ContinuationScorer`."""
        rows = [[*prompt, *ids] for prompt, ids in zip(prompt_rows, label_rows, strict=True)]
        ids = pad_batch(rows)
        function = self.model.functions.get("look at rows", self._look_at_batch)
        arrays = function(ids[:, :-1], ids[:, 1:])
        arrays = {name: np.asarray(array) for name, array in arrays.items()}
        ends = zip(prompt_rows, rows, strict=True)
        return cut(arrays, [slice(len(prompt) - 1, len(row) - 1) for prompt, row in ends])

    def _look_at_batch(self, token_ids, labels):
        return _look_at(labels, self.model.network(token_ids))


def _look_at(labels, probabilities):
    """Returns the log probability of each label, and the most probable ids there."""
    best, ids = ops.top_k(probabilities, min(ALTERNATIVES, probabilities.shape[-1]))
    scores = token_log_probabilities(labels, probabilities)
    return {"scores": scores, "ids": ids, "probabilities": best}


def _pair_arrays(source_rows, label_rows):
    labels = pad_batch(label_rows)
    return pad_batch(source_rows), shift_right(labels), labels
