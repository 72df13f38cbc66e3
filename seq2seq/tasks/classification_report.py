"""The metrics of a classification, per class and overall."""

from collections.abc import Sequence

import numpy as np


class ClassificationReport(dict):
    """The metrics of `classification_report`, a dict that prints as a table."""

    def __str__(self):
        width = max(12, *(len(str(label)) + 2 for label in self["labels"]))
        lines = [f"{'':<{width}}{'precision':>10}{'recall':>10}{'f1':>10}{'texts':>10}"]
        for label, row in [*self["classes"].items(), ("macro", self.macro)]:
            cells = "".join(f"{row[name]:>10.3f}" for name in ("precision", "recall", "f1"))
            lines.append(f"{label!s:<{width}}{cells}{row['texts']:>10,}")
        lines.append(f"accuracy {self['accuracy']:.3f}")
        return "\n".join(lines)

    @property
    def macro(self) -> dict:
        """The macro averages, named like those of a class."""
        texts = int(self["confusion_matrix"].sum())
        names = ("precision", "recall", "f1")
        return {**{name: self[f"macro_{name}"] for name in names}, "texts": texts}


def classification_report(
    classes: Sequence[int], predicted: Sequence[int], labels: Sequence
) -> ClassificationReport:
    """Returns accuracy, precision, recall, F1 and the confusion matrix.

    The macro averages are over the classes that occur, in the texts or in the predictions, as in
    scikit-learn; the precision of a class that is never predicted counts as 0.

    Args:
        classes: The index of each text's true class, from 0.
        predicted: The index of each text's predicted class.
        labels: The label of each class.

    Returns:
        Dict of `accuracy`, `macro_precision`, `macro_recall`, `macro_f1`, of `classes` (for each
        label a dict of `precision`, `recall`, `f1` and `texts`, their number), of `labels`, and of
        `confusion_matrix`, int array `(true classes, predicted classes)`. `str` makes it a table.

    Raises:
        ValueError: If these are not class indices, or differ in number.

    Example:

    >>> report = classification_report([0, 0, 1], [0, 1, 1], ["bad", "good"])
    >>> report["confusion_matrix"].tolist(), round(report["macro_f1"], 3)
    ([[1, 1], [0, 1]], 0.667)
    """
    classes, predicted = np.asarray(classes), np.asarray(predicted)
    both = np.concatenate([classes.ravel(), predicted.ravel()])
    fit = classes.ndim == 1 and classes.shape == predicted.shape and both.dtype.kind in "iu"
    if not fit or both.min() < 0 or both.max() >= len(labels):
        raise ValueError(
            f"Expected two lists of class indices, equally long, from 0 to {len(labels) - 1}. "
            f"Received: {classes.tolist()!r:.40} and {predicted.tolist()!r:.40}."
        )
    matrix = np.zeros((len(labels), len(labels)), dtype="int64")
    np.add.at(matrix, (classes, predicted), 1)
    right, texts, chosen = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    figures = {
        "precision": right / np.maximum(chosen, 1),
        "recall": right / np.maximum(texts, 1),
        "f1": 2 * right / np.maximum(chosen + texts, 1),
    }
    seen = chosen + texts > 0
    return ClassificationReport(
        accuracy=float(right.sum() / matrix.sum()),
        **{f"macro_{name}": float(values[seen].mean()) for name, values in figures.items()},
        classes={
            label: {
                **{name: float(values[i]) for name, values in figures.items()},
                "texts": int(texts[i]),
            }
            for i, label in enumerate(labels)
        },
        labels=list(labels),
        confusion_matrix=matrix,
    )
