"""Every architecture keeps the promises of the design's section 5, with every sampler."""

import gzip

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH, learn, make_model

import seq2seq

ARCHITECTURES = {
    "lstm": {},
    "gru": {"cell": "gru"},
    "rnn, three layers": {"cell": "rnn", "num_layers": 3},
    "bidirectional": {"bidirectional": True, "num_layers": 2},
    "luong": {"attention": "luong", "cell": "gru", "bidirectional": True},
    "general, tied": {
        "attention": "luong",
        "attention_score": "general",
        "embedding_dim": 32,
        "tie_output": True,
    },
    "bahdanau, regular": {
        "attention": "bahdanau",
        "dropout": 0.1,
        "recurrent_dropout": 0.1,
        "l2": 1e-6,
        "label_smoothing": 0.05,
    },
    "scaled, deep": {"attention": "luong", "attention_score": "scaled", "num_layers": 3},
}
SAMPLERS = {
    "greedy": seq2seq.Greedy(),
    "sample": seq2seq.Sample(temperature=0.5, top_k=8, top_p=0.9, seed=1),
    "beam": seq2seq.BeamSearch(width=3, num_results=2),
}


QUICK = ("luong", "general, tied")  # between them most of the code; the others are marked slow


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in ARCHITECTURES
    ],
    ids=str,
)
def architecture(request):
    """A model that was trained a little."""
    return learn(make_model(**ARCHITECTURES[request.param]), 8)


def test_embeddings_start_with_variance_one_but_for_alphabets_and_output_layers():
    keras.utils.set_random_seed(1)
    free = seq2seq.Seq2Seq(500, 10, embedding_dim=64, units=8)
    tied = seq2seq.Seq2Seq(500, 500, embedding_dim=64, units=64, tie_output=True)
    for model, side, deviation in (
        (free, "source", 1.0),
        (free, "target", 0.25),
        (tied, "source", 1.0),
        (tied, "target", 0.05 / 3**0.5),  # Keras's uniform numbers up to 0.05
    ):
        embeddings = model.get_layer(f"{side}_embedding").get_weights()[0]
        assert embeddings.std() == pytest.approx(deviation, rel=0.1)


def test_inference_models_equal_the_training_graph(architecture):
    assert seq2seq.check_inference(architecture, ENGLISH, CHINESE) < 1e-5


def test_a_saved_model_gives_the_same_texts(architecture, tmp_path):
    architecture.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.get_config() == architecture.get_config()
    assert loaded.generate(ENGLISH, max_length=8) == architecture.generate(ENGLISH, max_length=8)


def test_states_are_a_list_of_at_least_two(architecture):
    encoder_model, decoder_model = seq2seq.build_inference_models(architecture)
    states = encoder_model.predict(np.array([[5, 6, 3]]), verbose=0)
    assert isinstance(states, list) and len(states) >= 2
    _, *new_states = decoder_model.predict([np.array([[2]]), *states], verbose=0)
    assert [state.shape for state in new_states] == [state.shape for state in states]
    for state, new_state in zip(
        states[architecture.decoder.num_states :],
        new_states[architecture.decoder.num_states :],
        strict=True,
    ):
        np.testing.assert_array_equal(state, new_state)


def flatten(results):
    """Returns the results of lists of lists."""
    lists = (flatten(item) if isinstance(item, list) else [item] for item in results)
    return [result for group in lists for result in group]


@pytest.mark.parametrize("name", SAMPLERS)
def test_padding_and_batches_change_no_result(architecture, name):
    options = {"sampler": SAMPLERS[name], "max_length": 8, "return_details": True}
    together = architecture.generate(ENGLISH, **options)
    if name == "sample":  # a row's random numbers follow its place in the input
        alone = architecture.generate(ENGLISH, batch_size=1, **options)
    else:
        alone = [architecture.generate(text, **options) for text in ENGLISH]
    for one, other in zip(flatten(together), flatten(alone), strict=True):
        assert one.ids == other.ids
        assert one.score == pytest.approx(other.score, abs=1e-4)
        # The model's own log probability, with teacher forcing, is the score of the loop.
        assert one.token_scores.sum() == pytest.approx(one.score, abs=1e-4)
        assert not {seq2seq.PAD, seq2seq.UNK, seq2seq.BOS} & set(one.ids)


def test_a_beam_of_width_one_is_greedy(architecture):
    narrow = seq2seq.BeamSearch(width=1)
    assert architecture.generate(ENGLISH, sampler=narrow) == architecture.generate(ENGLISH)


def test_padding_changes_no_loss(architecture):
    inputs, labels = architecture.encode_pairs(ENGLISH, CHINESE)
    wide = [np.pad(ids, ((0, 0), (0, 7))) for ids in (*inputs, labels)]
    expected = architecture.evaluate(inputs, labels, verbose=0)
    assert architecture.evaluate(wide[:2], wide[2], verbose=0) == pytest.approx(expected, rel=1e-4)


def test_attention_sees_the_source_and_no_padding(architecture):
    results = architecture.generate(ENGLISH, max_length=8, return_details=True)
    for text, result in zip(ENGLISH, results, strict=True):
        tokens = architecture.source_tokenizer.tokenize(text)
        assert result.source_tokens == [*tokens, "[EOS]"]
        if architecture.attention is None:
            assert result.attention is None
        else:
            assert result.attention.shape == (len(result.ids), len(tokens) + 1)
            np.testing.assert_allclose(result.attention.sum(axis=1), 1, rtol=1e-4)


def test_bidirectional_states_read_from_both_ends():
    model = make_model(bidirectional=True)
    encoder_model, _ = seq2seq.build_inference_models(model)
    a, b, c = (
        encoder_model.predict(np.array([row]), verbose=0)[0]
        for row in ([5, 6, 7, 3], [8, 6, 7, 3], [5, 6, 8, 3])
    )
    assert not np.allclose(a, b) and not np.allclose(a, c)


def test_shared_embeddings_are_one_layer():
    tokenizer = seq2seq.CharTokenizer().adapt(ENGLISH)
    model = seq2seq.Seq2Seq(tokenizer, tokenizer, 8, 8, share_embeddings=True, tie_output=True)
    assert [layer.name for layer in model.layers if "embedding" in layer.name] == ["embedding"]
    model.fit(ENGLISH, ENGLISH, verbose=0)
    assert seq2seq.check_inference(model, ENGLISH, ENGLISH) < 1e-5


@pytest.mark.parametrize("suffix", ["txt", "txt.gz"])
def test_word_vectors_are_read_and_can_be_frozen(tmp_path, suffix):
    path = tmp_path / f"vectors.{suffix}"
    lines = ["3 4", "good 1 2 3 4", "elsewhere 0 0 0 0", "night -1 0.5 2e-1 0"]
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    model = make_model(embedding_dim=4, source_vectors=path, train_source_embedding=False)
    good, night = model.source_tokenizer.vocabulary.ids(["good", "night"])

    def rows():
        return model.get_layer("source_embedding").get_weights()[0][[good, night]]

    np.testing.assert_allclose(rows(), [[1, 2, 3, 4], [-1, 0.5, 0.2, 0]])
    model.fit(ENGLISH, CHINESE, verbose=0)
    np.testing.assert_allclose(rows(), [[1, 2, 3, 4], [-1, 0.5, 0.2, 0]])
    path.unlink()
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert not loaded.get_layer("source_embedding").trainable


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "empty"), ("good 0.5\n", "line 1"), ("the 1 2 3 4 5\n", "line 1")],
)
def test_the_first_line_of_word_vectors_tells_their_width(tmp_path, content, message):
    path = tmp_path / "vectors.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        make_model(embedding_dim=4, source_vectors=path)


def test_word_vectors_may_be_tab_separated_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("good\t1\t2\t3\t4\n", encoding="utf-8-sig")
    model = make_model(embedding_dim=4, source_vectors=path)
    (good,) = model.source_tokenizer.vocabulary.ids(["good"])
    np.testing.assert_allclose(
        model.get_layer("source_embedding").get_weights()[0][good], [1, 2, 3, 4]
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("good 1 2 3", "line 2: expected a token and 4 numbers"),
        ("good 1 2 x 4", "line 2"),
        ("elsewhere 1 2 3 4", "vocabulary"),
        ("elsewhere 1 2", "line 2: expected a token and 4 numbers"),
    ],
)
def test_broken_word_vectors_are_named(tmp_path, line, message):
    path = tmp_path / "vectors.txt"
    path.write_text(f"2 4\n{line}\n")
    with pytest.raises(ValueError, match=message):
        make_model(embedding_dim=4, source_vectors=path)


def test_smoothed_labels_cost_a_sure_model_more():
    model = make_model(label_smoothing=0.1)
    loss, _, perplexity = model.evaluate(ENGLISH, CHINESE, verbose=0)
    assert loss == pytest.approx(np.log(perplexity), rel=0.05)  # even at first
    learn(model, 40)
    loss, _, perplexity = model.evaluate(ENGLISH, CHINESE, verbose=0)
    assert loss > np.log(perplexity) + 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "transformer"}, "'lstm', 'gru', 'rnn'"),
        ({"attention": "self"}, "'luong', 'bahdanau'"),
        ({"attention": "luong", "attention_score": "cosine"}, "'dot', 'scaled', 'general'"),
        ({"attention_score": "general"}, "attention"),
        ({"attention": "bahdanau", "attention_score": "scaled"}, "luong"),
        ({"bidirectional": True, "units": 33}, "even"),
        ({"recurrent_dropout": 1}, "recurrent_dropout"),
        ({"label_smoothing": -0.1}, "label_smoothing"),
        ({"l2": -1}, "l2"),
        ({"bidirectional": "no"}, "True or False"),
        ({"tie_output": 1}, "True or False"),
        ({"source_vectors": 5}, "path"),
        ({"tie_output": True, "units": 8}, "embedding_dim"),
        ({"share_embeddings": True}, "one vocabulary"),
        ({"source_vectors": "nowhere.txt"}, "nowhere.txt"),
    ],
)
def test_bad_options_are_told_before_training(options, message):
    with pytest.raises(ValueError, match=message):
        make_model(**options)


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("abd", {}, "different tokens"),
        ("abc", {"train_source_embedding": False}, "because they are one"),
        ("abc", {"source_vectors": "a.txt", "target_vectors": "b.txt"}, "Received both"),
    ],
)
def test_what_one_embedding_cannot_be_for_both_sides_is_told(target, options, message):
    source, target = (seq2seq.CharTokenizer().adapt([text]) for text in ("abc", target))
    with pytest.raises(ValueError, match=message):
        seq2seq.Seq2Seq(source, target, 8, 8, share_embeddings=True, **options)
