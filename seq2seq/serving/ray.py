"""The application on Ray Serve: replicas on one machine or a cluster.

    serve run seq2seq.serving.ray:application models=translator,writer replicas=2

Every replica loads the exported folders by itself, so all machines must see them under the same
paths. A request whose replica dies fails with 503, which OpenAI's client tries again: where Ray
runs already, it must have been started with the variable `PROXY` below set to `MIDDLEWARES`.
"""

import os
from pathlib import Path

from ray import serve
from starlette.middleware import Middleware

from seq2seq.runtime.loading import load_exported
from seq2seq.serving.application import create_application
from seq2seq.serving.errors import ApiError
from seq2seq.serving.keys import KEY_VARIABLE, check_key
from seq2seq.serving.limits import Limits
from seq2seq.serving.naming import name_models

PROXY = "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"
MIDDLEWARES = "seq2seq.serving.ray:middlewares"
os.environ.setdefault(PROXY, MIDDLEWARES)  # for the processes that `serve run` starts


def application(arguments: dict[str, str]) -> serve.Application:
    """Returns the application for `serve run`.

    Args:
        arguments: `models`, paths of exported folders joined by commas, each perhaps NAME=PATH;
            `replicas`, a number, or `auto` for as many as the load needs, up to `most`; `cores` of
            each; `api_key`, by default the variable `SEQ2SEQ_API_KEY`, or none; without one only
            requests are served that name this machine, or with `no_auth=yes` all; and the names of
            `Limits`.

    Returns:
        A Ray Serve application.

    Raises:
        ValueError: If there is no model, an argument is not known, or no client could send the key.
    """
    arguments = dict(arguments)
    named = name_models(filter(None, arguments.pop("models", "").split(",")))
    paths = {name: str(Path(path).resolve()) for name, path in named.items()}
    if not paths:
        raise ValueError("Expected models=FOLDER[,FOLDER...]. Received none.")
    cores = int(arguments.pop("cores", 1))
    api_key = arguments.pop("api_key", os.environ.get(KEY_VARIABLE))
    check_key(api_key)  # here, not first in every replica
    any_host = arguments.pop("no_auth", "no") == "yes" or api_key is not None
    replicas, most = arguments.pop("replicas", "1"), int(arguments.pop("most", 8))
    kinds = Limits.__dataclass_fields__
    if unknown := set(arguments) - set(kinds):
        raise ValueError(
            f"Expected models, replicas, most, cores, api_key, no_auth, {', '.join(kinds)}. "
            f"Received: {', '.join(sorted(unknown))}."
        )
    limits = Limits(**{name: type(kinds[name].default)(text) for name, text in arguments.items()})

    def build():
        models = {name: load_exported(path, cores) for name, path in paths.items()}
        return create_application(models, limits, api_key, any_host)

    @serve.deployment(
        name="seq2seq",
        max_ongoing_requests=limits.max_batch + limits.max_queue,
        graceful_shutdown_timeout_s=limits.timeout,
        ray_actor_options={"num_cpus": cores},
        **(
            {"autoscaling_config": {"min_replicas": 1, "max_replicas": most}}
            if replicas == "auto"
            else {"num_replicas": int(replicas)}
        ),
    )
    @serve.ingress(build)
    class Replica:
        """One process with all models."""

    return Replica.bind()


def middlewares() -> list[Middleware]:
    """Returns what Ray's proxy is to wrap answers in."""
    return [Middleware(LostReplica)]


class LostReplica:
    """Tells a client to try again when the replica of its request has died.

    Ray itself begins no answer then.

    Args:
        application: The application behind it, in ASGI.
    """

    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        """Serves one request."""
        begun = scope["type"] != "http"

        async def send_watched(message):
            nonlocal begun
            begun = True
            await send(message)

        await self.application(scope, receive, send_watched)
        if not begun:
            error = ApiError(503, "The replica that held this request has died. Try again.")
            await error.response()(scope, receive, send)
