"""The key that clients of a server must send."""

KEY_VARIABLE = "SEQ2SEQ_API_KEY"  # of the environment, holds it


def check_key(key: str | None) -> None:
    """Checks that clients can send a key.

    Args:
        key: The key; `None` asks for none.

    Raises:
        ValueError: If no header can hold it.
    """
    fits = isinstance(key, str) and key.isascii() and key.isprintable()
    if key is not None and not (fits and key and key == key.strip()):
        raise ValueError(
            "Expected a key of ASCII characters, no white space around them. Received an empty or "
            f"another one. Give a key by `--api-key`, `api_key` or {KEY_VARIABLE}."
        )
