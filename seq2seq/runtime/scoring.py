"""Scores given and generated rows step by step."""

import numpy as np

from seq2seq.data.padding import pad_rows
from seq2seq.generation.numpy_ops import log_softmax, top_k
from seq2seq.runtime.decoders import OnnxDecoder
from seq2seq.tasks.scoring import ALTERNATIVES, ContinuationScorer, PairScorer, cut
from seq2seq.tasks.windows import overlapping_windows, sum_windows
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

    def score_batch(self, source_rows, label_rows):
        """Returns the summed log probabilities of a batch; see `PairScorer`."""
        return score_labels(self.decoder, *self._begin(source_rows, label_rows))

    def look_at_batch(self, source_rows, label_rows, attentions):
        """Scores each position of a batch; see `PairScorer`."""
        return look_at_labels(self.decoder, *self._begin(source_rows, label_rows), attentions)

    def _begin(self, source_rows, label_rows):
        labels = pad_rows(label_rows)
        states, memory, _ = self.decoder.begin(pad_rows(source_rows), labels.shape[1])
        return states, memory, np.full(len(labels), BOS, "int32"), labels


class SteppedContinuationScorer(ContinuationScorer):
    """Scores texts, and what was generated after prompts, with an exported language model.

    Args:
        decoder: Its decoder.
        tokenizer: Tokenizer of both, or `None`.
    """

    def __init__(self, decoder: OnnxDecoder, tokenizer):
        super().__init__(tokenizer)
        self.decoder = decoder

    def score(self, rows, batch_size, verbose=0, window=None):
        """Returns the summed log probability of rows that end with `EOS`, float32 `(rows,)`.

        Args:
            rows: The rows.
            batch_size: Rows, or windows of them, that are scored together.
            verbose: See `Progress`. Defaults to 0.
            window: Most tokens that are read together; longer rows are read in windows, see
                `overlapping_windows`. Defaults to `None`: any number.
        """
        windows = [
            (i, [BOS, *row][start : counted + 1], row[counted:stop])
            for i, row in enumerate(rows)
            for start, counted, stop in overlapping_windows(len(row), window or len(row))
        ]

        def score(prompts, labels):
            return score_labels(self.decoder, *self._begin(prompts, labels))

        return sum_windows(score, windows, len(rows), batch_size, verbose)

    def look_at_batch(self, prompt_rows, label_rows):
        """Scores each position of a batch; see `ContinuationScorer`."""
        arrays = look_at_labels(self.decoder, *self._begin(prompt_rows, label_rows))
        return cut(arrays, [slice(len(row)) for row in label_rows])

    def _begin(self, prompts, label_rows):
        labels = pad_rows(label_rows)
        states, memory, first = self.decoder.begin(pad_rows(prompts), labels.shape[1])
        return states, memory, first, labels


def score_labels(decoder, states, memory, token_ids, labels) -> np.ndarray:
    """Returns the summed log probability of rows of labels, `(batch,)`, padding left out."""
    totals, rows = np.zeros(len(labels)), np.arange(len(labels))
    for position, label in enumerate(labels.T):
        positions = np.full(len(labels), position, "int32")
        scores, states = decoder.step(token_ids, states, memory, positions)
        totals += np.where(label != PAD, log_softmax(scores)[rows, label], 0)
        token_ids = np.ascontiguousarray(label)
    return totals


def look_at_labels(
    decoder, states, memory, token_ids, labels, attentions=()
) -> dict[str, np.ndarray]:
    """Returns what `PairScorer.look` returns, for a batch: arrays `(batch, length, ...)`."""
    rows, found = np.arange(len(labels)), []
    for position, label in enumerate(labels.T):
        positions = np.full(len(labels), position, "int32")
        scores, states, weights = decoder.look(token_ids, states, memory, positions, attentions)
        scores = log_softmax(scores)  # (batch, vocabulary)
        best, ids = top_k(scores, min(ALTERNATIVES, scores.shape[-1]))
        arrays = {"scores": scores[rows, label], "ids": ids, "probabilities": np.exp(best)}
        found.append({**arrays, **weights})
        token_ids = np.ascontiguousarray(label)
    return {name: np.stack([arrays[name] for arrays in found], axis=1) for name in found[0]}
