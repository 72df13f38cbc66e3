"""From a prompt and the ids that follow it to text."""

from collections.abc import Iterable, Iterator

from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS


def continue_text(tokenizer: Tokenizer, prompt: str, ids: Iterable[int]) -> Iterator[str]:
    """Yields a prompt, as it was given, and then what each id adds to it.

    Args:
        tokenizer: Tokenizer of both.
        prompt: The text so far; it may hold words that the tokenizer does not know.
        ids: The ids that follow, as they come; `EOS` ends them.

    Yields:
        Pieces of text, which joined are the whole.

    Example:

    >>> tokenizer = seq2seq.WordTokenizer().adapt(["the cat sat"])
    >>> list(continue_text(tokenizer, "the", tokenizer.encode("cat sat")))
    ['the', ' cat', ' sat']
    """
    yield prompt
    tokens = tokenizer.tokenize(prompt)
    text = tokenizer.detokenize(tokens)
    spaced = prompt != prompt.rstrip()  # the prompt has the space before its next word
    for i in ids:
        if i == EOS:
            return
        tokens += tokenizer.vocabulary.tokens([i])
        longer = tokenizer.detokenize(tokens)
        piece, text = longer[len(text) :], longer
        yield piece.lstrip() if spaced else piece
        spaced = spaced and not piece.strip()
