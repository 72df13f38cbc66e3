"""Transformer blocks as nodes of an ONNX graph; see `onnx_layers`.

Where a whole sequence is read, heads are split by moving axes, as in Keras. At a step of a decoder
that would copy all keys and values for every token. There each head asks with a query that is zero
outside its own units: more products, and yet the faster way, because nothing is moved.
"""

from collections.abc import Sequence
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
        mask: Added to scores, `(batch, 1, length)`.
        length: Number of tokens, int64 `(1,)`.
        together: Shape of the queries of a row of the batch, `(batch, -1, units)`; `None` where
            each hypothesis has a memory of its own, so that no shape changes.
        apart: Shape of their scores by hypothesis, `(-1, heads, length)`.
        weights: Shape of their weights, `(batch, -1, length)`.
    """

    mask: str
    length: str
    together: str | None = None
    apart: str | None = None
    weights: str | None = None

    @classmethod
    def of_each(cls, graph: GraphWriter, mask: str) -> "Memory":
        """Returns what a bool mask `(rows, length)` of the hypotheses' own tokens tells."""
        hidden = graph("Unsqueeze", shut_out(graph, mask), graph.constant([1], "int64"))
        return cls(hidden, size_of(graph, mask, 1))

    @classmethod
    def of(cls, graph: GraphWriter, mask: str, block) -> "Memory":
        """Returns what a bool mask `(batch, length)` tells blocks such as the given one."""
        batch = size_of(graph, mask, 0)
        rest, heads = ([-1, number] for number in (block.units, block.num_heads))
        memory = cls.of_each(graph, mask)
        return memory._replace(
            together=graph("Concat", batch, graph.constant(rest, "int64"), axis=0),
            apart=graph("Concat", graph.constant(heads, "int64"), memory.length, axis=0),
            weights=graph("Concat", batch, graph.constant([-1], "int64"), memory.length, axis=0),
        )


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
        self.factor = (block.units // block.num_heads) ** -0.5  # of queries

    def read(self, x: str, mask: str, positions: str) -> tuple[str, str, str]:
        """Runs over whole sequences.

        Args:
            x: `(batch, length, units)`.
            mask: Added to scores, broadcast to `(batch, heads, length, length)`.
            positions: int64 `(length,)`.

        Returns:
            Tuple of the outputs, the keys and the values, of the shape of `x`.
        """
        block = self.block
        queries, *pair = self._read(
            block.attention, self._before(x, block.attention_norm), positions
        )
        y = self._attend_at_once(block.attention, queries, *pair, mask)
        x = self._after(x, y, block.attention_norm)
        return self._feed(x), *pair

    def step(self, x: str, positions: str, before: Sequence[tuple], source: tuple | None = None):
        """Runs over one token of every hypothesis.

        Args:
            x: `(rows, 1, units)`.
            positions: int64 `(rows, 1)`.
            before: Tuples of keys, values and their `Memory`: the tokens before this one.
            source: The same of the source. Defaults to `None`.

        Returns:
            Tuple of the outputs, the key and the value of the token, all of the shape of `x`, and
            the weights on the source `(rows, heads, source_length)` or `None`.
        """
        block, weights = self.block, None
        y = self._before(x, block.attention_norm)
        queries, *own = self._read(block.attention, y, positions)
        y, _ = self._attend_by_head(block.attention, queries, [*before, (*own, None)])
        x = self._after(x, y, block.attention_norm)
        if source is not None:
            attention, y = block.cross_attention, self._before(x, block.cross_norm)
            (queries,) = dense_together(self.graph, [attention.query], y, self.factor)
            y, weights = self._attend_by_head(attention, queries, [source])
            x = self._after(x, y, block.cross_norm)
        return self._feed(x), *own, weights

    def project(self, attention, x: str, positions: str) -> tuple[str, str]:
        """Returns keys and values of `(..., units)`, of the same shape."""
        keys, values = dense_together(self.graph, [attention.key, attention.value], x)
        return self._turn(attention, keys, positions), values

    def _read(self, attention, x, positions):
        """Returns queries, which are already scaled, keys and values of `(..., units)`."""
        layers = [attention.query, attention.key, attention.value]
        queries, keys, values = dense_together(self.graph, layers, x, self.factor)
        queries, keys = (self._turn(attention, one, positions) for one in (queries, keys))
        return queries, keys, values

    def _turn(self, attention, x, positions):
        """Turns queries or keys by their positions, if these are rotary."""
        if not attention.rotary:
            return x
        return rotate(self.graph, x, positions, self.num_heads, self.units)

    def _attend_at_once(self, attention, queries, keys, values, mask):
        """Attends from whole sequences to whole sequences."""
        graph = self.graph
        shape = graph.constant([0, 0, self.num_heads, self.units // self.num_heads], "int64")

        def split(x, order):
            return graph("Transpose", graph("Reshape", x, shape), perm=order)

        scores = graph("MatMul", split(queries, [0, 2, 1, 3]), split(keys, [0, 2, 3, 1]))
        weights = graph("Softmax", graph("Add", scores, mask), axis=-1)
        context = graph("MatMul", weights, split(values, [0, 2, 1, 3]))
        context = graph("Transpose", context, perm=[0, 2, 1, 3])  # (batch, length, heads, size)
        context = graph("Reshape", context, graph.constant([0, 0, self.units], "int64"))
        return dense(graph, attention.output_projection, context)

    def _attend_by_head(self, attention, queries, parts):
        """Attends from tokens `(rows, 1, units)` to all parts together, which tells the weights."""
        graph, axis = self.graph, self.graph.constant([1], "int64")
        of_head = graph.weight(f"heads_{self.num_heads}_{self.units}", self._own_units())
        asked = graph("Mul", queries, of_head)  # (rows, heads, units)
        scores = [self._score(asked, keys, memory) for keys, _, memory in parts]
        if len(parts) == 1:
            shares = weights = graph("Softmax", scores[0], axis=-1)  # (rows, heads, length)
        else:
            weights = graph("Softmax", graph("Concat", *scores, axis=-1), axis=-1)
            lengths = [memory.length if memory else axis for _, _, memory in parts]
            lengths = graph("Concat", *lengths, axis=0)
            shares = graph("Split", weights, lengths, outputs=len(parts), axis=-1)
        shares = [shares] if isinstance(shares, str) else shares
        mixed = [
            self._mix(share, values, memory)
            for share, (_, values, memory) in zip(shares, parts, strict=True)
        ]
        context = graph("Sum", *mixed) if len(mixed) > 1 else mixed[0]  # (rows, heads, units)
        context = graph("ReduceSum", graph("Mul", context, of_head), axis)  # (rows, 1, units)
        return dense(graph, attention.output_projection, context), weights

    def _score(self, asked, keys, memory):
        """Returns `(rows, heads, length)`."""
        graph, joined = self.graph, memory and memory.together
        if joined:
            asked = graph("Reshape", asked, memory.together)
        scores = graph("MatMul", asked, graph("Transpose", keys, perm=[0, 2, 1]))
        if memory:
            scores = graph("Add", scores, memory.mask)
        return graph("Reshape", scores, memory.apart) if joined else scores

    def _mix(self, weights, values, memory):
        """Returns `(rows, heads, units)`."""
        graph = self.graph
        if not memory:  # one token
            return graph("Mul", weights, values)
        if not memory.together:
            return graph("MatMul", weights, values)
        mixed = graph("MatMul", graph("Reshape", weights, memory.weights), values)
        return graph("Reshape", mixed, graph.constant([-1, self.num_heads, self.units], "int64"))

    def _own_units(self):
        """Returns which units each head has, float32 `(heads, units)`."""
        size = self.units // self.num_heads
        return np.repeat(np.eye(self.num_heads, dtype="float32"), size, axis=1)

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


def finish(graph: GraphWriter, norm, x: str) -> str:
    """Normalises the outputs of the last block, if there is a layer for it; see `make_norm`."""
    return normalise(graph, norm, x) if hasattr(norm, "gamma") else x


def rotate(graph: GraphWriter, x: str, positions: str, num_heads: int, units: int) -> str:
    """Turns queries or keys `(..., length, units)` by positions; see `rotate`."""
    size = units // num_heads
    axis = graph.constant([-2], "int64")
    sine, cosine = (graph("Unsqueeze", wave, axis) for wave in _waves(graph, positions, size))
    shape = graph("Shape", x)
    ends = graph.constant([0], "int64"), graph.constant([-1], "int64")
    heads = graph.constant([num_heads, size], "int64")
    by_head = graph("Concat", graph("Slice", shape, *ends), heads, axis=0)
    by_head = graph("Reshape", x, by_head)  # (..., length, heads, size)
    first, second = graph("Split", by_head, outputs=2, axis=-1)
    turned = [
        graph("Sub", graph("Mul", first, cosine), graph("Mul", second, sine)),
        graph("Add", graph("Mul", first, sine), graph("Mul", second, cosine)),
    ]
    return graph("Reshape", graph("Concat", *turned, axis=-1), shape)


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
