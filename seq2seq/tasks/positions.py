"""How far a model with learned positions can read and write."""


def positions_left(options, limit: str, used: int, wanted: int) -> int:
    """Returns how many positions there are for a text to write, at most as many as wanted.

    Args:
        options: The network's options.
        limit: See `check_positions`.
        used: Number of positions that are taken.
        wanted: Number of positions wanted.
    """
    if getattr(options, "positions", None) != "learned":
        return wanted
    return max(1, min(wanted, getattr(options, limit) - used))


def check_positions(options, limit: str, needed: int, what: str, cure: str = "Shorten it") -> None:
    """Raises a `ValueError` if a model would need more positions than it has learned.

    Args:
        options: The network's options.
        limit: Name of the option that tells how many there are.
        needed: Number of positions needed.
        what: What needs them, for the message.
        cure: What to do about it but to make another model. Defaults to `"Shorten it"`.
    """
    if getattr(options, "positions", None) != "learned":
        return
    learned = getattr(options, limit)
    if needed > learned:
        raise ValueError(
            f"Expected {what} of at most {learned} tokens in all, as many as the positions that "
            f"the model has learned. Received: {needed}. {cure}, or make the model with a higher "
            f"`{limit}`."
        )
