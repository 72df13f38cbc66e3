"""The engine of the server alone, with a decoder that does what a test tells it."""

import threading

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")

from seq2seq.generation.generator import Generator
from seq2seq.generation.running_batch import RunningBatch
from seq2seq.generation.samplers import BeamSearch, Greedy
from seq2seq.serving.engine import LONG, MAX_UNREAD, Engine, EngineIsClosed, Job, QueueIsFull

pytestmark = pytest.mark.neutral

WAIT = 20  # seconds, at most; no test takes them unless it fails


class Decoder:
    """Counts on from the last id of a row, without an end; it waits where it is told to."""

    def __init__(self):
        self.may_read, self.may_step = threading.Event(), threading.Event()
        self.may_read.set()
        self.may_step.set()
        self.reads = threading.Semaphore(0)
        self.read, self.fails = [], False

    def begin(self, ids, max_length):
        self.read.append(ids.shape)
        self.reads.release()
        if ids.shape[1] > LONG:
            assert self.may_read.wait(WAIT)
        return [np.zeros((len(ids), 1), "float32")], [], ids[:, 0].astype("int32")

    def step(self, token_ids, states, memory, positions):
        assert self.may_step.wait(WAIT)
        if self.fails:
            raise MemoryError
        scores = np.full((len(token_ids), 100), -50, "float32")
        scores[np.arange(len(token_ids)), token_ids + 1] = 0
        return scores, states


class Caller:
    """Submits rows, and keeps what is delivered."""

    def __init__(self, engine, *rows, length=3, sampler=None, watch=None, log=None):
        self.engine, self.found, self.done = engine, {}, threading.Event()
        request = Generator(None, None, 100).request(sampler or Greedy(), length)
        self.log = [] if log is None else log
        self.jobs = [
            Job(row, request, i, lambda found, i=i: self._deliver(i, found), watch)
            for i, row in enumerate(rows)
        ]

    def _deliver(self, i, found):
        self.found[i] = found
        self.log.append((self, i))
        if len(self.found) == len(self.jobs):
            self.done.set()

    def submit(self):
        self.engine.submit(self.jobs)
        return self

    def wait(self):
        assert self.done.wait(WAIT)
        return [self.found[i] for i in range(len(self.jobs))]


@pytest.fixture
def decoder():
    return Decoder()


@pytest.fixture
def engine(decoder):
    engine = Engine(decoder, max_batch=1, max_queue=100)
    yield engine
    decoder.may_step.set()
    decoder.may_read.set()
    engine.close()


def wide(decoder, rows=4):
    return Engine(decoder, max_batch=rows, max_queue=100)


def hold(engine, decoder):
    """Fills an engine of one row, which goes on once `may_step` is set."""
    decoder.may_step.clear()
    caller = Caller(engine, [50]).submit()
    assert decoder.reads.acquire(timeout=WAIT)
    return caller


def test_rows_are_counted_on(engine):
    assert Caller(engine, [5], [40]).submit().wait() == [[[6, 7, 8]], [[41, 42, 43]]]


def test_callers_take_turns(engine, decoder):
    log = []
    first = hold(engine, decoder)
    many = Caller(engine, [5], [6], [7], log=log).submit()
    few = Caller(engine, [8], log=log).submit()
    decoder.may_step.set()
    for caller in (first, many, few):
        caller.wait()
    assert log == [(many, 0), (few, 0), (many, 1), (many, 2)]


def test_what_is_given_up_makes_room_in_the_queue(engine, decoder):
    hold(engine, decoder)
    gone = Caller(engine, *[[5]] * 100).submit()
    with pytest.raises(QueueIsFull):
        Caller(engine, [6]).submit()
    engine.cancel(gone.jobs)
    assert engine.queued == 0
    other = Caller(engine, [6]).submit()
    decoder.may_step.set()
    other.wait()
    assert not gone.found


def test_long_texts_leave_room_for_short_ones(decoder):
    engine = wide(decoder)
    decoder.may_read.clear()
    long = Caller(engine, *[[5] * (MAX_UNREAD // 2 + 1)] * 6).submit()
    assert decoder.reads.acquire(timeout=WAIT)
    for _ in range(3):
        assert Caller(engine, [6]).submit().wait() == [[[7, 8, 9]]]
    assert not long.found
    decoder.may_read.set()
    assert long.wait() == [[[6, 7, 8]]] * 6
    engine.close()  # what is delivered leaves a moment later
    assert engine._unread == engine.running == 0
    engine.close()


def test_a_short_text_does_not_wait_for_a_wide_long_one(decoder):
    engine = wide(decoder, 16)
    decoder.may_read.clear()
    long = Caller(engine, [5] * (LONG + 9), sampler=BeamSearch(9)).submit()
    assert decoder.reads.acquire(timeout=WAIT)
    assert Caller(engine, [6]).submit().wait() == [[[7, 8, 9]]]
    decoder.may_read.set()
    long.wait()
    engine.close()


def test_long_texts_are_read_together_while_they_are_few_tokens(decoder):
    engine = wide(decoder)
    Caller(engine, *([5] * (LONG + 9) for _ in range(4))).submit().wait()
    assert decoder.read == [(4, LONG + 9)]
    engine.close()


def test_a_prompt_of_many_results_is_read_once(decoder):
    engine, prompt = wide(decoder), [5, 6]
    assert Caller(engine, *[prompt] * 4).submit().wait() == [[[6, 7, 8]]] * 4
    assert decoder.read == [(1, 2)]
    engine.close()


def test_a_long_source_makes_no_short_one_longer(decoder):
    engine = wide(decoder)
    callers = [Caller(engine, ids).submit() for ids in ([5] * (LONG + 9), [6])]
    for caller in callers:
        caller.wait()
    assert sorted(engine._batches) == [(1, False), (1, True)]
    engine.close()


def test_a_long_text_that_was_given_up_is_not_read(decoder):
    engine = wide(decoder)
    decoder.may_read.clear()
    callers = [Caller(engine, [5] * (LONG + 9 * i)).submit() for i in (1, 30)]  # two lots
    assert decoder.reads.acquire(timeout=WAIT)
    for caller in callers:
        engine.cancel(caller.jobs)
    decoder.may_read.set()
    Caller(engine, [6] * (LONG + 1)).submit().wait()
    assert len(decoder.read) == 2
    engine.close()


def test_a_step_that_fails_is_told_and_the_next_one_serves(engine, decoder):
    decoder.fails = True
    (error,) = Caller(engine, [5]).submit().wait()
    assert isinstance(error, MemoryError)
    decoder.fails = False
    assert Caller(engine, [5]).submit().wait() == [[[6, 7, 8]]]


def test_rows_that_cannot_be_taken_out_are_told_and_the_next_ones_serve(decoder, monkeypatch):
    def fail(batch, places):
        monkeypatch.undo()
        raise MemoryError

    engine = wide(decoder)
    monkeypatch.setattr(RunningBatch, "keep", fail)
    caller = Caller(engine, [5], [7], watch=lambda token_id, scores: token_id == 6)
    ended, failed = caller.submit().wait()
    assert ended == [[6]] and isinstance(failed, MemoryError)
    assert Caller(engine, [5]).submit().wait() == [[[6, 7, 8]]]
    engine.close()


def test_a_short_request_takes_no_constraint_from_a_longer_one(engine, decoder):
    def stutter(token_ids, states, memory, positions):
        scores = np.full((len(token_ids), 100), -50, "float32")
        scores[:, 7] = 0
        return scores, states

    decoder.step, sampler = stutter, Greedy(no_repeat_ngram=2)
    assert Caller(engine, [5], length=1, sampler=sampler).submit().wait() == [[[7]]]
    ((found,),) = Caller(engine, [5], length=4, sampler=sampler).submit().wait()
    assert found[:2] == [7, 7] and found[2] != 7


def test_rows_that_cannot_join_are_told(engine, monkeypatch):
    monkeypatch.setattr(engine, "_row", lambda job: 1 / 0)
    (error,) = Caller(engine, [5]).submit().wait()
    assert isinstance(error, ZeroDivisionError)
    monkeypatch.undo()
    assert Caller(engine, [5]).submit().wait() == [[[6, 7, 8]]]
    assert engine.is_alive()
    engine.close()
    assert engine.running == 0


def test_a_watch_that_fails_harms_nobody_else(decoder):
    engine = wide(decoder)
    decoder.may_step.clear()
    bad = Caller(engine, [5], watch=lambda token_id, scores: 1 / 0).submit()
    good = Caller(engine, [6]).submit()
    decoder.may_step.set()
    assert isinstance(bad.wait()[0], ZeroDivisionError)
    assert good.wait() == [[[7, 8, 9]]]
    engine.close()


def test_a_caller_that_takes_nothing_harms_nobody_else(engine):
    def deliver(found):
        raise RuntimeError("Event loop is closed")

    caller = Caller(engine, [5])
    caller.jobs[0].deliver = deliver
    caller.submit()
    assert Caller(engine, [6]).submit().wait() == [[[7, 8, 9]]]


def test_closing_finishes_what_waits(decoder):
    engine = wide(decoder, 1)
    callers = [Caller(engine, [5], [6]).submit() for _ in range(3)]
    engine.close()
    for caller in callers:
        assert caller.wait() == [[[6, 7, 8]], [[7, 8, 9]]]
    with pytest.raises(EngineIsClosed):
        Caller(engine, [5]).submit()


def test_an_engine_whose_thread_has_ended_says_so(decoder, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    engine = wide(decoder)
    monkeypatch.setattr(engine, "_admit", lambda: 1 / 0)
    Caller(engine, [5]).submit()
    engine._thread.join(WAIT)
    assert not engine.is_alive()
    with pytest.raises(EngineIsClosed):
        Caller(engine, [5]).submit()


def test_widths_share_the_room(decoder):
    engine = wide(decoder)
    callers = [Caller(engine, [5], sampler=BeamSearch(width)).submit() for width in (1, 2, 3, 4)]
    for caller in callers:
        assert caller.wait() == [[[6, 7, 8]]]
    engine.close()


def test_what_runs_reads_and_waits_is_given_up(decoder):
    engine = Engine(decoder, max_batch=2, max_queue=9)
    decoder.may_read.clear()
    read = Caller(engine, [5] * (LONG + 9)).submit()
    assert decoder.reads.acquire(timeout=WAIT)
    decoder.may_step.clear()
    run = Caller(engine, [6], length=50).submit()
    assert decoder.reads.acquire(timeout=WAIT)
    waits = Caller(engine, [7]).submit()
    engine.abort()
    with pytest.raises(EngineIsClosed):
        Caller(engine, [8]).submit()
    decoder.may_step.set()
    for caller in (run, waits):
        assert [type(found) for found in caller.wait()] == [EngineIsClosed]
    decoder.may_read.set()
    assert [type(found) for found in read.wait()] == [EngineIsClosed]
    engine.close()
