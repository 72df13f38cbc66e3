"""EncoderDecoderModel: what an encoder-decoder does with texts, whatever its network."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

from seq2seq.checks import check_whole
from seq2seq.data.batching import make_batches, stream_batches
from seq2seq.data.corpus import check_each_pair
from seq2seq.data.inputs import check_ids
from seq2seq.data.padding import BATCH_SIZE, pad_rows, shift_right
from seq2seq.generation.compiled_generator import CompiledGenerator
from seq2seq.models.scoring import CompiledPairScorer
from seq2seq.models.token_model import TokenModel
from seq2seq.tasks.measures import perplexities
from seq2seq.tasks.pairs import PairTexts, make_pair_rows
from seq2seq.tasks.positions import check_positions
from seq2seq.text.side import Side
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.training.metrics import Accuracy, Perplexity


class EncoderDecoderModel(PairTexts, TokenModel):
    """A model of sources and targets, compiled.

    A subclass names its `network_type`, which is made of both vocabulary sizes and the options. A
    network takes symbolic source and target ids and returns probabilities; it has `encoder`,
    `decoder`, `has_attention`, `attention_weights(source_ids, target_ids)`, and `begin` and `step`
    of a decoder (see `generation.loop`).

    Args:
        source: Tokenizer of the sources, or the size of their vocabulary.
        target: The same for the targets.
        options: The network's options, with `max_source_length` and `max_target_length`.
        name: Name of the model.
    """

    network_type = None
    side_names = column_roles = ("source", "target")

    def __init__(self, source: Tokenizer | int, target: Tokenizer | int, options, name: str):
        source, target = Side.of("source", source), Side.of("target", target)
        if options.share_embeddings:
            check_shared(source, target)
        options.check_size(source.size, target.size)
        network = self.network_type(source.size, target.size, options)
        source_ids = keras.Input((None,), dtype="int32", name="source_ids")
        target_ids = keras.Input((None,), dtype="int32", name="target_ids")
        probabilities = network(source_ids, target_ids)
        super().__init__(inputs=[source_ids, target_ids], outputs=probabilities, name=name)
        self.describe(options, {"source": source, "target": target})
        self.network = network
        self.generator = CompiledGenerator(network, self.functions, target.tokenizer, target.size)
        self.scorer = CompiledPairScorer(self)
        self.compile_with_defaults()

    @property
    def encoder(self):
        """The network's encoder."""
        return self.network.encoder

    @property
    def decoder(self):
        """The network's decoder."""
        return self.network.decoder

    @property
    def has_attention(self) -> bool:
        """Whether the decoder attends to the source."""
        return self.network.has_attention

    def encode_pairs(self, sources: Sequence[str], targets: Sequence[str]):
        """Turns texts into the arrays that `fit` takes.

        Args:
            sources: List of texts.
            targets: As many texts.

        Returns:
            Tuple `([source_ids, target_ids], labels)`, int32 arrays `(pairs, length)`.

        Raises:
            ValueError: If they are no texts, or not as many of each.
        """
        source_rows, label_rows = self.make_pairs(sources, targets)
        labels = pad_rows(label_rows)
        return [pad_rows(source_rows), shift_right(labels)], labels

    # Batches

    def make_dataset(self, x, y, batch_size, shuffle=False, seed=None):
        """Returns a dataset of batches of ids for texts."""
        return make_batches(*self.make_pairs(x, y), batch_size, shuffle, seed)

    def stream_pairs(
        self,
        read_pairs: Callable[[], Iterable[tuple[str, str]]],
        batch_size: int = BATCH_SIZE,
        shuffle: bool = True,
        seed: int | None = None,
        num_pairs: int | None = None,
    ):
        """Makes a dataset for `fit` from pairs that are read on demand, however many.

        Args:
            read_pairs: A function without arguments that returns an iterable of pairs of texts; it
                is called at the start of each epoch.
            batch_size: Pairs per batch. Defaults to 64.
            shuffle: Whether to shuffle pairs, 100 batches at a time. Defaults to `True`.
            seed: Seed of the shuffling. Defaults to `None`, as in `fit`.
            num_pairs: Number of pairs. Defaults to `None`: they are read once to be counted.

        Returns:
            A `tf.data.Dataset`, which knows its length.

        Raises:
            ValueError: If `read_pairs` is not a function, or does not return pairs of texts.

        Example:

        >>> def read_pairs():
        ...     with open("train.en", encoding="utf-8") as sources:
        ...         with open("train.zh", encoding="utf-8") as targets:
        ...             yield from zip(sources, targets, strict=True)
        >>> model.fit(model.stream_pairs(read_pairs), epochs=3)  # doctest: +SKIP
        """
        if not callable(read_pairs):
            raise ValueError(
                "Expected a function that returns the pairs, because each epoch reads them again. "
                f"Received: {read_pairs!r:.60}. Pass a list to `fit` directly."
            )

        if num_pairs is None:
            num_pairs = sum(1 for _ in check_each_pair(read_pairs()))
            if not num_pairs:
                raise ValueError("Expected `read_pairs` to return pairs. It returned none.")
        check_whole("num_pairs", num_pairs)

        sides, options = self.sides, self.options  # TensorFlow keeps the function for ever

        def read_rows(count):
            pairs, done = check_each_pair(read_pairs()), 0
            while pool := list(itertools.islice(pairs, count)):
                done += len(pool)
                yield make_pair_rows(sides, options, *map(list, zip(*pool, strict=True)))
            if done != num_pairs:
                raise ValueError(
                    f"Expected {num_pairs} pairs from `read_pairs` in each epoch. Received {done}. "
                    "Leave `num_pairs` out, and let the function start over at each call."
                )

        return stream_batches(read_rows, num_pairs, batch_size, shuffle, seed)

    def stream_batches(self, read, batch_size, shuffle=False, seed=None):
        """Returns a dataset of the pairs that a function returns anew for each epoch."""
        return self.stream_pairs(read, batch_size, shuffle, seed)

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
        check_ids("source_ids", source_ids, self.sides["source"].size)
        check_ids("target_ids", target_ids, self.sides["target"].size)
        for side, ids in (("source", source_ids), ("target", target_ids)):
            check_positions(self.options, f"max_{side}_length", ids.shape[1], f"{side}_ids")
        if y is not None and len(y.shape) == 2:
            check_ids("labels", y, self.sides["target"].size)
            if tuple(y.shape) != tuple(target_ids.shape):
                raise ValueError(
                    "Expected labels of the shape of target_ids. Received: labels "
                    f"{tuple(y.shape)} and target_ids {tuple(target_ids.shape)}. The labels are "
                    "the target_ids shifted one to the left, with EOS at the end."
                )

    # For the rest of the package

    def measure(self, sources, targets, batch_size: int = BATCH_SIZE) -> dict:
        """Returns loss, perplexities and accuracy of given pairs; see `evaluate_model`."""
        accuracy, perplexity, tokens = Accuracy(), Perplexity(), 0
        for inputs, labels in self.make_dataset(sources, targets, batch_size):
            probabilities = self.predict_on_batch(
                {name: ids.numpy() for name, ids in inputs.items()}
            )
            accuracy.update_state(labels.numpy(), probabilities)
            perplexity.update_state(labels.numpy(), probabilities)
            tokens += int(np.count_nonzero(labels))
        nats = tokens * math.log(float(perplexity.result()))
        figures = perplexities(nats, tokens, self._count_characters(targets))
        return {**figures, "accuracy": float(accuracy.result())}


def check_shared(source: Side, target: Side) -> None:
    """Raises a `ValueError` unless one embedding can serve both sides."""
    known = source.tokenizer and target.tokenizer
    same = not known or source.tokenizer.vocabulary == target.tokenizer.vocabulary
    if source.size != target.size or not same:
        raise ValueError(
            "Expected one vocabulary for both sides with share_embeddings=True. Received two of "
            f"different tokens, {source.size} and {target.size} of them. Pass the same tokenizer, "
            "adapted on both, twice."
        )
