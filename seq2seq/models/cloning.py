"""Makes `keras.models.clone_model` give a model of the same class.

Keras means to rebuild a model of its own kind from `get_config`, but then always takes the other
way, because it wraps `clone_function` before asking whether there is one: of a `Seq2Seq` it made a
plain `Functional` without tokenizers.
"""

import functools

import keras

from seq2seq.models.text_model import TextModel


@functools.wraps(keras.models.clone_model)
def clone_model(model, *args, **kwargs):
    """Does what Keras's function does, with models of this package rebuilt from their config."""
    if args or kwargs or not isinstance(model, TextModel):
        return keras_clone_model(model, *args, **kwargs)
    kind = type(model)
    clone = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(model), custom_objects={kind.__name__: kind}
    )
    clone.manifest = {}  # its weights are new
    return clone


keras_clone_model, keras.models.clone_model = keras.models.clone_model, clone_model
