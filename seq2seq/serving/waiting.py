"""Finds the model that a request names, and waits for its answer as long as the client does."""

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from seq2seq.serving.errors import ApiError, about_to_end, as_api_error, too_late
from seq2seq.serving.served_model import ServedModel
from seq2seq.serving.side_work import compute

JSON = "application/json"
_as_text = json.JSONEncoder(ensure_ascii=False).encode


def as_response(answer: dict) -> Response:
    """Returns a small answer as a response in JSON."""
    return Response(_dump(answer), media_type=JSON)


def find_model(request: Request, name: str) -> ServedModel:
    """Returns the model of a name.

    Raises:
        ApiError: If there is none.
    """
    models = request.app.state.models
    if name not in models:
        known = ", ".join(models)
        raise ApiError(
            404, f"Expected one of {known}. Received: {name:.100}.", "model", "model_not_found"
        )
    if request.app.state.closing:
        raise about_to_end()
    return models[name]


async def answer(request: Request, work) -> Response:
    """Returns a response in JSON; a client that goes away ends the work for it.

    Args:
        request: The request.
        work: A coroutine that returns a tuple: about how many numbers or characters the answer is
            of, and a function that makes it, a dict.

    Raises:
        ApiError: If the answer is late, however many steps it took.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_wait_until_gone(request))
    seconds = request.app.state.timeout
    try:
        await asyncio.wait({task, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            if not gone.done():
                raise too_late(seconds)
            return Response(status_code=499)  # nobody reads it
        size, make = task.result()
        content = await compute(size, lambda: _dump(make()))
        return Response(content, media_type=JSON)
    finally:
        for each in (task, gone):
            each.cancel()


async def stream(events: AsyncIterator[dict | None]) -> Response:
    """Streams events; what fails before the first one, which is `None`, is an answer of its own."""
    await anext(events)
    return StreamingResponse(_lines(events), media_type="text/event-stream")


async def _lines(events):
    try:
        async for event in events:
            yield _line(event)
    except Exception as error:  # too late for a status
        yield _line(as_api_error(error).body())
    yield "data: [DONE]\n\n"


def _line(event):
    return b"data: %b\n\n" % _encode(event)


def _encode(value) -> bytes:
    """Returns JSON in UTF-8, of a lone surrogate, which has none, the escape."""
    return _as_text(value).encode("utf-8", "backslashreplace")


def _dump(answer):
    """Returns JSON, of lists item by item, so that other threads have their turn between them."""
    parts = []
    for name, value in answer.items():
        items = _encode(value)
        if isinstance(value, list):
            items = b"[%b]" % b", ".join(map(_encode, value))
        parts.append(b"%b: %b" % (_encode(name), items))
    return b"{%b}" % b", ".join(parts)


async def _wait_until_gone(request):
    while (await request.receive())["type"] != "http.disconnect":
        pass
