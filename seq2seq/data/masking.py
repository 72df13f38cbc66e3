"""Texts -> batches in which some tokens are hidden, others in each epoch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seq2seq.backend import padded_size
from seq2seq.data.batching import (
    BatchTokens,
    EpochOrder,
    Rows,
    as_dataset,
    plan_batches,
    rows_per_batch,
)
from seq2seq.data.inputs import check_ids
from seq2seq.data.padding import pad_rows
from seq2seq.text.vocabulary import BOS, EOS, PAD

SHARE = 0.15  # of the tokens that are hidden
REPLACED, KEPT = 0.8, 0.1  # shares of those: replaced by the mask, left as they are
INPUTS, LABELS = ("token_ids", "places"), ("tokens", "next_sentence")


@dataclass(frozen=True)
class Masking:
    """Hides tokens of rows (Devlin et al. 2019, section 3.1 and appendix A.1).

    https://aclanthology.org/N19-1423. 15 % of the tokens of a row are to be predicted, at least
    one; of these 80 % become the mask, 10 % another token, and 10 % stay. The tokens of a word are
    hidden together, so there may be a few more (Cui et al. 2021,
    https://arxiv.org/abs/1906.08101). Unknown and special tokens are never hidden.

    Args:
        size: Size of the vocabulary.
        mask_id: Id of the mask.
        max_length: Maximum length of a row.
    """

    size: int
    mask_id: int
    max_length: int

    def hide(
        self, ids: np.ndarray, words: np.ndarray, generators: Sequence[np.random.Generator]
    ) -> tuple:
        """Hides tokens.

        Args:
            ids: int32 `(batch, length)`, padded with 0.
            words: int `(batch, length)`, the number of each token's word in its row, below
                `length`.
            generators: The random numbers of each row, so that no batch or padding changes them.

        Returns:
            Tuple of the ids with hidden tokens, the places of those, `(batch, predictions)`, padded
            with 0, and what stood there, padded with 0.
        """
        ordinary = ids > EOS
        count = np.maximum(1, np.round(SHARE * ordinary.sum(axis=1))).astype(int)  # (batch,)
        drawn, fate, others = np.ones(ids.shape), np.ones(ids.shape), np.zeros_like(ids)
        for i, (generator, length) in enumerate(zip(generators, (ids != PAD).sum(1), strict=True)):
            drawn[i, :length], fate[i, :length] = generator.random((2, length))
            others[i, :length] = generator.integers(EOS + 1, self.size, length)
        # Each word has drawn a number; the words with the smallest are hidden.
        drawn = np.where(ordinary, np.take_along_axis(drawn, words, axis=1), 1.0)
        limit = np.take_along_axis(np.sort(drawn, axis=1), count[:, None] - 1, axis=1)
        hidden = ordinary & (drawn <= limit)
        changed = np.where(hidden & (fate < REPLACED), self.mask_id, ids)
        changed = np.where(hidden & (fate >= REPLACED + KEPT), others, changed)
        places = [np.flatnonzero(row) for row in hidden]
        labels = [row[at] for row, at in zip(ids, places, strict=True)]
        width = padded_size(max(1, *map(len, places)))
        return changed.astype("int32"), pad_rows(places, width), pad_rows(labels, width)


class SameOrder(EpochOrder):
    """Gives every epoch the same random numbers, as for validation."""

    def next_generator(self) -> np.random.Generator:
        """Returns the random numbers of any epoch."""
        return np.random.default_rng(self.seed)


def make_masked_windows(
    rows: Sequence[Sequence[int]],
    words: Sequence[Sequence[int]],
    masking: Masking,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | EpochOrder | None = None,
):
    """Makes a `tf.data.Dataset` of rows of which tokens are hidden, batched as in `make_batches`.

    Args:
        rows: Rows of ids, without `BOS` and `EOS`; longer ones are cut into windows that fit.
        words: The number of the word of each id, rising from 0 in each row.
        masking: What hides tokens.
        batch_size: Rows per batch. Defaults to 64.
        shuffle: Whether each epoch has its own order. Defaults to `False`.
        seed: As in `make_batches`; of the hidden tokens too.

    Returns:
        A dataset of `({"token_ids": (batch, length), "places": (batch, predictions)}, labels
        (batch, predictions))`, int32.

    Raises:
        ValueError: If there is no token.

    Example:

    >>> masking = Masking(size=10, mask_id=10, max_length=6)
    >>> dataset = make_masked_windows([[4, 5, 6, 7, 8]], [range(5)], masking, seed=1)
    >>> inputs, labels = next(iter(dataset))
    >>> inputs["token_ids"].shape, labels.shape
    (TensorShape([2, 6]), TensorShape([2, 1]))
    """
    room = masking.max_length - 2
    cut = [
        (row[i : i + room], numbers[i : i + room])
        for row, numbers in zip(rows, words, strict=True)
        for i in range(0, len(row), room)
    ]
    if not any(token_id > EOS for part, _ in cut for token_id in part):
        raise ValueError(
            "Expected texts with at least one token of the vocabulary. Received none. Check the "
            "corpus and the tokenizer."
        )
    ids = Rows([[BOS, *part, EOS] for part, _ in cut])
    numbers = Rows([[0, *(n - part[0] + 1 for n in part), 0] for _, part in cut])

    def draw(generator):
        return lambda indices: (ids.padded(indices), numbers.padded(indices)), ids.lengths

    return _masked_batches(draw, len(cut), masking, batch_size, shuffle, seed, rank=2)


def make_masked_pairs(
    rows: Sequence[Sequence[int]],
    words: Sequence[Sequence[int]],
    documents: Sequence[int],
    masking: Masking,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | EpochOrder | None = None,
):
    """Makes a `tf.data.Dataset` of pairs of sentences of which tokens are hidden.

    Each sentence that has a next one is in one pair in each epoch, in half of them with that one,
    in half with a sentence of another document (Devlin et al. 2019, section 3.1, task 2). Pairs
    that are too long lose the beginning of the first and the end of the second.

    Args:
        rows: Sentences as rows of ids, without `BOS` and `EOS`; empty ones are left out.
        words: The number of the word of each id, as in `make_masked_windows`.
        documents: The number of the document of each sentence, rising.
        masking: What hides tokens.
        batch_size: Pairs per batch. Defaults to 64.
        shuffle: Whether each epoch has its own order. Defaults to `False`.
        seed: As in `make_masked_windows`; of the pairs too.

    Returns:
        A dataset as `make_masked_windows` makes, with labels `{"tokens": (batch, predictions),
        "next_sentence": (batch,)}`, where 0 is the next sentence and 1 another.

    Raises:
        ValueError: If no sentence has a next one, or there is one document.
    """
    full = [i for i, row in enumerate(rows) if len(row)]
    ids, numbers = (Rows([part[i] for i in full]) for part in (rows, words))
    documents = np.asarray(documents)[full]
    firsts = np.flatnonzero(documents[:-1] == documents[1:])
    if not len(firsts) or documents[0] == documents[-1]:
        raise ValueError(
            "Expected at least two documents, one of them of at least two sentences. Received "
            f"{len(set(documents.tolist()))} with {len(full)} sentences. Pass texts that are not "
            "cut into sentences as one list."
        )
    # Of each sentence's document: its first sentence, and how many there are.
    starts, sizes = np.searchsorted(documents, documents), np.bincount(documents)[documents]
    room = masking.max_length - 3

    def draw(generator):
        # A sentence of another document: a number among all but those of this one.
        other = generator.integers(0, len(full) - sizes[firsts])
        other += np.where(other >= starts[firsts], sizes[firsts], 0)
        classes = generator.integers(0, 2, len(firsts), dtype="int32")
        seconds = np.where(classes == 0, firsts + 1, other)
        lengths = ids.lengths[seconds]
        kept = np.minimum(ids.lengths[firsts], np.maximum(room - lengths, room // 2))
        rest = np.minimum(lengths, room - kept)

        def read(indices):
            pairs, numbered = [], []
            for i in indices:
                one, two = ids[firsts[i]][-kept[i] :], ids[seconds[i]][: rest[i]]
                pairs.append([BOS, *one, EOS, *two, EOS])
                one, two = numbers[firsts[i]][-kept[i] :], numbers[seconds[i]][: rest[i]]
                numbered.append([0, *(one - one[0] + 1), 0, *(two + kept[i] + 2), 0])
            length = padded_size(max(map(len, pairs)))
            return pad_rows(pairs, length), pad_rows(numbered, length), classes[indices]

        return read, kept + rest + 3

    rank = dict(zip(LABELS, (2, 1), strict=True))
    return _masked_batches(draw, len(firsts), masking, batch_size, shuffle, seed, rank)


def check_masked_arrays(x, y, size: int, rows: int, max_length: int) -> None:
    """Raises a `ValueError` unless these are arrays as the batches of `make_masked_windows`.

    Args:
        x: The inputs, a list or a dict.
        y: The labels, or a dict of them.
        size: Size of the vocabulary.
        rows: Number of ids, that of the mask included.
        max_length: Maximum length of a row.
    """
    inputs = [x.get(name) for name in INPUTS] if isinstance(x, dict) else x
    labels = [y.get(name) for name in LABELS] if isinstance(y, dict) else [y, 0]
    listed = isinstance(inputs, (list, tuple)) and len(inputs) == len(INPUTS)
    if not listed or any(array is None for array in (*inputs, *labels)):
        raise ValueError(
            f"Expected [{', '.join(INPUTS)}] and labels, or dicts of {', '.join(INPUTS)} and of "
            f"{', '.join(LABELS)}. Received: {type(x).__name__} and {type(y).__name__}. See "
            "`encode_rows`."
        )
    (token_ids, places), (tokens, classes) = inputs, labels
    check_ids("token_ids", token_ids, rows)
    length = np.shape(token_ids)[1]
    if length > max_length:
        raise ValueError(
            f"Expected token_ids of at most {max_length} columns, the model's `max_length`. "
            f"Received: {length}. Cut the rows."
        )
    if np.shape(places) != np.shape(tokens):
        raise ValueError(
            f"Expected labels of the shape of places. Received: {np.shape(tokens)} and "
            f"{np.shape(places)}. See `encode_rows`."
        )
    ends = {"places": (places, length), "labels": (tokens, size), "next_sentence": (classes, 2)}
    for name, (numbers, end) in ends.items():
        if np.min(numbers) < 0 or np.max(numbers) >= end:
            raise ValueError(
                f"Expected {name} from 0 to {end - 1}. Received numbers from {np.min(numbers)} to "
                f"{np.max(numbers)}. See `encode_rows`."
            )


def _masked_batches(draw: Callable, count, masking, batch_size, shuffle, seed, rank):
    """Returns a dataset of what `draw` gives for each epoch: a reader of rows and their lengths."""
    order, even = EpochOrder.of(seed), isinstance(batch_size, BatchTokens)
    lengths = draw(np.random.default_rng(0))[1] if even else None  # about those of every epoch
    batch_size = rows_per_batch(batch_size, lengths, lengths)

    def batches():
        generator = order.next_generator()
        read, lengths = draw(generator)
        key = generator.integers(2**63)
        for indices in plan_batches(lengths, lengths, batch_size, shuffle, generator, even):
            ids, words, *classes = read(indices)
            generators = [np.random.default_rng([key, i]) for i in indices]
            token_ids, places, labels = masking.hide(ids, words, generators)
            if classes:
                labels = dict(zip(LABELS, (labels, *classes), strict=True))
            yield dict(zip(INPUTS, (token_ids, places), strict=True)), labels

    return as_dataset(batches, INPUTS, -(-count // batch_size), order, rank)
