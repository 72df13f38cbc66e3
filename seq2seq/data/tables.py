"""What `fit` and `evaluate` are given: tables, pairs, columns and datasets -> lists."""

import itertools
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from seq2seq.text.columns import (
    begins_with_text,
    column_names,
    cure,
    read_column,
    show,
    table_columns,
)


def read_data(x, y, names: Mapping[str, str | None]) -> tuple:
    """Returns texts, and their targets or labels, as lists; what Keras takes as it is.

    Args:
        x: A column of texts (see `read_column`); a table, such as a data frame; with two names also
            a list, dataset or generator of pairs. A generator of texts or pairs is read once.
        y: A column of targets or labels, or `None`.
        names: The columns of a table, by what they are for, such as `{"source": "en", "target":
            "zh"}`. `None` as a name means the column called like that.

    Returns:
        Tuple `(x, y)`.

    Raises:
        ValueError: If a column is not there or a value in it is missing, or names are given without
            a table.

    Example:

    >>> read_data([("Hi.", "嗨。"), ("Run!", "跑！")], None, {"source": None, "target": None})
    (['Hi.', 'Run!'], ['嗨。', '跑！'])
    """
    if _is_table(x, names):
        if y is not None:
            raise ValueError(
                f"Expected no second argument with {show(x)}. Received: {y!r:.60}. Name the "
                f"columns instead: {_example(names, column_names(x))}."
            )
        return _read_table(x, names)
    if given := [f"{name}={column!r}" for name, column in names.items() if column is not None]:
        raise ValueError(
            f"Expected a table, such as a data frame, with {', '.join(given)}. Received: "
            f"{show(x)}. {cure(x) or 'Leave out the names of columns.'}"
        )
    x = _read_iterator(x, len(names) == 2) if isinstance(x, Iterator) else read_column(x)
    if isinstance(y, Iterator):
        raise ValueError(f"Expected a list of targets or labels. Received: {y!r:.60}. Use list().")
    if y is None and len(names) == 2 and are_pairs(x):
        return _split_pairs(x)
    return x, read_column(y)


def are_pairs(x) -> bool:
    """Tells whether this is a list of tuples or lists of texts, rather than of ids or arrays."""
    first = x[0] if isinstance(x, (list, tuple)) and len(x) else None
    return isinstance(first, (tuple, list)) and begins_with_text(first)


def read_validation(data, names: Mapping[str, str | None], is_read: Callable):
    """Returns the `validation_data` of `fit` as `read_data` returns data.

    Args:
        data: `(x, y)`, `(x, y, weights)`, or what `x` of `read_data` may be.
        names: As in `read_data`.
        is_read: Tells whether texts or rows of ids alone are data.

    Returns:
        A tuple, or in one piece what Keras takes like that.

    Raises:
        ValueError: As `read_data`, or if there is one part of several.
    """
    if isinstance(data, (str, dict)):
        raise ValueError(
            "Expected validation_data of texts, (x, y), pairs or a table. Received: "
            f"{data!r:.60} of type {type(data).__name__}."
        )
    if is_read(data):
        return read_column(data), None
    of_pairs = isinstance(data, list) and are_pairs(data)
    of_pairs = of_pairs and (isinstance(data[0], tuple) or len(data) > 3)  # not [x, y]
    if isinstance(data, (tuple, list)) and not of_pairs:
        if len(data) < 2:
            raise ValueError(
                f"Expected validation_data of texts or (x, y). Received: {data!r:.60}."
            )
        x, y, *weights = data
        return (*read_data(x, y, dict.fromkeys(names)), *weights)
    x, y = read_data(data, None, names if column_names(data) else dict.fromkeys(names))
    return (x, y) if isinstance(x, list) else x


def check_kind(x) -> None:
    """Raises a `ValueError` for what is no list of texts and what Keras cannot read either."""
    kinds = (str, bytes, set, frozenset, list, tuple)
    texts = isinstance(x, Mapping) and any(not hasattr(value, "dtype") for value in x.values())
    unreadable = hasattr(x, "__fspath__") or hasattr(x, "column_names")
    if x is None or isinstance(x, kinds) or texts or unreadable:
        raise ValueError(
            "Expected a list of texts, a table of texts, arrays of ids or a dataset. "
            f"Received: {x!r:.60}. {cure(x)}".rstrip()
        )


def _is_table(x, names) -> bool:
    """Tells whether columns are to be read from this; Keras too takes data frames, of numbers."""
    columns = column_names(x)
    if columns is None:
        return False
    named = any(names.values()) or any(name in columns for name in names)
    return named or not hasattr(x, "to_numpy") or np.asarray(x).dtype.kind not in "iuf"


def _read_table(table, names) -> tuple[list, list | None]:
    """Returns the columns for these names, checked, and `None` for a second that is not wanted."""
    wanted, columns = [column or name for name, column in names.items()], column_names(table)
    inside = "translation" in columns and not set(wanted) & set(columns)
    if inside:
        (records,) = table_columns(table, ["translation"])
        columns = sorted(records[0]) if records and isinstance(records[0], Mapping) else []
    for name in wanted:
        if columns.count(name) != 1:
            raise ValueError(
                f"Expected one column called {name!r}. Received {show(table)}"
                f"{f', with {columns} in it' if inside else ''}. Name the columns: "
                f"{_example(names, columns)}."
            )
    if inside:
        values = [[record[name] for record in records] for name in wanted]
    else:
        values = table_columns(table, wanted)
    for name, role, column in zip(wanted, names, values, strict=True):
        _check_column(name, column, is_label=role == "label")
    return values[0], values[1] if len(values) > 1 else None


def _check_column(name: str, values: list, is_label: bool) -> None:
    """Raises a `ValueError` if a value of a column is missing, or a text is a number."""
    for row, value in enumerate(values):
        if _is_missing(value):
            raise ValueError(
                f"Expected a value in each row of the column {name!r}. Received: {value!r} in row "
                f"{row}, counted from 0. Leave such rows out, as with `dropna` of pandas or "
                "`drop_nulls` of polars."
            )
        if not is_label and not isinstance(value, (str, list, tuple, np.ndarray)):
            raise ValueError(
                f"Expected texts in the column {name!r}. Received: {value!r} of type "
                f"{type(value).__name__} in row {row}, counted from 0. Name a column of texts, or "
                "make texts of the numbers with `astype(str)`."
            )


def _is_missing(value) -> bool:
    odd = type(value).__name__ in ("NAType", "NaTType")  # of pandas
    return value is None or odd or (isinstance(value, float) and value != value)


def _example(names, columns) -> str:
    """Returns how the columns of a table are named in a call."""
    columns = [repr(column) for column in columns] + ["..."] * len(names)
    return ", ".join(f"{name}={column}" for name, column in zip(names, columns, strict=False))


def _read_iterator(items: Iterator, of_pairs: bool):
    """Returns texts or pairs as a list; batches for Keras go on as they are."""
    first = list(itertools.islice(items, 1))
    if not first or begins_with_text(first[0]):
        items = [*first, *items]
        if not of_pairs:
            return items
        # Each is a pair, though it be a list as from `csv.reader`: no iterator has two sides.
        return [tuple(item) if isinstance(item, list) else item for item in items]
    return (batch for batch in itertools.chain(first, items))


def _split_pairs(pairs) -> tuple[list, list]:
    """Returns the two sides of a list of pairs."""
    if len(pairs) == 2 and all(isinstance(side, list) for side in pairs):
        raise ValueError(
            f"Expected pairs as tuples. Received two lists: {pairs!r:.60}. Pass them as two "
            "arguments, as in fit(sources, targets), or fit(*pairs) for what `read_pairs` returns."
        )
    for place, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not begins_with_text(pair):
            raise ValueError(
                f"Expected pairs, each a tuple of two. Received in place {place}: {pair!r:.60}. "
                "Leave it out, or pass the two sides as two lists."
            )
    return [first for first, _ in pairs], [second for _, second in pairs]
