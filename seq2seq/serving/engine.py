"""Generates for many callers at once, one step of a batch at a time.

Requests with any settings join the running batch and leave it at any step (Yu et al. 2022, "Orca",
OSDI, section 3.1). One thread steps; others read sources and prompts, long ones apart, so that
nobody waits for a long text but its sender.
"""

import contextlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from seq2seq.data.padding import pad_rows
from seq2seq.generation.generator import Request
from seq2seq.generation.running_batch import Choice, Row, RunningBatch, take_rows
from seq2seq.generation.samplers import Sampler

LONG = 256  # tokens; a source or prompt that is longer is read by a thread of its own
MAX_UNREAD = 2**14  # tokens of such that are read at a time, if they are more than one
CHOICES = 256  # settings whose arrays are kept
PATIENT_STEPS = 4  # for which those that wait may wait for more of them
LOT = 8  # they need not if they fill one part in so many of the batch


class QueueIsFull(Exception):
    """There is no room for further rows."""


class EngineIsClosed(Exception):
    """The engine takes no more rows."""


@dataclass(eq=False)
class Job:
    """A row to generate from.

    Attributes:
        ids: The row of ids to start from.
        request: What is asked for.
        place: The row's place in its call, on which its random numbers depend.
        deliver: Is called at most once, in the engine's thread, with the hypotheses as ids, best
            first, or an exception.
        watch: Is called after each step, if not `None`, with the new id and, if `watches_scores`,
            all scores `(vocabulary,)`; what it returns tells whether to end.
        watches_scores: See `watch`.
        cancelled: Whether nobody waits for it any more.
    """

    ids: Sequence[int]
    request: Request
    place: int
    deliver: Callable[[Any], None]
    watch: Callable[[int, Any], bool] | None = None
    watches_scores: bool = False
    cancelled: bool = False

    @property
    def is_long(self) -> bool:
        """Whether its source or prompt is read, and its row decoded, apart from short ones."""
        return len(self.ids) > LONG


class Engine:
    """Steps a decoder for all jobs.

    Args:
        decoder: The decoder, of NumPy arrays; see `generation.loop`.
        max_batch: Maximum number of hypotheses that are decoded together.
        max_queue: Maximum number of rows that wait.
        observe: Is called with the number of rows of each step, or `None`.
    """

    def __init__(self, decoder, max_batch: int, max_queue: int, observe=None):
        self.decoder = decoder
        self.max_batch = max_batch
        self.max_queue = max_queue
        self.observe = observe or (lambda rows: None)
        self._condition = threading.Condition()
        # Of each caller, by the first that it submitted; callers take turns.
        self._waiting: OrderedDict[Job, deque[Job]] = OrderedDict()
        self._reading = 0  # hypotheses of the rows that are being read
        self._unread = 0  # tokens of the long ones among them
        self._read: deque[tuple] = deque()  # jobs, what was read for them, where of each
        # By width, and whether sources are long: a row costs what the longest beside it does.
        self._batches: dict[tuple[int, bool], RunningBatch] = {}
        self._choices: OrderedDict[Hashable, Choice] = OrderedDict()
        self._readers = {long: ThreadPoolExecutor(1) for long in (False, True)}
        self._closing = self._aborting = False
        self._patience = 0
        self._thread = threading.Thread(target=self._run, name="seq2seq-engine", daemon=True)
        self._thread.start()

    @property
    def queued(self) -> int:
        """Number of rows that wait."""
        return sum(map(len, list(self._waiting.values())))

    @property
    def running(self) -> int:
        """Number of hypotheses whose rows are being read or decoded."""
        batches = list(self._batches.values())
        return self._reading + sum(batch.width * len(batch.rows) for batch in batches)

    def is_alive(self) -> bool:
        """Tells whether it takes jobs."""
        return self._thread.is_alive() and not self._closing

    def submit(self, jobs: Sequence[Job]) -> None:
        """Lets a caller's jobs wait for their turn.

        Raises:
            QueueIsFull: If there is no room for all of them.
            EngineIsClosed: After `close`.
        """
        with self._condition:
            if not self.is_alive():
                raise EngineIsClosed
            if self.queued + len(jobs) > self.max_queue:
                raise QueueIsFull
            if jobs:
                self._waiting[jobs[0]] = deque(jobs)
            self._condition.notify()

    def cancel(self, jobs: Sequence[Job]) -> None:
        """Frees the rows of a caller at the next step; they deliver nothing any more.

        Args:
            jobs: All jobs that it submitted together.
        """
        with self._condition:
            for job in jobs:
                job.cancelled = True
            if jobs:
                self._waiting.pop(jobs[0], None)
            self._condition.notify()

    def close(self) -> None:
        """Finishes what runs and waits, and ends."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()
        for reader in self._readers.values():
            reader.shutdown(wait=False)

    def abort(self) -> None:
        """Gives up what runs and waits, which is told `EngineIsClosed`, and ends."""
        with self._condition:
            self._closing = self._aborting = True
            self._condition.notify()

    # The engine's thread

    def _run(self):
        while True:
            with self._condition:
                while not ((admitted := self._admit()) or self._read or self._rows()):
                    if self._closing and not (self._reading or self._waiting):
                        return
                    self._condition.wait()
            for jobs in admitted:
                self._readers[jobs[0].is_long].submit(self._begin, jobs)
            self._join()
            if self._aborting:
                self._give_up()
            else:
                self._step()

    def _give_up(self):
        with self._condition:
            jobs = [job for waiting in self._waiting.values() for job in waiting]
            self._waiting.clear()
        for batch in self._batches.values():
            jobs += [batch.rows[place].key for place in np.flatnonzero(batch.open)]
            batch.keep(np.zeros(0, "int32"))
        self._fail(jobs, EngineIsClosed())

    def _rows(self):
        return any(batch.rows for batch in self._batches.values())

    def _admit(self) -> list[list[Job]]:
        """Takes jobs for which there is room, one of each caller in turn, by width and length."""
        busy = self._reading
        busy += sum(batch.width * int(batch.open.sum()) for batch in self._batches.values())
        # Reading a few together costs little more than reading one, so when there is much to do
        # they wait for each other, some steps at most.
        self._patience -= 1
        few = self.queued < self.max_batch // LOT
        if self._rows() and 2 * busy > self.max_batch and few and self._patience > 0:
            return []
        self._patience = PATIENT_STEPS
        free, lots, turns = self.max_batch - busy, {}, deque(self._waiting)
        while turns:
            caller = turns.popleft()
            jobs = self._waiting[caller]
            width, length = jobs[0].request.sampler.width, len(jobs[0].ids)
            if width > free:
                break
            if length > LONG:
                # Others pass by, or long ones would take all room while they are read.
                if self._unread and self._unread + length > MAX_UNREAD:
                    continue
                self._unread += length
            job = jobs.popleft()
            self._waiting.move_to_end(caller)
            if jobs:
                turns.append(caller)
            else:
                del self._waiting[caller]
            free -= width
            self._reading += width
            # A longer row would make all others of its lot as long.
            lots.setdefault((length > LONG, width, length.bit_length()), []).append(job)
        return list(lots.values())

    def _begin(self, jobs):
        """Reads sources or prompts, in a reader's thread."""
        width = jobs[0].request.sampler.width
        rows = {id(job.ids): job.ids for job in jobs}  # results may share a prompt
        places = {row: place for place, row in enumerate(rows)}
        try:
            begun = None
            if not all(job.cancelled for job in jobs):
                ids = pad_rows(list(rows.values()))
                begun = RunningBatch(self.decoder, width).begin(ids)
        except Exception as error:  # whatever it is belongs to these jobs, not to the engine
            begun = error
        with self._condition:
            self._read.append((jobs, begun, [places[id(job.ids)] for job in jobs]))
            self._condition.notify()

    def _join(self):
        """Lets what has been read join the batches."""
        while self._read:
            jobs, begun, places = self._read.popleft()
            width = jobs[0].request.sampler.width
            self._reading -= width * len(jobs)
            self._unread -= sum(len(job.ids) for job in jobs if job.is_long)
            if isinstance(begun, Exception):
                self._fail(jobs, begun)
                continue
            waits = [i for i, job in enumerate(jobs) if not job.cancelled]
            if begun is None or not waits:
                continue
            key = width, jobs[0].is_long
            batch = self._batches.setdefault(key, RunningBatch(self.decoder, width))
            try:
                taken = take_rows(begun, np.array([places[i] for i in waits], "int32"))
                batch.join(taken, [self._row(jobs[i]) for i in waits])
            except Exception as error:  # as of too little memory
                self._fail(jobs, error)

    def _row(self, job):
        request = job.request
        sampler = request.sampler
        noise = sampler.make_noise([job.place], request.size)[0] if sampler.draws else None
        choice = self._choice(sampler, request)
        return Row(job, choice, request.max_length, noise, job.watches_scores)

    def _choice(self, sampler: Sampler, request: Request) -> Choice:
        """Returns one object for equal settings, whose rows choose together."""
        settings = {**sampler.get_config(), "seed": None, "first_row": None}
        key = type(sampler), repr(settings), request.size, request.constraints.structure()
        choice = self._choices.pop(key, None) or Choice(sampler.bind(), request.constraints)
        self._choices[key] = choice
        if len(self._choices) > CHOICES:
            self._choices.popitem(last=False)
        return choice

    def _step(self):
        """Adds a token to every row, and tells whoever waits for it."""
        for batch in self._batches.values():
            batch.open &= ~np.array([row.key.cancelled for row in batch.rows], "bool")
            places = np.flatnonzero(batch.open)
            jobs = [batch.rows[place].key for place in places]
            try:
                if len(places) < len(batch.rows):
                    batch.keep(places)
                if jobs:
                    ended = batch.step()
                    self.observe(len(jobs))
                    self._tell(batch, ended)
            except Exception as error:  # the server serves on
                batch.keep(np.zeros(0, "int32"))
                self._fail(jobs, error)

    def _tell(self, batch, ended):
        found = {id(row): hypotheses for row, hypotheses in ended}
        for place, row in enumerate(batch.rows):
            job = row.key
            if job.cancelled or not (batch.open[place] or id(row) in found):
                continue
            try:
                scores = batch.scores[place] if job.watches_scores else None
                last = int(batch.hypotheses.token_ids[place])
                if job.watch is not None and job.watch(last, scores):
                    batch.open[place] = False
                    length = int(batch.hypotheses.lengths[place, 0])
                    ids = batch.hypotheses.ids[place, 0, :length].tolist()
                    found.setdefault(id(row), [ids])
                if id(row) in found:
                    job.deliver(found[id(row)])
            except Exception as error:  # whatever it is belongs to this job, not to the others
                batch.open[place] = False
                self._fail([job], error)

    @staticmethod
    def _fail(jobs, error):
        for job in jobs:
            if not job.cancelled:
                with contextlib.suppress(Exception):  # such as an event loop that is closed
                    job.deliver(error)
