"""The best tokens, found in a graph, are those that NumPy finds."""

import numpy as np
import pytest

from seq2seq.generation.numpy_ops import log_softmax, top_k

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from seq2seq.export.onnx_best_tokens import LARGE, find_best  # noqa: E402
from seq2seq.export.onnx_graph import GraphWriter  # noqa: E402

pytestmark = pytest.mark.neutral


def make_session(vocabulary):
    """Returns a graph whose scores are its input, which finds the best tokens."""
    graph = GraphWriter()
    graph("Identity", "given", outputs=["scores"])
    asked, best = find_best(graph, vocabulary)
    kind = "float32", ("rows", None)
    model = graph.to_model({"given": kind, **asked}, {"scores": kind, **best})
    return onnxruntime.InferenceSession(model.SerializeToString())


def make_scores(rows, vocabulary):
    """Returns scores with many ties."""
    return np.random.default_rng(0).integers(-50, 50, (rows, vocabulary)).astype("float32")


@pytest.mark.parametrize("few", [1, 4, 40, 5000])
@pytest.mark.parametrize("vocabulary", [5, 64, LARGE - 1, LARGE, LARGE + 1, 3000])
def test_they_are_the_best_and_ties_go_to_the_first(vocabulary, few):
    scores = make_scores(3, vocabulary)
    given = {"given": scores, "few": np.array([few]), "normalise": np.array(False)}
    best, ids = make_session(vocabulary).run(["best", "best_ids"], given)
    expected, expected_ids = top_k(scores, min(few, vocabulary))
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_array_equal(best, expected)


@pytest.mark.parametrize("vocabulary", [10, LARGE])
def test_they_are_normalised_unless_that_is_declined(vocabulary):
    scores = make_scores(2, vocabulary)
    given = {"given": scores, "few": np.array([4])}
    best, ids = make_session(vocabulary).run(["best", "best_ids"], given)
    expected, expected_ids = top_k(log_softmax(scores), 4)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_allclose(best, expected, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 3])
def test_nothing_is_looked_for_unasked(rows):
    given = {"given": make_scores(rows, LARGE), "few": np.array([0])}
    scores, best = make_session(LARGE).run(["scores", "best"], given)
    np.testing.assert_array_equal(scores, given["given"])
    assert best.size == 0
