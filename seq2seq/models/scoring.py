"""Scores given pairs with teacher forcing, and finds the likeliest alternatives."""

from collections.abc import Sequence

import numpy as np
from keras import ops

from seq2seq.data.padding import batches_by_length, pad_batch, shift_right
from seq2seq.generation.result import Generation
from seq2seq.generation.samplers import Sampler
from seq2seq.progress import track
from seq2seq.text.vocabulary import EOS, PAD, UNK
from seq2seq.training.metrics import token_log_probabilities

ALTERNATIVES = 5


class PairScorer:
    """Runs an `EncoderDecoderModel` over pairs of rows of ids.

    Args:
        model: The model. Its weights are read at each call.
    """

    def __init__(self, model):
        self.model = model

    def score(
        self,
        source_rows: Sequence[Sequence[int]],
        label_rows: Sequence[Sequence[int]],
        batch_size: int,
        verbose=0,
    ) -> np.ndarray:
        """Returns the summed log probability of each pair of rows, float32 `(pairs,)`."""
        scores = np.zeros(len(source_rows), dtype="float32")
        function = self.model.functions.get("score pairs", self._score_batch)
        batches = batches_by_length(label_rows, batch_size)
        for batch in track(batches, len(label_rows), verbose):
            totals = function(*_pair_arrays(source_rows, label_rows, batch))
            scores[batch] = np.asarray(totals)[: len(batch)]
        return scores

    def describe(
        self,
        source_rows: Sequence[Sequence[int]],
        texts: Sequence[str] | None,
        results: Sequence[Sequence[Sequence[int]]],
        sampler: Sampler,
        batch_size: int,
    ) -> list[list[Generation]]:
        """Scores generated rows and describes them.

        Args:
            source_rows: Rows of source ids.
            texts: Their texts, or `None` if ids were given.
            results: For each row a list of hypotheses, rows of target ids.
            sampler: The sampler that chose them.
            batch_size: Pairs per batch.

        Returns:
            The results as `Generation` objects.
        """
        pairs = [
            (row, ids) for row, group in zip(source_rows, results, strict=True) for ids in group
        ]
        positions = iter(
            self._look(*map(list, zip(*pairs, strict=True)), batch_size) if pairs else ()
        )
        described = []
        for i, (row, group) in enumerate(zip(source_rows, results, strict=True)):
            source_tokens = self._source_tokens(row, texts and texts[i])
            described.append(
                [self._generation(source_tokens, ids, sampler, next(positions)) for ids in group]
            )
        return described

    def _look(self, source_rows, label_rows, batch_size):
        """Scores each position of given pairs of rows.

        Returns:
            A dict for each pair: `scores` `(length,)` log probabilities of the labels; `ids` and
            `probabilities` `(length, 5)` of the most probable tokens; with attention also
            `attention` `(length, source_length)`.
        """
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
        best, ids = ops.top_k(probabilities, min(ALTERNATIVES, probabilities.shape[-1]))
        arrays = {
            "scores": token_log_probabilities(labels, probabilities),
            "ids": ids,
            "probabilities": best,
        }
        if network.has_attention:
            weights = network.attention_weights(source_ids, target_ids)
            arrays["attention"] = ops.cast(weights, "float32")
        return arrays

    def _source_tokens(self, row, text):
        """Returns the tokens of a source, unknown ones as they appear in its text."""
        tokens = _tokens(self.model.source_tokenizer, row)
        if text is not None:
            tokens[:-1] = self.model.source_tokenizer.tokenize(text)[: len(row) - 1]
        return tokens

    def _generation(self, source_tokens, ids, sampler, positions):
        tokenizer = self.model.target_tokenizer
        score = float(positions["scores"].sum())
        tokens = text = None
        if tokenizer is not None:
            tokens = _tokens(tokenizer, [i for i in ids if i != EOS])
            for place, i in enumerate(ids):
                if i == UNK:  # only with replace_unknown; the last source token is EOS
                    tokens[place] = source_tokens[int(positions["attention"][place, :-1].argmax())]
            text = tokenizer.detokenize(tokens)
        return Generation(
            text=text,
            tokens=tokens,
            ids=ids,
            score=score,
            normalised_score=sampler.normalise(score, len(ids)),
            token_scores=positions["scores"],
            alternatives=[
                list(zip(_tokens(tokenizer, best), shares.tolist(), strict=True))
                for best, shares in zip(positions["ids"], positions["probabilities"], strict=True)
            ],
            attention=positions.get("attention"),
            source_tokens=source_tokens,
        )


def _pair_arrays(source_rows, label_rows, batch):
    labels = pad_batch([label_rows[i] for i in batch])
    return pad_batch([source_rows[i] for i in batch]), shift_right(labels), labels


def _tokens(tokenizer, ids):
    return [int(i) for i in ids] if tokenizer is None else tokenizer.vocabulary.tokens(ids)
