"""Splits a corpus into parts that share no text, and takes its fingerprint."""

import hashlib
import json
import numbers
import random
from collections.abc import Sequence

from seq2seq.checks import check_number, check_whole
from seq2seq.data.corpus import Pairs, check_pairs


def split_pairs(
    sources: Sequence[str],
    targets: Sequence[str],
    validation: float | int = 0.1,
    test: float | int = 0.1,
    seed: int = 0,
) -> tuple[Pairs, Pairs, Pairs]:
    """Splits pairs so that no source and no target is shared between two parts.

    Pairs linked by an equal source or an equal target, directly or through others, stay together,
    so the validation and test parts may hold fewer pairs than asked for, never more. Within a part
    the pairs keep their order.

    Args:
        sources: Sequence of str.
        targets: Sequence of str of the same length.
        validation: Size of the validation part, a share (float) or a number of pairs (int).
            Defaults to 0.1; with 0 it is empty.
        test: Size of the test part, likewise. Defaults to 0.1.
        seed: Seed of the choice. Defaults to 0; the same seed gives the same parts everywhere.

    Returns:
        `(train, validation, test)`, each a tuple `(sources, targets)`.

    Raises:
        ValueError: If a part that was asked for would be empty.

    Example:

    >>> english, chinese = ["Hi.", "Hi.", "Run!", "Wait!"], ["嗨。", "你好。", "跑！", "等等！"]
    >>> train, validation, test = split_pairs(english, chinese, validation=1, test=1)
    >>> [len(part[0]) for part in (train, validation, test)]
    [2, 1, 1]
    """
    check_pairs(sources, targets)
    total, wanted = len(sources), []
    for name, size in (("validation", validation), ("test", test)):
        if isinstance(size, numbers.Integral):
            check_whole(name, size, 0)
        else:
            check_number(name, size, "[0, 1)", "For one pair in ten write 0.1, for ten pairs 10.")
            size = max(1, round(size * total)) if size else 0
        wanted.append(size)
    groups = _linked_pairs(sources, targets)
    random.Random(seed).shuffle(groups)
    train, held_out = [], ([], [])
    for group in groups:
        fitting = [i for i in (0, 1) if len(held_out[i]) + len(group) <= wanted[i]]
        # The emptier part, relative to its size, comes first, so that both fill evenly.
        chosen = min(fitting, key=lambda i: len(held_out[i]) / wanted[i], default=None)
        (train if chosen is None else held_out[chosen]).extend(group)
    if not train or any(size and not part for size, part in zip(wanted, held_out, strict=True)):
        raise ValueError(
            f"Expected enough pairs for {wanted[0]} in validation, {wanted[1]} in test and some in "
            f"training. Received {total} pairs in {len(groups)} groups without common texts, the "
            f"largest of {max(map(len, groups))}. Give more pairs or change the sizes of the parts."
        )
    parts = (sorted(part) for part in (train, *held_out))
    return tuple(([sources[i] for i in part], [targets[i] for i in part]) for part in parts)


def split_texts(x: Sequence, y: Sequence | None, share: float) -> tuple:
    """Splits off the last share of texts, as `validation_split` of `fit` does.

    Args:
        x: Sequence of texts.
        y: As many targets or labels, or `None`.
        share: From 0 to 1.

    Returns:
        `(x, y)` to train on and `(x, y)` to validate on; `y` stays `None` if it was.

    Raises:
        ValueError: If one of the parts would be empty.
    """
    check_number("validation_split", share, "[0, 1)", "0.1 is usual.")
    x, y = list(x), y if y is None else list(y)
    kept = int(len(x) * (1 - share))
    if not 0 < kept < len(x):
        raise ValueError(
            f"Expected enough texts for both parts. Received: {len(x)} with "
            f"validation_split={share}. Give more texts or another share."
        )
    if y is None:
        return (x[:kept], None), (x[kept:], None)
    return (x[:kept], y[:kept]), (x[kept:], y[kept:])


def fingerprint(sources: Sequence[str], targets: Sequence[str]) -> str:
    """Returns a short name for exactly these pairs in this order, the same on every machine.

    Args:
        sources: Sequence of str.
        targets: Sequence of str of the same length.

    Returns:
        The first 16 hexadecimal digits of a SHA-256.

    Raises:
        ValueError: If the sides differ in length or are empty.

    Example:

    >>> fingerprint(["Hi."], ["嗨。"])
    '68dc412ecd726924'
    """
    check_pairs(sources, targets)
    digest = hashlib.sha256()
    for source, target in zip(sources, targets, strict=True):
        digest.update(json.dumps([source, target]).encode("ascii") + b"\n")
    return digest.hexdigest()[:16]


def _linked_pairs(sources: Sequence[str], targets: Sequence[str]) -> list[list[int]]:
    """Returns the connected components of the pairs, by union-find."""
    parent = list(range(len(sources)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    for side in (sources, targets):
        first = {}
        for i, text in enumerate(side):
            parent[root(i)] = root(first.setdefault(text, i))
    groups = {}
    for i in range(len(sources)):
        groups.setdefault(root(i), []).append(i)
    return list(groups.values())
