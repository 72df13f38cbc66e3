"""The vocabularies that a network reads or writes: as arguments of models, and in their configs."""

from dataclasses import dataclass

import keras
import numpy as np

from seq2seq.keras_registry import find_class, introduce_classes
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS

introduce_classes()  # the tokenizers, however Keras was imported


@dataclass(frozen=True)
class Side:
    """A vocabulary that a model reads or writes.

    Attributes:
        size: Number of ids, special ones included.
        tokenizer: Its tokenizer, or `None` in a model of ids.
    """

    size: int
    tokenizer: Tokenizer | None

    @classmethod
    def of(cls, name: str, given: Tokenizer | int) -> "Side":
        """Reads a constructor argument: an adapted tokenizer, or a vocabulary size."""
        if isinstance(given, (int, np.integer)) and given > EOS:
            return cls(int(given), None)
        if not isinstance(given, Tokenizer):
            raise ValueError(
                f"Expected `{name}` to be a tokenizer, or a vocabulary size above {EOS}, the last "
                f"special id. Received: {name}={given!r}."
            )
        if given.vocabulary is None:
            raise ValueError(
                f"Expected `{name}` to have a vocabulary. Received a {type(given).__name__} that "
                "was never adapted. Call `tokenizer.adapt(texts)` first."
            )
        return cls(len(given.vocabulary), given)

    def serialize(self):
        """Returns the config entry: the serialized tokenizer, or the size without one."""
        if self.tokenizer is None:
            return self.size
        return keras.saving.serialize_keras_object(self.tokenizer)


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
