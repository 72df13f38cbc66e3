"""What `train` validates on: given files, or a share of the data that is not trained on."""

import random
import sys
from collections import Counter

from seq2seq.commands.examples import Examples, read_examples
from seq2seq.commands.task_options import Kind
from seq2seq.commands.tasks import MODELS
from seq2seq.data.splitting import split_pairs, split_texts

SHARE = 0.05


def training_parts(options) -> tuple[Examples, Examples | None]:
    """Reads the training and the validation data, the latter `None` if there is too little.

    Raises:
        ValueError: If files are not as the task needs them.
    """
    model, share = MODELS[Kind.of(options)], options.validation_split
    share = SHARE if share is None else share
    examples = read_examples(options, model, options.data)
    if options.validation:
        return examples, read_examples(options, model, options.validation)
    if not share:
        return examples, None
    try:
        return _split(options, *examples, share)
    except ValueError as error:
        if options.validation_split is not None:
            raise
        print(f"seq2seq: nothing is kept for validation. {error}", file=sys.stderr)
        return examples, None


def _split(options, texts, targets, share):
    if options.task == "translate":
        train, validation, _ = split_pairs(
            texts, targets, validation=share, test=0, seed=options.seed
        )
        return train, validation
    if options.task == "classify":
        return split_labelled(texts, targets, share, options.seed)
    if len(texts) == 1 and options.whole_files:
        return _split_document(texts[0], share)
    train, validation = split_texts(texts, None, share)
    if options.whole_files:
        _tell(f"the last {len(validation[0])} of {len(texts)} files")
    return train, validation


def split_labelled(
    texts: list[str], labels: list[str], share: float, seed: int
) -> tuple[Examples, Examples]:
    """Splits labelled texts at random, leaving some of every label to train on.

    Equal texts stay together.

    Args:
        texts: List of texts.
        labels: As many labels.
        share: Maximum share of the texts to validate on; at least one text.
        seed: Seed of the choice.

    Returns:
        `(texts, labels)` to train on and `(texts, labels)` to validate on, in their order.

    Raises:
        ValueError: If no text can be spared.
    """
    wanted, left = max(1, round(share * len(texts))), Counter(labels)
    groups = {}
    for i, text in enumerate(texts):
        groups.setdefault(text, []).append(i)
    groups = list(groups.values())
    random.Random(seed).shuffle(groups)
    held_out = set()
    for group in groups:
        taken = Counter(labels[i] for i in group)
        spared = all(left[label] > count for label, count in taken.items())
        if spared and len(held_out) + len(group) <= wanted:
            held_out.update(group)
            left -= taken
    if not held_out:
        raise ValueError(f"Expected texts that can be spared. Received: {len(texts)} texts.")
    numbers = range(len(texts))
    parts = [[i for i in numbers if (i in held_out) == chosen] for chosen in (False, True)]
    return tuple(([texts[i] for i in part], [labels[i] for i in part]) for part in parts)


def _split_document(text, share):
    """Splits off the last share of one document, at the start of a line or a word."""
    end = round(len(text) * (1 - share))
    near = max(1, 2 * end - len(text))  # at most twice the share
    places = (text.rfind(space, near, end) for space in "\n ")
    place = next((place for place in places if place > 0), end)
    train, validation = text[:place].strip(), text[place:].strip()
    if not train or not validation:
        raise ValueError(f"Expected a longer document. Received: {len(text)} characters.")
    _tell(f"the last {len(validation):,} of {len(text):,} characters")
    return ([train], None), ([validation], None)


def _tell(what):
    print(f"seq2seq: kept for validation: {what}.", file=sys.stderr)
