"""Initialises one model with what another has learned."""

from dataclasses import dataclass, field

import keras
import numpy as np

from seq2seq.layers.embedding import TiedEmbedding
from seq2seq.layers.positions import TokenAndPosition
from seq2seq.layers.transformer_block import TransformerBlock
from seq2seq.models.masked_language_model import MaskedLanguageModel
from seq2seq.models.next_token_model import NextTokenModel
from seq2seq.models.text_model import TextModel
from seq2seq.text.vocabulary import SPECIAL_TOKENS

SAME = "num_heads", "norm_first", "activation", "rotary"  # of blocks; no weight tells them


@dataclass
class CopiedWeights:
    """What `copy_weights` did.

    Attributes:
        copied: Layers whose weights were copied, with how much of each.
        kept: Layers of the target that keep what they had, with the reason.
    """

    copied: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)

    def __str__(self):
        rows = [("copied", *row) for row in self.copied.items()]
        rows += [("kept", *row) for row in self.kept.items()]
        return "\n".join(f"{what:<8}{name}: {words}" for what, name, words in rows)


def copy_weights(
    language_model: NextTokenModel | MaskedLanguageModel,
    model: TextModel,
    part: str | None = None,
    skip_mismatch: bool = False,
) -> CopiedWeights:
    """Initialises a model from a language model, which may be pretrained on other texts.

    Embeddings and scores of tokens are copied token by token, so the vocabularies may differ: a
    token that the language model does not know keeps what it has. Recurrent layers that both models
    have are copied, into the forward direction of a bidirectional encoder. Attention, bridge,
    pooling and the backward direction keep what they have. (Pretraining both sides of an
    encoder-decoder with language models: Ramachandran et al. 2017,
    https://aclanthology.org/D17-1039; a classifier: Dai & Le 2015,
    https://arxiv.org/abs/1511.01432.) Such a classifier needs less dropout than its usual 0.5. From
    a `MaskedLanguageModel` the encoder goes over to a classifier made with `encoder=`, without what
    it knows of `[MASK]`.

    Args:
        language_model: A `LanguageModel`; a `TransformerLanguageModel`, into models of such blocks;
            or a `MaskedLanguageModel`, into a `TextClassifier`.
        model: The encoder-decoder, `TextClassifier` or language model to write into.
        part: For an encoder-decoder, `"encoder"` or `"decoder"`. Defaults to `None`, the only part
            of other models.
        skip_mismatch: Whether layers of different sizes or kinds keep what they have. Defaults to
            `False`: they are an error.

    Returns:
        A `CopiedWeights`; `print` it to see which layers were copied and which not.

    Raises:
        ValueError: If a layer has another size, cell or activation, unless `skip_mismatch`, nothing
            could be copied, or an argument is out of range.

    Example:

    >>> tokenizer = seq2seq.CharTokenizer().adapt(["很好", "太差了"])
    >>> language_model = seq2seq.LanguageModel(tokenizer, embedding_dim=16, units=8)
    >>> model = seq2seq.TextClassifier(tokenizer, 2, embedding_dim=16, units=16)
    >>> print(seq2seq.copy_weights(language_model, model))
    copied  embedding: 9 of 9 tokens
    copied  encoder_lstm: forward direction
    kept    pair_embedding: no counterpart
    kept    output: no counterpart
    """
    if not isinstance(language_model, (NextTokenModel, MaskedLanguageModel)):
        raise ValueError(
            "Expected a LanguageModel, TransformerLanguageModel or MaskedLanguageModel to copy "
            f"from. Received: {language_model!r}."
        )
    (source,), target = language_model.parts().values(), _choose(model, part)
    ids = _common_ids(source.side, target.side)
    report, weights_of, mismatched = CopiedWeights(), [], {}
    for name, layer, other, token_axis, words in _counterparts(source, target, len(ids[0])):
        try:
            weights = _merge(layer, other, token_axis, ids)
            if layer is target.embedding:
                _rescale(weights[0], source, target, ids[0])
            weights_of.append((layer, weights))
            report.copied[name] = words
        except ValueError as error:
            mismatched[name] = str(error)
    if mismatched and (not skip_mismatch or not report.copied):
        raise ValueError(
            f"Expected layers of the same kind. Received {_lines(mismatched, '; ')}. Make one of "
            "the models with the other's arguments"
            + (", or leave such layers out with skip_mismatch=True." if report.copied else ".")
        )
    for layer, weights in weights_of:
        layer.set_weights(weights)
    for layer in model.layers:
        if layer.weights and layer.name not in report.copied:
            report.kept[layer.name] = mismatched.get(layer.name, "no counterpart")
    return report


def _choose(model, name):
    """Returns the part of a model by name."""
    if not isinstance(model, TextModel) or isinstance(model, MaskedLanguageModel):
        raise ValueError(
            "Expected an encoder-decoder, TextClassifier or language model to copy into. "
            f"Received: {model!r}."
        )
    parts = model.parts()
    if name is None and len(parts) == 1:
        return next(iter(parts.values()))
    if name not in parts:
        raise ValueError(
            f"Expected `part` to be {' or '.join(map(repr, parts))} for a {type(model).__name__}. "
            f"Received: part={name!r}."
        )
    return parts[name]


def _common_ids(source, target):
    """Returns the ids of the tokens that both sides know, first the target's, then the source's."""
    if source.tokenizer is None or target.tokenizer is None:
        if source.size != target.size:
            raise ValueError(
                "Expected models with tokenizers, or vocabularies of one size. Received sizes "
                f"{source.size} and {target.size}, and a model without a tokenizer."
            )
        return np.arange(source.size), np.arange(source.size)
    tokens = target.tokenizer.vocabulary.tokens(range(target.size))
    theirs = [i for i in range(target.size) if tokens[i] in source.tokenizer.vocabulary]
    special = list(range(len(SPECIAL_TOKENS)))
    found = source.tokenizer.vocabulary.ids(tokens[i] for i in theirs)
    return np.array(special + theirs), np.array(special + found)


def _counterparts(source, target, common):
    """Yields the name of a layer, the layer, its counterpart, its token axis, and a remark."""
    tokens = f"{common:,} of {target.side.size:,} tokens"
    yield target.embedding.name, target.embedding, source.embedding, 0, tokens
    layers, others = target.layers, source.layers
    if isinstance(layers[0], TokenAndPosition) != isinstance(others[0], TokenAndPosition):
        layers, others = (  # positions that only one of them learns
            [layer for layer in stack if not isinstance(layer, TokenAndPosition)]
            for stack in (layers, others)
        )
    for layer, other in zip(layers, others, strict=False):
        forward = getattr(layer, "forward_layer", None)
        words = "all" if forward is None else "forward direction"
        if getattr(layer, "crosses", False):
            words = "all but the attention to the source"
        yield layer.name, forward or layer, other, None, words
    outputs = target.output, source.output
    if all(isinstance(output, keras.layers.Layer) for output in outputs):  # else tied or none
        yield target.output.name, *outputs, -1, tokens


def _merge(layer, other, token_axis, ids):
    """Returns the weights of a layer with those of its counterpart written in."""
    if token_axis is None and type(layer) is not type(other):
        raise ValueError(f"a {type(other).__name__} for a {type(layer).__name__}")
    for name in SAME if isinstance(layer, TransformerBlock) else ():
        if (ours := getattr(layer, name)) != (theirs := getattr(other, name)):
            raise ValueError(f"{name}={theirs!r} for {ours!r}")
    weights = layer.get_weights()
    for ours, theirs in _weight_pairs(layer, weights, other):
        rows = slice(None)
        if token_axis is not None:
            rows, ours = ids[0], np.moveaxis(ours, token_axis, 0)
            theirs = np.moveaxis(theirs, token_axis, 0)[ids[1]]
        if ours[rows].shape != theirs.shape:
            raise ValueError(f"weights of shape {theirs.shape} for {ours[rows].shape}")
        ours[rows] = theirs  # a view: this writes into `weights`
    return weights


def _rescale(embeddings, source, target, ids):
    """Makes copied embeddings as large as they were, where the models multiply them differently."""
    if source.factor == target.factor:
        return
    if isinstance(target.embedding, TiedEmbedding):
        raise ValueError(
            f"tokens multiplied by {source.factor:g} for {target.factor:g}, tied to the output"
        )
    embeddings[ids] *= source.factor / target.factor


def _weight_pairs(layer, weights, other):
    """Yields the weights of a layer with their counterparts."""
    if not isinstance(layer, TransformerBlock):  # a tied embedding has a bias, others have not
        yield from zip(weights, other.get_weights(), strict=False)
        return
    # A decoder's block attends to a source, that of a language model does not.
    theirs = {_within(weight): weight for weight in other.weights}
    for ours, weight in zip(weights, layer.weights, strict=True):
        if _within(weight) in theirs:
            yield ours, keras.ops.convert_to_numpy(theirs[_within(weight)])


def _within(weight):
    """Returns the path of a weight inside its block."""
    return weight.path.partition("/")[2]


def _lines(words, separator):
    return separator.join(f"{name}: {text}" for name, text in words.items())
