"""What a classifier does with texts, whatever runs it."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from seq2seq.checks import check_whole
from seq2seq.data.class_labels import ClassLabels
from seq2seq.data.corpus import Pairs, read_pair_files
from seq2seq.data.inputs import is_texts, make_rows, read_inputs
from seq2seq.data.padding import BATCH_SIZE, batches_by_length
from seq2seq.generation.constraints import SMALLEST
from seq2seq.progress import track
from seq2seq.tasks.classification_report import ClassificationReport, classification_report
from seq2seq.tasks.measures import check_probabilities
from seq2seq.tasks.vocabularies import OneVocabulary
from seq2seq.text.columns import as_list


class Classification(NamedTuple):
    """A label and its probability."""

    label: str | int
    probability: float


class LabelledTexts(OneVocabulary):
    """The methods of a model that labels texts.

    A class that has them provides `sides`, with the vocabulary `tokenizer`; `class_labels`; and
    `max_length`, of rows made from texts.
    """

    task = "classify"
    uses_sampler = False
    longest: float = math.inf  # row of ids that is read
    class_labels: ClassLabels

    @property
    def labels(self) -> list:
        """The classes, in the order of their indices."""
        return self.class_labels.labels

    def batch_function(self) -> Callable:
        """Returns a function of rows of ids to their probabilities, `(rows, classes)`."""
        raise NotImplementedError

    def classify(
        self,
        texts: str | Sequence,
        top_k: int | None = None,
        batch_size: int = BATCH_SIZE,
        verbose="auto",
    ):
        """Labels texts.

        Args:
            texts: A text, or a list, array or column of texts; or a row or rows of ids, each ending
                with `EOS`.
            top_k: Number of labels per text, most probable first. Defaults to `None`: the most
                probable one, not in a list.
            batch_size: Texts labelled together. Defaults to 64.
            verbose: See `Seq2Seq.generate`. Defaults to `"auto"`.

        Returns:
            `Classification(label, probability)` for a text, a list of them for a list; with `top_k`
            a list of them for each text.

        Raises:
            ValueError: If an argument is out of range or the inputs are neither texts nor ids.
        """
        check_whole("batch_size", batch_size)
        if top_k is not None:
            check_whole("top_k", top_k)
        inputs = read_inputs(texts)
        rows = self.make_rows(inputs.items) if inputs.items else []
        results = []
        for row in self._predict_rows(rows, batch_size, verbose):
            best = np.argsort(-row, kind="stable")[: top_k or 1]
            results.append([Classification(self.labels[i], float(row[i])) for i in best])
        if top_k is None:
            results = [group[0] for group in results]
        return inputs.unwrap(results)

    def predict_proba(
        self, texts: str | Sequence, batch_size: int = BATCH_SIZE, verbose="auto"
    ) -> np.ndarray:
        """Returns the probability of each label, as scikit-learn's classifiers do.

        Args:
            texts: A list of texts, or what else `classify` takes.
            batch_size: Texts read together. Defaults to 64.
            verbose: See `Seq2Seq.generate`. Defaults to `"auto"`.

        Returns:
            float32 `(texts, classes)`, the classes in the order of `labels`; also of one text.

        Raises:
            ValueError: If these are neither texts nor ids.

        Example:

        >>> model.predict_proba(["很好", "差"]).argmax(axis=1)  # doctest: +SKIP
        array([1, 0])
        """
        check_whole("batch_size", batch_size)
        inputs = read_inputs(texts)
        rows = self.make_rows(inputs.items) if inputs.items else []
        return self._predict_rows(rows, batch_size, verbose)

    def make_rows(self, texts):
        """Returns rows of ids ending with `EOS` for texts or rows of ids; those are never cut."""
        texts = as_list(texts)
        rows = make_rows(texts, self.tokenizer, self.vocabulary_size)
        if not is_texts(texts):
            self.check_length(max(map(len, rows), default=0))
            return rows
        begin, end = self.max_length // 2, self.max_length - self.max_length // 2
        return [row if len(row) <= self.max_length else row[:begin] + row[-end:] for row in rows]

    def check_length(self, length: int) -> None:
        """Raises a `ValueError` for a row that is longer than the encoder has positions."""
        if length > self.longest:
            raise ValueError(
                f"Expected rows of at most {self.longest} ids, for which the encoder has "
                f"positions. Received: one of {length}. Cut it."
            )

    def reading_rows(self, texts: Sequence) -> list[list[int]]:
        """Returns the rows of ids of texts for `encode_texts`."""
        return self.make_rows(texts)

    def check_examples(self, texts, labels) -> None:
        """Raises a `ValueError` unless the model can be evaluated on these labelled texts."""
        self.check_tokenizers()
        self.class_labels.of(texts, labels)

    def report(
        self, texts, labels, batch_size: int = BATCH_SIZE, verbose=0
    ) -> ClassificationReport:
        """Returns the metrics of labelled texts, with `loss`, the cross-entropy per text."""
        classes = self.class_labels.of(texts, labels)
        probabilities = self._predict_rows(self.make_rows(texts), batch_size, verbose)
        chosen = np.maximum(probabilities[np.arange(len(probabilities)), classes], SMALLEST)
        report = classification_report(classes, probabilities.argmax(axis=1), self.labels)
        return ClassificationReport(loss=float(-np.log(chosen).mean()), **report)

    def measure(self, texts, labels, batch_size: int = BATCH_SIZE) -> ClassificationReport:
        """Returns the report on these texts; see `evaluate_model`."""
        return self.report(texts, labels, batch_size)

    @staticmethod
    def read_examples(paths: Sequence[str], columns: Sequence | None = None) -> Pairs:
        """Reads texts and labels to train on or to evaluate on from files; see `read_pairs`."""
        texts, labels = read_pair_files(paths, columns)
        if not all(labels):
            raise ValueError(
                f"Expected a label for each text in {' '.join(map(str, paths))}. Received none for "
                f"text {labels.index('') + 1}. Leave the text out, or name its columns with "
                "--columns."
            )
        return texts, labels

    def match_targets(self, labels: Sequence) -> list:
        """Replaces labels read from a file with the model's own, which may be numbers."""
        by_name = {str(label): label for label in self.labels}
        return [by_name.get(label, label) for label in labels]

    def respond(self, texts: Sequence[str], **arguments) -> list[tuple[str, dict]]:
        """Returns for each text what the command line prints: a line, and an object for JSON."""
        results = self.classify(texts, **arguments)
        return [(str(result.label), result._asdict()) for result in results]

    def _predict_rows(self, rows, batch_size, verbose=0):
        """Returns the probabilities of rows of ids, float32 `(rows, classes)`."""
        probabilities = np.zeros((len(rows), len(self.labels)), dtype="float32")
        classify = self.batch_function()
        for batch in track(batches_by_length(rows, batch_size), len(rows), verbose):
            probabilities[batch] = classify([rows[i] for i in batch])
        check_probabilities(probabilities)
        return probabilities
