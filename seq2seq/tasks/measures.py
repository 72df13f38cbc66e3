"""Figures of texts, and of what a model thinks of them."""

import math
from collections.abc import Sequence

import numpy as np

from seq2seq.text.vocabulary import UNK


def perplexities(nats: float, tokens: int, characters: int) -> dict[str, float]:
    """Averages a sum of cross-entropies over tokens, and over characters.

    Args:
        nats: The sum.
        tokens: Number of tokens, including the end of each text.
        characters: Number of characters, the end of each text counting as one.

    Returns:
        Dict of `loss`, in nats per token, `perplexity` and `character_perplexity`.
    """
    return {
        "loss": nats / tokens,
        "perplexity": math.exp(nats / tokens),
        "character_perplexity": math.exp(nats / characters),
    }


def known_share(rows: Sequence[Sequence[int]]) -> float:
    """Returns the share of the tokens of encoded texts that are in the vocabulary."""
    ids = [i for row in rows for i in row]
    return 1 - ids.count(UNK) / len(ids) if ids else 1.0


def check_probabilities(probabilities: np.ndarray) -> None:
    """Raises a `ValueError` if some are no numbers."""
    if not np.isfinite(probabilities).all():
        raise ValueError(
            "Expected probabilities. Received some that are no numbers, as where weights are NaN. "
            "Train again with a lower learning rate."
        )
