"""Rows that join and leave a running batch get what they would get alone."""

import numpy as np
import pytest
from test_generation import FLAT_TABLE, HISTORIES, ROWS, STATES, VOCABULARY, Toy

from seq2seq.generation import running_batch
from seq2seq.generation.loop import generate_ids
from seq2seq.generation.running_batch import SLOTS, Choice, Row, RunningBatch, run_rows, take_rows
from seq2seq.generation.samplers import BeamSearch, Greedy, Sample
from seq2seq.text import EOS, PAD

pytestmark = pytest.mark.neutral

LENGTH = 9  # of the texts: histories are remembered in part, which does no harm here


class Remembering(Toy):
    """The toy with a source: its row of the table, as long as its number, and a mask."""

    def begin(self, ids, max_length):
        lengths = 1 + ids[:, :1]  # (batch, 1)
        places = np.arange(lengths.max())
        return [ids[:, 1]], [np.where(places < lengths, ids[:, :1], -9), places < lengths], None

    def step(self, token_ids, states, memory, positions):
        models, mask = memory
        assert models.flags.c_contiguous and mask.flags.c_contiguous  # or a graph would copy them
        assert ((models == models[:, :1]) == mask)[mask].all()
        assert (models[~mask] != models[:, 0].max() + 9).all()
        return super().step(token_ids, states, [models[:, 0]], positions)


class Finding(Remembering):
    """The toy that finds its best tokens itself, and nothing else."""

    def step(self, *arguments):
        raise AssertionError("all scores were asked for")

    def step_best(self, token_ids, states, memory, positions, few, normalise):
        scores, states = Remembering.step(self, token_ids, states, memory, positions)
        order = np.argsort(-scores, axis=-1, kind="stable")[:, :few].astype("int32")
        return np.take_along_axis(scores, order, axis=-1), order, states


class OwnGreedy(Greedy):
    """A user's own sampler: the second best token."""

    def choose(self, choices, log_probabilities, scores, finished, noise):
        best = choices.argmax(axis=-1)
        others = np.where(np.arange(VOCABULARY) == best[:, :, None], -1e9, choices)
        return super().choose(others, log_probabilities, scores, finished, noise)


SAMPLERS = [
    Greedy(),
    Greedy(banned=[5]),
    Greedy(min_length=3, no_repeat_ngram=2),
    Greedy(repetition_penalty=1.5, prefix=[6, 4]),
    OwnGreedy(),
    Sample(seed=3),
    Sample(seed=4, temperature=0.5, top_k=2, top_p=0.9, min_length=2),
    BeamSearch(3),
    BeamSearch(3, num_results=2, length_penalty=0.0, no_repeat_ngram=1, prefix=[4]),
    BeamSearch(3, min_length=4, num_results=3),
]


def make_row(key, sampler, max_length=LENGTH):
    constraints = sampler.constraints.resolve(None, VOCABULARY, max_length, 16)
    noise = sampler.make_noise([key], max_length)[0] if sampler.draws else None
    return Row(key, Choice(sampler.bind(), constraints), max_length, noise)


def alone(row, sampler):
    """What `generate_ids` gives one row."""
    noise = np.zeros((1, row.max_length)) if row.noise is None else row.noise[None]
    constraints, bound = row.choice.constraints, row.choice.sampler
    states = STATES[[row.key % ROWS]]
    ids, _ = generate_ids(Toy(), states, bound, constraints, row.max_length, noise, 16)
    return [text[text != PAD].tolist() for text in ids[0] if text[0] != PAD]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_many_rows_get_what_each_gets_alone(sampler, batch_size):
    choice = make_row(0, sampler).choice
    rows = [make_row(key, sampler) for key in range(20)]
    for row in rows:
        row.choice = choice
    chunks = [rows[i : i + 7] for i in range(0, 20, 7)]
    chunks = [(STATES[[row.key % ROWS for row in chunk]], chunk) for chunk in chunks]
    found = dict(run_rows(Remembering(), sampler.width, chunks, batch_size))
    assert [found[row] for row in rows] == [alone(row, sampler) for row in rows]


def test_nothing_is_copied_while_no_row_ends(monkeypatch):
    kept, keep = [], RunningBatch.keep

    def count(batch, places):
        kept.append(len(batch.rows) - len(places))
        keep(batch, places)

    monkeypatch.setattr(RunningBatch, "keep", count)
    rows = [make_row(key, Greedy(min_length=LENGTH)) for key in range(2)]
    assert len(dict(run_rows(Toy(), 1, [(STATES[:2], rows)], 64))) == 2
    assert kept == [2]  # at the end


def test_settings_beside_each_other_move_no_states(monkeypatch):
    batch = RunningBatch(Toy(), 1)
    rows = [make_row(0, Greedy()), make_row(1, Greedy(min_length=2))]
    batch.join(batch.begin(STATES[:2]), rows)
    moved = []

    def take(begun, places):
        moved.extend(begun[0].states)
        return take_rows(begun, places)

    monkeypatch.setattr(running_batch, "take_rows", take)
    batch.step()
    assert not moved


def test_the_room_of_a_long_row_goes_with_it():
    batch = RunningBatch(Toy(), 1)
    batch.join(batch.begin(STATES[:1]), [make_row(0, Greedy(min_length=60), 60)])
    for _ in range(20):
        batch.step()
    assert batch.hypotheses.ids.shape[-1] == 2 * SLOTS
    batch.join(batch.begin(STATES[1:2]), [make_row(1, Greedy(min_length=9))])
    batch.keep(np.array([1]))
    assert batch.hypotheses.ids.shape[-1] == SLOTS


@pytest.mark.parametrize(
    "sampler",
    [
        Greedy(),
        Greedy(banned=[5]),
        Greedy(min_length=4),
        BeamSearch(3, num_results=2),
        BeamSearch(3, min_length=4, num_results=3),
    ],
    ids=repr,
)
def test_the_best_tokens_suffice_where_nothing_else_is_asked_for(sampler):
    rows = [make_row(key, sampler) for key in range(6)]
    found = dict(run_rows(Finding(), sampler.width, [(STATES, rows)], 4))
    assert [found[row] for row in rows] == [alone(row, sampler) for row in rows]


@pytest.mark.parametrize("width", [1, 3])
def test_rows_of_all_settings_join_and_leave_at_any_step(width):
    samplers = [sampler for sampler in SAMPLERS if sampler.width == width]
    random, batch, found, given_up = np.random.default_rng(0), RunningBatch(Toy(), width), {}, set()
    waiting = [
        make_row(key, samplers[key % len(samplers)], int(random.integers(5, 130)))
        for key in range(40)
    ]
    rows = list(waiting)
    while waiting or batch.rows:
        if waiting and random.random() < 0.5:
            joining, waiting = waiting[:3], waiting[3:]
            ids = STATES[[row.key % ROWS for row in joining]]
            batch.join(batch.begin(ids), joining)
        if batch.rows and random.random() < 0.2:  # a client goes away
            gone = int(random.integers(len(batch.rows)))
            given_up.add(batch.rows[gone])
            batch.open[gone] = False
            batch.keep(np.flatnonzero(batch.open))
        if batch.rows:
            found.update(batch.step())
    assert found and given_up - found.keys()
    for row in rows:
        if row in found:
            assert found[row] == alone(row, samplers[row.key % len(samplers)])
    assert len(found) >= len(rows) - len(given_up)


def test_a_watched_row_shows_all_its_scores():
    batch = RunningBatch(Finding(), 1)
    batch.decoder = Toy()
    row = make_row(0, Greedy())
    row.watched = True
    batch.join(batch.begin(STATES[:1]), [row])
    batch.step()
    assert np.allclose(batch.scores, FLAT_TABLE[[2 % HISTORIES]])


def test_scores_that_are_no_numbers_choose_nothing():
    for decoder in (Toy(FLAT_TABLE * np.nan), Finding(FLAT_TABLE * np.nan)):
        row = make_row(0, Greedy())
        assert list(run_rows(decoder, 1, [(STATES[:1], [row])], 1)) == [(row, [])]


def test_the_end_is_the_last_token():
    row = make_row(0, Greedy())
    ((_, (text,)),) = run_rows(Toy(), 1, [(STATES[:1], [row])], 1)
    assert text.count(EOS) <= 1 and (len(text) == LENGTH or text[-1] == EOS)


def test_a_row_that_has_ended_disturbs_nobody_while_it_waits_to_leave():
    sampler = Greedy(prefix=[4])
    constraints = sampler.constraints.resolve(None, VOCABULARY, 2, 2)
    short = Row("short", Choice(sampler.bind(), constraints), 2)
    long = make_row(1, Greedy(min_length=8))
    batch = RunningBatch(Toy(), 1)
    batch.join(batch.begin(STATES[:2]), [short, long])
    ended = [pair for _ in range(LENGTH) for pair in batch.step()]
    assert [row for row, _ in ended] == [short, long]
    assert ended[1][1] == alone(long, Greedy(min_length=8))
