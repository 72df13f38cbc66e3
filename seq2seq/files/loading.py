"""Loads a saved, exported or pretrained model of any kind."""

from pathlib import Path

from seq2seq.files.keras_file import read_config
from seq2seq.files.pretrained_folder import find_model, is_pretrained
from seq2seq.keras_registry import MODELS, find_class
from seq2seq.lazy import needs_keras
from seq2seq.models.ngram_file import is_ngram_file


def load_model(path: str | Path, kind: type | None = None, threads: int | None = None):
    """Loads a model, with a clear message if that fails.

    An exported model needs neither Keras nor TensorFlow. A pretrained one of Hugging Face's
    transformers (GPT-2, Marian, BERT), in a folder that `save_pretrained` has written, becomes a
    model of this package: `TransformerLanguageModel`, `Transformer` or `MaskedLanguageModel`.

    Args:
        path: Path of a `.keras` file, of a folder that `model.export` has written, or of one of a
            pretrained model; or the name of a pretrained model in the cache of Hugging Face.
        kind: Class expected. Defaults to `None`, any model of this package.
        threads: For an exported model: threads of a step. Defaults to `None`, one per core.

    Returns:
        The model, as it was saved: weights, tokenizers, settings, optimizer. An exported one has
        the same methods for texts: `generate`, `score`, `classify`, `fill`, `encode_texts`.

    Raises:
        ValueError: If the file or folder is missing, broken, or holds another model.
        ImportError: If a package that it needs is not installed, as `onnxruntime` for a folder.

    Example:

    >>> model = seq2seq.load_model("translator.keras")  # doctest: +SKIP
    >>> model.generate("Where is the station?")  # doctest: +SKIP
    '车站在哪里？'
    """
    path = find_model(path)
    if is_pretrained(path):
        with needs_keras():
            from seq2seq.files.pretrained import load_pretrained

        model = load_pretrained(path)
    elif path.is_dir():
        from seq2seq.runtime.loading import load_exported

        model = load_exported(path, threads)
    else:
        model = _load_keras(path)
    if not isinstance(model, kind or object):
        raise ValueError(
            f"Expected {path} to hold a {kind.__name__}. Received: a {type(model).__name__}."
        )
    return model


def _load_keras(path):
    if is_ngram_file(path):
        raise ValueError(
            f"Expected {path} to be a `.keras` file. Received: the n-grams of an NGramModel. Call "
            "`seq2seq.NGramModel.load(path)`."
        )
    config = read_config(path)
    with needs_keras():
        import keras

        from seq2seq.models.text_model import TextModel

    # Before Keras makes it: what another class would cost, its file alone decides.
    kind = find_class(str(config.get("registered_name")))
    if not (isinstance(kind, type) and issubclass(kind, TextModel)):
        raise ValueError(
            f"Expected {path} to hold a model of this package, {', '.join(MODELS)}, or of a "
            f"subclass registered with Keras. Received: a {config.get('class_name')!r:.60}."
        )
    try:
        model = keras.saving.load_model(path)
    except Exception as error:  # Keras raises many kinds for a broken file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"Could not load {path}: {reason}") from error
    return model
