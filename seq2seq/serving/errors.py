"""What is answered to a request that cannot be served, in OpenAI's form."""

import contextlib
import logging
import traceback

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

LOGGER = logging.getLogger(__name__)
KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
RETRY = {429: "1", 503: "5"}  # seconds, as a header


class ApiError(Exception):
    """An error that a client is told.

    Args:
        status: HTTP status.
        message: What was expected, what came and what to do.
        param: Name of the parameter, or `None`.
        code: OpenAI's word for it, or `None`.
    """

    def __init__(self, status: int, message: str, param: str | None = None, code=None):
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    def body(self) -> dict:
        """Returns the error as a JSON object."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        kind = KINDS.get(self.status, kind)
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": error}

    def response(self) -> JSONResponse:
        """Returns the error as a response."""
        headers = {"Retry-After": RETRY[self.status]} if self.status in RETRY else None
        return JSONResponse(self.body(), self.status, headers)


def unsupported(name: str, message: str) -> ApiError:
    """Returns the error for a parameter that cannot be honoured."""
    return ApiError(400, f"`{name}` is not supported: {message}", name, "unsupported_parameter")


def as_api_error(error: Exception) -> ApiError:
    """Returns what a client is told of an exception."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ValueError):
        return ApiError(400, str(error))
    return server_error(error)


def server_error(error: Exception) -> ApiError:
    """Returns what a client is told of an exception that is the server's fault, and logs it.

    The message of the exception is not logged: it may quote the text of a user.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = ", ".join(f"{frame.filename}:{frame.lineno}" for frame in frames[-5:])
    LOGGER.error("A request failed: %s at %s", type(error).__name__, places)
    return ApiError(500, f"The server could not answer: {type(error).__name__}.")


@contextlib.contextmanager
def after_checks():
    """Has a `ValueError` count as the server's fault: what the client sent has been checked."""
    try:
        yield
    except ValueError as error:
        raise server_error(error) from error


def about_to_end() -> ApiError:
    """Returns the error for what comes, or still waits, when the server ends."""
    return ApiError(503, "The server is about to end. Try again elsewhere.")


def queue_is_full() -> ApiError:
    """Returns the error for what finds no room to wait."""
    return ApiError(429, "The queue is full. Try again in a moment.", code="rate_limit_exceeded")


def too_late(seconds: float) -> ApiError:
    """Returns the error for what took too long."""
    return ApiError(504, f"No answer within {seconds:g} seconds.", code="timeout")


def add_handlers(application) -> None:
    """Makes an application answer all errors in OpenAI's form."""

    def tell(request: Request, error: Exception):
        return as_api_error(error).response()

    def tell_http(request: Request, error: HTTPException):
        response = ApiError(error.status_code, str(error.detail)).response()
        response.headers.update(error.headers or {})
        return response

    application.add_exception_handler(ApiError, tell)
    application.add_exception_handler(ValueError, tell)
    application.add_exception_handler(HTTPException, tell_http)
