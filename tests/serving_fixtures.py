"""Small models, trained and exported, behind a real server on this machine."""

import contextlib
import threading
import time

import keras

import seq2seq

SENTENCES = [
    ("where is the nearest station ?", "最近的车站在哪里？"),
    ("where is the station ?", "车站在哪里？"),
    ("good morning .", "早上好。"),
    ("thank you very much .", "非常感谢。"),
]
STORY = "it was late when the last train left , and nobody came . "
REVIEWS = {"negative": "what a bad day", "neutral": "a day", "positive": "what a lovely day"}


def make_translator(**options):
    """A model that knows the sentences by heart."""
    keras.utils.set_random_seed(3)
    sources, targets = map(list, zip(*SENTENCES, strict=True))
    model = seq2seq.Seq2Seq(
        seq2seq.WordTokenizer().adapt(sources),
        seq2seq.CharTokenizer().adapt(targets),
        embedding_dim=24,
        units=32,
        **{"attention": "luong", **options},
    )
    model.optimizer.learning_rate = 0.02
    model.fit(sources, targets, epochs=60, verbose=0)
    return model


def make_novelist():
    """A language model that tells one story again and again, without an end."""
    keras.utils.set_random_seed(3)
    text = "One evening " + 30 * STORY
    tokenizer = seq2seq.WordTokenizer().adapt([text])
    model = seq2seq.LanguageModel(tokenizer, embedding_dim=24, units=32)
    model.optimizer.learning_rate = 0.02
    model.fit([text], epochs=40, verbose=0)
    return model


def make_classifier():
    """A classifier of three labels."""
    keras.utils.set_random_seed(3)
    texts, labels = list(REVIEWS.values()), list(REVIEWS)
    model = seq2seq.TextClassifier(
        seq2seq.WordTokenizer().adapt(texts), labels, embedding_dim=8, units=8
    )
    model.optimizer.learning_rate = 0.02
    model.fit(texts, labels, epochs=20, verbose=0)
    return model


def make_filler():
    """A model that fills in the words of one sentence."""
    keras.utils.set_random_seed(3)
    texts = ["the cat sat on the mat"] * 8
    tokenizer = seq2seq.WordTokenizer().adapt(texts)
    model = seq2seq.MaskedLanguageModel(tokenizer, 16, 1, 2, 32, dropout=0.0)
    model.optimizer.learning_rate = 0.02
    model.fit(texts, epochs=30, seed=1, verbose=0)
    return model


def export_all(root):
    """Returns the exported models by name."""
    made = {
        "translator": make_translator(),
        "novelist": make_novelist(),
        "sentiment": make_classifier(),
        "filler": make_filler(),
    }
    models = {}
    for name, model in made.items():
        model.export(root / name, verbose=0)
        models[name] = seq2seq.load_model(root / name)
    return models


@contextlib.contextmanager
def running(application, **options):
    """Serves an application in a thread; gives its address."""
    import uvicorn

    config = uvicorn.Config(application, port=0, log_level="warning", **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
