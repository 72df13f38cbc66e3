"""Corpora: pairs of texts read from files.

Every file is UTF-8, plain or gzipped, and only a line feed separates lines, not U+2028 or U+0085.
"""

import codecs
import contextlib
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from seq2seq.data.formats import Columns, read_rows

Pairs = tuple[list[str], list[str]]

_control = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_surrogate = re.compile(r"[\ud800-\udfff]")  # JSON can escape half a character, UTF-8 cannot


def read_pairs(
    path: str | Path,
    target_path: str | Path | None = None,
    columns: Columns | None = None,
) -> Pairs:
    """Reads pairs of texts from one file of pairs, or from two line-aligned files.

    The name of a file of pairs tells its format; a final `.gz` means gzipped:

    - `.csv`: comma-separated. The first row is a header, also if columns are chosen by number, as
      in pandas; texts in double quotes may hold commas, quotes and line breaks.
    - `.jsonl`, `.ndjson`, `.json`: one JSON object per line, or one array of objects or of arrays.
      Of an object whose `"translation"` is an object, as Hugging Face writes them, that one counts.
    - Any other: two or more columns separated by tabs, a pair per line. The first line is a header
      only if columns are chosen by name. A quote is a character like others: quotes stay in the
      text, and do not join cells or lines.

    Control characters become spaces, white space around a text is dropped, and blank lines are
    skipped, except in line-aligned files, where they become `""`. A text may have any length.

    Args:
        path: File of pairs, or of the sources if `target_path` is given.
        target_path: File of the targets, line by line. Defaults to `None`.
        columns: The columns of a pair: two names, or two numbers counted from 0; objects take
            names and arrays numbers. Defaults to `None`: `("source", "target")` where there are
            names, the two languages of a first `"translation"` that has two, else `(0, 1)`.

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
        sources, targets = [], []
        for source, target in read_rows(path, _decoded_lines(path), columns):
            sources.append(clean_text(source))
            targets.append(clean_text(target))
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
    return [clean_text(line) for line in _decoded_lines(path)]


def read_pair_files(paths: Sequence[str | Path], columns: Sequence | None = None) -> Pairs:
    """Reads pairs from one file of pairs, or from two line-aligned files.

    Args:
        paths: One path or two.
        columns: As in `read_pairs`; numbers may be strings of digits, as on a command line.

    Raises:
        ValueError: If there are more than two files, or as `read_pairs`.
    """
    check_pair_files(paths)
    if columns and all(isinstance(column, str) and column.isdigit() for column in columns):
        columns = tuple(map(int, columns))
    return read_pairs(*paths, columns=columns)


def check_pair_files(paths: Sequence[str | Path]) -> None:
    """Raises a `ValueError` for more files than hold pairs."""
    if len(paths) > 2:
        received = " ".join(map(str, paths))
        raise ValueError(f"Expected one file of pairs, or two files. Received: {received}.")


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
    return [clean_text(line) for line in text.removesuffix("\n").split("\n")] if text else []


def check_pairs(sources: Sequence[str], targets: Sequence[str], where: str = "") -> None:
    """Raises a `ValueError` unless these are two lists of the same length, not empty."""
    for name, side in (("sources", sources), ("targets", targets)):
        if isinstance(side, str):
            raise ValueError(
                f"Expected a list for `{name}`. Received one text: {side[:40]!r}. Put it in a list."
            )
    if len(sources) != len(targets):
        cure = "Check that text n of one side belongs to text n of the other."
        if not len(targets):
            cure = "Pass the targets too, or pairs."
        raise ValueError(
            f"{where}Expected as many targets as sources. Received {len(sources)} sources and "
            f"{len(targets)} targets. {cure}"
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


def clean_text(text: str) -> str:
    """Returns a text without control characters, half characters and outer white space."""
    if not text.isprintable():  # the expressions take longer
        text = _surrogate.sub("\ufffd", _control.sub(" ", text))
    return text.strip()


def check_readable(paths: Iterable[str | Path]) -> None:
    """Raises a `ValueError` unless these files can be opened; to call before long work."""
    for path in paths:
        if not Path(path).expanduser().is_fifo():  # what is opened twice loses what it holds
            with _open(path):
                pass


@contextlib.contextmanager
def _open(path: str | Path) -> Iterator[BinaryIO]:
    """Opens a file, plain or gzipped; what goes wrong with it then is told as a `ValueError`."""
    file = Path(path).expanduser()
    opener = gzip.open if file.name.lower().endswith(".gz") else open
    try:
        with opener(file, "rb") as content:
            yield content
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path}: expected a file that can be read. Received: {error}. Check the path (from "
            f"{Path.cwd()}) and that the file is complete."
        ) from error


def _decoded_lines(path: str | Path) -> Iterator[str]:
    """Yields the lines of a file, each with its line feed."""
    with _open(path) as content:
        for number, line in enumerate(content, start=1):
            if text := decode_utf8(line, path, number):  # empty: a byte order mark and no more
                yield text


def decode_utf8(content: bytes, path: str | Path, first_line: int = 1) -> str:
    """Decodes lines of a file, without a byte order mark; `path` names it in errors."""
    wrong, received = content.find(b"\0"), "a NUL byte: it is binary or UTF-16"
    if wrong < 0:
        try:
            return content.decode("utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            wrong, received = error.start, f"the bytes {content[error.start : error.start + 4]!r}"
    utf16 = b"\0" in content or content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    line = first_line + content.count(b"\n", 0, wrong)
    raise ValueError(
        f"{path}, line {line}: expected UTF-8 text. Received {received}. Convert the file with "
        f"`iconv -f {'UTF-16' if utf16 else 'GB18030'} -t UTF-8`, naming the encoding it has."
    )
