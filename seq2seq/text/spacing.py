"""Spaces as exceptions: how pieces of text are joined back exactly.

Most spaces follow from the pieces around them: "Hi" "," "you" is written "Hi, you". Only where a
text departs from that rule does a token carry a mark, `SPACE` or `GLUE`, so that words keep one
form in the vocabulary and every text can be joined back. The idea of annotating joiners is from
OpenNMT (Klein et al. 2017, https://aclanthology.org/P17-4012).
"""

import functools
import re
from collections.abc import Iterable, Iterator

SPACE, GLUE = "▁", "￭"

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
KANA = r"\u3040-\u30ff\u31f0-\u31ff"
FULL_WIDTH_PUNCTUATION = (
    r"\u3000-\u303f\ufe30-\ufe4f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
SYMBOL = (
    r"!-/:-@\[-^`{-~\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb-\u00bf\u00d7\u00f7"
    r"\u2010-\u205e\u20a0-\u20cf\u2100-\u2bff\U0001f000-\U0001faff" + FULL_WIDTH_PUNCTUATION
)

_han = re.compile(f"[{HAN}]")
_kana = re.compile(f"[{KANA}]")
_solid = re.compile(f"[{HAN}{KANA}{FULL_WIDTH_PUNCTUATION}]")  # written without spaces
_symbol = re.compile(f"[{SYMBOL}]")
_closing = re.compile(r"[.,!?;:%)\]}…»”]|['’]\w")  # no space before
_opening = re.compile(r"[(\[{«“¿¡#@$£€]$|\w['’]$")  # no space after


@functools.lru_cache(2**16)
def is_joined(left: str, right: str) -> bool:
    """Tells whether two neighbouring pieces are usually written without a space between them."""
    return bool(
        _solid.match(left[-1])
        or _solid.match(right[0])
        or _closing.match(right)
        or _opening.search(left)
    )


def mark_spaces(pieces: Iterable[tuple[str, bool]]) -> list[str]:
    """Turns pieces of text into tokens that mark unusual spacing.

    Args:
        pieces: Iterable of `(piece, spaced)`; `spaced` is true if white space precedes the piece.

    Returns:
        The tokens. A mark is a prefix or suffix of a symbol, and a token of its own between words.
    """
    tokens, left = [], None
    for piece, spaced in pieces:
        token = piece
        if left is not None and spaced == is_joined(left, piece):
            mark = SPACE if spaced else GLUE
            if _symbol.match(piece):
                token = mark + piece
            elif _symbol.match(left):
                tokens[-1] += mark
            else:
                tokens.append(mark)
        tokens.append(token)
        left = piece
    return tokens


def join_each(tokens: Iterable[str]) -> Iterator[str]:
    """Yields what each token adds to the text: together the inverse of `mark_spaces`."""
    left = mark = None
    for token in tokens:
        piece = token.strip(SPACE + GLUE)
        if not piece:
            mark = token[-1:] or mark
            yield ""
            continue
        if token[0] != piece[0]:
            mark = token[0]
        joined = left is None or (mark == GLUE if mark else is_joined(left, piece))
        yield piece if joined else f" {piece}"
        left, mark = piece, None if token[-1] == piece[-1] else token[-1]


def is_chinese(texts: Iterable[str]) -> bool:
    """Tells whether most letters are Han characters, in texts that are not Japanese."""
    han = kana = letters = 0
    for text in texts:
        han += len(_han.findall(text))
        kana += len(_kana.findall(text))
        letters += sum(map(str.isalpha, text))
    return 2 * han > letters and 20 * kana < han  # の occurs in Chinese too
