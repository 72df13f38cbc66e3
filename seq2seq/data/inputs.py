"""User input: one text or many, or rows of ids, and how it becomes rows of ids."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seq2seq.text.columns import as_list, begins_with_text, check_each, column_names, cure, show
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS, PAD


@dataclass(frozen=True)
class Inputs:
    """The input of a method such as `generate`.

    Attributes:
        items: The texts, or the rows of ids; a row of an array may end with padding.
        are_texts: Whether they are texts.
        single: Whether there was only one, not in a list.
    """

    items: list
    are_texts: bool
    single: bool

    def unwrap(self, results: list):
        """Returns results in the form of the inputs: a list, or the only one of them."""
        return results[0] if self.single else results


def read_inputs(inputs) -> Inputs:
    """Tells one from many, and texts from ids.

    Args:
        inputs: A text; a column of texts (see `read_column`), or an iterator over texts; a row of
            ids, or a list or array of rows.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(inputs, str):
        return Inputs([inputs], are_texts=True, single=True)
    inputs = as_list(inputs)
    if hasattr(inputs, "shape") and column_names(inputs) is None and np.ndim(inputs):
        inputs = list(np.asarray(inputs))
    nested = isinstance(inputs, (list, tuple)) and len(inputs) and begins_with_text(inputs[0])
    if not isinstance(inputs, (list, tuple)) or (nested and not isinstance(inputs[0], str)):
        raise ValueError(
            "Expected a text, a list of texts, or rows of ids. "
            f"Received: {show(inputs)} of type {type(inputs).__name__}. {cure(inputs)}".rstrip()
        )
    if is_texts(inputs):
        return Inputs(list(inputs), are_texts=True, single=False)
    if np.ndim(inputs[0]) == 0:
        return Inputs([inputs], are_texts=False, single=True)
    return Inputs(list(inputs), are_texts=False, single=False)


def is_texts(x) -> bool:
    """Tells whether an argument is a text or a list of texts; for others see `read_column`."""
    if isinstance(x, str):
        return True
    # One text is enough: anything else in the list is reported when it is read.
    return isinstance(x, (list, tuple)) and (not x or any(isinstance(text, str) for text in x))


def is_documents(x) -> bool:
    """Tells whether an argument is a list of documents, each a list of sentences."""
    kinds = (list, tuple)
    return (
        isinstance(x, list)
        and len(x) > 0
        and all(isinstance(item, kinds) and begins_with_text(item) for item in x)
    )


def is_rows(x) -> bool:
    """Tells whether an argument is a list of rows of ids, not padded to an array."""
    kinds = (list, tuple, np.ndarray)
    return (
        isinstance(x, (list, tuple))
        and len(x) > 0
        and all(isinstance(row, kinds) and len(row) > 0 for row in x)
        and all(isinstance(row[0], (int, np.integer)) for row in x)
    )


def is_arrays(x) -> bool:
    """Tells whether an argument is an array, or a list or dict of arrays, as Keras takes them."""
    arrays = x.values() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else [x]
    # A Hugging Face dataset has a shape too.
    return all(hasattr(array, "shape") and not hasattr(array, "column_names") for array in arrays)


def check_texts(texts) -> None:
    """Raises a `ValueError` unless there is a list that is not empty, and no text is missing."""
    odd = isinstance(texts, (str, bytes, set, dict)) or column_names(texts) is not None
    if odd or not hasattr(texts, "__len__") or not len(texts):
        raise ValueError(
            f"Expected a list of at least one text. Received: {show(texts)}. {cure(texts)}".rstrip()
        )
    if is_texts(texts):
        check_each(texts)


def make_rows(
    texts: Sequence, tokenizer: Tokenizer | None, vocabulary_size: int
) -> list[list[int]]:
    """Returns rows of ids ending with `EOS` for texts, or checked rows of ids.

    Args:
        texts: List of texts, or of rows of ids.
        tokenizer: An adapted tokenizer, or `None` for a model of ids.
        vocabulary_size: Number of ids, the special ones included.

    Raises:
        ValueError: If these are neither texts nor rows of ids, or texts have no tokenizer.
    """
    texts = as_list(texts)
    check_texts(texts)
    if not is_texts(texts):
        return check_rows("", texts, vocabulary_size)
    check_tokenizer(tokenizer, "texts")
    return [[*row, EOS] for row in tokenizer.encode_all(texts)]


def check_tokenizer(tokenizer: Tokenizer | None, received: str) -> None:
    """Raises a `ValueError` if there is no tokenizer for the texts received."""
    if tokenizer is None:
        raise ValueError(
            f"Expected ids, because the model was made with a vocabulary size. Received {received}."
        )


def encode_side(
    side: str, texts: Sequence[str], tokenizer: Tokenizer, max_length: int
) -> list[list[int]]:
    """Encodes texts to rows of ids that end with `EOS`; warns of texts that had to be cut.

    A target that was cut has no `EOS`: the model must not learn to end there.

    Args:
        side: `"source"` or `"target"`, for the warning.
        texts: Sequence of str.
        tokenizer: An adapted tokenizer.
        max_length: Maximum row length, `EOS` included.

    Returns:
        A list of lists of int.
    """
    check_each(texts)
    rows = tokenizer.encode_all(texts)
    cut = sum(len(row) >= max_length for row in rows)
    if cut:
        warnings.warn(
            f"{cut} of {len(rows)} {side} texts were cut to {max_length - 1} tokens. A larger "
            f"`max_{side}_length` of the model keeps them whole.",
            stacklevel=2,
        )
    return [
        row[: max_length - 1]
        if side == "target" and len(row) >= max_length
        else [*row[: max_length - 1], EOS]
        for row in rows
    ]


def check_rows(side: str, rows: Sequence, vocabulary_size: int) -> list[list[int]]:
    """Returns rows of ids as lists without padding.

    Args:
        side: Which rows they are, for the message: `"source"`, or `""` where there is one kind.
        rows: Sequence of sequences of int.
        vocabulary_size: Number of ids, the special ones included.

    Raises:
        ValueError: If a row is empty or has ids outside the vocabulary.
    """
    side, checked = f"{side} ".lstrip(), []
    for row in rows:
        try:
            row = np.asarray(row)
        except ValueError:  # rows and numbers in one
            row = np.asarray(row, dtype="object")
        if row.dtype.kind == "f" and (row % 1 == 0).all():  # as Keras takes them
            row = row.astype("int64")
        if row.ndim != 1 or row.dtype.kind not in "iu":
            raise ValueError(
                f"Expected {side}texts, or rows of ids (whole numbers), in a list. Received: "
                f"{row.tolist()!r:.60}."
            )
        row = np.trim_zeros(row, "b")
        if not row.size or row.min() <= PAD or row.max() >= vocabulary_size:
            raise ValueError(
                f"Expected rows of {side}ids from 1 to {vocabulary_size - 1}. Received: "
                f"{row[:20].tolist()}. Was another vocabulary used to make them?"
            )
        checked.append(row.tolist())
    return checked


def check_ids(name: str, ids, vocabulary_size: int) -> None:
    """Raises a `ValueError` unless this is a padded array of ids of the vocabulary.

    Args:
        name: Name of the array in the message.
        ids: int array `(batch, length)`, padded on the right with 0.
        vocabulary_size: Number of ids, the special ones included.
    """
    ids = np.asarray(ids)
    if ids.ndim != 2 or not ids.size:
        raise ValueError(
            f"Expected {name} of shape (batch, length). Received an array of shape {ids.shape}. "
            "Pad the rows to one length with 0."
        )
    if ids.dtype.kind not in "iuf" or (ids.dtype.kind == "f" and (ids % 1 != 0).any()):
        raise ValueError(
            f"Expected {name} of whole numbers. Received: {ids[:2].tolist()!r:.60}. Pass the ids "
            "of tokens; this model reads no other numbers."
        )
    if ids.min() < 0 or ids.max() >= vocabulary_size:
        raise ValueError(
            f"Expected {name} from 0 to {vocabulary_size - 1}, the model's vocabulary. Received "
            f"ids from {ids.min()} to {ids.max()}. Were they made with another vocabulary?"
        )
    if not ids[:, 0].all():
        raise ValueError(
            f"Expected every row of {name} to begin with a token. Row {int(np.argmin(ids[:, 0]))} "
            f"begins with padding (0). Pad on the right, and end every source row with EOS ({EOS})."
        )


def check_dataset(data) -> None:
    """Raises a `ValueError` for a `tf.data.Dataset` of inputs that are no whole numbers."""
    spec = getattr(data, "element_spec", None)
    for leaf in _leaves(spec[0] if isinstance(spec, tuple) else spec):
        if getattr(getattr(leaf, "dtype", None), "is_floating", False):
            raise ValueError(
                f"Expected a dataset of ids, which are whole numbers. Received: {leaf.dtype.name}. "
                "Cast them to int32."
            )


def _leaves(nested):
    """Yields what a nest of dicts and tuples holds."""
    if isinstance(nested, dict):
        nested = tuple(nested.values())
    if isinstance(nested, tuple):
        for part in nested:
            yield from _leaves(part)
    else:
        yield nested
