"""ContinuationModel: how models that continue texts are measured."""

from collections.abc import Sequence

from seq2seq.data.inputs import check_texts
from seq2seq.generation.samplers import Sample, Sampler
from seq2seq.text.vocabulary import EOS
from seq2seq.training.metrics import known_share, perplexities

SAMPLES = 100  # maximum number of texts generated to measure variety


class ContinuationModel:
    """A model of texts without targets, which has `tokenizer`, `score` and `generate`."""

    task = "language-model"

    def check_examples(self, texts: Sequence, targets: Sequence | None = None) -> None:
        """Raises a `ValueError` unless the model can be evaluated on these texts."""
        if self.tokenizer is None:
            raise ValueError("Expected a model with tokenizers. Received one made for ids.")
        check_texts(texts)
        if targets is not None:
            raise ValueError("Expected texts alone for a language model. Received targets too.")

    def measure(
        self, texts: Sequence[str], targets: None = None, batch_size: int | None = None
    ) -> dict[str, float]:
        """Returns loss and perplexities of given texts; see `evaluate_model`."""
        rows = [[*row, EOS] for row in self.tokenizer.encode_all(texts)]
        nats = -float(self.score(rows).sum(dtype="float64"))
        characters = sum(len(text) + 1 for text in texts)
        return perplexities(nats, sum(map(len, rows)), characters)

    def coverage(self, texts: Sequence[str], targets: None = None) -> dict[str, float]:
        """Returns the share of tokens that are in the vocabulary."""
        return {"coverage": known_share(self.tokenizer.encode_all(texts))}

    def write(
        self, texts: Sequence[str], sampler: Sampler | None, max_length: int, batch_size: int
    ) -> list[str]:
        """Generates the texts to evaluate, as many as given, at most 100."""
        prompts = [""] * min(SAMPLES, len(texts))
        return self.generate(prompts, max_length, sampler or Sample(seed=0))
