"""The application: models behind an address that any OpenAI client can use, and a page."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles

from seq2seq.serving import answers, openai_routes, own_routes
from seq2seq.serving.errors import about_to_end, add_handlers
from seq2seq.serving.guards import Guards
from seq2seq.serving.keys import check_key
from seq2seq.serving.limits import Limits
from seq2seq.serving.metrics import Metrics
from seq2seq.serving.served_model import ServedModel
from seq2seq.version import __version__

PAGE = Path(__file__).parent / "page"
DOCS = Path(fastapi_offline.__file__).parent / "static"  # Swagger's page, from no other host


def create_application(
    models: Mapping[str, object],
    limits: Limits | None = None,
    api_key: str | None = None,
    any_host: bool = False,
    origins: Sequence[str] = (),
) -> FastAPI:
    """Returns an application that serves exported models.

    Args:
        models: Exported models, as `seq2seq.load_model(folder)` gives them, by name.
        limits: The `Limits`. Defaults to `None`, the usual ones.
        api_key: The key that clients must send. Defaults to `None`: none is needed.
        any_host: Whether the server may be addressed by any name. Defaults to `False`: only as
            this machine.
        origins: Sites whose pages may ask it, such as `https://example.org`. Defaults to none.

    Returns:
        An ASGI application, for uvicorn or a test client.

    Raises:
        ValueError: If no client could send the key.

    Example:

    >>> import uvicorn
    >>> model = seq2seq.load_model("translator")  # a folder
    >>> uvicorn.run(create_application({"translator": model}))  # doctest: +SKIP
    """
    check_key(api_key)
    limits, metrics = limits or Limits(), Metrics()
    served = {name: ServedModel(name, model, limits, metrics) for name, model in models.items()}

    @contextlib.asynccontextmanager
    async def lifespan(application):
        yield
        application.state.closing = True
        for model in served.values():
            model.close()

    application = FastAPI(
        title="seq2seq",
        version=__version__,
        description="Models of texts: OpenAI's API, and our own.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=answers.ERRORS,
    )
    application.state.models, application.state.closing = served, False
    application.state.timeout = limits.timeout
    application.include_router(openai_routes.router)
    application.include_router(own_routes.router)
    _add_state(application, served, metrics)
    _add_page(application)
    add_handlers(application)
    application.add_middleware(
        Guards, limits=limits, api_key=api_key, any_host=any_host, metrics=metrics
    )
    if origins:  # outside: a browser asks without the key whether it may ask, and reads refusals
        application.add_middleware(
            CORSMiddleware, allow_origins=list(origins), allow_methods=["*"], allow_headers=["*"]
        )
    return application


def _add_state(application, served, metrics):
    """Adds what those ask who run it."""

    @application.head("/health", include_in_schema=False)
    @application.get("/health", tags=["state"], responses=answers.of(answers.StateAnswer))
    async def health() -> dict:
        """Tells that the process answers."""
        return {"status": "ok"}

    @application.head("/ready", include_in_schema=False)
    @application.get("/ready", tags=["state"], responses=answers.of(answers.StateAnswer))
    async def ready() -> Response:
        """Tells whether it takes requests."""
        engines = [model.engine for model in served.values() if model.engine is not None]
        if application.state.closing or not all(engine.is_alive() for engine in engines):
            raise about_to_end()
        return JSONResponse({"status": "ready"})

    @application.get("/metrics", tags=["state"], response_class=PlainTextResponse)
    async def show_metrics() -> Response:
        """Returns the counters in Prometheus's format."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_page(application):
    """Adds the page to try a model on, and the documentation."""
    application.mount("/page", StaticFiles(directory=PAGE))
    application.mount("/docs-files", StaticFiles(directory=DOCS))

    @application.head("/", include_in_schema=False)
    @application.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @application.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title="seq2seq: API",
            swagger_js_url="docs-files/swagger-ui-bundle.js",
            swagger_css_url="docs-files/swagger-ui.css",
            swagger_favicon_url="page/icon.svg",
        )
