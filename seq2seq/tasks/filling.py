"""What a model that fills in tokens does with texts."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from seq2seq.checks import check_whole
from seq2seq.data.inputs import make_rows, read_inputs
from seq2seq.data.padding import BATCH_SIZE, batches_by_length
from seq2seq.progress import track
from seq2seq.tasks.measures import check_probabilities
from seq2seq.tasks.vocabularies import OneVocabulary
from seq2seq.text.spacing import GLUE, SPACE
from seq2seq.text.vocabulary import BOS, EOS, MASK


@dataclass(frozen=True)
class Filled:
    """A token in the place of a `[MASK]`.

    Attributes:
        token: The token.
        probability: Its probability there.
        text: The text with it; other masks stay.

    Example:

    >>> (guesses,) = model.fill("the [MASK] sat")  # doctest: +SKIP
    >>> guesses[0].token, guesses[0].text  # doctest: +SKIP
    ('cat', 'the cat sat')
    """

    token: str
    probability: float
    text: str


class FilledTexts(OneVocabulary):
    """The methods of a model that guesses hidden tokens.

    A class that has them provides `sides`, with the vocabulary `tokenizer`; and `max_length`, of
    all rows.
    """

    task = "fill"
    uses_sampler = False

    @property
    def mask_id(self) -> int:
        """Id of `[MASK]`: the vocabulary's own, or the one after all others."""
        return self.sides["tokenizer"].mask_id

    def guess_function(self, count: int) -> Callable:
        """Returns a function of rows, and the places of their masks, to what is likely there.

        Args:
            count: Number of tokens for each mask.

        Returns:
            A function that returns ids and probabilities, `(rows, masks, count)`, best first.
        """
        raise NotImplementedError

    def fill_function(self, count: int) -> Callable:
        """Returns a function of rows to the pairs of ids and probabilities of each of their masks.

        Args:
            count: Number of tokens for each mask.
        """
        guess = self.guess_function(count)

        def fill(rows):
            places = [[i for i, token in enumerate(row) if token == self.mask_id] for row in rows]
            ids, best = guess(rows, places)
            check_probabilities(best[: len(rows)])
            return [
                list(zip(ids[i, : len(at)], best[i, : len(at)], strict=True))
                for i, at in enumerate(places)
            ]

        return fill

    def fill(
        self,
        texts: str | Sequence,
        num_results: int = 5,
        batch_size: int = BATCH_SIZE,
        verbose="auto",
    ):
        """Guesses the tokens of texts that are hidden.

        Args:
            texts: A text, or a list, array or column of texts, each with `[MASK]` in the place of a
                token, once or several times.
            num_results: Number of tokens for each. Defaults to 5.
            batch_size: Texts read together. Defaults to 64.
            verbose: See `Seq2Seq.generate`. Defaults to `"auto"`.

        Returns:
            For a text a list that has for each `[MASK]` a list of `Filled`, best first; for a list
            a list of those.

        Raises:
            ValueError: If a text has no `[MASK]` or is longer than the model reads, or an argument
                is out of range.

        Example:

        >>> model.fill("北京是[MASK]国的首都")[0][0].text  # doctest: +SKIP
        '北京是中国的首都'
        """
        check_whole("batch_size", batch_size)
        check_whole("num_results", num_results)
        self.check_tokenizers()
        inputs = read_inputs(texts)
        rows = [self._masked_row(text) for text in inputs.items]
        guess = self.fill_function(min(num_results, self.vocabulary_size - EOS - 1))
        results = [None] * len(rows)
        for batch in track(batches_by_length(rows, batch_size), len(rows), verbose):
            for i, places in zip(batch, guess([rows[i] for i in batch]), strict=True):
                results[i] = self._describe(inputs.items[i], places)
        return inputs.unwrap(results)

    def make_rows(self, texts: Sequence) -> list[list[int]]:
        """Returns rows of ids without `BOS` and `EOS` for texts or rows of ids."""
        rows = make_rows(texts, self.tokenizer, self.vocabulary_size)
        return [[i for i in row if i not in (BOS, EOS)] for row in rows]

    def reading_rows(self, texts: Sequence) -> list[list[int]]:
        """Returns the rows of ids of texts for `encode_texts`."""
        return [self._whole_row(row) for row in self.make_rows(texts)]

    def respond(self, texts: Sequence[str], **arguments) -> list[tuple[str, dict]]:
        """Returns for each text what the command line prints: a line, and an object for JSON."""
        masked = [text for text in texts if MASK in text]
        if left := [text for text in texts if MASK not in text and text.strip()]:
            warnings.warn(
                f"Expected texts with {MASK} in the place of a token. Received without one, which "
                f"stay as they are: {len(left)}, the first {left[0]!r:.60}.",
                stacklevel=2,
            )
        found, lines = iter(self.fill(masked, **arguments)), []
        for text in texts:
            places = next(found) if MASK in text else []
            first, *rest = text.split(MASK)
            best = (self._written(results[0].token) for results in places)
            line = first + "".join(map("".join, zip(best, rest, strict=True)))
            lines.append((line, {"fills": [list(map(asdict, results)) for results in places]}))
        return lines

    def _masked_row(self, text):
        """Returns the row of a text with masks."""
        if not isinstance(text, str) or MASK not in text:
            raise ValueError(
                f"Expected texts with {MASK} in the place of a token. Received: {text!r:.60}. "
                f"Write it where a token is to be filled in, as in 'the cat {MASK} on the mat'."
            )
        row = []
        for part in " ".join(text.split()).split(MASK):
            tokens = self.tokenizer.tokenize_part(part)
            row += [*self.tokenizer.vocabulary.ids(tokens), self.mask_id]
        return self._whole_row(row[:-1])

    def _whole_row(self, row):
        """Returns a row with `BOS` and `EOS`."""
        if len(row) > self.max_length - 2:
            raise ValueError(
                f"Expected texts of at most {self.max_length - 2} tokens, for which the model has "
                f"positions. Received: one of {len(row)}. Cut it, or make the model with a longer "
                "`max_length`."
            )
        return [BOS, *row, EOS]

    def _describe(self, text, places):
        """Returns the `Filled` of each mask of a text."""
        parts, described = text.split(MASK), []
        for k, (ids, probabilities) in enumerate(places, start=1):
            before, after = MASK.join(parts[:k]), MASK.join(parts[k:])
            tokens = self.tokenizer.vocabulary.tokens(ids)
            described.append(
                [
                    Filled(token, float(probability), before + self._written(token) + after)
                    for token, probability in zip(tokens, probabilities, strict=True)
                ]
            )
        return described

    def _written(self, token):
        """Returns a token as it is written inside a text, without marks of how it is joined."""
        return self.tokenizer.detokenize([token.removeprefix("##")]).strip(SPACE + GLUE + " ")
