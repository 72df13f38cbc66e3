"""Scores given and generated rows step by step."""

import numpy as np

from seq2seq.data.padding import batches_by_length, pad_rows
from seq2seq.generation.numpy_ops import log_softmax, top_k
from seq2seq.progress import track
from seq2seq.runtime.decoders import OnnxDecoder, OnnxLanguageModel
from seq2seq.tasks.scoring import ALTERNATIVES, ContinuationScorer, PairScorer
from seq2seq.text.vocabulary import BOS, PAD


class SteppedPairScorer(PairScorer):
    """Scores pairs of rows with an exported encoder-decoder.

    Args:
        decoder: Its decoder.
        source_tokenizer: Tokenizer of the sources, or `None`.
        target_tokenizer: Tokenizer of the targets, or `None`.
    """

    def __init__(self, decoder: OnnxDecoder, source_tokenizer, target_tokenizer):
        super().__init__(source_tokenizer, target_tokenizer)
        self.decoder = decoder

    def score(self, source_rows, label_rows, batch_size, verbose=0):
        """Returns the summed log probability of each pair of rows; see `PairScorer`."""
        scores = np.zeros(len(source_rows), dtype="float32")
        for batch in track(batches_by_length(label_rows, batch_size), len(label_rows), verbose):
            labels, begun = self._begin(source_rows, label_rows, batch)
            scores[batch] = score_labels(self.decoder, *begun, labels)
        return scores

    def look(self, source_rows, label_rows, batch_size):
        """Scores each position of given pairs of rows; see `PairScorer`."""
        results = [None] * len(source_rows)
        for batch in batches_by_length(label_rows, batch_size):
            labels, begun = self._begin(source_rows, label_rows, batch)
            arrays = look_at_labels(self.decoder, *begun, labels)
            for place, i in enumerate(batch):
                length = len(label_rows[i])
                results[i] = {name: array[place, :length] for name, array in arrays.items()}
                if "attention" in arrays:
                    results[i]["attention"] = results[i]["attention"][:, : len(source_rows[i])]
        return results

    def _begin(self, source_rows, label_rows, batch):
        labels = pad_rows([label_rows[i] for i in batch])
        states, memory, _ = self.decoder.begin(pad_rows([source_rows[i] for i in batch]), None)
        first = np.full(len(batch), BOS, "int32")
        return labels, (states, memory, first)


class SteppedContinuationScorer(ContinuationScorer):
    """Scores texts, and what was generated after prompts, with an exported language model.

    Args:
        decoder: Its decoder.
        tokenizer: Tokenizer of both, or `None`.
    """

    def __init__(self, decoder: OnnxLanguageModel, tokenizer):
        super().__init__(tokenizer)
        self.decoder = decoder

    def score(self, rows, batch_size, verbose=0):
        """Returns the summed log probability of rows that end with `EOS`, float32 `(rows,)`."""
        scores = np.zeros(len(rows), dtype="float32")
        for batch in track(batches_by_length(rows, batch_size), len(rows), verbose):
            labels = pad_rows([rows[i] for i in batch])
            first = np.full(len(batch), BOS, "int32")
            begun = self.decoder.zeros(len(batch)), [], first
            scores[batch] = score_labels(self.decoder, *begun, labels)
        return scores

    def look(self, pairs, batch_size):
        """Scores the ids after each prompt; see `ContinuationScorer`."""
        rows, results = [[*prompt[1:], *ids] for prompt, ids in pairs], [None] * len(pairs)
        for batch in batches_by_length(rows, batch_size):
            labels = pad_rows([rows[i] for i in batch])
            first = np.full(len(batch), BOS, "int32")
            begun = self.decoder.zeros(len(batch)), [], first
            arrays = look_at_labels(self.decoder, *begun, labels)
            for place, i in enumerate(batch):
                part = slice(len(pairs[i][0]) - 1, len(rows[i]))
                results[i] = {name: array[place, part] for name, array in arrays.items()}
        return results


def score_labels(decoder, states, memory, token_ids, labels) -> np.ndarray:
    """Returns the summed log probability of rows of labels, `(batch,)`, padding left out."""
    totals, rows = np.zeros(len(labels)), np.arange(len(labels))
    for label in labels.T:
        scores, states = decoder.step(token_ids, states, memory, None)
        totals += np.where(label != PAD, log_softmax(scores)[rows, label], 0)
        token_ids = np.ascontiguousarray(label)
    return totals


def look_at_labels(decoder, states, memory, token_ids, labels) -> dict[str, np.ndarray]:
    """Returns what `PairScorer.look` returns, for a batch: arrays `(batch, length, ...)`."""
    rows, found = np.arange(len(labels)), []
    for label in labels.T:
        scores, states, attention = decoder.look(token_ids, states, memory)
        scores = log_softmax(scores)  # (batch, vocabulary)
        best, ids = top_k(scores, min(ALTERNATIVES, scores.shape[-1]))
        arrays = {"scores": scores[rows, label], "ids": ids, "probabilities": np.exp(best)}
        found.append(arrays if attention is None else {**arrays, "attention": attention})
        token_ids = np.ascontiguousarray(label)
    return {name: np.stack([arrays[name] for arrays in found], axis=1) for name in found[0]}
