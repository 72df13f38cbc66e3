"""The options of `train`, by task."""

import functools

from seq2seq.commands.options import PAIRS, add_data, add_json, positive, seed
from seq2seq.commands.task_options import (
    ARCHITECTURES,
    TASKS,
    TaskOptions,
    add_model_options,
    kinds_of,
)
from seq2seq.commands.tokenizer_options import AUTO, add_shared, add_tokenizer

EPOCHS = 10
TRANSLATE, LANGUAGE_MODEL, CLASSIFY, FILL = TASKS
VECTORS = ("source_vectors", "target_vectors", "vectors")


def add_train(commands) -> None:
    """Adds the command `train` to the commands of a parser."""
    train = commands.add_parser(
        "train",
        help="train a model on pairs of texts, on texts, or on texts with labels",
        usage="%(prog)s [--task TASK] DATA [DATA ...] --output FILE [options]",
    )
    train.add_argument(
        "--task",
        choices=TASKS,
        default=TRANSLATE,
        help="translate: from texts to texts; language-model: how texts continue; classify: from "
        "texts to labels; fill: the hidden tokens of texts (default: %(default)s)",
    )
    train.add_argument(
        "--architecture",
        choices=ARCHITECTURES,
        help="recurrent: LSTM, GRU or simple; transformer: attention alone (default: recurrent, "
        "for fill transformer)",
    )
    _add_files(train)
    _add_training(train.add_argument_group("training"))
    add_shared(train.add_argument_group("tokenizers"))
    by_task = TaskOptions(train)
    train.set_defaults(by_task=by_task)
    add_model_options(by_task)
    _add_tokenizers(by_task)
    _add_vectors(by_task)
    _add_rest(by_task)


def _add_files(train):
    add_data(
        train,
        f"translate: {PAIRS}; language-model and fill: files with one text per line; classify: "
        "texts with labels, as pairs; all may be .gz",
    )
    train.add_argument("--output", required=True, help="model file to write (.keras)")
    train.add_argument(
        "--resume",
        action="store_true",
        help="continue where training with this output stopped, with its options",
    )
    train.add_argument(
        "--other-data", action="store_true", help="with --resume: train on data other than before"
    )
    train.add_argument(
        "--overwrite", action="store_true", help="replace a model that --output holds already"
    )
    train.add_argument("--validation", nargs="+", metavar="FILE", help="validation data, as DATA")
    train.add_argument(
        "--validation-split",
        type=float,
        help="share of DATA held out for validation if none is given; for language-model and "
        "fill, from the end (default: 0.05)",
    )
    add_json(train)


def _add_training(group):
    group.add_argument("--epochs", type=positive, help=f"default: {EPOCHS}")
    group.add_argument("--batch-size", type=positive, help="default: 64")
    group.add_argument(
        "--batch-tokens",
        type=positive,
        metavar="TOKENS",
        help="instead: about so many tokens in each batch, whatever the number of texts",
    )
    group.add_argument("--learning-rate", type=float, help="default: 0.001, for fill 0.0005")
    group.add_argument(
        "--decay",
        choices=("inverse_sqrt", "cosine"),
        help="raise the learning rate to that value, then lower it (default: it is constant)",
    )
    group.add_argument(
        "--warm-up", type=positive, help="updates while it rises, with --decay (default: 500)"
    )
    group.add_argument(
        "--patience",
        type=positive,
        help="stop after this many epochs without a better validation loss",
    )
    group.add_argument(
        "--average",
        type=positive,
        metavar="EPOCHS",
        help="at the end, keep the mean of the weights of so many last epochs instead of the best "
        "epoch; with --resume to be given again",
    )
    group.add_argument("--seed", type=seed, help="default: 1; with --resume, as before")


def _add_tokenizers(by_task):
    of_one = functools.partial(by_task.add, kinds_of(LANGUAGE_MODEL, CLASSIFY, FILL))
    add_tokenizer(of_one, "", f"{AUTO}; for classify: char; for fill: wordpiece")
    of_sides = functools.partial(by_task.add, kinds_of(TRANSLATE))
    for prefix in ("source_", "target_"):
        add_tokenizer(of_sides, prefix)


def _add_vectors(by_task):
    words = "word vectors to start from (word2vec or GloVe text format)"
    of_one = kinds_of(LANGUAGE_MODEL, CLASSIFY, architecture="recurrent")
    by_task.add(of_one, "--vectors", metavar="FILE", help=words)
    for side in ("source", "target"):
        of_sides = kinds_of(TRANSLATE, architecture="recurrent")
        by_task.add(of_sides, f"--{side}-vectors", metavar="FILE", help=words)


def _add_rest(by_task):
    by_task.add(
        kinds_of(TRANSLATE, LANGUAGE_MODEL),
        "--show",
        type=int,
        metavar="N",
        help="validation pairs, or texts written by a language model, shown after each epoch "
        "(default: 3)",
    )
    by_task.add(
        kinds_of(LANGUAGE_MODEL),
        "--whole-files",
        action="store_const",
        const=True,
        help="each file is one text, not each line",
    )
    by_task.add(
        kinds_of(LANGUAGE_MODEL, architecture="recurrent"),
        "--carry-states",
        action="store_const",
        const=True,
        help="start each window of text from the states of the one before it",
    )
    by_task.add(
        kinds_of(CLASSIFY),
        "--encoder",
        metavar="FILE",
        help="model of --task fill, or a pretrained folder, whose tokenizer and encoder it begins "
        "with; then --learning-rate is 0.0001, and of the model's options there are "
        "--pair-buckets, --embedding-dim, --dropout, --label-smoothing and --max-length",
    )
    by_task.add(
        kinds_of(CLASSIFY),
        "--class-weight",
        choices=("balanced",),
        help="give every label the same total weight in the loss, however many texts have it",
    )
