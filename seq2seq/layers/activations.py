"""The functions in the hidden layers of Transformers, by their names."""

import keras


@keras.saving.register_keras_serializable(package="seq2seq")
def gelu_tanh(x):
    """Returns GELU by the formula with tanh (Hendrycks & Gimpel 2016, section 2).

    https://arxiv.org/abs/1606.08415; it is what GPT-2 was trained with.
    """
    return keras.activations.gelu(x, approximate=True)


def find_activation(name: str):
    """Returns the function of a name."""
    return gelu_tanh if name == "gelu_tanh" else keras.activations.get(name)
