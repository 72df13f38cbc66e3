"""Vectors of whole texts, to compare texts by meaning."""

from collections.abc import Sequence

import numpy as np

from seq2seq.checks import check_whole
from seq2seq.data.inputs import check_texts
from seq2seq.data.padding import BATCH_SIZE, batches_by_length

POOLINGS = ("mean", "max")
LOWEST = -1e4  # in the place of padding, below what a layer puts out


def encode_texts(
    model, texts: Sequence, pooling: str = "mean", batch_size: int = BATCH_SIZE
) -> np.ndarray:
    """Turns texts into vectors: a model's encoder outputs for their tokens, pooled.

    Vectors of texts with similar meanings to the model point the same way: compare their cosines.

    Args:
        model: A trained `Seq2Seq`, `Transformer`, `TextClassifier` or `MaskedLanguageModel`, whose
            encoder reads the texts, or a `LanguageModel` or `TransformerLanguageModel`, whose
            decoder does; also an exported one.
        texts: List of texts, or rows of ids ending with `EOS`.
        pooling: `"mean"` or `"max"`, over the tokens and `EOS`. Defaults to `"mean"`.
        batch_size: Texts read together. Defaults to 64.

    Returns:
        float32 `(len(texts), units)`.

    Raises:
        ValueError: If the model is another one, or an argument is out of range.

    Example:

    >>> vectors = seq2seq.encode_texts(model, ["good morning", "good night"])
    >>> vectors.shape
    (2, 256)
    """
    check_whole("batch_size", batch_size)
    check_texts(texts)
    if pooling not in POOLINGS:
        raise ValueError(
            f"Expected `pooling` to be one of {', '.join(POOLINGS)}. Received: {pooling!r}."
        )
    if not hasattr(model, "vector_function"):
        raise ValueError(
            "Expected a Seq2Seq, Transformer, TextClassifier, LanguageModel, "
            "TransformerLanguageModel or MaskedLanguageModel. Received: "
            f"{model!r} of type {type(model).__name__}."
        )
    read = model.vector_function(pooling)
    rows = model.reading_rows(texts)
    vectors = np.zeros((len(rows), model.units), dtype="float32")
    for batch in batches_by_length(rows, batch_size):
        vectors[batch] = read([rows[i] for i in batch])
    return vectors
