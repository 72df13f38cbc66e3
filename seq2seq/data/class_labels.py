"""The labels of a classifier and their class indices."""

import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np

from seq2seq.checks import check_number
from seq2seq.data.inputs import check_texts
from seq2seq.text.columns import read_column

Label = str | int


class ClassLabels:
    """Maps labels to class indices, in their order.

    Args:
        labels: The labels, str or int, each once; or their number, for labels that are 0, 1, ...

    Raises:
        ValueError: If there are fewer than two, one is repeated or is neither str nor int.
    """

    def __init__(self, labels: Sequence[Label] | int):
        if isinstance(labels, (int, np.integer)) and not isinstance(labels, bool):
            labels = range(labels)
        if isinstance(labels, (str, set, dict)) or not hasattr(labels, "__iter__"):
            raise ValueError(f"Expected `labels` to be a list of str or int. Received: {labels!r}.")
        labels = _plain(labels)
        if not all(isinstance(label, Label) for label in labels):
            raise ValueError(f"Expected `labels` to be str or int. Received: {_some(labels)}.")
        if len(set(labels)) < len(labels):
            raise ValueError(
                f"Expected each label once. Received: {_some(labels)}. For the labels of a corpus "
                "write `sorted(set(labels))`."
            )
        if len(labels) < 2:
            raise ValueError(f"Expected at least two labels. Received: {labels!r}.")
        self._by_text = {str(label): label for label in labels}
        if len(self._by_text) < len(labels):
            warnings.warn(
                f"Labels are written alike but are not of one type: {_some(labels)}. A file or a "
                "report cannot tell them apart. Make all of them str, or all of them int.",
                stacklevel=2,
            )
        self.labels = labels
        self._numbers = {label: i for i, label in enumerate(labels)}

    def of(self, texts: Sequence, labels: Sequence[Label] | None) -> list[int]:
        """Returns the class index of each text's label.

        Raises:
            ValueError: If a label is unknown or there is not one for each text.
        """
        check_texts(texts)
        labels = read_column(labels)
        count = len(labels) if hasattr(labels, "__len__") and not isinstance(labels, str) else None
        if count != len(texts):
            received = f"{labels!r:.60}" if count is None else f"{count} labels"
            raise ValueError(
                f"Expected a label for each of {len(texts)} texts. Received: {received}. Pass a "
                "list of labels with the texts."
            )
        labels = _plain(labels)
        for place, label in enumerate(labels):
            if not isinstance(label, Label):
                raise ValueError(
                    f"Expected labels that are str or int. Received in place {place}: {label!r} of "
                    f"type {type(label).__name__}. Leave texts without a label out, and use "
                    "int(label) for whole numbers."
                )
        unknown = Counter(label for label in labels if label not in self._numbers)
        if unknown:
            raise ValueError(
                f"Expected labels among {_some(self.labels)}. Received {_some(unknown)} in "
                f"{unknown.total()} of {len(labels)} texts. {self._advice(next(iter(unknown)))}"
            )
        return [self._numbers[label] for label in labels]

    def _advice(self, label: Label) -> str:
        """Returns what to do with an unknown label, which may be a known one of another type."""
        if str(label) not in self._by_text:
            return "Leave these out, or make the model with all labels."
        known = self._by_text[str(label)]
        kind = type(known).__name__
        # bool("False") is true.
        cure = f"label == {label!r}" if kind == "bool" else f"{kind}(label)"
        return (
            f"Received {label!r} ({type(label).__name__}) where the model has {known!r} ({kind}). "
            f"Use {cure}."
        )

    def class_weight(self, weights, classes: Sequence[int] | None, by_label: bool) -> dict:
        """Returns a weight for each class index, as Keras expects them.

        Args:
            weights: `"balanced"`, or a dict of weights; a class left out weighs 1.
            classes: Class indices of all texts; only for `"balanced"`.
            by_label: Whether the keys of the dict are labels, not class indices.

        Raises:
            ValueError: If `weights` is something else, has unknown labels or a weight below 0.
        """
        names = self.labels if by_label else range(len(self.labels))
        if isinstance(weights, str) and weights == "balanced":
            if classes is None:
                raise ValueError('Expected texts or arrays with class_weight="balanced".')
            classes = np.asarray(classes)
            classes = classes.argmax(axis=1) if classes.ndim == 2 else classes  # one-hot
            counts = np.bincount(classes, minlength=len(names))
            seen = np.count_nonzero(counts)
            return {
                i: len(classes) / (seen * count) if count else 1.0
                for i, count in enumerate(counts.tolist())
            }
        if not isinstance(weights, dict):
            raise ValueError(
                'Expected `class_weight` to be a dict by label, or "balanced". '
                f"Received: {weights!r}."
            )
        if unknown := [label for label in weights if label not in names]:
            raise ValueError(f"Expected weights for {_some(names)}. Received: {_some(unknown)}.")
        for name, weight in weights.items():
            check_number(f"class_weight[{name!r}]", weight, "[0, inf)")
        # Keras looks up every class.
        return {i: float(weights.get(name, 1.0)) for i, name in enumerate(names)}


def _plain(labels) -> list:
    """Returns labels as Python's own str and int, also those of NumPy."""
    return [label.item() if isinstance(label, np.generic) else label for label in labels]


def _some(labels) -> str:
    """Returns the first labels as text."""
    labels = list(labels)
    return ", ".join(map(repr, labels[:10])) + (", ..." if len(labels) > 10 else "")
