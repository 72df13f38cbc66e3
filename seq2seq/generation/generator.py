"""Generates from rows of ids, batch by batch or token by token."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from seq2seq.data.padding import batches_by_length, pad_rows
from seq2seq.generation.constraints import TokenConstraints
from seq2seq.generation.loop import advance, begin
from seq2seq.generation.running_batch import Choice, Row, run_rows
from seq2seq.generation.samplers import Sampler, round_up
from seq2seq.progress import track
from seq2seq.text.vocabulary import EOS, PAD

SHORTEST = 128  # minimum number of slots for generated tokens


class Request(NamedTuple):
    """What a call asks for.

    Attributes:
        sampler: The sampler.
        constraints: Its constraints, as arrays.
        max_length: Maximum number of generated tokens, `EOS` included.
        size: Slots for generated tokens.
    """

    sampler: Sampler
    constraints: TokenConstraints
    max_length: int
    size: int


class Generator:
    """Runs a decoder of NumPy arrays over rows of ids.

    Args:
        decoder: The decoder; see `generation.loop`.
        tokenizer: Tokenizer of what is generated, or `None`.
        vocabulary_size: Size of its vocabulary.
    """

    def __init__(self, decoder, tokenizer, vocabulary_size: int):
        self.decoder = decoder
        self.tokenizer = tokenizer
        self.vocabulary_size = vocabulary_size

    def generate(
        self,
        rows: Sequence[Sequence[int]],
        max_length: int,
        sampler: Sampler,
        batch_size: int,
        places: Sequence[int] | None = None,
        verbose=0,
    ) -> list[list[list[int]]]:
        """Generates for rows of ids.

        Args:
            rows: Rows of ids to start from.
            max_length: Maximum number of generated tokens, `EOS` included.
            sampler: A `Sampler`.
            batch_size: Rows decoded together.
            places: Place of each row in the user's input, on which its random numbers depend.
                Defaults to `None`: as the rows are.
            verbose: See `Progress`. Defaults to 0.

        Returns:
            For each row, in order, the sampler's results, best first, as lists of ids.
        """
        request = self.request(sampler, max_length)
        places = range(len(rows)) if places is None else places
        batches = track(batches_by_length(rows, batch_size), len(rows), verbose)
        results = [None] * len(rows)
        for i, hypotheses in self.run(request, rows, places, batches, batch_size):
            if not hypotheses:
                raise _nothing_to_choose()
            results[i] = hypotheses
        return results

    def stream(self, row: Sequence[int], max_length: int, sampler: Sampler) -> Iterator[int]:
        """Generates for one row, one token at a time.

        Args:
            row: Ids to start from.
            max_length: Maximum number of generated tokens, `EOS` included.
            sampler: A `Sampler` with one hypothesis.

        Yields:
            The ids that `generate` would return, as soon as they are chosen.
        """
        request = self.request(sampler, max_length)
        noise = sampler.make_noise([0], request.size)
        choose = self.step_function(request, self.pad([row]), noise)
        for _ in range(max_length):
            token_id = choose()
            if token_id == PAD:
                raise _nothing_to_choose()
            yield token_id
            if token_id == EOS:
                return

    def pad(self, rows: Sequence[Sequence[int]]) -> np.ndarray:
        """Returns rows as one array, int32 `(batch, length)`."""
        return pad_rows(rows)

    def run(self, request: Request, rows, places, batches, batch_size: int):
        """Yields the place of each row of ids, when it has ended, with its results.

        Args:
            request: What is asked for.
            rows: See `generate`.
            places: See `generate`.
            batches: Lists of places of rows of similar length.
            batch_size: See `generate`.
        """
        sampler = request.sampler
        choice = Choice(sampler.bind(), request.constraints)

        def chunks():
            for batch in batches:
                noise = [None] * len(batch)
                if sampler.draws:
                    noise = sampler.make_noise([places[i] for i in batch], request.size)
                waiting = [
                    Row(i, choice, request.max_length, own)
                    for i, own in zip(batch, noise, strict=True)
                ]
                yield self.pad([rows[i] for i in batch]), waiting

        for row, hypotheses in run_rows(self.decoder, sampler.width, chunks(), batch_size):
            yield row.key, hypotheses

    def step_function(self, request: Request, ids, noise):
        """Returns a function without arguments that gives the next id, an int, at each call."""
        bound = request.sampler.bind(), request.constraints
        hypotheses, memory = begin(self.decoder, ids, 1, request.size)
        position = np.int32(0)

        def choose():
            nonlocal hypotheses, position
            drawn = noise[:, position]
            hypotheses = advance(self.decoder, memory, *bound, position, drawn, hypotheses)
            position += np.int32(1)
            return int(hypotheses.token_ids[0])

        return choose

    def request(self, sampler: Sampler, max_length: int) -> Request:
        """Returns what a call asks for, its constraints as arrays of ids.

        Raises:
            ValueError: If the constraints do not fit the vocabulary or the length.
        """
        size = round_up(max_length, SHORTEST, 2)
        constraints = sampler.constraints.resolve(
            self.tokenizer, self.vocabulary_size, max_length, size
        )
        return Request(sampler, constraints, max_length, size)


def _nothing_to_choose() -> ValueError:
    return ValueError(
        "Expected scores to choose a token by. Received none that is a number, as where weights "
        "are NaN, or every token is banned. Train again with a lower learning rate, or ban less."
    )
