"""Reads the body of a request: bytes -> what pydantic makes of them."""

import inspect
from codecs import BOM_UTF8

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import ValidationError

from seq2seq.serving.errors import ApiError


class BodyRoute(APIRoute):
    """A route whose function takes a body and the request, and returns a response.

    pydantic reads the body from its bytes. FastAPI would make Python's objects of them, and look
    for dependencies, of which there are none: an eighth of what a short request costs. Routes
    without a body are FastAPI's own.
    """

    def get_route_handler(self):
        """Returns what answers a request."""
        parameter = inspect.signature(self.endpoint).parameters.get("body")
        if parameter is None:
            return super().get_route_handler()
        endpoint, read = self.endpoint, parameter.annotation.model_validate_json

        async def handle(request: Request) -> Response:
            if not _is_json(request.headers.get("content-type", "")):
                raise ApiError(
                    400, "Expected JSON, with the header `Content-Type: application/json`."
                )
            content = (await request.body()).removeprefix(BOM_UTF8)  # which Windows may write
            try:
                body = read(content)
            except ValidationError as error:
                raise _refusal(error) from None
            return await endpoint(body, request)

        return handle


def _is_json(content_type):
    """Tells whether a header says JSON; a page of another site may not send what does."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("application/") and kind.endswith(("/json", "+json"))


def _refusal(error):
    """Returns the error for a body that is not what it should be."""
    # Of the kinds that something may have, that is told which it resembles most.
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    first = max(errors, key=lambda each: len(each["loc"]))
    if first["type"] == "json_invalid":
        reason = first["msg"].removeprefix("Invalid JSON: ")
        return ApiError(
            400,
            "Expected JSON in UTF-8, of few levels, without lone surrogates. It cannot be read: "
            f"{reason}.",
        )
    name = ".".join(str(part) for part in first["loc"] if not _is_kind(part))
    message = f"Expected a request as the documentation at /docs tells. {first['msg']}"
    return ApiError(400, f"{message}: {name}." if name else f"{message}.", name or None)


def _is_kind(part):
    """Tells whether a part of a place is pydantic's word for a type, no name or number."""
    return part in ("str", "int") or "[" in str(part)
