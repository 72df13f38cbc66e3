"""The best tokens of each row, found inside the graph of a decoder's step.

With a large vocabulary the scores are most of what a step writes. To copy them out of the graph,
to normalise all of them and to sort them takes as long as the rest of the step.
"""

import numpy as np

from seq2seq.export.onnx_graph import GraphWriter
from seq2seq.export.onnx_layers import size_of
from seq2seq.generation.samplers.sample import LEAST

BLOCK = 32  # tokens
LARGE = 1024  # vocabularies in which blocks are faster than a look at each token


def find_best(graph: GraphWriter, vocabulary: int) -> tuple[dict, dict]:
    """Adds what finds the best tokens, which costs nothing unless `few` is above 0.

    Args:
        graph: The graph of a step, with the input `few` and the output `scores`.
        vocabulary: Size of the vocabulary.

    Returns:
        Tuple of the inputs and the outputs, as `GraphWriter.to_graph` takes them: `few` `(1,)` and
        `normalise`, which may be left out; `best` and `best_ids` `(rows, few)`, log probabilities
        and ids. The former are scores as they are where `normalise` is false.
    """
    kinds = {"best": "float32", "best_ids": "int64"}
    branches = {name: (dtype, (None, None)) for name, dtype in kinds.items()}

    def choose(graph, condition, first, second):
        """Runs one of two branches."""
        names = {"then_branch": first, "else_branch": second}
        graphs = {name: branch.to_graph({}, branches) for name, branch in names.items()}
        graph("If", condition, outputs=list(kinds), **graphs)
        return graph

    nothing, normalised, plain = map(GraphWriter, ("nothing", "normalised", "plain"))
    for name, dtype in kinds.items():
        nothing("Identity", nothing.weight(f"no_{name}", np.zeros((0, 0), dtype)), outputs=[name])
    _find(normalised, normalised("LogSoftmax", "scores", axis=-1), vocabulary)
    _find(plain, "scores", vocabulary)
    found = choose(GraphWriter("found"), "normalise", normalised, plain)
    zero = graph.constant([0], "int64")
    graph.weight("normalise", np.array(True))
    choose(graph, graph("Squeeze", graph("Greater", "few", zero), zero), found, nothing)
    inputs = {"few": ("int64", (1,)), "normalise": ("bool", ())}
    return inputs, {name: (dtype, ("rows", "few")) for name, dtype in kinds.items()}


def _find(graph, scores, vocabulary):
    """Writes `best` and `best_ids` of scores `(rows, vocabulary)`; ties go to the first.

    The best `few` tokens are in the `few` blocks with the largest maxima, so only these are sorted,
    as in `numpy_ops.top_k`.
    """
    size = size_of(graph, scores, 1)
    few = graph("Min", "few", size)
    if vocabulary < LARGE:
        graph("TopK", scores, few, outputs=["best", "best_ids"], axis=-1)
        return
    one, two = (graph.constant([axis], "int64") for axis in (1, 2))
    shape = {"kernel_shape": [BLOCK], "strides": [BLOCK], "ceil_mode": 1}
    maxima = graph("MaxPool", graph("Unsqueeze", scores, one), **shape)
    maxima = graph("Squeeze", maxima, one)  # (rows, blocks)
    count = graph("Min", few, size_of(graph, maxima, 1))
    _, blocks = graph("TopK", maxima, count, outputs=2, axis=-1)
    blocks, _ = graph("TopK", blocks, count, outputs=2, axis=-1, largest=0)  # in their order
    starts = graph("Mul", graph("Unsqueeze", blocks, two), graph.constant(BLOCK, "int64"))
    ids = graph("Add", starts, graph.constant(range(BLOCK), "int64"))
    ids = graph("Reshape", ids, graph.constant([0, -1], "int64"))  # (rows, count * BLOCK)
    values = graph("GatherElements", scores, graph("Min", ids, graph("Sub", size, one)), axis=1)
    least = graph.constant(LEAST, "float32")  # the last block may reach beyond the vocabulary
    values = graph("Where", graph("Less", ids, size), values, least)
    _, order = graph("TopK", values, few, outputs=["best", f"{graph.name}_order"], axis=-1)
    graph("GatherElements", ids, order, outputs=["best_ids"], axis=1)
