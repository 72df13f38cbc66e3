"""The Transformer: what it promises beyond an encoder-decoder of any kind."""

import functools

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH, fewer_on_jax, learn
from keras import ops

import seq2seq
from seq2seq.layers.positions import rotate, sinusoids
from seq2seq.layers.transformer_block import TransformerBlock
from seq2seq.text import BOS, EOS

KINDS = {
    "usual": {},
    "paper": {"norm_first": False, "share_embeddings": False, "tie_output": True},
    "learned": {"positions": "learned", "activation": "gelu", "num_layers": 1},
    "rotary": {"positions": "rotary", "activation": "silu", "num_layers": 1},
}


def make(**options):
    keras.utils.set_random_seed(7)
    return seq2seq.Transformer(
        seq2seq.WordTokenizer().adapt(ENGLISH),
        seq2seq.CharTokenizer().adapt(CHINESE),
        **{
            "units": 32,
            "num_layers": 2,
            "num_heads": 4,
            "feedforward_units": 64,
            "dropout": 0.0,
            **options,
        },
    )


@functools.cache
def train(kind):
    """Returns a model that knows the phrases by heart; not to be changed."""
    return learn(make(**KINDS[kind]), 60, 0.01)


@pytest.fixture(scope="module", params=fewer_on_jax(KINDS, "usual", "rotary"))
def each(request):
    return train(request.param)


@pytest.fixture(scope="module")
def trained():
    return train("usual")


def test_it_learns_the_phrases(trained):
    assert trained.generate(ENGLISH) == CHINESE
    assert trained.generate(ENGLISH, sampler="beam") == CHINESE
    assert trained.generate(ENGLISH[0], sampler=seq2seq.Sample(temperature=0.1, seed=1))
    assert "".join(trained.generate(ENGLISH[3], stream=True)) == CHINESE[3]


def test_step_by_step_is_what_was_trained(each):
    trained = each
    assert trained.generate(ENGLISH) == CHINESE
    (source_ids, target_ids), labels = trained.encode_pairs(ENGLISH, CHINESE)
    expected = np.asarray(trained([source_ids, target_ids], training=False))
    network, length = trained.network, target_ids.shape[1]
    states, memory, first = network.begin(ops.convert_to_tensor(source_ids), length + 3)
    assert first is None
    for position in range(length):
        positions = ops.full((len(labels),), position, dtype="int32")
        token_ids = ops.convert_to_tensor(target_ids[:, position])
        scores, states = network.step(token_ids, states, memory, positions)
        probabilities = np.asarray(ops.softmax(scores))
        real = labels[:, position] != 0
        np.testing.assert_allclose(probabilities[real], expected[real, position], atol=1e-5)


def test_padding_changes_nothing(trained):
    alone = [trained.score([one], [other])[0] for one, other in zip(ENGLISH, CHINESE, strict=True)]
    np.testing.assert_allclose(trained.score(ENGLISH, CHINESE), alone, atol=1e-5)
    (source_ids, target_ids), _ = trained.encode_pairs(ENGLISH, CHINESE)
    wider = np.pad(source_ids, ((0, 0), (0, 5)))
    np.testing.assert_allclose(
        np.asarray(trained([wider, target_ids], training=False)),
        np.asarray(trained([source_ids, target_ids], training=False)),
        atol=1e-5,
    )


def test_a_token_sees_nothing_that_comes_after_it(trained):
    (source_ids, target_ids), _ = trained.encode_pairs(ENGLISH, CHINESE)
    other = target_ids.copy()
    other[:, 3:] = 5
    one, two = (
        np.asarray(trained([source_ids, ids], training=False)) for ids in (target_ids, other)
    )
    np.testing.assert_allclose(one[:, :3], two[:, :3], atol=1e-6)
    assert np.abs(one[:, 3] - two[:, 3]).max() > 1e-4


def test_scores_and_details_are_those_of_brute_force(trained):
    source_ids = [[4, 5, EOS], [6, EOS]]
    beam = seq2seq.BeamSearch(16, length_penalty=0.0, num_results=3)
    for row, results in zip(source_ids, trained.generate(source_ids, 2, beam), strict=True):
        size = trained.target_vocabulary_size
        texts = [[EOS]] + [[i, j] for i in range(4, size) for j in range(3, size)]
        scores = trained.score([row] * len(texts), texts)
        best = [texts[i] for i in np.argsort(-scores)[:3]]
        # A text of one token that goes on is cut off: scored without what follows.
        assert results[0] == best[0]
    (details,) = trained.generate([ENGLISH[0]], return_details=True)
    assert details.attention.shape == (len(details.ids), len(details.source_tokens))
    np.testing.assert_allclose(details.attention.sum(axis=1), 1, atol=1e-5)
    shape = trained.num_layers, trained.num_heads, *details.attention.shape
    assert details.attention_by_head.shape == shape
    last = details.attention_by_head[-1].mean(axis=0)
    np.testing.assert_allclose(details.attention, last, atol=1e-6)
    assert details.score == pytest.approx(float(trained.score([ENGLISH[0]], [CHINESE[0]])[0]), 1e-4)


def test_attention_by_head(trained):
    (source_ids, target_ids), _ = trained.encode_pairs(ENGLISH, CHINESE)
    source, _, mask = trained.encoder.read(ops.convert_to_tensor(source_ids))
    found = trained.decoder.attention_by_head(ops.convert_to_tensor(target_ids), source, mask)
    assert len(found) == trained.num_layers
    for weights in map(np.asarray, found):
        assert weights.shape == (4, trained.num_heads, target_ids.shape[1], source_ids.shape[1])
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
        assert (weights[:, :, :, :].transpose(0, 3, 1, 2)[source_ids == 0] < 1e-6).all()


def test_a_file_gives_the_same_texts(trained, tmp_path):
    trained.save(tmp_path / "m.keras")
    loaded = seq2seq.load_model(tmp_path / "m.keras")
    assert type(loaded) is seq2seq.Transformer and loaded.options == trained.options
    assert loaded.generate(ENGLISH) == trained.generate(ENGLISH)
    np.testing.assert_array_equal(loaded.score(ENGLISH, CHINESE), trained.score(ENGLISH, CHINESE))
    assert isinstance(keras.models.clone_model(trained), seq2seq.Transformer)


def test_it_is_a_flat_model_of_named_layers():
    model = make()
    names = [layer.name for layer in model.layers]
    assert {"source_embedding", "encoder_block_1", "decoder_block_2", "decoder_output"} <= set(
        names
    )
    block = model.get_layer("decoder_block_1")
    assert isinstance(block, TransformerBlock)
    assert block.cross_attention.query.kernel.shape == (32, 32)
    assert seq2seq.encode_texts(model, ENGLISH).shape == (4, 32)


def test_positions():
    waves = np.asarray(sinusoids(np.array([[0, 3]]), 8))
    np.testing.assert_allclose(waves[0, 0], [0, 0, 0, 0, 1, 1, 1, 1], atol=1e-6)
    np.testing.assert_allclose(waves[0, 1, 1], np.sin(3 / 10_000 ** (2 / 8)), atol=1e-6)
    # A product of turned vectors depends on their distance alone.
    x, y = np.random.default_rng(0).normal(size=(2, 1, 1, 2, 8)).astype("float32")
    products = [
        (np.asarray(rotate(x, np.array([[i]]))) * np.asarray(rotate(y, np.array([[i + 3]])))).sum()
        for i in (0, 5, 40)
    ]
    np.testing.assert_allclose(products, products[0], rtol=1e-4)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"units": 30, "num_heads": 4}, "multiple of twice `num_heads`"),
        ({"positions": "none"}, "`positions`"),
        ({"activation": "tanh"}, "`activation`"),
        ({"num_heads": 0}, "`num_heads`"),
        ({"feedforward_units": 2**40}, "numbers"),
        ({"share_embeddings": True}, "one vocabulary"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.neutral
def test_learned_positions_have_an_end():
    model = make(positions="learned", max_target_length=9)
    with pytest.raises(ValueError, match="at most 9 tokens in all"):
        model.generate(ENGLISH, max_length=10)
    assert len(model.generate([[4, EOS]], max_length=9)[0]) <= 9
    assert BOS not in model.generate([[4, EOS]], max_length=9)[0]


def test_inference_models_give_the_probabilities_of_training(each):
    assert seq2seq.check_inference(each, ENGLISH, CHINESE) < 1e-5
    encoder_model, decoder_model = seq2seq.build_inference_models(each)
    (source_ids, target_ids), _ = each.encode_pairs(ENGLISH, CHINESE)
    states = encoder_model.predict(source_ids, verbose=0)
    expected = np.asarray(each([source_ids, target_ids], training=False))
    for position in range(2):
        token_ids = target_ids[:, position : position + 1]
        probabilities, *states = decoder_model.predict([token_ids, *states], verbose=0)
        np.testing.assert_allclose(probabilities[:, 0], expected[:, position], atol=1e-5)


def test_an_exported_one_gives_the_same_texts(each, tmp_path):
    each.export(tmp_path / "folder", verbose=0)
    exported = seq2seq.load_model(tmp_path / "folder")
    texts = ENGLISH * 5
    for sampler in ("greedy", "beam", seq2seq.Sample(temperature=1.5, seed=1)):
        assert exported.generate(texts, 20, sampler) == each.generate(texts, 20, sampler)
    ours, theirs = (model.generate(ENGLISH, return_details=True) for model in (each, exported))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.attention, other.attention, atol=1e-5)
        np.testing.assert_allclose(one.attention_by_head, other.attention_by_head, atol=1e-5)
        assert one.score == pytest.approx(other.score, abs=1e-4)
    vectors = (seq2seq.encode_texts(model, ENGLISH) for model in (each, exported))
    np.testing.assert_allclose(*vectors, atol=1e-5)


@pytest.mark.neutral
@pytest.mark.parametrize("attentions", [(), ("attention",), ("attention", "attention_by_head")])
def test_attention_is_kept_where_it_is_asked_for(trained, tmp_path, attentions):
    trained.export(tmp_path / "folder", verbose=0)
    for model in (trained, seq2seq.load_model(tmp_path / "folder")):
        (looked,) = model.scorer.look([[5, 6, EOS]], [[5, EOS]], 1, attentions)
        assert looked.keys() == {"scores", "ids", "probabilities", *attentions}


@pytest.mark.neutral
def test_eight_bits_are_near(trained, tmp_path):
    trained.export(tmp_path / "folder", quantize="int8", verbose=0)
    exported = seq2seq.load_model(tmp_path / "folder")
    assert exported.generate(ENGLISH) == CHINESE
    assert "new_state_1" in (tmp_path / "folder" / "README.md").read_text()


@pytest.mark.neutral
@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_a_folder_tells_how_many_positions_were_learned(tmp_path, positions):
    pytest.importorskip("onnx")
    model = seq2seq.Transformer(
        9, 9, 8, num_layers=1, num_heads=2, positions=positions, max_source_length=12
    )
    model.export(tmp_path / "folder", verbose=False)
    readme = (tmp_path / "folder" / "README.md").read_text(encoding="utf-8")
    assert ("`max_source_length` = 12" in readme) == (positions == "learned")
    assert "`scores` are not normalised" in readme


@pytest.mark.neutral
@pytest.mark.parametrize("shape", [(-1, 32), (-1, 1, 32)], ids=str)
def test_folders_of_before_run(trained, tmp_path, shape):
    """Their keys and values are `(batch, length, units)`; those of a step had two shapes."""
    trained.export(tmp_path / "folder", verbose=0)
    exported = seq2seq.load_model(tmp_path / "folder")
    decoder = exported.generator.decoder
    decoder._state_shape = ["slots", 32]
    encode, decode = decoder.encoder.run, decoder.decoder.run

    def by_head(name, array):
        if array.ndim < 3 or not name.startswith(("state_", "memory_")):
            return array
        return np.ascontiguousarray(array.reshape(*array.shape[:2], 4, 8).swapaxes(1, 2))

    def encode_as_before(names, inputs):
        outputs = encode(names, inputs)
        whole = [array.swapaxes(1, 2) if array.ndim > 2 else array for array in outputs]
        return [array.reshape(*array.shape[:2], -1) if array.ndim > 2 else array for array in whole]

    def decode_as_before(names, inputs):
        outputs = decode(names, {name: by_head(name, array) for name, array in inputs.items()})
        return [
            array.reshape(shape) if name.startswith("new_state_") else array
            for name, array in zip(names, outputs, strict=True)
        ]

    decoder.encoder.run, decoder.decoder.run = encode_as_before, decode_as_before
    assert exported.generate(ENGLISH, 20, batch_size=2) == CHINESE
    assert exported.generate(ENGLISH, 20, "beam") == trained.generate(ENGLISH, 20, "beam")


@pytest.mark.neutral
def test_what_litert_cannot_run_is_said(trained, tmp_path):
    with pytest.raises(ValueError, match="recurrent model for format='litert'"):
        trained.export(tmp_path / "folder", format="litert")
    assert not (tmp_path / "folder").exists()
