"""Writes a model as a folder that runs with LiteRT, with the graphs' contracts of the ONNX export.

The converter takes a loop over steps only if the shape of a step is known, so a graph that reads
texts reads one at a time; a step of a decoder takes any number of rows.
"""

from pathlib import Path

import keras

from seq2seq.export.folder_readme import Runtime
from seq2seq.export.onnx_export import GRAPHS, check_export, write_export
from seq2seq.models.text_model import TextModel
from seq2seq.networks.classifier import RecurrentClassifier
from seq2seq.networks.language_model import RecurrentLanguageModel
from seq2seq.networks.recurrent import RecurrentEncoderDecoder
from seq2seq.text.vocabulary import PAD

RECURRENT = (RecurrentEncoderDecoder, RecurrentLanguageModel, RecurrentClassifier)
LITERT = Runtime(
    "LiteRT",
    "ai-edge-litert",
    ".tflite",
    note="\n\nA graph that reads texts takes a batch of one.",
)


def export_litert(
    model: TextModel, folder: str | Path, quantize: str | None = None, verbose="auto"
) -> float:
    """Exports a model for LiteRT and compares it with what was written; see `TextModel.export`.

    Args:
        model: A `Seq2Seq`, `LanguageModel` or `TextClassifier`.
        folder: Path of the folder to write; one that was exported before is replaced.
        quantize: `"int8"` or `None`. Defaults to `None`.
        verbose: Whether to print what was written. Defaults to `"auto"`, yes.

    Returns:
        The largest difference between two log probabilities, of the model and of the folder.

    Raises:
        ValueError: If it cannot be exported.
        ImportError: If a package is not installed.
    """
    folder = Path(folder)
    check_export(model, folder, quantize)
    _check_converter(model)
    graphs = GRAPHS[type(model.network)](model.network)
    for graph in graphs.values():
        _leave_out_best(graph.graph)
    functions = FUNCTIONS[model.task](model.network)
    contents = {
        f"{name}{LITERT.suffix}": _convert(model, functions[name], graph.graph, quantize)
        for name, graph in graphs.items()
    }

    return write_export(model, folder, quantize, verbose, contents, graphs, LITERT)


def _encoder_decoder(network):
    encoder, decoder = network.encoder, network.decoder

    def encode(source_ids):
        read = encoder.read(source_ids)
        states, memory = decoder.split(encoder.hand_over(*read))
        # Without attention the mask is there for Keras only.
        memory = _number("memory", memory if network.has_attention else [])
        return {**_number("state", states), **memory, "outputs": read[0]}

    return {"encoder_model": encode, "decoder_model": _step(decoder)}


def _language_model(network):
    decoder = network.decoder

    def encode(token_ids):
        mask = keras.ops.not_equal(token_ids, PAD)
        outputs, states = decoder.stack(decoder.embedding(token_ids), mask=mask)
        return {**_number("state", states), "outputs": outputs}

    return {"encoder_model": encode, "decoder_model": _step(decoder)}


def _classifier(network):
    def classify(token_ids):
        probabilities, outputs = network.read(token_ids)
        return {"probabilities": probabilities, "outputs": outputs}

    return {"model": classify}


FUNCTIONS = {
    "translate": _encoder_decoder,
    "language-model": _language_model,
    "classify": _classifier,
}


def _step(decoder):
    """Returns one step of a decoder, as a function of named tensors to named tensors."""

    def step(token_ids, **inputs):
        states, memory = decoder.split([inputs[name] for name in _in_order(inputs)])
        x, states = decoder.stack.step(decoder.embedding(token_ids), states)  # (rows, units)
        outputs = _number("next_state", states)
        if decoder.attention is not None:
            shape = keras.ops.shape(memory[0])  # (batch, length, units)
            queries = keras.ops.reshape(x, (shape[0], -1, x.shape[-1]))  # (batch, width, units)
            weights = decoder.attention.weights(queries, memory)
            outputs["attention"] = keras.ops.reshape(weights, (-1, shape[1]))
            x = decoder.attention.step(x, memory)
        return {"scores": decoder.output(x), **outputs}

    return step


def _number(name, tensors):
    return {f"{name}_{i}": tensor for i, tensor in enumerate(tensors, 1)}


def _in_order(names):
    """Returns the names of the states, then of the memory, each by number."""
    return sorted(names, key=lambda name: (name.startswith("memory"), len(name), name))


def _convert(model, function, graph, quantize):
    """Returns a function as a LiteRT graph with the inputs of an ONNX graph."""
    import tensorflow as tf
    from onnx import helper

    inputs = {}
    for tensor in graph.input:
        kind = tensor.type.tensor_type
        shape = [axis.dim_value or None for axis in kind.shape.dim]
        if len(graph.input) == 1:  # ids of texts, to be read in a loop
            shape[0] = 1
        dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
        inputs[tensor.name] = tf.TensorSpec(shape, dtype, tensor.name)
    weights = [(weight, weight.numpy()) for weight in model.variables]

    @tf.function(autograph=False)
    def constant(**inputs):
        with keras.StatelessScope([(weight, tf.constant(value)) for weight, value in weights]):
            return function(**inputs)

    traced = constant.get_concrete_function(**inputs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], model)
    converter._experimental_lower_tensor_list_ops = True  # LiteRT knows no lists of tensors
    if quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


def _leave_out_best(graph):
    """Takes the best tokens, which LiteRT does not look for, out of what a graph promises."""
    for tensors in (graph.input, graph.output):
        for tensor in list(tensors):
            if tensor.name in ("few", "normalise", "best", "best_ids"):
                tensors.remove(tensor)


def _check_converter(model):
    if not isinstance(model.network, RECURRENT):
        raise ValueError(
            f"Expected a recurrent model for format='litert'. Received: a {type(model).__name__}. "
            "Use format='onnx'."
        )
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Expected Keras on TensorFlow for format='litert'. Received: "
            f"{keras.backend.backend()!r}. Save the model, and load and export it with "
            "KERAS_BACKEND=tensorflow."
        )
    if halves := {layer.compute_dtype for layer in model._flatten_layers()} - {"float32"}:
        raise ValueError(
            "Expected a model that computes in float32 for format='litert', whose converter takes "
            f"no other. Received: {min(halves)}. Use format='onnx'."
        )
    try:
        import ai_edge_litert  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "Exporting with format='litert' needs the package ai-edge-litert: pip install "
            '"keras-seq2seq[litert]"'
        ) from error
