"""Vectors of whole texts, to compare texts by what they mean."""

import weakref
from collections.abc import Sequence

import numpy as np

from seq2seq.backend import compile_function
from seq2seq.checks import check_whole
from seq2seq.data.rows import check_texts
from seq2seq.models.classifier import TextClassifier
from seq2seq.models.generator import batches_by_length, pad_batch
from seq2seq.models.language_model import LanguageModel
from seq2seq.models.pooling import MaxPooling, MeanPooling
from seq2seq.models.recurrent import Encoder
from seq2seq.models.seq2seq import Seq2Seq
from seq2seq.models.text_model import BATCH_SIZE, TextModel
from seq2seq.text.vocabulary import BOS

POOLINGS = {"mean": MeanPooling, "max": MaxPooling}

# The functions compiled for each model, by pooling, as long as the model lives.
_compiled = weakref.WeakKeyDictionary()


def encode_texts(
    model: TextModel, texts: Sequence, pooling: str = "mean", batch_size: int = BATCH_SIZE
) -> np.ndarray:
    """Turns texts into vectors, what a model's encoder makes of their tokens, pooled.

    Vectors of texts that mean alike to the model point the same way: compare them by their cosine.

    Args:
        model: A trained `Seq2Seq` or `TextClassifier`, whose encoder reads the texts, or a
            `LanguageModel`, whose decoder does.
        texts: List of texts, or rows of ids ending with `EOS`.
        pooling: `"mean"` or `"max"`, over the tokens with `EOS`. Defaults to `"mean"`.
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
    encoder, rows = _encoder_and_rows(model, texts)
    functions = _compiled.setdefault(model, {})
    if pooling not in functions:
        functions[pooling] = _compile(encoder, POOLINGS[pooling](), model.variables)
    vectors = np.zeros((len(rows), model.units), dtype="float32")
    for batch in batches_by_length(rows, batch_size):
        token_ids = pad_batch([rows[i] for i in batch])
        vectors[batch] = np.asarray(functions[pooling](token_ids)).astype("float32")[: len(batch)]
    return vectors


def _compile(encoder, pool, variables):
    def vectors_of(token_ids):
        outputs, _, mask = encoder.read(token_ids)
        return pool(outputs, mask)

    return compile_function(vectors_of, variables)


def _encoder_and_rows(model, texts):
    """Returns the layers that read, and the rows of ids they read."""
    if isinstance(model, Seq2Seq):
        return model.encoder, model.make_rows("source", texts)
    if isinstance(model, TextClassifier):
        return model.encoder, model.make_rows(texts)
    if isinstance(model, LanguageModel):
        rows = [[BOS, *row] for row in model.make_rows(texts)]
        return Encoder(model.decoder.embedding, model.decoder.stack), rows
    raise ValueError(
        f"Expected a Seq2Seq, TextClassifier or LanguageModel. Received: {model!r} of type "
        f"{type(model).__name__}."
    )
