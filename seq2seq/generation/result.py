"""What a generation gives back."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Generation:
    """One generated text.

    Attributes:
        text: The text, or `None` where the model has no target tokenizer.
        tokens: The tokens, `EOS` left out, or `None` likewise.
        ids: The ids, `EOS` included unless the text was cut off.
        score: Sum of the log probabilities of the ids.
    """

    text: str | None
    tokens: list[str] | None
    ids: list[int]
    score: float
