"""The command `serve`, as a process."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")

pytestmark = pytest.mark.neutral

LONG = {"model": "novelist", "inputs": "One", "max_length": 100_000, "stream": True}
KEY = "SEQ2SEQ_API_KEY"
WAIT = 60


@pytest.fixture(scope="module")
def folders(served_models, tmp_path_factory):
    """The exported folders by name."""
    base = tmp_path_factory.getbasetemp()
    return {name: str(next(base.glob(f"served*/{name}"))) for name in served_models}


def command(*arguments, key=None):
    environment = {name: value for name, value in os.environ.items() if name != KEY}
    environment.update({KEY: key} if key is not None else {}, PYTHONUNBUFFERED="1")
    return subprocess.Popen(
        [sys.executable, "-m", "seq2seq", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
    )


@contextlib.contextmanager
def serving(*arguments, key=None):
    """Starts a server; gives the process, its address and what it has printed."""
    process = command(*arguments, "--port", "0", key=key)
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if found := re.search(r"Page: (http://\S+/)", line):
                break
        else:
            pytest.fail(process.stderr.read())
        # The socket listens before anything is loaded: the first request waits until it is served.
        yield process, found[1], "".join(lines)
    finally:
        process.kill()
        process.wait(WAIT)
        process.stdout.close()
        process.stderr.close()


def refusal(*arguments, key=None):
    """Returns the line that tells why a server does not start."""
    process = command(*arguments, key=key)
    out, error = process.communicate(timeout=WAIT)
    assert process.returncode in (1, 2), error
    assert not out and "Traceback" not in error
    return error


def test_it_answers_and_ends_well_after_finishing_what_runs(folders):
    models = folders["translator"], f"writer={folders['novelist']}"
    with serving(*models, "--max-length", "100000") as (process, address, printed):
        assert "translator: <exported Seq2Seq>" in printed and "writer: " in printed
        with httpx.Client(base_url=address, timeout=WAIT) as http:
            assert [model["id"] for model in http.get("v1/models").json()["data"]] == [
                "translator",
                "writer",
            ]
            body = {"model": "translator", "inputs": "good morning ."}
            answer = http.post("v1/generate", json=body).json()
            assert answer["results"][0][0]["text"] == "早上好。"
            with http.stream(
                "POST", "v1/generate", json={**LONG, "model": "writer", "max_length": 3000}
            ) as events:
                lines = events.iter_lines()
                next(lines)
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGTERM)  # as often as one likes
                assert list(lines)[-2] == "data: [DONE]"
        assert process.wait(WAIT) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(address)
        assert process.stderr.read() == ""


def test_it_refuses_what_comes_while_it_ends(folders):
    with serving(folders["novelist"], "--max-length", "100000", "--timeout", "5") as (
        process,
        address,
        _,
    ):
        host, port = re.fullmatch(r"http://(.*):(\d+)/", address).groups()
        with (
            httpx.Client(base_url=address, timeout=WAIT) as http,
            socket.create_connection((host, int(port))) as late,
        ):
            head = "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json"
            content = '{"model": "novelist", "inputs": ""}'
            # Its request has begun when the server is told to end.
            late.sendall(f"{head}\r\ncontent-length: {len(content)}\r\n\r\n{{".encode())
            with http.stream("POST", "v1/generate", json=LONG) as events:
                lines = events.iter_lines()
                next(lines)
                process.send_signal(signal.SIGTERM)
                _until_refused((host, int(port)))
                late.sendall(content[1:].encode())
                with late.makefile("rb") as answer:
                    assert b"503" in answer.readline()
                assert any('"code": "timeout"' in line or "[DONE]" in line for line in lines)
        assert process.wait(WAIT) == 0


def test_a_second_ctrl_c_gives_up_what_runs(folders):
    with serving(folders["novelist"], "--max-length", "100000") as (process, address, _):
        with httpx.stream("POST", f"{address}v1/generate", json=LONG, timeout=WAIT) as events:
            lines = events.iter_lines()
            next(lines)
            process.send_signal(signal.SIGINT)
            _until_refused(re.fullmatch(r"http://(.*):(\d+)/", address).groups())
            process.send_signal(signal.SIGINT)
            assert any("about to end" in line for line in lines)
        assert process.wait(WAIT) == 0
        assert process.stderr.read() == ""


def _until_refused(place):
    """Waits until nothing listens any more."""
    pause = threading.Event()
    for _ in range(WAIT * 100):
        try:
            socket.create_connection(place).close()
        except OSError:
            return
        pause.wait(0.01)
    pytest.fail("It still listens.")


def test_a_key_of_the_environment_is_needed(folders):
    with serving(folders["sentiment"], key="a secret") as (_, address, printed):
        assert "a secret" not in printed
        assert httpx.get(f"{address}v1/models").status_code == 401
        headers = {"authorization": "Bearer a secret"}
        assert httpx.get(f"{address}v1/models", headers=headers).status_code == 200


def test_no_key_is_needed_if_that_is_said(folders):
    with serving(folders["sentiment"], "--no-auth", key="a secret") as (_, address, _):
        assert httpx.get(f"{address}v1/models").status_code == 200


def test_texts_are_not_logged(folders):
    secret = "abracadabra"
    with serving(folders["translator"]) as (process, address, _):
        for body in (
            {"inputs": secret},
            {"inputs": secret * 1000},
            {"inputs": [secret, 5]},
            {"inputs": "good", "prefix": secret},
            {"inputs": "good", secret: 1},
        ):
            httpx.post(f"{address}v1/generate", json={"model": "translator", **body}, timeout=WAIT)
        httpx.post(f"{address}v1/generate", content=secret)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT) == 0
        assert secret not in process.stderr.read() + process.stdout.read()


def test_what_is_wrong_is_told_in_a_line(folders, tmp_path):
    model = folders["sentiment"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "Choose another --port" in refusal(model, "--port", port)
    for arguments, words in (
        ([model, "--host", "0.0.0.0"], "Expected a key"),
        ([model, "--api-key", ""], "Expected a key"),
        ([model, "--api-key", "schlüssel"], "ASCII"),
        ([model, "--api-key", "key\n"], "no white space"),
        ([model, "--cors", "https://example.org/"], "without a path"),
        ([str(tmp_path / "none")], "which does not exist"),
        ([str(tmp_path)], "Expected"),
        ([model, model], "different names"),
        ([model, "--timeout", "0"], "--timeout"),
        ([model, "--timeout", "1e300"], "--timeout"),
        ([model, "--port", "99999"], "--port"),
        ([model, "--port", "-1"], "--port"),
        ([model, "--host", "nowhere.invalid", "--no-auth"], "Expected a free address"),
        ([model, "--max-queue", "0"], "--max-queue"),
        ([], "MODEL"),
    ):
        error = refusal(*arguments)
        assert words in error, error
        assert len([line for line in error.splitlines() if "seq2seq" in line]) <= 2, error
