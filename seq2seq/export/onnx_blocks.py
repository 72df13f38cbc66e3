"""Transformer blocks as nodes of an ONNX graph; see `onnx_layers`.

Keys and values are kept by head, `(batch, heads, length, size)` with `size` units a head, as the
products of attention want them: to move their axes at a step would copy all of them for every
token.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from seq2seq.export.onnx_graph import GraphWriter
from seq2seq.export.onnx_layers import (
    dense,
    dense_together,
    embed,
    read_weight,
    shut_out,
    size_of,
)
from seq2seq.layers.positions import LONGEST_WAVE


class Memory(NamedTuple):
    """Tokens that others look at, in all blocks.

    Attributes:
        mask: Added to scores, `(batch, 1, 1, length)`.
        length: Number of tokens, int64 `(1,)`.
        together: Shape of the hypotheses' queries and weights, by row of the batch, `(batch, -1,
            heads, 0)`, where 0 leaves an axis as it is; `None` where each hypothesis has a memory
            of its own.
    """

    mask: str
    length: str
    together: str | None = None

    @classmethod
    def of_each(cls, graph: GraphWriter, mask: str) -> "Memory":
        """Returns what a bool mask `(rows, length)` of the hypotheses' own tokens tells."""
        hidden = graph("Unsqueeze", shut_out(graph, mask), graph.constant([1, 2], "int64"))
        return cls(hidden, size_of(graph, mask, 1))

    @classmethod
    def of(cls, graph: GraphWriter, mask: str, num_heads: int) -> "Memory":
        """Returns what a bool mask `(batch, length)` tells, where hypotheses share a row of it."""
        rest = graph.constant([-1, num_heads, 0], "int64")
        together = graph("Concat", size_of(graph, mask, 0), rest, axis=0)
        return cls.of_each(graph, mask)._replace(together=together)


class BlockWriter:
    """Writes a `TransformerBlock`.

    Args:
        graph: The graph.
        block: The block.
    """

    def __init__(self, graph: GraphWriter, block):
        self.graph = graph
        self.block = block
        self.units, self.num_heads = block.units, block.num_heads
        self.size = block.units // block.num_heads
        self.factor = self.size**-0.5  # of queries

    def read(self, x: str, mask: str, positions: str) -> tuple[str, str, str]:
        """Runs over whole sequences.

        Args:
            x: `(batch, length, units)`.
            mask: Added to scores, broadcast to `(batch, heads, length, length)`.
            positions: int64 `(length,)`.

        Returns:
            Tuple of the outputs, of the shape of `x`, and the keys and the values by head.
        """
        block, y = self.block, self._before(x, self.block.attention_norm)
        queries, *pair = self._read(block.attention, y, positions)
        context, _ = self._attend(queries, *pair, mask)
        x = self._after(x, self._merge(block.attention, context), block.attention_norm)
        return self._feed(x), *pair

    def step(self, x: str, positions: str, before: Sequence[tuple], source: tuple | None = None):
        """Runs over one token of every hypothesis.

        Args:
            x: `(rows, 1, units)`.
            positions: int64 `(rows, 1)`.
            before: Tuples of keys, values and their `Memory`: the tokens before this one.
            source: The same of the source. Defaults to `None`.

        Returns:
            Tuple of the outputs, of the shape of `x`, the key and the value of the token by head,
            `(rows, heads, 1, size)`, and the weights on the source, `None` without one:
            `(rows, heads, 1, source_length)`.
        """
        block, weights = self.block, None
        y = self._before(x, block.attention_norm)
        queries, *own = self._read(block.attention, y, positions, single=True)
        y = self._attend_to_tokens(queries, [*before, (*own, None)])
        x = self._after(x, self._merge(block.attention, y, single=True), block.attention_norm)
        if source is not None:
            attention, y = block.cross_attention, self._before(x, block.cross_norm)
            (queries,) = self._project_by_head([attention.query], y, self.factor, single=True)
            y, weights = self._attend_to_source(queries, *source)
            x = self._after(x, self._merge(attention, y, single=True), block.cross_norm)
        return self._feed(x), *own, weights

    def project(self, attention, x: str, positions: str) -> tuple[str, str]:
        """Returns keys and values of `(batch, length, units)` by head."""
        keys, values = self._project_by_head([attention.key, attention.value], x)
        return self._turn(attention, keys, positions), values

    def _read(self, attention, x, positions, single=False):
        """Returns queries, already scaled, keys and values; see `_project_by_head`."""
        layers = [attention.query, attention.key, attention.value]
        queries, keys, values = self._project_by_head(layers, x, self.factor, single)
        queries, keys = (self._turn(attention, y, positions) for y in (queries, keys))
        return queries, keys, values

    def _turn(self, attention, x, positions):
        """Turns queries or keys by their positions, if these are rotary."""
        return rotate(self.graph, x, positions, self.size) if attention.rotary else x

    def _project_by_head(self, layers, x, factor=1.0, single=False):
        """Runs dense layers and splits what each gives by head.

        Args:
            layers: See `dense_together`.
            x: `(batch, length, units)`.
            factor: See `dense_together`. Defaults to 1.
            single: Whether the length is 1. Defaults to `False`.

        Returns:
            List of the results of the layers, `(batch, heads, length, size)`.
        """
        graph, heads = self.graph, len(layers) * self.num_heads
        x = dense_together(graph, layers, x, factor)
        if single:  # to move its axis would change nothing
            x = graph("Reshape", x, graph.constant([0, heads, 1, self.size], "int64"))
        else:
            x = graph("Reshape", x, graph.constant([0, 0, heads, self.size], "int64"))
            x = graph("Transpose", x, perm=[0, 2, 1, 3])
        return [x] if len(layers) == 1 else graph("Split", x, outputs=len(layers), axis=1)

    def _merge(self, attention, context, single=False):
        """Returns the outputs of attention, `(batch, length, units)`, of a context by head."""
        graph = self.graph
        if not single:
            context = graph("Transpose", context, perm=[0, 2, 1, 3])
        shape = [0, 1 if single else 0, self.units]
        context = graph("Reshape", context, graph.constant(shape, "int64"))
        return dense(graph, attention.output_projection, context)

    def _score(self, queries, keys, mask):
        """Returns the scores of keys, `(batch, heads, queries, keys)`."""
        # ONNX Runtime makes one operation of both, in which no key is moved.
        scores = self.graph("MatMul", queries, self.graph("Transpose", keys, perm=[0, 1, 3, 2]))
        return self.graph("Add", scores, mask) if mask else scores

    def _attend(self, queries, keys, values, mask):
        """Returns the context `(batch, heads, queries, size)`, and the weights."""
        weights = self.graph("Softmax", self._score(queries, keys, mask), axis=-1)
        return self.graph("MatMul", weights, values), weights

    def _attend_to_source(self, queries, keys, values, memory):
        """Returns the context of each hypothesis, and its weights."""
        queries = self._together(queries, memory)
        found = self._attend(queries, keys, values, memory.mask)
        return tuple(self._apart(x, memory) for x in found)

    def _attend_to_tokens(self, queries, parts):
        """Returns the context of each hypothesis, which attends to all parts together."""
        graph, scores, mixed = self.graph, [], []
        for keys, _, memory in parts:
            found = self._score(self._together(queries, memory), keys, memory and memory.mask)
            scores.append(self._apart(found, memory))  # (rows, heads, 1, length)
        weights = graph("Softmax", graph("Concat", *scores, axis=-1), axis=-1)
        # A prompt, if there is one, the tokens after it, and the one token itself.
        start, last, end = (graph.constant([i], "int64") for i in (0, -1, 2**31 - 1))
        cuts = [start, *(memory.length for _, _, memory in parts[:-2]), last, end]
        shares = [graph("Slice", weights, *ends, last) for ends in pairwise(cuts)]
        for share, (_, values, memory) in zip(shares, parts, strict=True):
            if memory is None:
                mixed.append(graph("Mul", share, values))
            else:
                context = graph("MatMul", self._together(share, memory), values)
                mixed.append(self._apart(context, memory))
        return graph("Sum", *mixed)

    def _together(self, x, memory):
        """Brings hypotheses that share a memory together: `(batch, heads, width, ...)`."""
        if not (memory and memory.together):
            return x
        x = self.graph("Reshape", x, memory.together)  # (batch, width, heads, ...)
        return self.graph("Transpose", x, perm=[0, 2, 1, 3])

    def _apart(self, x, memory):
        """Takes them apart again: `(rows, heads, 1, ...)`."""
        if not (memory and memory.together):
            return x
        x = self.graph("Transpose", x, perm=[0, 2, 1, 3])
        shape = self.graph.constant([-1, self.num_heads, 1, 0], "int64")
        return self.graph("Reshape", x, shape)

    def _feed(self, x):
        """Runs the feed-forward network."""
        y = self._before(x, self.block.feedforward_norm)
        y = dense(self.graph, self.block.feedforward_in, y)
        y = dense(self.graph, self.block.feedforward_out, y)
        return self._after(x, y, self.block.feedforward_norm)

    def _before(self, x, norm):
        """Returns what a part reads; see `TransformerBlock`."""
        return normalise(self.graph, norm, x) if self.block.norm_first else x

    def _after(self, x, y, norm):
        """Adds what a part made of `x`."""
        x = self.graph("Add", x, y)
        return x if self.block.norm_first else normalise(self.graph, norm, x)


def embed_tokens(
    graph: GraphWriter, embedding, position_embedding, ids: str, positions: str
) -> str:
    """Looks ids up and adds their positions; see `TokenAndPosition`.

    Args:
        graph: The graph.
        embedding: The embedding.
        position_embedding: A `TokenAndPosition`.
        ids: `(..., length)`.
        positions: int64 `(length,)`, or of the shape of `ids`.
    """
    x, units = embed(graph, embedding, ids), embedding.output_dim
    if position_embedding.scale:
        x = graph("Mul", x, graph.constant(units**0.5, "float32"))
    if position_embedding.kind == "learned":
        table = graph.weight(position_embedding.table.path, read_weight(position_embedding.table))
        positions = graph("Min", positions, graph.constant(position_embedding.longest - 1, "int64"))
        return graph("Add", x, graph("Gather", table, positions))
    if position_embedding.kind == "sinusoidal":
        return graph("Add", x, graph("Concat", *_waves(graph, positions, units), axis=-1))
    return x


def normalise(graph: GraphWriter, layer, x: str) -> str:
    """Normalises `(..., units)`; see `keras.layers.LayerNormalization`."""
    weights = [
        graph.weight(weight.path, read_weight(weight)) for weight in (layer.gamma, layer.beta)
    ]
    return graph("LayerNormalization", x, *weights, axis=-1, epsilon=layer.epsilon)


def read_blocks(graph: GraphWriter, encoder, x: str, mask: str, positions: str) -> str:
    """Writes the blocks of an encoder, and what follows the last; returns its outputs."""
    hidden = graph("Unsqueeze", shut_out(graph, mask), graph.constant([1, 2], "int64"))
    for block in encoder.blocks:
        x, _, _ = BlockWriter(graph, block).read(x, hidden, positions)
    return finish(graph, encoder.norm, x)


def finish(graph: GraphWriter, norm, x: str) -> str:
    """Normalises the outputs of the last block, if there is a layer for it; see `make_norm`."""
    return normalise(graph, norm, x) if hasattr(norm, "gamma") else x


def rotate(graph: GraphWriter, x: str, positions: str, size: int) -> str:
    """Turns queries or keys `(batch, heads, length, size)` by positions; see
    `layers.positions.rotate`."""
    axis = graph.constant([-3], "int64")
    sine, cosine = (graph("Unsqueeze", wave, axis) for wave in _waves(graph, positions, size))
    first, second = graph("Split", x, outputs=2, axis=-1)
    turned = [
        graph("Sub", graph("Mul", first, cosine), graph("Mul", second, sine)),
        graph("Add", graph("Mul", first, sine), graph("Mul", second, cosine)),
    ]
    return graph("Concat", *turned, axis=-1)


def count(graph: GraphWriter, size: str) -> str:
    """Returns the numbers below a size, int64 `(size,)`."""
    size = graph("Squeeze", size, graph.constant([0], "int64"))
    return graph("Range", graph.constant(0, "int64"), size, graph.constant(1, "int64"))


def _waves(graph, positions, size):
    """Returns sines and cosines of positions `(..., length)`, each `(..., length, size / 2)`."""
    frequencies = np.exp(np.arange(size // 2) * (-2.0 / size) * np.log(LONGEST_WAVE))
    frequencies = graph.weight(f"frequencies_{size}", frequencies.astype("float32"))
    numbers = graph.cast(positions, "float32")
    numbers = graph("Unsqueeze", numbers, graph.constant([-1], "int64"))  # (..., length, 1)
    angles = graph("Mul", numbers, frequencies)
    return graph("Sin", angles), graph("Cos", angles)
