"""Writes a model as a folder that runs without Keras: graphs, tokenizers, settings."""

import hashlib
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from seq2seq.atomic_write import write_folder
from seq2seq.export.folder_readme import ONNX_RUNTIME, describe_folder
from seq2seq.export.onnx_encoders import encoded_classifier_graphs, masked_language_model_graphs
from seq2seq.export.onnx_networks import (
    classifier_graphs,
    encoder_decoder_graphs,
    language_model_graphs,
)
from seq2seq.export.onnx_transformers import causal_transformer_graphs, transformer_graphs
from seq2seq.models.text_model import TextModel
from seq2seq.networks.causal_transformer import CausalTransformer
from seq2seq.networks.classifier import EncodedClassifier, RecurrentClassifier
from seq2seq.networks.language_model import RecurrentLanguageModel
from seq2seq.networks.masked_language_model import MaskedTransformer
from seq2seq.networks.recurrent import RecurrentEncoderDecoder
from seq2seq.networks.transformer import TransformerEncoderDecoder
from seq2seq.runtime.loading import FORMAT, SETTINGS, load_exported, read_settings, tokenizer_file
from seq2seq.text.tokenizer_file import describe_tokenizer, encode_json
from seq2seq.text.vocabulary import BOS, EOS
from seq2seq.version import __version__

GRAPHS = {
    RecurrentEncoderDecoder: encoder_decoder_graphs,
    RecurrentLanguageModel: language_model_graphs,
    RecurrentClassifier: classifier_graphs,
    TransformerEncoderDecoder: transformer_graphs,
    CausalTransformer: causal_transformer_graphs,
    MaskedTransformer: masked_language_model_graphs,
    EncodedClassifier: encoded_classifier_graphs,
}
README = "README.md"
LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}  # what a file manager leaves in a folder
TRIED = 8  # rows that are compared with the model
QUANTIZED = ("MatMul", "LSTM", "Gather")


def export_onnx(
    model: TextModel, folder: str | Path, quantize: str | None = None, verbose="auto"
) -> float:
    """Exports a model and compares it with what was written; see `TextModel.export`.

    Args:
        model: The model.
        folder: Path of the folder to write; one that was exported before is replaced.
        quantize: `"int8"` or `None`. Defaults to `None`.
        verbose: Whether to print what was written. Defaults to `"auto"`, yes.

    Returns:
        The largest difference between two log probabilities, of the model and of the folder.
    """
    folder = Path(folder)
    check_export(model, folder, quantize)
    graphs = GRAPHS[type(model.network)](model.network)
    contents = {
        f"{name}.onnx": (_quantized(graph) if quantize else graph).SerializeToString()
        for name, graph in graphs.items()
    }
    return write_export(model, folder, quantize, verbose, contents, graphs)


def write_export(model, folder, quantize, verbose, contents, graphs, runtime=ONNX_RUNTIME):
    """Writes graphs and what belongs to them, and compares them with the model.

    Args:
        model: See `export_onnx`.
        folder: See `export_onnx`.
        quantize: See `export_onnx`.
        verbose: See `export_onnx`.
        contents: The graphs' files, bytes by name.
        graphs: The graphs by name, as `onnx.ModelProto`s.
        runtime: What runs them.

    Returns:
        The largest difference, as `export_onnx`.
    """
    tokenizers = {
        name: side.tokenizer for name, side in model.sides.items() if side.tokenizer is not None
    }
    for name, tokenizer in tokenizers.items():
        contents[tokenizer_file(name)] = encode_json(describe_tokenizer(tokenizer))
    settings = {
        "seq2seq": __version__,
        "format": FORMAT,
        "class": type(model).__name__,
        "task": model.task,
        "quantize": quantize,
        "options": model.options.to_dict(),
        "sizes": {name: side.size for name, side in model.sides.items()},
        **({"labels": list(model.labels)} if model.task == "classify" else {}),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        "manifest": model.manifest,
    }
    contents[SETTINGS] = encode_json(settings)
    packages = sorted({tokenizer.package for tokenizer in tokenizers.values()} - {None})
    contents[README] = describe_folder(settings, graphs, runtime, packages).encode()

    difference = math.nan

    def write(path):
        nonlocal difference
        for name, content in contents.items():
            (path / name).write_bytes(content)
        difference = compare(model, path)  # before what was there is gone
        if not math.isfinite(difference):
            raise ValueError(
                "Expected an exported model that gives what the model gives. Received scores that "
                "are no numbers, as where weights are NaN. Train again with a lower learning rate."
            )

    write_folder(folder, write)
    if verbose:
        size = sum(map(len, contents.values())) / 1e6
        print(
            f"Exported to {folder}: {size:.1f} MB. Largest difference to the model, in log "
            f"probabilities: {difference:.1g}."
        )
    return difference


def compare(model: TextModel, folder: str | Path) -> float:
    """Returns the largest difference between a model and an exported one.

    Both are given random rows of ids.

    Args:
        model: The model.
        folder: Path of what was exported from it.

    Returns:
        The difference of two log probabilities: of a row's tokens together, of a label, or of the
        likeliest token.
    """
    exported, random = load_exported(folder, threads=1), np.random.default_rng(0)

    def rows(name, size):
        limits = getattr(model.options, f"max_{name}_length", 12), getattr(model, "longest", 12)
        room = model.max_length - 2 if model.task == "fill" else 12
        lengths = random.integers(1, min(12, room, *limits), TRIED)  # without `EOS`
        if size <= EOS + 1:
            return [[EOS]] * TRIED
        return [[*random.integers(EOS + 1, size, length).tolist(), EOS] for length in lengths]

    examples = [rows(name, side.size) for name, side in model.sides.items()]
    if model.task == "classify":
        ours, theirs = model.predict_proba(*examples), exported.predict_proba(*examples)
        return float(np.abs(np.log(ours + 1e-9) - np.log(theirs + 1e-9)).max())
    if model.task == "fill":
        hidden = [[BOS, *row[:-1], model.mask_id, EOS] for row in examples[0]]
        ours, theirs = (
            np.array([places[0][1][0] for places in fills.fill_function(1)(hidden)])
            for fills in (model, exported)
        )
        return float(np.abs(np.log(ours) - np.log(theirs)).max())
    ours, theirs = model.score(*examples), exported.score(*examples)
    return float(np.abs(ours - theirs).max())


def check_export(model: TextModel, folder: Path, quantize: str | None) -> None:
    """Raises a `ValueError` for what cannot be exported, before anything is written."""
    if quantize not in (None, "int8"):
        raise ValueError(f"Expected `quantize` to be None or 'int8'. Received: {quantize!r}.")
    if any(getattr(layer, "quantization_mode", None) for layer in model._flatten_layers()):
        raise ValueError(
            "Expected a model of floats. Received one that Keras has quantized. Export the model "
            "it was before, with quantize='int8'."
        )
    if folder.exists() and not (folder.is_dir() and (_is_empty(folder) or _is_export(folder))):
        raise ValueError(
            f"Expected a new folder, or one exported before. Received: {folder}, which holds "
            "something else. Name another folder."
        )
    if not folder.absolute().parent.is_dir():
        raise ValueError(
            f"Expected the folder of {folder} to exist. Received: {folder.parent}, which is not a "
            "folder. Create it first."
        )
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'Exporting needs the package {error.name}: pip install "keras-seq2seq[export]"'
        ) from error


def _is_empty(folder):
    return all(path.name in LITTER for path in folder.iterdir())


def _is_export(folder):
    """Tells whether a folder holds what was exported, and nothing else."""
    try:
        known = {*read_settings(folder)["files"], SETTINGS, README}
    except ValueError:
        return False
    return known.issuperset(path.name for path in folder.iterdir() if path.name not in LITTER)


def _quantized(graph):
    """Returns a graph with weights of 8 bits, and products of 8 bits."""
    import logging

    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it would advise a preparation that these graphs do not need
    try:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "quantized.onnx"
            quantize_dynamic(
                graph,
                path,
                op_types_to_quantize=list(QUANTIZED),
                weight_type=QuantType.QInt8,
                per_channel=True,
            )
            return onnx.load(path)
    finally:
        root.setLevel(level)
