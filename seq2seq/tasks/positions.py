"""How far a model with learned positions can read and write."""


def check_positions(options, limit: str, needed: int, what: str) -> None:
    """Raises a `ValueError` if a model would need more positions than it has learned.

    Args:
        options: The network's options.
        limit: Name of the option that tells how many there are.
        needed: Number of positions needed.
        what: What needs them, for the message.
    """
    if getattr(options, "positions", None) != "learned":
        return
    learned = getattr(options, limit)
    if needed > learned:
        raise ValueError(
            f"Expected {what} of at most {learned} tokens in all, as many as the positions that "
            f"the model has learned. Received: {needed}. Shorten it, or make the model with a "
            f"higher `{limit}`."
        )
