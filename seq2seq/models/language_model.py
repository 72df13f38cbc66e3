"""LanguageModel: the decoder on its own."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from seq2seq.backend import compile_function
from seq2seq.checks import check_whole
from seq2seq.data.batching import make_streams, make_windows, pad_rows, shift_right
from seq2seq.data.rows import (
    check_ids,
    check_rows,
    check_texts,
    check_tokenizer,
    is_texts,
    make_rows,
)
from seq2seq.generation.continuation import continue_text, prompt_tokens
from seq2seq.generation.samplers import Sampler, get_sampler
from seq2seq.models.architecture import build_decoder
from seq2seq.models.carried_states import CarriedStates
from seq2seq.models.embedding import load_vectors
from seq2seq.models.generator import Generator, batches_by_length, pad_batch
from seq2seq.models.metrics import token_log_probabilities
from seq2seq.models.text_model import BATCH_SIZE
from seq2seq.models.token_model import TokenModel
from seq2seq.models.tokenizer_config import vocabulary_size
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import BOS, EOS, PAD

# Arguments that a saved model keeps.
OPTIONS = (
    "embedding_dim",
    "units",
    "num_layers",
    "cell",
    "dropout",
    "recurrent_dropout",
    "l2",
    "tie_embeddings",
    "label_smoothing",
    "train_embedding",
    "window",
    "precision",
)


@keras.saving.register_keras_serializable(package="seq2seq")
class LanguageModel(TokenModel):
    """A recurrent language model: each token is predicted from all before it.

    It is a functional `keras.Model` with input `token_ids` and softmax probabilities as output, and
    arrives compiled (Mikolov et al. 2010, https://www.isca-archive.org/interspeech_2010/mikolov10_
    interspeech.html; with LSTM cells Zaremba et al. 2014, https://arxiv.org/abs/1409.2329).

    Args:
        tokenizer: Tokenizer of the texts, adapted; or the size of the vocabulary, special ids
            included, for a model of ids.
        embedding_dim: Size of the embeddings. Defaults to 256.
        units: Size of each layer's states and outputs. Defaults to 256.
        num_layers: Recurrent layers, with residual connections from the third. Defaults to 1.
        cell: `"lstm"`, `"gru"` or `"rnn"`. Defaults to `"lstm"`.
        dropout: Share of the inputs of each layer, and of the output layer, dropped in training.
            Defaults to 0.
        recurrent_dropout: Share of the states dropped, the same at every step. Defaults to 0.
        l2: Factor of an L2 penalty on all kernels. Defaults to 0.
        tie_embeddings: Whether the output layer is the embedding (Press & Wolf 2017,
            https://aclanthology.org/E17-2025). Defaults to `False`.
        label_smoothing: Share of each label's probability spread over the vocabulary in the loss.
            Defaults to 0.
        vectors: Path of word vectors to begin with, as for `Seq2Seq`. Defaults to `None`.
        train_embedding: Whether the embedding is trained. Defaults to `True`.
        window: Most tokens of a text that are trained on together. A longer text is cut into
            windows. Defaults to 100.
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

    options = OPTIONS
    takes_rows = True

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
        options = {option: value for option, value in locals().items() if option in OPTIONS}
        size, tokenizer = vocabulary_size("tokenizer", tokenizer)
        check_whole("window", window, 2)
        decoder = build_decoder(size, options)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        probabilities, _ = decoder(token_ids)
        super().__init__(inputs=token_ids, outputs=probabilities, name=name)

        self.decoder = decoder
        self.tokenizer = tokenizer
        self.vocabulary_size = size
        for option, value in options.items():
            setattr(self, option, value)
        self.manifest = {}
        self.generator = Generator(self, self._start, tokenizer, size)
        self._scorer = compile_function(self._score_window, self.variables)
        self._carried = None
        load_vectors("", decoder.embedding, tokenizer, vectors)
        self.compile_usual(label_smoothing)

    def call(self, inputs, training=None, mask=None):
        """Predicts each next token; with carried states from where the last batch has ended."""
        if self._carried is None or not training:
            return super().call(inputs, training=training, mask=mask)
        states = self._carried.read()
        # TensorFlow's loop wants to know that ids and states have one batch size.
        token_ids = ops.reshape(inputs, (states[0].shape[0], -1))
        probabilities, states = self.decoder(token_ids, states)
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
            x: List of texts or of rows of ids, or what Keras takes: an array of ids, a dataset.
            y: `None` with texts; an array of labels with an array of ids.
            batch_size: Windows in a batch. Defaults to `None`: 64 for texts, Keras's 32 for arrays.
            epochs: Defaults to 1.
            verbose: As in Keras.
            callbacks: As in Keras.
            validation_split: Share of the texts, the last ones, kept for validation. Defaults to 0.
            validation_data: List of texts, or what Keras takes. Defaults to `None`.
            shuffle: Whether the order changes from epoch to epoch. Defaults to `True`.
            carry_states: Whether a window of text begins with the states of the window before it,
                not with zero. All texts are then one stream, cut into `batch_size` parts. Defaults
                to `False`.
            **kwargs: `seed`, see `Seq2Seq.fit`, and the other arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If texts, arrays or arguments do not fit together.
        """
        if self.is_read(x):
            check_texts(x)
        rest = epochs, verbose, callbacks, validation_split, validation_data, shuffle
        if not carry_states:
            return super().fit(x, y, batch_size, *rest, **kwargs)
        if not self.is_read(x):
            raise ValueError("Expected texts with carry_states=True. Received no list of texts.")
        batch_size = BATCH_SIZE if batch_size is None else batch_size
        check_whole("batch_size", batch_size)
        self._carried = CarriedStates([(batch_size, *shape) for shape in self._state_shapes()])
        reset = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self._carried.reset()
        )
        callbacks = [reset, *keras.tree.flatten(callbacks or [])]
        rest = epochs, verbose, callbacks, validation_split, validation_data, shuffle
        self.train_function = None  # compiled anew, to read and write the states
        try:
            return super().fit(x, y, batch_size, *rest, **kwargs)
        finally:
            self._layers.remove(self._carried)  # Keras keeps what an attribute once held
            self._carried = self.train_function = None

    def generate(
        self,
        prompts: str | Sequence = "",
        max_length: int = 100,
        sampler: str | Sampler = "greedy",
        batch_size: int = BATCH_SIZE,
        stream: bool = False,
    ):
        """Continues prompts, in one compiled loop or token by token.

        Args:
            prompts: A text or a list of texts; or a row or rows of ids without `EOS`, for ids.
                Defaults to `""`: a text from its beginning.
            max_length: Most tokens generated for a prompt, `EOS` included. Defaults to 100.
            sampler: `"greedy"`, `"sample"`, `"beam"` or a sampler object. Defaults to `"greedy"`.
            batch_size: Prompts continued together. Defaults to 64.
            stream: Whether to return an iterator over pieces of text, the first one the prompt,
                for one prompt and a sampler of one hypothesis. Joined they are what is returned
                without. Defaults to `False`.

        Returns:
            A text for a text, a list for a list: each prompt as it was given, with its
            continuation; rows of ids for ids. With a sampler's `num_results` above 1 each result is
            a list, best first.

        Raises:
            ValueError: If an argument is out of range or the prompts are no texts or ids.
        """
        check_whole("max_length", max_length)
        check_whole("batch_size", batch_size)
        sampler = get_sampler(sampler)
        if sampler.constraints.replace_unknown:
            raise ValueError("Expected no replace_unknown=True: a language model has no source.")
        if hasattr(prompts, "to_numpy"):  # a pandas column
            prompts = list(prompts)
        if not isinstance(prompts, (str, list, tuple, np.ndarray)):
            raise ValueError(f"Expected a text, a list of texts, or ids. Received: {prompts!r}.")
        single = isinstance(prompts, str) or (np.ndim(prompts[:1]) == 1 and not is_texts(prompts))
        if stream:
            if not single or sampler.width > 1:
                raise ValueError(
                    "Expected one prompt and a sampler of one hypothesis with stream=True. "
                    f"Received: {prompts!r:.60} and {sampler!r}. Call it for each prompt."
                )
            return self._stream(prompts, max_length, sampler)
        prompts = [prompts] if single else list(prompts)
        results = self.generator.generate(
            [self._prompt_row(prompt) for prompt in prompts], max_length, sampler, batch_size
        )
        results = [
            [self._join(prompt, ids) for ids in group]
            for prompt, group in zip(prompts, results, strict=True)
        ]
        if sampler.num_results == 1:
            results = [group[0] for group in results]
        return results[0] if single else results

    def score(self, texts: Sequence, batch_size: int = BATCH_SIZE) -> np.ndarray:
        """Scores given texts, of any length, with the model's log probabilities.

        Args:
            texts: List of texts, or rows of ids ending with `EOS`.
            batch_size: Texts scored together. Defaults to 64.

        Returns:
            float32 `(len(texts),)`: sums over the text's tokens and `EOS`.
        """
        check_whole("batch_size", batch_size)
        rows = self.make_rows(texts)
        scores = np.zeros(len(rows), dtype="float32")
        for batch in batches_by_length(rows, batch_size):
            labels = pad_batch([rows[i] for i in batch])
            token_ids = shift_right(labels)
            states = [np.zeros((len(labels), *shape), "float32") for shape in self._state_shapes()]
            totals = np.zeros(len(labels), dtype="float64")
            for start in range(0, labels.shape[1], self.window):
                part = slice(start, start + self.window)
                added, *states = self._scorer(token_ids[:, part], labels[:, part], *states)
                totals += np.asarray(added)
            scores[batch] = totals[: len(batch)]
        return scores

    def perplexity(self, texts: Sequence, batch_size: int = BATCH_SIZE) -> float:
        """Returns the perplexity of texts, a token, each text read from its beginning to its end.

        Args:
            texts: List of texts, or rows of ids ending with `EOS`.
            batch_size: Texts read together. Defaults to 64.

        Returns:
            float; an unknown token counts as `[UNK]`.
        """
        rows = self.make_rows(texts)
        tokens = sum(map(len, rows))
        return float(np.exp(-self.score(rows, batch_size).astype("float64").sum() / tokens))

    def make_rows(self, texts):
        """Returns rows of ids ending with `EOS` for texts or rows of ids."""
        return make_rows(texts, self.tokenizer, self.vocabulary_size)

    def make_dataset(self, x, y, batch_size, shuffle=False, seed=None):
        """Returns a dataset of batches of windows of texts."""
        if y is not None:
            raise ValueError("Expected texts alone. Received a second argument beside them.")
        return make_windows(self.make_rows(x), self.window, batch_size, shuffle, seed)

    def make_training_dataset(self, x, y, batch_size, shuffle, seed):
        """Returns what `fit` trains on: windows, or with carried states streams of them."""
        if self._carried is None:
            return self.make_dataset(x, y, batch_size, shuffle, seed)
        return make_streams(self.make_rows(x), self.window, batch_size, shuffle, seed)

    def encode_rows(self, texts: Sequence[str]):
        """Turns texts into the arrays that `fit` takes, each text a row.

        Args:
            texts: List of texts.

        Returns:
            Tuple `(token_ids, labels)`, int32 arrays `(texts, length)`.
        """
        labels = pad_rows(self.make_rows(texts))
        return shift_right(labels), labels

    def check_arrays(self, x, y=None):
        """Raises a `ValueError` for arrays of ids that the model cannot take."""
        check_ids("token_ids", x, self.vocabulary_size)
        if y is not None and len(y.shape) == 2:
            check_ids("labels", y, self.vocabulary_size)

    def _start(self, prompt_ids):
        """Returns what the decoder begins with: it has read all of the prompts but their last."""
        length = ops.sum(ops.cast(ops.not_equal(prompt_ids, PAD), "int32"), axis=1, keepdims=True)
        last = ops.take_along_axis(prompt_ids, length - 1, axis=1)[:, 0]
        places = ops.arange(ops.shape(prompt_ids)[1])[None, :]
        # A row that is masked whole would have no states: read a token, then forget it.
        read = ops.maximum(length - 1, 1)
        x = self.decoder.embedding(prompt_ids)
        _, states = self.decoder.stack(x, mask=places < read)
        states = [ops.where(length > 1, state, 0.0) for state in states]
        return states, [], last

    def _score_window(self, token_ids, labels, *states):
        probabilities, states = self.decoder(token_ids, states)
        scores = ops.where(labels != PAD, token_log_probabilities(labels, probabilities), 0.0)
        return ops.sum(scores, axis=-1), *(ops.cast(state, "float32") for state in states)

    def _state_shapes(self):
        return [(self.units,)] * self.decoder.num_states

    def _prompt_row(self, prompt):
        if isinstance(prompt, str):
            check_tokenizer(self.tokenizer, "a text")
            return [BOS, *self.tokenizer.vocabulary.ids(prompt_tokens(self.tokenizer, prompt))]
        if isinstance(prompt, (list, tuple, np.ndarray)) and not len(prompt):
            return [BOS]
        (row,) = check_rows("prompt", [prompt], self.vocabulary_size)
        if BOS in row or EOS in row:
            raise ValueError(
                f"Expected a prompt of ids without BOS ({BOS}) and EOS ({EOS}). Received: {row}."
            )
        return [BOS, *row]

    def _join(self, prompt, ids):
        """Returns a prompt with its continuation."""
        if not isinstance(prompt, str):
            return [*self._prompt_row(prompt)[1:], *ids]
        return "".join(continue_text(self.tokenizer, prompt, ids))

    def _stream(self, prompt, max_length, sampler):
        ids = self.generator.stream(self._prompt_row(prompt), max_length, sampler)
        if not isinstance(prompt, str):
            return itertools.chain(self._prompt_row(prompt)[1:], ids)
        return continue_text(self.tokenizer, prompt, ids)
