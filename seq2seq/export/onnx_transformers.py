"""Transformers as ONNX graphs; see `onnx_networks`.

The states of their decoders are keys and values of the tokens generated so far, in slots; a step
returns those of one token, which are then written into its slot.
"""

from seq2seq.export.onnx_best_tokens import find_best
from seq2seq.export.onnx_blocks import BlockWriter, Memory, count, embed_tokens, finish, read_blocks
from seq2seq.export.onnx_graph import GraphWriter
from seq2seq.export.onnx_layers import score_tokens, shut_out, size_of
from seq2seq.export.onnx_networks import IDS, find_mask, name_outputs


def transformer_graphs(network) -> dict:
    """Returns the graphs of a Transformer, as `onnx.ModelProto`s by name.

    They are as those of `encoder_decoder_graphs`, but `decoder_model` takes `positions` `(rows,)`
    too, how many tokens a row has generated; its states are `(rows, heads, slots, size)`, and it
    returns `new_state_1`, ..., `(rows, heads, 1, size)`, to be written into the slot of that
    number. `size` is the number of units of a head.

    Args:
        network: A `TransformerEncoderDecoder`.
    """
    encoder, decoder = network.encoder, network.decoder
    graph = GraphWriter()
    mask = find_mask(graph, "source_ids")
    positions = count(graph, size_of(graph, "source_ids", 1))
    x = embed_tokens(graph, encoder.embedding, encoder.position_embedding, "source_ids", positions)
    x = read_blocks(graph, encoder, x, mask, positions)
    memory = [
        tensor
        for block in decoder.blocks
        for tensor in BlockWriter(graph, block).project(block.cross_attention, x, positions)
    ]
    kept = _name_memory(graph, memory, mask, decoder)
    every = name_outputs(graph, "outputs", [x], _outputs_kind(decoder), None)
    return {
        "encoder_model": graph.to_model({"source_ids": IDS}, kept | every),
        "decoder_model": _decoder_graph(decoder, kept, crosses=True),
    }


def causal_transformer_graphs(network) -> dict:
    """Returns the graphs of a language model; see `transformer_graphs`.

    Its `encoder_model` reads `token_ids` `(batch, length)`, prompts, and returns as the memory keys
    and values of all tokens, and as its mask which of them come before a last one.
    """
    decoder, graph = network.decoder, GraphWriter()
    mask = find_mask(graph, "token_ids")
    positions = count(graph, size_of(graph, "token_ids", 1))
    x = embed_tokens(graph, decoder.embedding, decoder.position_embedding, "token_ids", positions)
    axes = [graph.constant([axis], "int64") for axis in range(2)]
    seen = graph("GreaterOrEqual", graph("Unsqueeze", positions, axes[1]), positions)
    hidden, memory = shut_out(graph, seen), []  # (length, length)
    for block in decoder.blocks:
        x, *pair = BlockWriter(graph, block).read(x, hidden, positions)
        memory += pair
    lengths = graph("ReduceSum", graph.cast(mask, "int64"), axes[1])  # (batch, 1)
    before = graph("Less", positions, graph("Sub", lengths, axes[1]))  # less 1
    kept = _name_memory(graph, memory, before, decoder)
    outputs = [finish(graph, decoder.norm, x)]
    every = name_outputs(graph, "outputs", outputs, _outputs_kind(decoder), None)
    return {
        "encoder_model": graph.to_model({"token_ids": IDS}, kept | every),
        "decoder_model": _decoder_graph(decoder, kept, crosses=False),
    }


def _name_memory(graph, tensors, mask, decoder):
    """Names keys and values of all blocks, and their mask, as outputs; returns these."""
    kind = _kind_by_head(decoder, "batch", "length")
    named = name_outputs(graph, "memory_", tensors, kind)
    kind = "bool", ("batch", "length")
    return named | name_outputs(graph, "memory_", [mask], kind, len(tensors) + 1)


def _outputs_kind(decoder):
    """Returns data type and shape of what the last block of an encoder gives."""
    return "float32", ("batch", "length", decoder.units)


def _kind_by_head(decoder, rows, length):
    """Returns data type and shape of keys or values."""
    heads = decoder.blocks[0].num_heads
    return "float32", (rows, heads, length, decoder.units // heads)


def _decoder_graph(decoder, memory, crosses):
    """Returns the graph of one step: see `TransformerDecoder.step`."""
    graph = GraphWriter()
    numbers = range(1, 2 * len(decoder.blocks) + 1)
    states = {f"state_{i}": _kind_by_head(decoder, "rows", "slots") for i in numbers}
    slots, x, shared, places = _begin(graph, decoder, list(memory)[-1], crosses)
    new, weights = [], []
    for i, block in enumerate(decoder.blocks):
        names = f"{2 * i + 1}", f"{2 * i + 2}"
        own = *(f"state_{name}" for name in names), slots
        others = *(f"memory_{name}" for name in names), shared
        before, source = ([own], others) if crosses else ([others, own], None)
        x, *pair, by_head = BlockWriter(graph, block).step(x, places, before, source)
        new += pair
        weights.append(by_head)
    x = graph("Squeeze", finish(graph, decoder.norm, x), graph.constant([1], "int64"))
    output = decoder.dense or decoder.embedding
    outputs = score_tokens(graph, output, x)
    outputs |= name_outputs(graph, "new_state_", new, _kind_by_head(decoder, "rows", 1))
    if crosses:
        axis = graph.constant([2], "int64")
        weights = [graph("Squeeze", by_head, axis) for by_head in weights]
        mean = [graph("ReduceMean", weights[-1], axes=[1], keepdims=0)]
        kind = "float32", ("rows", "length")
        outputs |= name_outputs(graph, "attention", mean, kind, None)
        kind = "float32", ("rows", decoder.blocks[0].num_heads, "length")
        outputs |= name_outputs(graph, "attention_", weights, kind)
    rows = "int32", ("rows",)
    asked, best = find_best(graph, decoder.embedding.input_dim)
    inputs = {"token_ids": rows, **asked, "positions": rows, **states, **memory}
    return graph.to_model(inputs, outputs | best)


def _begin(graph, decoder, mask, crosses):
    """Returns the memory of the slots, the embedded tokens, the memory of others, and positions.

    A token is a sequence of one, `(rows, 1, units)`, whose position is `(rows, 1)`.
    """
    axis, num_heads = graph.constant([1], "int64"), decoder.blocks[0].num_heads
    token, places = (graph("Unsqueeze", name, axis) for name in ("token_ids", "positions"))
    places = graph.cast(places, "int64")
    numbers = count(graph, size_of(graph, "state_1", 2))
    slots = graph("Less", numbers, places)  # (rows, slots)
    slots, shared = Memory.of_each(graph, slots), Memory.of(graph, mask, num_heads)
    if not crosses:  # the tokens stand after the prompts
        lengths = graph("ReduceSum", graph.cast(mask, "int64"), axis)  # (batch, 1)
        batch = size_of(graph, mask, 0)
        by_row = graph("Concat", batch, graph.constant([-1], "int64"), axis=0)
        places = graph("Add", graph("Reshape", places, by_row), lengths)  # (batch, width)
        places = graph("Reshape", places, graph.constant([-1, 1], "int64"))
    x = embed_tokens(graph, decoder.embedding, decoder.position_embedding, token, places)
    return slots, x, shared, places
