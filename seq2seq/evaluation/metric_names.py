"""The metrics of each kind of model, by the task it is trained for."""

from seq2seq.evaluation.text_metrics import TEXT_METRICS

VARIETY = {"distinct_1": 1, "distinct_2": 2}

DEFAULT_METRICS = {
    "translate": (
        "loss",
        "perplexity",
        "character_perplexity",
        "accuracy",
        "coverage",
        *VARIETY,
    ),
    "language-model": ("loss", "perplexity", "character_perplexity", "coverage", *VARIETY),
    "fill": ("loss", "perplexity", "accuracy", "coverage"),
    "classify": (
        "loss",
        "accuracy",
        "macro_precision",
        "macro_recall",
        "macro_f1",
        "coverage",
        "classes",
        "confusion_matrix",
    ),
}
KNOWN_METRICS = {
    **DEFAULT_METRICS,
    "translate": (*DEFAULT_METRICS["translate"], "source_coverage", *TEXT_METRICS),
}
