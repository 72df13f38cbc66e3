"""Rows of ids -> padded batches of rows of similar length."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seq2seq.backend import padded_pairs, padded_size
from seq2seq.checks import check_whole
from seq2seq.data.corpus import check_pairs
from seq2seq.data.padding import pad_rows, shift_right
from seq2seq.quiet import quiet_start
from seq2seq.text.vocabulary import BOS, EOS, PAD

POOL = 100  # batches that are sorted by length together: enough to fill them, few enough to mix
PAIR_NAMES = ("source_ids", "target_ids")


class EpochOrder:
    """Gives each epoch an order that depends on the seed and the number of the epoch alone.

    So a training run that was stopped and goes on meets the batches that it would have met.

    Args:
        seed: Defaults to `None`: drawn from NumPy's global generator.

    Attributes:
        epoch: Number of the next epoch, from 0. It counts by itself.
    """

    def __init__(self, seed: int | None = None):
        if seed is not None:
            check_whole("seed", seed, 0)
        self.seed = int(np.random.randint(2**31)) if seed is None else seed
        self.epoch = 0

    @classmethod
    def of(cls, seed: "int | EpochOrder | None") -> "EpochOrder":
        """Returns an order as it is, and makes one from a seed."""
        return seed if isinstance(seed, cls) else cls(seed)

    def next_generator(self) -> np.random.Generator:
        """Returns the random numbers of the next epoch."""
        generator = np.random.default_rng([self.seed, self.epoch])
        self.epoch += 1
        return generator


@dataclass(frozen=True)
class BatchTokens:
    """In place of a batch size: batches of about as many tokens each, in more or fewer rows.

    Updates are then equally long, where batches of equal rows are short or long as their texts are.

    Args:
        count: Tokens a batch on the longer side, padding not counted.
    """

    count: int


def make_batches(
    source_rows: Sequence[Sequence[int]],
    label_rows: Sequence[Sequence[int]],
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | EpochOrder | None = None,
):
    """Makes a `tf.data.Dataset` of bucketed, right-padded batches.

    Rows are shuffled, sorted by length within pools of 100 batches, cut into batches, and the
    batches shuffled again, so that little computation goes to padding and every epoch differs.

    Args:
        source_rows: Rows of source ids, each ending with `EOS`.
        label_rows: Rows of target ids, each ending with `EOS`; as many as `source_rows`.
        batch_size: Rows per batch. Defaults to 64.
        shuffle: Whether each epoch has its own order. Defaults to `False`: sorted by length.
        seed: Seed of the shuffling, or an `EpochOrder`. Defaults to `None`: drawn from NumPy's
            global generator, which `keras.utils.set_random_seed` seeds.

    Returns:
        A dataset of `({"source_ids": (batch, source_length), "target_ids": (batch,
        target_length)}, labels (batch, target_length))`, all int32. It knows its length.

    Raises:
        ValueError: If there are not as many rows on both sides, or none.

    Example:

    >>> dataset = make_batches([[4, 5, 3], [6, 3]], [[7, 3], [8, 9, 3]], batch_size=2)
    >>> inputs, labels = next(iter(dataset))
    """
    check_pairs(source_rows, label_rows)
    read, *lengths = _pair_reader(source_rows, label_rows)
    return _bucketed(read, PAIR_NAMES, *lengths, batch_size, shuffle, seed)


def stream_batches(
    read_rows: Callable[[int], Iterator],
    count: int,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | EpochOrder | None = None,
):
    """Makes a dataset as `make_batches` does, holding no more than one pool of rows at a time.

    Args:
        read_rows: `read_rows(count)`, called at the start of each epoch, yields `(source_rows,
            label_rows)` of the next `count` pairs, of fewer at the end.
        count: Number of all pairs.
        batch_size: Rows per batch. Defaults to 64.
        shuffle: Whether to shuffle within a pool, 100 batches. Defaults to `False`: sorted by
            length.
        seed: As in `make_batches`.

    Returns:
        A dataset like that of `make_batches`.
    """
    check_whole("batch_size", batch_size)
    order = EpochOrder.of(seed)

    def batches() -> Iterator:
        generator = order.next_generator()
        for source_rows, label_rows in read_rows(POOL * batch_size):
            read, *lengths = _pair_reader(source_rows, label_rows)
            yield from read(plan_batches(*lengths, batch_size, shuffle, generator))

    return as_dataset(batches, PAIR_NAMES, -(-count // batch_size), order)


def make_labelled_batches(
    rows: Sequence[Sequence[int]],
    classes: Sequence[int],
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | EpochOrder | None = None,
):
    """Makes a `tf.data.Dataset` of rows with one class each, batched as in `make_batches`.

    Args:
        rows: Rows of ids, each ending with `EOS`.
        classes: The class index of each row.
        batch_size: Rows per batch. Defaults to 64.
        shuffle: Whether each epoch has its own order. Defaults to `False`.
        seed: As in `make_batches`.

    Returns:
        A dataset of `(token_ids (batch, length), classes (batch,))`, int32.

    Example:

    >>> dataset = make_labelled_batches([[4, 5, 6, 3], [7, 3]], classes=[1, 0])
    >>> token_ids, classes = next(iter(dataset))
    """
    tokens, classes = Rows(rows), np.asarray(classes, dtype="int32")

    def read(batches):
        return ((tokens.padded(indices), classes[indices]) for indices in batches)

    return _bucketed(read, (), tokens.lengths, tokens.lengths, batch_size, shuffle, seed, rank=1)


def make_windows(
    rows: Sequence[Sequence[int]],
    window: int,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | EpochOrder | None = None,
):
    """Makes a `tf.data.Dataset` of windows of rows, batched as in `make_batches`.

    Args:
        rows: Rows of ids, each ending with `EOS`.
        window: Maximum number of tokens predicted per window. The first window of a row starts with
            `BOS`, each later one with the last token of the one before.
        batch_size: Windows per batch. Defaults to 64.
        shuffle: Whether each epoch has its own order. Defaults to `False`.
        seed: As in `make_batches`.

    Returns:
        A dataset of `(token_ids (batch, length), labels (batch, length))`, int32.

    Example:

    >>> dataset = make_windows([[4, 5, 6, 3], [7, 3]], window=3)
    >>> token_ids, labels = next(iter(dataset))
    """
    begun = [[BOS, *row] for row in rows]
    spans = Rows([row[i : i + window + 1] for row in begun for i in range(0, len(row) - 1, window)])

    def read(batches):
        for indices in batches:
            span_ids = spans.padded(indices)
            token_ids, labels = span_ids[:, :-1].copy(), span_ids[:, 1:]
            token_ids[labels == PAD] = PAD
            yield token_ids, labels

    return _bucketed(read, (), spans.lengths, spans.lengths, batch_size, shuffle, seed)


def make_streams(
    rows: Sequence[Sequence[int]],
    window: int,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | EpochOrder | None = None,
):
    """Makes a `tf.data.Dataset` of windows that continue from batch to batch.

    All rows, one after the other, are cut into `batch_size` streams of equal length; each batch
    holds the next window of every stream, so that states can be carried from batch to batch
    (Zaremba et al. 2014, https://arxiv.org/abs/1409.2329, section 4.1).

    Args:
        rows: Rows of ids, each ending with `EOS`, together at least one token per stream.
        window: Tokens predicted per window; the last windows may be padded.
        batch_size: Number of streams. Defaults to 64.
        shuffle: Whether each epoch has its own order of rows. Defaults to `False`.
        seed: As in `make_batches`.

    Returns:
        A dataset of `(token_ids (batch_size, window), labels (batch_size, window))`, int32.

    Example:

    >>> dataset = make_streams([[4, 5, 6, 3], [7, 3]], window=2, batch_size=2)
    >>> token_ids, labels = next(iter(dataset))
    """
    order = EpochOrder.of(seed)
    length = -(-sum(map(len, rows)) // batch_size)

    def batches() -> Iterator:
        places = range(len(rows))
        if shuffle:
            places = order.next_generator().permutation(len(rows))
        labels = np.full(batch_size * length, PAD, dtype="int32")
        ids = [i for place in places for i in rows[place]]
        labels[: len(ids)] = ids
        token_ids = np.where(labels == PAD, PAD, np.concatenate([[BOS], labels[:-1]]))
        token_ids[token_ids == EOS] = BOS  # a row starts where another has ended
        labels, token_ids = (ids.reshape(batch_size, length) for ids in (labels, token_ids))
        for start in range(0, length, window):
            part = slice(start, start + window)
            yield pad_rows(token_ids[:, part], window), pad_rows(labels[:, part], window)

    return as_dataset(batches, (), -(-length // window), order)


def _pair_reader(source_rows, label_rows):
    """Returns a function that reads batches of pairs, and the lengths of both sides."""
    sources, labels = Rows(source_rows), Rows(label_rows)

    def read(batches):
        longest = [(sources.longest(indices), labels.longest(indices)) for indices in batches]
        for indices, lengths in zip(batches, padded_pairs(longest), strict=True):
            source_ids = sources.padded(indices, lengths[0])
            label_ids = labels.padded(indices, lengths[1])
            yield {"source_ids": source_ids, "target_ids": shift_right(label_ids)}, label_ids

    return read, sources.lengths, labels.lengths


def _bucketed(read, names, source_lengths, label_lengths, batch_size, shuffle, seed, rank=2):
    """Returns a dataset of what `read` makes of the row indices of all batches."""
    lengths = source_lengths, label_lengths
    count, order = rows_per_batch(batch_size, *lengths), EpochOrder.of(seed)
    even = isinstance(batch_size, BatchTokens)

    def batches() -> Iterator:
        generator = order.next_generator()
        return read(plan_batches(*lengths, count, shuffle, generator, even))

    return as_dataset(batches, names, -(-len(label_lengths) // count), order, rank)


def as_dataset(
    batches: Callable[[], Iterator],
    names: Sequence[str],
    count: int,
    order: EpochOrder,
    rank: int | dict[str, int] = 2,
):
    """Returns a `tf.data.Dataset` of batches of ids.

    Args:
        batches: Called at the start of each epoch; yields inputs and labels.
        names: Names of the inputs, each `(batch, length)`; none if there is one, on its own.
        count: Number of batches of an epoch.
        order: What `fit` sets to the number of an epoch.
        rank: Number of axes of the labels, or of each of several by name. Defaults to 2.
    """
    with quiet_start():
        import tensorflow as tf

    def spec(rank):
        if isinstance(rank, dict):
            return {name: spec(axes) for name, axes in rank.items()}
        return tf.TensorSpec((None,) * rank, tf.int32)

    signature = dict.fromkeys(names, spec(2)) or spec(2), spec(rank)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(4)
    dataset.epoch_order = order  # for `fit`, which may begin at a later epoch
    return dataset


class Rows:
    """Rows of ids of many lengths in flat arrays: 4 bytes per id, however many there are."""

    def __init__(self, rows: Sequence[Sequence[int]]):
        self.lengths = np.fromiter(map(len, rows), dtype="int64", count=len(rows))
        self.ends = np.cumsum(self.lengths)
        self.ids = np.fromiter((i for row in rows for i in row), "int32", int(self.lengths.sum()))

    def __getitem__(self, index: int) -> np.ndarray:
        return self.ids[self.ends[index] - self.lengths[index] : self.ends[index]]

    def longest(self, indices: np.ndarray) -> int:
        """Returns the length of the longest of some rows."""
        return int(self.lengths[indices].max())

    def padded(self, indices: np.ndarray, length: int | None = None) -> np.ndarray:
        """Returns some rows, padded to a length, by default one of a few that holds them."""
        return pad_rows([self[i] for i in indices], length or padded_size(self.longest(indices)))


def rows_per_batch(
    batch_size: int | BatchTokens, source_lengths: np.ndarray, label_lengths: np.ndarray
) -> int:
    """Returns how many rows a batch has, on average with `BatchTokens`."""
    if not isinstance(batch_size, BatchTokens):
        check_whole("batch_size", batch_size)
        return batch_size
    return max(1, round(batch_size.count / np.maximum(source_lengths, label_lengths).mean()))


def plan_batches(
    source_lengths: np.ndarray,
    label_lengths: np.ndarray,
    batch_size: int,
    shuffle: bool,
    generator: np.random.Generator,
    even: bool = False,
) -> list[np.ndarray]:
    """Returns the row indices of each batch of an epoch.

    Args:
        source_lengths: Tokens of each row.
        label_lengths: The same of its labels.
        batch_size: Rows per batch.
        shuffle: Whether to shuffle.
        generator: Of random numbers.
        even: Whether batches have about equal numbers of tokens rather than of rows; there are as
            many of them. Defaults to `False`.
    """
    count = len(source_lengths)
    order = generator.permutation(count) if shuffle else np.arange(count)
    pool = POOL * batch_size if shuffle else count
    batches = []
    for start in range(0, count, pool):
        rows = order[start : start + pool]
        # Noise of two tokens: else a small corpus would have the same batches in every epoch.
        noise = generator.uniform(0, 2, len(rows)) if shuffle else 0
        sources, labels = source_lengths[rows] + noise, label_lengths[rows]
        # Sources grow and shrink by turns, so that a batch of two lengths joins like to like.
        rows = rows[np.lexsort((np.where(labels % 2, sources, -sources), labels))]
        ends = range(batch_size, len(rows), batch_size)
        if even:
            ends = _even_ends(np.maximum(source_lengths, label_lengths)[rows], len(ends) + 1)
        batches += np.split(rows, ends)
    if shuffle:
        batches = [batches[i] for i in generator.permutation(len(batches))]
    return batches


def _even_ends(lengths, parts):
    """Returns where to cut rows so that all parts have about as many tokens, and at least a row."""
    tokens, numbers = np.cumsum(lengths), np.arange(1, parts)
    ends = np.searchsorted(tokens, tokens[-1] * numbers / parts)
    ends = np.maximum.accumulate(np.maximum(ends, 1) - numbers) + numbers  # each above the last
    ends = np.minimum(ends, len(lengths) - parts + numbers)
    start = 0
    for i, end in enumerate(ends):  # as many rows as the backend likes; the next batch has the rest
        count = next(n for n in range(end - start, 0, -1) if padded_size(n, 1) == n)
        ends[i] = start = start + count
    return ends
