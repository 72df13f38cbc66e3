"""Scores given and generated rows with teacher forcing, and finds the likeliest alternatives."""

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
        arrays = _look_at(labels, probabilities)
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
        tokens = text = None
        if tokenizer is not None:
            tokens = _tokens(tokenizer, [i for i in ids if i != EOS])
            for place, i in enumerate(ids):
                if i == UNK:  # only with replace_unknown; the last source token is EOS
                    tokens[place] = source_tokens[int(positions["attention"][place, :-1].argmax())]
            text = tokenizer.detokenize(tokens)
        return _describe(tokenizer, text, tokens, ids, sampler, positions, source_tokens)


class ContinuationScorer:
    """Looks at what a `LanguageModel` has generated.

    Args:
        model: The model. Its weights are read at each call.
    """

    def __init__(self, model):
        self.model = model

    def describe(
        self,
        prompt_rows: Sequence[Sequence[int]],
        texts: Sequence[Sequence],
        results: Sequence[Sequence[Sequence[int]]],
        sampler: Sampler,
        batch_size: int,
    ) -> list[list[Generation]]:
        """Scores generated rows and describes them.

        Args:
            prompt_rows: Rows of ids, each beginning with `BOS`.
            texts: For each prompt the whole texts of its results, or rows of ids.
            results: For each prompt a list of hypotheses, rows of ids without the prompt.
            sampler: The sampler that chose them.
            batch_size: Rows scored together.

        Returns:
            The results as `Generation` objects.
        """
        tokenizer = self.model.tokenizer
        pairs = [
            (row, ids) for row, group in zip(prompt_rows, results, strict=True) for ids in group
        ]
        positions = iter(self._look(pairs, batch_size))
        described = []
        for row, group, whole in zip(prompt_rows, results, texts, strict=True):
            prompt_tokens = _tokens(tokenizer, row[1:])
            described.append([])
            for ids, text in zip(group, whole, strict=True):
                tokens = tokenizer and _tokens(tokenizer, [i for i in ids if i != EOS])
                if not isinstance(text, str):
                    text = tokenizer and tokenizer.decode(text)
                found = text, tokens, ids, sampler, next(positions), prompt_tokens
                described[-1].append(_describe(tokenizer, *found))
        return described

    def _look(self, pairs, batch_size):
        """Scores the ids after each prompt; see `PairScorer`."""
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


def _describe(tokenizer, text, tokens, ids, sampler, positions, source_tokens):
    """Returns a result as a `Generation`."""
    score = float(positions["scores"].sum())
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
