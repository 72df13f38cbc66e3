"""Seq2Seq, the encoder-decoder model."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import keras
import numpy as np

from seq2seq.checks import check_whole
from seq2seq.data.batching import make_batches, pad_rows, shift_right, stream_batches
from seq2seq.data.corpus import check_each_pair, check_pairs
from seq2seq.data.rows import check_ids, check_rows, encode_rows, is_texts
from seq2seq.generation.result import Generation
from seq2seq.generation.samplers import Sampler, get_sampler
from seq2seq.models.architecture import build_encoder_decoder
from seq2seq.models.details import describe_results
from seq2seq.models.embedding import load_vectors
from seq2seq.models.generator import Generator
from seq2seq.models.teacher_forcing import TeacherForcing
from seq2seq.models.text_model import BATCH_SIZE
from seq2seq.models.token_model import TokenModel
from seq2seq.models.tokenizer_config import vocabulary_size
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS

# Arguments that a saved model keeps; word vectors are in its weights.
OPTIONS = (
    "embedding_dim",
    "units",
    "num_layers",
    "cell",
    "bidirectional",
    "attention",
    "attention_score",
    "dropout",
    "recurrent_dropout",
    "l2",
    "share_embeddings",
    "tie_output",
    "label_smoothing",
    "train_source_embedding",
    "train_target_embedding",
    "max_source_length",
    "max_target_length",
    "precision",
)


@keras.saving.register_keras_serializable(package="seq2seq")
class Seq2Seq(TokenModel):
    """An encoder-decoder: a recurrent encoder's final states start a recurrent decoder.

    It is a functional `keras.Model` of named layers, with inputs `source_ids` and `target_ids` and
    softmax probabilities as output, and arrives compiled. The architecture is that of Sutskever et
    al. 2014 (https://arxiv.org/abs/1409.3215, section 2), the source not reversed.

    Args:
        source: Tokenizer of the sources, adapted; or the size of their vocabulary, special ids
            included, for a model of ids.
        target: The same for the targets.
        embedding_dim: Size of the embeddings. Defaults to 256.
        units: Size of each layer's states and outputs. Defaults to 256.
        num_layers: Recurrent layers in the encoder and in the decoder, with residual connections
            from the third (Wu et al. 2016, https://arxiv.org/abs/1609.08144, section 3.1). Defaults
            to 1.
        cell: `"lstm"` (Hochreiter & Schmidhuber 1997), `"gru"` (Cho et al. 2014,
            https://arxiv.org/abs/1406.1078) or `"rnn"` (Elman 1990). Defaults to `"lstm"`.
        bidirectional: Whether the encoder reads from both ends, with half of `units` each (Schuster
            & Paliwal 1997); a tanh layer bridges to each of the decoder's states. Defaults to
            `False`.
        attention: `None`, `"luong"` (a product as score, Luong et al. 2015,
            https://arxiv.org/abs/1508.04025) or `"bahdanau"` (an additive score, Bahdanau et al.
            2015, https://arxiv.org/abs/1409.0473). Either way the decoder's outputs are the queries
            and a tanh layer joins them with the context (Luong et al., section 3). Defaults to
            `None`.
        attention_score: Of `"luong"`: `"dot"`, `"scaled"` (times a learned factor) or `"general"`
            (learned keys; Luong et al., equation 8). Defaults to `"dot"`.
        dropout: Share of the inputs of each layer, and of the output layer, dropped in training
            (Zaremba et al. 2014, https://arxiv.org/abs/1409.2329). Defaults to 0.
        recurrent_dropout: Share of the states dropped, the same at every step (Gal & Ghahramani
            2016, https://arxiv.org/abs/1512.05287). Slow on a GPU. Defaults to 0.
        l2: Factor of an L2 penalty on all kernels, added to the loss. Defaults to 0.
        share_embeddings: Whether both sides share one embedding; they need one vocabulary. Defaults
            to `False`.
        tie_output: Whether the output layer is the target embedding (Press & Wolf 2017,
            https://aclanthology.org/E17-2025). Defaults to `False`.
        label_smoothing: Share of each label's probability spread over the vocabulary in the loss
            (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, section 7). Defaults to 0.
        source_vectors: Path of word vectors (word2vec or GloVe text format, plain or `.gz`) of
            `embedding_dim` numbers, to begin with (Mikolov et al. 2013). Defaults to `None`.
        target_vectors: The same for the targets.
        train_source_embedding: Whether the source embedding is trained. Defaults to `True`.
        train_target_embedding: Whether the target embedding is trained. Defaults to `True`.
        max_source_length: Longest source row made from a text, in tokens with `EOS`; a longer text
            is cut. Defaults to 200.
        max_target_length: Longest target row made from a text. Defaults to 200.
        precision: Data type of the matrix products in training: `"float32"`, `"bfloat16"` (weights,
            states and all that is saved are float32), or `"auto"`, the faster one on this
            processor for layers of this size. Outside training all is float32. Defaults to
            `"auto"`.
        name: Name of the model. Defaults to `"seq2seq"`.

    Call arguments:
        inputs: `[source_ids, target_ids]` or a dict of these names: int32 `(batch, source_length)`
            and `(batch, target_length)`, padded on the right with 0. A source row ends with `EOS`
            (3), a target row begins with `BOS` (2) and holds no `EOS`.

    Returns:
        float32 `(batch, target_length, target_vocabulary)`.

    Raises:
        ValueError: If an argument is out of range, two exclude each other, or a tokenizer was never
            adapted.

    Example:

    >>> source = seq2seq.WordTokenizer().adapt(["good morning", "good night"])
    >>> target = seq2seq.CharTokenizer().adapt(["早上好", "晚安"])
    >>> model = seq2seq.Seq2Seq(source, target, units=64, attention="luong")
    >>> pairs = ["good morning", "good night"], ["早上好", "晚安"]
    >>> history = model.fit(*pairs, epochs=60, verbose=0)
    >>> model.generate("good night")
    '晚安'
    """

    options = OPTIONS
    sides = (("source", "source_"), ("target", "target_"))

    def __init__(
        self,
        source: Tokenizer | int,
        target: Tokenizer | int,
        embedding_dim: int = 256,
        units: int = 256,
        num_layers: int = 1,
        cell: str = "lstm",
        bidirectional: bool = False,
        attention: str | None = None,
        attention_score: str = "dot",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        l2: float = 0.0,
        share_embeddings: bool = False,
        tie_output: bool = False,
        label_smoothing: float = 0.0,
        source_vectors: str | Path | None = None,
        target_vectors: str | Path | None = None,
        train_source_embedding: bool = True,
        train_target_embedding: bool = True,
        max_source_length: int = 200,
        max_target_length: int = 200,
        precision: str = "auto",
        name: str = "seq2seq",
    ):
        options = {option: value for option, value in locals().items() if option in OPTIONS}
        source_size, source_tokenizer = vocabulary_size("source", source)
        target_size, target_tokenizer = vocabulary_size("target", target)
        check_whole("max_source_length", max_source_length, 2)
        check_whole("max_target_length", max_target_length, 2)
        if share_embeddings:
            _check_shared(source_tokenizer, target_tokenizer, source_vectors, target_vectors)
        encoder, decoder = build_encoder_decoder(source_size, target_size, options)
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
        for option, value in options.items():
            setattr(self, option, value)
        self.manifest = {}
        self.generator = Generator(self, self._start, target_tokenizer, target_size)
        self.teacher_forcing = TeacherForcing(self)
        load_vectors("source", encoder.embedding, source_tokenizer, source_vectors)
        load_vectors("target", decoder.embedding, target_tokenizer, target_vectors)
        self.compile_usual(label_smoothing)

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
        self._check_sampler(sampler)
        rows, single, texts = self._source_rows(inputs)
        # An empty text has nothing to decode.
        filled = [i for i, row in enumerate(rows) if not texts or len(row) > 1]
        results = [[[EOS]] * sampler.num_results for _ in rows]
        generated = self.generator.generate(
            [rows[i] for i in filled], max_length, sampler, batch_size
        )
        for i, hypotheses in zip(filled, generated, strict=True):
            results[i] = hypotheses
        if return_details or sampler.constraints.replace_unknown:
            originals = ([inputs] if single else list(inputs)) if texts else None
            results = describe_results(self, rows, originals, results, sampler, batch_size)
        if not return_details:
            results = [[self._plain(result, texts) for result in group] for group in results]
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
        check_whole("batch_size", batch_size)
        return self.teacher_forcing.score(*self._rows(sources, targets), batch_size)

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

    def stream_pairs(
        self,
        read_pairs: Callable[[], Iterable[tuple[str, str]]],
        batch_size: int = BATCH_SIZE,
        shuffle: bool = True,
        seed: int | None = None,
        num_pairs: int | None = None,
    ):
        """Makes a dataset for `fit` of pairs that are read as they are needed, however many.

        Args:
            read_pairs: A function without arguments that returns an iterable of pairs of texts; it
                is called at the start of each epoch.
            batch_size: Pairs in a batch. Defaults to 64.
            shuffle: Whether pairs are mixed, 100 batches at a time. Defaults to `True`.
            seed: Seed of their order. Defaults to `None`, as in `fit`.
            num_pairs: How many there are. Defaults to `None`: they are read once to be counted.

        Returns:
            A `tf.data.Dataset`, which knows its length.

        Raises:
            ValueError: If `read_pairs` is no function, or what it returns are no pairs of texts.

        Example:

        >>> def read_pairs():
        ...     with open("train.en", encoding="utf-8") as sources:
        ...         with open("train.zh", encoding="utf-8") as targets:
        ...             yield from zip(sources, targets, strict=True)
        >>> model.fit(model.stream_pairs(read_pairs), epochs=3)  # doctest: +SKIP
        """
        if not callable(read_pairs):
            raise ValueError(
                "Expected a function that returns the pairs, for every epoch reads them anew. "
                f"Received: {read_pairs!r:.60}. Give a list to `fit` itself."
            )

        if num_pairs is None:
            num_pairs = sum(1 for _ in check_each_pair(read_pairs()))
            if not num_pairs:
                raise ValueError("Expected `read_pairs` to return pairs. It returned none.")
        check_whole("num_pairs", num_pairs)

        def read_rows(count):
            pairs, done = check_each_pair(read_pairs()), 0
            while pool := list(itertools.islice(pairs, count)):
                done += len(pool)
                yield self._rows(*map(list, zip(*pool, strict=True)))
            if done != num_pairs:
                raise ValueError(
                    f"Expected {num_pairs} pairs of `read_pairs` in every epoch. Received {done}. "
                    "Leave `num_pairs` out, and let the function begin anew at each call."
                )

        return stream_batches(read_rows, num_pairs, batch_size, shuffle, seed)

    def check_arrays(self, x, y=None):
        """Raises a `ValueError` for arrays of ids that the model cannot take."""
        try:
            x = [x["source_ids"], x["target_ids"]] if isinstance(x, dict) else list(x)
            source_ids, target_ids = x
        except (KeyError, ValueError):
            names = list(x) if isinstance(x, dict) else f"{len(x)} array(s)"
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

    def _start(self, source_ids):
        """Returns what the decoder begins with."""
        states, memory = self.decoder.split(self.encoder(source_ids))
        return states, memory, None

    def _rows(self, sources, targets):
        """Returns rows of ids ending with `EOS` for pairs of texts or of ids."""
        check_pairs(sources, () if targets is None else targets)
        return self.make_rows("source", sources), self.make_rows("target", targets)

    def make_rows(self, side, texts):
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
        return encode_rows(side, texts, tokenizer, getattr(self, f"max_{side}_length"))

    def _source_rows(self, inputs):
        """Returns `(rows, single, texts)` for whatever `generate` was given."""
        if isinstance(inputs, str):
            return self._source_rows([inputs])[0], True, True
        if hasattr(inputs, "shape") and np.ndim(inputs):
            inputs = list(np.asarray(inputs))
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(
                "Expected a text, a list of texts, or rows of ids. "
                f"Received: {inputs!r} of type {type(inputs).__name__}."
            )
        if not is_texts(inputs) and len(inputs) and np.ndim(inputs[0]) == 0:
            return self._source_rows([inputs])[0], True, False
        return self.make_rows("source", inputs), False, is_texts(inputs)

    def _check_sampler(self, sampler):
        if sampler.constraints.replace_unknown and (
            self.attention is None or self.source_tokenizer is None or self.target_tokenizer is None
        ):
            raise ValueError(
                "Expected attention and two tokenizers for replace_unknown=True, which "
                "copies a source token. Leave it out, or train with attention='luong'."
            )

    def _plain(self, result, texts):
        if isinstance(result, Generation):
            return result.text
        return self.target_tokenizer.decode(result) if texts and self.target_tokenizer else result


def _check_shared(source, target, source_vectors, target_vectors):
    """Raises a `ValueError` where one embedding cannot serve both sides."""
    if source and target and source.vocabulary != target.vocabulary:
        raise ValueError(
            "Expected one vocabulary for both sides with share_embeddings=True. Received two of "
            "one size with other tokens. Pass the same tokenizer, adapted on both, twice."
        )
    if source_vectors is not None and target_vectors is not None:
        raise ValueError(
            "Expected `source_vectors` or `target_vectors` with share_embeddings=True, for there "
            f"is one embedding. Received both: {source_vectors} and {target_vectors}."
        )
