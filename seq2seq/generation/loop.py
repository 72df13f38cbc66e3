"""The generation loop: from a decoder to sequences of ids.

It runs a *decoder*, an object with two methods:

    begin(ids, max_length) -> states, memory, first_ids
    step(token_ids, states, memory, positions) -> scores, states

`begin` reads rows of ids `(batch, length)`, sources or prompts. `states` is a list of tensors whose
first axis is the current hypotheses, which the loop reorders; where there are more than two axes,
the last but one is `max_length` slots for tokens. `memory` is a list of tensors that all hypotheses
of a row share; their first axis, the batch, is never reordered or repeated. What they tell of
tokens, `(batch, length)` or `(batch, ..., length, size)`, is padded on the right, and a last tensor
of bool is the mask.

`first_ids`, int32 `(batch,)`, is the input of the first step; `None` stands for `BOS`. `step` takes
the last tokens, int32 `(rows,)`, and how many each row has generated, `positions`, int32 `(rows,)`;
it returns scores `(rows, vocabulary)`, log probabilities or unnormalised ones. There are `batch *
width` rows, with the hypotheses of a row of the batch next to each other. A decoder may also have

    step_best(token_ids, states, memory, positions, few, normalise) -> scores, ids, states

which returns the `few` best tokens of each row, `(rows, few)`, best first, for samplers that look
at no others. `normalise` tells whether their scores must be log probabilities.
"""

from typing import Any, NamedTuple

import numpy as np

from seq2seq.checks import check_whole
from seq2seq.generation.arrays import array_ops
from seq2seq.generation.constraints import NEVER, TokenConstraints
from seq2seq.generation.samplers import Sampler
from seq2seq.text.vocabulary import BOS, EOS, PAD

MAX_TOKENS = 2**17  # more than any text; arrays for a billion would fill the memory
DEFAULT_LENGTH = 100  # tokens, where nobody says how many


def check_max_length(max_length: int) -> None:
    """Raises a `ValueError` unless this is a number of tokens that may be generated."""
    check_whole("max_length", max_length)
    if max_length > MAX_TOKENS:
        raise ValueError(
            f"Expected `max_length` of at most {MAX_TOKENS:,} tokens. Received: {max_length:,}. "
            "It is only an upper limit: a text ends by itself before."
        )


class Hypotheses(NamedTuple):
    """The current hypotheses.

    Attributes:
        ids: int32 `(batch, width, size)`, the generated tokens, then `PAD`.
        token_ids: int32 `(batch * width,)`, the last tokens.
        finished: bool `(batch, width)`.
        lengths: int32 `(batch, width)`, the number of tokens in each.
        scores: float32 `(batch, width)`, sums of the scores of the tokens.
        states: List of the decoder's states, each `(batch * width, ...)`.
    """

    ids: Any
    token_ids: Any
    finished: Any
    lengths: Any
    scores: Any
    states: list


def generate_ids(
    decoder,
    ids,
    sampler: Sampler,
    constraints: TokenConstraints,
    max_length,
    noise,
    size: int | None = None,
    rows: int | None = None,
):
    """Generates a sequence for each row of ids, until all have ended.

    The loop depends on no model. It runs as it is on NumPy arrays; on tensors it is meant to be
    compiled.

    Args:
        decoder: See the top of this file.
        ids: int32 `(batch, length)`, what the decoder starts from.
        sampler: A sampler, bound: `sampler.bind()`.
        constraints: What may not be chosen; see `Constraints.resolve`.
        max_length: Maximum number of generated tokens, `EOS` included: int, or an int32 tensor.
        noise: float32 `(batch, size)`, uniform numbers from [0, 1), for samplers that draw;
            `(batch, 1)` for others.
        size: Slots for generated tokens. Defaults to `None`, `max_length`.
        rows: Number of rows to wait for, the first ones; the others only fill the batch. Defaults
            to `None`, all.

    Returns:
        Tuple `(ids, scores)`: int32 `(batch, num_results, size)`, padded with 0 after `EOS`, and
        `(batch, num_results)` sums of log probabilities, best first. Where there are fewer
        sequences, the rest is padding.
    """
    ops = array_ops(ids)
    hypotheses, memory = begin(decoder, ids, sampler.width, max_length if size is None else size)

    undrawn = noise[:, 0]
    filling = None if rows is None else ops.arange(ops.shape(ids)[0]) >= rows  # (batch,)

    def unfinished(position, *hypotheses):
        _, _, finished, lengths, scores, _ = hypotheses
        done = sampler.is_done(lengths, scores, finished, max_length)
        done = ops.all(done if filling is None else ops.logical_or(done, filling))
        return ops.logical_and(position < max_length, ops.logical_not(done))

    def body(position, *hypotheses):
        drawn = ops.take(noise, position, axis=1) if sampler.draws else undrawn
        hypotheses = Hypotheses(*hypotheses)
        return position + 1, *advance(
            decoder, memory, sampler, constraints, position, drawn, hypotheses
        )

    _, *hypotheses = ops.while_loop(unfinished, body, (ops.cast(0, "int32"), *hypotheses))
    hypotheses = Hypotheses(*hypotheses)
    order = sampler.rank(hypotheses.lengths, hypotheses.scores)[:, : sampler.num_results]
    ids, _, _, _, scores, _ = _reorder(hypotheses._replace(states=[]), order)
    # A beam wider than the number of possible sequences has empty slots.
    return ops.where(scores[:, :, None] > NEVER / 2, ids, PAD), scores


def begin(decoder, ids, width: int, size: int) -> tuple[Hypotheses, list]:
    """Returns the hypotheses before the first token, and the decoder's memory.

    Args:
        decoder: As in `generate_ids`.
        ids: As in `generate_ids`.
        width: Hypotheses per row.
        size: Slots for generated tokens.
    """
    ops = array_ops(ids)
    batch = ops.shape(ids)[0]
    states, memory, first_ids = decoder.begin(ids, size)
    if first_ids is None:
        first_ids = ops.full((batch,), BOS, dtype="int32")
    # All hypotheses of a row are equal at first: only the first one is continued.
    scores = np.array([0.0] + [NEVER] * (width - 1), dtype="float32")
    hypotheses = Hypotheses(
        ids=ops.full((batch, width, size), PAD, dtype="int32"),
        token_ids=ops.repeat(first_ids, width, axis=0),
        finished=ops.full((batch, width), False, dtype="bool"),
        lengths=ops.full((batch, width), 0, dtype="int32"),
        scores=ops.broadcast_to(scores, (batch, width)),
        states=[ops.repeat(state, width, axis=0) if width > 1 else state for state in states],
    )
    return hypotheses, list(memory)


def advance(
    decoder, memory, sampler, constraints, position, noise, hypotheses: Hypotheses
) -> Hypotheses:
    """Runs a step of the decoder and adds a token to every hypothesis.

    Args:
        decoder: As in `generate_ids`.
        memory: The decoder's memory.
        sampler: As in `generate_ids`, bound.
        constraints: As in `generate_ids`.
        position: Number of tokens generated so far, an int32 scalar.
        noise: Uniform numbers `(batch,)`.
        hypotheses: The current hypotheses.

    Returns:
        The hypotheses, one token longer.
    """
    ops = array_ops(hypotheses.ids)
    token_ids, width = hypotheses.token_ids, hypotheses.ids.shape[1]
    scores, states = decoder.step(token_ids, hypotheses.states, memory, token_ids * 0 + position)
    positions = ops.reshape(token_ids, (-1, width))[:, 0] * 0 + position  # (batch,)
    hypotheses = hypotheses._replace(states=states)
    return extend(sampler, constraints, positions, noise, hypotheses, scores)


def extend(sampler, constraints, positions, noise, hypotheses: Hypotheses, scores) -> Hypotheses:
    """Adds a token to every hypothesis, by the scores of all tokens.

    Args:
        sampler: As in `generate_ids`, bound.
        constraints: As in `generate_ids`.
        positions: Number of tokens that each row has generated so far, int32 `(batch,)`.
        noise: Uniform numbers `(batch,)`.
        hypotheses: The current hypotheses, with the states after the step.
        scores: What the decoder's step returned, `(batch * width, vocabulary)`.

    Returns:
        The hypotheses, one token longer.
    """
    ops = array_ops(hypotheses.ids)
    log_probabilities = ops.cast(scores, "float32")
    if sampler.needs_log_probabilities:  # normalised scores stay the same
        log_probabilities = ops.log_softmax(log_probabilities)
    width, vocabulary = hypotheses.ids.shape[1], log_probabilities.shape[-1]
    log_probabilities = ops.reshape(log_probabilities, (-1, width, vocabulary))
    choices = constraints.apply(log_probabilities, hypotheses.ids, positions)
    chosen = sampler.choose(
        choices, log_probabilities, hypotheses.scores, hypotheses.finished, noise
    )
    return _append(hypotheses, positions, *chosen)


def extend_by_best(
    sampler, constraints, positions, hypotheses: Hypotheses, scores, token_ids
) -> Hypotheses:
    """Adds a token to every hypothesis, as `extend`, by the best tokens alone.

    Args:
        sampler: A sampler with `few`.
        constraints: Constraints with `most_banned`.
        positions: As in `extend`.
        hypotheses: As in `extend`.
        scores: What the decoder's `step_best` returned, `(batch * width, few)`.
        token_ids: The tokens' ids.

    Returns:
        The hypotheses, one token longer.
    """
    ops = array_ops(token_ids)
    few, width = min(sampler.few, token_ids.shape[-1]), hypotheses.ids.shape[1]
    choices = constraints.ban(scores, token_ids, ops.repeat(positions, width))
    best, order = ops.top_k(choices, few)
    token_ids = ops.take_columns(token_ids, order)
    best, token_ids = (ops.reshape(x, (-1, width, few)) for x in (best, token_ids))
    chosen = sampler.choose_among(best, best, token_ids, hypotheses.scores, hypotheses.finished)
    return _append(hypotheses, positions, *chosen)


def _append(hypotheses, positions, chosen, parents, scores):
    """Gives each hypothesis `(batch, width)` the history of its parent, a token and a score."""
    ops = array_ops(chosen)
    width, size = hypotheses.ids.shape[1], hypotheses.ids.shape[2]
    if width > 1:
        hypotheses = _continue(hypotheses, parents)
    ids, _, finished, lengths, _, states = hypotheses
    ids = ops.where(ops.arange(size) == positions[:, None, None], chosen[:, :, None], ids)
    lengths = lengths + ops.cast(ops.logical_not(finished), "int32")
    finished = ops.logical_or(finished, chosen == EOS)
    return Hypotheses(ids, ops.reshape(chosen, (-1,)), finished, lengths, scores, states)


def _continue(hypotheses, parents):
    """Gives each hypothesis what its parent has; nothing is copied if all are in place."""
    ops = array_ops(parents)
    in_place = ops.all(parents == np.arange(parents.shape[1], dtype="int32"))
    return Hypotheses(
        *ops.cond(in_place, lambda: tuple(hypotheses), lambda: tuple(_reorder(hypotheses, parents)))
    )


def _reorder(hypotheses, order):
    """Reorders the hypotheses of each row by indices `(batch, any width)`."""
    ops = array_ops(order)
    batch, width, size = ops.shape(order)[0], hypotheses.ids.shape[1], hypotheses.ids.shape[2]
    rows = order + ops.arange(batch)[:, None] * width  # (batch, any width), up to batch * width
    flat = ops.reshape(rows, (-1,))
    return Hypotheses(
        ids=ops.take(ops.reshape(hypotheses.ids, (-1, size)), rows, axis=0),
        token_ids=ops.take(hypotheses.token_ids, flat, axis=0),
        finished=ops.take(ops.reshape(hypotheses.finished, (-1,)), rows, axis=0),
        lengths=ops.take(ops.reshape(hypotheses.lengths, (-1,)), rows, axis=0),
        scores=ops.take(ops.reshape(hypotheses.scores, (-1,)), rows, axis=0),
        states=[ops.take(state, flat, axis=0) for state in hypotheses.states],
    )
