"""Finds the model that a request names, and waits for its answer as long as the client does."""

import asyncio
import json

from fastapi import Request
from fastapi.responses import Response

from seq2seq.serving.errors import ApiError
from seq2seq.serving.served_model import ServedModel


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
        raise ApiError(503, "The server is about to end. Try again elsewhere.")
    return models[name]


async def answer(request: Request, work) -> Response:
    """Returns what a coroutine returns as JSON; a client that goes away ends it."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_wait_until_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            return Response(status_code=499)  # nobody reads it
        content = json.dumps(task.result(), ensure_ascii=False)
        return Response(content, media_type="application/json")
    finally:
        for each in (task, gone):
            each.cancel()


def event(content: dict) -> str:
    """Returns an event of a stream."""
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


async def _wait_until_gone(request):
    while (await request.receive())["type"] != "http.disconnect":
        pass
