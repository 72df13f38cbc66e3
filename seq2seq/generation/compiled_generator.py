"""Generates with Keras's backend, in compiled functions."""

import numpy as np
from keras import ops

from seq2seq.backend import CompiledFunctions, as_tensors, specialise
from seq2seq.data.padding import pad_batch
from seq2seq.generation.generator import Generator, Request
from seq2seq.generation.loop import Hypotheses, advance, begin, generate_ids
from seq2seq.text.vocabulary import PAD


class CompiledGenerator(Generator):
    """A `Generator` whose loop is compiled together with the decoder.

    What a caller may vary (numbers, prefix, bans and lengths) is passed to the compiled functions,
    not compiled into them, so there are few.

    Args:
        decoder: The decoder; see `generation.loop`.
        functions: The compiled functions of the model that the decoder belongs to.
        tokenizer: Tokenizer of what is generated, or `None`.
        vocabulary_size: Size of its vocabulary.
    """

    def __init__(self, decoder, functions: CompiledFunctions, tokenizer, vocabulary_size: int):
        super().__init__(decoder, tokenizer, vocabulary_size)
        self.functions = functions

    def pad(self, rows):
        """Returns rows as an array of one of a few shapes."""
        return pad_batch(rows)

    def run(self, request: Request, rows, places, batches, batch_size: int):
        """Yields the results of each row, batch by batch; see `Generator`."""
        sampler, decode = request.sampler, self._batch_function(request)
        for batch in batches:
            ids = self.pad([rows[i] for i in batch])
            noise = np.zeros((len(ids), request.size if sampler.draws else 1), dtype="float32")
            if sampler.draws:
                noise[: len(batch)] = sampler.make_noise([places[i] for i in batch], request.size)
            generated = np.asarray(decode(ids, len(batch), noise))
            for i, hypotheses in zip(batch, generated, strict=False):
                yield i, [row[row != PAD].tolist() for row in hypotheses if row[0] != PAD]

    def _batch_function(self, request):
        """Returns a compiled function of ids, the number of rows that count, and noise."""
        sampler, constraints, max_length, size = request

        def run(ids, count, noise, max_length, inputs, arrays):
            bound = sampler.bind(inputs), constraints.bind(arrays)
            return generate_ids(self.decoder, ids, *bound, max_length, noise, size, count)[0]

        axes = ((0, 1), (), (0,), (), (), ())
        function = self.functions.get(("generate", *_key(request)), run, axes)
        rest = np.int32(max_length), sampler.inputs(), constraints.inputs()
        return lambda ids, count, noise: function(ids, np.int32(count), noise, *rest)

    def step_function(self, request: Request, ids, noise):
        """Returns a function that runs a compiled step; see `Generator`."""
        sampler, constraints, _, size = request

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
        following = self.functions.get(("advance", *_key(request)), following, axes)
        hypotheses, memory = first(ids)
        # Tensors from here on: a step costs little more than what is made tensors for it.
        position, noise, inputs, arrays = as_tensors(
            (np.int32(0), noise, sampler.inputs(), constraints.inputs())
        )
        rest = noise, memory, inputs, arrays
        following = specialise(following, position, hypotheses, *rest)

        def choose():
            nonlocal position, hypotheses
            position, hypotheses = following(position, hypotheses, *rest)
            return int(np.asarray(hypotheses[1])[0])

        return choose


def _key(request):
    """Returns what is compiled into a function for a request."""
    return request.sampler.key(), request.constraints.structure(), request.size
