"""TextClassifier: the encoder on its own, with a label for each text."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from seq2seq.checks import check_whole
from seq2seq.data.batching import make_labelled_batches
from seq2seq.data.class_labels import ClassLabels
from seq2seq.data.corpus import Pairs, read_pair_files
from seq2seq.data.inputs import check_ids, is_texts, make_rows, read_inputs
from seq2seq.data.padding import batches_by_length, pad_batch, pad_rows
from seq2seq.layers.embedding import load_vectors
from seq2seq.models.text_model import BATCH_SIZE, Part, TextModel
from seq2seq.networks.classifier import RecurrentClassifier
from seq2seq.networks.options import ClassifierOptions
from seq2seq.networks.sides import Side
from seq2seq.progress import track
from seq2seq.text.columns import as_list
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.training.classification_report import ClassificationReport, classification_report
from seq2seq.training.losses import Crossentropy
from seq2seq.training.metrics import known_share
from seq2seq.training.optimizer import Adam


class Classification(NamedTuple):
    """A label and its probability."""

    label: str | int
    probability: float


@keras.saving.register_keras_serializable(package="seq2seq")
class TextClassifier(TextModel):
    """A recurrent classifier: an encoder reads a text, and its outputs are pooled.

    It is a functional `keras.Model` of named layers, already compiled, with input `token_ids` and
    softmax probabilities as output. The output layer takes the mean and the maximum of the
    encoder's outputs over the text (similar to Howard & Ruder 2018,
    https://aclanthology.org/P18-1031, section 3.3) and the mean of the embeddings.

    Args:
        tokenizer: Tokenizer of the texts, adapted; or the size of the vocabulary, special ids
            included, for a model of ids.
        labels: The classes, a list of str or of int, each once; or their number, for labels that
            are 0, 1, ...
        embedding_dim: Size of the embeddings. Defaults to 128.
        units: Size of each layer's states and outputs, of both directions together. Defaults to
            256.
        num_layers: Recurrent layers. Defaults to 1.
        cell: `"lstm"`, `"gru"` or `"rnn"`. Defaults to `"lstm"`.
        bidirectional: Whether the text is read in both directions, with half of `units` each.
            Defaults to `True`.
        pair_buckets: Rows of a second embedding, for each token together with the one before it,
            which is added to the token's own; 0 for none. It helps a lot with characters. Defaults
            to 50,000.
        dropout: Dropout rate on the inputs of each layer and of the output layer. Defaults to 0.5.
        recurrent_dropout: See `Seq2Seq`. Defaults to 0.
        l2: See `Seq2Seq`. Defaults to 0.
        label_smoothing: See `Seq2Seq`. Defaults to 0.
        vectors: Path of word vectors to start from; see `source_vectors` of `Seq2Seq`. Defaults to
            `None`.
        train_embedding: Whether the embedding is trained. Defaults to `True`.
        max_length: Maximum length of a row made from a text, in tokens including `EOS`; longer
            texts lose their middle. Defaults to 300.
        precision: See `Seq2Seq`. Defaults to `"auto"`.
        name: Name of the model. Defaults to `"text_classifier"`.

    Call arguments:
        inputs: `token_ids`, int32 `(batch, length)`: the text and `EOS` (3), padded on the right
            with 0. The labels in `fit` are `(batch,)`, class indices in the order of `labels`.

    Returns:
        float32 `(batch, classes)`.

    Raises:
        ValueError: If an argument is out of range, there are fewer than two labels, or the
            tokenizer was never adapted.

    Example:

    >>> texts, labels = ["很好", "太差了", "不错，很好", "差"], ["good", "bad", "good", "bad"]
    >>> tokenizer = seq2seq.CharTokenizer().adapt(texts)
    >>> model = seq2seq.TextClassifier(tokenizer, ["bad", "good"], units=32)
    >>> history = model.fit(texts, labels, epochs=40, verbose=0)
    >>> model.classify("很好！").label
    'good'
    """

    task = "classify"
    options_type = ClassifierOptions
    more_arguments = ("labels",)
    column_roles = ("text", "label")
    takes_rows = True
    refused_with_texts = ("sample_weight",)
    uses_sampler = False

    def __init__(
        self,
        tokenizer: Tokenizer | int,
        labels: Sequence | int,
        embedding_dim: int = 128,
        units: int = 256,
        num_layers: int = 1,
        cell: str = "lstm",
        bidirectional: bool = True,
        pair_buckets: int = 50_000,
        dropout: float = 0.5,
        recurrent_dropout: float = 0.0,
        l2: float = 0.0,
        label_smoothing: float = 0.0,
        vectors: str | Path | None = None,
        train_embedding: bool = True,
        max_length: int = 300,
        precision: str = "auto",
        name: str = "text_classifier",
    ):
        options = ClassifierOptions(
            embedding_dim=embedding_dim,
            units=units,
            num_layers=num_layers,
            cell=cell,
            bidirectional=bidirectional,
            pair_buckets=pair_buckets,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            l2=l2,
            label_smoothing=label_smoothing,
            train_embedding=train_embedding,
            max_length=max_length,
            precision=precision,
        )
        class_labels, side = ClassLabels(labels), Side.of("tokenizer", tokenizer)
        options.count_weights(side.size, len(class_labels.labels))
        network = RecurrentClassifier(side.size, len(class_labels.labels), options)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        super().__init__(inputs=token_ids, outputs=network(token_ids), name=name)
        self.describe(options, {"tokenizer": side})
        self.network = network
        self._class_labels = class_labels
        load_vectors("", self.encoder.embedding.token_embedding, side.tokenizer, vectors)
        self.compile(
            optimizer=Adam(1e-3, clipnorm=1.0),
            loss=Crossentropy(label_smoothing),
            metrics=["accuracy"],
        )

    @property
    def labels(self) -> list:
        """The classes, in the order of their indices."""
        return self._class_labels.labels

    @property
    def encoder(self):
        """The network's encoder."""
        return self.network.encoder

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer of the texts, or `None` in a model of ids."""
        return self.sides["tokenizer"].tokenizer

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, the special ones included."""
        return self.sides["tokenizer"].size

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", **kwargs):
        """Evaluates the model: returns a report for texts, otherwise as `keras.Model.evaluate`.

        Args:
            x: A list of texts or of rows of ids; other columns of texts, a table or pairs, as in
                `fit`; or what Keras accepts: an array of ids, a dataset.
            y: A list of labels; with an array of ids, class indices.
            batch_size: Defaults to `None`: 64 for texts, Keras's 32 for arrays.
            verbose: As in Keras.
            **kwargs: The names of columns, as in `fit`, and the other arguments of
                `keras.Model.evaluate`.

        Returns:
            For texts or rows a dict, see `classification_report`, with also `loss`, the
            cross-entropy per text. `print` shows it as a table. Otherwise the loss and metrics, as
            Keras does.

        Raises:
            ValueError: If texts and labels do not match or a label is unknown.
        """
        x, y, _ = self.read_data(x, y, None, kwargs)
        if not self.is_read(x):
            return super().evaluate(x, y, batch_size, verbose, **kwargs)
        self.refuse_weights(kwargs)
        if batch_size is not None:
            check_whole("batch_size", batch_size)
        if unknown := kwargs.keys() - {"sample_weight", "steps", "callbacks", "return_dict"}:
            raise ValueError(f"Expected arguments of `evaluate`. Received: {min(unknown)}=...")
        classes = self._class_labels.of(x, y)
        probabilities = self._predict_rows(self.make_rows(x), batch_size or BATCH_SIZE)
        chosen = np.maximum(probabilities[np.arange(len(x)), classes], 1e-37)
        report = classification_report(classes, probabilities.argmax(axis=1), self.labels)
        return ClassificationReport(loss=float(-np.log(chosen).mean()), **report)

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

    def encode_rows(self, texts: Sequence[str], labels: Sequence | None = None):
        """Turns texts, and their labels, into the arrays that `fit` takes.

        Args:
            texts: List of texts.
            labels: As many labels. Defaults to `None`.

        Returns:
            int32 array `(texts, length)`; with labels, a tuple of it and the class indices, int32
            `(texts,)`.
        """
        token_ids = pad_rows(self.make_rows(texts))
        if labels is None:
            return token_ids
        return token_ids, np.array(self._class_labels.of(texts, labels), dtype="int32")

    def make_rows(self, texts):
        """Returns rows of ids ending with `EOS` for texts or rows of ids."""
        texts = as_list(texts)
        rows = make_rows(texts, self.tokenizer, self.vocabulary_size)
        if not is_texts(texts):
            return rows
        begin, end = self.max_length // 2, self.max_length - self.max_length // 2
        return [row if len(row) <= self.max_length else row[:begin] + row[-end:] for row in rows]

    def prepare_weights(self, x, y, weights: dict) -> dict:
        """Checks that there are texts of two labels, and keys `class_weight` by class index."""
        by_label = self.is_read(x)
        classes = self._class_labels.of(x, y) if by_label else y
        if by_label and len(set(classes)) < 2:
            raise ValueError(
                f"Expected texts of at least two labels. Received {len(classes)} texts to train "
                f"on, all of {self.labels[classes[0]]!r}. Add texts of other labels, and shuffle "
                "data that is sorted by label before a validation_split."
            )
        if weights.get("class_weight") is None:
            return weights
        class_weight = self._class_labels.class_weight(weights["class_weight"], classes, by_label)
        return {**weights, "class_weight": class_weight}

    def make_dataset(self, x, y, batch_size, shuffle=False, seed=None):
        """Returns a dataset of batches of ids and class indices."""
        classes = self._class_labels.of(x, y)
        return make_labelled_batches(self.make_rows(x), classes, batch_size, shuffle, seed)

    def check_arrays(self, x, y=None):
        """Raises a `ValueError` for arrays of ids that the model cannot take."""
        check_ids("token_ids", x, self.vocabulary_size)
        y = np.asarray(y)
        if y.shape == (len(x), len(self.labels)):  # one-hot
            return
        whole = y.shape == (len(x),) and y.dtype.kind in "iu"
        if not whole or y.min() < 0 or y.max() >= len(self.labels):
            raise ValueError(
                f"Expected an array of {len(x)} numbers of classes, 0 to {len(self.labels) - 1}, "
                f"with an array of ids. Received: {y.tolist()!r:.60}. See `encode_rows`."
            )

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this model, with its manifest."""
        return {**super().get_config(), "labels": list(self.labels)}

    # For the rest of the package

    def parts(self) -> dict[str, Part]:
        """Returns the parts that `copy_weights` can copy."""
        encoder = self.encoder
        side = self.sides["tokenizer"]
        return {
            "encoder": Part(encoder.embedding.token_embedding, encoder.stack.layers, None, side)
        }

    def read_tokens(self, token_ids):
        """Reads texts for `encode_texts`: returns the encoder's outputs and the mask."""
        outputs, _, mask = self.encoder.read(token_ids)
        return outputs, mask

    def reading_rows(self, texts: Sequence) -> list[list[int]]:
        """Returns the rows of ids of texts for `read_tokens`."""
        return self.make_rows(texts)

    def check_examples(self, texts, labels) -> None:
        """Raises a `ValueError` unless the model can be evaluated on these labelled texts."""
        self.check_tokenizers()
        self._class_labels.of(texts, labels)

    def measure(self, texts, labels, batch_size: int = BATCH_SIZE) -> ClassificationReport:
        """Returns the report of `evaluate`; see `evaluate_model`."""
        return self.evaluate(texts, labels, batch_size)

    def coverage(self, texts, labels) -> dict:
        """Returns the share of tokens that are in the vocabulary."""
        return {"coverage": known_share(self.tokenizer.encode_all(texts))}

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
        forward = self.functions.get("classify", self._probabilities)
        for batch in track(batches_by_length(rows, batch_size), len(rows), verbose):
            token_ids = pad_batch([rows[i] for i in batch])
            probabilities[batch] = np.asarray(forward(token_ids))[: len(batch)]
        if not np.isfinite(probabilities).all():
            raise ValueError(
                "Expected probabilities. Received some that are no numbers, as where weights are "
                "NaN. Train again with a lower learning rate."
            )
        return probabilities

    def _probabilities(self, token_ids):
        return ops.cast(self(token_ids, training=False), "float32")
