"""How good texts, models and settings are."""

from seq2seq.evaluation.cross_validation import cross_validate
from seq2seq.evaluation.model_metrics import evaluate_model
from seq2seq.evaluation.text_metrics import (
    TEXT_METRICS,
    bleu,
    check_metrics,
    chrf,
    distinct,
    exact_match,
    group_references,
    word_error_rate,
)
from seq2seq.models.classification import classification_report

__all__ = [
    "TEXT_METRICS",
    "bleu",
    "check_metrics",
    "chrf",
    "classification_report",
    "cross_validate",
    "distinct",
    "evaluate_model",
    "exact_match",
    "group_references",
    "word_error_rate",
]
