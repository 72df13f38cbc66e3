"""Columns of texts, however they are held: arrays, data frames, datasets, collections."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from os import PathLike

TEXT_KINDS = ("O", "U", "S", "T")  # of NumPy and pandas; polars has no kinds

_file_name = re.compile(r"\S+\.(tsv|csv|txt|json|jsonl|ndjson)(\.gz)?", re.IGNORECASE)


def read_column(values):
    """Returns a column of texts as a list; what is not one is returned as it is.

    Args:
        values: An array of strings (bytes are read as UTF-8); a column of pandas, polars, Arrow or
            Hugging Face; a `tf.data.Dataset` of strings, or of tuples that hold strings, batched or
            not; or another collection that has an order, such as `dict.values()`.

    Raises:
        ValueError: If bytes are not UTF-8, or a dataset has no end.

    Example:

    >>> read_column({"a": "你好", "b": "再见"}.values())
    ['你好', '再见']
    """
    plain = (list, tuple, str, bytes, set, frozenset, Mapping)
    if isinstance(values, plain) or column_names(values) is not None:
        return values
    if hasattr(values, "element_spec"):
        return list(_elements(values)) if _holds_texts(values.element_spec) else values
    dtype = getattr(values, "dtype", None)
    if getattr(dtype, "name", None) == "string" and hasattr(values, "numpy"):  # a tensor
        return _decode(values.numpy().tolist()) if len(values.shape) else values
    kind = getattr(dtype, "kind", None)
    if hasattr(values, "to_pylist"):  # Arrow
        return _decode(values.to_pylist())
    if dtype is not None and hasattr(values, "to_list") and kind in (None, *TEXT_KINDS):
        return _decode(values.to_list())
    if kind in TEXT_KINDS and values.shape:
        return _decode(values.tolist())
    if isinstance(values, Collection) and not hasattr(values, "shape"):
        first = next(iter(values), "")
        if begins_with_text(first) or first is None:
            return _decode(values)
    return values


def as_list(values):
    """Returns what an iterator gives as a list, and otherwise a column as `read_column` does."""
    return list(values) if isinstance(values, Iterator) else read_column(values)


def begins_with_text(value) -> bool:
    """Tells whether a value is a text, or a tuple or list whose first is one."""
    if isinstance(value, (tuple, list)) and len(value):
        value = value[0]
    return isinstance(value, (str, bytes))


def each_text(texts: Iterable[str]) -> Iterable[str]:
    """Returns texts to go through once: a column, or any iterable, which is not held in memory.

    Raises:
        ValueError: If they are one text, a table or nothing that can be gone through, or one in a
            list is missing.
    """
    odd = isinstance(texts, (str, bytes, Mapping)) or column_names(texts) is not None
    if odd or not hasattr(texts, "__iter__"):
        received = f"one text: {texts[:40]!r}" if isinstance(texts, str) else show(texts)
        raise ValueError(f"Expected a list of texts. Received {received}. {cure(texts)}".rstrip())
    if hasattr(texts, "element_spec"):
        return _elements(texts)
    texts = read_column(texts)
    if isinstance(texts, (list, tuple)):
        check_each(texts)
    return texts


def check_each(texts: Iterable) -> None:
    """Raises a `ValueError` if one of many texts is missing or something else."""
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(
                f"Expected a list of texts (str). Received in place {place}: {text!r:.60} of type "
                f"{type(text).__name__}. Leave it out, or write an empty text."
            )


def column_names(table) -> list | None:
    """Returns the names of the columns of a table, or `None` for what is not a table.

    Args:
        table: A data frame of pandas or polars, an Arrow table, a Hugging Face `Dataset`, or a
            `tf.data.Dataset` of dicts that hold strings.
    """
    if isinstance(table, (str, list, tuple, Mapping)):
        return None
    spec = getattr(table, "element_spec", None)
    if spec is not None:
        return list(spec) if isinstance(spec, dict) and _holds_texts(spec) else None
    names = getattr(table, "column_names", None)
    names = getattr(table, "columns", None) if names is None else names
    return None if names is None or callable(names) else list(names)


def table_columns(table, names: Iterable) -> list[list]:
    """Returns columns of a table as lists, read together."""
    if hasattr(table, "element_spec"):  # it may give its elements in another order each time
        rows, places = list(_elements(table)), list(table.element_spec)
        return [[row[places.index(name)] for row in rows] for name in names]
    columns = [read_column(table[name]) for name in names]
    return [column if isinstance(column, list) else list(column) for column in columns]


def show(value) -> str:
    """Returns the beginning of a value for an error: the columns of a table."""
    names = column_names(value)
    return f"{value!r:.60}" if names is None else f"a table of the columns {names!r:.200}"


def cure(value) -> str:
    """Returns what to do with something that is no column of texts, or an empty str."""
    names = column_names(value)
    if names is not None:
        return f"Pass one column of it, such as table[{next(iter(names), 'text')!r}]."
    if isinstance(value, PathLike) or (isinstance(value, str) and _file_name.fullmatch(value)):
        return "Read the file first, with seq2seq.read_pairs or seq2seq.read_lines."
    if isinstance(value, Mapping) and all(isinstance(part, list) for part in value.values()):
        lists = ", ".join(f"data[{name!r}]" for name in list(value)[:2])
        return f"Pass its lists, {lists}, or make a table of it, such as pandas.DataFrame(data)."
    if isinstance(value, Mapping):
        parts = [name for name in value if column_names(value[name]) is not None]
        name = parts[0] if parts else next(iter(value), "text")
        return f"Pass what it holds, such as data[{name!r}]."
    if isinstance(value, str):
        return "Put it in a list."
    if isinstance(value, bytes):
        return 'Decode it, with value.decode("utf-8"), and put it in a list.'
    if isinstance(value, (set, frozenset)):
        return "A set has no order: pass sorted(...) of it."
    if value is not None and not hasattr(value, "__iter__"):
        return ""
    first = next(iter(value), None) if isinstance(value, (list, tuple)) else None
    if isinstance(first, bytes):
        return 'Decode the texts: [text.decode("utf-8") for text in texts].'
    if isinstance(first, Mapping):
        return "Make a table of it, such as pandas.DataFrame(records)."
    if isinstance(first, (list, tuple)):
        nested = "Write each text as one str, not in a list of its own."
        return nested if begins_with_text(first) else "Pass rows of ids as an array, padded with 0."
    return ""


def _holds_texts(spec) -> bool:
    """Tells whether the elements of a dataset are strings, or hold some."""
    if isinstance(spec, Mapping):
        spec = tuple(spec.values())
    if isinstance(spec, (tuple, list)):
        return any(map(_holds_texts, spec))
    return getattr(getattr(spec, "dtype", None), "name", None) == "string"


def _elements(dataset) -> Iterator:
    """Yields the elements of a dataset, batched or not: values, or tuples of several."""
    if int(dataset.cardinality()) == -1:
        raise ValueError(
            "Expected a dataset that ends. Received one that repeats. Leave out `repeat()`: "
            "`epochs` of `fit` counts how often it is read."
        )
    spec = dataset.element_spec
    parts = spec.values() if isinstance(spec, dict) else spec if isinstance(spec, tuple) else [spec]
    if all(getattr(part, "shape", None) == () for part in parts):
        dataset = dataset.batch(1024)  # twenty times as fast as one by one
    for element in dataset.as_numpy_iterator():
        if isinstance(element, dict):
            element = tuple(element[name] for name in spec)
        values = element if isinstance(element, tuple) else (element,)
        rows = [values] if not getattr(values[0], "shape", ()) else zip(*values, strict=True)
        for row in rows:
            row = _decode(row)
            yield tuple(row) if isinstance(element, tuple) else row[0]


def _decode(values: Iterable) -> list:
    """Returns values with bytes read as UTF-8."""
    values = list(values)
    for place, value in enumerate(values):
        if isinstance(value, bytes):
            try:
                values[place] = value.decode("utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"Expected texts in UTF-8. Received in place {place}: {value[:40]!r} "
                    f"({error.reason}). Decode the texts first, in the encoding they have."
                ) from error
    return values
