"""What a folder of a pretrained model has that ours lack, told or refused."""

import re
import warnings
from pathlib import Path

from seq2seq.files.pretrained_folder import CONFIG
from seq2seq.text.pretrained_files import broken, read_settings, read_template
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import BOS, EOS
from seq2seq.text.wordpiece import WordPieceTokenizer

ARCHITECTURES = {
    "gpt2": ("GPT2LMHeadModel", "GPT2Model"),
    "marian": ("MarianMTModel", "MarianModel"),
    "bert": ("BertForPreTraining", "BertForMaskedLM"),
}
GENERATION = {  # settings of the library's `generate`, and what leaves texts as they are
    "forced_bos_token_id": (),
    "min_length": (0,),
    "min_new_tokens": (0,),
    "no_repeat_ngram_size": (0,),
    "repetition_penalty": (1.0,),
    "suppress_tokens": ([],),
    "begin_suppress_tokens": ([],),
}
BLOCK = re.compile(r"(?:h|(?:encoder|decoder)\.layers?)\.(\d{1,9})\.")


def warn_of_heads(folder: Path, kind: str, config: dict) -> None:
    """Warns of a model whose purpose is another one than ours."""
    named = config.get("architectures")
    named = named if isinstance(named, list) else []
    others = [name for name in named if name not in ARCHITECTURES[kind]]
    if others:
        warnings.warn(
            f"{folder} is a {' and a '.join(map(str, others))}, read as a "
            f"{ARCHITECTURES[kind][0]}: heads of other purposes are left out, and those that it "
            "lacks guess until they are trained.",
            stacklevel=4,
        )


def warn_of_dropout(folder: Path, kind: str, config: dict) -> None:
    """Warns of dropout of the library's that ours lack."""
    if kind == "bert":
        return
    name = "embd_pdrop" if kind == "gpt2" else "activation_dropout"
    ours = config["resid_pdrop"] if kind == "gpt2" else 0.0
    if config[name] not in (0, ours):
        warnings.warn(
            f"{folder} has {name}={config[name]}, dropout that this package lacks: `fit` takes "
            f"{ours} there.",
            stacklevel=4,
        )


def warn_of_generation(folder: Path, kind: str) -> None:
    """Warns of settings by which the library generates other texts than `generate` does."""
    if kind == "bert":
        return
    settings = read_settings(folder)
    padding = [[settings.get("pad_token_id")]]  # is banned here too
    found = [
        f"{name}={settings[name]!r:.40}"
        for name, nothing in {"bad_words_ids": ([], padding), **GENERATION}.items()
        if name in settings and settings[name] not in nothing
    ]
    if found:
        warnings.warn(
            f"{folder} has {', '.join(found)}, by which the library generates: `generate` heeds "
            "its own arguments alone, such as `banned`, `min_length` and `repetition_penalty`.",
            stacklevel=4,
        )


def check_end(folder: Path, kind: str, ids: list[int]) -> None:
    """Raises a `ValueError` if texts that a model writes could never end."""
    if kind == "bert" or ids[EOS] >= 0:
        return
    named = read_settings(folder).get("eos_token_id")
    raise ValueError(
        f"Expected {folder} to name a token that ends texts, which every text is scored and "
        f"trained with. Received: eos_token_id={named!r:.60}, and no such token in the vocabulary. "
        "Write the id of one, if need be of one that no text has, as eos_token_id in config.json, "
        "and in generation_config.json if there is one."
    )


def check_rest(folder: Path, layers: str, number: int, names: list[str]) -> None:
    """Refuses blocks beyond those of the config, and warns of other weights without a use.

    Args:
        folder: The folder.
        layers: The entry of its config that counts blocks.
        number: What it says.
        names: Names of the weights that the model has not taken.
    """
    blocks = [int(match[1]) + 1 for match in map(BLOCK.match, names) if match]
    if max(blocks, default=0) > number:
        reason = f"its {layers} is {number}, but its weights are of {max(blocks)} blocks"
        raise broken(folder / CONFIG, reason)
    if names:
        some = ", ".join(names[:3]) + (", ..." if names[3:] else "")
        warnings.warn(
            f"{folder} has {len(names)} weight(s) that the model leaves out: {some:.200}.",
            stacklevel=4,
        )


def begins_prompts(folder: Path, tokenizer: Tokenizer, ids: list[int]) -> bool:
    """Tells whether the library's tokenizer of GPT-2 puts `BOS` before a text.

    Args:
        folder: The folder.
        tokenizer: Its tokenizer.
        ids: For each id of ours that of the folder.

    Raises:
        ValueError: If it puts something else there.
    """
    settings = read_settings(folder)
    before, after = read_template(folder)
    if "add_bos_token" in settings or "add_eos_token" in settings:  # they take the template's place
        before = [ids[BOS]] if settings.get("add_bos_token") else []
        after = [ids[EOS]] if settings.get("add_eos_token") else []
    if after and isinstance(tokenizer, WordPieceTokenizer):
        # BERT's template is for whole texts; a prompt of Chinese GPT-2 is read without.
        return False
    if before not in ([], [ids[BOS]]):
        raise ValueError(
            f"Expected the texts of {folder} to begin with nothing, or with the token {ids[BOS]}. "
            f"Received: a tokenizer.json that begins them with {before!r:.60}, which this package "
            "lacks. Choose another model."
        )
    if after:
        warnings.warn(
            f"{folder} ends every text with the tokens {after!r:.60}. `generate` continues prompts "
            "without them.",
            stacklevel=4,
        )
    return bool(before)
