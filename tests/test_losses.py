"""The loss of one pass is Keras's, in value and gradient."""

import keras
import numpy as np
import pytest
from conftest import value_and_gradient
from keras import ops

import seq2seq
from seq2seq.layers.output_product import OutputProduct
from seq2seq.training.crossentropies import crossentropy_of_product, crossentropy_of_scores
from seq2seq.training.losses import Crossentropy

LABELS = np.array([[1, 0, 4], [3, 3, 2]], dtype="int32")
SCORES = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32") * 4
WEIGHTS = np.array([[1.0, 0.0, 2.0], [0.5, 3.0, -1.0]], dtype="float32")


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.5])
def test_value_and_gradient_are_those_of_keras(label_smoothing):
    def plain(scores):
        targets = ops.one_hot(LABELS, 5) * (1 - label_smoothing) + label_smoothing / 5
        return ops.sum(WEIGHTS * ops.categorical_crossentropy(targets, scores, from_logits=True))

    def fast(scores):
        return ops.sum(WEIGHTS * crossentropy_of_scores(scores, LABELS, label_smoothing))

    for a, b in zip(
        value_and_gradient(plain, SCORES), value_and_gradient(fast, SCORES), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_label_smoothing_costs_nothing_for_classes_that_are_impossible():
    scores = np.concatenate([SCORES, np.full((2, 3, 2), -1e9, "float32")], axis=-1)
    total = np.log(np.exp(SCORES.astype("float64")).sum(-1))
    chosen = np.take_along_axis(SCORES, LABELS[..., None], -1)[..., 0]
    expected = 0.9 * (total - chosen) + 0.1 * (total - SCORES.mean(-1)) * 5 / 7
    received, gradient = value_and_gradient(
        lambda scores: ops.sum(WEIGHTS * crossentropy_of_scores(scores, LABELS, 0.1)), scores
    )
    np.testing.assert_allclose(received, np.sum(WEIGHTS * expected), rtol=1e-5)
    probabilities = np.exp(SCORES - total[..., None])
    labels = np.eye(5)[LABELS]
    expected = 0.9 * (probabilities - labels) + 0.1 * (probabilities - 1 / 5) * 5 / 7
    gradient = np.asarray(gradient)
    np.testing.assert_allclose(gradient[..., :5], WEIGHTS[..., None] * expected, atol=1e-6)
    assert not gradient[..., 5:].any()


def test_padding_with_weight_zero_has_no_gradient():
    _, gradient = value_and_gradient(
        lambda scores: ops.sum(WEIGHTS * crossentropy_of_scores(scores, LABELS)), SCORES
    )
    assert not np.asarray(gradient)[0, 1].any()


@pytest.mark.parametrize("block", [2**24, 20, 10])  # all labels at once, four, two
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_an_output_layer_in_blocks_is_one_at_once(monkeypatch, block, label_smoothing):
    monkeypatch.setattr("seq2seq.training.crossentropies.BLOCK", block)
    generator, found = np.random.default_rng(1), {}
    shapes = {"inputs": (2, 3, 7), "kernel": (7, 5), "bias": (5,)}
    layer = {name: generator.normal(size=size).astype("float32") for name, size in shapes.items()}

    def plain(layer):
        scores = ops.matmul(layer["inputs"], layer["kernel"]) + layer["bias"]
        found["scores"] = scores
        return 3 * ops.sum(WEIGHTS * crossentropy_of_scores(scores, LABELS, label_smoothing))

    def blocks(layer):
        product = OutputProduct(**layer, half=False, weights=ops.convert_to_tensor(WEIGHTS))
        losses = crossentropy_of_product(product, ops.convert_to_tensor(LABELS), label_smoothing)
        found["measured"] = product.measured
        return 3 * ops.sum(WEIGHTS * losses)

    (expected, gradients), (value, others) = (
        value_and_gradient(function, layer) for function in (plain, blocks)
    )
    assert float(value) == pytest.approx(float(expected), rel=1e-5)
    for name in layer:
        np.testing.assert_allclose(others[name], gradients[name], rtol=1e-4, atol=1e-5)
    if keras.backend.backend() == "tensorflow":  # under JAX these live in the gradient's trace
        exact = crossentropy_of_scores(found["scores"], LABELS)
        np.testing.assert_allclose(found["measured"]["nats"], exact, rtol=1e-5, atol=1e-6)
        hits = np.asarray(found["scores"]).argmax(-1) == LABELS
        np.testing.assert_array_equal(found["measured"]["hits"], hits)


@pytest.mark.parametrize("shape", [(6,), (6, 1), (2, 3)])
def test_labels_of_rows_and_of_tokens(shape):
    labels, scores = LABELS.reshape(shape), SCORES.reshape((*shape[:1], -1, 5))
    scores = scores[:, 0] if len(shape) == 1 or shape[-1] == 1 else scores
    expected = float(ops.mean(ops.sparse_categorical_crossentropy(LABELS, SCORES, True)))
    for probabilities in (keras.activations.softmax(scores), np.asarray(ops.softmax(scores))):
        loss = Crossentropy()(ops.convert_to_tensor(labels), ops.convert_to_tensor(probabilities))
        assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_labels_that_are_no_ids_are_told():
    with pytest.raises(ValueError, match=r"\(2, 3, 5\) for outputs .* `labels.argmax\(-1\)`"):
        Crossentropy()(ops.one_hot(LABELS, 5), ops.softmax(SCORES))
    with pytest.raises(ValueError, match="label_smoothing"):
        Crossentropy(label_smoothing=3.0)


def test_a_probability_of_zero_is_finite():
    scores = ops.convert_to_tensor(np.array([[0.0, 500.0]], dtype="float32"))
    value = crossentropy_of_scores(scores, ops.convert_to_tensor(np.array([0], dtype="int32")))
    assert float(value[0]) == pytest.approx(500)


def test_it_is_rebuilt_from_its_config():
    loss = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(Crossentropy(0.2))
    )
    assert isinstance(loss, Crossentropy) and loss.label_smoothing == 0.2


def test_its_former_name_loads():
    config = keras.saving.serialize_keras_object(Crossentropy(0.2))
    config.update(class_name="SmoothedCrossentropy", registered_name="seq2seq>SmoothedCrossentropy")
    assert isinstance(keras.saving.deserialize_keras_object(config), Crossentropy)


in_blocks = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tensors of JAX cannot carry the product"
)


@in_blocks
@pytest.mark.parametrize("tie_output", [False, True])
def test_a_large_vocabulary_is_trained_in_blocks_with_the_same_result(monkeypatch, tie_output):
    ids = np.array([[5, 4, 6, 3], [4, 3, 0, 0], [6, 5, 3, 0]], dtype="int32")
    batch = [ids, np.pad(ids, [[0, 0], [1, 0]], constant_values=2)[:, :-1]], ids
    blocks, results = [], []

    def count_blocks(*arguments):
        blocks.append(arguments)
        return crossentropy_of_product(*arguments)

    monkeypatch.setattr("seq2seq.training.losses.crossentropy_of_product", count_blocks)
    for large in (10, 9):  # the vocabulary has 9
        monkeypatch.setattr("seq2seq.layers.output_product.LARGE", large)
        assert not blocks
        keras.utils.set_random_seed(1)
        model = seq2seq.Seq2Seq(
            9, 9, units=8, embedding_dim=8, tie_output=tie_output, label_smoothing=0.1
        )
        weights = np.array([1.0, 2.0, 0.5])
        logs = [model.train_on_batch(*batch, weights, return_dict=True) for _ in range(3)]
        results.append((logs, model.get_weights()))
    assert blocks
    (expected, weights), (logs, others) = results
    for one, other in zip(expected, logs, strict=True):
        assert other == pytest.approx(one, rel=1e-4)
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)


class LaterTokensCountMore(Crossentropy):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) * keras.ops.arange(3, dtype="float32")


class Squared(Crossentropy):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) ** 2


@in_blocks
@pytest.mark.parametrize("loss", [Crossentropy, LaterTokensCountMore, Squared])
@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_loss_made_of_it_learns_as_much_in_blocks(monkeypatch, loss, run_eagerly):
    updates = []
    for large in (10, 9):
        monkeypatch.setattr("seq2seq.layers.output_product.LARGE", large)
        keras.utils.set_random_seed(1)
        model = seq2seq.LanguageModel(9, units=8, embedding_dim=8)
        model.compile(keras.optimizers.SGD(1.0), loss(), run_eagerly=run_eagerly)
        before = model.get_weights()
        model.train_on_batch(np.array([[2, 5, 6], [2, 4, 0]]), np.array([[5, 6, 3], [4, 3, 0]]))
        pairs = zip(before, model.get_weights(), strict=True)
        updates.append([after - weight for weight, after in pairs])
    for one, other in zip(*updates, strict=True):
        assert np.abs(one).max() > 1e-3
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)
