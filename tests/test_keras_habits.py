"""What users of Keras do with a model, besides `fit`: other float types, clones, replicas."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH, learn, make_model

import seq2seq


# JAX has no float64, and no QR decomposition in float16, with which Keras starts a recurrence.
@pytest.fixture(params=["float64", "float16"])
def floatx(request):
    usual = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(request.param)
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_floatx(usual[0])
    keras.config.set_dtype_policy(usual[1])


@pytest.mark.neutral
@pytest.mark.parametrize(
    "options",
    [{}, {"attention": "luong", "cell": "gru", "bidirectional": True, "label_smoothing": 0.05}],
    ids=["lstm", "gru"],
)
def test_other_float_types_learn_and_generate(floatx, options, tmp_path):
    model = learn(make_model(**options), 40)
    assert {weight.dtype for weight in model.trainable_weights} == {floatx}
    assert model.generate(ENGLISH) == CHINESE
    assert model.generate(ENGLISH, sampler="beam") == CHINESE
    assert model.generate(ENGLISH, sampler=seq2seq.Sample(top_p=0.1, seed=0)) == CHINESE
    assert model.generate(ENGLISH[0], return_details=True).score > -3
    model.save(tmp_path / "m.keras")
    assert seq2seq.load_model(tmp_path / "m.keras").generate(ENGLISH) == CHINESE


@pytest.mark.neutral
@pytest.mark.usefixtures("untraced")
def test_other_float_types_in_the_other_models(floatx):
    tokenizer = seq2seq.CharTokenizer().adapt(CHINESE)
    language_model = seq2seq.LanguageModel(tokenizer, embedding_dim=8, units=8)
    language_model.fit(CHINESE, verbose=0)
    streamed = "".join(language_model.generate("晚", max_length=5, stream=True))
    assert streamed == language_model.generate("晚", max_length=5)
    assert np.isfinite(language_model.score(CHINESE)).all()
    classifier = seq2seq.TextClassifier(tokenizer, 2, embedding_dim=8, units=8, pair_buckets=10)
    classifier.fit(CHINESE, [0, 1, 0, 1], verbose=0)
    assert np.isfinite(classifier.evaluate(CHINESE, [0, 1, 0, 1])["loss"])


def test_a_clone_is_an_untrained_model_of_the_same_class(trained):
    clone = keras.models.clone_model(trained)
    assert type(clone) is seq2seq.Seq2Seq and clone.manifest == {}
    assert clone.target_tokenizer.vocabulary == trained.target_tokenizer.vocabulary
    assert [layer.name for layer in clone.layers] == [layer.name for layer in trained.layers]
    assert clone.compiled and clone.optimizer.name == trained.optimizer.name
    clone.set_weights(trained.get_weights())
    assert clone.generate(ENGLISH) == CHINESE


@keras.saving.register_keras_serializable("tests")
class Own(seq2seq.Seq2Seq):
    """A user's model with an argument of its own."""

    def __init__(self, *arguments, bonus=1, **options):
        super().__init__(*arguments, **options)
        self.bonus = bonus

    def get_config(self):
        return {**super().get_config(), "bonus": self.bonus}


def test_a_subclass_may_have_arguments_of_its_own(tmp_path):
    model = Own(9, 9, embedding_dim=8, units=8, bonus=5)
    model.save(tmp_path / "m.keras")
    assert seq2seq.load_model(tmp_path / "m.keras").bonus == 5
    with pytest.raises(ValueError, match="unknown entry, 'source_vectors'"):  # of a file
        Own.from_config({**model.get_config(), "source_vectors": "a.txt"})


@pytest.mark.usefixtures("untraced")
def test_the_metrics_of_before_take_one_hot_labels():
    model = make_model()
    (x, y), size = model.encode_pairs(ENGLISH, CHINESE), model.sides["target"].size
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    model.compile("adam", "categorical_crossentropy")  # Keras keeps the metrics
    labels = keras.utils.to_categorical(y, size)
    found = model.evaluate(x, labels, verbose=0, return_dict=True)
    for name in ("accuracy", "perplexity"):
        assert found[name] == pytest.approx(expected[name], rel=1e-5)
    assert np.isfinite(model.fit(x, labels, verbose=0).history["loss"])


@pytest.mark.usefixtures("untraced")
class TestFreezing:
    @pytest.mark.parametrize(
        "frozen", ["embedding", "decoder_block_1", "decoder_block_1.attention"]
    )
    def test_frozen_layers_stay_frozen(self, frozen, tmp_path):
        model = seq2seq.TransformerLanguageModel(
            9, units=8, num_layers=1, num_heads=2, feedforward_units=8, dropout=0
        )
        name, *inner = frozen.split(".")
        layer = model.get_layer(name)
        for part in inner:
            layer = getattr(layer, part)
        layer.trainable = False
        model.compile("adam", model.loss)
        model.fit([[5, 6, 3], [7, 3]], verbose=0)
        model.save(tmp_path / "m.keras")
        loaded = keras.saving.load_model(tmp_path / "m.keras")
        clone = keras.models.clone_model(model)
        trained = [variable.path for variable in model.trainable_variables]
        for copy in (loaded, clone):
            assert [variable.path for variable in copy.trainable_variables] == trained
        for copy in (model, loaded):
            copy.fit([[5, 6, 3], [7, 3]], shuffle=False, verbose=0)
        for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_what_is_thawed_stays_so(self):
        model = make_model(train_source_embedding=False)
        assert not rebuilt(model).get_layer("source_embedding").trainable
        model.get_layer("source_embedding").trainable = True
        assert rebuilt(model).get_layer("source_embedding").trainable
        model.trainable = False
        assert not rebuilt(model).trainable and not rebuilt(model).trainable_variables

    def test_older_configs_do_not_tell(self):
        config = make_model(train_source_embedding=False).get_config()
        del config["frozen"]
        model = seq2seq.Seq2Seq.from_config(config)
        assert [layer.name for layer in model.layers if not layer.trainable] == ["source_embedding"]


def rebuilt(model):
    return type(model).from_config(model.get_config())


def test_other_models_are_cloned_as_ever():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(3, name="scores")(inputs))
    clone = keras.models.clone_model(model, clone_function=lambda layer: layer)
    assert clone.get_layer("scores") is model.get_layer("scores")


def test_a_classifier_of_weights_that_are_no_numbers_says_so():
    model = seq2seq.TextClassifier(seq2seq.CharTokenizer().adapt(CHINESE), 2, units=4)
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    with pytest.raises(ValueError, match="weights are NaN"):
        model.classify(CHINESE)


def test_a_last_update_that_makes_weights_no_numbers_is_told():
    model = make_model()
    model.optimizer.learning_rate = np.nan
    with pytest.warns(UserWarning, match="Epoch 1 ended with weights that are no finite"):
        model.fit(ENGLISH, CHINESE, verbose=0)


@pytest.mark.usefixtures("untraced")
def test_a_loss_that_is_no_number_is_told_in_its_epoch():
    model = make_model()
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    with pytest.warns(UserWarning, match=r"Epoch 1 ended with \{'loss': nan\}"):
        model.fit(ENGLISH, CHINESE, verbose=0)


REPLICAS = """
import sys, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import seq2seq
from conftest import CHINESE, ENGLISH, make_model
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = make_model()
model.optimizer.learning_rate = 0.02
# Few epochs: a strategy takes a second to begin each, and with validation two.
warm_up = seq2seq.callbacks.WarmUp(0.02, 5)
model.fit(ENGLISH * 40, CHINESE * 40, epochs=2, batch_size=4, verbose=0, callbacks=[warm_up])
model.fit(ENGLISH, CHINESE, verbose=0, validation_data=(ENGLISH, CHINESE))
assert model.generate(ENGLISH) == CHINESE, model.generate(ENGLISH)
model.save(sys.argv[1])
assert seq2seq.load_model(sys.argv[1]).generate(ENGLISH) == CHINESE
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a strategy of TensorFlow")
def test_two_replicas_learn_as_one_does(tmp_path, request):
    run = subprocess.run(
        [sys.executable, "-c", REPLICAS, str(tmp_path / "m.keras")],
        cwd=request.path.parent,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
