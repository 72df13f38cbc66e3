"""seq2seq: the encoder-decoder toolkit for Keras.

>>> source = seq2seq.WordTokenizer().adapt(english)
>>> target = seq2seq.JiebaTokenizer().adapt(chinese)
>>> model = seq2seq.Seq2Seq(source, target)
>>> model.fit(english, chinese, epochs=15)
>>> model.generate("Where is the station?")

Nothing is imported until it is used; `__init__.pyi` shows where each name comes from.
"""

from seq2seq.keras_registry import await_keras
from seq2seq.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)

await_keras()
