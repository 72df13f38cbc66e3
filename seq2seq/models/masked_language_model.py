"""MaskedLanguageModel: an encoder that learns from texts alone, BERT's form."""

import functools
import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from seq2seq.backend import padded_size
from seq2seq.data.batching import EpochOrder
from seq2seq.data.inputs import is_documents
from seq2seq.data.masking import (
    Masking,
    SameOrder,
    check_masked_arrays,
    make_masked_pairs,
    make_masked_windows,
)
from seq2seq.data.padding import BATCH_SIZE, pad_batch, pad_rows
from seq2seq.generation.samplers import round_up
from seq2seq.models.parts import Part
from seq2seq.models.token_model import TokenModel, carry_mask, mask_padding
from seq2seq.networks.masked_language_model import MaskedTransformer
from seq2seq.networks.options import MaskedLanguageModelOptions
from seq2seq.tasks.filling import FilledTexts
from seq2seq.text.side import Side
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS
from seq2seq.text.whole_words import number_words
from seq2seq.training.losses import Crossentropy
from seq2seq.training.metrics import Accuracy, Perplexity


@keras.saving.register_keras_serializable(package="seq2seq")
class MaskedLanguageModel(FilledTexts, TokenModel):
    """A Transformer encoder that learns to fill in hidden tokens (Devlin et al. 2019).

    https://aclanthology.org/N19-1423. It is BERT: weights of one can be set, layer by layer. It is
    a functional `keras.Model` of named layers, already compiled, with `Adam(5e-4)`, which suits
    models and batches smaller than BERT's; `callbacks.WarmUp` helps deep ones to begin.

    `fit(texts)` hides 15 % of the tokens, others in each epoch, and learns to predict them. Texts
    longer than `max_length - 2` tokens are cut into windows. `fit(documents)`, with each document a
    list of sentences, also learns whether the second sentence of a row is the next one; its loss
    and accuracy are then shown as `next_sentence_loss` and `next_sentence_accuracy`. Validation and
    `evaluate` hide the same tokens whenever they read the same texts.

    Args:
        tokenizer: Tokenizer of the texts, adapted; or the size of the vocabulary, special ids
            included, for a model of ids.
        units: Size of embeddings and blocks. Defaults to 256.
        num_layers: Number of blocks. Defaults to 4.
        num_heads: Heads of each attention, which share the units. Defaults to 4.
        feedforward_units: Size of the hidden layer of each block. Defaults to 1024.
        dropout: Dropout rate on the embeddings and on the output of each part. Defaults to 0.1.
        attention_dropout: Dropout rate on the weights of attention. Defaults to 0.
        norm_first: See `Transformer`. Defaults to `False`, as in BERT.
        positions: See `Transformer`. Defaults to `"learned"`, as in BERT.
        activation: See `Transformer`; also of the layer before the output. Defaults to `"gelu"`.
        norm_epsilon: See `Transformer`. Defaults to 1e-12, as in BERT.
        whole_words: Whether the tokens of a word are hidden together: characters of a word that
            jieba finds, and pieces that begin with `##` (Cui et al. 2021,
            https://arxiv.org/abs/1906.08101). Defaults to `False`.
        max_length: Maximum length of a row, in tokens including `BOS` and `EOS`. Defaults to 128.
        precision: See `Seq2Seq`. Defaults to `"auto"`.
        name: Name of the model. Defaults to `"masked_language_model"`.

    Call arguments:
        inputs: `token_ids`, int32 `(batch, length)`: `BOS` (2), a text and `EOS` (3), perhaps a
            second text and `EOS`, padded on the right with 0, hidden tokens as `mask_id`; and
            `places`, int32 `(batch, predictions)`: where tokens are to be predicted, padded with 0.
            The labels are the tokens there, padded with 0; or a dict of those, `tokens`, and of
            `next_sentence`, int `(batch,)`: 0 for the next sentence, 1 for another.

    Returns:
        Dict of `tokens`, float32 `(batch, predictions, vocabulary)`, and `next_sentence`, float32
        `(batch, 2)`.

    Raises:
        ValueError: If an argument is out of range or the tokenizer was never adapted.

    Example:

    >>> texts = ["the cat sat on the mat", "the dog sat on the log"]
    >>> tokenizer = seq2seq.WordTokenizer().adapt(texts)
    >>> model = seq2seq.MaskedLanguageModel(tokenizer, 32, 1, 2, 64, dropout=0.0)
    >>> model.optimizer.learning_rate = 5e-3
    >>> history = model.fit(texts * 32, epochs=30, verbose=0, seed=1)
    >>> model.fill("the cat sat [MASK] the mat")[0][0].token
    'on'
    """

    options_type = MaskedLanguageModelOptions
    takes_rows = True
    default_learning_rate = 5e-4

    def __init__(
        self,
        tokenizer: Tokenizer | int,
        units: int = 256,
        num_layers: int = 4,
        num_heads: int = 4,
        feedforward_units: int = 1024,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        norm_first: bool = False,
        positions: str = "learned",
        activation: str = "gelu",
        norm_epsilon: float = 1e-12,
        whole_words: bool = False,
        max_length: int = 128,
        precision: str = "auto",
        name: str = "masked_language_model",
    ):
        options = MaskedLanguageModelOptions(
            units=units,
            num_layers=num_layers,
            num_heads=num_heads,
            feedforward_units=feedforward_units,
            dropout=dropout,
            attention_dropout=attention_dropout,
            norm_first=norm_first,
            positions=positions,
            activation=activation,
            norm_epsilon=norm_epsilon,
            whole_words=whole_words,
            max_length=max_length,
            precision=precision,
        )
        side = Side.of("tokenizer", tokenizer)
        if whole_words and side.tokenizer is None:
            raise ValueError(
                "Expected a tokenizer with whole_words=True, because ids tell no words. Received: "
                f"the size {side.size}. Pass a tokenizer, or leave `whole_words` out."
            )
        options.check_size(side.rows)
        network = MaskedTransformer(side.size, side.rows, options)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        places = keras.Input((None,), dtype="int32", name="places")
        super().__init__([token_ids, places], network(token_ids, places), name=name)
        self.describe(options, {"tokenizer": side})
        self.network = network
        self.shows_next_sentence = False
        self.compile(
            optimizer=self.default_optimizer(),
            loss={"tokens": Crossentropy(), "next_sentence": Crossentropy()},
            metrics={
                "tokens": [Accuracy(), Perplexity()],
                "next_sentence": [keras.metrics.SparseCategoricalAccuracy("accuracy")],
            },
        )

    @property
    def encoder(self):
        """The network's encoder."""
        return self.network.encoder

    # Batches

    def is_read(self, x) -> bool:
        """Tells whether `make_dataset` makes batches of this input."""
        return super().is_read(x) or is_documents(x)

    def read_data(self, x, y, validation_data, kwargs: dict) -> tuple:
        """Reads what `fit` was given; see `TextModel`. What has no next sentences shows none."""
        x, y, validation_data = super().read_data(x, y, validation_data, kwargs)
        spec = getattr(x, "element_spec", None)
        labels = spec[1] if isinstance(spec, tuple) and len(spec) > 1 else y
        self.shows_next_sentence = is_documents(x) or isinstance(labels, dict)
        return x, y, validation_data

    def make_dataset(self, x, y, batch_size, shuffle=False, seed=None):
        """Returns a dataset of batches in which the same tokens are hidden in every epoch."""
        return self.make_training_dataset(x, y, batch_size, shuffle, SameOrder(seed or 0))

    def make_training_dataset(self, x, y, batch_size, shuffle, seed: int | EpochOrder):
        """Returns what `fit` trains on: batches in which other tokens are hidden in each epoch."""
        if y is not None:
            raise ValueError("Expected texts alone. Received a second argument too.")
        masking = Masking(self.vocabulary_size, self.mask_id, self.max_length)
        if not is_documents(x):
            return make_masked_windows(*self._number(x), masking, batch_size, shuffle, seed)
        sentences = [sentence for document in x for sentence in document]
        documents = np.repeat(np.arange(len(x)), list(map(len, x)))
        numbered = self._number(sentences)
        return make_masked_pairs(*numbered, documents, masking, batch_size, shuffle, seed)

    def encode_rows(self, texts: Sequence[str], seed: int = 0):
        """Turns texts into the arrays that `fit` takes, in which some tokens are hidden.

        Args:
            texts: List of texts, or of documents.
            seed: Seed of the choice of tokens. Defaults to 0, which hides those of `evaluate`.

        Returns:
            Tuple `([token_ids, places], labels)` of int32 arrays; labels of documents are a dict.
            The shortest rows come first, and a text longer than `max_length` makes several.

        Raises:
            ValueError: If they are no texts, or ids outside the vocabulary.
        """
        batch = self.make_dataset(texts, None, batch_size=2**31, seed=seed)
        inputs, labels = next(batch.as_numpy_iterator())
        return list(inputs.values()), labels

    def check_arrays(self, x, y=None):
        """Raises a `ValueError` for arrays of ids that the model cannot take."""
        rows = self.sides["tokenizer"].rows
        check_masked_arrays(x, y, self.vocabulary_size, rows, self.max_length)

    def refuse_weights(self, weights: dict) -> None:
        """Raises a `ValueError` for any: two losses have labels of different shapes."""
        for name in ("sample_weight", "class_weight"):
            if weights.get(name) is not None:
                raise ValueError(
                    f"Expected no `{name}` for a {type(self).__name__}. Received one. Leave it out."
                )

    def prepare_weights(self, x, y, weights: dict) -> dict:
        """Refuses weights."""
        self.refuse_weights(weights)
        return weights

    # For Keras

    def mask_predictions(self, y, y_pred):
        """Attaches masks of what has a label; without documents no row has a class."""
        if y is None:
            return y, y_pred
        known = isinstance(y, dict)
        self.shows_next_sentence |= known
        labels = y["tokens"] if known else y
        classes = y["next_sentence"] if known else ops.zeros_like(labels[:, 0])
        have_class = ops.full_like(classes, known, dtype="bool")
        masked = {
            "tokens": mask_padding(labels, y_pred["tokens"]),
            "next_sentence": carry_mask(y_pred["next_sentence"], mask=have_class),
        }
        return {"tokens": labels, "next_sentence": classes}, masked

    def get_metrics_result(self):
        """Returns the metrics, without those of next sentences where there are none."""
        results = super().get_metrics_result()
        if self.shows_next_sentence:
            return results
        return {name: value for name, value in results.items() if "next_sentence" not in name}

    # For the rest of the package

    def parts(self) -> dict[str, Part]:
        """Returns the parts that `copy_weights` can copy."""
        encoder = self.encoder
        side, factor = self.sides["tokenizer"], encoder.position_embedding.factor(self.units)
        return {"encoder": Part(encoder.embedding, encoder.layers, None, side, factor)}

    def measure(
        self, texts: Sequence[str], targets: None = None, batch_size: int = BATCH_SIZE
    ) -> dict[str, float]:
        """Returns loss, perplexity and accuracy of hidden tokens; see `evaluate_model`."""
        results = self.evaluate(texts, batch_size=batch_size, verbose=0, return_dict=True)
        results = {name.removeprefix("tokens_"): float(results[name]) for name in results}
        return {**results, "loss": math.log(results["perplexity"])}  # the mean of all tokens

    def guess_function(self, count):
        """Returns a function of rows and places to ids and probabilities; see `FilledTexts`."""

        def find(token_ids, places, size):
            outputs, _, _ = self.encoder.read(token_ids)
            probabilities = self.network.guess_tokens(outputs, places)
            best, ids = ops.top_k(probabilities[..., EOS + 1 :], size)  # no special token
            return ids + EOS + 1, best

        size = min(round_up(count, 8, 8), self.vocabulary_size - EOS - 1)  # compiled for few sizes
        function = self.functions.get(("fill", size), functools.partial(find, size=size))

        def guess(rows, places):
            token_ids = pad_batch(rows)
            padded = np.zeros((len(token_ids), padded_size(max(map(len, places)))), "int32")
            padded[: len(rows)] = pad_rows(places, padded.shape[1])
            return tuple(np.asarray(found)[..., :count] for found in function(token_ids, padded))

        return guess

    def _number(self, texts):
        """Returns the rows of ids of texts, and which word each id belongs to."""
        rows = self.make_rows(texts)
        if not self.whole_words:
            return rows, [range(len(row)) for row in rows]
        tokens = self.tokenizer.vocabulary.tokens
        return rows, number_words([tokens(row) for row in rows])
