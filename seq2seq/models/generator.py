"""From rows of ids to generated rows, scores and details, batch by batch, in compiled functions."""

from collections.abc import Sequence

import numpy as np
from keras import ops

from seq2seq.backend import compile_function, padded_size
from seq2seq.data.batching import pad_rows, shift_right
from seq2seq.generation.loop import generate_ids
from seq2seq.generation.samplers import Sampler, make_noise
from seq2seq.models.metrics import token_log_probabilities
from seq2seq.text.vocabulary import EOS, PAD

ALTERNATIVES = 5


class Generator:
    """Runs a `Seq2Seq` over rows of ids.

    Args:
        model: The model. Its weights are read at each call, so further training is followed.
    """

    def __init__(self, model):
        self.model = model
        self._functions = {}

    def generate(
        self, rows: Sequence[Sequence[int]], max_length: int, sampler: Sampler, batch_size: int
    ) -> list[list[list[int]]]:
        """Generates for rows of source ids.

        Args:
            rows: Rows of source ids, each ending with `EOS`.
            max_length: Most tokens generated, `EOS` included.
            sampler: A `Sampler`.
            batch_size: Rows decoded together.

        Returns:
            For each row, in order, the sampler's results, best first, as lists of ids.
        """
        results = [None] * len(rows)
        function = self._generation(max_length, sampler)
        for batch in _batches(rows, batch_size):
            source_ids = _pad_batch([rows[i] for i in batch])
            noise = np.zeros((len(source_ids), max_length), dtype="float32")
            noise[: len(batch)] = make_noise(sampler.seed, batch, max_length)
            ids = np.asarray(function(source_ids, noise))
            for i, hypotheses in zip(batch, ids, strict=False):
                results[i] = [row[row != PAD].tolist() for row in hypotheses if row[0] != PAD]
        return results

    def score(
        self,
        source_rows: Sequence[Sequence[int]],
        label_rows: Sequence[Sequence[int]],
        batch_size: int,
    ) -> np.ndarray:
        """Returns the summed log probability of each pair of rows, float32 `(pairs,)`."""
        scores = np.zeros(len(source_rows), dtype="float32")
        function = self._compiled("score", self._score_batch)
        for batch in _batches(label_rows, batch_size):
            totals = function(*_pair_arrays(source_rows, label_rows, batch))
            scores[batch] = np.asarray(totals)[: len(batch)]
        return scores

    def details(
        self,
        source_rows: Sequence[Sequence[int]],
        label_rows: Sequence[Sequence[int]],
        batch_size: int,
    ) -> list[dict[str, np.ndarray]]:
        """Looks at each position of given pairs of rows with teacher forcing.

        Returns:
            A dict a pair: `scores` `(length,)` log probabilities of the labels; `ids` and
            `probabilities` `(length, 5)` of the most probable tokens; with attention also
            `attention` `(length, source_length)`.
        """
        results = [None] * len(source_rows)
        function = self._compiled("details", self._details_batch)
        for batch in _batches(label_rows, batch_size):
            arrays = function(*_pair_arrays(source_rows, label_rows, batch))
            arrays = {name: np.asarray(array) for name, array in arrays.items()}
            for place, i in enumerate(batch):
                length = len(label_rows[i])
                results[i] = {name: array[place, :length] for name, array in arrays.items()}
                if "attention" in arrays:
                    results[i]["attention"] = results[i]["attention"][:, : len(source_rows[i])]
        return results

    def _generation(self, max_length, sampler):
        model = self.model
        constraints = sampler.constraints.resolve(
            model.target_tokenizer, model.target_vocabulary_size, max_length
        )

        def generate(source_ids, noise):
            states = model.encoder(source_ids)
            recurrent, memory = model.decoder.split(states)
            # All hypotheses of a row attend to one source: the memory needs no reordering.
            memory = [ops.repeat(tensor, sampler.width, axis=0) for tensor in memory]

            def step(token_ids, states, position):
                normalise = sampler.needs_log_probabilities
                return model.decoder.step(token_ids, states, memory, normalise)

            ids, _ = generate_ids(step, recurrent, sampler, max_length, noise, constraints)
            return ids

        config = {**sampler.get_config(), "seed": None}  # the seed is in the noise
        return self._compiled((type(sampler), repr(config), max_length), generate)

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

    def _compiled(self, key, function):
        if key not in self._functions:
            self._functions[key] = compile_function(function, self.model.variables)
        return self._functions[key]


def _batches(rows, batch_size):
    """Yields the indices of rows of about one length."""
    order = np.argsort([len(row) for row in rows], kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size].tolist()


def _pair_arrays(source_rows, label_rows, batch):
    labels = _pad_batch([label_rows[i] for i in batch])
    return _pad_batch([source_rows[i] for i in batch]), shift_right(labels), labels


def _pad_batch(rows):
    """Pads rows to a length and number that a compiled function meets often."""
    ids = np.full((padded_size(len(rows), 1), padded_size(max(map(len, rows)))), PAD, "int32")
    ids[:, 0] = EOS  # a row of padding alone has no states
    ids[: len(rows)] = pad_rows(rows, ids.shape[1])
    return ids
