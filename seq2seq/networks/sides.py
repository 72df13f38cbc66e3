"""The vocabularies of a model in its config."""

import keras

from seq2seq.keras_registry import find_class, introduce_classes
from seq2seq.text.side import Side
from seq2seq.text.tokenizers import Tokenizer

introduce_classes()  # the tokenizers, however Keras was imported


def serialize_side(side: Side):
    """Returns the config entry: the serialized tokenizer, or the size without one."""
    if side.tokenizer is None:
        return side.size
    return keras.saving.serialize_keras_object(side.tokenizer)


def deserialize_side(name, config, custom_objects):
    """Returns the tokenizer or the vocabulary size of a config; imports nothing that it names."""
    if not isinstance(config, dict):
        return config
    registered, arguments = config.get("registered_name"), config.get("config")
    kind = find_class(str(registered), custom_objects)
    if not (isinstance(kind, type) and issubclass(kind, Tokenizer) and isinstance(arguments, dict)):
        raise ValueError(
            f"Expected `{name}` to be a tokenizer in the config of a model. Received: "
            f"{registered!r:.60}. Register a class of your own with Keras before loading."
        )
    return kind.from_config(arguments)
