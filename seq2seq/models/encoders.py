"""The encoder that a `TextClassifier` is made with, and what may be said beside it."""

import dataclasses
from pathlib import Path

import keras

from seq2seq.models.masked_language_model import MaskedLanguageModel
from seq2seq.networks.options import (
    ClassifierOptions,
    EncodedClassifierOptions,
    MaskedLanguageModelOptions,
)
from seq2seq.text.side import Side
from seq2seq.text.tokenizers import Tokenizer


def read_encoder_options(
    encoder: MaskedLanguageModel | dict, given: ClassifierOptions, vectors: object = None
) -> EncodedClassifierOptions:
    """Returns the options of a classifier with such an encoder.

    Args:
        encoder: A `MaskedLanguageModel`, or its options by name.
        given: The options that the classifier was given, or their defaults.
        vectors: The path that it was given.

    Raises:
        ValueError: If it is no such encoder, or something was given that has no meaning with it.
    """
    own = {field.name for field in dataclasses.fields(EncodedClassifierOptions)}
    for field in dataclasses.fields(given):
        value = getattr(given, field.name)
        if field.name not in own and value != field.default:
            raise _has_its_own(field.name, value)
    if vectors is not None:
        raise _has_its_own("vectors", vectors)
    if not given.pair_buckets and given.embedding_dim != ClassifierOptions.embedding_dim:
        raise _has_its_own("embedding_dim", given.embedding_dim)  # beside it are none
    options = _read_options(encoder)
    longest = options.max_length - 1  # `BOS` takes a position
    max_length = given.max_length
    if max_length == ClassifierOptions.max_length:
        max_length = min(max_length, longest)
    if max_length > longest:
        raise ValueError(
            f"Expected `max_length` of at most {longest} with this encoder, whose rows have "
            f"{longest + 1} tokens with BOS. Received: max_length={max_length}. Leave it out."
        )
    return EncodedClassifierOptions(
        encoder=options,
        embedding_dim=given.embedding_dim,
        pair_buckets=given.pair_buckets,
        dropout=given.dropout,
        label_smoothing=given.label_smoothing,
        max_length=max_length,
    )


def read_encoder_side(tokenizer: Tokenizer | int | None, encoder) -> Side:
    """Returns the vocabulary of a classifier: given, or its encoder's, and then the same.

    Raises:
        ValueError: If the encoder has another vocabulary, or there is none.
    """
    if not isinstance(encoder, MaskedLanguageModel):
        return Side.of("tokenizer", tokenizer)
    theirs = encoder.sides["tokenizer"]
    if tokenizer is None:
        return theirs
    side = Side.of("tokenizer", tokenizer)
    vocabularies = [
        list(one.tokenizer.vocabulary) if one.tokenizer else one.size for one in (side, theirs)
    ]
    if vocabularies[0] != vocabularies[1]:
        raise ValueError(
            "Expected the encoder's own vocabulary. Received a tokenizer of another. Pass "
            "tokenizer=None; or make the classifier with encoder=model.options.to_dict() and copy "
            "token by token, with `copy_weights`."
        )
    return side


def _read_options(encoder):
    if isinstance(encoder, MaskedLanguageModel):
        return encoder.options
    if isinstance(encoder, (str, Path, keras.Model)):
        raise ValueError(
            "Expected `encoder` to be a MaskedLanguageModel. Received: "
            f"{encoder!r:.200}. Train one with `fit` or `seq2seq train --task fill`, "
            "and load its file with seq2seq.load_model."
        )
    known = {field.name for field in dataclasses.fields(MaskedLanguageModelOptions)}
    if not isinstance(encoder, dict) or not encoder.keys() <= known:
        raise ValueError(
            "Expected `encoder` to be a MaskedLanguageModel, or a dict of its options. Received: "
            f"{encoder!r:.200}. Options are {', '.join(sorted(known))}."
        )
    return MaskedLanguageModelOptions(**encoder)


def _has_its_own(name, value):
    return ValueError(
        f"Expected no `{name}` with `encoder`, which has its own. Received: {name}={value!r}. "
        "Leave it out."
    )
