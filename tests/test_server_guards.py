"""What the server does against bad input and bad people; see SECURITY.md."""

import asyncio
import json
import logging
import socket
import threading

import httpx
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")

from pydantic import ValidationError
from serving_fixtures import running

import seq2seq
from seq2seq.generation.samplers import Greedy, Sample
from seq2seq.serving import bodies, connection, waiting
from seq2seq.serving.application import create_application
from seq2seq.serving.calls import make_sampler
from seq2seq.serving.errors import ApiError
from seq2seq.serving.guards import Guards
from seq2seq.serving.limits import Limits
from seq2seq.serving.metrics import Metrics
from seq2seq.serving.naming import name_models
from seq2seq.serving.served_model import ServedModel
from seq2seq.serving.side_work import LONG, SideWork, batch_size

pytestmark = pytest.mark.neutral

WAIT = 20


@pytest.fixture(scope="module")
def http(address):
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


def ask(http, path="generate", **body):
    response = http.post(f"v1/{path}", json={"model": "translator", **body})
    return response.status_code, response.json().get("error", {})


class TestBodies:
    @pytest.mark.parametrize("inputs", [[0.5] * 1000, [[0.5]] * 1000, [None] * 1000])
    def test_the_first_wrong_item_is_enough(self, inputs):
        with pytest.raises(ValidationError) as caught:
            bodies.GenerateBody.model_validate({"model": "a", "inputs": inputs})
        assert caught.value.error_count() <= 8

    def test_an_ngram_without_an_end_is_refused(self, http):
        status, error = ask(http, inputs="good", no_repeat_ngram=2**30)
        assert status == 400 and error["param"] == "no_repeat_ngram"

    def test_the_least_top_p_harms_nobody(self, http):
        assert ask(http, inputs="good", sampler="sample", top_p=1e-300)[0] == 200

    @pytest.mark.parametrize("name", ["²", "9" * 5000, "-1", "five", "3", "99999"])
    def test_odd_ids_to_ban(self, http, name):
        status, error = ask(http, "completions", prompt="a", logit_bias={name: -100})
        assert status == 400 and error["param"] == "logit_bias"

    @pytest.mark.parametrize(
        "content, words",
        [
            (b'{"model":', "cannot be read: EOF while parsing a value at line 1 column 9"),
            (b"\xff", "Expected JSON in UTF-8"),
            (b"[" * 100_000, "of few levels"),
        ],
    )
    def test_what_is_no_json(self, http, content, words):
        headers = {"content-type": "application/json"}
        answer = http.post("v1/generate", content=content, headers=headers)
        assert answer.status_code == 400 and words in answer.json()["error"]["message"]

    @pytest.mark.parametrize(
        "kind, status",
        [
            ("application/json", 200),
            ("Application/JSON; charset=utf-8", 200),
            ("application/problem+json", 200),
            ("text/plain", 400),  # what a page of another site may send unasked
            ("text/json", 400),
            ("application/json-seq", 400),
            ("", 400),
        ],
    )
    def test_a_body_says_that_it_is_json(self, http, kind, status):
        content = b'{"model": "translator", "inputs": "good"}'
        answer = http.post("v1/generate", content=content, headers={"content-type": kind})
        assert answer.status_code == status
        if status == 400:
            assert "`Content-Type: application/json`" in answer.json()["error"]["message"]

    def test_a_mark_of_byte_order_is_no_error(self, http):
        content = b'\xef\xbb\xbf{"model": "translator", "inputs": "good"}'
        headers = {"content-type": "application/json"}
        assert http.post("v1/generate", content=content, headers=headers).status_code == 200

    def test_equal_settings_share_a_sampler(self):
        first = make_sampler(Sample, top_k=2, banned=("a",))
        assert make_sampler(Sample, top_k=2, banned=("a",)) is first
        assert make_sampler(Sample, top_k=3, banned=("a",)) is not first
        with pytest.raises(ValueError, match="top_k"):  # though 2.0 == 2
            make_sampler(Sample, top_k=2.0, banned=("a",))

    def test_one_limit_is_enough(self, http):
        limits = {"max_tokens": 5, "max_completion_tokens": 5}
        messages = [{"role": "user", "content": "good"}]
        status, error = ask(http, "chat/completions", messages=messages, **limits)
        assert status == 400 and "not both" in error["message"]

    def test_parts_that_are_not_read_are_refused(self, http):
        part = {"type": "text", "text": "good", "cache_control": {"type": "ephemeral"}}
        messages = [{"role": "user", "content": [part]}]
        status, error = ask(http, "chat/completions", messages=messages)
        assert status == 400 and "cache_control" in error["param"]

    def test_results_are_counted(self, http):
        many = {"inputs": ["good"] * 40, "sampler": "beam", "width": 40, "num_results": 40}
        status, error = ask(http, **many)
        assert status == 400 and "1600" in error["message"]


class TestLongTexts:
    @pytest.mark.parametrize(
        "path, body",
        [
            ("generate", {"inputs": "good " * 300}),
            ("generate", {"inputs": [[5] * 20_001]}),
            ("generate", {"inputs": "late " * 20_001, "model": "novelist"}),
            ("completions", {"prompt": "good " * 300}),
            ("embeddings", {"input": ["good " * 300]}),
            ("embeddings", {"input": "late " * 20_001, "model": "novelist"}),
            ("score", {"inputs": "good", "targets": "好" * 300}),
            ("score", {"inputs": "late " * 20_001, "model": "novelist"}),
            ("classify", {"inputs": [5] * 20_001, "model": "sentiment"}),
        ],
    )
    def test_they_are_refused_not_cut(self, http, path, body):
        status, error = ask(http, path, **body)
        assert status == 400 and error["code"] == "context_length_exceeded"

    def test_a_transformer_reads_no_more_at_once_than_it_was_made_for(self, tmp_path):
        model = seq2seq.Transformer(9, 9, 16, 1, 2, 16, max_source_length=50)
        model.export(tmp_path / "one", verbose=0)
        model = ServedModel("one", seq2seq.load_model(tmp_path / "one"), Limits(), Metrics())
        with pytest.raises(ApiError, match="at most 50 tokens"):
            model.call([[5] * 50], seq2seq.Greedy(), None)
        assert model.call([[5] * 49], seq2seq.Greedy(), None).max_length == 100
        assert len(model.side_rows("target", [[5] * 199])) == 1
        model.close()

    def test_what_fits_is_read(self, http):
        body = {"model": "novelist", "inputs": "late " * 9000, "max_length": 1}
        assert ask(http, **body)[0] == 200
        assert ask(http, inputs="good " * 190)[0] == 200

    @pytest.mark.parametrize(("size", "apart"), [(LONG, False), (LONG + 1, True)])
    def test_long_ones_are_read_where_others_need_not_wait(self, served_models, size, apart):
        async def run():
            model = ServedModel("novelist", served_models["novelist"], Limits(), Metrics())
            model.side_work.timeout = 0  # what is read there is late
            call = model.prepare(["a" * size], Greedy(), 1)
            if apart:
                with pytest.raises(ApiError, match="No answer within"):
                    await call
            else:
                assert (await call).prompts == ["a" * size]
            await asyncio.to_thread(model.close)

        asyncio.run(run())

    def test_long_ones_are_read_a_few_at_a_time(self):
        assert batch_size([[5]]) == 64
        assert batch_size([[5] * 5000, [5]]) == 3
        assert batch_size([[5] * 10**6]) == 1


class TestSideWork:
    def test_short_work_does_not_wait_for_long(self):
        async def run():
            work, may_end = SideWork(10, WAIT), threading.Event()
            long = asyncio.ensure_future(work.run(["a" * (LONG + 1)], may_end.wait, WAIT))
            assert await work.run(["a"], lambda: "short") == "short"
            assert not long.done()
            may_end.set()
            assert await long
            work.close()

        asyncio.run(run())

    def test_a_full_queue_is_told(self):
        async def run():
            work, may_end = SideWork(3, WAIT), threading.Event()
            first = asyncio.ensure_future(work.run(["a"] * 3, may_end.wait, WAIT))
            await asyncio.sleep(0)
            with pytest.raises(ApiError) as caught:
                await work.run(["a"], may_end.wait, WAIT)
            assert caught.value.status == 429
            may_end.set()
            await first
            assert await work.run(["a"], lambda: 5) == 5
            work.close()

        asyncio.run(run())

    def test_late_work_is_told_and_leaves_the_queue(self):
        async def run():
            work, may_end = SideWork(1, 0.05), threading.Event()
            with pytest.raises(ApiError) as caught:
                await work.run(["a"], may_end.wait, WAIT)
            assert caught.value.status == 504 and work._texts == 0
            may_end.set()
            work.close()

        asyncio.run(run())


def test_a_deadline_ends_a_stream_not_who_reads_it(served_models):
    async def run():
        limits = Limits(max_length=100_000, timeout=0.3)
        model = ServedModel("novelist", served_models["novelist"], limits, Metrics())
        call = model.call(["One"], Greedy(), 100_000)
        with pytest.raises(ApiError) as caught:
            async for _ in model.stream(call):
                await asyncio.sleep(0.5)  # a client that reads slowly
        assert caught.value.status == 504
        await asyncio.to_thread(model.close)  # returns, because the row is free

    asyncio.run(asyncio.wait_for(run(), WAIT))


class TestGuards:
    """The guards before an application that does what a test tells it."""

    def call(
        self, application=None, headers=(), timeout=WAIT, send=None, key=b"Bearer key", **scope
    ):
        """Returns status, headers and body of an answer."""
        sent = []

        async def keep(message):
            sent.append(message)

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        guards = Guards(application, Limits(timeout=timeout), "key", True, Metrics())
        headers = [(b"authorization", key), *headers]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, **scope}
        asyncio.run(guards(scope, receive, send or keep))
        if scope["type"] == "websocket":
            return sent
        return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"])

    @pytest.mark.parametrize("name", [b"host", b"authorization", b"content-length"])
    def test_a_header_that_is_there_twice(self, name):
        status, _, body = self.call(headers=[(name, b"1"), (name, b"2")])
        assert status == 400 and "Received more" in body["error"]["message"]

    @pytest.mark.parametrize("size", [b"9" * 5000, b"-1", b"\xb2", b"1_0", b""])
    def test_a_size_that_is_none(self, size):
        assert self.call(headers=[(b"content-length", size)])[0] == 413

    def test_an_error_is_answered_safely_and_logged_without_its_message(self, caplog):
        async def application(scope, receive, send):
            raise KeyError("the text of a user")

        with caplog.at_level(logging.INFO):
            status, headers, body = self.call(application)
        assert status == 500 and b"content-security-policy" in headers
        assert body["error"]["type"] == "server_error"
        assert "KeyError" in caplog.text and "the text of a user" not in caplog.text

    def test_an_answer_that_nobody_takes_ends(self, caplog):
        async def application(scope, receive, send):
            await send({"type": "http.response.start", "status": 200})

        async def send(message):
            await asyncio.Event().wait()

        with pytest.raises(IndexError):  # nothing was sent
            self.call(application, timeout=0.05, send=send)
        assert "did not take its answer" in caplog.text

    @pytest.mark.parametrize("path", ["/health", "/v1/models"])
    def test_the_path_below_a_mount_counts(self, path):
        async def application(scope, receive, send):
            raise ApiError(418, "It came through.")

        scope = {"path": f"/models{path}", "root_path": "/models"}
        expected = 418 if path == "/health" else 401  # what is open needs no key
        assert self.call(application, key=b"Bearer wrong", **scope)[0] == expected

    def test_there_are_no_websockets(self):
        assert self.call(type="websocket", path="/page/") == [{"type": "websocket.close"}]


def test_a_fault_after_the_checks_is_the_servers_own(http, served_models, monkeypatch):
    def fail(self, rows, batch_size):
        raise ValueError("weights are NaN")

    monkeypatch.setattr(type(served_models["sentiment"]), "predict_proba", fail)
    response = http.post("v1/classify", json={"model": "sentiment", "inputs": "good"})
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "server_error"
    response = http.post("v1/classify", json={"model": "sentiment", "inputs": [[99_999]]})
    assert response.status_code == 400


def test_a_lone_surrogate_is_sent_as_json_writes_it():
    for encoded in (waiting._dump({"text": ["a\ud83d"]}), waiting._line({"text": "a\ud83d"})[6:]):
        assert json.loads(encoded)["text"] in ("a\ud83d", ["a\ud83d"])


@pytest.mark.parametrize(
    "limits", [{"max_batch": 0}, {"max_queue": -1}, {"timeout": 0.0}, {"max_length": 1.5}]
)
def test_limits_must_let_something_through(limits):
    with pytest.raises(ValueError, match=f"`{next(iter(limits))}`"):
        Limits(**limits)


def test_models_are_named(tmp_path):
    (tmp_path / "lr=0.1").mkdir()
    (tmp_path / "lr=0.1" / "m.keras").touch()
    path = str(tmp_path / "lr=0.1" / "m.keras")
    assert name_models([path, f"other={path}"]) == {"m": path, "other": path}
    with pytest.raises(ValueError, match="two called b"):
        name_models(["a/b", "c/b.keras"])


def test_a_browser_may_ask_whether_it_may_ask(served_models):
    origin = "https://example.org"
    application = create_application(served_models, api_key="key", any_host=True, origins=[origin])
    with running(application) as address:
        asks = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization, content-type",
        }
        response = httpx.options(f"{address}v1/generate", headers=asks)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == origin
        refused = httpx.post(f"{address}v1/generate", headers={"origin": origin}, json={})
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == origin
        other = httpx.post(f"{address}v1/generate", headers={"origin": "https://a.b"}, json={})
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("key", ["", "schlüssel", " key", 123, b"key"])
def test_a_key_that_no_client_could_send_is_refused(key):
    with pytest.raises(ValueError, match="Expected a key of ASCII characters"):
        create_application({}, api_key=key)


@pytest.fixture(scope="module")
def place(application):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "PATIENCE", 0.3)
        options = {"http": connection.Connection, "ws": "none", "lifespan": "off"}
        with running(application, **options) as address:
            yield "127.0.0.1", int(address.rsplit(":", 1)[1].rstrip("/"))


class TestConnections:
    HEAD = b"POST /v1/generate HTTP/1.1\r\nhost: localhost\r\n"

    def read(self, place, sent):
        """Returns what comes until the connection ends."""
        with socket.create_connection(place, WAIT) as client:
            client.sendall(sent)
            parts = []
            while part := client.recv(65536):
                parts.append(part)
            return b"".join(parts)

    @pytest.mark.parametrize("sent", [b"", b"GET / HT", HEAD])
    def test_those_that_say_nothing_are_ended(self, place, sent):
        assert self.read(place, sent) == b""

    def test_a_second_request_must_come_in_time_too(self, place):
        whole = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
        assert self.read(place, whole + b"GET / HT").endswith(b'{"status":"ok"}')

    def test_a_body_that_nobody_waits_for_keeps_no_connection_open(self, place):
        head = b"GET /health HTTP/1.1\r\nhost: LocalHost\r\ncontent-length: 10\r\n\r\n"
        with socket.create_connection(place, WAIT) as client:
            client.sendall(head)
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            client.sendall(b"x")
            while client.recv(65536):  # until the server ends it
                pass

    @pytest.mark.parametrize(
        "begin, more",
        [
            (HEAD, b"x: " + b"a" * 8000 + b"\r\n"),
            (HEAD + b"x: ", b"a" * 8000),
            (b"GET /", b"a" * 8000),
            (HEAD + b"transfer-encoding: chunked\r\n\r\n1;", b"a" * 8000),
            (HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"x: " + b"a" * 8000 + b"\r\n"),
        ],
        ids=["headers", "header", "address", "chunk", "trailers"],
    )
    def test_what_has_no_end_is_ended(self, place, begin, more):
        with socket.create_connection(place, WAIT) as client, pytest.raises(OSError):
            client.sendall(begin)
            for _ in range(10_000):
                client.sendall(more)

    def test_what_is_no_http_is_told_in_the_form_of_errors(self, place):
        head, _, body = self.read(place, b"\x00\xff\r\n\r\n").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400")
        assert json.loads(body)["error"]["type"] == "invalid_request_error"

    @pytest.mark.parametrize("chunked", [False, True])
    def test_large_requests_are_served(self, place, chunked):
        body = json.dumps({"model": "translator", "inputs": "good"}) + " " * 900_000
        content = iter([body[:300_000].encode(), body[300_000:].encode()]) if chunked else body
        with httpx.Client(base_url=f"http://{place[0]}:{place[1]}", timeout=WAIT) as http:
            for _ in range(2):  # on one connection
                headers = {"content-type": "application/json"}
                response = http.post("/v1/generate", content=content, headers=headers)
                assert response.status_code == 200
                content = body

    def test_long_answers_are_not_idle(self, place):
        body = json.dumps({"model": "novelist", "inputs": "", "max_length": 3000, "stream": True})
        sent = self.HEAD + b"content-type: application/json\r\nconnection: close\r\n"
        sent += f"content-length: {len(body)}\r\n\r\n{body}".encode()
        assert b"data: [DONE]" in self.read(place, sent)
