"""Makes our classes known to Keras without importing it.

`import seq2seq` costs nothing, tokenizers need no Keras, and yet `keras.saving.load_model` finds
our classes, whichever of the two is imported first. So a hook waits for the first import of Keras:
then the classes of texts are registered, and the names of the models as placeholders for classes
that are imported when a file needs them.
"""

import contextlib
import importlib
import importlib.abc
import sys

from seq2seq.quiet import quiet_start

PACKAGE = "seq2seq"
MODELS = {
    "Seq2Seq": "seq2seq.models.seq2seq",
    "Transformer": "seq2seq.models.transformer",
    "LanguageModel": "seq2seq.models.language_model",
    "TransformerLanguageModel": "seq2seq.models.transformer_language_model",
    "MaskedLanguageModel": "seq2seq.models.masked_language_model",
    "TextClassifier": "seq2seq.models.classifier",
}
TEXTS = {
    "CharTokenizer": "seq2seq.text.tokenizers",
    "WordTokenizer": "seq2seq.text.tokenizers",
    "JiebaTokenizer": "seq2seq.text.tokenizers",
    "SubwordTokenizer": "seq2seq.text.subword",
    "ByteLevelTokenizer": "seq2seq.text.byte_level",
    "WordPieceTokenizer": "seq2seq.text.wordpiece",
    "SentencePieceTokenizer": "seq2seq.text.sentencepiece",
    "Vocabulary": "seq2seq.text.vocabulary",
}

_waiting = []


def keras_serializable(cls: type) -> type:
    """Registers a class with Keras, now or as soon as Keras is imported.

    Args:
        cls: A class with `get_config` and `from_config`.

    Returns:
        The class.
    """
    _waiting.append(cls)
    if "keras" in sys.modules:
        introduce_classes()
    return cls


def await_keras() -> None:
    """Registers our classes with Keras, now or as soon as Keras is imported."""
    if "keras" in sys.modules:
        introduce_classes()
    else:
        sys.meta_path.insert(0, _KerasFinder())


def introduce_classes() -> None:
    """Registers our classes with Keras, which is imported for that if it was not."""
    keras = importlib.import_module("keras")  # waits for another thread that is importing it
    with contextlib.suppress(IndexError):  # there are none left; another thread may take some
        while True:
            keras.saving.register_keras_serializable(package=PACKAGE)(_waiting.pop())
    registry = keras.saving.get_custom_objects()
    for name, module in {**MODELS, **TEXTS}.items():
        registry.setdefault(f"{PACKAGE}>{name}", ImportedLater(name, module))


def registered_name(cls: type) -> str | None:
    """Returns the name of a class in files, `None` if it has none; Keras is not imported for it."""
    if TEXTS.get(cls.__name__) == cls.__module__:
        return f"{PACKAGE}>{cls.__name__}"
    if "keras" not in sys.modules:
        return None
    name = importlib.import_module("keras").saving.get_registered_name(cls)
    return name if find_class(name) is cls else None


def find_class(name: str, custom_objects: dict | None = None) -> type | None:
    """Returns the class of a name in files, `None` for an unknown one; imports no other module.

    Args:
        name: As `registered_name` returns it.
        custom_objects: Classes to look among first. Defaults to `None`.
    """
    package, _, short = name.partition(">")
    if package == PACKAGE and short in TEXTS:
        return ImportedLater(short, TEXTS[short]).resolve()
    if "keras" not in sys.modules:
        return None
    saving = importlib.import_module("keras").saving
    found = saving.get_registered_object(name, custom_objects)
    return found.resolve() if isinstance(found, ImportedLater) else found


class ImportedLater:
    """A placeholder for a class in Keras's registry until a file needs it."""

    def __init__(self, name, module):
        self.name, self.module = name, module

    def resolve(self) -> type:
        """Imports the class."""
        return getattr(importlib.import_module(self.module), self.name)

    def from_config(self, config):
        """Does what the class does."""
        return self.resolve().from_config(config)


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds Keras as Python would, and has our classes registered then."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        # Being asked does not mean that Keras will be imported: TensorFlow only looks for it.
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _KerasLoader(spec.loader)
        return spec


class _KerasLoader(importlib.abc.Loader):
    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self.loader
        with quiet_start():  # on TensorFlow, this imports it
            self.loader.exec_module(module)
        sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, _KerasFinder)]
        introduce_classes()
