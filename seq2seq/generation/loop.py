"""The generation loop: from a step function to sequences of ids."""

from collections.abc import Callable, Sequence

from keras import ops

from seq2seq.generation.constraints import NEVER, Constraints
from seq2seq.generation.samplers import Sampler
from seq2seq.text.vocabulary import BOS, EOS, PAD


def generate_ids(
    step: Callable,
    states: Sequence,
    sampler: Sampler,
    max_length: int,
    noise,
    constraints: Constraints | None = None,
    first_ids=None,
    while_loop: Callable = ops.while_loop,
):
    """Generates a sequence for each row of the states, until all have ended.

    The loop knows no model. It is made of `keras.ops` and meant to be compiled.

    Args:
        step: `step(token_ids, states, position) -> log_probabilities, states`, with `token_ids`
            int32 `(rows,)`, log probabilities `(rows, vocabulary)` and `position` the number of
            tokens generated before.
        states: First states, a list of tensors whose first axis is the batch.
        sampler: A `Sampler`. It has `rows = batch * sampler.width` hypotheses in hand.
        max_length: Most tokens generated, `EOS` included.
        noise: `(batch, max_length)` uniform numbers from [0, 1), used by samplers that draw.
        constraints: What may not be chosen, with ids for texts. Defaults to `None`: the
            sampler's, which never allow `PAD` and `BOS`.
        first_ids: int32 `(batch,)`, what the first step is given. Defaults to `None`, `BOS`.
        while_loop: What repeats the steps. Defaults to `keras.ops.while_loop`; `python_loop` for a
            step that cannot be compiled.

    Returns:
        Tuple `(ids, scores)`: `(batch, num_results, max_length)` int32 padded with 0 after `EOS`,
        and `(batch, num_results)` sums of log probabilities, best first. Where there are fewer
        sequences, the rest is padding.
    """
    constraints = constraints or sampler.constraints

    def body(position, *hypotheses):
        drawn = ops.take(noise, position, axis=1)
        hypotheses = advance(step, sampler, constraints, position, drawn, *hypotheses)
        return position + 1, *hypotheses

    def unfinished(position, ids, token_ids, finished, scores, states):
        return ops.logical_not(ops.all(sampler.is_done(ids, scores, finished)))

    _, ids, _, _, scores, _ = while_loop(
        unfinished,
        body,
        (0, *begin(states, sampler.width, max_length, first_ids)),
        maximum_iterations=max_length,
    )
    # A beam wider than the space holds places that nothing could fill.
    ids = ops.where(scores[:, :, None] > NEVER / 2, ids, PAD)
    ids, scores = sampler.rank(ids, scores)
    return ids[:, : sampler.num_results], scores[:, : sampler.num_results]


def python_loop(condition: Callable, body: Callable, variables: tuple, maximum_iterations: int):
    """Does what `keras.ops.while_loop` does, without compiling anything."""
    while variables[0] < maximum_iterations and condition(*variables):
        variables = body(*variables)
    return variables


def begin(states: Sequence, width: int, max_length: int, first_ids=None) -> tuple:
    """Returns the hypotheses before the first token.

    Args:
        states: As in `generate_ids`.
        width: Hypotheses a row.
        max_length: As in `generate_ids`.
        first_ids: As in `generate_ids`.

    Returns:
        Tuple `(ids, token_ids, finished, scores, states)`: what was generated `(batch, width,
        max_length)`, the last tokens `(batch * width,)`, which have ended and their sums of log
        probabilities `(batch, width)`, and the states of `batch * width` rows.
    """
    batch = ops.shape(states[0])[0]
    if first_ids is None:
        first_ids = ops.full((batch,), BOS, dtype="int32")
    return (
        ops.full((batch, width, max_length), PAD, dtype="int32"),
        ops.repeat(first_ids, width, axis=0),
        ops.zeros((batch, width), dtype="bool"),
        # All hypotheses of a row start equal: only the first may bear children.
        ops.broadcast_to(ops.array([0.0] + [NEVER] * (width - 1)), (batch, width)),
        [ops.repeat(state, width, axis=0) for state in states],
    )


def advance(
    step, sampler, constraints, position, noise, ids, token_ids, finished, scores, states
) -> tuple:
    """Adds a token to every hypothesis.

    Args:
        step: As in `generate_ids`.
        sampler: As in `generate_ids`.
        constraints: As in `generate_ids`, not `None`.
        position: How many tokens were generated.
        noise: Uniform numbers `(batch,)`.
        ids: This and the rest: the hypotheses, as `begin` returns them.
        token_ids: See there.
        finished: See there.
        scores: See there.
        states: See there.

    Returns:
        The hypotheses, one token longer.
    """
    batch, width, max_length = ops.shape(ids)[0], ids.shape[1], ids.shape[2]
    log_probabilities, states = step(token_ids, states, position)
    log_probabilities = ops.reshape(log_probabilities, (batch, width, log_probabilities.shape[-1]))
    choices = constraints.apply(log_probabilities, ids, position)
    chosen, parents, scores = sampler.choose(choices, log_probabilities, scores, finished, noise)
    if width > 1:
        rows = ops.reshape(parents + ops.arange(batch)[:, None] * width, (-1,))
        states = [ops.take(state, rows, axis=0) for state in states]
        ids = ops.take_along_axis(ids, parents[:, :, None], axis=1)
        finished = ops.take_along_axis(finished, parents, axis=1)
    ids = ops.where(ops.arange(max_length) == position, chosen[:, :, None], ids)
    finished = ops.logical_or(finished, chosen == EOS)
    return ids, ops.reshape(chosen, (-1,)), finished, scores, states
