"""Which tokens make up a word, to mask words as a whole."""

import itertools
from collections.abc import Sequence

from seq2seq.text.segmentation import segment_all


def number_words(rows: Sequence[Sequence[str]]) -> list[list[int]]:
    """Numbers the words that tokens belong to (Cui et al. 2021, section 3.1).

    https://arxiv.org/abs/1906.08101. Tokens of one character are joined to the words that jieba
    finds in each run of them; a token that begins with `##` belongs to the word before it. Every
    other token is a word of its own.

    Args:
        rows: The tokens of each text.

    Returns:
        A list of int for each text, from 0, in the order of the tokens.

    Example:

    >>> number_words([["我", "喜", "欢", "北", "京"], ["play", "##ing", "now"]])
    [[0, 1, 1, 2, 2], [0, 0, 1]]
    """
    runs = [
        [
            (single, list(run))
            for single, run in itertools.groupby(row, lambda token: len(token) == 1)
        ]
        for row in rows
    ]
    texts = sorted({"".join(run) for row in runs for single, run in row if single})
    words = dict(zip(texts, segment_all(texts), strict=True))
    numbered = []
    for row in runs:
        numbers, count = [], 0
        for single, run in row:
            for part in words["".join(run)] if single else run:
                count += not (part.startswith("##") and numbers)
                numbers += [count - 1] * (len(part) if single else 1)
        numbered.append(numbers)
    return numbered
