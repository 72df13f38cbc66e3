"""What a server takes: how much at most, and with which key."""

from dataclasses import dataclass

KEY_VARIABLE = "SEQ2SEQ_API_KEY"  # of the environment, holds the key that clients must send
LOOPBACK = ("localhost", "127.0.0.1", "::1")  # the names of this machine for itself
PATIENCE = 10.0  # seconds in which the head of a request must have come, and then its body


@dataclass(frozen=True)
class Limits:
    """Limits of a server.

    Attributes:
        max_batch: Hypotheses decoded together, the width of a beam counted. Defaults to 64.
        max_queue: Texts that wait for their turn. Defaults to 1024.
        max_length: Tokens that one request may ask for. Defaults to 1000.
        max_input: Tokens of a text or a prompt. Defaults to 20,000.
        timeout: Seconds until an answer must be there. Defaults to 60.
        max_body: Bytes of a request. Defaults to a million.
    """

    max_batch: int = 64
    max_queue: int = 1024
    max_length: int = 1000
    max_input: int = 20_000
    timeout: float = 60.0
    max_body: int = 1_000_000


def check_key(key: str | None) -> None:
    """Raises a `ValueError` for a key that no client could send; `None` asks for none."""
    if key is not None and not (key and key.isascii() and key.isprintable() and key == key.strip()):
        raise ValueError(
            "Expected a key of ASCII characters, no white space around them. Received an empty or "
            f"another one. Is {KEY_VARIABLE} set to what is meant?"
        )
