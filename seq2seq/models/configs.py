"""The config of a model, which may come from a file of somebody else's."""

import dataclasses
import inspect
import warnings
from pathlib import Path

from seq2seq.networks.sides import deserialize_side

QUANTIZATIONS = ("int8", "int4")  # of Keras, that a file may name


def split_config(kind: type, config: dict, custom_objects: dict | None) -> tuple:
    """Returns what a config says, with entries of known names and types only.

    Args:
        kind: The model's class.
        config: What its `get_config` has returned.
        custom_objects: As in Keras.

    Returns:
        Tuple of the constructor's arguments, the manifest, the way to quantize, or `None`, and the
        paths of the frozen layers, or `None` in files that do not tell them.

    Raises:
        ValueError: If it is not the config of such a model.
    """
    config = dict(config)
    manifest, quantization = config.pop("manifest", {}), config.pop("quantization", None)
    frozen = config.pop("frozen", None)
    options = {field.name for field in dataclasses.fields(kind.options_type)}
    known = {*kind.side_names, *kind.more_arguments, *_own_arguments(kind), *options, "name"}
    if unknown := [name for name in config if name not in known]:
        raise ValueError(
            f"Expected the config of a {kind.__name__}. Received an unknown entry, "
            f"{unknown[0]!r:.60}. Was the file saved by a newer version?"
        )
    if not isinstance(manifest, dict) or not isinstance(config.get("name", ""), str):
        raise ValueError(
            f"Expected the config of a {kind.__name__}. Received a manifest or a name of "
            "another type."
        )
    if quantization not in (None, *QUANTIZATIONS):
        raise ValueError(
            f"Expected `quantization` among {', '.join(QUANTIZATIONS)} in the config of a "
            f"{kind.__name__}. Received: {quantization!r:.60}."
        )
    if frozen is not None and not (
        isinstance(frozen, list) and all(isinstance(path, str) for path in frozen)
    ):
        raise ValueError(
            f"Expected `frozen` to be a list of layers in the config of a {kind.__name__}. "
            f"Received: {frozen!r:.60}."
        )
    for name in kind.side_names:
        config[name] = deserialize_side(name, config.get(name), custom_objects)
    return config, manifest, quantization, frozen


def check_saving(model, filepath: str | Path) -> None:
    """Raises a `ValueError` unless a model can be loaded from the file that it is saved in."""
    layers = model._flatten_layers()
    if any(getattr(layer, "lora_enabled", False) for layer in layers):
        warnings.warn(
            "The file holds the weights with what LoRA has added. Where it is loaded to be trained "
            "further, call `enable_lora` again, or all weights are trained.",
            stacklevel=3,
        )
    quantized = any(getattr(layer, "quantization_mode", None) for layer in layers)
    if quantized and model.quantization not in QUANTIZATIONS:
        raise ValueError(
            "Expected a model quantized as a whole, by model.quantize('int8') or 'int4'. Received "
            "one quantized in another way. Save it before you quantize it, and quantize it again "
            "once it is loaded."
        )
    if str(filepath).lower().endswith((".h5", ".hdf5")):
        raise ValueError(
            f"Expected a path that ends in .keras. Received: {filepath}. A model in HDF5 could not "
            "be loaded; `save_weights` writes its weights alone."
        )


def _own_arguments(kind):
    """Returns the arguments that a user's subclass of one of our models adds."""
    names = set()
    for each in kind.__mro__:
        parameters = inspect.signature(each.__init__).parameters
        if each.__module__.startswith("seq2seq."):
            break
        names.update(parameters)
    return names.difference(parameters)  # ours may name a file, as `vectors` does


def list_frozen(model) -> list[str]:
    """Returns the paths of the layers, and of those in them, that are not trained."""
    return [layer.path for layer in model._flatten_layers() if layer.path and not layer.trainable]


def freeze(model, frozen: list[str]) -> None:
    """Freezes the layers of these paths and no others."""
    frozen = set(frozen)
    for layer in model._flatten_layers():  # those in a layer come after it
        if layer.path and layer.trainable != (layer.path not in frozen):
            layer.trainable = not layer.trainable
