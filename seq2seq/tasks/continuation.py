"""What a model that continues texts does with them, whatever runs it."""

import itertools
from collections.abc import Sequence

import numpy as np

from seq2seq.checks import check_whole
from seq2seq.data.inputs import check_rows, check_tokenizer, make_rows, read_inputs
from seq2seq.data.padding import BATCH_SIZE
from seq2seq.generation.continuation import check_stream, continue_text, prompt_tokens
from seq2seq.generation.loop import DEFAULT_LENGTH, check_max_length
from seq2seq.generation.result import as_lines, in_form
from seq2seq.generation.samplers import Sample, Sampler, get_sampler
from seq2seq.tasks.measures import perplexities
from seq2seq.tasks.positions import check_positions, positions_left
from seq2seq.tasks.vocabularies import OneVocabulary
from seq2seq.text.vocabulary import BOS, EOS

SAMPLES = 100  # maximum number of texts generated to measure variety


class ContinuationModel(OneVocabulary):
    """A model of texts without targets, which has `score` and `generate`."""

    task = "language-model"

    def measure(
        self, texts: Sequence[str], targets: None = None, batch_size: int | None = None
    ) -> dict[str, float]:
        """Returns loss and perplexities of given texts; see `evaluate_model`."""
        rows = [[*row, EOS] for row in self.tokenizer.encode_all(texts)]
        nats = -float(self.score(rows, **self.batching(batch_size)).sum(dtype="float64"))
        characters = sum(len(text) + 1 for text in texts)
        return perplexities(nats, sum(map(len, rows)), characters)

    def write(
        self,
        texts: Sequence[str],
        sampler: Sampler | None,
        max_length: int | None,
        batch_size: int,
        verbose="auto",
    ) -> list[str]:
        """Generates the texts to evaluate, as many as given, at most 100."""
        prompts = [""] * min(SAMPLES, len(texts))
        batching = self.batching(batch_size, verbose=verbose)
        return self.generate(prompts, max_length, sampler or Sample(seed=0), **batching)

    def batching(self, batch_size: int | None, **more) -> dict:
        """Returns what `score` and `generate` are told of batches; here there are none."""
        return {}


class ContinuedTexts(ContinuationModel):
    """The methods of a language model that generates in batches.

    A class that has them provides `sides`, with the vocabulary `tokenizer`; `score`; a `generator`;
    and a `scorer`.
    """

    uses_sampler = True

    def generate(
        self,
        prompts: str | Sequence = "",
        max_length: int | None = None,
        sampler: str | Sampler = "greedy",
        batch_size: int = BATCH_SIZE,
        stream: bool = False,
        return_details: bool = False,
        verbose="auto",
    ):
        """Continues prompts, in one compiled loop or token by token.

        Args:
            prompts: A text, or a list, array or column of texts; or a row or rows of ids without
                `EOS`. Defaults to `""`: a text from its beginning.
            max_length: Maximum number of generated tokens, `EOS` included. Defaults to `None`: 100,
                or as many as a model of fewer learned positions has left.
            sampler: `"greedy"`, `"sample"`, `"beam"` or a sampler object. Defaults to `"greedy"`.
            batch_size: Prompts continued together. Defaults to 64.
            stream: Whether to return an iterator over pieces of text, the prompt first, which join
                to what is returned otherwise. It takes one prompt and a sampler with one
                hypothesis. Defaults to `False`.
            return_details: Whether to return `Generation` objects, whose `text` is the whole text
                and whose ids, tokens and scores are of the continuation. Not with `stream`.
                Defaults to `False`.
            verbose: See `Seq2Seq.generate`. Defaults to `"auto"`.

        Returns:
            A text for a text, a list for a list: each prompt as it was given, with its
            continuation; rows of ids for ids. With a sampler's `num_results` above 1 each result is
            a list, best first.

        Raises:
            ValueError: If an argument is out of range or the prompts are neither texts nor ids.
        """
        check_whole("batch_size", batch_size)
        sampler = get_sampler(sampler)
        if sampler.constraints.replace_unknown:
            raise ValueError("Expected no replace_unknown=True: a language model has no source.")
        inputs = read_inputs(prompts)
        rows = list(map(self.prompt_row, inputs.items))
        max_length = self.default_length(rows) if max_length is None else max_length
        check_max_length(max_length)
        self.check_room(rows, max_length)
        if stream:
            check_stream(inputs, sampler, return_details)
            return self._stream(inputs.items[0], rows[0], max_length, sampler)
        generated = self.generator.generate(rows, max_length, sampler, batch_size, verbose=verbose)
        results = [
            [self._join(prompt, ids) for ids in group]
            for prompt, group in zip(inputs.items, generated, strict=True)
        ]
        if return_details:
            results = self.scorer.describe(rows, results, generated, sampler, batch_size)
        return inputs.unwrap(in_form(results, sampler.num_results, return_details))

    def batching(self, batch_size: int | None, **more) -> dict:
        """Returns what `score` and `generate` are told of batches."""
        return {"batch_size": batch_size or BATCH_SIZE, **more}

    def perplexity(self, texts: Sequence, batch_size: int = BATCH_SIZE) -> float:
        """Returns the perplexity per token of texts, each read from start to end.

        Args:
            texts: List of texts, or rows of ids ending with `EOS`.
            batch_size: Texts read together. Defaults to 64.

        Returns:
            float; an unknown token counts as `[UNK]`.

        Raises:
            ValueError: If they are no texts, or ids outside the vocabulary.
        """
        rows = self.make_rows(texts)
        tokens = sum(map(len, rows))
        return float(np.exp(-self.score(rows, batch_size).astype("float64").sum() / tokens))

    def make_rows(self, texts):
        """Returns rows of ids ending with `EOS` for texts or rows of ids."""
        return make_rows(texts, self.tokenizer, self.vocabulary_size)

    def reading_rows(self, texts: Sequence) -> list[list[int]]:
        """Returns the rows of ids of texts for `encode_texts`."""
        rows = [[BOS, *row] for row in self.make_rows(texts)]
        check_positions(self.options, "window", max(map(len, rows), default=0), "a text")
        return rows

    def respond(self, texts: Sequence[str], **arguments) -> list[tuple[str, dict]]:
        """Returns for each text what the command line prints: a line, and an object for JSON."""
        return as_lines(self.generate(texts, **arguments))

    def default_length(self, rows: Sequence) -> int:
        """Returns the `max_length` of who names none, after these prompts."""
        longest = max(map(len, rows), default=0)  # the last token that is generated is not read
        left = positions_left(self.options, "window", longest - 1, DEFAULT_LENGTH)
        # A long prompt is not to cut short what others get: then their length must be named.
        return left if len(rows) < 2 or left >= self.options.window // 2 else DEFAULT_LENGTH

    def check_room(self, rows: Sequence, max_length: int) -> None:
        """Raises a `ValueError` unless the model can read these prompts and write so much."""
        longest = max(map(len, rows), default=0)
        needed = longest + max_length - 1  # the last token is not read
        cure = f"Name a smaller `max_length` than {max_length}, shorten the prompt"
        if longest > self.options.window:  # it leaves no room for anything
            cure = "Shorten the prompt"
        check_positions(self.options, "window", needed, "a prompt and `max_length`", cure)

    def prompt_row(self, prompt) -> list[int]:
        """Returns the ids that are read before a text is continued; see `prompt_ids`."""
        ids = self.prompt_ids(prompt)
        begins = getattr(self.options, "begin_prompts", True)  # older models have no such option
        return [BOS, *ids] if begins or not ids else ids

    def prompt_ids(self, prompt) -> list[int]:
        """Returns the ids of a prompt, a text or a row of ids."""
        if isinstance(prompt, str):
            check_tokenizer(self.tokenizer, "a text")
            return self.tokenizer.vocabulary.ids(prompt_tokens(self.tokenizer, prompt))
        if isinstance(prompt, (list, tuple, np.ndarray)) and not len(prompt):
            return []
        (row,) = check_rows("prompt", [prompt], self.vocabulary_size)
        if BOS in row or EOS in row:
            raise ValueError(
                f"Expected a prompt of ids without BOS ({BOS}) and EOS ({EOS}). Received: {row}."
            )
        return row

    def _join(self, prompt, ids):
        """Returns a prompt with its continuation."""
        if not isinstance(prompt, str):
            return [*self.prompt_ids(prompt), *ids]
        return "".join(continue_text(self.tokenizer, prompt, ids))

    def _stream(self, prompt, row, max_length, sampler):
        ids = self.generator.stream(row, max_length, sampler)
        if not isinstance(prompt, str):
            return itertools.chain(self.prompt_ids(prompt), ids)
        return continue_text(self.tokenizer, prompt, ids)
