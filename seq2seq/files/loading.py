"""Loads a saved model of any kind."""

from pathlib import Path

import keras

from seq2seq.files.keras_file import read_config
from seq2seq.models.classifier import TextClassifier
from seq2seq.models.language_model import LanguageModel
from seq2seq.models.ngram_file import is_ngram_file
from seq2seq.models.seq2seq import Seq2Seq
from seq2seq.models.text_model import TextModel

MODELS = (Seq2Seq, LanguageModel, TextClassifier)  # imported, so that Keras knows them


def load_model(path: str | Path, kind: type = TextModel) -> TextModel:
    """Loads a saved model of this package, with a clear message if that fails.

    Args:
        path: Path of a `.keras` file.
        kind: Class expected. Defaults to any model of this package.

    Returns:
        The model, as it was saved: weights, tokenizers, settings, optimizer.

    Raises:
        ValueError: If the file is missing, broken, or holds another model.

    Example:

    >>> model = seq2seq.load_model("translator.keras")  # doctest: +SKIP
    >>> model.generate("Where is the station?")  # doctest: +SKIP
    '车站在哪里？'
    """
    if is_ngram_file(path):
        raise ValueError(
            f"Expected {path} to be a `.keras` file. Received: the n-grams of an NGramModel. Call "
            "`seq2seq.NGramModel.load(path)`."
        )
    read_config(path)
    try:
        model = keras.saving.load_model(path)
    except Exception as error:  # Keras raises many kinds for a broken file
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"Could not load {path}: {reason}") from error
    if not isinstance(model, kind):
        name = "model of this package" if kind is TextModel else kind.__name__
        raise ValueError(f"Expected {path} to hold a {name}. Received: a {type(model).__name__}.")
    return model
