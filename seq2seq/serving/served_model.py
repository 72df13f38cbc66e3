"""A model that is served: texts and ids of requests -> rows -> the engine -> texts."""

import asyncio
import functools
import math
import time
from collections.abc import AsyncIterator, Sequence

from seq2seq.data.inputs import check_rows
from seq2seq.generation.loop import check_max_length
from seq2seq.generation.samplers import Sampler
from seq2seq.serving.calls import (
    Call,
    Generated,
    count_tokens,
    failure,
    filled,
    read_ids,
    settle,
    split_text,
)
from seq2seq.serving.engine import Engine, EngineIsClosed, Job, QueueIsFull
from seq2seq.serving.errors import ApiError, about_to_end, queue_is_full, too_late
from seq2seq.serving.limits import Limits
from seq2seq.serving.reading import ReadingModel
from seq2seq.serving.side_work import SideWork, batch_size, compute, is_long
from seq2seq.serving.text_stream import Piece, TextStream
from seq2seq.text.vocabulary import EOS

REQUESTS = 32  # pairs of a sampler and a length whose arrays are kept


class ServedModel(ReadingModel):
    """A model under a name.

    Args:
        name: Its name.
        model: The exported model.
        limits: The `Limits`.
        metrics: The `Metrics`.
    """

    def __init__(self, name: str, model, limits: Limits, metrics):
        self.name = name
        self.model = model
        self.limits = limits
        self.tokens_read, self.tokens_generated = metrics.of_model(name)
        self.created = int(time.time())
        self.task = model.task
        self.side_work = SideWork(limits.max_queue, limits.timeout)
        self.engine = None
        if model.uses_sampler:
            observe = metrics.batch.labels(name).observe
            decoder = model.generator.decoder
            self.engine = Engine(decoder, limits.max_batch, limits.max_queue, observe)
            metrics.watch(name, self.engine)
            self._request = functools.lru_cache(REQUESTS)(model.generator.request)

    @property
    def tokenizer(self):
        """The tokenizer of what is generated, or of what is read; `None` in a model of ids."""
        return self.model.tokenizer if self.engine is None else self.model.generator.tokenizer

    @property
    def reads_at_once(self) -> int | None:
        """Tokens that a Transformer reads at most together, whose attention costs their square."""
        options, longest = self.model.options, getattr(self.model, "longest", math.inf)
        if longest < math.inf:  # of a classifier
            return longest
        if not hasattr(options, "positions"):
            return None
        return getattr(options, "max_source_length", None) or getattr(options, "window", None)

    @property
    def route(self) -> str:
        """Where requests for it go, for messages."""
        return f"post to /v1/{self.task if self.engine is None else 'generate'}"

    def describe(self) -> dict:
        """Returns what `/v1/models` says of it."""
        return {
            "id": self.name,
            "object": "model",
            "created": self.created,
            "owned_by": "seq2seq",
            "task": self.task,
            "attention": bool(getattr(self.model, "has_attention", False)),
            "tokenizer": self.tokenizer is not None,
            "labels": list(map(str, self.model.labels)) if self.task == "classify" else None,
        }

    def close(self) -> None:
        """Finishes what runs, and takes no more."""
        if self.engine is not None:
            self.engine.close()
        self.side_work.close()

    # What a request asks for

    def call(self, inputs: Sequence, sampler: Sampler, max_length: int | None, **options) -> Call:
        """Returns a request, checked.

        Args:
            inputs: Texts, or rows of ids.
            sampler: The sampler.
            max_length: Maximum number of generated tokens; `None` for the usual one.
            **options: See `Call`.

        Raises:
            ApiError: If the model does not generate, or more is asked for than there may be.
            ValueError: If anything else is wrong.
        """
        self.check_generates()
        limits = self.limits
        if max_length is not None and max_length > limits.max_length:
            raise ApiError(
                400, f"Expected at most {limits.max_length} tokens. Received: {max_length}."
            )
        if sampler.width > limits.max_batch:
            limit = f"Expected a `width` of at most {limits.max_batch}. Received: {sampler.width}."
            raise ApiError(400, limit, "width")
        self.check_count(len(inputs) * options.get("count", 1) * sampler.num_results)
        texts = [isinstance(text, str) for text in inputs]
        if any(texts) and not all(texts):
            raise ApiError(400, "Expected texts or rows of ids. Received both.")
        if any(texts) and self.tokenizer is None:
            raise ApiError(400, f"Expected rows of ids: {self.name} has no tokenizer.")
        rows = [self._row(text) for text in inputs]
        if max_length is None:
            max_length = min(self.model.default_length(rows), limits.max_length)
        check_max_length(max_length)
        self.model.check_room(rows, max_length)
        return Call(rows, list(inputs) if any(texts) else None, sampler, max_length, **options)

    async def prepare(self, inputs: Sequence, *arguments, **options) -> Call:
        """Returns what `call` does; long texts are read in a thread, while others are served."""
        self.check_count(len(inputs))
        work = functools.partial(self.call, inputs, *arguments, **options)
        return await self.side_work.run(inputs, work) if is_long(inputs) else work()

    def check_count(self, count: int) -> None:
        """Raises an `ApiError` if a request asks for too many results."""
        if count > self.limits.max_queue:
            raise ApiError(
                400,
                f"Expected a request for at most {self.limits.max_queue} results, `n` or "
                f"`num_results` of each text. Received: {count}.",
            )

    def _row(self, text):
        if self.task == "language-model":
            return self.check_row(self.model.prompt_row(text), self.reads_at_once)
        if isinstance(text, str):
            return self.side_rows("source", [text])[0]
        (row,) = check_rows("source", [text], self.model.source_vocabulary_size)
        row = row if row[-1:] == [EOS] else [*row, EOS]
        return self.check_row(row, self.reads_at_once)

    def check_generates(self) -> None:
        """Raises an `ApiError` if it generates nothing."""
        if self.engine is None:
            raise ApiError(400, f"{self.name} generates nothing: {self.route}.", "model")

    def check_tokenizer(self) -> None:
        """Raises an `ApiError` if it generates no texts, where they are needed."""
        self.check_generates()
        if self.tokenizer is None:
            raise ApiError(
                400,
                f"Expected a model with a tokenizer. Received: {self.name}, one of ids. Post rows "
                "of ids to /v1/generate, without `stream`.",
                "model",
            )

    def pieces(self, prompt: str, ids: Sequence[int]) -> list[str]:
        """Returns what each generated id adds to the text, without the end."""
        return split_text(self.tokenizer, self._beginning(prompt), ids)

    # Generating

    async def generate(self, call: Call) -> list[list[Generated]]:
        """Returns the results of each row, best first; who calls it waits as long as may be."""
        streams = await self._streams(call) if call.stops else {}
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in self._places(call)]

        def deliver(place, result):
            loop.call_soon_threadsafe(settle, futures[place], result)

        jobs = self._jobs(call, deliver, streams)
        self._submit(jobs)
        try:
            found = await asyncio.gather(*futures)
        finally:
            self.engine.cancel(jobs)
        size = sum(len(ids) for hypotheses in found for ids in hypotheses)
        if self.task == "language-model":  # each continues its prompt, which is read again
            size += sum(len(call.prompt(place)) for place in self._places(call))
        results = await compute(size, self._read, call, found, streams)
        self._count(call, sum(one.tokens for group in results for one in group))
        return results

    def _read(self, call, found, streams):
        """Returns the results of each row from the ids of each place."""

        def read(place, ids):
            beginning = self._beginning(call.prompt(place))
            return read_ids(self.tokenizer, beginning, ids, streams.get(place))

        return [
            [read(place, ids) for place in range(i, i + call.count) for ids in found[place]]
            for i in range(0, len(found), call.count)
        ]

    async def stream(self, call: Call, looks: bool = False) -> AsyncIterator:
        """Yields `None` once the call waits; pairs of a place and a `Piece`, or its `Generated`.

        Args:
            call: A call with a sampler of one hypothesis.
            looks: Whether pieces tell their probabilities.
        """
        loop, queue = asyncio.get_running_loop(), asyncio.Queue()

        def send(place, event):
            loop.call_soon_threadsafe(queue.put_nowait, (place, event))

        streams = await self._streams(call, send)
        jobs = self._jobs(call, send, streams, looks)
        generated, tokens = 0, 0
        deadline = loop.time() + self.limits.timeout
        self._submit(jobs)
        try:
            yield None
            while generated < len(streams):
                # Not around `yield`: what is late there is the client, and a timeout would end
                # whatever sends to it in place of this.
                async with asyncio.timeout_at(deadline):
                    place, event = await queue.get()
                if loop.time() > deadline:  # though there is more to take
                    raise TimeoutError
                if isinstance(event, Exception):
                    raise failure(event)
                if isinstance(event, Piece):
                    yield place, event
                    continue
                (ids,) = filled(event)
                if rest := streams[place].finish():
                    yield place, Piece(rest)
                one = read_ids(self.tokenizer, "", ids, streams[place])
                generated, tokens = generated + 1, tokens + one.tokens
                yield place, one
        except TimeoutError:
            raise too_late(self.limits.timeout) from None
        finally:
            self.engine.cancel(jobs)
            self._count(call, tokens)

    async def details(self, call: Call, results: list, with_attention=False) -> list[list]:
        """Returns a `Generation` for each result."""
        texts = call.prompts
        if self.task == "language-model":
            texts = [[self.whole(call, i, one) for one in group] for i, group in enumerate(results)]
        ids = [[one.ids for one in group] for group in results]
        together = batch_size([*call.rows, *(row for group in ids for row in group)])
        arguments = [call.rows, texts, ids, call.sampler, together]
        if self.task == "translate":
            arguments.append(("attention",) if with_attention else ())
        read = [[*row, *one] for row, group in zip(call.rows, ids, strict=True) for one in group]
        return await self.side_work.run(read, self.model.scorer.describe, *arguments)

    def whole(self, call: Call, i: int, one: Generated) -> str | None:
        """Returns the text of a result of row `i`: a language model's with its prompt."""
        if one.text is None or self.task != "language-model":
            return one.text
        return call.prompt(i * call.count) + one.text

    def _places(self, call):
        return range(len(call.rows) * call.count)

    async def _streams(self, call, send=lambda place, piece: None):
        """Returns the stream of each place, which has read its prompt."""

        def make():
            return {
                place: TextStream(
                    self.tokenizer, beginning, call.stops, functools.partial(send, place)
                )
                for place, beginning in enumerate(beginnings)
            }

        beginnings = [self._beginning(call.prompt(place)) for place in self._places(call)]
        return await compute(sum(map(len, beginnings)), make)

    def _beginning(self, prompt):
        """Returns what generated text continues."""
        return prompt if self.task == "language-model" else ""

    def _jobs(self, call, deliver, streams, looks=False):
        request = self._request(call.sampler, call.max_length)
        jobs = []
        for place in self._places(call):
            row, own = call.rows[place // call.count], functools.partial(deliver, place)
            if self.task == "translate" and call.prompts and len(row) == 1:
                own([[EOS]] * call.sampler.num_results)  # an empty text has nothing to decode
                continue
            jobs.append(Job(row, request, place, own, streams.get(place), looks))
        return jobs

    def _submit(self, jobs):
        try:
            self.engine.submit(jobs)
        except QueueIsFull:
            raise queue_is_full() from None
        except EngineIsClosed:
            raise about_to_end() from None

    def _count(self, call, tokens):
        self.tokens_read.inc(count_tokens(call.rows))
        self.tokens_generated.inc(tokens)
