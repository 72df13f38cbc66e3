"""Exported models: the methods of the models that they came from, without Keras."""

import math
from types import SimpleNamespace

import numpy as np

from seq2seq.checks import check_whole
from seq2seq.data.class_labels import ClassLabels
from seq2seq.data.padding import BATCH_SIZE, pad_rows
from seq2seq.data.tables import read_data
from seq2seq.generation.generator import Generator
from seq2seq.generation.numpy_ops import top_k
from seq2seq.runtime.decoders import open_decoder
from seq2seq.runtime.scoring import SteppedContinuationScorer, SteppedPairScorer
from seq2seq.tasks.classification import LabelledTexts
from seq2seq.tasks.continuation import ContinuedTexts
from seq2seq.tasks.filling import FilledTexts
from seq2seq.tasks.measures import perplexities
from seq2seq.tasks.pairs import PairTexts
from seq2seq.tasks.text_vectors import LOWEST
from seq2seq.text.side import Side
from seq2seq.text.vocabulary import EOS, PAD


class ExportedModel:
    """What the exported models share.

    Args:
        settings: The content of `settings.json`.
        sides: The vocabularies, by name.
    """

    def __init__(self, settings: dict, sides: dict[str, Side]):
        self.settings = settings
        self.sides = sides
        self.options = SimpleNamespace(**settings["options"])
        self.manifest = settings["manifest"]

    @property
    def units(self) -> int:
        """Size of the vectors of `encode_texts`."""
        encoder = getattr(self.options, "encoder", None)  # of a classifier that has one
        return encoder["units"] if encoder else self.options.units

    def vector_function(self, pooling: str):
        """Returns a function of rows of ids to their vectors; see `encode_texts`."""

        def pool(rows):
            token_ids = pad_rows(rows)
            mask = (token_ids != PAD)[:, :, None]  # (batch, length, 1)
            outputs = self.read(token_ids)  # (batch, length, units)
            first = outputs.shape[1] - mask.shape[1]  # 1 where the encoder puts `BOS` first
            mask = np.pad(mask, ((0, 0), (first, 0), (0, 0)), constant_values=True)
            if pooling == "max":
                return np.where(mask, outputs, LOWEST).max(axis=1)
            return (outputs * mask).sum(axis=1) / mask.sum(axis=1)

        return pool

    def __repr__(self) -> str:
        return f"<exported {self.settings['class']}>"


class ExportedSeq2Seq(PairTexts, ExportedModel):
    """An exported encoder-decoder; see `Seq2Seq` for its methods."""

    def __init__(self, settings, sides, sessions):
        super().__init__(settings, sides)
        decoder = open_decoder(sessions, continues=False)
        target = sides["target"]
        self.read = decoder.read
        self.has_attention = decoder.has_attention
        self.generator = Generator(decoder, target.tokenizer, target.size)
        self.scorer = SteppedPairScorer(decoder, self.source_tokenizer, self.target_tokenizer)

    def measure(self, sources, targets, batch_size: int = BATCH_SIZE) -> dict:
        """Returns loss, perplexities and accuracy of given pairs; see `evaluate_model`."""
        source_rows, label_rows = self.make_pairs(sources, targets)
        found = self.scorer.look(source_rows, label_rows, batch_size, ())
        tokens = sum(map(len, label_rows))
        hits = sum(
            int((position["ids"][:, 0] == row).sum())
            for position, row in zip(found, label_rows, strict=True)
        )
        nats = -math.fsum(float(position["scores"].sum(dtype="float64")) for position in found)
        figures = perplexities(nats, tokens, self._count_characters(targets))
        return {**figures, "accuracy": hits / tokens}


class ExportedLanguageModel(ContinuedTexts, ExportedModel):
    """An exported language model; see `LanguageModel` for its methods."""

    def __init__(self, settings, sides, sessions):
        super().__init__(settings, sides)
        side = sides["tokenizer"]
        decoder = open_decoder(sessions, continues=True)
        self.read = decoder.read
        self.generator = Generator(decoder, side.tokenizer, side.size)
        self.scorer = SteppedContinuationScorer(decoder, side.tokenizer)

    def score(self, texts, batch_size: int = BATCH_SIZE, verbose="auto") -> np.ndarray:
        """Scores given texts; see `LanguageModel.score`."""
        check_whole("batch_size", batch_size)
        window = self.options.window if hasattr(self.options, "positions") else None
        return self.scorer.score(self.make_rows(texts), batch_size, verbose, window)


class ExportedClassifier(LabelledTexts, ExportedModel):
    """An exported classifier; see `TextClassifier` for its methods."""

    def __init__(self, settings, sides, sessions):
        super().__init__(settings, sides)
        self.class_labels = ClassLabels(settings["labels"])
        self.max_length = self.options.max_length
        if encoder := getattr(self.options, "encoder", None):
            self.longest = encoder["max_length"] - 1  # `BOS` is put before a row
        self.session = sessions["model"]

    def batch_function(self):
        """Returns a function of rows of ids to their probabilities; see `LabelledTexts`."""
        return lambda rows: self._run("probabilities", pad_rows(rows))

    def read(self, token_ids):
        """Returns the encoder's outputs `(batch, length, units)`."""
        return self._run("outputs", token_ids)

    def evaluate(
        self,
        x,
        y=None,
        batch_size: int | None = None,
        verbose="auto",
        text=None,
        label=None,
        return_dict=None,
    ):
        """Returns a report on labelled texts; see `TextClassifier.evaluate`."""
        x, y = read_data(x, y, {"text": text, "label": label})
        if batch_size is not None:
            check_whole("batch_size", batch_size)
        return self.report(x, y, batch_size or BATCH_SIZE, verbose)

    def _run(self, output, token_ids):
        return self.session.run([output], {"token_ids": token_ids})[0]


class ExportedMaskedLanguageModel(FilledTexts, ExportedModel):
    """An exported model that fills in tokens; see `MaskedLanguageModel` for its methods."""

    def __init__(self, settings, sides, sessions):
        super().__init__(settings, sides)
        self.max_length = self.options.max_length
        self.session = sessions["model"]

    def guess_function(self, count):
        """Returns a function of rows and places to ids and probabilities; see `FilledTexts`."""

        def guess(rows, places):
            found = self._run("probabilities", pad_rows(rows), pad_rows(places))
            best, ids = top_k(found[..., EOS + 1 :], count)  # no special token
            return ids + EOS + 1, best

        return guess

    def measure(self, texts, targets=None, batch_size=BATCH_SIZE):
        """Raises a `ValueError`: what chooses the tokens to hide is not exported."""
        raise ValueError(
            "Expected a model file (.keras) for the loss of hidden tokens. Received an exported "
            'folder. Evaluate the model it came from, or ask for metrics=["coverage"].'
        )

    def read(self, token_ids):
        """Returns the encoder's outputs `(batch, length, units)`."""
        return self._run("outputs", token_ids, np.zeros((len(token_ids), 1), "int32"))

    def _run(self, output, token_ids, places):
        return self.session.run([output], {"token_ids": token_ids, "places": places})[0]
