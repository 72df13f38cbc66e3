"""What a served model makes of texts that it reads: vectors, labels, fills and scores."""

from collections.abc import Sequence

from prometheus_client import Counter

from seq2seq.data.corpus import check_pairs
from seq2seq.data.inputs import check_tokenizer
from seq2seq.serving.calls import count_tokens
from seq2seq.serving.errors import ApiError, after_checks
from seq2seq.serving.limits import Limits
from seq2seq.serving.side_work import SideWork, batch_size
from seq2seq.tasks.text_vectors import encode_texts
from seq2seq.text.vocabulary import EOS, MASK

MAX_FILLED = 10**7  # characters of an answer
MAX_SCORES = 2**24  # of masks that are filled together, 64 MB: each has one for every token


class ReadingModel:
    """The requests that need no engine.

    A class that has them provides `check_count` and `reads_at_once`.

    Attributes:
        name: The model's name.
        model: The exported model.
        task: What it does.
        limits: The `Limits`.
        tokens_read: The counter of tokens that are read.
        side_work: What runs them.
    """

    name: str
    model: object
    task: str
    limits: Limits
    tokens_read: Counter
    side_work: SideWork

    async def vectors(self, inputs: Sequence) -> tuple:
        """Returns vectors, float32 `(texts, units)`, of texts or rows of ids; and their tokens."""

        def work():
            rows = self._rows("source", inputs)
            rows = [row if row[-1:] == [EOS] else [*row, EOS] for row in rows]
            rows = [self.check_row(row, self.reads_at_once) for row in rows]
            with after_checks():
                vectors = encode_texts(self.model, rows, batch_size=batch_size(rows))
            return vectors, count_tokens(rows)

        return await self._run(inputs, work)

    async def classes(self, inputs: Sequence):
        """Returns the probabilities of the labels of texts or rows of ids."""

        def work():
            rows = self._rows("source", inputs)
            with after_checks():
                return self.model.predict_proba(rows, batch_size(rows))

        return await self._run(inputs, work)

    async def fills(self, inputs: Sequence[str], num_results: int) -> list:
        """Returns the likely tokens of each mask of texts; see `FilledTexts.fill`."""
        texts = list(inputs)
        # Each guess comes with the whole text.
        size = num_results * sum(text.count(MASK) * len(text) for text in texts)
        if size > MAX_FILLED:
            raise ApiError(
                400,
                f"Expected an answer of at most {MAX_FILLED:,} characters. Received texts, masks "
                f"and `num_results` for {size:,}. Send fewer at a time.",
                "num_results",
            )

        def work():
            rows = self._rows("source", texts)
            scores = max(text.count(MASK) for text in texts) * self.model.vocabulary_size
            together = max(1, min(batch_size(rows), MAX_SCORES // max(1, scores)))
            return self.model.fill(texts, num_results, together, verbose=0)

        return await self._run(texts, work)

    async def scores(self, *sides: Sequence):
        """Returns the log probabilities of texts, or of sources and targets."""

        def work():
            rows = list(map(self._rows, ("source", "target"), sides))
            check_pairs(rows[0], rows[-1])
            together = min(map(batch_size, rows))
            with after_checks():
                return self.model.score(*rows, batch_size=together, verbose=0)

        longer = max(sides, key=lambda side: sum(map(len, side)))
        return await self._run(longer, work)

    def side_rows(self, side: str, inputs: Sequence) -> list[list[int]]:
        """Returns the rows of ids of texts, which end with `EOS`, or of ids, as they are.

        Args:
            side: `"source"` or `"target"` of a translator; other models have one kind of texts.
            inputs: The texts or rows of ids.

        Raises:
            ApiError: If one is longer than what is read. The methods of a translator would cut it.
            ValueError: If they are neither texts nor ids of the vocabulary.
        """
        if self.task != "translate" or not isinstance(inputs[0], str):
            make = self.model.make_rows
            rows = make(side, inputs) if self.task == "translate" else make(inputs)
            limited = self.task == "translate" and self.reads_at_once
            longest = getattr(self.model.options, f"max_{side}_length") if limited else None
            return [self.check_row(row, longest) for row in rows]
        tokenizer = self.model.sides[side].tokenizer
        check_tokenizer(tokenizer, "texts")
        longest = getattr(self.model.options, f"max_{side}_length")
        return [self.check_row([*row, EOS], longest) for row in tokenizer.encode_all(inputs)]

    def check_row(self, row: list[int], longest: int | None = None) -> list[int]:
        """Returns a row; raises an `ApiError` if it is longer than may be."""
        longest = min(self.limits.max_input, longest or self.limits.max_input)
        if len(row) > longest:
            raise ApiError(
                400,
                f"Expected a text of at most {longest} tokens, its end counted, for {self.name}. "
                f"Received: {len(row)}. Split it.",
                code="context_length_exceeded",
            )
        return row

    def _rows(self, side, inputs):
        """Returns the rows of texts or ids, and counts what is read."""
        rows = self.side_rows(side, inputs)
        self.tokens_read.inc(count_tokens(rows))
        return rows

    async def _run(self, inputs, work):
        self.check_count(len(inputs))
        return await self.side_work.run(inputs, work)
