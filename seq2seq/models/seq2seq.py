"""Seq2Seq, the encoder-decoder model."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from seq2seq.backend import compile_function, padded_size
from seq2seq.checks import check_whole
from seq2seq.data.batching import make_batches, pad_rows, shift_right
from seq2seq.data.corpus import check_pairs
from seq2seq.data.rows import check_ids, check_rows, encode_texts, is_texts
from seq2seq.generation.loop import generate_ids
from seq2seq.generation.result import Generation
from seq2seq.generation.samplers import Sampler, get_sampler, make_noise
from seq2seq.models.metrics import Accuracy, Perplexity, token_log_probabilities
from seq2seq.models.recurrent import Decoder, Encoder
from seq2seq.models.text_model import BATCH_SIZE, TextModel
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS, PAD


@keras.saving.register_keras_serializable(package="seq2seq")
class Seq2Seq(TextModel):
    """An encoder-decoder: LSTM over the source, its final states start an LSTM over the target.

    It is a functional `keras.Model` of named layers, with inputs `source_ids` and `target_ids` and
    softmax probabilities as output, and arrives compiled. The architecture is that of Sutskever et
    al. 2014 (https://arxiv.org/abs/1409.3215, section 2), the source not reversed.

    Args:
        source: Tokenizer of the sources, adapted; or the size of their vocabulary, special ids
            included, for a model of ids.
        target: The same for the targets.
        embedding_dim: Size of the embeddings. Defaults to 256.
        units: Size of each LSTM's states. Defaults to 256.
        num_layers: LSTM layers in the encoder and in the decoder. Defaults to 1.
        cell: Recurrent cell, `"lstm"`. Defaults to `"lstm"`.
        dropout: Share of the inputs of each layer dropped in training (Zaremba et al. 2014,
            https://arxiv.org/abs/1409.2329). Defaults to 0.
        max_source_length: Longest source row made from a text, in tokens with `EOS`; a longer text
            is cut. Defaults to 200.
        max_target_length: Longest target row made from a text. Defaults to 200.
        name: Name of the model. Defaults to `"seq2seq"`.

    Call arguments:
        inputs: `[source_ids, target_ids]` or a dict of these names: int32 `(batch, source_length)`
            and `(batch, target_length)`, padded on the right with 0. A source row ends with `EOS`
            (3), a target row begins with `BOS` (2) and holds no `EOS`.

    Returns:
        float32 `(batch, target_length, target_vocabulary)`.

    Raises:
        ValueError: If an argument is out of range or a tokenizer was never adapted.

    Example:

    >>> source = seq2seq.WordTokenizer().adapt(["good morning", "good night"])
    >>> target = seq2seq.CharTokenizer().adapt(["早上好", "晚安"])
    >>> model = seq2seq.Seq2Seq(source, target, units=64)
    >>> pairs = ["good morning", "good night"], ["早上好", "晚安"]
    >>> history = model.fit(*pairs, epochs=60, verbose=0)
    >>> model.generate("good night")
    '晚安'
    """

    def __init__(
        self,
        source: Tokenizer | int,
        target: Tokenizer | int,
        embedding_dim: int = 256,
        units: int = 256,
        num_layers: int = 1,
        cell: str = "lstm",
        dropout: float = 0.0,
        max_source_length: int = 200,
        max_target_length: int = 200,
        name: str = "seq2seq",
    ):
        source_size, source_tokenizer = _vocabulary_size("source", source)
        target_size, target_tokenizer = _vocabulary_size("target", target)
        for argument, value in (
            ("embedding_dim", embedding_dim),
            ("units", units),
            ("num_layers", num_layers),
            ("max_source_length", max_source_length),
            ("max_target_length", max_target_length),
        ):
            check_whole(argument, value)
        if cell != "lstm":
            raise ValueError(f"Expected `cell` to be 'lstm'. Received: cell={cell!r}.")
        if not 0 <= dropout < 1:
            raise ValueError(
                f"Expected `dropout` from 0 to below 1. Received: dropout={dropout!r}."
            )

        encoder = Encoder(source_size, embedding_dim, units, num_layers, dropout)
        decoder = Decoder(target_size, embedding_dim, units, num_layers, dropout)
        source_ids = keras.Input((None,), dtype="int32", name="source_ids")
        target_ids = keras.Input((None,), dtype="int32", name="target_ids")
        probabilities, _ = decoder(target_ids, encoder(source_ids))
        super().__init__(inputs=[source_ids, target_ids], outputs=probabilities, name=name)

        self.encoder = encoder
        self.decoder = decoder
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.source_vocabulary_size = source_size
        self.target_vocabulary_size = target_size
        self.embedding_dim = embedding_dim
        self.units = units
        self.num_layers = num_layers
        self.cell = cell
        self.dropout = dropout
        self.max_source_length = max_source_length
        self.max_target_length = max_target_length
        self.manifest = {}
        self._compiled_functions = _Functions()
        self.compile(
            optimizer=keras.optimizers.Adam(1e-3, clipnorm=1.0),
            loss="sparse_categorical_crossentropy",
            metrics=[Accuracy(), Perplexity()],
        )

    def generate(
        self,
        inputs: str | Sequence,
        max_length: int = 100,
        sampler: str | Sampler = "greedy",
        batch_size: int = BATCH_SIZE,
        return_details: bool = False,
    ):
        """Generates a target for each source, in one compiled loop.

        Args:
            inputs: A text or a list of texts; or a row or rows of source ids, each ending with
                `EOS`. An empty text gives an empty text.
            max_length: Most tokens generated for a source, `EOS` included. Defaults to 100.
            sampler: `"greedy"`, `"sample"`, `"beam"` or a sampler object. Defaults to `"greedy"`.
            batch_size: Sources decoded together. Defaults to 64.
            return_details: Whether to return `Generation` objects. Defaults to `False`.

        Returns:
            A text for a text, a list for a list, in the order of the inputs; rows of ids, ending
            with `EOS` unless cut off, for ids. With a sampler's `num_results` above 1 each result
            is a list, best first.

        Raises:
            ValueError: If an argument is out of range or the inputs are no texts or ids.
        """
        check_whole("max_length", max_length)
        check_whole("batch_size", batch_size)
        sampler = get_sampler(sampler)
        rows, single, texts = self._source_rows(inputs)
        results = [None] * len(rows)
        # Rows of one length share a batch; an empty text has nothing to decode.
        order = [i for i in np.argsort([len(row) for row in rows], kind="stable")]
        if texts:
            blank = [i for i in order if len(rows[i]) == 1]
            order = [i for i in order if len(rows[i]) > 1]
            for i in blank:
                results[i] = [self._describe([EOS], 0.0)] * sampler.num_results
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            ids, scores = self._generate_batch([rows[i] for i in batch], batch, max_length, sampler)
            for i, hypotheses, totals in zip(batch, ids, scores, strict=False):
                results[i] = [
                    self._describe(hypothesis[hypothesis != PAD].tolist(), float(total))
                    for hypothesis, total in zip(hypotheses, totals, strict=True)
                    if hypothesis[0] != PAD
                ][: sampler.num_results]
        if not return_details:
            kind = "text" if texts and self.target_tokenizer else "ids"
            results = [[getattr(result, kind) for result in group] for group in results]
        if sampler.num_results == 1:
            results = [group[0] for group in results]
        return results[0] if single else results

    def score(self, sources: Sequence, targets: Sequence, batch_size: int = BATCH_SIZE):
        """Scores given pairs with the model's log probabilities.

        Args:
            sources: List of texts, or rows of ids ending with `EOS`.
            targets: As many texts, or rows of ids ending with `EOS`.
            batch_size: Pairs scored together. Defaults to 64.

        Returns:
            float32 `(len(sources),)`: sums over the target's tokens and `EOS`.
        """
        source_rows, label_rows = self._rows(sources, targets)
        scores = np.zeros(len(source_rows), dtype="float32")
        score_batch = self._compiled_functions.get("score", self._score_batch, self)
        order = np.argsort([len(row) for row in label_rows], kind="stable")
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            labels = _pad_batch([label_rows[i] for i in batch])
            source_ids = _pad_batch([source_rows[i] for i in batch])
            totals = np.asarray(score_batch(source_ids, shift_right(labels), labels))
            scores[batch] = totals[: len(batch)]
        return scores

    def encode_pairs(self, sources: Sequence[str], targets: Sequence[str]):
        """Turns texts into the arrays that `fit` takes.

        Args:
            sources: List of texts.
            targets: As many texts.

        Returns:
            Tuple `([source_ids, target_ids], labels)`, int32 arrays `(pairs, length)`.
        """
        source_rows, label_rows = self._rows(sources, targets)
        labels = pad_rows(label_rows)
        return [pad_rows(source_rows), shift_right(labels)], labels

    def make_dataset(self, x, y, batch_size, shuffle=False, seed=None):
        """Returns a dataset of batches of ids for texts."""
        return make_batches(*self._rows(x, y), batch_size, shuffle, seed)

    def check_arrays(self, x, y=None):
        """Raises a `ValueError` for arrays of ids that the model cannot take."""
        try:
            x = [x["source_ids"], x["target_ids"]] if isinstance(x, dict) else list(x)
            source_ids, target_ids = x
        except (KeyError, ValueError):
            names = list(x) if isinstance(x, dict) else f"{len(x)} arrays"
            raise ValueError(
                "Expected [source_ids, target_ids] or a dict of these two names. "
                f"Received: {names}."
            ) from None
        check_ids("source_ids", source_ids, self.source_vocabulary_size)
        check_ids("target_ids", target_ids, self.target_vocabulary_size)
        if y is not None and len(y.shape) == 2:
            check_ids("labels", y, self.target_vocabulary_size)
            if tuple(y.shape) != tuple(target_ids.shape):
                raise ValueError(
                    "Expected labels of the shape of target_ids. Received: labels "
                    f"{tuple(y.shape)} and target_ids {tuple(target_ids.shape)}. The labels are "
                    "the target_ids moved one to the left, with EOS at the end."
                )

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this model, with its manifest."""
        return {
            "source": _serialize(self.source_tokenizer, self.source_vocabulary_size),
            "target": _serialize(self.target_tokenizer, self.target_vocabulary_size),
            "embedding_dim": self.embedding_dim,
            "units": self.units,
            "num_layers": self.num_layers,
            "cell": self.cell,
            "dropout": self.dropout,
            "max_source_length": self.max_source_length,
            "max_target_length": self.max_target_length,
            "name": self.name,
            "manifest": dict(self.manifest),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> "Seq2Seq":
        """Rebuilds a model, untrained, from `get_config()`."""
        config = dict(config)
        manifest = config.pop("manifest", {})
        for side in ("source", "target"):
            if isinstance(config[side], dict):
                config[side] = keras.saving.deserialize_keras_object(
                    config[side], custom_objects=custom_objects
                )
        model = cls(**config)
        model.manifest = manifest
        return model

    def _rows(self, sources, targets):
        """Returns rows of ids ending with `EOS` for pairs of texts or of ids."""
        check_pairs(sources, () if targets is None else targets)
        return self._side_rows("source", sources), self._side_rows("target", targets)

    def _side_rows(self, side, texts):
        """Returns rows of ids for one side of the pairs, texts or ids."""
        size = getattr(self, f"{side}_vocabulary_size")
        if not is_texts(texts):
            return check_rows(side, texts, size)
        tokenizer = getattr(self, f"{side}_tokenizer")
        if tokenizer is None:
            raise ValueError(
                f"Expected {side} ids, for the model was made with {side}={size}, a vocabulary "
                "size. Received texts. Pass ids, or make the model with a tokenizer."
            )
        return encode_texts(side, texts, tokenizer, getattr(self, f"max_{side}_length"))

    def _source_rows(self, inputs):
        """Returns `(rows, single, texts)` for whatever `generate` was given."""
        if isinstance(inputs, str):
            return self._source_rows([inputs])[0], True, True
        if hasattr(inputs, "shape"):
            inputs = list(np.asarray(inputs))
        if not is_texts(inputs) and len(inputs) and np.ndim(inputs[0]) == 0:
            return self._source_rows([inputs])[0], True, False
        return self._side_rows("source", inputs), False, is_texts(inputs)

    def _generate_batch(self, rows, numbers, max_length, sampler):
        """Generates for one batch; `numbers` are the rows' places in the input."""
        source_ids = _pad_batch(rows)
        noise = np.zeros((len(source_ids), max_length), dtype="float32")
        noise[: len(rows)] = make_noise(sampler.seed, numbers, max_length)

        def generate(source_ids, noise):
            states = self._encode_states(source_ids)
            return generate_ids(self.decoder.step, states, sampler, max_length, noise)

        config = {**sampler.get_config(), "seed": None}  # the seed is in the noise
        key = (type(sampler), repr(config), max_length)
        ids, scores = self._compiled_functions.get(key, generate, self)(source_ids, noise)
        ids, scores = np.asarray(ids), np.asarray(scores)
        return ids[: len(rows)], scores[: len(rows)]

    def _encode_states(self, source_ids):
        return self.encoder(source_ids)

    def _score_batch(self, source_ids, target_ids, labels):
        probabilities = self([source_ids, target_ids], training=False)
        scores = token_log_probabilities(labels, probabilities)
        return ops.sum(ops.where(ops.not_equal(labels, PAD), scores, 0.0), axis=-1)

    def _describe(self, ids, score):
        if self.target_tokenizer is None:
            return Generation(None, None, ids, score)
        tokens = self.target_tokenizer.vocabulary.tokens(i for i in ids if i != EOS)
        return Generation(self.target_tokenizer.detokenize(tokens), tokens, ids, score)


class _Functions:
    """Compiled functions by key. Not a dict, which Keras would track and copy."""

    def __init__(self):
        self._functions = {}

    def get(self, key, function, model):
        if key not in self._functions:
            self._functions[key] = compile_function(function, model.variables)
        return self._functions[key]


def _pad_batch(rows):
    """Pads rows to a length and number that a compiled function meets often."""
    ids = np.full((padded_size(len(rows), 1), padded_size(max(map(len, rows)))), PAD, "int32")
    ids[:, 0] = EOS  # a row of padding alone has no states
    ids[: len(rows)] = pad_rows(rows, ids.shape[1])
    return ids


def _vocabulary_size(side, source):
    """Returns the vocabulary size and the tokenizer, if there is one."""
    if isinstance(source, (int, np.integer)) and source > EOS:
        return int(source), None
    if isinstance(source, Tokenizer):
        if source.vocabulary is None:
            raise ValueError(
                f"Expected `{side}` to have a vocabulary. Received a {type(source).__name__} that "
                "was never adapted. Call `tokenizer.adapt(texts)` first."
            )
        return len(source.vocabulary), source
    raise ValueError(
        f"Expected `{side}` to be a tokenizer, or a vocabulary size above {EOS}, the last special "
        f"id. Received: {side}={source!r}."
    )


def _serialize(tokenizer, size):
    return size if tokenizer is None else keras.saving.serialize_keras_object(tokenizer)
