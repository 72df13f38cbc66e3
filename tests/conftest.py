"""Toy tasks that a small model learns in seconds."""

import functools
import gc
import io
import json
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import random

import keras
import pytest

import seq2seq

# Graphs are many small objects. To look for garbage among them so often takes a fifth of the time
# of tracing; what was imported is never garbage.
gc.freeze()
gc.set_threshold(50_000, 5, 5)

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    # To optimize a graph takes longer than the few batches that run through it. Tests of commands
    # in processes of their own run optimized ones.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

ENGLISH = ["good morning", "good night", "thank you very much", "where is the station ?"]
CHINESE = ["早上好。", "晚安。", "非常感谢。", "车站在哪里？"]


def fewer_on_jax(cases, *names):
    """Returns cases for `parametrize`: on JAX, which compiles each for long, those named alone."""
    return names if keras.backend.backend() == "jax" else list(cases)


@pytest.fixture
def optimized():
    """Has JAX compile with all optimizations, for a test that trains longer than it compiles."""
    if keras.backend.backend() == "jax":
        import jax

        before = jax.config.values["jax_disable_most_optimizations"]
        jax.config.update("jax_disable_most_optimizations", False)
        yield
        jax.config.update("jax_disable_most_optimizations", before)
    else:
        yield


@pytest.fixture
def untraced():
    """Has `fit`, `evaluate` and `predict` run untraced on TensorFlow, for tests of few batches."""
    on_tensorflow = keras.backend.backend() == "tensorflow"
    if on_tensorflow:
        tf.config.run_functions_eagerly(True)
    yield
    if on_tensorflow:
        tf.config.run_functions_eagerly(False)


def value_and_gradient(function, arguments):
    """Returns a number and its gradients by the arguments of a function."""
    if keras.backend.backend() == "tensorflow":
        arguments = keras.tree.map_structure(tf.constant, arguments)
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            value = function(arguments)
        return value, tape.gradient(value, arguments)
    import jax

    return jax.value_and_grad(function)(arguments)


def make_words(count, seed, alphabet="abcdefghij", longest=6):
    """Returns `count` distinct random words."""
    generator = random.Random(seed)
    words = {}
    while len(words) < count:
        length = generator.randint(1, longest)
        words["".join(generator.choice(alphabet) for _ in range(length))] = None
    return list(words)


def make_lines(count, seed=1):
    """Returns lines of Chinese, English, emoji, accents, punctuation and odd spaces, mixed."""
    generator = random.Random(seed)
    words = make_words(300, seed) + [word.title() for word in make_words(50, seed)]
    others = [*"我们去车站好吗天气很", *"，。！？“”、", *".,!?'-()&%$#", "don't", "it's", "3.14"]
    rare = [*"龘㐀𠀀éÉüñİß", "café", "naïve", "cafe\u0301", "привет", "한국어", "ﬁ", "ＡＢ１", "①"]
    rare += ["😀", "👍🏽", "👨\u200d👩\u200d👧", "a" * 30, "\x01", "\ufffd", "\u200b", "\u0301"]
    spaces = [" "] * 12 + ["", "", "", "  ", "\t", "\u3000", "\xa0", " \n", "\u2028"]

    def make_line():
        kinds = generator.choices([words, others, rare], [6, 5, 1], k=generator.randint(0, 16))
        pieces = (generator.choice(kind) + generator.choice(spaces) for kind in kinds)
        return generator.choice(["", "", "", " "]) + "".join(pieces)

    return [make_line() for _ in range(count)]


IN_ANOTHER_PROCESS = """
import json, sys
import seq2seq
kind, arguments, texts = json.load(sys.stdin)
print(json.dumps(getattr(seq2seq, kind)(**arguments).adapt(texts).get_config()))
"""


def adapt_elsewhere(kind, arguments, texts, seed):
    """Returns the config of a tokenizer adapted in a process with another order of hashes."""
    result = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS],
        input=json.dumps([kind, arguments, texts]),
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


def train_sentencepiece(texts, **options):
    """Returns the content of the file of a SentencePiece model."""
    sentencepiece = pytest.importorskip("sentencepiece")
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=file,
        minloglevel=2,
        **{"vocab_size": 400, "hard_vocab_limit": False, **options},
    )
    return file.getvalue()


@pytest.fixture(scope="session")
def sentencepiece_model():
    return train_sentencepiece(make_lines(400))


@pytest.fixture
def phrases():
    return list(ENGLISH), list(CHINESE)


def make_model(**options):
    """Returns a small untrained model of the phrases."""
    keras.utils.set_random_seed(7)
    return seq2seq.Seq2Seq(
        seq2seq.WordTokenizer().adapt(ENGLISH),
        seq2seq.CharTokenizer().adapt(CHINESE),
        **{"embedding_dim": 16, "units": 32, **options},
    )


def learn(model, epochs, learning_rate=0.02, **options):
    """Trains a model on the phrases, and returns it."""
    model.optimizer.learning_rate = learning_rate
    model.fit(ENGLISH, CHINESE, epochs=epochs, verbose=0, **options)
    return model


ARCHITECTURES = {
    "classic": {},
    "gru": {"cell": "gru"},
    "rnn": {"cell": "rnn", "attention": "luong", "attention_score": "general"},
    "deep": {"num_layers": 3, "attention": "luong", "attention_score": "scaled"},
    "two ways": {"bidirectional": True, "num_layers": 2, "cell": "gru", "attention": "bahdanau"},
    "tied": {
        "cell": "rnn",
        "tie_output": True,
        "embedding_dim": 32,
        "bidirectional": True,
        "attention": "luong",
    },
}


@functools.cache
def trained_model(name):
    """Returns a model of one of the architectures, trained a little; not to be changed."""
    return learn(make_model(**ARCHITECTURES[name]), 20)


@pytest.fixture
def model():
    return make_model()


@pytest.fixture(scope="session")
def served_models(tmp_path_factory):
    """Exported models by name: `translator`, `novelist`, `sentiment` and `filler`."""
    pytest.importorskip("onnxruntime")
    from serving_fixtures import export_all

    return export_all(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def application(served_models):
    """A server of them."""
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    from seq2seq.serving.application import create_application
    from seq2seq.serving.limits import Limits

    return create_application(served_models, Limits(max_length=100_000))


@pytest.fixture(scope="session")
def address(application):
    """Its address."""
    from serving_fixtures import running

    with running(application) as address:
        yield address


@pytest.fixture(scope="session")
def _trained():
    data = {"validation_data": (ENGLISH, CHINESE), "validation_freq": 60}  # at the end
    return learn(make_model(), 60, **data)


@pytest.fixture
def trained(_trained):
    """A model that knows the phrases by heart; not to be changed."""
    return _trained
