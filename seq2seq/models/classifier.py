"""TextClassifier: the encoder on its own, with a label for each text."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from seq2seq.backend import compile_function
from seq2seq.checks import check_whole
from seq2seq.data.batching import make_labelled_batches, pad_rows
from seq2seq.data.rows import check_ids, is_texts, make_rows
from seq2seq.models.architecture import build_encoder
from seq2seq.models.classification import (
    Classification,
    ClassificationReport,
    classification_report,
)
from seq2seq.models.embedding import load_vectors
from seq2seq.models.generator import batches_by_length, pad_batch
from seq2seq.models.labels import LabelNumbers
from seq2seq.models.pooling import MaxPooling, MeanPooling
from seq2seq.models.text_model import BATCH_SIZE, TextModel
from seq2seq.models.tokenizer_config import vocabulary_size
from seq2seq.text.tokenizers import Tokenizer

# Arguments that a saved model keeps.
OPTIONS = (
    "labels",
    "embedding_dim",
    "units",
    "num_layers",
    "cell",
    "bidirectional",
    "pair_buckets",
    "dropout",
    "recurrent_dropout",
    "l2",
    "label_smoothing",
    "train_embedding",
    "max_length",
    "precision",
)


@keras.saving.register_keras_serializable(package="seq2seq")
class TextClassifier(TextModel):
    """A recurrent classifier: an encoder reads a text, and what it made of all tokens is pooled.

    It is a functional `keras.Model` of named layers, with input `token_ids` and softmax
    probabilities as output, and arrives compiled. The mean and the maximum over the text of the
    encoder's outputs (Howard & Ruder 2018, https://aclanthology.org/P18-1031, section 3.3, pool
    likewise), and the mean of its embeddings, go to the output layer.

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
        bidirectional: Whether the text is read from both ends, with half of `units` each. Defaults
            to `True`.
        pair_buckets: Rows of a second embedding, of each token together with the one before it,
            which is added to the token's own; 0 for none. It is worth much with characters.
            Defaults to 50,000.
        dropout: Share of the inputs of each layer, and of the output layer, dropped in training.
            Defaults to 0.5.
        recurrent_dropout: See `Seq2Seq`. Defaults to 0.
        l2: See `Seq2Seq`. Defaults to 0.
        label_smoothing: See `Seq2Seq`. Defaults to 0.
        vectors: Path of word vectors to begin with; see `source_vectors` of `Seq2Seq`. Defaults to
            `None`.
        train_embedding: Whether the embedding is trained. Defaults to `True`.
        max_length: Longest row made from a text, in tokens with `EOS`. Of a longer text the middle
            is left out. Defaults to 300.
        precision: See `Seq2Seq`. Defaults to `"auto"`.
        name: Name of the model. Defaults to `"text_classifier"`.

    Call arguments:
        inputs: `token_ids`, int32 `(batch, length)`: the text and `EOS` (3), padded on the right
            with 0. The labels in `fit` are `(batch,)`, numbers of classes in the order of `labels`.

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

    options = OPTIONS
    takes_rows = True
    refused_with_texts = ("sample_weight",)

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
        options = {option: value for option, value in locals().items() if option in OPTIONS}
        label_numbers = LabelNumbers(labels)
        options["labels"] = labels = label_numbers.labels
        size, tokenizer = vocabulary_size("tokenizer", tokenizer)
        check_whole("max_length", max_length, 3)
        encoder = build_encoder(size, options)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        x, mask = encoder.embedding(token_ids), encoder.mask(token_ids)
        outputs, _ = encoder.stack(x, mask=mask)
        parts = [
            MeanPooling(name="mean_pooling")(outputs, mask),
            MaxPooling(name="max_pooling")(outputs, mask),
            MeanPooling(name="embedding_pooling")(x, mask),
        ]
        x = keras.layers.Concatenate(name="text_vector")(parts)
        x = keras.layers.Dropout(dropout, name="output_dropout")(x)
        x = keras.layers.Dense(len(labels), name="output")(x)
        probabilities = keras.layers.Softmax(dtype="float32", name="softmax")(x)
        super().__init__(inputs=token_ids, outputs=probabilities, name=name)

        self.encoder = encoder
        self.tokenizer = tokenizer
        self.vocabulary_size = size
        for option, value in options.items():
            setattr(self, option, value)
        self.manifest = {}
        self._label_numbers = label_numbers
        self._forward = compile_function(self._probabilities, self.variables)
        load_vectors("", encoder.embedding.token_embedding, tokenizer, vectors)
        self.compile_usual(label_smoothing)

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", **kwargs):
        """Evaluates the model: on texts a report, otherwise as `keras.Model.evaluate`.

        Args:
            x: List of texts or of rows of ids, or what Keras takes: an array of ids, a dataset.
            y: List of labels; with an array of ids the numbers of classes.
            batch_size: Defaults to `None`: 64 for texts, Keras's 32 for arrays.
            verbose: As in Keras.
            **kwargs: The other arguments of `keras.Model.evaluate`.

        Returns:
            For texts or rows a dict, see `classification_report`, with `loss` besides: the
            cross-entropy of a text. `print` shows it as a table. Otherwise the loss and metrics, as
            Keras does.

        Raises:
            ValueError: If texts and labels do not fit together or a label is unknown.
        """
        if not self.is_read(x):
            return super().evaluate(x, y, batch_size, verbose, **kwargs)
        self._refuse_weights(kwargs)
        if batch_size is not None:
            check_whole("batch_size", batch_size)
        if unknown := kwargs.keys() - {"sample_weight", "steps", "callbacks", "return_dict"}:
            raise ValueError(f"Expected arguments of `evaluate`. Received: {min(unknown)}=...")
        classes = self._label_numbers.of(x, y)
        probabilities = self._predict_rows(self.make_rows(x), batch_size or BATCH_SIZE)
        chosen = np.maximum(probabilities[np.arange(len(x)), classes], 1e-37)
        report = classification_report(classes, probabilities.argmax(axis=1), self.labels)
        return ClassificationReport(loss=float(-np.log(chosen).mean()), **report)

    def classify(
        self, texts: str | Sequence, top_k: int | None = None, batch_size: int = BATCH_SIZE
    ):
        """Labels texts.

        Args:
            texts: A text or a list of texts; or a row or rows of ids, each ending with `EOS`.
            top_k: How many labels a text gets, most probable first. Defaults to `None`: the most
                probable one, not in a list.
            batch_size: Texts labelled together. Defaults to 64.

        Returns:
            `Classification(label, probability)` for a text, a list of them for a list; with `top_k`
            a list of them for each text.

        Raises:
            ValueError: If an argument is out of range or the inputs are no texts or ids.
        """
        check_whole("batch_size", batch_size)
        if top_k is not None:
            check_whole("top_k", top_k)
        if not isinstance(texts, (str, list, tuple)) and not hasattr(texts, "__array__"):
            raise ValueError(f"Expected a text, a list of texts, or ids. Received: {texts!r}.")
        single = isinstance(texts, str) or (np.ndim(texts[:1]) == 1 and not is_texts(texts))
        texts = [texts] if single else list(texts)
        rows = self.make_rows(texts) if texts else []
        results = []
        for row in self._predict_rows(rows, batch_size):
            best = np.argsort(-row, kind="stable")[: top_k or 1]
            results.append([Classification(self.labels[i], float(row[i])) for i in best])
        if top_k is None:
            results = [group[0] for group in results]
        return results[0] if single else results

    def encode_rows(self, texts: Sequence[str], labels: Sequence | None = None):
        """Turns texts, and their labels, into the arrays that `fit` takes.

        Args:
            texts: List of texts.
            labels: As many labels. Defaults to `None`.

        Returns:
            int32 array `(texts, length)`; with labels a tuple of it and the numbers of their
            classes, int32 `(texts,)`.
        """
        token_ids = pad_rows(self.make_rows(texts))
        if labels is None:
            return token_ids
        return token_ids, np.array(self._label_numbers.of(texts, labels), dtype="int32")

    def make_rows(self, texts):
        """Returns rows of ids ending with `EOS` for texts or rows of ids."""
        rows = make_rows(texts, self.tokenizer, self.vocabulary_size)
        if not is_texts(texts):
            return rows
        begin, end = self.max_length // 2, self.max_length - self.max_length // 2
        return [row if len(row) <= self.max_length else row[:begin] + row[-end:] for row in rows]

    def prepare_training(self, kwargs, x, y):
        """Checks that there are texts of two labels, and numbers the classes of `class_weight`."""
        by_label = self.is_read(x)
        classes = self._label_numbers.of(x, y) if by_label else y
        if by_label and len(set(classes)) < 2:
            raise ValueError(
                f"Expected texts of at least two labels. Received {len(classes)} texts to train "
                f"on, all of {self.labels[classes[0]]!r}. Give texts of the others too, and "
                "shuffle what is sorted by label before a validation_split."
            )
        if kwargs.get("class_weight") is not None:
            kwargs["class_weight"] = self._label_numbers.class_weight(
                kwargs["class_weight"], classes, by_label
            )

    def make_dataset(self, x, y, batch_size, shuffle=False, seed=None):
        """Returns a dataset of batches of ids and numbers of classes."""
        classes = self._label_numbers.of(x, y)
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

    def _predict_rows(self, rows, batch_size):
        """Returns the probabilities of rows of ids, float32 `(rows, classes)`."""
        probabilities = np.zeros((len(rows), len(self.labels)), dtype="float32")
        for batch in batches_by_length(rows, batch_size):
            token_ids = pad_batch([rows[i] for i in batch])
            probabilities[batch] = np.asarray(self._forward(token_ids))[: len(batch)]
        return probabilities

    def _probabilities(self, token_ids):
        return ops.cast(self(token_ids, training=False), "float32")
