"""What a server takes at most."""

from dataclasses import dataclass, fields

from seq2seq.checks import check_number, check_whole

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

    Raises:
        ValueError: If one is no such number.
    """

    max_batch: int = 64
    max_queue: int = 1024
    max_length: int = 1000
    max_input: int = 20_000
    timeout: float = 60.0
    max_body: int = 1_000_000

    def __post_init__(self):
        check_number("timeout", self.timeout, "(0, 86400]", "It is in seconds.")
        for field in fields(self):
            if field.type is int:
                check_whole(field.name, getattr(self, field.name))
