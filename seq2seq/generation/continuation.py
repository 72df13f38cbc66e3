"""Turns a prompt and the ids that follow it into text."""

import itertools
from collections.abc import Iterable, Iterator

from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import EOS


def check_stream(inputs, sampler, return_details: bool) -> None:
    """Raises a `ValueError` for what cannot be generated token by token."""
    replaced = sampler.constraints.replace_unknown
    if not inputs.single or sampler.width > 1 or return_details or replaced:
        raise ValueError(
            "Expected one text, a sampler with one hypothesis, no return_details and no "
            f"replace_unknown with stream=True. Received: {'one' if inputs.single else 'a list'}, "
            f"{sampler!r} and return_details={return_details}. Call it once for each text."
        )


def prompt_tokens(tokenizer: Tokenizer, prompt: str) -> list[str]:
    """Returns the tokens of a prompt, a trailing space among them if spaces are tokens."""
    tokens = tokenizer.tokenize(prompt)
    if tokens and prompt[-1].isspace() and " " in tokenizer.vocabulary:
        tokens.append(" ")
    return tokens


def continue_text(tokenizer: Tokenizer, prompt: str, ids: Iterable[int]) -> Iterator[str]:
    """Yields a prompt, as it was given, and then what each id adds to it.

    Args:
        tokenizer: Tokenizer of both.
        prompt: The text so far; it may contain words that the tokenizer does not know.
        ids: The ids that follow, as they come; `EOS` ends them.

    Yields:
        Pieces that join to the whole text.

    Example:

    >>> tokenizer = seq2seq.WordTokenizer().adapt(["the cat sat"])
    >>> list(continue_text(tokenizer, "the", tokenizer.encode("cat sat")))
    ['the', ' cat', ' sat']
    """
    tokens = prompt_tokens(tokenizer, prompt)
    # The prompt may end with the space before the next word, which no token of its own holds.
    spaced = prompt[-1:].isspace() and not tokenizer.detokenize(tokens)[-1:].isspace()
    ids = itertools.takewhile(lambda i: i != EOS, ids)
    generated = (token for i in ids for token in tokenizer.vocabulary.tokens([i]))
    pieces = tokenizer.detokenize_each(itertools.chain(tokens, generated))
    for _ in itertools.islice(pieces, len(tokens)):  # before the first id is there: it takes time
        pass
    yield prompt
    for piece in pieces:
        yield piece.lstrip() if spaced else piece
        spaced = spaced and not piece.strip()
