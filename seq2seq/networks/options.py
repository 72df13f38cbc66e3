"""The options of each network, one frozen dataclass each.

The checks, the config of a saved model and the options of the command line come from here; the
constructors of the models document what each option means. A network only stores and reads them,
so that none is named twice.
"""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass

from seq2seq.checks import check_flag, check_number, check_whole

CELLS = ("lstm", "gru", "rnn")
SCORES = ("dot", "scaled", "general")
MAX_WEIGHTS = 2**32
MAX_LAYERS = 1000
POSITIONS = ("sinusoidal", "learned", "rotary")
ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu")
PRECISIONS = ("auto", "float32", "bfloat16")


def _field(default, kind, check: Callable, choices=None):
    return dataclasses.field(
        default=default, metadata={"kind": kind, "check": check, "choices": choices}
    )


def whole(default: int, minimum: int = 1):
    """A whole number of at least `minimum`."""
    return _field(default, int, functools.partial(check_whole, minimum=minimum))


def number(default: float, interval: str):
    """A number in an interval such as `"[0, 1)"`."""
    return _field(default, float, functools.partial(check_number, interval=interval))


def choice(default: str | None, choices: tuple):
    """One of a few words, or `None` if that is among them."""

    def check(name, value):
        if not isinstance(value, (str, type(None))) or value not in choices:
            raise ValueError(
                f"Expected `{name}` to be one of {', '.join(map(repr, choices))}. "
                f"Received: {name}={value!r}."
            )

    return _field(default, str, check, choices)


def flag(default: bool):
    """Yes or no."""
    return _field(default, bool, check_flag)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the options of all networks can do.

    Raises:
        ValueError: If an option is out of range or two conflict.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            field.metadata["check"](field.name, value)
            if field.metadata["kind"] in (int, float):  # NumPy's numbers are welcome
                object.__setattr__(self, field.name, field.metadata["kind"](value))

    def to_dict(self) -> dict:
        """Returns the options by name, as a saved model keeps them."""
        return dataclasses.asdict(self)

    def check_size(self, *sizes: int) -> None:
        """Raises a `ValueError` for a network with more weights than any machine could hold.

        Args:
            *sizes: Sizes of its vocabularies.
        """
        if self.num_layers > MAX_LAYERS:
            raise ValueError(
                f"Expected `num_layers` of at most {MAX_LAYERS}. Received: {self.num_layers}."
            )
        count = self.count_weights(*sizes)
        if count > MAX_WEIGHTS:
            raise ValueError(
                f"Expected a network of at most {MAX_WEIGHTS:,} numbers. Received options and "
                f"vocabularies for about {count:,}. Make it smaller."
            )

    def count_weights(self, *sizes: int) -> int:
        """Returns about how many numbers a network with vocabularies of these sizes has."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class RecurrentOptions(Options):
    """The options of all recurrent networks."""

    embedding_dim: int = whole(256)
    units: int = whole(256)
    num_layers: int = whole(1)
    cell: str = choice("lstm", CELLS)
    dropout: float = number(0.0, "[0, 1)")
    recurrent_dropout: float = number(0.0, "[0, 1)")
    l2: float = number(0.0, "[0, inf)")
    label_smoothing: float = number(0.0, "[0, 1)")
    precision: str = choice("auto", PRECISIONS)

    def count_weights(self, *sizes: int) -> int:
        """Returns about how many numbers a network with vocabularies of these sizes has."""
        width = max(self.units, self.embedding_dim)
        return sum(sizes) * width * 2 + self.num_layers * 16 * width**2


@dataclass(frozen=True, kw_only=True)
class BlockOptions(Options):
    """The options of all networks of Transformer blocks."""

    units: int = whole(256)
    num_layers: int = whole(4)
    num_heads: int = whole(4)
    feedforward_units: int = whole(1024)
    dropout: float = number(0.1, "[0, 1)")
    attention_dropout: float = number(0.0, "[0, 1)")
    norm_first: bool = flag(True)
    positions: str = choice("sinusoidal", POSITIONS)
    activation: str = choice("relu", ACTIVATIONS)
    norm_epsilon: float = number(1e-6, "(0, 1)")
    precision: str = choice("auto", PRECISIONS)

    def __post_init__(self):
        super().__post_init__()
        if self.units % (2 * self.num_heads):
            raise ValueError(
                "Expected `units` to be a multiple of twice `num_heads`, which share them. "
                f"Received: units={self.units}, num_heads={self.num_heads}."
            )

    def count_weights(self, *sizes: int) -> int:
        """Returns about how many numbers a network with vocabularies of these sizes has."""
        block = self.units * (8 * self.units + 2 * self.feedforward_units)
        return 2 * sum(sizes) * self.units + 2 * self.num_layers * block


@dataclass(frozen=True, kw_only=True)
class TransformerOptions(BlockOptions):
    """The options of a Transformer: see `Transformer`."""

    label_smoothing: float = number(0.0, "[0, 1)")
    share_embeddings: bool = flag(False)
    tie_output: bool = flag(False)
    max_source_length: int = whole(200, 2)
    max_target_length: int = whole(200, 2)

    def count_weights(self, *sizes: int) -> int:
        """Returns about how many numbers a network with vocabularies of these sizes has."""
        return super().count_weights(*sizes, self.max_source_length, self.max_target_length)


@dataclass(frozen=True, kw_only=True)
class TransformerLanguageModelOptions(BlockOptions):
    """The options of a decoder of blocks on its own: see `TransformerLanguageModel`."""

    positions: str = choice("learned", POSITIONS)
    activation: str = choice("gelu_tanh", ACTIVATIONS)
    norm_epsilon: float = number(1e-5, "(0, 1)")
    label_smoothing: float = number(0.0, "[0, 1)")
    tie_embeddings: bool = flag(True)
    begin_prompts: bool = flag(True)
    window: int = whole(256, 2)

    def count_weights(self, *sizes: int) -> int:
        """Returns about how many numbers a network with a vocabulary of this size has."""
        return super().count_weights(*sizes, self.window)


@dataclass(frozen=True, kw_only=True)
class MaskedLanguageModelOptions(BlockOptions):
    """The options of an encoder that sees both ways: see `MaskedLanguageModel`."""

    norm_first: bool = flag(False)
    positions: str = choice("learned", POSITIONS)
    activation: str = choice("gelu", ACTIVATIONS)
    norm_epsilon: float = number(1e-12, "(0, 1)")
    whole_words: bool = flag(False)
    max_length: int = whole(128, 5)

    def count_weights(self, *sizes: int) -> int:
        """Returns about how many numbers a network with a vocabulary of this size has."""
        return super().count_weights(*sizes, self.max_length, 2 * self.units)


@dataclass(frozen=True, kw_only=True)
class EncoderDecoderOptions(RecurrentOptions):
    """The options of an encoder-decoder: see `Seq2Seq`."""

    bidirectional: bool = flag(False)
    attention: str | None = choice(None, (None, "luong", "bahdanau"))
    attention_score: str = choice("dot", SCORES)
    share_embeddings: bool = flag(False)
    tie_output: bool = flag(False)
    train_source_embedding: bool = flag(True)
    train_target_embedding: bool = flag(True)
    max_source_length: int = whole(200, 2)
    max_target_length: int = whole(200, 2)

    def __post_init__(self):
        super().__post_init__()
        if self.attention_score != "dot" and self.attention != "luong":
            raise ValueError(
                f'Expected attention="luong" with attention_score={self.attention_score!r}, '
                f"because only it has such scores. Received: attention={self.attention!r}."
            )
        if self.bidirectional:
            _check_halves(self.units)
        if self.tie_output:
            _check_tied("tie_output", self)
        trained = self.train_source_embedding, self.train_target_embedding
        if self.share_embeddings and trained[0] != trained[1]:
            raise ValueError(
                "Expected `train_source_embedding` equal to `train_target_embedding` with "
                "share_embeddings=True, because they are one. "
                f"Received: {trained[0]} and {trained[1]}."
            )


@dataclass(frozen=True, kw_only=True)
class LanguageModelOptions(RecurrentOptions):
    """The options of a decoder on its own: see `LanguageModel`."""

    tie_embeddings: bool = flag(False)
    train_embedding: bool = flag(True)
    window: int = whole(100, 2)

    def __post_init__(self):
        super().__post_init__()
        if self.tie_embeddings:
            _check_tied("tie_embeddings", self)


@dataclass(frozen=True, kw_only=True)
class ClassifierOptions(RecurrentOptions):
    """The options of an encoder on its own: see `TextClassifier`."""

    embedding_dim: int = whole(128)
    dropout: float = number(0.5, "[0, 1)")
    bidirectional: bool = flag(True)
    pair_buckets: int = whole(50_000, 0)
    train_embedding: bool = flag(True)
    max_length: int = whole(300, 3)

    def count_weights(self, *sizes: int) -> int:
        """Returns about how many numbers a network with a vocabulary of this size has."""
        return super().count_weights(*sizes, self.pair_buckets)

    def __post_init__(self):
        super().__post_init__()
        if self.bidirectional:
            _check_halves(self.units)


def _check_encoder(name, value):
    if not isinstance(value, MaskedLanguageModelOptions):
        raise ValueError(
            f"Expected `{name}` to be the options of a MaskedLanguageModel. "
            f"Received: {name}={value!r:.60}."
        )


@dataclass(frozen=True, kw_only=True)
class EncodedClassifierOptions(Options):
    """The options of a `TextClassifier` with the encoder of a `MaskedLanguageModel`."""

    encoder: MaskedLanguageModelOptions = dataclasses.field(
        metadata={"kind": MaskedLanguageModelOptions, "check": _check_encoder}
    )
    embedding_dim: int = whole(128)
    pair_buckets: int = whole(0, 0)
    dropout: float = number(0.5, "[0, 1)")
    label_smoothing: float = number(0.0, "[0, 1)")
    max_length: int = whole(300, 3)

    @property
    def num_layers(self) -> int:
        """The number of the encoder's layers."""
        return self.encoder.num_layers

    def count_weights(self, *sizes: int) -> int:
        """Returns about how many numbers a network with these tokens and classes has."""
        beside = self.embedding_dim * (sum(sizes) + self.pair_buckets) if self.pair_buckets else 0
        return self.encoder.count_weights(3 * sum(sizes)) + beside


def _check_halves(units):
    if units % 2:
        raise ValueError(
            "Expected an even `units` with bidirectional=True, half for each direction. "
            f"Received: units={units}."
        )


def _check_tied(name, options):
    if options.embedding_dim != options.units:
        raise ValueError(
            f"Expected `embedding_dim` equal to `units` with {name}=True, because the output layer "
            f"is the embedding. Received: embedding_dim={options.embedding_dim}, "
            f"units={options.units}."
        )
