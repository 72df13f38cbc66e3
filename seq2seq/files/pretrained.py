"""Pretrained models of Hugging Face -> models of ours, weight by weight."""

from pathlib import Path

import numpy as np

from seq2seq.files.pretrained_checks import (
    begins_prompts,
    check_end,
    check_rest,
    warn_of_dropout,
    warn_of_generation,
    warn_of_heads,
)
from seq2seq.files.pretrained_folder import CONFIG, read_pretrained_config
from seq2seq.files.tensors import Tensors
from seq2seq.generation.constraints import NEVER
from seq2seq.models.masked_language_model import MaskedLanguageModel
from seq2seq.models.text_model import TextModel
from seq2seq.models.transformer import Transformer
from seq2seq.models.transformer_language_model import TransformerLanguageModel
from seq2seq.text.pretrained_files import broken
from seq2seq.text.pretrained_tokenizers import read_pretrained_tokenizer
from seq2seq.text.vocabulary import EOS, MASK

MARIAN_EPSILON = 1e-5


def load_pretrained(folder: str | Path) -> TextModel:
    """Makes a model from a folder that `save_pretrained` of Hugging Face's transformers writes.

    GPT-2 (Radford et al. 2019) becomes a `TransformerLanguageModel`, Marian's translators
    (Junczys-Dowmunt et al. 2018, https://aclanthology.org/P18-4020) a `Transformer`, BERT (Devlin
    et al. 2019) a `MaskedLanguageModel`, with the tokenizers of the folder. Log probabilities, and
    so generated texts, are those of the library; those of beams without a length penalty, which is
    Wu et al.'s here. A head that a folder of BERT lacks (that of next
    sentences in `BertForMaskedLM`, both in `BertModel`) is as in a new model.

    Args:
        folder: Path of the folder, with `config.json`, `model.safetensors` (or several such files
            and their index) and the files of the tokenizer.

    Returns:
        The model, compiled, to use and to train further.

    Raises:
        ValueError: If a file is missing or broken, or the model has no counterpart here.
        ImportError: If a package of the extra `pretrained` is not installed.

    Example:

    >>> model = load_pretrained("path/to/opus-mt-zh-en")  # doctest: +SKIP
    >>> model.generate("车站在哪里？")  # doctest: +SKIP
    "Where's the station?"
    """
    folder = Path(folder)
    config = read_pretrained_config(folder)
    kind = config["model_type"]
    prefix, layers, make = MAKERS[kind]
    warn_of_heads(folder, kind, config)
    warn_of_dropout(folder, kind, config)
    warn_of_generation(folder, kind)
    tensors = Tensors(folder, prefix)
    tokenizer, ids = read_pretrained_tokenizer(folder, kind, config["vocab_size"])
    if kind == "bert" and MASK not in tokenizer.vocabulary:
        raise broken(folder, f"its vocabulary has no {MASK}")
    check_end(folder, kind, ids)
    # Weights come first: a network is not made for settings that they do not fit.
    model_class, options, weights = make(config, tensors, Rows(ids))
    check_rest(folder, layers, config[layers], tensors.rest())
    if kind == "gpt2":
        options["begin_prompts"] = begins_prompts(folder, tokenizer, ids)
    tokenizers = tokenizer if isinstance(tokenizer, tuple) else (tokenizer,)
    try:
        model = model_class(*tokenizers, **options)
    except ValueError as error:
        raise broken(folder / CONFIG, error) from error
    for name in list(weights):
        model.get_layer(name).set_weights(weights.pop(name))
    return model


class Rows:
    """Brings the rows of a folder's vocabulary into the order of ours.

    Args:
        ids: For each of our ids that of the folder, -1 if it has none.
    """

    def __init__(self, ids: list[int]):
        self.ids = np.array(ids)
        # Where several tokens are one in the folder, one alone is predicted, so that the others
        # take nothing from it: the last one, or `EOS`.
        predicted = dict(zip(ids, range(len(ids)), strict=True)) | {ids[EOS]: EOS}
        predicted.pop(-1, None)
        self.never = np.full(len(ids), True)
        self.never[list(predicted.values())] = False

    def table(self, rows: np.ndarray) -> np.ndarray:
        """Returns `(vocabulary, units)`: rows of the folder, zeros for tokens it has not."""
        return np.where(self.ids[:, None] < 0, 0, rows[self.ids])

    def bias(self, bias: np.ndarray | float = 0.0) -> np.ndarray:
        """Returns `(vocabulary,)`, from a bias of the folder's tokens or one for all."""
        bias = bias[self.ids] if isinstance(bias, np.ndarray) else bias
        return np.where(self.never, NEVER, bias)


def _make_gpt2(config, tensors, rows):
    units = config["n_embd"]
    hidden = config["n_inner"] or 4 * units
    tied, table = config["tie_word_embeddings"], (config["vocab_size"], units)
    names = ("wte.weight", "lm_head.weight") if tied else ("wte.weight",)
    embeddings = rows.table(tensors.take(*names, shape=table))
    weights = {
        "embedding": [embeddings, rows.bias()] if tied else [embeddings],
        "positions": [tensors.take("wpe.weight", shape=(config["n_positions"], units))],
        "decoder_norm": tensors.norm("ln_f", units),
    }
    if not tied:
        output = rows.table(tensors.take("lm_head.weight", shape=table))
        weights["decoder_output"] = [output.T, rows.bias()]
    for i in range(config["n_layer"]):
        weights[f"decoder_block_{i + 1}"] = _gpt2_block(tensors, f"h.{i}", units, hidden)
    options = {
        "units": units,
        "num_layers": config["n_layer"],
        "num_heads": config["n_head"],
        "feedforward_units": hidden,
        "dropout": config["resid_pdrop"],
        "attention_dropout": config["attn_pdrop"],
        "activation": config["activation"],
        "norm_epsilon": config["layer_norm_epsilon"],
        "tie_embeddings": tied,
        "window": config["n_positions"],
    }
    return TransformerLanguageModel, options, weights


def _gpt2_block(tensors, name, units, hidden):
    kernels, biases = tensors.conv1d(f"{name}.attn.c_attn", units, 3 * units)
    projections = zip(np.split(kernels, 3, axis=1), np.split(biases, 3), strict=True)
    return [
        *(weight for projection in projections for weight in projection),  # queries, keys, values
        *tensors.conv1d(f"{name}.attn.c_proj", units, units),
        *tensors.norm(f"{name}.ln_1", units),
        *tensors.conv1d(f"{name}.mlp.c_fc", units, hidden),
        *tensors.conv1d(f"{name}.mlp.c_proj", hidden, units),
        *tensors.norm(f"{name}.ln_2", units),
    ]


def _make_marian(config, tensors, rows):
    units, hidden, size = config["d_model"], config["encoder_ffn_dim"], config["vocab_size"]
    tied = config["tie_word_embeddings"]
    source, target, output = (
        f"{name}.weight" for name in ("encoder.embed_tokens", "decoder.embed_tokens", "lm_head")
    )
    # Newer versions of the library share embeddings only if the output is tied to them.
    shared = config["share_encoder_decoder_embeddings"] and (tied or source not in tensors)
    shared_names = ("shared.weight", source, target) if shared else ()

    def table(*names):
        return rows.table(tensors.take(*names, shape=(size, units)))

    bias = 0.0
    if "final_logits_bias" in tensors:
        bias = tensors.take("final_logits_bias", shape=(1, size))[0]
    bias = rows.bias(bias)
    embedding = [table(*shared_names, target, *([output] if tied else []))]
    weights = {"embedding" if shared else "target_embedding": embedding}
    if not shared:
        weights["source_embedding"] = [table(source)]
    if tied:
        embedding.append(bias)
    else:
        weights["decoder_output"] = [table(output).T, bias]
    for i in range(config["encoder_layers"]):
        for side in ("encoder", "decoder"):
            block = _marian_block(tensors, f"{side}.layers.{i}", units, hidden, side == "decoder")
            weights[f"{side}_block_{i + 1}"] = block
    options = {
        "units": units,
        "num_layers": config["encoder_layers"],
        "num_heads": config["encoder_attention_heads"],
        "feedforward_units": hidden,
        "dropout": config["dropout"],
        "attention_dropout": config["attention_dropout"],
        "norm_first": False,
        "activation": config["activation"],
        "norm_epsilon": MARIAN_EPSILON,
        "share_embeddings": shared,
        "tie_output": tied,
        "max_source_length": config["max_position_embeddings"],
        "max_target_length": config["max_position_embeddings"],
    }
    return Transformer, options, weights


def _marian_block(tensors, name, units, hidden, crosses):
    weights = []
    for attention in ("self_attn", "encoder_attn") if crosses else ("self_attn",):
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            weights += tensors.linear(f"{name}.{attention}.{part}", units, units)
        weights += tensors.norm(f"{name}.{attention}_layer_norm", units)
    return [
        *weights,
        *tensors.linear(f"{name}.fc1", units, hidden),
        *tensors.linear(f"{name}.fc2", hidden, units),
        *tensors.norm(f"{name}.final_layer_norm", units),
    ]


def _make_bert(config, tensors, rows):
    units, hidden, size = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    longest, bias = config["max_position_embeddings"], 0.0
    names = [f"cls.predictions.{part}bias" for part in ("", "decoder.")]
    if any(name in tensors for name in names):
        bias = tensors.take(*names, shape=(size,))

    def table(name, length):
        return tensors.take(f"embeddings.{name}_embeddings.weight", shape=(length, units))

    weights = {
        "embedding": [rows.table(table("word", size)), rows.bias(bias)],
        "positions": [table("position", longest)],
        "segments": [table("token_type", 2)],
        "embedding_norm": tensors.norm("embeddings.LayerNorm", units),
    }
    for i in range(config["num_hidden_layers"]):
        weights[f"encoder_block_{i + 1}"] = _bert_block(
            tensors, f"encoder.layer.{i}", units, hidden
        )
    head = "cls.predictions.transform"
    if f"{head}.dense.weight" in tensors:
        weights["token_dense"] = tensors.linear(f"{head}.dense", units, units)
        weights["token_norm"] = tensors.norm(f"{head}.LayerNorm", units)
    if "pooler.dense.weight" in tensors:
        weights["pooler"] = tensors.linear("pooler.dense", units, units)
    if "cls.seq_relationship.weight" in tensors:
        weights["next_sentence_scores"] = tensors.linear("cls.seq_relationship", units, 2)
    options = {
        "units": units,
        "num_layers": config["num_hidden_layers"],
        "num_heads": config["num_attention_heads"],
        "feedforward_units": hidden,
        "dropout": config["hidden_dropout_prob"],
        "attention_dropout": config["attention_probs_dropout_prob"],
        "activation": config["activation"],
        "norm_epsilon": config["layer_norm_eps"],
        "max_length": longest,
    }
    return MaskedLanguageModel, options, weights


def _bert_block(tensors, name, units, hidden):
    weights = []
    for part in ("self.query", "self.key", "self.value", "output.dense"):
        weights += tensors.linear(f"{name}.attention.{part}", units, units)
    return [
        *weights,
        *tensors.norm(f"{name}.attention.output.LayerNorm", units),
        *tensors.linear(f"{name}.intermediate.dense", units, hidden),
        *tensors.linear(f"{name}.output.dense", hidden, units),
        *tensors.norm(f"{name}.output.LayerNorm", units),
    ]


# For each kind: what the names of its weights may begin with, the entry of its config that counts
# its blocks, and how a model is made of them.
MAKERS = {
    "gpt2": ("transformer.", "n_layer", _make_gpt2),
    "marian": ("model.", "encoder_layers", _make_marian),
    "bert": ("bert.", "num_hidden_layers", _make_bert),
}
