"""Checks of arguments that many functions share."""

import operator


def check_whole(name: str, value, minimum: int = 1) -> None:
    """Raises a `ValueError` unless an argument is a whole number of at least `minimum`."""
    try:
        fits = operator.index(value) >= minimum and not isinstance(value, bool)
    except TypeError:
        fits = False
    if not fits:
        raise ValueError(
            f"Expected `{name}` to be a whole number of at least {minimum}. "
            f"Received: {name}={value!r}."
        )
