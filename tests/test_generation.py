"""The generation loop and the samplers, on an alphabet so small that all texts can be listed.

The toy model gives a next token a probability that depends on everything before it, so that a beam
that forgot to reorder its states would be found out. It would like to say `PAD`, `UNK` and `BOS`.
"""

import functools
import itertools

import keras
import numpy as np
import pytest
from keras import ops

from seq2seq.backend import compile_function
from seq2seq.generation.loop import generate_ids
from seq2seq.generation.samplers import (
    BeamSearch,
    Greedy,
    Sample,
    Sampler,
    get_sampler,
    make_noise,
)
from seq2seq.text import BOS, EOS, PAD, UNK

VOCABULARY = 7  # four special tokens and the letters 4, 5 and 6
ALLOWED = [EOS, 4, 5, 6]
MAX_LENGTH = 4
SPACE = 1 + 3 + 9 + 27 * 4  # texts that end by then, or are cut off
HISTORIES = 3 * VOCABULARY ** (MAX_LENGTH - 1)  # a history is a number in base 7, BOS in front
ROWS = 6


def _make_table():
    """Log probabilities `(model, history, next token)`; each row of a batch is another model."""
    logits = np.random.default_rng(11).normal(0, 1.5, (ROWS, HISTORIES, VOCABULARY))
    logits[:, :, [PAD, UNK, BOS]] += 1.0
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


TABLE = _make_table()
FLAT_TABLE = TABLE.reshape(-1, VOCABULARY).astype("float32")
STATES = np.stack([np.arange(ROWS), np.zeros(ROWS)], axis=1).astype("int32")  # (model, history)


def toy_step(token_ids, states, position, table=None):
    (state,) = states
    history = (state[:, 1] * VOCABULARY + token_ids) % HISTORIES
    if table is None:
        table = ops.convert_to_tensor(FLAT_TABLE)
    log_probabilities = ops.take(table, state[:, 0] * HISTORIES + history, axis=0)
    return log_probabilities, [ops.stack([state[:, 0], history], axis=1)]


@functools.cache
def compiled(sampler, step, max_length):
    return compile_function(
        lambda states, noise: generate_ids(step, [states], sampler, max_length, noise), []
    )


def generate(sampler, states=STATES, noise=None, step=toy_step, max_length=MAX_LENGTH):
    """`(ids, scores)` as NumPy arrays."""
    if noise is None:
        noise = np.zeros((len(states), max_length), "float32")
    ids, scores = compiled(sampler, step, max_length)(states, noise)
    return ops.convert_to_numpy(ids), ops.convert_to_numpy(scores)


# The same in a few lines of Python


def log_probabilities(model, text):
    """What the model makes of each next token after a text."""
    history = functools.reduce(lambda number, token: number * VOCABULARY + token, text, BOS)
    return TABLE[model, history]


def score(model, text):
    return sum(log_probabilities(model, text[:i])[token] for i, token in enumerate(text))


def normalised(model, text, penalty):
    return score(model, text) / ((5 + len(text)) / 6) ** penalty


@functools.cache
def all_texts(max_length=MAX_LENGTH):
    """Every text that ends with EOS within `max_length`, or is cut off there."""
    whole = [
        (*letters, EOS)
        for length in range(max_length)
        for letters in itertools.product([4, 5, 6], repeat=length)
    ]
    return whole + list(itertools.product([4, 5, 6], repeat=max_length))


def greedy_by_hand(model):
    text = ()
    while len(text) < MAX_LENGTH and EOS not in text:
        text += (max(ALLOWED, key=lambda token: log_probabilities(model, text)[token]),)
    return text


def beam_by_hand(model, width):
    """The beam's texts by score; a finished one keeps its place."""
    beam = [()]
    for _ in range(MAX_LENGTH):
        children = [text for text in beam if EOS in text]
        children += [(*text, token) for text in beam if EOS not in text for token in ALLOWED]
        beam = sorted(children, key=lambda text: -score(model, text))[:width]
    return beam


def texts_of(ids):
    """Rows of ids as tuples, without the padding at the end."""
    return [tuple(np.trim_zeros(row, "b").tolist()) for row in ids.reshape(-1, ids.shape[-1])]


def padded(text):
    return [*text, *[PAD] * (MAX_LENGTH - len(text))]


SAMPLERS = {
    "greedy": Greedy(),
    "sample": Sample(seed=7),
    "warm": Sample(temperature=2.0, top_k=3, top_p=0.9, seed=8),
    "beam": BeamSearch(width=3),
    "wide beam": BeamSearch(width=40, length_penalty=0.6, num_results=5),
}
each_sampler = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)


def noise_for(sampler, rows=range(ROWS)):
    return make_noise(sampler.seed, rows, MAX_LENGTH)


def test_the_toy_is_worth_playing_with():
    assert len(all_texts()) == SPACE
    greedy = [greedy_by_hand(model) for model in range(ROWS)]
    assert len({len(text) for text in greedy}) > 1
    assert any(EOS not in text for text in greedy)
    best = [max(all_texts(), key=lambda text: score(model, text)) for model in range(ROWS)]
    assert sum(a != b for a, b in zip(greedy, best, strict=True)) >= 2
    assert (TABLE.argmax(axis=-1) < EOS).mean() > 0.4  # a token that must not be generated


# Greedy and beam against the definitions


def test_greedy_takes_the_best_token_at_each_step():
    ids, scores = generate(Greedy())
    assert ids.dtype == "int32"
    assert ids.shape == (ROWS, 1, MAX_LENGTH)
    expected = [greedy_by_hand(model) for model in range(ROWS)]
    assert ids[:, 0].tolist() == [padded(text) for text in expected]
    np.testing.assert_allclose(scores[:, 0], [score(*row) for row in enumerate(expected)], 1e-5)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_a_beam_of_width_1_is_greedy(length_penalty):
    ids, scores = generate(BeamSearch(width=1, length_penalty=length_penalty))
    greedy_ids, greedy_scores = generate(Greedy())
    np.testing.assert_array_equal(ids, greedy_ids)
    np.testing.assert_allclose(scores, greedy_scores, 1e-6)


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
def test_a_beam_as_wide_as_the_space_finds_what_brute_force_finds(length_penalty):
    sampler = BeamSearch(SPACE, length_penalty, num_results=SPACE)
    ids, scores = generate(sampler)
    for model in range(ROWS):
        ranked = sorted(all_texts(), key=lambda text: -normalised(model, text, length_penalty))
        found = texts_of(ids[model])
        assert found[:10] == ranked[:10]
        assert sorted(found) == sorted(all_texts())  # each once
        np.testing.assert_allclose(scores[model], [score(model, text) for text in found], 1e-5)
        order = [normalised(model, text, length_penalty) for text in found]
        np.testing.assert_allclose(order, sorted(order, reverse=True), 1e-5)


def test_the_length_penalty_changes_the_order():
    best = [texts_of(generate(BeamSearch(SPACE, penalty))[0][:, 0]) for penalty in (0.0, 3.0)]
    lengths = [[len(text) for text in texts] for texts in best]
    assert sum(lengths[1]) > sum(lengths[0])


@pytest.mark.parametrize("width", [2, 3, 5])
def test_a_narrow_beam_keeps_the_best_of_all_continuations(width):
    ids, scores = generate(BeamSearch(width, length_penalty=0.0, num_results=width))
    for model in range(ROWS):
        expected = beam_by_hand(model, width)
        assert texts_of(ids[model]) == expected
        np.testing.assert_allclose(scores[model], [score(model, text) for text in expected], 1e-5)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("num_results", [1, 2])
def test_stopping_early_changes_no_result(length_penalty, num_results):
    class Patient(BeamSearch):
        def is_done(self, ids, scores, finished):
            return ops.all(finished, axis=-1)

    options = {"width": 3, "length_penalty": length_penalty, "num_results": num_results}
    ids, scores = generate(BeamSearch(**options))
    expected_ids, expected_scores = generate(Patient(**options))
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_allclose(scores, expected_scores, 1e-6)


def test_a_text_cut_off_is_scored_as_it_stands():
    ids, scores = generate(BeamSearch(SPACE, length_penalty=0.0, num_results=SPACE))
    cut_off = [(ids[place], scores[place]) for place in np.ndindex(scores.shape)]
    cut_off = [pair for pair in cut_off if EOS not in pair[0]]
    assert len(cut_off) == ROWS * 81
    ids, scores = generate(Greedy(), max_length=1)
    for model in range(ROWS):
        assert scores[model, 0] == pytest.approx(TABLE[model, BOS, ids[model, 0, 0]], abs=1e-5)


# What every sampler promises


@each_sampler
def test_scores_are_sums_of_the_models_own_log_probabilities(sampler):
    ids, scores = generate(sampler, noise=noise_for(sampler))
    assert scores.shape == ids.shape[:2] == (ROWS, sampler.num_results)
    for model in range(ROWS):
        expected = [score(model, text) for text in texts_of(ids[model])]
        np.testing.assert_allclose(scores[model], expected, 1e-5)


@each_sampler
def test_special_tokens_are_never_generated_and_a_finished_text_stays_finished(sampler):
    ids, _ = generate(sampler, noise=noise_for(sampler))
    for row in ids.reshape(-1, MAX_LENGTH).tolist():
        text = row[: row.index(EOS) + 1] if EOS in row else row
        assert set(text) <= set(ALLOWED)
        assert row == padded(text)


def test_a_beam_wider_than_the_space_invents_nothing():
    ids, scores = generate(BeamSearch(width=6, length_penalty=0.0, num_results=6), max_length=1)
    assert (scores[:, :4] > -100).all()
    assert set(ids[:, :4].flat) == set(ALLOWED)
    assert not {UNK, BOS} & set(ids.flat)


def test_other_tokens_can_be_banned():
    ids, _ = generate_ids(
        toy_step,
        [ops.convert_to_tensor(STATES)],
        Greedy(banned=[EOS, 4]),
        MAX_LENGTH,
        ops.zeros((ROWS, MAX_LENGTH)),
    )
    assert set(ops.convert_to_numpy(ids).flat) == {5, 6}


@each_sampler
def test_a_row_does_not_depend_on_its_batch(sampler):
    together, scores = generate(sampler, noise=noise_for(sampler))
    for model in range(ROWS):
        noise = noise_for(sampler, [model])
        alone, alone_score = generate(sampler, STATES[model : model + 1], noise)
        np.testing.assert_array_equal(alone[0], together[model])
        np.testing.assert_allclose(alone_score[0], scores[model], 1e-6)
    order = [4, 0, 5, 5, 2, 1]
    ids, _ = generate(sampler, STATES[order], noise_for(sampler, order))
    np.testing.assert_array_equal(ids, together[order])


@pytest.mark.parametrize("name", ["sample", "beam"])
def test_a_loop_that_is_not_compiled_generates_the_same(name):
    sampler = SAMPLERS[name]
    noise = noise_for(sampler)
    states = [ops.convert_to_tensor(STATES)]
    ids, scores = generate_ids(toy_step, states, sampler, MAX_LENGTH, ops.convert_to_tensor(noise))
    expected_ids, expected_scores = generate(sampler, noise=noise)
    np.testing.assert_array_equal(ops.convert_to_numpy(ids), expected_ids)
    np.testing.assert_allclose(ops.convert_to_numpy(scores), expected_scores, 1e-5)


def test_a_compiled_loop_follows_its_variables():
    table = keras.Variable(FLAT_TABLE)
    step = functools.partial(toy_step, table=table)
    generate_by_table = compile_function(
        lambda states, noise: generate_ids(step, [states], Greedy(), MAX_LENGTH, noise), [table]
    )
    noise = np.zeros((ROWS, MAX_LENGTH), "float32")
    before = ops.convert_to_numpy(generate_by_table(STATES, noise)[0])
    np.testing.assert_array_equal(before, generate(Greedy())[0])
    table.assign(table.value + ops.one_hot(5, VOCABULARY) * 50.0)
    assert (ops.convert_to_numpy(generate_by_table(STATES, noise)[0]) == 5).all()


# The loop


def test_the_step_is_told_how_many_tokens_were_generated():
    def step(token_ids, states, position):
        next_ids = ops.take(ops.array([6, 4, 5, EOS]), position)
        log_probabilities = ops.log(ops.one_hot(next_ids, VOCABULARY) * 0.9 + 0.01)
        return ops.broadcast_to(log_probabilities, (2, VOCABULARY)), states

    ids, _ = generate(Greedy(), STATES[:2], step=step)
    assert ids[:, 0].tolist() == [[6, 4, 5, EOS]] * 2


class CountSteps(Greedy):
    """Its scores are the number of steps that the loop took."""

    def choose(self, choices, log_probabilities, scores, finished, noise):
        token_ids, parents, _ = super().choose(choices, log_probabilities, scores, finished, noise)
        return token_ids, parents, scores + 1.0


def test_the_loop_stops_when_every_row_has_ended():
    def step(token_ids, states, position):
        next_ids = ops.where(position + 1 >= states[0][:, 0], EOS, 4)
        return ops.one_hot(next_ids, VOCABULARY), states

    lengths = np.array([[2], [5], [1]], "int32")
    ids, steps = generate(CountSteps(), lengths, step=step, max_length=50)
    assert (ids != PAD).sum(axis=-1)[:, 0].tolist() == [2, 5, 1]
    assert steps[:, 0].tolist() == [5, 5, 5]
    _, steps = generate(CountSteps(), lengths, step=step, max_length=3)
    assert steps[:, 0].tolist() == [3, 3, 3]


# Sample


def distribution(sampler, probabilities):
    """What the sampler should draw from: tempered, cut and renormalised probabilities."""
    probabilities = np.asarray(probabilities, "float64") ** (1 / sampler.temperature)
    probabilities /= probabilities.sum()
    order = np.argsort(-probabilities)
    before = np.cumsum(probabilities[order]) - probabilities[order]
    kept = np.ones(len(order), bool)
    if sampler.top_k is not None:
        kept &= np.arange(len(order)) < sampler.top_k
    if sampler.top_p is not None:
        kept &= before < sampler.top_p
    probabilities[order[~kept]] = 0
    return probabilities / probabilities.sum()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 3.0},
        {"top_k": 2},
        {"top_k": 100},
        {"top_p": 0.6},
        {"top_p": 1.0},
        {"temperature": 2.0, "top_k": 3, "top_p": 0.9},
    ],
    ids=str,
)
def test_texts_are_drawn_as_often_as_they_should(arguments):
    sampler, draws = Sample(seed=1, **arguments), 4000
    ids, _ = generate(
        sampler, np.repeat(STATES[:1], draws, axis=0), make_noise(1, range(draws), 2), max_length=2
    )
    drawn = texts_of(ids)
    chi_square = 0
    for text in all_texts(max_length=2):
        probability = 1.0
        for i, token in enumerate(text):
            allowed = np.exp(log_probabilities(0, text[:i])[ALLOWED])
            probability *= distribution(sampler, allowed)[ALLOWED.index(token)]
        count, expected = drawn.count(text), draws * probability
        if probability == 0:
            assert count == 0
        else:
            chi_square += (count - expected) ** 2 / expected
    assert chi_square < 33  # 12 degrees of freedom, 1 in 1,000


def constant_step(probabilities):
    """A step that always gives EOS, 4, 5 and 6 these probabilities."""
    row = np.log(np.maximum([0, 0, 0, *probabilities], 1e-300)).astype("float32")

    def step(token_ids, states, position):
        rows = ops.shape(token_ids)[0]
        return ops.broadcast_to(ops.convert_to_tensor(row), (rows, VOCABULARY)), states

    return step


@pytest.mark.parametrize(
    ("arguments", "possible"),
    [
        ({}, {EOS, 4, 5, 6}),
        ({"top_k": 1}, {4}),
        ({"top_k": 3}, {4, 5, 6}),
        ({"top_p": 0.01}, {4}),
        ({"top_p": 0.45}, {4}),
        ({"top_p": 0.6}, {4, 6}),
        ({"top_p": 0.85}, {4, 5, 6}),
        ({"top_k": 1, "top_p": 0.85}, {4}),
        ({"temperature": 0.01}, {4}),
    ],
    ids=str,
)
def test_only_probable_tokens_are_drawn(arguments, possible):
    states = np.zeros((500, 2), "int32")
    noise = make_noise(2, range(500), 1)
    step = constant_step([0.05, 0.5, 0.15, 0.3])
    ids, _ = generate(Sample(**arguments), states, noise, step, max_length=1)
    assert set(ids.flat) == possible


@pytest.mark.parametrize("temperature", [1e-6, 1.0, 1e4, 1e12])
def test_the_ends_of_the_dice_draw_real_tokens_at_any_temperature(temperature):
    """The lowest and highest numbers that `make_noise` can give."""
    noise = np.linspace(0, 1 - 1e-6, 101).astype("float32")[:, None]
    states = np.zeros((101, 2), "int32")
    step = constant_step([0.0, 0.4, 0.6, 0.0])
    ids, _ = generate(Sample(temperature=temperature), states, noise, step, max_length=1)
    assert set(ids.flat) <= set(ALLOWED)
    if temperature <= 1:
        assert set(ids.flat) <= {4, 5}


def test_the_same_seed_draws_the_same_texts():
    sampler = Sample()

    def texts(seed):
        return texts_of(generate(sampler, noise=make_noise(seed, range(ROWS), MAX_LENGTH))[0])

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)
    assert len({tuple(texts(None)) for _ in range(5)}) > 1


def test_each_row_has_noise_of_its_own_wherever_it_is_batched():
    noise = make_noise(3, range(5), 6)
    assert noise.dtype == "float32"
    assert len(np.unique(noise)) == 30
    np.testing.assert_array_equal(make_noise(3, [4, 1], 6), noise[[4, 1]])
    np.testing.assert_array_equal(make_noise(3, [2], 4), noise[[2], :4])


def test_noise_is_uniform_and_below_one():
    for seed in (None, 4):
        noise = make_noise(seed, range(2000), 5)
        assert (noise >= 0).all()
        assert (noise < 1).all()
        counts, _ = np.histogram(noise, bins=10, range=(0, 1))
        np.testing.assert_allclose(counts, 1000, atol=160)  # five standard deviations


# Names and mistakes


def test_samplers_have_names():
    assert type(get_sampler("greedy")) is Greedy
    assert type(get_sampler("sample")) is Sample
    beam = get_sampler("beam")
    assert (beam.width, beam.length_penalty, beam.num_results) == (5, 1.0, 1)
    sampler = Sample(top_k=3)
    assert get_sampler(sampler) is sampler


@pytest.mark.parametrize("wrong", ["Greedy", "", None, 5, BeamSearch, ["greedy"]], ids=repr)
def test_an_unknown_sampler_is_answered_with_the_names(wrong):
    with pytest.raises(ValueError, match="'greedy', 'sample', 'beam'"):
        get_sampler(wrong)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (Sample, {"temperature": 0}),
        (Sample, {"temperature": -1.0}),
        (Sample, {"temperature": float("nan")}),
        (Sample, {"top_k": 0}),
        (Sample, {"top_k": -3}),
        (Sample, {"top_p": 0.0}),
        (Sample, {"top_p": 1.01}),
        (Sample, {"top_p": -0.5}),
        (BeamSearch, {"width": 0}),
        (BeamSearch, {"num_results": 0}),
        (BeamSearch, {"width": 3, "num_results": 4}),
        (BeamSearch, {"length_penalty": -0.1}),
    ],
    ids=str,
)
def test_arguments_out_of_range_are_refused(kind, arguments):
    name = list(arguments)[-1]
    with pytest.raises(ValueError, match=f"Expected `{name}` .* Received: .*{name}="):
        kind(**arguments)


@pytest.mark.parametrize("sampler", [Greedy(), Sample(0.5, 3, 0.9, 1), BeamSearch(3, 0.5, 2)])
def test_a_sampler_can_be_rebuilt_from_its_config_or_its_repr(sampler):
    for copy in (type(sampler)(**sampler.get_config()), eval(repr(sampler))):
        assert isinstance(copy, Sampler)
        assert type(copy) is type(sampler)
        assert vars(copy) == vars(sampler)
