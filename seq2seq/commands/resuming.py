"""`train --resume`: training a saved model further, with the settings it has."""

import itertools
from pathlib import Path

from seq2seq.commands.examples import Examples
from seq2seq.commands.options import flag, given
from seq2seq.commands.task_options import Kind, model_arguments
from seq2seq.commands.tasks import MODELS
from seq2seq.commands.tokenizer_options import check_tokenizer
from seq2seq.commands.train_options import VECTORS
from seq2seq.files.keras_file import read_manifest
from seq2seq.files.loading import load_model
from seq2seq.models.text_model import TextModel
from seq2seq.training.manifest import describe_data

SEED = 1
# Options that go on as before unless one of the same line is given.
KEPT = (
    ("epochs",),
    ("learning_rate", "decay", "warm_up"),
    ("batch_size", "batch_tokens"),
    ("patience",),
    ("carry_states",),
    ("class_weight",),
    ("precision",),
    ("validation", "validation_split"),
    ("columns",),
    ("whole_files",),
)
PREFIXES = {"source": "source_", "target": "target_", "tokenizer": ""}


def resume(options, path: Path) -> TextModel:
    """Loads a model to train further.

    Args:
        options: Options of `train`.
        path: The model file.

    Raises:
        ValueError: If a given option would make another model.
    """
    model = load_model(path)
    received = Kind.of(options)
    held = next((kind for kind, made in MODELS.items() if type(model) is made), None)
    if held != received:
        raise ValueError(
            f"Expected {held or 'another file'} with --resume, because {path} holds a "
            f"{type(model).__name__}. Received: {received}."
        )
    _refuse_other_settings(options, model, path)
    return model


def check_data(options, model: TextModel, examples: Examples, path: Path) -> None:
    """Raises a `ValueError` if a model was trained on other data before, unless that is meant."""
    data = describe_data(*examples)
    other = model.manifest.get("data", data)["fingerprint"] != data["fingerprint"]
    if other and not options.other_data:
        raise ValueError(
            f"Expected --resume with the data that {path} was trained on. Received other "
            f"{model.examples_are}; another --seed, --validation or --validation-split makes "
            "them so too. Add --other-data if they are meant."
        )


def seed_of(path: Path | None) -> int:
    """Returns the seed to train with: that of the model file to continue, if there is one."""
    seed = read_manifest(path).get("seed") if path else None
    return SEED if seed is None else seed


def options_to_keep(options) -> dict:
    """Returns the given options that a resumed training goes on with, for the manifest."""
    return given(options, *itertools.chain(*KEPT))


def restore_options(options, path: Path) -> None:
    """Sets options of `train` that are not given as they were when a model file was written."""
    before = read_manifest(path).get("command", {})
    for names in KEPT:
        if not given(options, *names):
            vars(options).update({name: before[name] for name in names if name in before})


def best_loss(output: Path, resumed: Path | None) -> float | None:
    """Returns the validation loss of the best epoch before a resumed training, if it is known."""
    if resumed is None or not output.exists():
        return None
    return read_manifest(output).get("metrics", {}).get("val_loss")


def epochs_of(model: TextModel) -> int:
    """Returns how many epochs a model was trained for, according to its file."""
    return model.manifest.get("training", {}).get("epochs", 0)


def _refuse_other_settings(options, model, path):
    settings = model.options.to_dict()
    for name, value in model_arguments(options).items():
        if value != settings.get(name):
            raise ValueError(
                f"Expected --resume with the settings of {path}: {name}={settings.get(name)}. "
                f"Received: {name}={value}. Leave the option out, or start over without --resume."
            )
    for name, side in model.sides.items():
        check_tokenizer(options, PREFIXES[name], side.tokenizer, path)
    if begins := given(options, *VECTORS, "encoder"):
        raise ValueError(
            f"Expected no {flag(next(iter(begins)))} with --resume, because the model is already "
            f"trained. Received: {next(iter(begins.values()))}. Leave it out, or start over "
            "without --resume."
        )
