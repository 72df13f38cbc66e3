"""Rows of ids -> arrays: padded on the right, in batches of similar length."""

from collections.abc import Iterator, Sequence

import numpy as np

from seq2seq.text.vocabulary import BOS, EOS, PAD

BATCH_SIZE = 64  # the default of all that reads or writes texts


def pad_rows(rows: Sequence[Sequence[int]], length: int | None = None) -> np.ndarray:
    """Pads rows of ids on the right with `PAD` (0).

    Args:
        rows: Sequence of rows of ids.
        length: Row length of the result. Defaults to `None`, that of the longest row.

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
        int32 array of the same shape, 0 wherever the label is 0.
    """
    target_ids = np.full_like(label_rows, BOS)
    target_ids[:, 1:] = label_rows[:, :-1]
    target_ids[label_rows == PAD] = PAD
    return target_ids


def batches_by_length(rows: Sequence[Sequence[int]], batch_size: int) -> Iterator[list[int]]:
    """Yields batches of indices of rows of similar length."""
    order = np.argsort([len(row) for row in rows], kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size].tolist()


def pad_batch(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Pads rows to one of a few lengths and numbers of rows, for compiled functions."""
    from seq2seq.backend import padded_size  # of Keras, which exported models do without

    ids = np.full((padded_size(len(rows), 1), padded_size(max(map(len, rows)))), PAD, "int32")
    ids[:, 0] = EOS  # a row of padding alone has no states
    ids[: len(rows)] = pad_rows(rows, ids.shape[1])
    return ids
