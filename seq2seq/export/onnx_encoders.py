"""Encoders of BERT's form as ONNX graphs: one that fills in tokens, and a classifier."""

from seq2seq.export.onnx_blocks import (
    count,
    embed_tokens,
    normalise,
    read_blocks,
)
from seq2seq.export.onnx_graph import GraphWriter
from seq2seq.export.onnx_layers import dense, embed, pool, read_weight, size_of
from seq2seq.export.onnx_networks import IDS, find_mask, name_outputs
from seq2seq.text.vocabulary import BOS, EOS


def masked_language_model_graphs(network) -> dict:
    """Returns the graph `model` of a masked language model, as an `onnx.ModelProto` by name.

    It takes `token_ids` `(batch, length)` and `places` `(batch, predictions)`, and returns
    `probabilities` `(batch, predictions, vocabulary)` of the tokens there, `next_sentence` `(batch,
    2)`, and `outputs` `(batch, length, units)`.

    Args:
        network: A `MaskedTransformer`.
    """
    graph, units = GraphWriter(), network.encoder.embedding.output_dim
    outputs = _read(graph, network.encoder, "token_ids", find_mask(graph, "token_ids"))
    indices = graph("Unsqueeze", graph.cast("places", "int64"), graph.constant([2], "int64"))
    x = graph("GatherND", outputs, indices, batch_dims=1)  # (batch, predictions, units)
    x = normalise(graph, network.token_norm, dense(graph, network.token_dense, x))
    table, bias = (
        read_weight(weight)[: network.size]  # without the mask's own row
        for weight in (network.embedding.embeddings, network.embedding.bias)
    )
    scores = graph("MatMul", x, graph.weight("token_kernel", table.T))
    scores = graph("Add", scores, graph.weight("token_bias", bias))
    classes = dense(graph, network.next_dense, dense(graph, network.pooler, _first(graph, outputs)))
    graph("Softmax", scores, outputs=["probabilities"], axis=-1)
    graph("Softmax", classes, outputs=["next_sentence"], axis=-1)
    found = {
        "probabilities": ("float32", ("batch", "predictions", network.size)),
        "next_sentence": ("float32", ("batch", 2)),
    }
    every = name_outputs(graph, "outputs", [outputs], ("float32", ("batch", "length", units)), None)
    inputs = {"token_ids": IDS, "places": ("int32", ("batch", "predictions"))}
    return {"model": graph.to_model(inputs, found | every)}


def encoded_classifier_graphs(network) -> dict:
    """Returns the graph `model` of a classifier: `token_ids` to `probabilities` and `outputs`.

    The outputs `(batch, length + 1, units)` begin with that at `BOS`.

    Args:
        network: An `EncodedClassifier`.
    """
    graph = GraphWriter()
    ends = graph.constant([0, 1, 0, 0], "int64"), graph.constant(BOS, "int32")
    ids = graph("Pad", "token_ids", *ends)
    mask = find_mask(graph, ids)
    outputs = _read(graph, network.encoder, ids, mask)
    pooled = [
        pool(graph, outputs, mask, "mean"),
        pool(graph, outputs, mask, "max"),
        _first(graph, outputs),
    ]
    if network.pooled_embedding is not None:
        x = embed(graph, network.pooled_embedding, "token_ids")
        pooled.append(pool(graph, x, find_mask(graph, "token_ids"), "mean"))
    scores = dense(graph, network.output, graph("Concat", *pooled, axis=-1))
    graph("Softmax", scores, outputs=["probabilities"], axis=-1)
    kind = "float32", ("batch", "all", network.units)
    every = name_outputs(graph, "outputs", [outputs], kind, None)
    found = {"probabilities": ("float32", ("batch", network.output.units))}
    return {"model": graph.to_model({"token_ids": IDS}, found | every)}


def _read(graph, encoder, ids, mask):
    """Writes a `TextEncoder`; returns its outputs `(batch, length, units)`."""
    positions = count(graph, size_of(graph, ids, 1))
    x = embed_tokens(graph, encoder.embedding, encoder.position_embedding, ids, positions)
    axis = graph.constant(1, "int64")
    ends = graph.cast(graph("Equal", ids, graph.constant(EOS, "int32")), "int32")
    segments = graph("Min", graph("CumSum", ends, axis, exclusive=1), graph.constant(1, "int32"))
    table = graph.weight(encoder.segments.path, read_weight(encoder.segments.embeddings))
    x = graph("Add", x, graph("Gather", table, segments))
    x = normalise(graph, encoder.embedding_norm, x)
    return read_blocks(graph, encoder, x, mask, positions)


def _first(graph, outputs):
    """Returns the output at the first token, `(batch, units)`."""
    return graph("Gather", outputs, graph.constant(0, "int64"), axis=1)
