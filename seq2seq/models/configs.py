"""Reads the config of a model, which may come from a file of somebody else's."""

import dataclasses

from seq2seq.networks.sides import deserialize_side

QUANTIZATIONS = ("int8", "int4")  # of Keras, that a file may name


def split_config(kind: type, config: dict, custom_objects: dict | None) -> tuple:
    """Returns what a config says, with entries of known names and types only.

    Args:
        kind: The model's class.
        config: What its `get_config` has returned.
        custom_objects: As in Keras.

    Returns:
        Tuple of the constructor's arguments, the manifest, and the way to quantize, or `None`.

    Raises:
        ValueError: If it is not the config of such a model.
    """
    config = dict(config)
    manifest, quantization = config.pop("manifest", {}), config.pop("quantization", None)
    options = {field.name for field in dataclasses.fields(kind.options_type)}
    known = {*kind.side_names, *kind.more_arguments, *options, "name"}
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
    for name in kind.side_names:
        config[name] = deserialize_side(name, config.get(name), custom_objects)
    return config, manifest, quantization
