"""The networks as ONNX graphs: an encoder and one step of a decoder, or a classifier.

All of them speak the decoding contract of `generation.loop`, so that one loop runs them.
"""

from seq2seq.export.onnx_best_tokens import find_best
from seq2seq.export.onnx_graph import GraphWriter
from seq2seq.export.onnx_layers import (
    attend,
    count_tokens,
    dense,
    embed,
    pool,
    run_stack,
    score_tokens,
    size_of,
)

IDS = ("int32", ("batch", "length"))


def encoder_decoder_graphs(network) -> dict:
    """Returns the graphs of an encoder-decoder, as `onnx.ModelProto`s by name.

    `encoder_model` takes `source_ids` and returns `state_1`, ..., then `memory_1`, ... and, for
    `encode_texts`, `outputs`. `decoder_model` takes `token_ids` `(rows,)`, `few` `(1,)`, the states
    and the memory, and returns `scores` `(rows, vocabulary)`, unnormalised, `next_state_1`, ...
    and, with attention, `attention` `(rows, length)`. Where `few` is above 0 it returns also `best`
    and `best_ids` `(rows, few)`: log probabilities and ids of that many best tokens, best first;
    see `find_best`.

    Args:
        network: A `RecurrentEncoderDecoder`.
    """
    encoder, decoder = network.encoder, network.decoder
    graph = GraphWriter()
    mask = find_mask(graph, "source_ids")
    x = embed(graph, encoder.embedding, "source_ids")
    outputs, states = run_stack(graph, encoder.stack, x, count_tokens(graph, mask))
    if encoder.bridge is not None:
        states = _bridge(graph, encoder.bridge, states)
    memory = []
    if encoder.attention is not None:
        keys = encoder.attention.keys
        memory = [outputs, *([] if keys is None else [dense(graph, keys, outputs)]), mask]
    units = decoder.stack.layers[0].units
    returned = name_outputs(graph, "state_", states, ("float32", ("batch", units)))
    kept = name_outputs(graph, "memory_", memory[:-1], ("float32", ("batch", "length", units)))
    kept |= name_outputs(graph, "memory_", memory[-1:], ("bool", ("batch", "length")), len(memory))
    every = name_outputs(graph, "outputs", [outputs], ("float32", ("batch", "length", units)), None)
    encoder_model = graph.to_model({"source_ids": IDS}, returned | kept | every)
    rows = {name: ("float32", ("rows", units)) for name in returned}
    return {
        "encoder_model": encoder_model,
        "decoder_model": _decoder_graph(decoder, rows, kept),
    }


def language_model_graphs(network) -> dict:
    """Returns the graphs of a language model; see `encoder_decoder_graphs`.

    Its `encoder_model` reads `token_ids` `(batch, length)`, prompts, and returns the states after
    the last token.
    """
    decoder, graph = network.decoder, GraphWriter()
    mask = find_mask(graph, "token_ids")
    x = embed(graph, decoder.embedding, "token_ids")
    outputs, states = run_stack(graph, decoder.stack, x, count_tokens(graph, mask))
    units = decoder.stack.layers[0].units
    returned = name_outputs(graph, "state_", states, ("float32", ("batch", units)))
    every = name_outputs(graph, "outputs", [outputs], ("float32", ("batch", "length", units)), None)
    rows = {name: ("float32", ("rows", units)) for name in returned}
    return {
        "encoder_model": graph.to_model({"token_ids": IDS}, returned | every),
        "decoder_model": _decoder_graph(decoder, rows, {}),
    }


def classifier_graphs(network) -> dict:
    """Returns the graph `model` of a classifier: `token_ids` to `probabilities` and `outputs`."""
    encoder, graph = network.encoder, GraphWriter()
    mask = find_mask(graph, "token_ids")
    x = embed(graph, encoder.embedding, "token_ids")
    outputs, _ = run_stack(graph, encoder.stack, x, count_tokens(graph, mask))
    pooled = [
        pool(graph, outputs, mask, "mean"),
        pool(graph, outputs, mask, "max"),
        pool(graph, x, mask, "mean"),
    ]
    scores = dense(graph, network.output, graph("Concat", *pooled, axis=-1))
    classes = network.output.units
    graph("Softmax", scores, outputs=["probabilities"], axis=-1)
    every = name_outputs(graph, "outputs", [outputs], ("float32", ("batch", "length", None)), None)
    probabilities = {"probabilities": ("float32", ("batch", classes))}
    return {"model": graph.to_model({"token_ids": IDS}, probabilities | every)}


def _decoder_graph(decoder, states, memory):
    """Returns the graph of one step: see `Decoder.step`."""
    graph = GraphWriter()
    axis = graph.constant([1], "int64")
    x = graph("Unsqueeze", embed(graph, decoder.embedding, "token_ids"), axis)  # (rows, 1, dim)
    x, new_states = run_stack(graph, decoder.stack, x, states=list(states))
    x = graph("Squeeze", x, axis)  # (rows, units)
    attention = {}
    if decoder.attention is not None:
        batch, length = (size_of(graph, "memory_1", axis) for axis in range(2))
        units = decoder.stack.layers[0].units
        rest = graph.constant([-1, units], "int64")
        queries = graph("Reshape", x, graph("Concat", batch, rest, axis=0))
        x, weights = attend(graph, decoder.attention, queries, list(memory))
        x = graph("Reshape", x, graph.constant([-1, units], "int64"))
        by_row = graph("Concat", graph.constant([-1], "int64"), length, axis=0)
        graph("Reshape", weights, by_row, outputs=["attention"])
        attention = {"attention": ("float32", ("rows", "length"))}
    scores = score_tokens(graph, decoder.output, x)
    asked, best = find_best(graph, decoder.embedding.input_dim)
    next_states = name_outputs(graph, "next_state_", new_states, next(iter(states.values())))
    return graph.to_model(
        {"token_ids": ("int32", ("rows",)), **asked, **states, **memory},
        scores | next_states | attention | best,
    )


def _bridge(graph, bridge, states):
    """Maps both directions' final states to the decoder's; see `Bridge`."""
    return [
        dense(graph, layer, graph("Concat", *pair, axis=-1))
        for layer, pair in zip(bridge.layers, bridge.pairs(states), strict=True)
    ]


def find_mask(graph: GraphWriter, ids: str) -> str:
    """Returns where ids are no padding."""
    return graph("Not", graph("Equal", ids, graph.constant(0, "int32")))


def name_outputs(
    graph: GraphWriter, name: str, tensors: list, kind: tuple, first: int | None = 1
) -> dict:
    """Gives tensors the names of outputs, numbered unless `first` is `None`."""
    names = [name if first is None else f"{name}{first + i}" for i in range(len(tensors))]
    for tensor, output in zip(tensors, names, strict=True):
        graph.name_output(tensor, output)
    return dict.fromkeys(names, kind)
