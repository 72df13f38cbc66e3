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
from seq2seq.generation import keras_ops, numpy_ops
from seq2seq.generation.arrays import array_ops
from seq2seq.generation.loop import generate_ids
from seq2seq.generation.samplers import (
    BeamSearch,
    Greedy,
    Sample,
    Sampler,
    get_sampler,
)
from seq2seq.generation.samplers.sampler import make_noise
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


class Toy:
    """A decoder that looks the next token up in a table; the row of the model is its memory."""

    def __init__(self, table=FLAT_TABLE):
        self.table = table

    def begin(self, ids, max_length):
        return [ids[:, 1]], [ids[:, 0]], None

    def step(self, token_ids, states, memory, positions):
        xp = array_ops(token_ids)
        (history,), (models,) = states, memory
        history = (history * VOCABULARY + token_ids) % HISTORIES
        width = xp.shape(token_ids)[0] // xp.shape(models)[0]
        models = xp.repeat(models, width, axis=0)  # the loop never repeats it
        table = self.table if xp is numpy_ops else ops.convert_to_tensor(self.table)
        return xp.take(table, models * HISTORIES + history, axis=0), [history]


class Decoder:
    """A decoder of a step function, without memory."""

    def __init__(self, step):
        self.take_step = step

    def begin(self, ids, max_length):
        return [ids], [], None

    def step(self, token_ids, states, memory, positions):
        return self.take_step(token_ids, states, positions)


TOY = Toy()


def resolve(sampler, max_length):
    return sampler.constraints.resolve(None, VOCABULARY, max_length)


@functools.cache
def compiled(sampler, decoder, max_length, rows=None):
    constraints, bound = resolve(sampler, max_length), sampler.bind()
    return compile_function(
        lambda ids, noise: generate_ids(
            decoder, ids, bound, constraints, max_length, noise, rows=rows
        ),
        [],
    )


def generate(
    sampler,
    states=STATES,
    noise=None,
    decoder=TOY,
    max_length=MAX_LENGTH,
    engine="compiled",
    rows=None,
):
    """`(ids, scores)` as NumPy arrays; the engine is the backend, compiled or eager, or NumPy."""
    if noise is None:
        noise = np.zeros((len(states), max_length), "float32")
    if engine == "compiled":
        results = compiled(sampler, decoder, max_length, rows)(states, noise)
    else:
        if engine == "eager":
            states, noise = ops.convert_to_tensor(states), ops.convert_to_tensor(noise)
        constraints = resolve(sampler, max_length)
        bound = sampler.bind()
        results = generate_ids(decoder, states, bound, constraints, max_length, noise, rows=rows)
    if engine == "numpy":
        assert all(type(result) is np.ndarray for result in results)
    return tuple(map(ops.convert_to_numpy, results))


each_engine = pytest.mark.parametrize("engine", ["compiled", "numpy"])


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


@each_engine
def test_greedy_takes_the_best_token_at_each_step(engine):
    ids, scores = generate(Greedy(), engine=engine)
    assert ids.dtype == "int32"
    assert ids.shape == (ROWS, 1, MAX_LENGTH)
    expected = [greedy_by_hand(model) for model in range(ROWS)]
    assert ids[:, 0].tolist() == [padded(text) for text in expected]
    np.testing.assert_allclose(scores[:, 0], [score(*row) for row in enumerate(expected)], 1e-5)


@each_engine
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_a_beam_of_width_1_is_greedy(length_penalty, engine):
    ids, scores = generate(BeamSearch(width=1, length_penalty=length_penalty), engine=engine)
    greedy_ids, greedy_scores = generate(Greedy(), engine=engine)
    np.testing.assert_array_equal(ids, greedy_ids)
    np.testing.assert_allclose(scores, greedy_scores, 1e-6)


@each_engine
@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
def test_a_beam_as_wide_as_the_space_finds_what_brute_force_finds(length_penalty, engine):
    sampler = BeamSearch(SPACE, length_penalty, num_results=SPACE)
    ids, scores = generate(sampler, engine=engine)
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


@each_engine
@pytest.mark.parametrize("width", [2, 3, 5])
def test_a_narrow_beam_keeps_the_best_of_all_continuations(width, engine):
    ids, scores = generate(BeamSearch(width, length_penalty=0.0, num_results=width), engine=engine)
    for model in range(ROWS):
        expected = beam_by_hand(model, width)
        assert texts_of(ids[model]) == expected
        np.testing.assert_allclose(scores[model], [score(model, text) for text in expected], 1e-5)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("num_results", [1, 2])
def test_stopping_early_changes_no_result(length_penalty, num_results):
    class Patient(BeamSearch):
        def is_done(self, lengths, scores, finished, max_length):
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


@each_engine
@each_sampler
def test_scores_are_sums_of_the_models_own_log_probabilities(sampler, engine):
    ids, scores = generate(sampler, noise=noise_for(sampler), engine=engine)
    assert scores.shape == ids.shape[:2] == (ROWS, sampler.num_results)
    for model in range(ROWS):
        expected = [score(model, text) for text in texts_of(ids[model])]
        np.testing.assert_allclose(scores[model], expected, 1e-5)


@each_engine
@each_sampler
def test_special_tokens_are_never_generated_and_a_finished_text_stays_finished(sampler, engine):
    ids, _ = generate(sampler, noise=noise_for(sampler), engine=engine)
    for row in ids.reshape(-1, MAX_LENGTH).tolist():
        text = row[: row.index(EOS) + 1] if EOS in row else row
        assert set(text) <= set(ALLOWED)
        assert row == padded(text)


@each_engine
def test_a_beam_wider_than_the_space_invents_nothing(engine):
    ids, scores = generate(
        BeamSearch(width=6, length_penalty=0.0, num_results=6), max_length=1, engine=engine
    )
    assert (scores[:, :4] > -100).all()
    assert set(ids[:, :4].flat) == set(ALLOWED)
    assert not {UNK, BOS} & set(ids.flat)


@each_engine
def test_other_tokens_can_be_banned(engine):
    ids, _ = generate(Greedy(banned=[EOS + 1]), engine=engine)
    assert EOS + 1 not in set(ids.flat)
    assert set(generate(Greedy())[0].flat) == {PAD, *ALLOWED}


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


CONSTRAINTS = {
    "none": {},
    "banned": {"banned": [5]},
    "prefix": {"prefix": [5, 6]},
    "min_length": {"min_length": 3},
    "no_repeat_ngram": {"no_repeat_ngram": 1},
    "no_repeat_bigram": {"no_repeat_ngram": 2, "min_length": 4},
    "repetition_penalty": {"repetition_penalty": 1.7},
    "penalties": {"frequency_penalty": 0.7, "presence_penalty": -0.4, "min_length": 3},
    "all": {"banned": [4], "prefix": [5], "no_repeat_ngram": 2, "repetition_penalty": 0.5},
}


@pytest.mark.parametrize("options", CONSTRAINTS.values(), ids=CONSTRAINTS)
@each_sampler
def test_all_engines_generate_the_same(sampler, options):
    given = {name: value for name, value in sampler.get_config().items() if name != "seed"}
    sampler = type(sampler)(**given, **options)
    noise = make_noise(7, range(ROWS), MAX_LENGTH)
    ids, scores = generate(sampler, noise=noise, engine="numpy")
    for engine in ("compiled", "eager"):
        others, other_scores = generate(sampler, noise=noise, engine=engine)
        np.testing.assert_array_equal(others, ids)
        np.testing.assert_allclose(other_scores, scores, 1e-5)


def test_penalties_are_subtracted_as_often_as_the_api_tells():
    options = {"frequency_penalty": 0.8, "presence_penalty": 0.5}
    ids, _ = generate(Greedy(**options), engine="numpy")
    for model in range(ROWS):
        text = []
        while len(text) < MAX_LENGTH and EOS not in text:
            scores = log_probabilities(model, text)
            counts = {token: text.count(token) for token in ALLOWED}
            text.append(
                max(
                    ALLOWED,
                    key=lambda i: scores[i] - 0.8 * counts[i] - 0.5 * (counts[i] > 0),
                )
            )
        assert ids[model, 0].tolist() == padded(text)
    assert not np.array_equal(ids, generate(Greedy(), engine="numpy")[0])


def test_numpy_offers_what_keras_offers():
    assert all(hasattr(keras_ops, name) for name in numpy_ops.__all__)
    x = np.random.default_rng(1).normal(size=(5, 3, 50)).astype("float32")
    for k in (1, 3, 12, 13, 50):
        for ours, theirs in zip(numpy_ops.top_k(x, k), ops.top_k(x, k), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        equals, (_, places) = np.round(x), numpy_ops.top_k(np.round(x), k)
        first = np.argsort(-equals, axis=-1, kind="stable")[:, :, :k]
        np.testing.assert_array_equal(places, first)
    for name in ("softmax", "log_softmax", "argmax"):
        expected = ops.convert_to_numpy(getattr(keras_ops, name)(ops.array(x)))
        ours = getattr(numpy_ops, name)(x)
        np.testing.assert_allclose(ours, expected, 1e-5, 1e-6)
        assert ours.dtype == expected.dtype


def test_a_compiled_loop_follows_its_variables():
    table = keras.Variable(FLAT_TABLE)
    bound, constraints = Greedy().bind(), resolve(Greedy(), MAX_LENGTH)
    generate_by_table = compile_function(
        lambda ids, noise: generate_ids(Toy(table), ids, bound, constraints, MAX_LENGTH, noise),
        [table],
    )
    noise = np.zeros((ROWS, MAX_LENGTH), "float32")
    before = ops.convert_to_numpy(generate_by_table(STATES, noise)[0])
    np.testing.assert_array_equal(before, generate(Greedy())[0])
    table.assign(table.value + ops.one_hot(5, VOCABULARY) * 50.0)
    assert (ops.convert_to_numpy(generate_by_table(STATES, noise)[0]) == 5).all()


# The loop


def test_the_step_is_told_how_many_tokens_were_generated():
    def step(token_ids, states, positions):
        next_ids = ops.take(ops.array([6, 4, 5, EOS]), positions)
        return ops.log(ops.one_hot(next_ids, VOCABULARY) * 0.9 + 0.01), states

    ids, _ = generate(Greedy(), STATES[:2], decoder=Decoder(step))
    assert ids[:, 0].tolist() == [[6, 4, 5, EOS]] * 2


class CountSteps(Greedy):
    """Its scores are the number of steps that the loop took."""

    def choose(self, choices, log_probabilities, scores, finished, noise):
        token_ids, parents, _ = super().choose(choices, log_probabilities, scores, finished, noise)
        return token_ids, parents, scores + 1.0


def test_the_loop_stops_when_every_row_has_ended():
    def step(token_ids, states, positions):
        next_ids = ops.where(positions + 1 >= states[0][:, 0], EOS, 4)
        return ops.one_hot(next_ids, VOCABULARY), states

    lengths = np.array([[2], [5], [1]], "int32")
    ids, steps = generate(CountSteps(), lengths, decoder=Decoder(step), max_length=50)
    assert (ids != PAD).sum(axis=-1)[:, 0].tolist() == [2, 5, 1]
    assert steps[:, 0].tolist() == [5, 5, 5]
    _, steps = generate(CountSteps(), lengths, decoder=Decoder(step), max_length=3)
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


@each_engine
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
def test_texts_are_drawn_as_often_as_they_should(arguments, engine):
    sampler, draws = Sample(seed=1, **arguments), 4000
    ids, _ = generate(
        sampler,
        np.repeat(STATES[:1], draws, axis=0),
        make_noise(1, range(draws), 2),
        max_length=2,
        engine=engine,
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


def constant_decoder(probabilities):
    """A decoder that always gives EOS, 4, 5 and 6 these probabilities."""
    row = np.log(np.maximum([0, 0, 0, *probabilities], 1e-300)).astype("float32")

    def step(token_ids, states, positions):
        rows = ops.shape(token_ids)[0]
        return ops.broadcast_to(ops.convert_to_tensor(row), (rows, VOCABULARY)), states

    return Decoder(step)


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
    decoder = constant_decoder([0.05, 0.5, 0.15, 0.3])
    ids, _ = generate(Sample(**arguments), states, noise, decoder, max_length=1)
    assert set(ids.flat) == possible


@pytest.mark.parametrize("temperature", [1e-6, 1.0, 1e4, 1e12])
def test_the_ends_of_the_dice_draw_real_tokens_at_any_temperature(temperature):
    """The lowest and highest numbers that `make_noise` can give."""
    noise = np.linspace(0, 1 - 1e-6, 101).astype("float32")[:, None]
    states = np.zeros((101, 2), "int32")
    decoder = constant_decoder([0.0, 0.4, 0.6, 0.0])
    ids, _ = generate(Sample(temperature=temperature), states, noise, decoder, max_length=1)
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


@each_engine
def test_rows_that_fill_a_batch_are_not_waited_for(engine):
    texts = [greedy_by_hand(model) for model in range(ROWS)]
    shortest = min(range(ROWS), key=lambda model: len(texts[model]))
    states = STATES[[shortest, *range(ROWS)]]
    ids, _ = generate(Greedy(), states, engine=engine, rows=1)
    length = len(texts[shortest])
    assert texts_of(ids) == [texts[shortest], *(text[:length] for text in texts)]
    assert max(map(len, texts)) > length


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
