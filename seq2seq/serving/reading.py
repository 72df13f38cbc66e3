"""What a served model makes of texts that it reads: vectors, labels, fills and scores."""

from collections.abc import Sequence

from prometheus_client import Counter

from seq2seq.serving.calls import count_tokens
from seq2seq.serving.errors import ApiError
from seq2seq.serving.side_work import SideWork, batch_size
from seq2seq.tasks.text_vectors import encode_texts
from seq2seq.text.vocabulary import EOS, MASK

MAX_FILLED = 10**7  # characters of an answer


class ReadingModel:
    """The requests that need no engine.

    A class that has them provides `side_rows`, `check_row`, `check_count` and `reads_at_once`.

    Attributes:
        name: The model's name.
        model: The exported model.
        tokens_read: The counter of tokens that are read.
        side_work: What runs them.
    """

    name: str
    model: object
    tokens_read: Counter
    side_work: SideWork

    async def vectors(self, inputs: Sequence) -> tuple:
        """Returns vectors, float32 `(texts, units)`, of texts or rows of ids; and their tokens."""

        def work():
            rows = self._rows("source", inputs)
            rows = [row if row[-1:] == [EOS] else [*row, EOS] for row in rows]
            rows = [self.check_row(row, self.reads_at_once) for row in rows]
            vectors = encode_texts(self.model, rows, batch_size=batch_size(rows))
            return vectors, count_tokens(rows)

        return await self._run(inputs, work)

    async def classes(self, inputs: Sequence):
        """Returns the probabilities of the labels of texts or rows of ids."""

        def work():
            rows = self._rows("source", inputs)
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
            return self.model.fill(texts, num_results, batch_size(rows), verbose=0)

        return await self._run(texts, work)

    async def scores(self, *sides: Sequence):
        """Returns the log probabilities of texts, or of sources and targets."""

        def work():
            rows = list(map(self._rows, ("source", "target"), sides))
            together = min(map(batch_size, rows))
            return self.model.score(*rows, batch_size=together, verbose=0)

        longer = max(sides, key=lambda side: sum(map(len, side)))
        return await self._run(longer, work)

    def _rows(self, side, inputs):
        """Returns the rows of texts or ids, and counts what is read."""
        rows = self.side_rows(side, inputs)
        self.tokens_read.inc(count_tokens(rows))
        return rows

    async def _run(self, inputs, work):
        self.check_count(len(inputs))
        return await self.side_work.run(inputs, work)
