"""Lets `keras.models.clone_model` give a model of the same class."""

import functools

import keras


def cloned_by_config(kind: type) -> type:
    """Has `keras.models.clone_model` rebuild models of a class from their config.

    Keras means to do so, but asks whether there is a `clone_function` only after it has made one:
    of every functional model it makes a plain `Functional`, without tokenizers.

    Args:
        kind: A class of functional models with `get_config` and `from_config`.

    Returns:
        The class.
    """
    clone_by_layers = keras.models.clone_model

    @functools.wraps(clone_by_layers)
    def clone_model(model, *args, **kwargs):
        if args or kwargs or not isinstance(model, kind):
            return clone_by_layers(model, *args, **kwargs)
        custom_objects = {type(model).__name__: type(model)}
        config = keras.saving.serialize_keras_object(model)
        clone = keras.saving.deserialize_keras_object(config, custom_objects=custom_objects)
        clone.manifest = {}  # its weights are new
        return clone

    keras.models.clone_model = clone_model
    return kind
