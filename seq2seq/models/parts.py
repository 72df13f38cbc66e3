"""What `copy_weights` copies."""

from dataclasses import dataclass
from typing import Any

import keras

from seq2seq.text.side import Side


@dataclass(frozen=True)
class Part:
    """A part of a model whose weights can be copied, layer by layer; see `copy_weights`.

    Attributes:
        embedding: Of its tokens.
        layers: Those that have weights, in order.
        output: The layer of the scores, `None`, or a function if it is tied to the embedding.
        side: The vocabulary.
        factor: What embedded tokens are multiplied by. Defaults to 1.
    """

    embedding: keras.layers.Embedding
    layers: list[keras.layers.Layer]
    output: Any
    side: Side
    factor: float = 1.0
