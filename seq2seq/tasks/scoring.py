"""Describes generated rows: their log probabilities, and the likeliest alternatives."""

from collections.abc import Collection, Sequence

import numpy as np

from seq2seq.data.padding import batches_by_length
from seq2seq.generation.result import Generation
from seq2seq.generation.samplers import Sampler
from seq2seq.progress import track
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import BOS, EOS, UNK

ALTERNATIVES = 5
ATTENTIONS = "attention", "attention_by_head"


class PairScorer:
    """Scores pairs of rows of ids.

    Args:
        source_tokenizer: Tokenizer of the sources, or `None`.
        target_tokenizer: Tokenizer of the targets, or `None`.
    """

    def __init__(self, source_tokenizer: Tokenizer | None, target_tokenizer: Tokenizer | None):
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer

    def score(
        self,
        source_rows: Sequence[Sequence[int]],
        label_rows: Sequence[Sequence[int]],
        batch_size: int,
        verbose=0,
    ) -> np.ndarray:
        """Returns the summed log probability of each pair of rows, float32 `(pairs,)`."""
        scores = np.zeros(len(source_rows), dtype="float32")
        batches = batches_by_length(label_rows, batch_size)
        for batch in track(batches, len(label_rows), verbose):
            scores[batch] = self.score_batch(*_pick(batch, source_rows, label_rows))
        return scores

    def look(
        self,
        source_rows: Sequence[Sequence[int]],
        label_rows: Sequence[Sequence[int]],
        batch_size: int,
        attentions: Collection[str] = ATTENTIONS,
    ) -> list[dict]:
        """Scores each position of given pairs of rows.

        Args:
            source_rows: Rows of source ids.
            label_rows: Rows of target ids.
            batch_size: Pairs per batch.
            attentions: Names of the weights of attention to keep, if the model has them: of a
                Transformer they are by far the largest. Defaults to all.

        Returns:
            A dict for each pair: `scores` `(length,)` log probabilities of the labels; `ids` and
            `probabilities` `(length, 5)` of the most probable tokens; with attention also
            `attention` `(length, source_length)`, and of a Transformer `attention_by_head`
            `(length, layers, heads, source_length)`.
        """
        results = [None] * len(source_rows)
        for batch in batches_by_length(label_rows, batch_size):
            arrays = self.look_at_batch(*_pick(batch, source_rows, label_rows), attentions)
            parts = [slice(len(label_rows[i])) for i in batch]
            for i, found in zip(batch, cut(arrays, parts), strict=True):
                results[i] = found
                for name in found.keys() & attentions:
                    results[i][name] = results[i][name][..., : len(source_rows[i])]
        return results

    def score_batch(self, source_rows, label_rows) -> np.ndarray:
        """Returns what `score` does, for the rows of a batch."""
        raise NotImplementedError

    def look_at_batch(self, source_rows, label_rows, attentions) -> dict[str, np.ndarray]:
        """Returns what `look` does, for the rows of a batch: `(batch or more, length, ...)`."""
        raise NotImplementedError

    def describe(
        self,
        source_rows: Sequence[Sequence[int]],
        texts: Sequence[str] | None,
        results: Sequence[Sequence[Sequence[int]]],
        sampler: Sampler,
        batch_size: int,
        attentions: Collection[str] = ATTENTIONS,
    ) -> list[list[Generation]]:
        """Scores generated rows and describes them.

        Args:
            source_rows: Rows of source ids.
            texts: Their texts, or `None` if ids were given.
            results: For each row a list of hypotheses, rows of target ids.
            sampler: The sampler that chose them.
            batch_size: Pairs per batch.
            attentions: See `look`; `"attention"` is needed where unknown tokens are replaced.

        Returns:
            The results as `Generation` objects.
        """
        pairs = [
            (row, ids) for row, group in zip(source_rows, results, strict=True) for ids in group
        ]
        looked = ()
        if pairs:
            looked = self.look(*map(list, zip(*pairs, strict=True)), batch_size, attentions)
        positions = iter(looked)
        described = []
        for i, (row, group) in enumerate(zip(source_rows, results, strict=True)):
            source_tokens = self._source_tokens(row, texts and texts[i])
            described.append(
                [self._generation(source_tokens, ids, sampler, next(positions)) for ids in group]
            )
        return described

    def _source_tokens(self, row, text):
        """Returns the tokens of a source, unknown ones as they appear in its text."""
        tokens = _tokens(self.source_tokenizer, row)
        if text is not None:
            tokens[:-1] = self.source_tokenizer.tokenize(text)[: len(row) - 1]
        return tokens

    def _generation(self, source_tokens, ids, sampler, positions):
        tokenizer = self.target_tokenizer
        tokens = text = None
        if tokenizer is not None:
            tokens = _tokens(tokenizer, [i for i in ids if i != EOS])
            for place, i in enumerate(ids):
                if i == UNK:  # only with replace_unknown; the last source token is EOS
                    tokens[place] = source_tokens[int(positions["attention"][place, :-1].argmax())]
            text = tokenizer.detokenize(tokens)
        return _describe(tokenizer, text, tokens, ids, sampler, positions, source_tokens)


class ContinuationScorer:
    """Scores what was generated after prompts.

    Args:
        tokenizer: Tokenizer of both, or `None`.
    """

    def __init__(self, tokenizer: Tokenizer | None):
        self.tokenizer = tokenizer

    def look(self, pairs: Sequence[tuple], batch_size: int) -> list[dict]:
        """Scores the ids after each prompt, given as pairs of rows; see `PairScorer.look`."""
        rows, results = [[*prompt, *ids] for prompt, ids in pairs], [None] * len(pairs)
        for batch in batches_by_length(rows, batch_size):
            prompts, labels = zip(*(pairs[i] for i in batch), strict=True)
            for i, found in zip(batch, self.look_at_batch(prompts, labels), strict=True):
                results[i] = found
        return results

    def look_at_batch(self, prompt_rows, label_rows) -> list[dict[str, np.ndarray]]:
        """Returns what `look` does, for the rows of a batch."""
        raise NotImplementedError

    def describe(
        self,
        prompt_rows: Sequence[Sequence[int]],
        texts: Sequence[Sequence],
        results: Sequence[Sequence[Sequence[int]]],
        sampler: Sampler,
        batch_size: int,
    ) -> list[list[Generation]]:
        """Scores generated rows and describes them.

        Args:
            prompt_rows: Rows of ids, as the generator reads them.
            texts: For each prompt the whole texts of its results, or rows of ids.
            results: For each prompt a list of hypotheses, rows of ids without the prompt.
            sampler: The sampler that chose them.
            batch_size: Rows scored together.

        Returns:
            The results as `Generation` objects.
        """
        tokenizer = self.tokenizer
        pairs = [
            (row, ids) for row, group in zip(prompt_rows, results, strict=True) for ids in group
        ]
        positions = iter(self.look(pairs, batch_size))
        described = []
        for row, group, whole in zip(prompt_rows, results, texts, strict=True):
            prompt_tokens = _tokens(tokenizer, [i for i in row if i != BOS])
            described.append([])
            for ids, text in zip(group, whole, strict=True):
                tokens = tokenizer and _tokens(tokenizer, [i for i in ids if i != EOS])
                if not isinstance(text, str):
                    text = tokenizer and tokenizer.decode(text)
                found = text, tokens, ids, sampler, next(positions), prompt_tokens
                described[-1].append(_describe(tokenizer, *found))
        return described


def cut(arrays: dict[str, np.ndarray], parts: Sequence[slice]) -> list[dict[str, np.ndarray]]:
    """Returns a part of each row of arrays `(rows or more, length, ...)`."""
    return [
        {name: array[row, part] for name, array in arrays.items()} for row, part in enumerate(parts)
    ]


def _describe(tokenizer, text, tokens, ids, sampler, positions, source_tokens):
    """Returns a result as a `Generation`."""
    score = float(positions["scores"].sum())
    by_head = positions.get("attention_by_head")  # (length, layers, heads, source_length)
    return Generation(
        text=text,
        tokens=tokens,
        ids=ids,
        score=score,
        normalised_score=sampler.normalise(score, len(ids)),
        token_scores=positions["scores"],
        alternatives=[
            list(zip(_tokens(tokenizer, best), shares.tolist(), strict=True))
            for best, shares in zip(positions["ids"], positions["probabilities"], strict=True)
        ],
        attention=positions.get("attention"),
        source_tokens=source_tokens,
        attention_by_head=None if by_head is None else by_head.transpose(1, 2, 0, 3),
    )


def _pick(batch, *lists):
    """Returns the rows of a batch from each list."""
    return [[rows[i] for i in batch] for rows in lists]


def _tokens(tokenizer, ids):
    return [int(i) for i in ids] if tokenizer is None else tokenizer.vocabulary.tokens(ids)
