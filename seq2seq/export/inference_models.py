"""Inference models: the encoder alone and the decoder one step at a time."""

from pathlib import Path

import keras
import numpy as np

from seq2seq.files.loading import load_model
from seq2seq.models.encoder_decoder import EncoderDecoderModel
from seq2seq.text.vocabulary import PAD


def build_inference_models(model: EncoderDecoderModel) -> tuple[keras.Model, keras.Model]:
    """Rebuilds the inference encoder and decoder from a model's layers, which they share.

    Args:
        model: A `Seq2Seq` or `Transformer`.

    Returns:
        Tuple `(encoder_model, decoder_model)`. The encoder takes `source_ids` `(batch,
        source_length)` and returns a list of states; with attention the encoder's outputs and the
        source mask are among them, in a `Transformer` keys and values of no tokens yet. The decoder
        takes `[token_ids, *states]`, `token_ids` being `(batch, 1)`, and returns `[probabilities,
        *states]`, the probabilities `(batch, 1, target_vocabulary)`.

    Raises:
        ValueError: If `model` is another model.

    Example:

    >>> encoder_model, decoder_model = build_inference_models(model)
    >>> states = encoder_model.predict(source_ids)
    >>> token_ids = np.full((len(source_ids), 1), seq2seq.BOS)
    >>> probabilities, *states = decoder_model.predict([token_ids, *states])
    """
    _check_model(model)
    source_ids = model.inputs[0]
    states = model.network.hand_over(source_ids)
    encoder_model = keras.Model(source_ids, states, name=f"{model.name}_encoder")
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    inputs = [
        keras.Input(state.shape[1:], dtype=state.dtype, name=f"state_{i + 1}")
        for i, state in enumerate(states)
    ]
    probabilities, states = model.network.follow(token_ids, inputs)
    decoder_model = keras.Model(
        [token_ids, *inputs], [probabilities, *states], name=f"{model.name}_decoder"
    )
    return encoder_model, decoder_model


def load_inference_models(path: str | Path) -> tuple[keras.Model, keras.Model]:
    """Loads a saved encoder-decoder and returns its inference encoder and decoder.

    Args:
        path: Path of a `.keras` file.

    Returns:
        As `build_inference_models`.

    Raises:
        ValueError: If the file is missing, broken, or holds another model.

    Example:

    >>> encoder_model, decoder_model = seq2seq.load_inference_models("translator.keras")
    >>> states = encoder_model.predict(source_ids)
    """
    return build_inference_models(load_model(path, EncoderDecoderModel))


def check_inference(model: EncoderDecoderModel, source, target) -> float:
    """Compares step-by-step probabilities with those of the training graph.

    Args:
        model: A `Seq2Seq` or `Transformer`.
        source: List of texts, or rows of source ids ending with `EOS`.
        target: As many texts, or rows of target ids ending with `EOS`.

    Returns:
        The largest difference between two probabilities of a real token; below 1e-5 in float32.

    Raises:
        ValueError: If it is another model, or texts do not match.

    Example:

    >>> seq2seq.check_inference(model, ["good morning"], ["早上好"]) < 1e-5
    True
    """
    _check_model(model)
    (source_ids, target_ids), labels = model.encode_pairs(source, target)
    encoder_model, decoder_model = build_inference_models(model)
    # Called directly: `predict` would compile each model for these few steps.
    expected = np.asarray(model([source_ids, target_ids], training=False))
    states = map(np.asarray, encoder_model(source_ids, training=False))
    difference = 0.0
    for position in range(labels.shape[1]):
        token_ids = target_ids[:, position : position + 1]
        outputs = decoder_model([token_ids, *states], training=False)
        probabilities, *states = map(np.asarray, outputs)
        real = labels[:, position] != PAD
        gap = np.abs(probabilities[real, 0] - expected[real, position])
        difference = max(difference, float(gap.max(initial=0.0)))
    return difference


def _check_model(model):
    if not isinstance(model, EncoderDecoderModel):
        raise ValueError(
            f"Expected a Seq2Seq or Transformer. Received: {model!r} of type "
            f"{type(model).__name__}."
        )
