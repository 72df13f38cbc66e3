"""NGramModel: n-grams with Kneser-Ney smoothing, the baseline for a language model."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seq2seq.checks import check_whole
from seq2seq.data.inputs import make_rows, read_inputs
from seq2seq.generation.constraints import SMALLEST
from seq2seq.generation.continuation import continue_text, prompt_tokens
from seq2seq.generation.loop import DEFAULT_LENGTH, check_max_length, generate_ids
from seq2seq.generation.samplers import Sampler, get_sampler
from seq2seq.models.ngram_file import read_ngrams, write_ngrams
from seq2seq.tasks.continuation import ContinuationModel
from seq2seq.text.side import Side
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import BOS, PAD


class NGramModel(ContinuationModel):
    """An n-gram model with interpolated, modified Kneser-Ney smoothing.

    Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling"
    (https://doi.org/10.1006/csla.1999.0128, section 3). Its counts are kept in memory.

    Args:
        tokenizer: Tokenizer of the texts, adapted. All unknown tokens count as one token, `[UNK]`,
            as in a `LanguageModel`.
        order: Length of the longest n-grams. Defaults to 5.
        smoothing: Defaults to `"kneser_ney"`, the only one.

    Raises:
        ValueError: If an argument is out of range or the tokenizer was never adapted.

    Example:

    >>> tokenizer = seq2seq.CharTokenizer().adapt(["the cat sat", "the dog sat"])
    >>> model = seq2seq.NGramModel(tokenizer, order=3).fit(["the cat sat", "the dog sat"])
    >>> model.perplexity(["the dog sat"]) < model.perplexity(["the dot sag"])
    True
    """

    def __init__(self, tokenizer: Tokenizer, order: int = 5, smoothing: str = "kneser_ney"):
        check_whole("order", order)
        if smoothing != "kneser_ney":
            raise ValueError(
                f"Expected `smoothing` to be 'kneser_ney'. Received: smoothing={smoothing!r}."
            )
        if not isinstance(tokenizer, Tokenizer) or tokenizer.vocabulary is None:
            raise ValueError(
                f"Expected a tokenizer with a vocabulary. Received: {tokenizer!r}. Call "
                "`tokenizer.adapt(texts)` first."
            )
        self.sides = {"tokenizer": Side.of("tokenizer", tokenizer)}
        self.order = order
        self.smoothing = smoothing
        self._levels = []

    def fit(self, texts: Sequence[str]) -> "NGramModel":
        """Counts the n-grams of texts.

        Args:
            texts: List of texts, or rows of ids ending with `EOS`. They replace those of an earlier
                `fit`.

        Returns:
            The model.

        Raises:
            ValueError: If there is no text.
        """
        grams = [Counter() for _ in range(self.order)]
        for row in self._rows(texts):
            for end in range(1, len(row)):
                gram = tuple(row[max(0, end + 1 - self.order) : end + 1])
                grams[len(gram) - 1][gram] += 1
        # A shorter n-gram counts the distinct tokens before it, or occurrences at a text's start.
        for shorter, longer in zip(grams[-2::-1], grams[:0:-1], strict=True):
            for gram in longer:
                shorter[gram[1:]] += 1
        self._levels = [_Level(counts) for counts in grams]
        return self

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Scores given texts with the model's log probabilities.

        Args:
            texts: List of texts, or rows of ids, ending with `EOS` if that is to be scored.

        Returns:
            float32 `(len(texts),)`: sums over the text's tokens and `EOS`.

        Raises:
            ValueError: If they are no texts, or the model was never fitted.
        """
        return np.array([self._score(row) for row in self._rows(texts)], dtype="float32")

    def perplexity(self, texts: Sequence[str]) -> float:
        """Returns the perplexity per token of texts, `EOS` included.

        Args:
            texts: List of texts, or rows of ids ending with `EOS`.

        Returns:
            float; an unknown token counts as `[UNK]`.

        Raises:
            ValueError: As of `score`.
        """
        rows = self._rows(texts)
        tokens = sum(len(row) - 1 for row in rows)
        return math.exp(-sum(map(self._score, rows)) / tokens)

    def generate(
        self,
        prompts: str | Sequence[str] = "",
        max_length: int | None = None,
        sampler: str | Sampler = "greedy",
    ):
        """Continues prompts, with the same samplers as the other models.

        Args:
            prompts: A text or a list of texts. Defaults to `""`.
            max_length: Maximum number of generated tokens, `EOS` included. Defaults to `None`,
                100.
            sampler: `"greedy"`, `"sample"`, `"beam"` or a sampler object. Defaults to `"greedy"`.

        Returns:
            As `LanguageModel.generate` for texts.

        Raises:
            ValueError: If they are no texts, or an argument is out of range.
        """
        max_length = DEFAULT_LENGTH if max_length is None else max_length
        check_max_length(max_length)
        sampler = get_sampler(sampler)
        inputs = read_inputs(prompts)
        if not inputs.are_texts:
            raise ValueError(f"Expected a text or a list of texts. Received: {prompts!r:.60}.")
        return inputs.unwrap(
            [
                self._generate(prompt, place, max_length, sampler)
                for place, prompt in enumerate(inputs.items)
            ]
        )

    def save(self, path: str | Path) -> None:
        """Writes the model, its tokenizer included, into a file of plain arrays.

        Args:
            path: Path of the file, such as `"ngrams.npz"`; an older one is replaced.

        Raises:
            ValueError: If the model has seen no texts, or the file cannot be written.

        Example:

        >>> tokenizer = seq2seq.CharTokenizer().adapt(["the cat"])
        >>> seq2seq.NGramModel(tokenizer, order=3).fit(["the cat"]).save("ngrams.npz")
        >>> seq2seq.NGramModel.load("ngrams.npz").generate("the c")
        'the cat'
        """
        self._check_fitted()
        write_ngrams(path, self.tokenizer, [level.grams() for level in self._levels])

    @classmethod
    def load(cls, path: str | Path) -> "NGramModel":
        """Loads what `save` has written, which is data only: nothing in it is run.

        Args:
            path: Path of the file.

        Returns:
            The model, with the same probabilities as the one that was saved.

        Raises:
            ValueError: If the file is missing, broken, or holds something else.
        """
        tokenizer, levels = read_ngrams(path)
        model = cls(tokenizer, order=len(levels))
        model._levels = [_Level(grams) for grams in levels]
        return model

    def _score(self, row):
        """Returns the log probability of a row of ids after its `BOS`."""
        before = self.order - 1  # tokens that count
        return sum(
            math.log(self._probability(row[max(0, i - before) : i], row[i]))
            for i in range(1, len(row))
        )

    def _generate(self, prompt, place, max_length, sampler):
        constraints = sampler.constraints.resolve(self.tokenizer, self.vocabulary_size, max_length)
        if sampler.constraints.replace_unknown:
            raise ValueError("Expected no replace_unknown=True: an n-gram model has no source.")
        prompt_ids = self.tokenizer.vocabulary.ids(prompt_tokens(self.tokenizer, prompt))
        ids, _ = generate_ids(
            self,
            np.array([[PAD] * self.order + [BOS, *prompt_ids]], dtype="int32"),
            sampler.bind(),
            constraints,
            max_length,
            sampler.make_noise([place], max_length),
        )
        texts = [
            "".join(continue_text(self.tokenizer, prompt, row[row != PAD].tolist()))
            for row in ids[0]
            if row[0] != PAD
        ]
        return texts if sampler.num_results > 1 else texts[0]

    def begin(self, ids, max_length):
        """Takes the tokens before the last as states; see `generation.loop`."""
        return [ids[:, -self.order - 1 : -1]], [], ids[:, -1]

    def step(self, token_ids, states, memory, positions):
        """Predicts one token; see `generation.loop`."""
        before = np.concatenate([states[0], token_ids[:, None]], axis=1)
        rows = [[i for i in row if i != PAD] for row in before.tolist()]
        distributions = [self._distribution(row) for row in rows]
        return np.log(np.maximum(distributions, SMALLEST)).astype("float32"), [before[:, 1:]]

    def _contexts(self, before):
        """Yields level and counts of each known context that ends the tokens, shortest first."""
        self._check_fitted()
        for n, level in enumerate(self._levels[: len(before) + 1]):
            context = level.contexts.get(tuple(before[len(before) - n :]))
            if context is None:
                return
            yield level, context

    def _probability(self, before, token_id):
        """Returns the probability of a token after others."""
        probability = 1 / (self.vocabulary_size - 2)  # any token but PAD and BOS
        for level, (counts, total, kept_back) in self._contexts(before):
            count = counts.get(token_id, 0)
            probability = (count - level.discounts[min(count, 3)]) / total + kept_back * probability
        return probability

    def _distribution(self, before):
        """Returns the probabilities of all tokens after others, float64 `(vocabulary,)`."""
        probabilities = np.full(self.vocabulary_size, 1 / (self.vocabulary_size - 2))
        probabilities[[PAD, BOS]] = 0
        for level, (counts, total, kept_back) in self._contexts(before):
            probabilities *= kept_back
            seen = np.array(list(counts.values()))
            probabilities[list(counts)] += (seen - level.discounts[np.minimum(seen, 3)]) / total
        return probabilities

    def _check_fitted(self):
        if not self._levels:
            raise ValueError("Expected a model that has seen texts. Call `model.fit(texts)` first.")

    def _rows(self, texts):
        return [[BOS, *row] for row in make_rows(texts, self.tokenizer, self.vocabulary_size)]


class _Level:
    """The n-grams of one length, by context.

    Attributes:
        discounts: float64 `(4,)`, what is subtracted from a count of 0, 1, 2, and 3 or more.
        contexts: For each context the counts of the next tokens, their sum, and the share of it
            that the discounts reserve for the shorter context.
    """

    def __init__(self, grams: dict[tuple, int]):
        self.discounts = _discounts(Counter(grams.values()))
        following = defaultdict(dict)
        for gram, count in grams.items():
            following[gram[:-1]][gram[-1]] = count
        self.contexts = {}
        for context, counts in following.items():
            total = sum(counts.values())
            kept_back = sum(self.discounts[min(count, 3)] for count in counts.values()) / total
            self.contexts[context] = counts, total, kept_back

    def grams(self) -> dict[tuple, int]:
        """Returns the count of each n-gram."""
        return {
            (*context, token_id): count
            for context, (counts, _, _) in self.contexts.items()
            for token_id, count in counts.items()
        }


def _discounts(times):
    """Returns Chen & Goodman's discounts (equation 26) from how many n-grams were seen k times."""
    discounts = [0.0]
    share = times[1] / (times[1] + 2 * times[2]) if times[1] else 0.5
    for k in (1, 2, 3):
        estimate = k - (k + 1) * share * times[k + 1] / times[k] if times[k] else k / 2
        # On a small corpus the estimate may be 0, or all of k: keep it strictly between.
        discounts.append(min(max(estimate, k / 10), 0.9 * k))
    return np.array(discounts)
