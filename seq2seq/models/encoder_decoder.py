"""EncoderDecoderModel: what an encoder-decoder does with texts, whatever its network."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

from seq2seq.checks import check_whole
from seq2seq.data.batching import make_batches, stream_batches
from seq2seq.data.corpus import Pairs, check_each_pair, check_pairs, read_pair_files
from seq2seq.data.inputs import check_ids, check_rows, encode_rows, is_texts, read_inputs
from seq2seq.data.padding import pad_rows, shift_right
from seq2seq.generation.generator import Generator
from seq2seq.generation.loop import check_max_length
from seq2seq.generation.result import in_form
from seq2seq.generation.samplers import Sampler, get_sampler
from seq2seq.models.scoring import PairScorer
from seq2seq.models.text_model import BATCH_SIZE
from seq2seq.models.token_model import TokenModel
from seq2seq.networks.sides import Side
from seq2seq.text.columns import as_list
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS
from seq2seq.training.metrics import Accuracy, Perplexity, known_share, perplexities


class EncoderDecoderModel(TokenModel):
    """A model of sources and targets.

    Args:
        network: Takes symbolic source and target ids and returns probabilities; has `encoder`,
            `decoder`, `has_attention`, `attention_weights(source_ids, target_ids)`, and `begin` and
            `step` of a decoder (see `generation.loop`).
        source: The vocabulary of the sources.
        target: The vocabulary of the targets.
        options: The network's options, with `max_source_length` and `max_target_length`.
        name: Name of the model.
    """

    task = "translate"
    examples_are = "pairs"
    side_names = column_roles = ("source", "target")

    def __init__(self, network, source: Side, target: Side, options, name: str):
        source_ids = keras.Input((None,), dtype="int32", name="source_ids")
        target_ids = keras.Input((None,), dtype="int32", name="target_ids")
        probabilities = network(source_ids, target_ids)
        super().__init__(inputs=[source_ids, target_ids], outputs=probabilities, name=name)
        self.describe(options, {"source": source, "target": target})
        self.network = network
        self.generator = Generator(network, self.functions, target.tokenizer, target.size)
        self.scorer = PairScorer(self)

    @property
    def encoder(self):
        """The network's encoder."""
        return self.network.encoder

    @property
    def decoder(self):
        """The network's decoder."""
        return self.network.decoder

    @property
    def source_tokenizer(self) -> Tokenizer | None:
        """The tokenizer of the sources, or `None` in a model of ids."""
        return self.sides["source"].tokenizer

    @property
    def target_tokenizer(self) -> Tokenizer | None:
        """The tokenizer of the targets, or `None` in a model of ids."""
        return self.sides["target"].tokenizer

    @property
    def source_vocabulary_size(self) -> int:
        """Number of source ids, the special ones included."""
        return self.sides["source"].size

    @property
    def target_vocabulary_size(self) -> int:
        """Number of target ids, the special ones included."""
        return self.sides["target"].size

    # Texts in, texts out

    def generate(
        self,
        inputs: str | Sequence,
        max_length: int = 100,
        sampler: str | Sampler = "greedy",
        batch_size: int = BATCH_SIZE,
        return_details: bool = False,
        verbose="auto",
    ):
        """Generates a target for each source, in one compiled loop.

        Args:
            inputs: A text, or a list, array or column of texts; or a row or rows of source ids,
                each ending with `EOS`. An empty text gives an empty text.
            max_length: Maximum number of generated tokens, `EOS` included. Defaults to 100.
            sampler: `"greedy"`, `"sample"`, `"beam"` or a sampler object. Defaults to `"greedy"`.
            batch_size: Sources decoded together. Defaults to 64.
            return_details: Whether to return `Generation` objects; a list of them is shown by a
                notebook as a table. Defaults to `False`.
            verbose: Whether to show how far it is: 1, 0, or `"auto"`, only at a prompt and in a
                notebook, once it takes seconds. Defaults to `"auto"`.

        Returns:
            A text for a text, a list for a list, in the order of the inputs; rows of ids, ending
            with `EOS` unless cut off, for ids. With a sampler's `num_results` above 1 each result
            is a list, best first.

        Raises:
            ValueError: If an argument is out of range or the inputs are neither texts nor ids.
        """
        check_max_length(max_length)
        check_whole("batch_size", batch_size)
        sampler = get_sampler(sampler)
        self._check_sampler(sampler)
        inputs = read_inputs(inputs)
        rows = self.make_rows("source", inputs.items)
        results = self._generate(rows, inputs.are_texts, max_length, sampler, batch_size, verbose)
        if return_details or sampler.constraints.replace_unknown:
            texts = inputs.items if inputs.are_texts else None
            results = self.scorer.describe(rows, texts, results, sampler, batch_size)
            if not return_details:
                results = [[result.text for result in group] for group in results]
        elif inputs.are_texts and self.target_tokenizer is not None:
            results = [list(map(self.target_tokenizer.decode, group)) for group in results]
        return inputs.unwrap(in_form(results, sampler.num_results, return_details))

    def score(
        self,
        sources: Sequence,
        targets: Sequence,
        batch_size: int = BATCH_SIZE,
        verbose="auto",
    ) -> np.ndarray:
        """Scores given pairs with the model's log probabilities.

        Args:
            sources: List, array or column of texts, or rows of ids ending with `EOS`.
            targets: As many texts, or rows of ids ending with `EOS`.
            batch_size: Pairs scored together. Defaults to 64.
            verbose: See `generate`. Defaults to `"auto"`.

        Returns:
            float32 `(len(sources),)`: sums over the target's tokens and `EOS`.
        """
        check_whole("batch_size", batch_size)
        return self.scorer.score(*self.make_pairs(sources, targets), batch_size, verbose)

    def encode_pairs(self, sources: Sequence[str], targets: Sequence[str]):
        """Turns texts into the arrays that `fit` takes.

        Args:
            sources: List of texts.
            targets: As many texts.

        Returns:
            Tuple `([source_ids, target_ids], labels)`, int32 arrays `(pairs, length)`.
        """
        source_rows, label_rows = self.make_pairs(sources, targets)
        labels = pad_rows(label_rows)
        return [pad_rows(source_rows), shift_right(labels)], labels

    # Batches

    def make_pairs(self, sources: Sequence, targets: Sequence) -> tuple[list, list]:
        """Returns rows of ids ending with `EOS` for both sides of pairs of texts or of ids."""
        sources, targets = as_list(sources), as_list(targets)
        check_pairs(sources, () if targets is None else targets)
        return self.make_rows("source", sources), self.make_rows("target", targets)

    def make_rows(self, side: str, texts: Sequence) -> list[list[int]]:
        """Returns rows of ids for one side of the pairs, texts or ids."""
        size, tokenizer = self.sides[side].size, self.sides[side].tokenizer
        texts = as_list(texts)
        if not is_texts(texts):
            return check_rows(side, texts, size)
        if tokenizer is None:
            raise ValueError(
                f"Expected {side} ids, because the model was made with {side}={size}, a vocabulary "
                "size. Received texts. Pass ids, or make the model with a tokenizer."
            )
        return encode_rows(side, texts, tokenizer, getattr(self.options, f"max_{side}_length"))

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

        def read_rows(count):
            pairs, done = check_each_pair(read_pairs()), 0
            while pool := list(itertools.islice(pairs, count)):
                done += len(pool)
                yield self.make_pairs(*map(list, zip(*pool, strict=True)))
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
        if y is not None and len(y.shape) == 2:
            check_ids("labels", y, self.sides["target"].size)
            if tuple(y.shape) != tuple(target_ids.shape):
                raise ValueError(
                    "Expected labels of the shape of target_ids. Received: labels "
                    f"{tuple(y.shape)} and target_ids {tuple(target_ids.shape)}. The labels are "
                    "the target_ids shifted one to the left, with EOS at the end."
                )

    # For the rest of the package

    def read_tokens(self, token_ids):
        """Reads sources for `encode_texts`: returns the encoder's outputs and the mask."""
        outputs, _, mask = self.encoder.read(token_ids)
        return outputs, mask

    def reading_rows(self, texts: Sequence) -> list[list[int]]:
        """Returns the rows of ids of texts for `read_tokens`."""
        return self.make_rows("source", texts)

    def check_examples(self, sources, targets) -> None:
        """Raises a `ValueError` unless the model can be evaluated on these pairs."""
        self.check_tokenizers()
        check_pairs(sources, targets if targets is not None else ())

    def measure(self, sources, targets, batch_size: int = BATCH_SIZE) -> dict:
        """Returns loss, perplexities and accuracy of given pairs; see `evaluate_model`."""
        accuracy, perplexity, tokens = Accuracy(), Perplexity(), 0
        for inputs, labels in self.make_dataset(sources, targets, batch_size):
            probabilities = self.predict_on_batch(
                {name: ids.numpy() for name, ids in inputs.items()}
            )
            accuracy.update_state(labels.numpy(), probabilities)
            perplexity.update_state(labels.numpy(), probabilities)
            tokens += np.count_nonzero(labels)
        nats = tokens * math.log(float(perplexity.result()))
        figures = perplexities(nats, tokens, self._count_characters(targets))
        return {**figures, "accuracy": float(accuracy.result())}

    def _count_characters(self, targets):
        """Counts the characters that are scored: of a target that is cut those before the cut."""
        tokenizer, longest = self.target_tokenizer, self.options.max_target_length - 1
        tokens = tokenizer.tokenize_all(targets)
        return sum(
            len(text) + 1 if len(row) <= longest else len(tokenizer.detokenize(row[:longest]))
            for text, row in zip(targets, tokens, strict=True)
        )

    def coverage(self, sources, targets) -> dict:
        """Returns the shares of tokens that are in the vocabularies."""
        return {
            "coverage": known_share(self.target_tokenizer.encode_all(targets)),
            "source_coverage": known_share(self.source_tokenizer.encode_all(sources)),
        }

    def write(self, sources, sampler, max_length: int, batch_size: int) -> list[str]:
        """Generates the texts to evaluate."""
        return self.generate(sources, max_length, sampler or "greedy", batch_size)

    @staticmethod
    def read_examples(paths: Sequence[str], columns: Sequence | None = None) -> Pairs:
        """Reads pairs to train or evaluate on from files; see `read_pairs`."""
        return read_pair_files(paths, columns)

    def respond(self, texts: Sequence[str], **arguments) -> list[tuple[str, dict]]:
        """Returns for each text what the command line prints: a line, and an object for JSON."""
        results = self.generate(texts, **arguments)
        lines = ["\t".join(row) if isinstance(row, list) else row for row in results]
        return [(line, {"text": row}) for line, row in zip(lines, results, strict=True)]

    def _generate(self, rows, are_texts, max_length, sampler, batch_size, verbose):
        """Returns the results for each row, as rows of ids."""
        # An empty text has nothing to decode.
        filled = [i for i, row in enumerate(rows) if not are_texts or len(row) > 1]
        results = [[[EOS]] * sampler.num_results for _ in rows]
        generated = self.generator.generate(
            [rows[i] for i in filled], max_length, sampler, batch_size, filled, verbose
        )
        for i, hypotheses in zip(filled, generated, strict=True):
            results[i] = hypotheses
        return results

    def _check_sampler(self, sampler):
        whole = self.network.has_attention and self.source_tokenizer and self.target_tokenizer
        if sampler.constraints.replace_unknown and not whole:
            raise ValueError(
                "Expected attention and two tokenizers for replace_unknown=True, which "
                "copies a source token. Leave it out, or train with attention='luong'."
            )
