"""What a request passes before anything reads it: size, patience, host and key."""

import asyncio
import hmac
import logging
import time

from seq2seq.serving.errors import ApiError, as_api_error, server_error
from seq2seq.serving.limits import LOOPBACK, PATIENCE

LOGGER = logging.getLogger(__name__)
OPEN = ("/", "/health", "/ready")  # what needs no key, and what begins with these:
OPEN_BELOW = ("/page/", "/docs", "/openapi.json")
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
POLICY = "default-src 'self'; frame-ancestors 'none'"
# The page of the documentation, Swagger's, has scripts and styles in its HTML.
DOCS_POLICY = (
    f"{POLICY}; img-src 'self' data:; "
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
)


class Guards:
    """The outermost layer of the application but for CORS, in ASGI.

    Args:
        application: The application behind it.
        limits: The `Limits`.
        api_key: The key that clients must send, or `None` for none.
        any_host: Whether the header `Host` may name any machine. Without a key it must name this
            one, or else a page of another site could reach a server on this machine under a name
            of its own ("DNS rebinding").
        metrics: The `Metrics`.
    """

    def __init__(self, application, limits, api_key, any_host, metrics):
        self.application = application
        self.limits = limits
        self.api_key = api_key
        self.any_host = any_host
        self.metrics = metrics

    async def __call__(self, scope, receive, send):
        """Serves one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # there are none
            return
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        start, status = time.perf_counter(), 0
        path = scope["path"].removeprefix(scope.get("root_path", ""))

        async def send_watched(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                policy = DOCS_POLICY if path == "/docs" else POLICY
                policy = (b"content-security-policy", policy.encode())
                message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS, policy]
            async with asyncio.timeout(self.limits.timeout):
                await send(message)

        try:
            self._check(scope, path)
            body = await self._read(scope, receive)
            await self.application(scope, _replay(body, receive), send_watched)
        except ApiError as error:
            await _refuse(error, scope, send_watched)
        except Exception as error:  # further out its message would be logged
            if not status:
                await _refuse(as_api_error(error), scope, send_watched)
            elif isinstance(error, TimeoutError):
                LOGGER.warning("A client did not take its answer.")
            else:
                server_error(error)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.requests.labels(route, status).inc()
            self.metrics.latency.labels(route).observe(time.perf_counter() - start)

    def _check(self, scope, path):
        headers = dict(scope["headers"])
        names = [name for name, _ in scope["headers"]]
        for name in (b"host", b"authorization", b"content-length"):
            if names.count(name) > 1:
                raise ApiError(400, f"Expected one header {name.decode().title()}. Received more.")
        if not self.any_host and _host(headers) not in LOOPBACK:
            raise ApiError(400, "Expected the header Host to name this machine, as localhost does.")
        if not self._has_key(headers, path):
            raise ApiError(
                401,
                "Expected the header `Authorization: Bearer KEY` with the key of this server.",
                code="invalid_api_key",
            )
        size = headers.get(b"content-length", b"0")
        if not size.isdigit() or len(size) > 18 or int(size) > self.limits.max_body:
            raise self._too_large()

    def _has_key(self, headers, path):
        if self.api_key is None or path in OPEN or path.startswith(OPEN_BELOW):
            return True
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        same = hmac.compare_digest(given.strip(), self.api_key.encode())
        return same and scheme.lower() == b"bearer"

    async def _read(self, scope, receive):
        """Returns the body, unless it is too large or too slow."""
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return b""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._read_all(receive)
        except TimeoutError:
            raise ApiError(408, "The request did not come in time.") from None

    async def _read_all(self, receive):
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return b""
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.limits.max_body:
                raise self._too_large()
            if not message.get("more_body"):
                return b"".join(parts)

    def _too_large(self):
        return ApiError(413, f"Expected a request of at most {self.limits.max_body:,} bytes.")


def _host(headers):
    """Returns the host that a request names, without its port."""
    host = headers.get(b"host", b"").decode("latin-1")
    return (host[1:].partition("]") if host.startswith("[") else host.partition(":"))[0].lower()


def _replay(body, receive):
    """Returns a `receive` that gives the body first."""
    sent = False

    async def replay():
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(error, scope, send):
    async def receive():
        return {"type": "http.disconnect"}

    response = error.response()
    response.headers["connection"] = "close"  # the rest of the body is not read
    await response(scope, receive, send)
