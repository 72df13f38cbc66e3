"""TextClassifier: the encoder on its own, with a label for each text."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from seq2seq.checks import check_whole
from seq2seq.data.batching import make_labelled_batches
from seq2seq.data.class_labels import ClassLabels
from seq2seq.data.inputs import check_ids
from seq2seq.data.padding import BATCH_SIZE, pad_batch, pad_rows
from seq2seq.layers.embedding import load_vectors
from seq2seq.models.encoders import read_encoder_options, read_encoder_side
from seq2seq.models.masked_language_model import MaskedLanguageModel
from seq2seq.models.parts import Part
from seq2seq.models.text_model import TextModel
from seq2seq.networks.classifier import EncodedClassifier, RecurrentClassifier
from seq2seq.networks.options import ClassifierOptions
from seq2seq.tasks.classification import LabelledTexts
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.training.losses import Crossentropy


@keras.saving.register_keras_serializable(package="seq2seq")
class TextClassifier(LabelledTexts, TextModel):
    """A classifier: an encoder, recurrent or pretrained, reads a text, and its outputs are pooled.

    It is a functional `keras.Model` of named layers, already compiled, with input `token_ids` and
    softmax probabilities as output. The output layer takes the mean and the maximum of the
    encoder's outputs over the text (similar to Howard & Ruder 2018,
    https://aclanthology.org/P18-1031, section 3.3) and the mean of the embeddings.

    With `encoder`, a trained `MaskedLanguageModel`, it has a Transformer encoder of the same
    options, which begins with a copy of the weights (Devlin et al. 2019,
    https://aclanthology.org/N19-1423, section 3.2); the output layer takes the mean and the maximum
    of the outputs, the output at `BOS`, which the network puts before each row, and the mean of
    embeddings of the text's tokens and pairs, unless `pair_buckets=0`. The model is compiled with
    `Adam(1e-4)`, low as suits large encoders; small ones, and the embeddings beside them, learn
    more at 1e-3. `callbacks.WarmUp` helps.

    Args:
        tokenizer: Tokenizer of the texts, adapted; or the size of the vocabulary, special ids
            included, for a model of ids; `None` for the tokenizer of `encoder`.
        labels: The classes, a list of str or of int, each once; or their number, for labels that
            are 0, 1, ...
        embedding_dim: Size of the embeddings; with `encoder` of those beside it. Defaults to 128.
        units: Size of each layer's states and outputs, of both directions together. Defaults to
            256.
        num_layers: Recurrent layers. Defaults to 1.
        cell: `"lstm"`, `"gru"` or `"rnn"`. Defaults to `"lstm"`.
        bidirectional: Whether the text is read in both directions, with half of `units` each.
            Defaults to `True`.
        pair_buckets: Rows of a second embedding, for each token together with the one before it,
            which is added to the token's own; 0 for none. It helps a lot with characters. With
            `encoder` the output layer takes the mean of these sums, of embeddings of their own; 0
            for Devlin's classifier. Defaults to 50,000.
        dropout: Dropout rate on the inputs of each layer and of the output layer; with `encoder`,
            which has a rate of its own, of the output layer alone. Defaults to 0.5.
        recurrent_dropout: See `Seq2Seq`. Defaults to 0.
        l2: See `Seq2Seq`. Defaults to 0.
        label_smoothing: See `Seq2Seq`. Defaults to 0.
        vectors: Path of word vectors to start from; see `source_vectors` of `Seq2Seq`. Defaults to
            `None`.
        train_embedding: Whether the embedding is trained. Defaults to `True`.
        max_length: Maximum length of a row made from a text, in tokens including `EOS`; longer
            texts lose their middle. Defaults to 300; with `encoder` at most its `max_length` - 1.
        precision: See `Seq2Seq`. Defaults to `"auto"`.
        encoder: A `MaskedLanguageModel` to start from, which stays as it is; or a dict of the
            options of one, for an encoder that has learned nothing yet. With it only
            `embedding_dim`, `pair_buckets`, `dropout`, `label_smoothing` and `max_length` have a
            meaning among the options. Defaults to `None`.
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

    options_type = ClassifierOptions
    more_arguments = ("labels", "encoder")
    column_roles = ("text", "label")
    takes_rows = True

    def __init__(
        self,
        tokenizer: Tokenizer | int | None,
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
        encoder: MaskedLanguageModel | dict | None = None,
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
        if encoder is not None:
            options = read_encoder_options(encoder, options, vectors)
        side = read_encoder_side(tokenizer, encoder)
        options.check_size(side.size, labels if isinstance(labels, int) else 0)
        class_labels = ClassLabels(labels)
        if encoder is None:
            network = RecurrentClassifier(side.size, len(class_labels.labels), options)
        else:
            network = EncodedClassifier(side.rows, len(class_labels.labels), options)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        super().__init__(inputs=token_ids, outputs=network(token_ids), name=name)
        self.describe(options, {"tokenizer": side})
        self.network = network
        self.class_labels = class_labels
        load_vectors("", network.token_embedding, side.tokenizer, vectors)
        if isinstance(encoder, MaskedLanguageModel):
            self.encoder.copy(encoder.encoder)
        if encoder is not None:
            self.default_learning_rate = 1e-4
        self.compile(
            optimizer=self.default_optimizer(),
            loss=Crossentropy(label_smoothing),
            metrics=["accuracy"],
        )

    @property
    def encoder(self):
        """The network's encoder."""
        return self.network.encoder

    @property
    def longest(self) -> float:
        """Length of the longest row of ids that is read."""
        return self.network.longest

    @property
    def units(self) -> int:
        """Size of the encoder's outputs."""
        return self.network.units

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", **kwargs):
        """Evaluates the model: returns a report for texts, otherwise as `keras.Model.evaluate`.

        Args:
            x: A list of texts or of rows of ids; other columns of texts, a table or pairs, as in
                `fit`; or what Keras accepts: an array of ids, a dataset.
            y: A list of labels; with an array of ids, class indices.
            batch_size: Defaults to `None`: 64 for texts, Keras's 32 for arrays.
            verbose: As in Keras.
            **kwargs: The names of columns, as in `fit`, and the other arguments of
                `keras.Model.evaluate`; with texts `return_dict` alone.

        Returns:
            For texts or rows a dict, see `classification_report`, with also `loss`, the
            cross-entropy per text. `print` shows it as a table. Otherwise the loss and metrics, as
            Keras does.

        Raises:
            ValueError: If texts and labels do not match, a label is unknown, or another argument
                is given with texts.
        """
        x, y, _ = self.read_data(x, y, None, kwargs)
        if not self.is_read(x):
            return super().evaluate(x, y, batch_size, verbose, **kwargs)
        self.refuse_weights(kwargs)
        if batch_size is not None:
            check_whole("batch_size", batch_size)
        given = {name for name, value in kwargs.items() if value is not None}
        if unknown := given - {"return_dict"}:  # a report is a dict
            raise ValueError(
                "Expected `batch_size`, `verbose` or `return_dict` with texts. Received: "
                f"{min(unknown)}=... Encode the texts first, with `encode_rows`."
            )
        return self.report(x, y, batch_size or BATCH_SIZE, verbose)

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
        return token_ids, np.array(self.class_labels.of(texts, labels), dtype="int32")

    def prepare_weights(self, x, y, weights: dict) -> dict:
        """Checks that there are texts of two labels, and keys `class_weight` by class index."""
        by_label = self.is_read(x)
        classes = self.class_labels.of(x, y) if by_label else y
        if by_label and len(set(classes)) < 2:
            raise ValueError(
                f"Expected texts of at least two labels. Received {len(classes)} texts to train "
                f"on, all of {self.labels[classes[0]]!r}. Add texts of other labels, and shuffle "
                "data that is sorted by label before a validation_split."
            )
        if weights.get("class_weight") is None:
            return weights
        class_weight = self.class_labels.class_weight(weights["class_weight"], classes, by_label)
        return {**weights, "class_weight": class_weight}

    def make_dataset(self, x, y, batch_size, shuffle=False, seed=None):
        """Returns a dataset of batches of ids and class indices."""
        classes = self.class_labels.of(x, y)
        return make_labelled_batches(self.make_rows(x), classes, batch_size, shuffle, seed)

    def check_arrays(self, x, y=None):
        """Raises a `ValueError` for arrays of ids that the model cannot take."""
        x = x["token_ids"] if isinstance(x, dict) and "token_ids" in x else x
        check_ids("token_ids", x, self.vocabulary_size)
        self.check_length(np.count_nonzero(x, axis=1).max())
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

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> "TextClassifier":
        """Rebuilds a model, untrained, from `get_config()`; see `TextModel.from_config`."""
        if config.get("encoder") is not None:  # files of before have no pairs beside an encoder
            config = {"pair_buckets": 0, **config}
        return super().from_config(config, custom_objects)

    # For the rest of the package

    def parts(self) -> dict[str, Part]:
        """Returns the parts that `copy_weights` can copy."""
        network, side = self.network, self.sides["tokenizer"]
        return {"encoder": Part(network.token_embedding, network.layers, None, side)}

    def batch_function(self):
        """Returns the compiled function of padded ids to probabilities; see `LabelledTexts`."""
        function = self.functions.get("classify", self._probabilities)
        return lambda rows: np.asarray(function(pad_batch(rows)))[: len(rows)]

    def _probabilities(self, token_ids):
        return ops.cast(self(token_ids, training=False), "float32")
