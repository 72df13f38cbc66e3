"""LanguageModel: the decoder on its own."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from seq2seq.checks import check_whole
from seq2seq.data.batching import make_streams
from seq2seq.data.padding import BATCH_SIZE, batches_by_length, pad_batch, shift_right
from seq2seq.layers.carried_states import CarriedStates
from seq2seq.layers.embedding import load_vectors
from seq2seq.models.next_token_model import NextTokenModel
from seq2seq.models.parts import Part
from seq2seq.networks.language_model import RecurrentLanguageModel
from seq2seq.networks.options import LanguageModelOptions
from seq2seq.progress import track
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.training.metrics import row_log_probabilities


@keras.saving.register_keras_serializable(package="seq2seq")
class LanguageModel(NextTokenModel):
    """A recurrent language model: each token is predicted from all before it.

    It is a functional `keras.Model`, already compiled, with input `token_ids` and softmax
    probabilities as output (Mikolov et al. 2010,
    https://www.isca-archive.org/interspeech_2010/mikolov10_interspeech.html; with LSTM cells
    Zaremba et al. 2014, https://arxiv.org/abs/1409.2329).

    Args:
        tokenizer: Tokenizer of the texts, adapted; or the size of the vocabulary, special ids
            included, for a model of ids.
        embedding_dim: Size of the embeddings. Defaults to 256.
        units: Size of each layer's states and outputs. Defaults to 256.
        num_layers: Recurrent layers, with residual connections from the third. Defaults to 1.
        cell: `"lstm"`, `"gru"` or `"rnn"`. Defaults to `"lstm"`.
        dropout: Dropout rate on the inputs of each layer and of the output layer. Defaults to 0.
        recurrent_dropout: Dropout rate on the states, with one mask for all steps. Defaults to 0.
        l2: Factor of an L2 penalty on all kernels. Defaults to 0.
        tie_embeddings: Whether to tie the output layer to the embedding (Press & Wolf 2017,
            https://aclanthology.org/E17-2025). Defaults to `False`.
        label_smoothing: Share of each label's probability spread over the vocabulary in the loss.
            Defaults to 0.
        vectors: Path of word vectors to start from, as for `Seq2Seq`. Defaults to `None`.
        train_embedding: Whether the embedding is trained. Defaults to `True`.
        window: Maximum number of tokens per training row; longer texts are cut into windows of
            this length. Defaults to 100.
        precision: See `Seq2Seq`. Defaults to `"auto"`.
        name: Name of the model. Defaults to `"language_model"`.

    Call arguments:
        inputs: `token_ids`, int32 `(batch, length)`: `BOS` (2) and then the text, padded on the
            right with 0. The labels are the text and `EOS` (3).

    Returns:
        float32 `(batch, length, vocabulary)`.

    Raises:
        ValueError: If an argument is out of range or the tokenizer was never adapted.

    Example:

    >>> tokenizer = seq2seq.CharTokenizer().adapt(["the cat sat", "the dog sat"])
    >>> model = seq2seq.LanguageModel(tokenizer, units=64)
    >>> history = model.fit(["the cat sat", "the dog sat"], epochs=100, verbose=0)
    >>> model.generate("the d")
    'the dog sat'
    """

    options_type = LanguageModelOptions
    network_type = RecurrentLanguageModel

    def __init__(
        self,
        tokenizer: Tokenizer | int,
        embedding_dim: int = 256,
        units: int = 256,
        num_layers: int = 1,
        cell: str = "lstm",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        l2: float = 0.0,
        tie_embeddings: bool = False,
        label_smoothing: float = 0.0,
        vectors: str | Path | None = None,
        train_embedding: bool = True,
        window: int = 100,
        precision: str = "auto",
        name: str = "language_model",
    ):
        options = LanguageModelOptions(
            embedding_dim=embedding_dim,
            units=units,
            num_layers=num_layers,
            cell=cell,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            l2=l2,
            tie_embeddings=tie_embeddings,
            label_smoothing=label_smoothing,
            train_embedding=train_embedding,
            window=window,
            precision=precision,
        )
        super().__init__(tokenizer, options, name)
        self._carried = None
        load_vectors("", self.decoder.embedding, self.tokenizer, vectors)

    def call(self, inputs, training=None, mask=None):
        """Predicts each next token; carried states continue from the end of the last batch."""
        if self._carried is None or not training:
            return super().call(inputs, training=training, mask=mask)
        states = self._carried.read()
        # TensorFlow's loop must know that ids and states have the same batch size.
        token_ids = ops.reshape(inputs, (states[0].shape[0], -1))
        probabilities, states = self.network.carry(token_ids, states)
        self._carried.write(states)
        return probabilities

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        *,
        carry_states: bool = False,
        **kwargs,
    ):
        """Trains the model on texts, arrays or a dataset; otherwise as `keras.Model.fit`.

        Args:
            x: A list of texts or of rows of ids; other columns and tables of texts, see
                `Seq2Seq.fit`; or what Keras accepts: an array of ids, a dataset.
            y: `None` with texts; an array of labels with an array of ids.
            batch_size: Windows per batch. Defaults to `None`: 64 for texts, Keras's 32 for arrays.
            epochs: Defaults to 1.
            verbose: As in Keras.
            callbacks: As in Keras.
            validation_split: Share of the texts, from the end, held out for validation. Defaults to
                0.
            validation_data: What `x` may be, or `(x, y)` of arrays. Defaults to `None`.
            shuffle: Whether to shuffle before each epoch. Defaults to `True`.
            carry_states: Whether a window starts from the final states of the window before it, not
                from zeros. All texts then form one stream, cut into `batch_size` parts. Defaults to
                `False`.
            **kwargs: `text`, the name of the texts' column in a table, `seed` and `batch_tokens`
                (not with `carry_states`), see `Seq2Seq.fit`; and the other arguments of
                `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If texts, arrays or arguments do not match.
        """
        x, y, validation_data = self.read_data(x, y, validation_data, kwargs)
        rest = epochs, verbose, callbacks, validation_split, validation_data, shuffle
        if not carry_states:
            return super().fit(x, y, batch_size, *rest, **kwargs)
        strategy = getattr(self, "distribute_strategy", None)
        if strategy is not None and strategy.num_replicas_in_sync > 1:
            raise ValueError(
                "Expected one replica with carry_states=True. Received a model of "
                f"{strategy.num_replicas_in_sync}. Train it without states that are carried."
            )
        if not self.is_read(x):
            raise ValueError("Expected texts with carry_states=True. Received no list of texts.")
        if kwargs.get("batch_tokens") is not None:
            raise ValueError(
                "Expected no `batch_tokens` with carry_states=True, which needs as many rows in "
                f"each batch. Received: {kwargs['batch_tokens']}. Use `batch_size`."
            )
        batch_size = BATCH_SIZE if batch_size is None else batch_size
        check_whole("batch_size", batch_size)
        shapes = [(batch_size, *shape) for shape in self.network.state_shapes]
        self._carried = CarriedStates(shapes)
        reset = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self._carried.reset()
        )
        callbacks = [reset, *keras.tree.flatten(callbacks or [])]
        rest = epochs, verbose, callbacks, validation_split, validation_data, shuffle
        self.train_function = None  # recompiled, to read and write the states
        try:
            return super().fit(x, y, batch_size, *rest, **kwargs)
        finally:
            self._layers.remove(self._carried)  # Keras keeps every layer ever assigned
            self._carried = self.train_function = None

    def score(self, texts: Sequence, batch_size: int = BATCH_SIZE, verbose="auto") -> np.ndarray:
        """Scores given texts, of any length, with the model's log probabilities.

        Args:
            texts: List, array or column of texts, or rows of ids ending with `EOS`.
            batch_size: Texts scored together. Defaults to 64.
            verbose: See `Seq2Seq.generate`. Defaults to `"auto"`.

        Returns:
            float32 `(len(texts),)`: sums over the text's tokens and `EOS`.

        Raises:
            ValueError: If they are no texts, or ids outside the vocabulary.
        """
        check_whole("batch_size", batch_size)
        rows = self.make_rows(texts)
        scorer = self.functions.get("score window", self._score_window, ((0, 1), (0, 1), (0,)))
        scores = np.zeros(len(rows), dtype="float32")
        for batch in track(batches_by_length(rows, batch_size), len(rows), verbose):
            labels = pad_batch([rows[i] for i in batch])
            token_ids = shift_right(labels)
            shapes = [(len(labels), *shape) for shape in self.network.state_shapes]
            states = [np.zeros(shape, "float32") for shape in shapes]
            totals = np.zeros(len(labels), dtype="float64")
            for start in range(0, labels.shape[1], self.window):
                part = slice(start, start + self.window)
                added, states = scorer(token_ids[:, part], labels[:, part], states)
                totals += np.asarray(added)
            scores[batch] = totals[: len(batch)]
        return scores

    def make_training_dataset(self, x, y, batch_size, shuffle, seed):
        """Returns what `fit` trains on: windows, or with carried states streams of them."""
        if self._carried is None:
            return self.make_dataset(x, y, batch_size, shuffle, seed)
        return make_streams(self.make_rows(x), self.window, batch_size, shuffle, seed)

    # For the rest of the package

    def parts(self) -> dict[str, Part]:
        """Returns the parts that `copy_weights` can copy."""
        decoder = self.decoder
        side = self.sides["tokenizer"]
        return {"decoder": Part(decoder.embedding, decoder.stack.layers, decoder.output, side)}

    def _score_window(self, token_ids, labels, states):
        probabilities, states = self.network.carry(token_ids, states)
        scores = row_log_probabilities(labels, probabilities)
        return scores, [ops.cast(state, "float32") for state in states]
