"""The Transformer as a language model: what it promises beyond a language model of any kind."""

import functools

import keras
import numpy as np
import pytest
from conftest import fewer_on_jax
from keras import ops

import seq2seq
from seq2seq.tasks.windows import overlapping_windows
from seq2seq.text import EOS, PAD

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "a bird sang in the tree"]
KINDS = {
    "usual": {},
    "sinusoidal": {"positions": "sinusoidal", "norm_first": False},
    "rotary": {
        "positions": "rotary",
        "activation": "silu",
        "tie_embeddings": False,
        "num_layers": 1,
    },
}


@functools.cache
def train(kind):
    """Returns a model that knows the texts by heart; not to be changed."""
    keras.utils.set_random_seed(7)
    usual = {"units": 32, "num_layers": 2, "feedforward_units": 64, "dropout": 0.0}
    tokenizer = seq2seq.WordTokenizer().adapt(TEXTS)
    model = seq2seq.TransformerLanguageModel(tokenizer, **{**usual, **KINDS[kind]})
    model.optimizer.learning_rate = 0.01
    model.fit(TEXTS, epochs=60, verbose=0)
    return model


@pytest.fixture(scope="module", params=fewer_on_jax(KINDS, "usual"))
def each(request):
    return train(request.param)


@pytest.fixture(scope="module")
def trained():
    return train("usual")


def test_it_continues_what_it_has_read(each):
    prompts = ["the dog", "a", "the cat sat on"]
    assert each.generate(prompts) == [TEXTS[1], TEXTS[2], TEXTS[0]]
    assert each.generate(prompts, sampler="beam") == [TEXTS[1], TEXTS[2], TEXTS[0]]
    assert "".join(each.generate("the dog", stream=True)) == TEXTS[1]
    assert each.perplexity(TEXTS) < 2


def test_step_by_step_is_what_was_trained(each):
    token_ids, labels = each.encode_rows(TEXTS)
    expected = np.asarray(each(token_ids, training=False))
    network, read = each.network, 3
    prompts = token_ids[:, : read + 1].copy()
    prompts[0, 2:] = PAD  # a shorter one
    states, memory, token_ids_now = network.begin(ops.convert_to_tensor(prompts), 8)
    offsets = (prompts != PAD).sum(axis=1) - 1
    np.testing.assert_array_equal(token_ids_now, token_ids[[0, 1, 2], offsets])
    for position in range(3):
        positions = ops.full((3,), position, dtype="int32")
        scores, states = network.step(token_ids_now, states, memory, positions)
        at = offsets + position
        np.testing.assert_allclose(
            np.asarray(ops.softmax(scores)), expected[[0, 1, 2], at], atol=1e-5
        )
        token_ids_now = ops.convert_to_tensor(labels[[0, 1, 2], at])


def test_a_prompt_gives_the_same_alone_and_among_others(trained):
    prompts = ["the dog", "a bird sang in", ""]
    sampler = seq2seq.BeamSearch(3, num_results=2)
    together = trained.generate(prompts, 6, sampler)
    assert together == [trained.generate(prompt, 6, sampler) for prompt in prompts]


def test_details_are_the_models_own_scores(trained):
    (details,) = trained.generate(["the dog"], return_details=True)
    rows = [[*trained.prompt_row("the dog")[1:], *details.ids]]
    prompt = trained.tokenizer.encode("the dog")
    before = trained.score([[*prompt, EOS]])[0]
    (token_ids, _) = trained.encode_rows(["the dog"])
    at_end = np.log(np.asarray(trained(token_ids, training=False))[0, len(prompt), EOS])
    assert details.score == pytest.approx(trained.score(rows)[0] - (before - at_end), abs=1e-4)


@pytest.mark.parametrize("window", [1, 2, 5, 9])
@pytest.mark.parametrize("length", [1, 5, 12])
@pytest.mark.neutral
def test_windows_count_every_token_once(length, window):
    windows = list(overlapping_windows(length, window))
    assert [i for _, first, stop in windows for i in range(first, stop)] == list(range(length))
    assert all(stop - start <= window for start, _, stop in windows)
    assert all(first - start >= window // 2 for start, first, _ in windows[1:])


def test_windows_that_hold_the_text_change_no_score(trained):
    shorter = seq2seq.TransformerLanguageModel(
        trained.tokenizer, 32, 2, feedforward_units=64, window=5
    )
    weights = trained.get_weights()
    shorter.set_weights([w[:5] if w.shape == (256, 32) else w for w in weights])
    short = ["the cat sat", "a bird"]
    np.testing.assert_allclose(shorter.score(short), trained.score(short), atol=1e-5)
    assert np.isfinite(shorter.score(TEXTS)).all()


@pytest.mark.neutral
def test_more_than_the_learned_positions_is_refused(trained):
    prompt = " ".join(["the"] * 200)
    with pytest.raises(ValueError, match=r"at most 256 tokens in all.*300. Name a smaller"):
        trained.generate(prompt, max_length=100)
    with pytest.raises(ValueError, match=r"Received: 301\. Shorten the prompt, or"):
        trained.generate(" ".join(["the"] * 300))
    with pytest.raises(ValueError, match="token_ids of at most 256"):
        trained.fit(np.full((2, 300), 5), np.full((2, 300), 5))
    assert trained.generate(prompt, max_length=56).startswith(prompt)


def test_a_file_gives_the_same_texts(trained, tmp_path):
    trained.save(tmp_path / "m.keras")
    loaded = seq2seq.load_model(tmp_path / "m.keras")
    assert type(loaded) is seq2seq.TransformerLanguageModel and loaded.options == trained.options
    assert loaded.generate(["the dog"]) == trained.generate(["the dog"])
    np.testing.assert_array_equal(loaded.score(TEXTS), trained.score(TEXTS))
    assert isinstance(keras.models.clone_model(trained), seq2seq.TransformerLanguageModel)
    assert seq2seq.encode_texts(loaded, TEXTS).shape == (3, 32)


@pytest.mark.neutral
def test_prompts_need_not_begin_with_bos(trained, tmp_path):
    pytest.importorskip("onnxruntime")
    options = {**trained.options.to_dict(), "begin_prompts": False}
    model = seq2seq.TransformerLanguageModel(trained.tokenizer, **options)
    model.set_weights(trained.get_weights())
    assert model.prompt_row("the dog") == trained.prompt_row("the dog")[1:]
    assert model.generate("") == trained.generate("")
    ids = trained.prompt_ids("the dog")
    (expected,) = trained.generator.generate([ids], 9, seq2seq.Greedy(), 1)[0]
    scores = np.log(np.asarray(model(np.array([[*ids, *expected[:-1]]]), training=False))[0])
    read = np.arange(len(ids) - 1, len(scores))
    model.export(tmp_path / "exported")
    for each in (model, seq2seq.load_model(tmp_path / "exported")):
        (details,) = each.generate(["the dog"], 9, return_details=True)
        assert details.ids == expected and details.source_tokens == ["the", "dog"]
        np.testing.assert_allclose(details.token_scores, scores[read, expected], atol=1e-4)
        assert "".join(each.generate("the dog", 9, stream=True)) == details.text
        assert each.generate([ids], 9) == [[*ids, *expected]]
        np.testing.assert_allclose(each.score(TEXTS), trained.score(TEXTS), atol=1e-3)
    model.generate("the dog " * 126 + "the dog", max_length=3)  # 254 ids leave room for so many


def test_an_exported_one_gives_the_same_texts(each, tmp_path):
    each.export(tmp_path / "folder", verbose=0)
    exported = seq2seq.load_model(tmp_path / "folder")
    prompts = ["the dog", "a", "", "the cat sat on"] * 5
    for sampler in ("greedy", "beam", seq2seq.Sample(temperature=1.5, seed=1)):
        assert exported.generate(prompts, 40, sampler) == each.generate(prompts, 40, sampler)
    assert "".join(exported.generate("a", stream=True)) == TEXTS[2]
    longer = [*TEXTS, " ".join(["the cat"] * 200)]  # read in windows
    np.testing.assert_allclose(exported.score(longer), each.score(longer), rtol=1e-5)
    vectors = (seq2seq.encode_texts(model, TEXTS) for model in (each, exported))
    np.testing.assert_allclose(*vectors, atol=1e-5)
    prompts = ["a", "the cat sat on", ""]
    ours, theirs = (model.generate(prompts, return_details=True) for model in (each, exported))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.token_scores, other.token_scores, atol=1e-4)


@pytest.mark.neutral
def test_details_read_a_prompt_at_once(trained, tmp_path, monkeypatch):
    trained.export(tmp_path / "folder", verbose=0)
    exported = seq2seq.load_model(tmp_path / "folder")
    decoder, steps = exported.generator.decoder, []
    look = decoder.look
    monkeypatch.setattr(decoder, "look", lambda *inputs: steps.append(1) or look(*inputs))
    (details,) = exported.generate(["the dog the cat sat on"], 2, return_details=True)
    assert len(steps) == len(details.ids) <= 2


def test_what_it_learned_starts_a_decoder(trained):
    tokenizers = trained.tokenizer, trained.tokenizer
    usual = {"units": 32, "num_layers": 2, "feedforward_units": 64, "activation": "gelu_tanh"}
    model = seq2seq.Transformer(*tokenizers, **usual)
    before = model.get_layer("decoder_block_2").cross_attention.get_weights()
    report = seq2seq.copy_weights(trained, model, "decoder")
    assert report.copied["decoder_block_2"] == "all but the attention to the source"
    assert "encoder_block_1" in report.kept
    ours, theirs = (m.get_layer("decoder_block_2") for m in (model, trained))
    for name in ("attention", "feedforward_in", "feedforward_norm"):
        for one, other in zip(
            getattr(ours, name).get_weights(), getattr(theirs, name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    for one, other in zip(before, ours.cross_attention.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # The Transformer multiplies its tokens by the square root of their size.
    embeddings = (m.decoder.embedding.get_weights()[0] for m in (model, trained))
    ours, theirs = (table[EOS + 1 :] for table in embeddings)
    np.testing.assert_allclose(ours * 32**0.5, theirs, rtol=1e-5)
    for options, message in (
        ({"tie_output": True}, "tied to the output"),
        ({"num_heads": 2}, "num_heads=4 for 2"),
        ({"activation": "relu"}, "activation='gelu_tanh' for 'relu'"),
        ({"norm_first": False}, "norm_first=True for False"),
    ):
        other = seq2seq.Transformer(*tokenizers, **{**usual, **options})
        with pytest.raises(ValueError, match=message):
            seq2seq.copy_weights(trained, other, "decoder")
    again = seq2seq.TransformerLanguageModel(trained.tokenizer, 32, 2, feedforward_units=64)
    seq2seq.copy_weights(trained, again)
    assert again.generate("the dog") == trained.generate("the dog")
    recurrent = seq2seq.Seq2Seq(trained.tokenizer, trained.tokenizer, 32, 32)
    with pytest.raises(ValueError, match="for a LSTM"):
        seq2seq.copy_weights(trained, recurrent, "decoder")


def test_a_short_window_is_enough_where_no_length_is_asked_for():
    model = seq2seq.TransformerLanguageModel(20, 32, 1, 4, 32, window=10)
    (found,) = model.generate([[5, 6]], sampler=seq2seq.Greedy(min_length=8))
    assert len(found) == 2 + 8  # with `BOS` 10 tokens are read, as the last is not
    assert len(model.generate([[5] * 9])[0]) == 10
    with pytest.raises(ValueError, match="`max_length`"):  # one would cut the other short
        model.generate([[5] * 9, [5]])
    with pytest.raises(ValueError, match="at most 10 tokens in all"):
        model.generate([[5, 6]], max_length=20)


def test_vectors_of_texts_beyond_the_positions_are_refused():
    tokenizer = seq2seq.WordTokenizer().adapt(TEXTS)
    model = seq2seq.TransformerLanguageModel(tokenizer, 32, 1, 4, 32, window=10)
    vectors = seq2seq.encode_texts(model, ["the " * 8])
    assert vectors.shape == (1, 32) and np.isfinite(vectors).all()
    with pytest.raises(ValueError, match="a text of at most 10 tokens"):
        seq2seq.encode_texts(model, ["the cat", "the " * 20])


def test_an_iterator_of_texts_is_scored(trained):
    np.testing.assert_array_equal(trained.score(iter(TEXTS)), trained.score(TEXTS))
