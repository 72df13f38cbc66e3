"""Evaluation of texts, models and settings."""

from seq2seq.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
