"""What differs between the tasks of `train`: their models, and the files to train on."""

import sys

from seq2seq.commands.options import flag, given
from seq2seq.commands.task_options import Kind, model_arguments
from seq2seq.commands.tokenizer_options import OF_JIEBA, make_tokenizers
from seq2seq.commands.train_options import VECTORS
from seq2seq.files.loading import load_model
from seq2seq.models.classifier import TextClassifier
from seq2seq.models.language_model import LanguageModel
from seq2seq.models.masked_language_model import MaskedLanguageModel
from seq2seq.models.seq2seq import Seq2Seq
from seq2seq.models.text_model import TextModel
from seq2seq.models.transformer import Transformer
from seq2seq.models.transformer_language_model import TransformerLanguageModel

MODELS = {
    Kind("translate", "recurrent"): Seq2Seq,
    Kind("translate", "transformer"): Transformer,
    Kind("language-model", "recurrent"): LanguageModel,
    Kind("language-model", "transformer"): TransformerLanguageModel,
    Kind("classify", "recurrent"): TextClassifier,
    Kind("fill", "transformer"): MaskedLanguageModel,
}


def make_model(options, texts: list[str], targets: list | None) -> TextModel:
    """Returns the model of the task that the options ask for, with tokenizers for these texts."""
    if options.encoder is not None:
        encoder, labels = load_model(options.encoder), _labels(texts, targets)
        return TextClassifier(None, labels, encoder=encoder, **model_arguments(options))
    return MODELS[Kind.of(options)](
        **_sides(options, texts, targets),
        **model_arguments(options),
        **given(options, *VECTORS),
    )


def _sides(options, texts, targets) -> dict:
    """Returns the arguments of a model that come from the texts."""
    if options.task == "translate":
        return _two_tokenizers(options, texts, targets)
    (tokenizer,) = make_tokenizers(options, {"": texts})
    sides = {"tokenizer": tokenizer.adapt(texts)}
    if options.task == "classify":
        sides["labels"] = _labels(texts, targets)
    return sides


def _labels(texts, targets):
    labels = sorted(set(targets))
    if 2 * len(labels) > len(texts):
        print(
            f"seq2seq: {len(labels)} labels for {len(texts)} texts: is it the right column? See "
            "--columns.",
            file=sys.stderr,
        )
    return labels


def _two_tokenizers(options, sources, targets) -> dict:
    if not options.share_embeddings:
        source, target = make_tokenizers(options, {"source_": sources, "target_": targets})
        return {"source": source.adapt(sources), "target": target.adapt(targets)}
    for name in ("tokenizer", *OF_JIEBA):
        ours, theirs = (getattr(options, f"{side}_{name}") for side in ("source", "target"))
        if ours != theirs:
            flags = [flag(f"{side}_{name}") for side in ("source", "target")]
            raise ValueError(
                "Expected one tokenizer for both sides with --share-embeddings. Received: "
                f"{flags[0]} {ours}, {flags[1]} {theirs}. Give both sides the same."
            )
    (tokenizer,) = make_tokenizers(options, {"source_": sources})
    tokenizer.adapt([*sources, *targets])
    return {"source": tokenizer, "target": tokenizer}
