"""Tokenizers as arguments of models, and in their configs."""

import keras
import numpy as np

from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS


def vocabulary_size(name, source) -> tuple[int, Tokenizer | None]:
    """Returns the vocabulary size and the tokenizer, if there is one, of an argument."""
    if isinstance(source, (int, np.integer)) and source > EOS:
        return int(source), None
    if isinstance(source, Tokenizer):
        if source.vocabulary is None:
            raise ValueError(
                f"Expected `{name}` to have a vocabulary. Received a {type(source).__name__} that "
                "was never adapted. Call `tokenizer.adapt(texts)` first."
            )
        return len(source.vocabulary), source
    raise ValueError(
        f"Expected `{name}` to be a tokenizer, or a vocabulary size above {EOS}, the last special "
        f"id. Received: {name}={source!r}."
    )


def serialize_tokenizer(tokenizer, size):
    """Returns what stands for a tokenizer, or for a vocabulary without one, in a config."""
    return size if tokenizer is None else keras.saving.serialize_keras_object(tokenizer)


def deserialize_tokenizer(config, custom_objects=None):
    """Returns the tokenizer or the size that a config holds."""
    if not isinstance(config, dict):
        return config
    return keras.saving.deserialize_keras_object(config, custom_objects=custom_objects)
