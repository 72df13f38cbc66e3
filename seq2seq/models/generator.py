"""From rows of ids to generated rows, batch by batch or token by token, in compiled functions."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from keras import ops

from seq2seq.backend import compile_function, padded_size
from seq2seq.data.batching import pad_rows
from seq2seq.generation.loop import advance, begin, generate_ids
from seq2seq.generation.samplers import Sampler, make_noise
from seq2seq.text.vocabulary import EOS, PAD


class Generator:
    """Runs a model's decoder over rows of ids.

    Args:
        model: The model; `model.decoder` takes the steps. Its weights are read at each call, so
            further training is followed.
        start: `start(ids) -> states, memory, first_ids`: what rows of ids `(batch, length)`, padded
            with 0, leave the decoder to begin with; `first_ids` `(batch,)`, or `None` for `BOS`.
        tokenizer: Tokenizer of what is generated, or `None`.
        vocabulary_size: Size of its vocabulary.
    """

    def __init__(self, model, start: Callable, tokenizer, vocabulary_size: int):
        self.model = model
        self.start = start
        self.tokenizer = tokenizer
        self.vocabulary_size = vocabulary_size
        self._functions = {}

    def generate(
        self, rows: Sequence[Sequence[int]], max_length: int, sampler: Sampler, batch_size: int
    ) -> list[list[list[int]]]:
        """Generates for rows of ids.

        Args:
            rows: Rows of ids to begin with.
            max_length: Most tokens generated, `EOS` included.
            sampler: A `Sampler`.
            batch_size: Rows decoded together.

        Returns:
            For each row, in order, the sampler's results, best first, as lists of ids.
        """
        constraints = self._constraints(sampler, max_length)

        def run(ids, noise):
            states, memory, first_ids = self.start(ids)
            # All hypotheses of a row attend to one source: the memory needs no reordering.
            step = self._step([ops.repeat(part, sampler.width, axis=0) for part in memory], sampler)
            ids, _ = generate_ids(step, states, sampler, max_length, noise, constraints, first_ids)
            return ids

        function = self._compiled("generate", sampler, max_length, run)
        results = [None] * len(rows)
        for batch in batches_by_length(rows, batch_size):
            ids = pad_batch([rows[i] for i in batch])
            noise = np.zeros((len(ids), max_length), dtype="float32")
            noise[: len(batch)] = make_noise(sampler.seed, batch, max_length)
            for i, hypotheses in zip(batch, np.asarray(function(ids, noise)), strict=False):
                results[i] = [row[row != PAD].tolist() for row in hypotheses if row[0] != PAD]
        return results

    def stream(self, row: Sequence[int], max_length: int, sampler: Sampler) -> Iterator[int]:
        """Generates for one row, a token at a time.

        Args:
            row: Ids to begin with.
            max_length: Most tokens generated, `EOS` included.
            sampler: A `Sampler` of one hypothesis.

        Yields:
            The ids that `generate` would return, as soon as they are chosen.
        """
        constraints = self._constraints(sampler, max_length)

        def first(ids):
            states, memory, first_ids = self.start(ids)
            *hypotheses, states = begin(states, 1, max_length, first_ids)
            return *hypotheses, *states, *memory

        def following(position, noise, ids, token_ids, finished, scores, *rest):
            states, memory = self.model.decoder.split(rest)
            ids = ops.reshape(ids, (1, 1, max_length))  # known shapes, for the constraints
            hypotheses = ids, token_ids, ops.reshape(finished, (1, 1)), scores, states
            step = self._step(memory, sampler)
            *hypotheses, states = advance(step, sampler, constraints, position, noise, *hypotheses)
            return *hypotheses, *states, *memory

        first = self._compiled("stream, first", sampler, max_length, first)
        following = self._compiled("stream, following", sampler, max_length, following)
        hypotheses = first(pad_batch([row]))
        noise = make_noise(sampler.seed, [0], max_length)
        for position in range(max_length):
            hypotheses = following(
                np.asarray(position, dtype="int32"), noise[:, position], *hypotheses
            )
            (token_id,) = np.asarray(hypotheses[1])
            yield int(token_id)
            if token_id == EOS:
                return

    def _constraints(self, sampler, max_length):
        usable = self.vocabulary_size - EOS  # all but PAD, UNK and BOS
        if sampler.width > usable:
            raise ValueError(
                f"Expected a beam of at most {usable}, the tokens of the target vocabulary. "
                f"Received: width={sampler.width}."
            )
        return sampler.constraints.resolve(self.tokenizer, self.vocabulary_size, max_length)

    def _step(self, memory, sampler):
        def step(token_ids, states, position):
            normalise = sampler.needs_log_probabilities
            return self.model.decoder.step(token_ids, states, memory, normalise)

        return step

    def _compiled(self, kind, sampler, max_length, function):
        config = {**sampler.get_config(), "seed": None}  # the seed is in the noise
        key = kind, type(sampler), repr(config), max_length
        if key not in self._functions:
            self._functions[key] = compile_function(function, self.model.variables)
        return self._functions[key]


def batches_by_length(rows: Sequence[Sequence[int]], batch_size: int) -> Iterator[list[int]]:
    """Yields the indices of rows of about one length."""
    order = np.argsort([len(row) for row in rows], kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size].tolist()


def pad_batch(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Pads rows to a length and number that a compiled function meets often."""
    ids = np.full((padded_size(len(rows), 1), padded_size(max(map(len, rows)))), PAD, "int32")
    ids[:, 0] = EOS  # a row of padding alone has no states
    ids[: len(rows)] = pad_rows(rows, ids.shape[1])
    return ids
