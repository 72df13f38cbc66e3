"""How much the metrics of a classifier depend on the texts it was trained on."""

from collections.abc import Callable, Sequence

import numpy as np

from seq2seq.checks import check_whole
from seq2seq.models.classifier import TextClassifier

FIGURES = ("accuracy", "macro_precision", "macro_recall", "macro_f1")


def cross_validate(
    make_model: Callable[[Sequence[str]], TextClassifier],
    texts: Sequence[str],
    labels: Sequence,
    folds: int = 5,
    seed: int = 0,
    **fit_arguments,
) -> dict:
    """Evaluates a classifier on each fold of a corpus, trained on all the others.

    The folds are stratified by label (scikit-learn's `StratifiedKFold`).

    Args:
        make_model: Takes the texts to train on and returns a new model, its tokenizer adapted on
            them only.
        texts: List of texts.
        labels: As many labels.
        folds: Number of folds, and of models. Defaults to 5.
        seed: Seed of the folds. Defaults to 0.
        **fit_arguments: Arguments of `TextClassifier.fit`, such as `epochs`.

    Returns:
        Dict of `folds`, the `ClassificationReport` of each, and of the mean of `accuracy`,
        `macro_precision`, `macro_recall` and `macro_f1` with their standard deviations (`..._std`).

    Raises:
        ValueError: If a label has fewer texts than there are folds, or an argument is out of range.
        ImportError: If scikit-learn is not installed.

    Example:

    >>> def make_model(texts):
    ...     tokenizer = seq2seq.CharTokenizer().adapt(texts)
    ...     return seq2seq.TextClassifier(tokenizer, ["bad", "good"])
    >>> result = cross_validate(make_model, texts, labels, epochs=4)  # doctest: +SKIP
    >>> print(f"{result['accuracy']:.3f} ± {result['accuracy_std']:.3f}")  # doctest: +SKIP
    0.905 ± 0.007
    """
    try:
        from sklearn.model_selection import StratifiedKFold
    except ImportError as error:
        raise ImportError(
            "Cross-validation needs scikit-learn: pip install scikit-learn, or "
            'pip install "keras-seq2seq[classify]"'
        ) from error
    check_whole("folds", folds, 2)
    check_whole("seed", seed, 0)
    if not callable(make_model) or isinstance(make_model, TextClassifier):
        raise ValueError(f"Expected a function that makes a model. Received: {make_model!r}.")
    texts, labels = np.array(list(texts), dtype="object"), np.array(list(labels), dtype="object")
    _, counts = np.unique(labels.astype("str"), return_counts=True)
    if len(texts) != len(labels) or len(counts) < 2:
        raise ValueError(
            "Expected a label for each text, and at least two labels. Received "
            f"{len(texts)} texts with {len(labels)} labels, {len(counts)} of them distinct."
        )
    if counts.min() < folds:
        raise ValueError(
            f"Expected at least {folds} texts of every label. Received {counts.min()} of the "
            "rarest one. Ask for fewer folds."
        )
    reports = []
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for train, held_out in splitter.split(texts, labels.astype("str")):
        model = make_model(texts[train].tolist())
        if not isinstance(model, TextClassifier) or int(model.optimizer.iterations):
            raise ValueError(
                "Expected `make_model` to return a new TextClassifier at each call. Received: "
                f"{model!r}{', trained before' if isinstance(model, TextClassifier) else ''}."
            )
        model.fit(texts[train].tolist(), labels[train].tolist(), **fit_arguments)
        reports.append(model.evaluate(texts[held_out].tolist(), labels[held_out].tolist()))
    values = {name: np.array([report[name] for report in reports]) for name in FIGURES}
    return {
        **{name: float(value.mean()) for name, value in values.items()},
        **{f"{name}_std": float(value.std(ddof=1)) for name, value in values.items()},
        "folds": reports,
    }
