"""Helpers to clean texts before a tokenizer gets them; nothing here happens by itself."""

from collections.abc import Iterable, Sequence

from seq2seq.text.word_lists import read_words

_LETTERS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}
_CHINESE_PUNCTUATION = set(map(ord, "！（），：；？～"))


def to_half_width(text: str, punctuation: bool = False) -> str:
    """Replaces full-width letters, digits and signs with half-width ones.

    Args:
        text: The text.
        punctuation: Whether Chinese punctuation marks are replaced too. Defaults to `False`.

    Returns:
        The text, of the same length.

    Example:

    >>> to_half_width("Ｇ２０峰会，２０１６年")
    'G20峰会，2016年'
    >>> to_half_width("好，真的？", punctuation=True)
    '好,真的?'
    """
    kept = () if punctuation else _CHINESE_PUNCTUATION
    return text.translate({code: new for code, new in _LETTERS.items() if code not in kept})


def remove_stop_words(tokens: Iterable[str], stop_words: str | Sequence[str]) -> list[str]:
    """Leaves stop words out of the tokens of a text.

    Args:
        tokens: What `tokenizer.tokenize(text)` returns.
        stop_words: A list of words, or the path of a UTF-8 file with one word per line.

    Returns:
        The other tokens, in order.

    Raises:
        ValueError: If the file cannot be read.

    Example:

    >>> remove_stop_words(["我", "的", "书", "在", "桌上"], ["的", "在"])
    ['我', '书', '桌上']
    """
    if isinstance(tokens, str):
        raise ValueError(
            f"Expected a list of tokens. Received one text: {tokens[:40]!r}. Call "
            "`tokenizer.tokenize(text)` first."
        )
    unwanted = set(read_words(stop_words))
    return [token for token in tokens if token not in unwanted]
