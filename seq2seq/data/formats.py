"""The formats of files of pairs: from the lines of a file to rows of two texts."""

import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

Columns = Sequence[str] | Sequence[int]
Rows = Iterator[tuple[str, str]]

_CURE = "Name the two columns of texts with `columns=(..., ...)` or --columns."


def read_rows(path: str | Path, lines: Iterable[str], columns: Columns | None) -> Rows:
    """Yields the two texts of each row, in the format that the name of the file tells.

    Args:
        path: The file, also named in errors.
        lines: Its lines, each with its line feed.
        columns: Two names or two numbers, or `None`; see `read_pairs`.

    Raises:
        ValueError: If a row is not of the format or lacks a column.
    """
    _check_columns(path, columns)
    format_of = Path(str(path).lower().removesuffix(".gz")).suffix
    return _formats.get(format_of, _tsv_rows)(path, iter(lines), columns)


def _check_columns(path, columns):
    if columns is None:
        return
    if (
        not isinstance(columns, (list, tuple))
        or len(columns) != 2
        or not (
            all(isinstance(column, str) for column in columns)
            or all(type(column) is int and column >= 0 for column in columns)
        )
    ):
        raise ValueError(
            f"{path}: expected two column names such as ('source', 'target'), or two column "
            f"numbers such as (0, 1). Received: columns={columns!r}."
        )


def _filled(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Yields number and content of the lines that are not blank."""
    for number, line in enumerate(lines, start=1):
        if "\t" in line or line.strip():
            yield number, line.rstrip("\r\n")


def _tsv_rows(path, lines: Iterator[str], columns: Columns | None) -> Rows:
    filled = _filled(lines)
    places = columns or (0, 1)
    if isinstance(places[0], str):
        number, header = next(filled, (1, None))
        if header is None:
            return
        places = _places(path, number, header.split("\t"), places)
    for number, line in filled:
        if "\r" in line and all("\t" in part for part in line.split("\r")):
            raise ValueError(
                f"{path}, line {number}: expected lines that end with line feeds. Received "
                "carriage returns alone. Save the file with Unix or Windows line ends."
            )
        cells = line.split("\t")
        if len(cells) <= max(1, *places):
            cure = "Separate columns by tabs, or name a .csv or .jsonl file."
            if '"' in line:
                cure += " Quotes join no lines in this format: save a spreadsheet as .csv."
            raise ValueError(
                f"{path}, line {number}: expected source<TAB>target, received {line[:40]!r} with "
                f"{len(cells)} column(s). {cure}"
            )
        if '"' in line:
            _check_quotes(path, number, cells)
        yield cells[places[0]], cells[places[1]]


def _check_quotes(path, number, cells):
    """Raises a `ValueError` for a text in quotes that holds a tab, as spreadsheets write it."""
    odd = [cell for cell in cells if cell.count('"') % 2]
    if len(odd) > 1 and odd[0].startswith('"') and odd[-1].endswith('"'):
        raise ValueError(
            f"{path}, line {number}: expected texts without tabs. Received {odd[0][:40]!r}, in "
            "which a quote begins that ends after a tab. Quotes are plain characters in this "
            "format: save a spreadsheet as .csv."
        )


def _csv_rows(path, lines: Iterator[str], columns: Columns | None) -> Rows:
    csv.field_size_limit(2**31 - 1)  # of the process; it is 131,072 characters at first
    rows, first, header = csv.reader(lines, strict=True), 1, None
    try:
        for row in rows:
            if row and header is None:
                header = row
                places = _places(path, first, header, columns or _named)
            elif row:
                if len(row) != len(header):
                    raise csv.Error(f"a row of {len(row)} columns under a header of {len(header)}")
                yield row[places[0]], row[places[1]]
            first = rows.line_num + 1
    except csv.Error as error:
        last = f" to {rows.line_num}" if rows.line_num > first else ""
        raise ValueError(
            f"{path}, line {first}{last}: expected comma-separated values. Received: "
            f"{str(error).partition(' - ')[0]}. Put texts with commas, quotes or line breaks in "
            'double quotes, a quote itself as "".'
        ) from error


def _places(path, number, header: list[str], columns: Columns) -> tuple[int, int]:
    """Returns the numbers of two columns of a table whose header this is."""
    names = [name.strip() for name in header]
    known = range(len(names)) if isinstance(columns[0], int) else names
    for column in columns:
        if (count := list(known).count(column)) != 1:
            found = f"{count} of that name" if count else f"only {names!r:.200}"
            raise ValueError(
                f"{path}, line {number}: expected a column {column!r} in the header. Received "
                f"{found}. {_CURE}"
            )
    return known.index(columns[0]), known.index(columns[1])


def _json_rows(path, lines: Iterator[str], columns: Columns | None) -> Rows:
    for where, record in _json_records(path, lines):
        columns = columns or _usual_columns(record)
        yield _two_texts(f"{path}, {where}", record, columns)


def _json_records(path, lines: Iterator[str]) -> Iterator[tuple[str, dict | list]]:
    """Yields place and value of each record: the objects of lines, or the items of one array."""
    filled = _filled(lines)
    start, first = next(filled, (1, ""))
    if first.lstrip().startswith("[") and not _is_pair(first):
        array = _parse(path, start, f"{first}\n{''.join(lines)}".rstrip())
        yield from ((f"item {count}", item) for count, item in enumerate(array, start=1))
    elif first:
        for number, line in itertools.chain([(start, first)], filled):
            yield f"line {number}", _parse(path, number, line)


def _is_pair(line) -> bool:
    """Tells whether a line is an array of two texts, a record of its own."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, list) and len(value) > 1 and isinstance(value[0], str)


def _parse(path, number, text):
    """Returns the value of a JSON text that begins on line `number`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1) - 1
        raise ValueError(
            f"{path}, line {number + line}: expected one JSON object a line (JSON Lines), or one "
            f"array of all. Received {text.split(chr(10))[line][:40]!r} "
            f"({getattr(error, 'msg', error)}). Write each pair as an object on a line of its own."
        ) from error


def _usual_columns(record) -> Columns:
    """Returns the columns of a file whose first record this is, if none are asked for."""
    if isinstance(record, list):
        return (0, 1)
    inner = record.get("translation") if isinstance(record, dict) else None
    return tuple(inner) if isinstance(inner, dict) and len(inner) == 2 else _named


def _two_texts(where, record, columns: Columns) -> tuple[str, str]:
    """Returns the texts of an object, of what it holds as `translation`, or of an array."""
    if isinstance(record, list):
        record = dict(enumerate(record))
    if not isinstance(record, dict):
        raise ValueError(
            f"{where}: expected a JSON object or array with two texts. Received {record!r:.60}. "
            "Write each pair as an object."
        )
    if isinstance(record.get("translation"), dict):
        record = record["translation"]
    for column in columns:
        if not isinstance(record.get(column), str):
            found = f"{record[column]!r:.60} in it" if column in record else f"only {list(record)}"
            raise ValueError(
                f"{where}: expected a text in the column {column!r}. Received {found:.200}. {_CURE}"
            )
    return record[columns[0]], record[columns[1]]


_named = ("source", "target")
_formats = {".csv": _csv_rows}
_formats |= dict.fromkeys((".jsonl", ".ndjson", ".json"), _json_rows)
