"""The command `serve`."""

import asyncio
import contextlib
import re
import signal
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from seq2seq.checks import check_number
from seq2seq.files.loading import load_model
from seq2seq.files.pretrained_folder import find_model
from seq2seq.runtime.loading import is_exported, load_exported
from seq2seq.serving.keys import KEY_VARIABLE, check_key
from seq2seq.serving.limits import LOOPBACK, Limits
from seq2seq.serving.naming import name_models


def serve(options) -> None:
    """Serves models until it is told to end."""
    named, key = name_models(options.models), _check(options)
    named = {name: find_model(path) for name, path in named.items()}
    try:
        import uvicorn

        from seq2seq.serving.application import create_application
        from seq2seq.serving.connection import Connection
    except ImportError as error:
        raise ImportError(
            f'Serving needs the package {error.name}: pip install "keras-seq2seq[serve]"'
        ) from error
    with (
        _ending_well(),
        _bind(options.host, options.port) as listening,
        TemporaryDirectory() as root,
    ):
        models = {
            name: _load(path, Path(root) / str(i), options.threads)
            for i, (name, path) in enumerate(named.items())
        }
        limits = Limits(
            max_batch=options.max_batch,
            max_queue=options.max_queue,
            max_length=options.max_length,
            max_input=options.max_input,
            timeout=options.timeout,
        )
        any_host = options.host not in LOOPBACK or key is not None
        application = create_application(models, limits, key, any_host, options.cors)
        config = uvicorn.Config(
            application,
            http=Connection,
            ws="none",
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # nothing depends on who asks
            server_header=False,
            timeout_graceful_shutdown=round(options.timeout) + 1,
        )
        _announce(models, listening)
        _run(uvicorn, config, application, listening)


def _check(options) -> str | None:
    """Checks the options, and returns the key that clients must send, if any."""
    check_number("--timeout", options.timeout, "(0, 86400]", "It is in seconds.")
    check_number("--port", options.port, "[0, 65535]", "0 takes a free one.")
    if not (options.host in LOOPBACK or options.api_key or options.no_auth):
        raise ValueError(
            f"Expected a key, because others can reach {options.host}. Received none. Set "
            f"{KEY_VARIABLE} or --api-key, or say --no-auth if that is meant."
        )
    key = None if options.no_auth else options.api_key
    check_key(key)
    for origin in options.cors:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s]+", origin):
            raise ValueError(
                "Expected sites such as https://example.org, without a path, or * after --cors. "
                f"Received: {origin}."
            )
    return key


@contextlib.contextmanager
def _ending_well():
    """Has SIGTERM end the process as it ends a server, before there is one."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _load(path, folder, threads):
    """Loads an exported model; another is exported first."""
    if is_exported(path):
        return load_exported(path, threads)
    load_model(path).export(folder, verbose=False)
    return load_exported(folder, threads)


def _bind(host, port):
    """Returns a socket that listens, before anything takes time."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        raise ValueError(
            f"Expected a free address of this machine. Received: {host}, port {port} "
            f"({error.strerror}). Choose another --port or --host."
        ) from error


def _announce(models, listening):
    host, port = listening.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    for name, model in models.items():
        print(f"{name}: {model}")
    print(
        f"Page: {address}/  OpenAI's API: {address}/v1  Documentation: {address}/docs", flush=True
    )


def _run(uvicorn, config, application, listening):
    class Server(uvicorn.Server):
        """A server that finishes what runs when it is told to end, and then ends well."""

        @contextlib.contextmanager
        def capture_signals(self):
            signals = (signal.SIGINT, signal.SIGTERM)
            before = {number: signal.signal(number, self.handle_exit) for number in signals}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

        def handle_exit(self, number, frame):
            application.state.closing = True
            if self.should_exit and number == signal.SIGINT:  # a second Ctrl-C
                for model in application.state.models.values():
                    if model.engine is not None:
                        model.engine.abort()
            else:
                super().handle_exit(number, frame)

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:  # uvloop's, where it is
        runner.run(Server(config).serve(sockets=[listening]))
