"""A connection, as uvicorn's, whose client must say what it wants in time and in few words."""

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from seq2seq.serving.errors import ApiError
from seq2seq.serving.limits import PATIENCE, Limits

MAX_HEAD = 2**16  # bytes of a head
MAX_BYTES = 2 * Limits.max_body  # of a body, the usual limit, with all around its chunks


class Connection(AutoHTTPProtocol):
    """Ends connections that are idle from the start, or whose requests have no end.

    uvicorn waits for the first request without an end, and its parser in C takes headers, trailers
    and heads of chunks of any size.
    """

    _timer = None
    _bytes = 0  # since the last head or body was complete

    def connection_made(self, transport) -> None:
        """Begins to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc) -> None:
        """Waits no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes bytes, unless they are too many."""
        before = self.cycle
        # A request that was answered has no body any more, whatever its head has promised.
        in_body = before is not None and before.more_body and not before.response_complete
        super().data_received(data)
        self._bytes += len(data)
        if self.cycle is not before or (in_body and not before.more_body):
            self._bytes = 0
        if self.cycle is not before or in_body:
            self._stop_waiting()
        else:
            self._wait()
        if self._bytes > (MAX_BYTES if in_body else MAX_HEAD):
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP, in the form of all errors."""
        body = ApiError(400, f"Expected a request of HTTP/1.1. {msg}").response().body
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _wait(self):
        if self._timer is None:
            self._timer = self.loop.call_later(PATIENCE, self.transport.abort)

    def _stop_waiting(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
