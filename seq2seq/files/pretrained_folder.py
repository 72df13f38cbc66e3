"""Folders of pretrained models, as Hugging Face's `save_pretrained` writes them: found and checked.

Nothing here needs Keras, so that a mistake is told before it is imported.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from seq2seq.checks import check_flag, check_number, check_whole
from seq2seq.runtime.loading import is_exported
from seq2seq.text.pretrained_files import broken, read_json
from seq2seq.text.subword import MAX_VOCABULARY

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"
PICKLES = "pytorch_model*.bin"
# A folder with one of these is meant to be a pretrained model, if only half downloaded.
SIGNS = (
    CONFIG,
    "*.safetensors*",
    PICKLES,
    "vocab.*",
    "merges.txt",
    "*.spm",
    "tokenizer_config.json",
)
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}


@dataclass(frozen=True)
class Kind:
    """What a `config.json` may say.

    Attributes:
        defaults: What it says unless it says otherwise.
        fixed: What it must say, which is also the default unless that is in `defaults`.
        equal: Settings that must be equal to others, or null.
        shared: The setting of units, and that of the heads that share them.
        activation: The setting that names the activation.
        automatic: The class of `transformers` that loads such a model.
    """

    defaults: dict
    fixed: dict
    equal: dict
    shared: tuple[str, str]
    activation: str
    automatic: str


KINDS = {
    "gpt2": Kind(
        defaults={
            "vocab_size": 50257,
            "n_positions": 1024,
            "n_embd": 768,
            "n_layer": 12,
            "n_head": 12,
            "n_inner": None,
            "activation_function": "gelu_new",
            "embd_pdrop": 0.1,
            "resid_pdrop": 0.1,
            "attn_pdrop": 0.1,
            "layer_norm_epsilon": 1e-5,
            "tie_word_embeddings": True,
        },
        fixed={
            "scale_attn_weights": True,
            "scale_attn_by_inverse_layer_idx": False,
            "add_cross_attention": False,
        },
        equal={},
        shared=("n_embd", "n_head"),
        activation="activation_function",
        automatic="AutoModelForCausalLM",
    ),
    "marian": Kind(
        defaults={
            "vocab_size": 58101,
            "decoder_vocab_size": None,
            "max_position_embeddings": 1024,
            "d_model": 1024,
            "encoder_layers": 12,
            "decoder_layers": 12,
            "encoder_attention_heads": 16,
            "decoder_attention_heads": 16,
            "encoder_ffn_dim": 4096,
            "decoder_ffn_dim": 4096,
            "activation_function": "gelu",
            "dropout": 0.1,
            "attention_dropout": 0.0,
            "activation_dropout": 0.0,
            "scale_embedding": False,
            "share_encoder_decoder_embeddings": True,
            "tie_word_embeddings": True,
        },
        fixed={"scale_embedding": True},
        equal={
            "decoder_vocab_size": "vocab_size",
            "decoder_layers": "encoder_layers",
            "decoder_attention_heads": "encoder_attention_heads",
            "decoder_ffn_dim": "encoder_ffn_dim",
        },
        shared=("d_model", "encoder_attention_heads"),
        activation="activation_function",
        automatic="AutoModelForSeq2SeqLM",
    ),
    "bert": Kind(
        defaults={
            "vocab_size": 30522,
            "max_position_embeddings": 512,
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "attention_probs_dropout_prob": 0.1,
            "layer_norm_eps": 1e-12,
        },
        fixed={
            "type_vocab_size": 2,
            "position_embedding_type": "absolute",
            "is_decoder": False,
            "add_cross_attention": False,
            "tie_word_embeddings": True,
        },
        equal={},
        shared=("hidden_size", "num_attention_heads"),
        activation="hidden_act",
        automatic="AutoModelForPreTraining",
    ),
}


def find_model(path: str | Path) -> Path:
    """Returns the path of a model, which may be the name of one in the cache of Hugging Face.

    The cache is the folder that `HF_HUB_CACHE` names, `hub` in that of `HF_HOME`, or
    `huggingface/hub` in that of `XDG_CACHE_HOME` or in `~/.cache`. Nothing is downloaded.

    Args:
        path: Path of a file or folder, or a name such as `"gpt2"`.

    Raises:
        ValueError: If there is no such model.
    """
    if path == "":  # which `Path` takes for the working directory
        raise ValueError("Expected the path of a model. Received: ''. Name a file or a folder.")
    if Path(path).exists():
        return Path(path)
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or Path(caches) / "huggingface"
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()
    folder = cache / f"models--{Path(path).as_posix().replace('/', '--')}"
    if (folder / "refs" / "main").is_file():
        commit = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
        if (folder / "snapshots" / commit).is_dir():
            return folder / "snapshots" / commit
    raise ValueError(
        f"Expected a model file. Received: {path}, which does not exist. Check the path (from "
        f"{Path.cwd()}); no pretrained model of this name is in {cache} either."
    )


def is_pretrained(folder: str | Path) -> bool:
    """Tells whether a folder looks like a pretrained model of Hugging Face."""
    folder = Path(folder)
    return not is_exported(folder) and any(any(folder.glob(name)) for name in SIGNS)


def read_pretrained_config(folder: Path) -> dict:
    """Returns the settings of a pretrained model, checked.

    Args:
        folder: Path of the folder.

    Returns:
        Its `config.json`, with the defaults of what it does not say, and `activation` as we name
        it.

    Raises:
        ValueError: If a file is missing or broken, or it is a model that we lack.
    """
    config = read_json(folder / CONFIG)
    kind = KINDS.get(str(config.get("model_type")))
    if kind is None:
        raise _unsupported(folder, "model_type", config.get("model_type"), *KINDS)
    config = {**kind.fixed, **kind.defaults, **config}
    for name, default in kind.defaults.items():
        _check_type(folder, name, default, config[name])
    units, heads = (config[name] for name in kind.shared)
    if units % (2 * heads):
        raise ValueError(
            f"Expected the {kind.shared[0]} in {folder / CONFIG} to be a multiple of twice its "
            f"{kind.shared[1]}. Received: {units} and {heads}, which this package has no model "
            "for. Choose another model."
        )
    for name, supported in kind.fixed.items():
        if config[name] != supported:
            raise _unsupported(folder, name, config[name], supported)
    for name, other in kind.equal.items():
        if config[name] not in (None, config[other]):
            raise _unsupported(folder, name, config[name], config[other])
    activation = config[kind.activation]
    if str(activation) not in ACTIVATIONS:
        raise _unsupported(folder, kind.activation, activation, *ACTIVATIONS)
    if not any((folder / name).is_file() for name in (WEIGHTS, SHARDS)):
        raise _without_weights(folder, kind)
    return {**config, "activation": ACTIVATIONS[activation]}


def _check_type(folder, name, default, value):
    """Checks an entry by its default: of the same type, and of a size that a model may have."""
    where = f"{name} in {folder / CONFIG}"
    if isinstance(default, bool):
        check_flag(where, value)
    elif isinstance(default, float):
        check_number(where, value, "(0, 1)" if "eps" in name else "[0, 1)")
    elif isinstance(default, int) or (default is None and value is not None):
        check_whole(where, value)
        if name == "vocab_size" and value > MAX_VOCABULARY:
            raise ValueError(f"Expected `{where}` of at most {MAX_VOCABULARY}. Received: {value}.")


def _unsupported(folder, name, value, *supported) -> ValueError:
    return ValueError(
        f"Expected the {name} in {folder / CONFIG} to be {' or '.join(map(repr, supported))}. "
        f"Received: {value!r:.60}, which this package has no model for. Choose another model."
    )


def _without_weights(folder, kind) -> ValueError:
    if any(folder.glob(PICKLES)):
        return ValueError(
            f"Expected {folder} to hold {WEIGHTS}. Received: pickled weights, which could run any "
            f"code. Convert them where you trust them: transformers.{kind.automatic}"
            f".from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})."
        )
    return broken(folder / WEIGHTS, "No such file or directory")
