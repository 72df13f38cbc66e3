"""Generates from rows of ids, batch by batch or token by token, in compiled functions."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from keras import ops

from seq2seq.backend import CompiledFunctions, as_tensors, specialise
from seq2seq.data.padding import batches_by_length, pad_batch
from seq2seq.generation.loop import Hypotheses, advance, begin, generate_ids
from seq2seq.generation.samplers import Sampler, round_up
from seq2seq.progress import track
from seq2seq.text.vocabulary import EOS, PAD

SHORTEST = 128  # minimum number of slots for generated tokens


class _Request(NamedTuple):
    """What a call asks for: the key of its compiled function, and the function's inputs."""

    key: tuple
    size: int
    max_length: np.int32
    inputs: dict
    arrays: dict


class Generator:
    """Runs a decoder over rows of ids.

    What a caller may vary (numbers, prefix, bans and lengths) is passed to the compiled functions,
    not compiled into them, so there are few.

    Args:
        decoder: The decoder; see `generation.loop`.
        functions: The compiled functions of the model that the decoder belongs to.
        tokenizer: Tokenizer of what is generated, or `None`.
        vocabulary_size: Size of its vocabulary.
    """

    def __init__(self, decoder, functions: CompiledFunctions, tokenizer, vocabulary_size: int):
        self.decoder = decoder
        self.functions = functions
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
        request, constraints = self._request(sampler, max_length)
        size = request.size

        def run(ids, count, noise, max_length, inputs, arrays):
            bound = sampler.bind(inputs), constraints.bind(arrays)
            ids, _ = generate_ids(self.decoder, ids, *bound, max_length, noise, size, count)
            return ids

        axes = ((0, 1), (), (0,), (), (), ())
        function = self.functions.get(("generate", *request.key), run, axes)
        places = range(len(rows)) if places is None else places
        results = [None] * len(rows)
        for batch in track(batches_by_length(rows, batch_size), len(rows), verbose):
            ids = pad_batch([rows[i] for i in batch])
            noise = np.zeros((len(ids), size if sampler.draws else 1), dtype="float32")
            if sampler.draws:
                noise[: len(batch)] = sampler.make_noise([places[i] for i in batch], size)
            generated = np.asarray(function(ids, np.int32(len(batch)), noise, *request[2:]))
            for i, hypotheses in zip(batch, generated, strict=False):
                results[i] = [row[row != PAD].tolist() for row in hypotheses if row[0] != PAD]
                if not results[i]:
                    raise _nothing_to_choose()
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
        request, constraints = self._request(sampler, max_length)
        size = request.size

        def first(ids):
            return begin(self.decoder, ids, 1, size)

        def following(position, hypotheses, noise, memory, inputs, arrays):
            bound = sampler.bind(inputs), constraints.bind(arrays)
            drawn = ops.take(noise, position, axis=1)
            hypotheses = Hypotheses(*hypotheses)
            hypotheses = advance(self.decoder, memory, *bound, position, drawn, hypotheses)
            return position + 1, hypotheses

        first = self.functions.get(("begin", size), first)
        axes = ((), (), (), (1,), (), ())  # one row; only the length of its memory varies
        following = self.functions.get(("advance", *request.key), following, axes)
        hypotheses, memory = first(pad_batch([row]))
        noise = sampler.make_noise([0], size)
        # Tensors from here on: a step costs little more than what is made tensors for it.
        position, noise, inputs, arrays = as_tensors((np.int32(0), noise, *request[3:]))
        rest = noise, memory, inputs, arrays
        following = specialise(following, position, hypotheses, *rest)
        for _ in range(max_length):
            position, hypotheses = following(position, hypotheses, *rest)
            (token_id,) = np.asarray(hypotheses[1])
            if token_id == PAD:
                raise _nothing_to_choose()
            yield int(token_id)
            if token_id == EOS:
                return

    def _request(self, sampler, max_length):
        size = round_up(max_length, SHORTEST, 4)
        constraints = sampler.constraints.resolve(
            self.tokenizer, self.vocabulary_size, max_length, size
        )
        key = sampler.key(), constraints.structure(), size
        inputs, arrays = sampler.inputs(), constraints.inputs()
        return _Request(key, size, np.int32(max_length), inputs, arrays), constraints


def _nothing_to_choose() -> ValueError:
    return ValueError(
        "Expected scores to choose a token by. Received none that is a number, as where weights "
        "are NaN, or every token is banned. Train again with a lower learning rate, or ban less."
    )
