"""What a model of sources and targets does with texts, whatever runs it."""

import itertools
from collections.abc import Sequence

import numpy as np

from seq2seq.checks import check_whole
from seq2seq.data.corpus import Pairs, check_pairs, read_pair_files
from seq2seq.data.inputs import check_rows, encode_side, is_texts, read_inputs
from seq2seq.data.padding import BATCH_SIZE
from seq2seq.generation.continuation import check_stream, continue_text
from seq2seq.generation.loop import DEFAULT_LENGTH, check_max_length
from seq2seq.generation.result import as_lines, in_form
from seq2seq.generation.samplers import Sampler, get_sampler
from seq2seq.tasks.measures import known_share
from seq2seq.tasks.positions import check_positions, positions_left
from seq2seq.tasks.scoring import ATTENTIONS
from seq2seq.tasks.vocabularies import Vocabularies
from seq2seq.text.columns import as_list
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS


class PairTexts(Vocabularies):
    """The methods of a model that turns sources into targets.

    A class that has them provides `sides`, the vocabularies by name; `options`, with
    `max_source_length` and `max_target_length`; `has_attention`; a `generator`; and a `scorer`.
    """

    task = "translate"
    examples_are = "pairs"
    uses_sampler = True

    @property
    def source_tokenizer(self) -> Tokenizer | None:
        """The tokenizer of the sources, or `None` in a model of ids."""
        return self.sides["source"].tokenizer

    @property
    def target_tokenizer(self) -> Tokenizer | None:
        """The tokenizer of the targets, or `None` in a model of ids."""
        return self.sides["target"].tokenizer

    @property
    def source_vocabulary_size(self) -> int:
        """Number of source ids, the special ones included."""
        return self.sides["source"].size

    @property
    def target_vocabulary_size(self) -> int:
        """Number of target ids, the special ones included."""
        return self.sides["target"].size

    # Texts in, texts out

    def generate(
        self,
        inputs: str | Sequence,
        max_length: int | None = None,
        sampler: str | Sampler = "greedy",
        batch_size: int = BATCH_SIZE,
        return_details: bool = False,
        verbose="auto",
        stream: bool = False,
    ):
        """Generates a target for each source, in one compiled loop or token by token.

        Args:
            inputs: A text, or a list, array or column of texts; or a row or rows of source ids,
                each ending with `EOS`. An empty text gives an empty text.
            max_length: Maximum number of generated tokens, `EOS` included. Defaults to `None`: 100,
                or as many as a model of fewer learned positions has.
            sampler: `"greedy"`, `"sample"`, `"beam"` or a sampler object. Defaults to `"greedy"`.
            batch_size: Sources decoded together. Defaults to 64.
            return_details: Whether to return `Generation` objects; a list of them is shown by a
                notebook as a table. Defaults to `False`.
            verbose: Whether to show how far it is: 1, 0, or `"auto"`, only at a prompt and in a
                notebook, once it takes seconds. Defaults to `"auto"`.
            stream: Whether to return an iterator over pieces of text, or over ids, which join to
                what is returned otherwise. It takes one source and a sampler with one hypothesis;
                no `return_details`, no `replace_unknown`. Defaults to `False`.

        Returns:
            A text for a text, a list for a list, in the order of the inputs; rows of ids, ending
            with `EOS` unless cut off, for ids. With a sampler's `num_results` above 1 each result
            is a list, best first.

        Raises:
            ValueError: If an argument is out of range or the inputs are neither texts nor ids.
        """
        check_whole("batch_size", batch_size)
        sampler = get_sampler(sampler)
        self._check_sampler(sampler)
        inputs = read_inputs(inputs)
        rows = self.make_rows("source", inputs.items)
        max_length = self.default_length(rows) if max_length is None else max_length
        check_max_length(max_length)
        self.check_room(rows, max_length)
        if stream:
            check_stream(inputs, sampler, return_details)
            return self._stream(inputs, rows[0], max_length, sampler)
        results = self._generate(rows, inputs.are_texts, max_length, sampler, batch_size, verbose)
        if return_details or sampler.constraints.replace_unknown:
            texts = inputs.items if inputs.are_texts else None
            attentions = ATTENTIONS if return_details else ("attention",)
            results = self.scorer.describe(rows, texts, results, sampler, batch_size, attentions)
            if not return_details:
                results = [[result.text for result in group] for group in results]
        elif inputs.are_texts and self.target_tokenizer is not None:
            results = [list(map(self.target_tokenizer.decode, group)) for group in results]
        return inputs.unwrap(in_form(results, sampler.num_results, return_details))

    def score(
        self,
        sources: Sequence,
        targets: Sequence,
        batch_size: int = BATCH_SIZE,
        verbose="auto",
    ) -> np.ndarray:
        """Scores given pairs with the model's log probabilities.

        Args:
            sources: List, array or column of texts, or rows of ids ending with `EOS`.
            targets: As many texts, or rows of ids ending with `EOS`.
            batch_size: Pairs scored together. Defaults to 64.
            verbose: See `generate`. Defaults to `"auto"`.

        Returns:
            float32 `(len(sources),)`: sums over the target's tokens and `EOS`.

        Raises:
            ValueError: If sources and targets do not match, or are what the model cannot read.
        """
        check_whole("batch_size", batch_size)
        return self.scorer.score(*self.make_pairs(sources, targets), batch_size, verbose)

    def default_length(self, rows: Sequence) -> int:
        """Returns the `max_length` of who names none, for these sources."""
        return positions_left(self.options, "max_target_length", 0, DEFAULT_LENGTH)

    def check_room(self, rows: Sequence, max_length: int) -> None:
        """Raises a `ValueError` unless the model can write so much."""
        check_positions(self.options, "max_target_length", max_length, "`max_length`")

    def make_pairs(self, sources: Sequence, targets: Sequence) -> tuple[list, list]:
        """Returns rows of ids ending with `EOS` for both sides of pairs of texts or of ids."""
        return make_pair_rows(self.sides, self.options, sources, targets)

    def make_rows(self, side: str, texts: Sequence) -> list[list[int]]:
        """Returns rows of ids for one side of the pairs, texts or ids."""
        return make_side_rows(self.sides, self.options, side, texts)

    def reading_rows(self, texts: Sequence) -> list[list[int]]:
        """Returns the rows of ids of texts for `encode_texts`."""
        return self.make_rows("source", texts)

    def check_examples(self, sources, targets) -> None:
        """Raises a `ValueError` unless the model can be evaluated on these pairs."""
        self.check_tokenizers()
        check_pairs(sources, targets if targets is not None else ())

    def _count_characters(self, targets):
        """Counts the characters that are scored: of a target that is cut those before the cut."""
        tokenizer, longest = self.target_tokenizer, self.options.max_target_length - 1
        tokens = tokenizer.tokenize_all(targets)
        return sum(
            len(text) + 1 if len(row) <= longest else len(tokenizer.detokenize(row[:longest]))
            for text, row in zip(targets, tokens, strict=True)
        )

    def coverage(self, sources, targets) -> dict:
        """Returns the shares of tokens that are in the vocabularies."""
        return {
            "coverage": known_share(self.target_tokenizer.encode_all(targets)),
            "source_coverage": known_share(self.source_tokenizer.encode_all(sources)),
        }

    def write(
        self, sources, sampler, max_length: int, batch_size: int, verbose="auto"
    ) -> list[str]:
        """Generates the texts to evaluate."""
        return self.generate(sources, max_length, sampler or "greedy", batch_size, verbose=verbose)

    @staticmethod
    def read_examples(paths: Sequence[str], columns: Sequence | None = None) -> Pairs:
        """Reads pairs to train or evaluate on from files; see `read_pairs`."""
        return read_pair_files(paths, columns)

    def respond(self, texts: Sequence[str], **arguments) -> list[tuple[str, dict]]:
        """Returns for each text what the command line prints: a line, and an object for JSON."""
        return as_lines(self.generate(texts, **arguments))

    def _stream(self, inputs, row, max_length, sampler):
        if inputs.are_texts and len(row) == 1:
            return iter(())
        ids = self.generator.stream(row, max_length, sampler)
        if not inputs.are_texts or self.target_tokenizer is None:
            return ids
        pieces = continue_text(self.target_tokenizer, "", ids)
        return itertools.islice(pieces, 1, None)  # the first is the empty beginning

    def _generate(self, rows, are_texts, max_length, sampler, batch_size, verbose):
        """Returns the results for each row, as rows of ids."""
        # An empty text has nothing to decode.
        filled = [i for i, row in enumerate(rows) if not are_texts or len(row) > 1]
        results = [[[EOS]] * sampler.num_results for _ in rows]
        generated = self.generator.generate(
            [rows[i] for i in filled], max_length, sampler, batch_size, filled, verbose
        )
        for i, hypotheses in zip(filled, generated, strict=True):
            results[i] = hypotheses
        return results

    def _check_sampler(self, sampler):
        whole = self.has_attention and self.source_tokenizer and self.target_tokenizer
        if sampler.constraints.replace_unknown and not whole:
            raise ValueError(
                "Expected attention and two tokenizers for replace_unknown=True, which "
                "copies a source token. Leave it out, or train with attention='luong'."
            )


def make_pair_rows(sides: dict, options, sources: Sequence, targets: Sequence) -> tuple[list, list]:
    """Returns rows of ids for pairs; see `PairTexts.make_pairs`. It holds no model."""
    sources, targets = as_list(sources), as_list(targets)
    check_pairs(sources, () if targets is None else targets)
    return (
        make_side_rows(sides, options, "source", sources),
        make_side_rows(sides, options, "target", targets),
    )


def make_side_rows(sides: dict, options, side: str, texts: Sequence) -> list[list[int]]:
    """Returns rows of ids for one side of pairs; see `PairTexts.make_rows`."""
    size, tokenizer = sides[side].size, sides[side].tokenizer
    texts = as_list(texts)
    if not is_texts(texts):
        rows = check_rows(side, texts, size)
        longest = max(map(len, rows), default=0)
        check_positions(options, f"max_{side}_length", longest, f"a {side}")
        return rows
    if tokenizer is None:
        raise ValueError(
            f"Expected {side} ids, because the model was made with {side}={size}, a vocabulary "
            "size. Received texts. Pass ids, or make the model with a tokenizer."
        )
    return encode_side(side, texts, tokenizer, getattr(options, f"max_{side}_length"))
