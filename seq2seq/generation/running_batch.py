"""A batch of NumPy arrays whose rows join and leave between any two steps.

A batch that waits for its longest row wastes most of its last steps. Here a row that has ended
makes room for the next one (Yu et al. 2022, "Orca", OSDI, section 3.1), which costs a copy of the
arrays. States of more than two axes have slots for tokens, the last axis but one, which become more
as rows become longer.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seq2seq.generation.constraints import NEVER, TokenConstraints
from seq2seq.generation.loop import Hypotheses, begin, extend, extend_by_best
from seq2seq.generation.samplers import Sampler
from seq2seq.text.vocabulary import PAD

SLOTS = 16  # for generated tokens, at first
MAX_BEST = 256  # best tokens of a row that a decoder is asked for; more are no gain
LEFT = 8  # rows that have ended are taken out once they are one in so many


@dataclass(frozen=True)
class Choice:
    """How rows choose their tokens; those that share the object are served together.

    Attributes:
        sampler: A sampler, bound: `sampler.bind()`.
        constraints: Its constraints, as arrays.
    """

    sampler: Sampler
    constraints: TokenConstraints

    @functools.cached_property
    def best_needed(self) -> int | None:
        """How many of the best tokens suffice to choose from, or `None` if all are needed."""
        few, banned = self.sampler.few, self.constraints.most_banned
        if few is None or banned is None or not self.sampler.is_ours:
            return None
        return few + banned if few + banned <= MAX_BEST else None


@dataclass(eq=False)
class Row:
    """A row of a batch.

    Attributes:
        key: Whatever its owner knows it by.
        choice: How it chooses.
        max_length: Maximum number of generated tokens, `EOS` included.
        noise: Uniform numbers, one a token, float32, or `None`.
        watched: Whether all scores of its last step are needed, see `RunningBatch.scores`.
    """

    key: Any
    choice: Choice
    max_length: int
    noise: np.ndarray | None = None
    watched: bool = False


class RunningBatch:
    """Runs a decoder of NumPy arrays over rows that join and leave.

    Args:
        decoder: The decoder; see `generation.loop`.
        width: Hypotheses a row, one number for all.

    Attributes:
        rows: The `Row`s in it, in order.
        open: Whether each row goes on, bool `(batch,)`.
        positions: Number of tokens that each has generated, int32 `(batch,)`.
        hypotheses: Their `Hypotheses`.
        scores: What the last step that needed all returned, `(batch * width, vocabulary)`; a row
            that is watched needs them.
    """

    def __init__(self, decoder, width: int):
        self.decoder = decoder
        self.width = width
        self.rows = []
        self.open = np.zeros(0, "bool")
        self.positions = np.zeros(0, "int32")
        self._longest = np.zeros(0, "int32")
        self._groups = self._best_needed = None  # of the rows that there are
        self.hypotheses, self.memory, self.scores = None, [], None

    def begin(self, ids: np.ndarray) -> tuple[Hypotheses, list]:
        """Reads sources or prompts `(batch, length)`; it changes nothing, in any thread."""
        return begin(self.decoder, ids, self.width, SLOTS)

    def join(self, begun: tuple[Hypotheses, list], rows: Sequence[Row]) -> None:
        """Adds rows that have begun."""
        if self.rows:
            begun = _join((self.hypotheses, self.memory), begun)
        self.hypotheses, self.memory = begun
        self.rows = [*self.rows, *rows]
        self.open = np.append(self.open, np.ones(len(rows), "bool"))
        self.positions = np.append(self.positions, np.zeros(len(rows), "int32"))
        longest = np.array([row.max_length for row in rows], "int32")
        self._longest, self._groups = np.append(self._longest, longest), None

    def keep(self, places: np.ndarray) -> None:
        """Drops all rows but those at some places."""
        self.rows = [self.rows[place] for place in places]
        self.open, self.positions = self.open[places], self.positions[places]
        self._longest, self._groups = self._longest[places], None
        if not self.rows:
            self.hypotheses, self.memory, self.scores = None, [], None
            return
        self._give_room_back()
        self.hypotheses, self.memory = take_rows((self.hypotheses, self.memory), places)

    def step(self) -> list[tuple[Row, list[list[int]]]]:
        """Adds a token to every hypothesis.

        Returns:
            The rows that end with this step, each with its hypotheses, best first, as lists of ids.
            They are no longer `open`, but stay until they are not kept.
        """
        self._make_room()
        if self._groups is None:
            self._groups = self._group()
            self._best_needed = self._most_needed()
        positions = self.positions.repeat(self.width)
        arguments = self.hypotheses.token_ids, self.hypotheses.states, self.memory, positions
        if self._best_needed is None:
            self.scores, states = self.decoder.step(*arguments)
            extended = self._extend(states, extend, self.scores)
        else:
            best, token_ids, states = self.decoder.step_best(*arguments, *self._best_needed)
            extended = self._extend(states, extend_by_best, best, token_ids)
        self.hypotheses = extended
        ended = self._ended()
        self.positions = self.positions + self.open  # those that have ended stay where they are
        return ended

    def _group(self) -> list[tuple[Choice, Any]]:
        """Returns the choices, and the places of the rows that share each."""
        places = {}
        for place, row in enumerate(self.rows):
            places.setdefault(id(row.choice), []).append(place)
        if len(places) == 1:
            return [(self.rows[0].choice, slice(None))]
        return [(self.rows[group[0]].choice, np.array(group)) for group in places.values()]

    def _most_needed(self) -> tuple[int, bool] | None:
        """Returns how many of the best tokens suffice, and whether normalised; `None` if all."""
        choices = [choice for choice, _ in self._groups]
        needed = [choice.best_needed for choice in choices]
        watched = any(row.watched for row in self.rows)
        if None in needed or watched or not getattr(self.decoder, "step_best", None):
            return None
        return max(needed), any(choice.sampler.needs_log_probabilities for choice in choices)

    def _extend(self, states, function, *scores):
        """Adds the tokens that each group chooses."""
        # A hypothesis alone never changes places with another: nobody moves its states.
        moved = states if self.width > 1 else []
        hypotheses = self.hypotheses._replace(states=moved)
        parts = []
        for choice, places in self._groups:
            part, chosen_by = hypotheses, scores
            if len(self._groups) > 1:
                (part, _), flat = take_rows((hypotheses, []), places), _flat(places, self.width)
                chosen_by = [array[flat] for array in scores]
            noise = [] if function is extend_by_best else [self._noise(choice, places)]
            rest = self.positions[places], *noise, part, *chosen_by
            parts.append((function(choice.sampler, choice.constraints, *rest), []))
        joined = parts[0]
        for part in parts[1:]:
            joined = _join(joined, part)
        if len(parts) > 1:
            order = np.argsort(np.concatenate([places for _, places in self._groups]))
            joined = take_rows(joined, order)
        extended, _ = joined
        return extended if self.width > 1 else extended._replace(states=states)

    def _noise(self, choice, places):
        """Returns a uniform number for each row, of its own stream."""
        rows, positions = np.array(self.rows, "object")[places], self.positions[places]
        if not choice.sampler.draws:
            return np.zeros(len(rows), "float32")
        pairs = ((row.noise, at) for row, at in zip(rows, positions, strict=True))
        return np.array([noise[min(at, len(noise) - 1)] for noise, at in pairs], "float32")

    def _ended(self):
        """Returns the rows that end with the step before; see `step`."""
        ids, _, finished, lengths, scores, _ = self.hypotheses
        ended = []
        for choice, places in self._groups:
            sampler, longest = choice.sampler, self._longest[places, None]
            done = sampler.is_done(lengths[places], scores[places], finished[places], longest)
            done = (done | (self.positions[places] + 1 >= longest[:, 0])) & self.open[places]
            if not done.any():
                continue
            for place in np.arange(len(self.rows))[places][done]:
                self.open[place] = False
                order = sampler.rank(lengths[[place]], scores[[place]])[0, : sampler.num_results]
                found = [ids[place, i] for i in order if scores[place, i] > NEVER / 2]
                results = [row[row != PAD].tolist() for row in found]
                ended.append((self.rows[place], [row for row in results if row]))
        return ended

    def _make_room(self):
        """Doubles the slots for tokens when a row needs more than there are."""
        ids, states = self.hypotheses.ids, self.hypotheses.states
        if self.positions.max() >= (size := ids.shape[-1]):
            ids = _pad(ids, 2 * size, 2)
            states = [_pad(state, 2 * size, -2) if state.ndim > 2 else state for state in states]
            self.hypotheses = self.hypotheses._replace(ids=ids, states=states)

    def _give_room_back(self):
        """Drops the slots that rows needed which have left, once no other has come so far."""
        ids, states, size = self.hypotheses.ids, self.hypotheses.states, SLOTS
        while size <= self.positions.max(initial=0):
            size *= 2
        if size < ids.shape[-1]:
            states = [state[..., :size, :] if state.ndim > 2 else state for state in states]
            self.hypotheses = self.hypotheses._replace(ids=ids[:, :, :size], states=states)


def run_rows(
    decoder, width: int, chunks: Iterable[tuple[np.ndarray, list[Row]]], batch_size: int
) -> Iterator[tuple[Row, list[list[int]]]]:
    """Generates for many rows, `batch_size` of them at a time.

    Args:
        decoder: The decoder; see `generation.loop`.
        width: Hypotheses a row.
        chunks: Ids `(rows, length)` to start from, with their `Row`s, read as there is room.
        batch_size: Rows decoded together.

    Yields:
        Each row, when it has ended, with its hypotheses, best first, as lists of ids.
    """
    batch, chunks = RunningBatch(decoder, width), iter(chunks)
    begun, waiting = None, []
    while True:
        goes_on = int(batch.open.sum())
        free, ended = batch_size - goes_on, len(batch.rows) - goes_on
        if free and not waiting:
            ids, waiting = next(chunks, (None, []))
            begun = batch.begin(ids) if waiting else None
        joins = bool(waiting) and free * LEFT >= batch_size
        if ended and (joins or (not waiting and ended * LEFT >= len(batch.rows))):
            batch.keep(np.flatnonzero(batch.open))
        if joins:
            count = min(free, len(waiting))
            batch.join(take_rows(begun, slice(0, count)), waiting[:count])
            begun, waiting = take_rows(begun, slice(count, len(waiting))), waiting[count:]
        if not batch.rows:
            return
        yield from batch.step()


def take_rows(
    begun: tuple[Hypotheses, list], places: np.ndarray | slice
) -> tuple[Hypotheses, list]:
    """Returns the rows at some places of what has begun; a slice of it is no copy."""
    hypotheses, memory = begun
    flat = _flat(places, hypotheses.ids.shape[1])
    ids, token_ids, finished, lengths, scores, states = hypotheses
    taken = Hypotheses(
        ids[places],
        token_ids[flat],
        finished[places],
        lengths[places],
        scores[places],
        [state[flat] for state in states],
    )
    if memory and memory[-1].dtype == bool:  # the mask
        longest = max(1, int(memory[-1][places].any(axis=0).sum()))
        memory = [
            tensor[..., :longest, :] if tensor.ndim > 2 else tensor[:, :longest]
            for tensor in memory
        ]
    # A graph would copy what is not contiguous, at every step.
    return taken, [np.ascontiguousarray(tensor[places]) for tensor in memory]


def _flat(places, width):
    if isinstance(places, slice):
        return slice(places.start * width, places.stop * width)
    return (places[:, None] * width + np.arange(width)).reshape(-1)


def _join(first, second):
    """Joins two lots of rows; slots and sources become as long as the longer ones."""
    (one, memory), (other, more) = first, second
    arrays = map(_concatenate, one[:-1], other[:-1])
    states = list(map(_concatenate, one.states, other.states))
    return Hypotheses(*arrays, states), list(map(_concatenate, memory, more))


def _concatenate(first, second):
    """Joins arrays along the first axis, padded with zeros to one size along the others."""
    shape = len(first) + len(second), *map(max, first.shape[1:], second.shape[1:])
    joined = np.zeros(shape, first.dtype)
    for start, part in ((0, first), (len(first), second)):
        joined[start : start + len(part), *map(slice, part.shape[1:])] = part
    return joined


def _pad(array, size, axis):
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, size - array.shape[axis])
    return np.pad(array, widths)
