"""Batches: padding, the decoder's input, order and seed."""

import keras
import numpy as np
import pytest

from seq2seq.backend import padded_pairs, padded_size
from seq2seq.data import batching
from seq2seq.data.batching import BatchTokens, make_batches
from seq2seq.data.padding import pad_rows, shift_right
from seq2seq.text import BOS, EOS, PAD


@pytest.fixture(scope="module")
def rows():
    """`(sources, labels)`: 500 pairs of lengths that go together; the first id numbers the row."""
    generator = np.random.default_rng(3)
    sources, labels = [], []
    for i in range(500):
        length = int(generator.integers(0, 40))
        sources.append([10 + i, *generator.integers(4, 9, length).tolist(), EOS])
        labels.append([10 + i, *generator.integers(4, 9, length + i % 3).tolist(), EOS])
    return sources, labels


def read(dataset):
    """The batches of one epoch as NumPy arrays: `(source_ids, target_ids, labels)` each."""
    return [
        (inputs["source_ids"], inputs["target_ids"], labels)
        for inputs, labels in dataset.as_numpy_iterator()
    ]


def order(batches):
    """The numbers of the rows in the order in which they came."""
    return [number for _, _, labels in batches for number in (labels[:, 0] - 10).tolist()]


def test_rows_are_padded_on_the_right():
    padded = pad_rows([[4, 5, 3], [3], []])
    assert padded.dtype == "int32"
    assert padded.tolist() == [[4, 5, 3], [3, 0, 0], [0, 0, 0]]
    assert pad_rows([[4, 3]], length=4).tolist() == [[4, 3, 0, 0]]
    assert pad_rows([]).shape == (0, 0)


def test_the_decoder_sees_begin_and_then_the_labels_without_their_end():
    labels = np.array([[7, 8, 9, 3], [7, 3, 0, 0], [3, 0, 0, 0]], "int32")
    target_ids = shift_right(labels)
    assert target_ids.dtype == "int32"
    assert target_ids.tolist() == [[2, 7, 8, 9], [2, 7, 0, 0], [2, 0, 0, 0]]
    assert labels.tolist() == [[7, 8, 9, 3], [7, 3, 0, 0], [3, 0, 0, 0]]  # left as they were


def test_target_ids_are_padding_exactly_where_the_labels_are(rows):
    for _, target_ids, labels in read(make_batches(*rows, batch_size=32, shuffle=True, seed=1)):
        assert target_ids.shape == labels.shape
        np.testing.assert_array_equal(target_ids == PAD, labels == PAD)
        assert (target_ids[:, 0] == BOS).all()
        assert not (target_ids == EOS).any()
        np.testing.assert_array_equal((labels == EOS).sum(axis=1), 1)


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_pair_comes_once_an_epoch_and_whole(rows, shuffle):
    sources, labels = rows
    dataset = make_batches(sources, labels, batch_size=32, shuffle=shuffle, seed=1)
    for _ in range(2):
        batches = read(dataset)
        assert sorted(order(batches)) == list(range(500))
        for source_ids, _, label_ids in batches:
            for source, label in zip(source_ids, label_ids, strict=True):
                number = label[0] - 10
                assert source[source != PAD].tolist() == sources[number]
                assert label[label != PAD].tolist() == labels[number]


def test_batches_are_int32_and_as_large_as_asked(rows):
    batches = read(make_batches(*rows, batch_size=64, shuffle=True, seed=1))
    assert sorted(len(labels) for _, _, labels in batches) == [500 - 7 * 64] + [64] * 7
    assert {array.dtype.name for batch in batches for array in batch} == {"int32"}


@pytest.mark.parametrize(("size", "batches"), [(1, 500), (64, 8), (100, 5), (1000, 1)])
def test_a_dataset_knows_its_length(rows, size, batches):
    dataset = make_batches(*rows, batch_size=size)
    assert len(dataset) == batches
    if size > 1:
        assert len(read(dataset)) == batches


def test_each_epoch_has_an_order_of_its_own(rows):
    dataset = make_batches(*rows, batch_size=32, shuffle=True, seed=1)
    first, second = order(read(dataset)), order(read(dataset))
    assert first != second
    assert {*first[:32]} != {*second[:32]}


def test_rows_meet_other_rows_in_the_next_epoch(rows, monkeypatch):
    monkeypatch.setattr(batching, "POOL", 4)  # as in a corpus of many pools
    dataset = make_batches(*rows, batch_size=32, shuffle=True, seed=1)
    together = [
        {frozenset(labels[:, 0].tolist()) for _, _, labels in read(dataset)} for _ in range(2)
    ]
    assert not together[0] & together[1]


def test_the_same_seed_gives_the_same_epochs(rows):
    def epochs(seed):
        dataset = make_batches(*rows, batch_size=32, shuffle=True, seed=seed)
        return [order(read(dataset)) for _ in range(2)]

    assert epochs(1) == epochs(1)
    assert epochs(1) != epochs(2)


def test_without_a_seed_the_global_one_counts(rows):
    orders = []
    for seed in (5, 5, 6):
        keras.utils.set_random_seed(seed)
        orders.append(order(read(make_batches(*rows, batch_size=32, shuffle=True))))
    assert orders[0] == orders[1] != orders[2]


def test_unshuffled_batches_go_by_length_and_are_always_the_same(rows):
    dataset = make_batches(*rows, batch_size=32)
    first = read(dataset)
    lengths = [length for _, _, labels in first for length in (labels != PAD).sum(axis=1)]
    assert lengths == sorted(lengths)
    assert order(read(dataset)) == order(first)
    assert order(read(make_batches(*rows, batch_size=32, seed=9))) == order(first)


def waste(batches):
    """The share of padding in batches that are no wider than their longest row."""
    lengths = [(ids != PAD).sum(axis=1) for batch in batches for ids in (batch[0], batch[2])]
    return 1 - sum(sum(rows) for rows in lengths) / sum(max(rows) * len(rows) for rows in lengths)


def test_rows_of_a_batch_are_about_as_long_as_each_other(rows):
    assert waste(read(make_batches(*rows, batch_size=32, shuffle=True, seed=1))) < 0.1
    as_they_come = [
        (pad_rows(rows[0][i : i + 32]), None, pad_rows(rows[1][i : i + 32]))
        for i in range(0, 500, 32)
    ]
    assert waste(as_they_come) > 0.3


def test_batches_are_as_wide_as_the_backend_likes(rows):
    batches = read(make_batches(*rows, batch_size=32))
    longest = [
        tuple(int((ids != PAD).sum(axis=1).max()) for ids in (source_ids, labels))
        for source_ids, _, labels in batches
    ]
    shapes = [(source_ids.shape[1], labels.shape[1]) for source_ids, _, labels in batches]
    assert shapes == padded_pairs(longest)
    if keras.backend.backend() == "tensorflow":
        assert shapes == longest


def test_sides_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="Received 1 sources and 2 targets"):
        make_batches([[4, 3]], [[5, 3], [6, 3]])


def test_rare_pairs_of_lengths_share_a_shape():
    pairs = [(11, 7)] * 16 + [(7, 11)] * 15
    tidy = [(12, 8)] * 16 + [(12, 12)] * 15
    assert padded_pairs(pairs) == (pairs if keras.backend.backend() == "tensorflow" else tidy)


def test_padded_sizes_are_few_and_never_too_small():
    sizes = [padded_size(size) for size in range(1, 200)]
    assert all(padded >= size for size, padded in enumerate(sizes, start=1))
    assert sizes == sorted(sizes)
    if keras.backend.backend() == "jax":
        assert sorted(set(sizes)) == [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256]
    if keras.backend.backend() == "tensorflow":
        assert sizes == list(range(1, 200))


def test_batches_of_equal_tokens():
    generator = np.random.default_rng(0)
    rows = [[5] * n for n in generator.integers(1, 60, 500)]
    sizes, tokens = [], []
    for inputs, labels in make_batches(rows, rows, BatchTokens(300), shuffle=True, seed=1):
        assert inputs["source_ids"].shape == labels.shape
        sizes.append(len(labels))
        tokens.append(int(np.count_nonzero(labels)))
    assert sum(sizes) == len(rows) and sum(tokens) == sum(map(len, rows))
    assert sum(padded_size(size, 1) != size for size in sizes) <= 1  # the last takes what is left
    even = 1.5 if keras.backend.backend() == "tensorflow" else 2  # where few sizes are to be had
    assert max(tokens) < even * min(tokens) and abs(np.mean(tokens) - 300) < 30
    assert max(sizes) > 5 * min(sizes)  # short rows stand closer


def test_a_row_longer_than_a_batch_of_tokens_has_its_own():
    rows = [[5], [5] * 100, [6], [7] * 3, [8] * 90]
    batches = make_batches(rows, rows, BatchTokens(20))
    assert len(batches) == len(list(batches)) == 5
    assert [len(labels) for _, labels in batches] == [1] * 5
    (batch,) = make_batches(rows[:1], rows[:1], BatchTokens(20))
    assert len(batch[1]) == 1
