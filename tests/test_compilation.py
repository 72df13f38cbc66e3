"""What is compiled, how often, and what it follows."""

import threading

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH, make_model

import seq2seq
from seq2seq import BeamSearch, Greedy, Sample, backend


@pytest.fixture
def compilations(monkeypatch):
    """The functions that are compiled during a test."""
    seen, compile_function = [], backend.compile_function

    def count(function, *arguments):
        seen.append(function)
        return compile_function(function, *arguments)

    monkeypatch.setattr(backend, "compile_function", count)
    return seen


@pytest.mark.parametrize(
    "make",
    [
        lambda i: Sample(temperature=0.5 + i / 10, seed=i),
        lambda i: Sample(top_p=0.5 + i / 20, temperature=1 + i / 10),
        lambda i: Sample(top_k=1 + i),
        lambda i: BeamSearch(3, length_penalty=i / 10),
        lambda i: Greedy(repetition_penalty=1.1 + i / 10),
        lambda i: Greedy(no_repeat_ngram=1 + i),
        lambda i: Greedy(min_length=2 + i),
        lambda i: Greedy(prefix=[4 + i % 3], banned=[8 + i % 3]),
    ],
)
def test_other_numbers_compile_nothing_anew(compilations, make):
    model = make_model()
    for i in range(6):
        model.generate(ENGLISH, max_length=20 + i, sampler=make(i))
    assert len(compilations) == 1


def test_the_least_used_function_is_forgotten(compilations):
    functions = backend.CompiledFunctions(list, limit=2)
    functions.get("a", len), functions.get("b", len), functions.get("a", len)
    functions.get("c", len)  # b goes
    assert len(compilations) == 3
    functions.get("a", len), functions.get("c", len)
    assert len(compilations) == 3
    functions.get("b", len)
    assert len(compilations) == 4


def test_generate_follows_what_becomes_of_the_weights(trained):
    model = make_model()
    before = model.generate(ENGLISH, max_length=8)
    assert before != CHINESE
    model.set_weights(trained.get_weights())
    assert model.generate(ENGLISH) == CHINESE
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    assert model.generate(ENGLISH) == CHINESE
    model.decoder.output.enable_lora(2)
    assert model.generate(ENGLISH) == CHINESE  # a new adapter adds nothing
    for variable in (model.decoder.output.lora_kernel_a, model.decoder.output.lora_kernel_b):
        variable.assign(keras.random.normal(variable.shape, seed=1) * 30)
    assert model.generate(ENGLISH, max_length=8) != CHINESE


def test_generate_follows_quantization(trained):
    model = make_model()
    model.set_weights(trained.get_weights())
    ids = model.generate(ENGLISH), model.score(ENGLISH, CHINESE)
    model.quantize("int8")
    assert model.generate(ENGLISH) == ids[0]
    scores = model.score(ENGLISH, CHINESE)
    assert (scores != ids[1]).any()
    np.testing.assert_allclose(scores, ids[1], atol=0.5)


@pytest.mark.parametrize("sampler", [Greedy(), BeamSearch(3), Sample(seed=3)], ids=repr)
def test_eight_threads_at_once_get_what_one_gets(trained, sampler):
    model = make_model()
    model.set_weights(trained.get_weights())
    results = [None] * 8
    start = threading.Barrier(len(results))

    def generate(place):
        start.wait()
        results[place] = model.generate(ENGLISH, sampler=sampler)

    threads = [threading.Thread(target=generate, args=(i,)) for i in range(len(results))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [trained.generate(ENGLISH, sampler=sampler)] * len(results)


class Favour(Greedy):
    """Raises the score of one token."""

    def __init__(self, token_id):
        super().__init__()
        self.bonus = np.zeros(1000, "float32")
        self.bonus[token_id] = 100.0

    def choose(self, choices, log_probabilities, scores, finished, noise):
        choices = choices + self.bonus[: choices.shape[-1]]
        return super().choose(choices, log_probabilities, scores, finished, noise)


def test_a_sampler_of_ones_own_is_not_mistaken_for_another(trained):
    rows = trained.encode_pairs(ENGLISH, CHINESE)[0][0]
    for token_id in (5, 6):
        results = trained.generate(rows, sampler=Favour(token_id), max_length=3)
        assert results == [[token_id] * 3] * len(ENGLISH)
    sampler = Favour(5)
    trained.generate(rows, sampler=sampler, max_length=3)
    sampler.bonus[5], sampler.bonus[7] = 0.0, 100.0  # changed in place
    assert trained.generate(rows, sampler=sampler, max_length=3) == [[7] * 3] * len(ENGLISH)


def test_numbers_of_a_sampler_may_be_changed_and_are_checked(trained):
    sampler = Sample(temperature=3.0, seed=1)
    varied = trained.generate(ENGLISH, sampler=sampler)
    sampler.temperature = 1e-3
    assert trained.generate(ENGLISH, sampler=sampler) == CHINESE != varied
    sampler.temperature = 0
    with pytest.raises(ValueError, match="temperature"):
        trained.generate(ENGLISH, sampler=sampler)


@pytest.mark.parametrize("sampler", [Greedy(), BeamSearch(3), Sample(seed=3)], ids=repr)
def test_weights_that_are_no_numbers_are_told(sampler):
    model = make_model()
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    with pytest.raises(ValueError, match="weights are NaN"):
        model.generate(ENGLISH, sampler=sampler)
    if sampler.width == 1:
        with pytest.raises(ValueError, match="weights are NaN"):
            list(model.generate(ENGLISH[0], sampler=sampler, stream=True))


def test_a_beam_wider_than_the_vocabulary_finds_the_best_of_all(trained):
    size = trained.target_vocabulary_size
    beam = BeamSearch(width=size + 5, length_penalty=0, num_results=size + 5)
    results = trained.generate(ENGLISH[0], max_length=2, sampler=beam, return_details=True)
    scores = [result.score for result in results]
    assert scores == sorted(scores, reverse=True)
    assert len({tuple(result.ids) for result in results}) == len(results) > size
    assert all(seq2seq.UNK not in result.ids for result in results)


def test_a_row_is_generated_the_same_whatever_the_places(trained):
    """`max_length` is rounded up inside: nothing shows of it."""
    rows = trained.encode_pairs(ENGLISH, CHINESE)[0][0]
    long = trained.generate(rows, max_length=200)
    for length in (1, 3, 100, 129):
        assert trained.generate(rows, max_length=length) == [row[:length] for row in long]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="how TensorFlow traces")
def test_training_is_traced_once(monkeypatch):
    """A function that makes variables, such as an optimizer's, is traced a second time."""
    model, traced = make_model(), []
    train_step = model.train_step
    monkeypatch.setattr(model, "train_step", lambda data: traced.append(data) or train_step(data))
    model.fit(ENGLISH[:2], CHINESE[:2], batch_size=2, verbose=0)
    assert len(traced) == 1
