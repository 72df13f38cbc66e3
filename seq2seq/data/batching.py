"""Rows of ids -> padded batches of rows of about the same length."""

from collections.abc import Iterator, Sequence

import numpy as np

from seq2seq.backend import padded_size
from seq2seq.checks import check_whole
from seq2seq.text.vocabulary import BOS, PAD

POOL = 100  # batches that are sorted by length together: enough to fill them, few enough to mix


def pad_rows(rows: Sequence[Sequence[int]], length: int | None = None) -> np.ndarray:
    """Pads rows of ids on the right with `PAD` (0).

    Args:
        rows: Sequence of rows of ids.
        length: Length of the result. Defaults to `None`, that of the longest row.

    Returns:
        int32 array of shape `(len(rows), length)`.
    """
    if length is None:
        length = max(map(len, rows), default=0)
    padded = np.full((len(rows), length), PAD, dtype="int32")
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded


def shift_right(label_rows: np.ndarray) -> np.ndarray:
    """Returns the decoder's input for padded labels: `BOS`, then the labels without their `EOS`.

    Args:
        label_rows: int array `(batch, target_length)`, each row ending with `EOS`, then padding.

    Returns:
        int32 array of the same shape, 0 wherever the label is.
    """
    target_ids = np.full_like(label_rows, BOS)
    target_ids[:, 1:] = label_rows[:, :-1]
    target_ids[label_rows == PAD] = PAD
    return target_ids


def make_batches(
    source_rows: Sequence[Sequence[int]],
    label_rows: Sequence[Sequence[int]],
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | None = None,
):
    """Makes a `tf.data.Dataset` of bucketed, right-padded batches.

    Rows are shuffled, sorted by length within pools of 100 batches, cut into batches, and
    the batches shuffled again, so that little is computed on padding and every epoch differs.

    Args:
        source_rows: Rows of source ids, each ending with `EOS`.
        label_rows: Rows of target ids, each ending with `EOS`; as many as `source_rows`.
        batch_size: Rows in a batch. Defaults to 64.
        shuffle: Whether each epoch has an order of its own. Defaults to `False`: sorted by length.
        seed: Seed of the order. Defaults to `None`: drawn from NumPy's global generator, which
            `keras.utils.set_random_seed` seeds.

    Returns:
        A dataset of `({"source_ids": (batch, source_length), "target_ids": (batch,
        target_length)}, labels (batch, target_length))`, all int32. It knows its length.

    Example:

    >>> dataset = make_batches([[4, 5, 3], [6, 3]], [[7, 3], [8, 9, 3]], batch_size=2)
    >>> inputs, labels = next(iter(dataset))
    """
    import tensorflow as tf

    check_whole("batch_size", batch_size)
    sources, labels = _Rows(source_rows), _Rows(label_rows)
    generator = np.random.default_rng(np.random.randint(2**31) if seed is None else seed)

    def batches() -> Iterator:
        for indices in _plan(sources.lengths, labels.lengths, batch_size, shuffle, generator):
            label_ids = labels.padded(indices)
            inputs = {"source_ids": sources.padded(indices), "target_ids": shift_right(label_ids)}
            yield inputs, label_ids

    ids = tf.TensorSpec((None, None), tf.int32)
    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=({"source_ids": ids, "target_ids": ids}, ids)
    )
    count = -(-len(source_rows) // batch_size)
    return dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(4)


class _Rows:
    """Rows of ids of many lengths in two flat arrays: 4 bytes an id, whatever their number."""

    def __init__(self, rows: Sequence[Sequence[int]]):
        self.lengths = np.fromiter(map(len, rows), dtype="int64", count=len(rows))
        self.ends = np.cumsum(self.lengths)
        self.ids = np.fromiter((i for row in rows for i in row), "int32", int(self.lengths.sum()))

    def padded(self, indices: np.ndarray) -> np.ndarray:
        lengths, ends = self.lengths[indices], self.ends[indices]
        rows = [self.ids[end - length : end] for end, length in zip(ends, lengths, strict=True)]
        return pad_rows(rows, padded_size(int(lengths.max())))


def _plan(
    source_lengths: np.ndarray,
    label_lengths: np.ndarray,
    batch_size: int,
    shuffle: bool,
    generator: np.random.Generator,
) -> list[np.ndarray]:
    """Returns the row indices of each batch of an epoch."""
    count = len(source_lengths)
    order = generator.permutation(count) if shuffle else np.arange(count)
    pool = POOL * batch_size if shuffle else count
    batches = []
    for start in range(0, count, pool):
        rows = order[start : start + pool]
        # Noise of two tokens, or the same rows of a small corpus would meet in every epoch.
        noise = generator.uniform(0, 2, len(rows)) if shuffle else 0
        rows = rows[np.lexsort((source_lengths[rows] + noise, label_lengths[rows]))]
        batches += [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    if shuffle:
        batches = [batches[i] for i in generator.permutation(len(batches))]
    return batches
