"""Corpora: pairs of texts read from files.

Every file is UTF-8, plain or gzipped, and only a line feed separates lines, not U+2028 or U+0085.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

Pairs = tuple[list[str], list[str]]

_control = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_surrogate = re.compile(r"[\ud800-\udfff]")  # JSON can escape half a character, UTF-8 cannot


def read_pairs(
    path: str | Path,
    target_path: str | Path | None = None,
    columns: Sequence[str] | Sequence[int] | None = None,
) -> Pairs:
    """Reads pairs of texts from one file of pairs, or from two line-aligned files.

    The name of a file of pairs tells its format: `.csv` has a header; `.jsonl`, `.ndjson` and
    `.json` hold one JSON object per line; any other file has two or more columns separated by tabs.
    A final `.gz` means gzipped. Control characters become spaces, white space around a text is
    dropped, and blank lines are skipped, except in line-aligned files, where they become `""`.

    Args:
        path: File of pairs, or of the sources if `target_path` is given.
        target_path: File of the targets, line by line. Defaults to `None`.
        columns: The columns of a pair: two names for CSV and JSON Lines, two numbers counted from 0
            for tab-separated files. Defaults to `None`, which means `("source", "target")` or
            `(0, 1)`.

    Returns:
        Two lists of str of the same length: sources and targets.

    Raises:
        ValueError: If a file is missing, empty, not UTF-8 or not of its format; the message names
            the line.

    Example:

    >>> _ = Path("pairs.tsv").write_text("Hi.\\t嗨。\\nRun!\\t跑！\\n", encoding="utf-8")
    >>> read_pairs("pairs.tsv")
    (['Hi.', 'Run!'], ['嗨。', '跑！'])
    """
    if target_path is not None:
        if columns is not None:
            raise ValueError(
                f"Expected no `columns` with two files. Received: {columns!r}. Leave it out."
            )
        sources, targets = read_lines(path), read_lines(target_path)
    else:
        format_of = Path(str(path).lower().removesuffix(".gz")).suffix
        read_rows, default = _formats.get(format_of, (_tsv_rows, (0, 1)))
        rows = read_rows(path, _read_text(path), _columns(path, columns, default))
        pairs = [(_clean(source), _clean(target)) for source, target in rows]
        sources, targets = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    check_pairs(
        sources, targets, f"{path}: " if target_path is None else f"{path}, {target_path}: "
    )
    return sources, targets


def read_lines(path: str | Path) -> list[str]:
    """Reads a file of one text per line, cleaned as in `read_pairs`; blank lines become `""`.

    Args:
        path: The file, plain or `.gz`.

    Returns:
        List of str, one per line.

    Raises:
        ValueError: If the file is missing, not UTF-8 or binary.

    Example:

    >>> _ = Path("lines.txt").write_text("Hi.\\n\\nRun!\\n", encoding="utf-8")
    >>> read_lines("lines.txt")
    ['Hi.', '', 'Run!']
    """
    return split_lines(_read_text(path))


def read_pair_files(paths: Sequence[str | Path], columns: Sequence | None = None) -> Pairs:
    """Reads pairs from one file of pairs, or from two line-aligned files.

    Args:
        paths: One path or two.
        columns: As in `read_pairs`; numbers may be strings of digits, as on a command line.

    Raises:
        ValueError: If there are more than two files, or as `read_pairs`.
    """
    if len(paths) > 2:
        received = " ".join(map(str, paths))
        raise ValueError(f"Expected one file of pairs, or two files. Received: {received}.")
    if columns and all(isinstance(column, str) and column.isdigit() for column in columns):
        columns = tuple(map(int, columns))
    return read_pairs(*paths, columns=columns)


def read_text_files(
    paths: Sequence[str | Path], columns: Sequence | None = None, whole_files: bool = False
) -> list[str]:
    """Reads texts from files.

    Args:
        paths: Paths of files, plain or `.gz`.
        columns: Must be `None`: files with one text per line have no columns.
        whole_files: Whether each file is one text, its lines kept. Defaults to `False`: each line
            is one, and blank lines are left out.

    Raises:
        ValueError: If a file cannot be read, or there is no text in them.
    """
    if columns is not None:
        raise ValueError(f"Expected no columns for texts, one per line. Received: {columns!r}.")
    if whole_files:
        texts = ["\n".join(read_lines(path)).strip() for path in paths]
    else:
        texts = [line for path in paths for line in read_lines(path)]
    texts = [text for text in texts if text]
    if not texts:
        raise ValueError(f"Expected texts in {' '.join(map(str, paths))}. Received none.")
    return texts


def split_lines(text: str) -> list[str]:
    """Splits a text into its lines, cleaned as in `read_pairs`."""
    return [_clean(line) for line in text.removesuffix("\n").split("\n")] if text else []


def check_pairs(sources: Sequence[str], targets: Sequence[str], where: str = "") -> None:
    """Raises a `ValueError` unless these are two lists of the same length, not empty."""
    for name, side in (("sources", sources), ("targets", targets)):
        if isinstance(side, str):
            raise ValueError(
                f"Expected a list for `{name}`. Received one text: {side[:40]!r}. Put it in a list."
            )
    if len(sources) != len(targets):
        raise ValueError(
            f"{where}Expected as many targets as sources. Received {len(sources)} sources and "
            f"{len(targets)} targets. Check that text n of one side belongs to text n of the other."
        )
    if not len(sources):
        raise ValueError(f"{where}Expected at least one pair. Received none. Is it the right data?")


def check_each_pair(pairs: Iterable) -> Iterator[tuple]:
    """Yields pairs one by one; raises a `ValueError` for what is not a pair of texts or rows."""
    if not isinstance(pairs, Iterable):
        raise ValueError(f"Expected pairs, one after the other. Received: {pairs!r:.60}.")
    for number, pair in enumerate(pairs, start=1):
        whole = isinstance(pair, (tuple, list)) and len(pair) == 2
        if not whole or not all(isinstance(side, (str, list, np.ndarray)) for side in pair):
            raise ValueError(
                f"Expected a tuple of two texts as pair {number}. Received: {pair!r:.60}."
            )
        yield pair


def _clean(text: str) -> str:
    return _surrogate.sub("\ufffd", _control.sub(" ", text)).strip()


def _read_text(path: str | Path) -> str:
    """Returns a whole file as text, without its byte order mark."""
    file = Path(path).expanduser()
    try:
        content = file.read_bytes()
        if file.name.lower().endswith(".gz"):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path}: expected a file that can be read. Received: {error}. Check the path (from "
            f"{Path.cwd()}) and that the file is complete."
        ) from error
    return decode_utf8(content, path)


def decode_utf8(content: bytes, path: str | Path, first_line: int = 1) -> str:
    """Decodes the bytes of a file, without its byte order mark; `path` names it in errors."""
    wrong, received = content.find(b"\0"), "a NUL byte: it is binary or UTF-16"
    encoding = "UTF-16" if wrong >= 0 else "GB18030"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        if wrong < 0:
            wrong, received = error.start, f"the bytes {content[error.start : error.start + 4]!r}"
    if wrong >= 0:
        line = first_line + content.count(b"\n", 0, wrong)
        raise ValueError(
            f"{path}, line {line}: expected UTF-8 text. Received {received}. Convert the file with "
            f"`iconv -f {encoding} -t UTF-8`, naming the encoding it has."
        )
    return text.removeprefix("\ufeff")


def _filled_lines(text: str) -> Iterator[tuple[int, str]]:
    lines = enumerate(text.split("\n"), start=1)
    return ((number, line) for number, line in lines if "\t" in line or line.strip())


def _tsv_rows(path: str | Path, text: str, columns: Sequence[int]) -> Iterator[tuple[str, str]]:
    for number, line in _filled_lines(text):
        cells = line.split("\t")
        if len(cells) <= max(1, *columns):
            raise ValueError(
                f"{path}, line {number}: expected source<TAB>target, received {line[:40]!r} with "
                f"{len(cells)} column(s). Separate columns by tabs, or name a .csv or .jsonl file."
            )
        yield cells[columns[0]], cells[columns[1]]


def _csv_rows(path: str | Path, text: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    rows = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        for row in rows:
            if row and len(row) != len(header):
                raise csv.Error(f"a row of {len(row)} columns under a header of {len(header)}")
            if row:
                record = dict(zip(header, row, strict=True))
                yield _fields(path, rows.line_num, record, names)
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {rows.line_num}: expected comma-separated values. Received: {error}. "
            'Put texts with commas, quotes or line breaks in double quotes, a quote itself as "".'
        ) from error


def _json_rows(path: str | Path, text: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for number, line in _filled_lines(text):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise ValueError(
                f"{path}, line {number}: expected one JSON object a line (JSON Lines). Received "
                f"{line[:40]!r}. Write each pair as an object on a line of its own."
            )
        yield _fields(path, number, record, names)


def _fields(path: str | Path, number: int, record: dict, names: Sequence[str]) -> tuple[str, str]:
    for name in names:
        if not isinstance(record.get(name), str):
            found = f"{record[name]!r} in it" if name in record else f"only {list(record)}"
            raise ValueError(
                f"{path}, line {number}: expected a text in the column {name!r}. Received {found}. "
                "Name the two columns of texts with `columns=(..., ...)` or --columns."
            )
    return record[names[0]], record[names[1]]


def _columns(path: str | Path, columns: Sequence | None, default: tuple) -> tuple:
    """Returns the checked `columns`, of the type that the format of the file takes."""
    if columns is None:
        return default
    numbers = default == (0, 1)
    if (
        not isinstance(columns, (list, tuple))
        or len(columns) != 2
        or not all(type(c) is int and c >= 0 if numbers else isinstance(c, str) for c in columns)
    ):
        raise ValueError(
            f"{path}: expected two column {'numbers' if numbers else 'names'} such as {default} in "
            f"this format. Received: columns={columns!r}. Rename the file if it has another format."
        )
    return tuple(columns)


_named = ("source", "target")
_formats = {".csv": (_csv_rows, _named)}
_formats |= dict.fromkeys((".jsonl", ".ndjson", ".json"), (_json_rows, _named))
