"""Keras layers as nodes of an ONNX graph.

Each function takes a `GraphWriter`, a layer and the names of its inputs, and returns the names of
its outputs. Sequences are `(batch, length, dim)`, as in Keras.
"""

import numpy as np
from keras import ops

from seq2seq.export.onnx_graph import GraphWriter
from seq2seq.layers.embedding import HASH, TiedEmbedding
from seq2seq.layers.multi_head_attention import MASKED
from seq2seq.tasks.text_vectors import LOWEST


def read_weight(variable) -> np.ndarray:
    """Returns a weight as float32."""
    return np.asarray(ops.convert_to_numpy(ops.cast(variable, "float32")))


def embed(graph: GraphWriter, layer, ids: str) -> str:
    """Looks ids up; pairs of neighbours too in a `SummedEmbedding`."""
    pairs = getattr(layer, "pair_embedding", None)
    tokens = getattr(layer, "token_embedding", layer)
    x = graph("Gather", graph.weight(tokens.name, read_weight(tokens.embeddings)), ids)
    if pairs is None:
        return x
    table = graph.weight(pairs.name, read_weight(pairs.embeddings))
    shifted = graph("Pad", ids, graph.constant([0, 1, 0, 0], "int64"))
    end = graph("Sub", graph("Shape", shifted), graph.constant([0, 1], "int64"))
    before = graph("Slice", shifted, graph.constant([0, 0], "int64"), end)  # (batch, length)
    factors = [graph.constant(factor, "int32") for factor in HASH]
    numbers = graph("Add", graph("Mul", before, factors[0]), graph("Mul", ids, factors[1]))
    rows = graph("Mod", numbers, graph.constant(pairs.input_dim, "int32"))
    return graph("Add", x, graph("Gather", table, rows))


def dense(graph: GraphWriter, layer, x: str) -> str:
    """Multiplies `(..., dim)` by a kernel, with bias and activation where the layer has them."""
    x = graph("MatMul", x, graph.weight(f"{layer.path}_kernel", read_weight(layer.kernel)))
    if layer.use_bias:
        x = graph("Add", x, graph.weight(f"{layer.path}_bias", read_weight(layer.bias)))
    return activate(graph, layer.activation.__name__, x)


def dense_together(graph: GraphWriter, layers, x: str, factor: float = 1.0) -> str:
    """Multiplies `(..., dim)` by the kernels of layers, by one wide product.

    Args:
        graph: The graph.
        layers: Dense layers with bias, without activation.
        x: The input.
        factor: What the results of the first layer are multiplied by. Defaults to 1.

    Returns:
        The results, one layer's after the other's along the last axis.
    """
    for operator, name in (("MatMul", "kernel"), ("Add", "bias")):
        first, *others = (read_weight(getattr(layer, name)) for layer in layers)
        together = np.concatenate([first * np.float32(factor), *others], axis=-1)
        x = graph(operator, x, graph.weight(f"{layers[0].path}_and_{len(others)}_{name}", together))
    return x


def activate(graph: GraphWriter, name: str, x: str) -> str:
    """Applies an activation by its name in Keras."""
    if name == "linear":
        return x
    if name in ("tanh", "relu"):
        return graph({"tanh": "Tanh", "relu": "Relu"}[name], x)
    if name == "silu":
        return graph("Mul", x, graph("Sigmoid", x))
    if name == "gelu":
        inner = graph("Erf", graph("Mul", x, graph.constant(2**-0.5, "float32")))
    elif name == "gelu_tanh":
        cube = graph(
            "Mul", graph("Mul", graph("Mul", x, x), x), graph.constant(0.044715, "float32")
        )
        scale = graph.constant((2 / np.pi) ** 0.5, "float32")
        inner = graph("Tanh", graph("Mul", graph("Add", x, cube), scale))
    else:
        raise ValueError(f"Expected an activation that ONNX has. Received: {name}.")
    half = graph("Mul", x, graph.constant(0.5, "float32"))
    return graph("Mul", half, graph("Add", inner, graph.constant(1, "float32")))


def score_tokens(graph: GraphWriter, output, x: str) -> dict:
    """Scores `(rows, units)` over the vocabulary, by a dense layer or the embedding itself.

    Returns:
        The output `scores` `(rows, vocabulary)`, as `GraphWriter.to_graph` takes it.
    """
    tied = getattr(output, "func", output)
    if isinstance(tied, TiedEmbedding):
        table = graph.weight(tied.name, read_weight(tied.embeddings))
        bias = graph.weight(f"{tied.name}_bias", read_weight(tied.bias))
        scores = graph("Gemm", x, table, bias, transB=1)
    else:
        scores = dense(graph, output, x)
    graph.name_output(scores, "scores")
    return {"scores": ("float32", ("rows", None))}


def count_tokens(graph: GraphWriter, mask: str) -> str:
    """Returns the length of each row, int32 `(batch,)`."""
    numbers = graph.cast(mask, "int32")
    return graph("ReduceSum", numbers, graph.constant([1], "int64"), keepdims=0)


def run_stack(
    graph: GraphWriter, stack, x: str, lengths: str = "", states=None
) -> tuple[str, list[str]]:
    """Runs recurrent layers over sequences; see `Stack`.

    Args:
        graph: The graph.
        stack: A `Stack`.
        x: `(batch, length, dim)`.
        lengths: int32 `(batch,)`. Defaults to `""`: all steps count.
        states: Initial states, each `(batch, units)`. Defaults to `None`, zeros.

    Returns:
        Tuple of the outputs `(batch, length, units)` and the list of final states.
    """
    final_states, n = [], stack.states_per_layer
    for i, layer in enumerate(stack.layers):
        initial = None if states is None else states[i * n : (i + 1) * n]
        y, new_states = _run_layer(graph, layer, x, lengths, initial)
        x = y if i < 2 else graph("Add", x, y)
        final_states += new_states
    return x, final_states


def _run_layer(graph, layer, x, lengths, initial):
    """Runs a recurrent layer, in both directions if it is bidirectional."""
    directions = [layer]
    if hasattr(layer, "forward_layer"):
        directions = [layer.forward_layer, layer.backward_layer]
    operator, *weights = _recurrent_weights(directions)
    weights = [
        graph.weight(f"{layer.name}_{name}", weight)
        for name, weight in zip(("kernel", "recurrent_kernel", "bias"), weights, strict=True)
    ]
    axis = graph.constant([0], "int64")
    initial = [graph("Unsqueeze", state, axis) for state in initial or ()]  # (1, batch, units)
    y, *states = graph(
        operator,
        graph("Transpose", x, perm=[1, 0, 2]),  # (length, batch, dim)
        *weights,
        lengths,
        *initial,
        outputs=3 if operator == "LSTM" else 2,
        hidden_size=directions[0].units,
        **({"direction": "bidirectional"} if len(directions) > 1 else {}),
        **({"linear_before_reset": 1} if operator == "GRU" else {}),
    )  # (length, directions, batch, units), then states (directions, batch, units)
    y = graph("Transpose", y, perm=[2, 0, 1, 3])  # (batch, length, directions, units)
    y = graph("Reshape", y, graph.constant([0, 0, -1], "int64"))  # (batch, length, units)
    if len(directions) == 1:
        return y, [graph("Squeeze", state, axis) for state in states]
    halves = [graph("Split", state, outputs=2, axis=0) for state in states]
    # Keras lists the forward states, then the backward ones.
    return y, [graph("Squeeze", half[i], axis) for i in range(2) for half in halves]


def _recurrent_weights(directions):
    """Returns the operator and the weights as ONNX wants them, one direction after the other."""
    names = {"LSTMCell": "LSTM", "GRUCell": "GRU", "SimpleRNNCell": "RNN"}
    operator = names[type(directions[0].cell).__name__]
    # Keras's gates are input, forget, cell, output; ONNX's input, output, forget, cell.
    order = {"LSTM": [0, 3, 1, 2], "GRU": [0, 1, 2], "RNN": [0]}[operator]
    kernels, recurrent_kernels, biases = [], [], []
    for layer in directions:
        cell = layer.cell
        kernels.append(_in_order(read_weight(cell.kernel), order))
        recurrent_kernels.append(_in_order(read_weight(cell.recurrent_kernel), order))
        bias = read_weight(cell.bias)
        bias = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
        biases.append(_in_order(bias, order).T.reshape(-1))  # of the input, then of the states
    return operator, np.stack(kernels), np.stack(recurrent_kernels), np.stack(biases)


def _in_order(weight, order):
    """Reorders the gates of a weight `(dim, gates * units)`: `(gates * units, dim)`."""
    gates = np.split(weight, len(order), axis=1)
    return np.concatenate([gates[i] for i in order], axis=1).T


def attend(graph: GraphWriter, head, queries: str, memory: list[str]) -> tuple[str, str]:
    """Attends from positions `(batch, queries, units)`; see `AttentionHead`.

    Returns:
        Tuple of the attentional outputs, of the same shape, and the weights `(batch, queries,
        source_length)`.
    """
    values, *keys, mask = memory
    (keys,) = keys or [values]
    asked = queries if head.queries is None else dense(graph, head.queries, queries)
    if head.queries is None:
        scores = graph("MatMul", asked, graph("Transpose", keys, perm=[0, 2, 1]))
        if head.attend.use_scale:
            scores = graph("Mul", scores, _scale(graph, head.attend))
    else:
        asked = graph("Unsqueeze", asked, graph.constant([2], "int64"))
        keys = graph("Unsqueeze", keys, graph.constant([1], "int64"))
        sums = graph("Tanh", graph("Add", asked, keys))  # (batch, queries, source_length, units)
        scaled = graph("Mul", sums, _scale(graph, head.attend))
        scores = graph("ReduceSum", scaled, graph.constant([-1], "int64"), keepdims=0)
    axis = graph.constant([1], "int64")
    padding = graph("Unsqueeze", shut_out(graph, mask), axis)  # (batch, 1, source_length)
    weights = graph("Softmax", graph("Add", scores, padding), axis=-1)
    context = graph("MatMul", weights, values)  # (batch, queries, units)
    joined = graph("Concat", context, queries, axis=-1)
    return dense(graph, head.combine, joined), weights


def pool(graph: GraphWriter, x: str, mask: str, kind: str) -> str:
    """Pools `(batch, length, dim)` over the real tokens; see `MeanPooling` and `MaxPooling`."""
    mask = graph("Unsqueeze", mask, graph.constant([2], "int64"))
    if kind == "max":
        x = graph("Where", mask, x, graph.constant(LOWEST, "float32"))
        return graph("ReduceMax", x, axes=[1], keepdims=0)
    mask = graph.cast(mask, "float32")
    axis = graph.constant([1], "int64")
    total = graph("ReduceSum", graph("Mul", x, mask), axis, keepdims=0)
    return graph("Div", total, graph("ReduceSum", mask, axis, keepdims=0))


def size_of(graph: GraphWriter, x: str, axis: int) -> str:
    """Returns the size of an axis, int64 `(1,)`."""
    bounds = [graph.constant([i], "int64") for i in (axis, axis + 1)]
    return graph("Slice", graph("Shape", x), *bounds)


def shut_out(graph: GraphWriter, mask: str) -> str:
    """Returns what is added to scores: 0 where a mask is true, elsewhere a very low number."""
    return graph("Where", mask, graph.constant(0, "float32"), graph.constant(MASKED, "float32"))


def _scale(graph, layer):
    return graph.weight(f"{layer.name}_scale", read_weight(layer.scale))
