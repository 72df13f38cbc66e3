"""The server, as OpenAI's client and others meet it."""

import base64
import json
import threading
import time

import httpx
import keras
import numpy as np
import pytest

import seq2seq

openai = pytest.importorskip("openai", reason="openai is not installed")

pytestmark = pytest.mark.neutral

SOURCES = [
    "where is the nearest station ?",
    "good morning .",
    "thank you very much .",
    "where is the station ?",
]
SOURCE = SOURCES[0]


@pytest.fixture(scope="module")
def client(address):
    return openai.OpenAI(base_url=f"{address}v1", api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def http(address):
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def translator(served_models):
    return served_models["translator"]


def refused(http, path, status=400, **body):
    response = http.post(f"v1/{path}", json={"model": "translator", **body})
    error = response.json()["error"]
    assert response.status_code == status, error
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    return error


class TestOpenAI:
    def test_models(self, client):
        models = {model.id: model for model in client.models.list()}
        assert list(models) == ["translator", "novelist", "sentiment", "filler"]
        assert client.models.retrieve("novelist").owned_by == "seq2seq"
        with pytest.raises(openai.NotFoundError, match="Expected one of translator"):
            client.models.retrieve("other")

    def test_a_prompt_is_translated(self, client, translator):
        answer = client.completions.create(model="translator", prompt=SOURCE, temperature=0)
        (choice,) = answer.choices
        assert choice.text == translator.generate(SOURCE)
        assert choice.finish_reason == "stop" and choice.logprobs is None
        assert answer.object == "text_completion" and answer.id.startswith("cmpl-")
        usage = answer.usage
        assert usage.prompt_tokens == 6 and usage.completion_tokens == len(choice.text)
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens

    def test_prompts_of_all_kinds(self, client, translator):
        rows = [translator.source_tokenizer.encode(text) for text in SOURCES]
        expected = translator.generate(SOURCES)
        for prompt in (SOURCES, rows):
            answer = client.completions.create(model="translator", prompt=prompt, temperature=0)
            assert [choice.text for choice in answer.choices] == expected
            assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
        answer = client.completions.create(model="translator", prompt=rows[0], temperature=0)
        assert [choice.text for choice in answer.choices] == expected[:1]
        answer = client.completions.create(model="translator", prompt="", temperature=0)
        assert answer.choices[0].text == "" and answer.choices[0].finish_reason == "stop"

    def test_samples_are_those_of_generate(self, client, translator):
        sampler = seq2seq.Sample(temperature=1.5, top_p=0.9, seed=5)
        answer = client.completions.create(
            model="translator", prompt=SOURCES, temperature=1.5, top_p=0.9, seed=5
        )
        assert [choice.text for choice in answer.choices] == translator.generate(
            SOURCES, sampler=sampler
        )
        several = client.completions.create(
            model="translator", prompt=SOURCE, temperature=3, n=3, seed=5
        )
        again = client.completions.create(
            model="translator", prompt=[SOURCE] * 3, temperature=3, seed=5
        )
        texts = [choice.text for choice in several.choices]
        assert texts == [choice.text for choice in again.choices] and len(set(texts)) > 1

    def test_the_best_of_many(self, client, translator):
        answer = client.completions.create(
            model="translator", prompt=SOURCE, temperature=3, n=2, best_of=8, seed=5, logprobs=0
        )
        means = [np.mean(choice.logprobs.token_logprobs) for choice in answer.choices]
        assert len(means) == 2 and all(mean > -4 for mean in means)
        with pytest.raises(openai.BadRequestError, match="best_of"):
            client.completions.create(model="translator", prompt=SOURCE, n=3, best_of=2)

    def test_it_stops_where_it_is_told(self, client, translator):
        whole = translator.generate(SOURCE)
        for stream in (False, True):
            answer = client.completions.create(
                model="translator", prompt=SOURCE, temperature=0, stop=whole[4:6], stream=stream
            )
            choices = [part.choices[0] for part in answer] if stream else answer.choices
            assert "".join(choice.text for choice in choices) == whole[:4]
            assert choices[-1].finish_reason == "stop"
        answer = client.completions.create(
            model="translator", prompt=SOURCE, temperature=0, stop=["never", "此"], max_tokens=3
        )
        assert answer.choices[0].text == whole[:3]
        assert answer.choices[0].finish_reason == "length"

    def test_log_probabilities(self, client, translator):
        (details,) = translator.generate([SOURCE], return_details=True)
        answer = client.completions.create(
            model="translator", prompt=SOURCE, temperature=0, logprobs=2
        )
        found = answer.choices[0].logprobs
        assert found.tokens == details.tokens
        np.testing.assert_allclose(found.token_logprobs, details.token_scores[:-1], atol=1e-5)
        assert [len(top) for top in found.top_logprobs] == [2] * len(found.tokens)
        assert found.text_offset == list(range(len(found.tokens)))
        parts = client.completions.create(
            model="translator", prompt=SOURCE, temperature=0, logprobs=2, stream=True
        )
        parts = [part.choices[0] for part in parts]
        streamed = [part.logprobs for part in parts if part.logprobs]
        assert [token for part in streamed for token in part.tokens] == details.tokens
        scores = [score for part in streamed for score in part.token_logprobs]
        np.testing.assert_allclose(scores, found.token_logprobs, atol=1e-5)

    def test_log_probabilities_are_of_parts_of_the_text(self, client):
        prompt, asked = "One evening it", {"model": "novelist", "temperature": 0, "max_tokens": 7}
        for stops in (None, "train"):
            for stream in (False, True):
                answer = client.completions.create(
                    prompt=prompt, logprobs=1, stop=stops, stream=stream, **asked
                )
                parts = [part.choices[0] for part in answer] if stream else answer.choices
                text = "".join(part.text for part in parts)
                looks = [part.logprobs for part in parts if part.logprobs]
                tokens = [token for part in looks for token in part.tokens]
                offsets = [offset for part in looks for offset in part.text_offset]
                assert " " in tokens[0] and text.startswith("".join(tokens)[: len(text)])
                if stops is None:
                    assert "".join(tokens) == text
                for token, offset in zip(tokens, offsets, strict=True):
                    assert "".join(tokens)[offset:].startswith(token)

    def test_a_language_model_continues(self, client, served_models):
        novelist, prompt = served_models["novelist"], "One evening it was"
        whole = novelist.generate(prompt, 8)
        answer = client.completions.create(
            model="novelist", prompt=prompt, temperature=0, max_tokens=8
        )
        assert prompt + answer.choices[0].text == whole
        assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 8
        for stream in (False, True):
            answer = client.completions.create(
                model="novelist",
                prompt=prompt,
                temperature=0,
                max_tokens=8,
                echo=True,
                stream=stream,
            )
            parts = answer if stream else [answer]
            assert "".join(part.choices[0].text for part in parts) == whole

    def test_streams(self, client, translator):
        parts = list(
            client.completions.create(
                model="translator",
                prompt=SOURCES[:2],
                temperature=0,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        assert parts[-1].choices == [] and parts[-1].usage.prompt_tokens == 9
        assert all(part.usage is None and "usage" in part.model_fields_set for part in parts[:-1])
        texts = ["", ""]
        for part in parts[:-1]:
            (choice,) = part.choices
            texts[choice.index] += choice.text
            assert part.id == parts[0].id
        assert texts == translator.generate(SOURCES[:2])
        assert parts[-1].usage.completion_tokens == len("".join(texts))

    def test_chat(self, client, translator):
        messages = [
            {"role": "system", "content": "Translate."},
            {"role": "user", "content": SOURCES[1]},
            {"role": "assistant", "content": "早上好。"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "where is the"},
                    {"type": "text", "text": "nearest station ?"},
                ],
            },
        ]
        answer = client.chat.completions.create(
            model="translator", messages=messages, temperature=0, logprobs=True, top_logprobs=2
        )
        (choice,) = answer.choices
        assert choice.message.content == translator.generate(SOURCE)
        assert choice.message.role == "assistant" and choice.finish_reason == "stop"
        looks = choice.logprobs.content
        assert "".join(look.token for look in looks) == choice.message.content
        assert all(len(look.top_logprobs) == 2 and look.logprob <= 0 for look in looks)
        parts = list(
            client.chat.completions.create(
                model="translator",
                messages=messages,
                temperature=0,
                stream=True,
                logprobs=True,
                max_completion_tokens=50,
            )
        )
        assert parts[0].choices[0].delta.role == "assistant"
        pieces = [part.choices[0].delta.content or "" for part in parts]
        assert "".join(pieces) == choice.message.content and len(pieces) > 5
        assert parts[-1].choices[0].finish_reason == "stop"

    def test_embeddings(self, client, served_models):
        for name, model in served_models.items():
            expected = seq2seq.encode_texts(model, SOURCES)
            answer = client.embeddings.create(model=name, input=SOURCES)  # in base64
            found = [item.embedding for item in answer.data]
            np.testing.assert_allclose(found, expected, atol=1e-6)
            answer = client.embeddings.create(model=name, input=SOURCES[0], encoding_format="float")
            np.testing.assert_allclose(answer.data[0].embedding, expected[0], atol=1e-5)
            assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0

    def test_base64_is_of_float32(self, http, translator):
        body = {"model": "translator", "input": SOURCE, "encoding_format": "base64"}
        (item,) = http.post("v1/embeddings", json=body).json()["data"]
        vector = np.frombuffer(base64.b64decode(item["embedding"]), "<f4")
        np.testing.assert_allclose(vector, seq2seq.encode_texts(translator, [SOURCE])[0], atol=1e-6)

    def test_penalties_and_bans(self, client, http, translator):
        whole = translator.generate(SOURCE)
        banned = translator.target_tokenizer.encode(whole[0])[0]
        answer = client.completions.create(
            model="translator", prompt=SOURCE, temperature=0, logit_bias={str(banned): -100}
        )
        sampler = seq2seq.Greedy(banned=[banned])
        assert answer.choices[0].text == translator.generate(SOURCE, sampler=sampler)
        answer = client.completions.create(
            model="novelist", prompt="One", temperature=0, max_tokens=20, frequency_penalty=2
        )
        counts = {word: answer.choices[0].text.split().count(word) for word in ("the", "late")}
        assert max(counts.values()) <= 3

    @pytest.mark.parametrize(
        "path, body, param",
        [
            ("completions", {"prompt": "a", "suffix": "b"}, "suffix"),
            ("completions", {"prompt": "a", "logit_bias": {"5": 3.0}}, "logit_bias"),
            ("completions", {"prompt": "a", "logprobs": 9}, "logprobs"),
            ("completions", {"prompt": "a", "echo": True, "logprobs": 1}, "logprobs"),
            ("completions", {"prompt": [4], "echo": True}, "echo"),
            ("completions", {"prompt": "a", "stop": ["a"] * 5}, "stop"),
            ("completions", {"prompt": "a", "tools": []}, "tools"),
            ("completions", {"prompt": "a", "best_of": 2, "stream": True}, "stream"),
            ("completions", {"prompt": "a", "stream_options": {}}, "stream_options"),
            (
                "completions",
                {"prompt": "a", "stream": True, "stream_options": {"include_usage": "no"}},
                "stream_options.include_usage",
            ),
            ("completions", {}, "prompt"),
            ("completions", {"prompt": "a", "temperature": "hot"}, "temperature"),
            ("completions", {"prompt": "a", "n": 0}, "n"),
            ("chat/completions", {"messages": []}, "messages"),
            ("chat/completions", {"messages": [{"role": "system", "content": "a"}]}, "messages"),
            (
                "chat/completions",
                {"messages": [{"role": "user", "content": "a"}], "functions": [1]},
                "functions",
            ),
            (
                "chat/completions",
                {
                    "messages": [{"role": "user", "content": "a"}],
                    "response_format": {"type": "json_object"},
                },
                "response_format",
            ),
            ("embeddings", {"input": "a", "dimensions": 5}, "dimensions"),
        ],
    )
    def test_what_cannot_be_honoured_is_refused_by_name(self, http, path, body, param):
        error = refused(http, path, **body)
        assert error["param"] == param and error["type"] == "invalid_request_error"

    def test_null_is_as_if_it_were_not_there(self, http):
        body = {"model": "translator", "prompt": SOURCE, "suffix": None, "tools": None, "n": None}
        assert http.post("v1/completions", json=body).status_code == 200


class TestOurOwn:
    def test_everything_that_generate_takes(self, http, translator):
        for options, sampler in (
            ({}, "greedy"),
            ({"sampler": "beam", "width": 3, "num_results": 2}, seq2seq.BeamSearch(3, 1.0, 2)),
            (
                {"sampler": "sample", "seed": 2, "top_k": 3, "temperature": 2.0, "min_length": 4},
                seq2seq.Sample(2.0, 3, None, 2, min_length=4),
            ),
            (
                {"prefix": "车站", "banned": ["？"], "repetition_penalty": 1.2},
                seq2seq.Greedy(prefix="车站", banned=["？"], repetition_penalty=1.2),
            ),
        ):
            body = {"model": "translator", "inputs": SOURCES, "max_length": 20, **options}
            results = http.post("v1/generate", json=body).json()["results"]
            texts = [[result["text"] for result in group] for group in results]
            expected = translator.generate(SOURCES, 20, sampler)
            assert texts == [text if isinstance(text, list) else [text] for text in expected]

    def test_details(self, http, translator):
        body = {"model": "translator", "inputs": SOURCE, "details": True}
        (result,) = http.post("v1/generate", json=body).json()["results"][0]
        details = translator.generate(SOURCE, return_details=True)
        assert result["score"] == pytest.approx(details.score, abs=1e-5)
        assert [token["token"] for token in result["tokens"]] == details.labels
        assert result["source_tokens"] == details.source_tokens
        np.testing.assert_allclose(result["attention"], details.attention, atol=1e-5)
        assert result["tokens"][0]["alternatives"][0]["token"] == details.alternatives[0][0][0]

    def test_streams_with_details(self, http, translator):
        body = {"model": "translator", "inputs": SOURCE, "details": True, "stream": True}
        text = http.post("v1/generate", json=body).text
        events = [json.loads(line[6:]) for line in text.split("\n\n")[:-2]]
        assert text.endswith("data: [DONE]\n\n")
        result = events.pop()["result"]
        assert "".join(event["text"] for event in events) == result["text"]
        for event, token in zip(events, result["tokens"], strict=True):
            assert event["token"] == token["token"]
            assert event["probability"] == pytest.approx(token["probability"], abs=1e-5)

    def test_a_label_that_utf8_cannot_hold_is_listed(self, http, served_models, monkeypatch):
        labels = ["\ud83d", "é"]
        monkeypatch.setattr(served_models["sentiment"].class_labels, "labels", labels)
        listed = {model["id"]: model["labels"] for model in http.get("v1/models").json()["data"]}
        assert listed["sentiment"] == http.get("v1/models/sentiment").json()["labels"] == labels

    def test_fill(self, http, served_models):
        body = {"model": "filler", "inputs": ["the cat [MASK] on the [MASK]"], "num_results": 2}
        (places,) = http.post("v1/fill", json=body).json()["results"]
        assert [tokens[0]["token"] for tokens in places] == ["sat", "mat"]
        assert [len(tokens) for tokens in places] == [2, 2]
        (expected,) = served_models["filler"].fill(body["inputs"], 2)
        assert places[0][0]["text"] == expected[0][0].text == "the cat sat on the [MASK]"
        assert places[0][0]["probability"] == pytest.approx(expected[0][0].probability, abs=1e-5)
        body = {"model": "filler", "input": "the cat"}
        (vector,) = http.post("v1/embeddings", json=body).json()["data"]
        expected = seq2seq.encode_texts(served_models["filler"], ["the cat"])[0]
        np.testing.assert_allclose(vector["embedding"], expected, atol=1e-5)

    def test_masks_are_filled_as_many_together_as_memory_allows(
        self, http, served_models, monkeypatch
    ):
        model, sizes = served_models["filler"], []
        scores = 2 * model.vocabulary_size  # of a text of two masks
        fill = type(model).fill
        monkeypatch.setattr("seq2seq.serving.reading.MAX_SCORES", 3 * scores)

        def watched(self, texts, num_results, batch_size, verbose):
            sizes.append(batch_size)
            return fill(self, texts, num_results, batch_size, verbose)

        monkeypatch.setattr(type(model), "fill", watched)
        body = {"model": "filler", "inputs": ["the [MASK] sat", "the [MASK] [MASK]"] * 4}
        assert len(http.post("v1/fill", json=body).json()["results"]) == 8
        assert sizes == [3]

    @pytest.mark.parametrize(
        ("path", "body", "message"),
        [
            ("fill", {"model": "filler", "inputs": "no mask"}, "in the place of a token"),
            (
                "fill",
                {"model": "filler", "inputs": ["[MASK] " * 99] * 99, "num_results": 100},
                "answer of at most",
            ),
            ("fill", {"model": "filler", "inputs": "[MASK] a" * 99}, "at most 126 tokens"),
            ("fill", {"model": "translator", "inputs": "[MASK]"}, "post to /v1/generate"),
            ("generate", {"model": "filler", "inputs": "[MASK]"}, "post to /v1/fill"),
            ("score", {"model": "filler", "inputs": "the cat"}, "post to /v1/fill"),
            ("classify", {"model": "filler", "inputs": "the cat"}, "post to /v1/fill"),
        ],
    )
    def test_fill_refuses(self, http, path, body, message):
        response = http.post(f"v1/{path}", json=body)
        assert response.status_code == 400
        assert message in response.json()["error"]["message"]

    def test_classify_and_score(self, http, served_models):
        texts = ["what a lovely day", "what a bad day"]
        body = {"model": "sentiment", "inputs": texts}
        results = http.post("v1/classify", json=body).json()["results"]
        assert [result["label"] for result in results] == ["positive", "negative"]
        assert sum(each["probability"] for each in results[0]["probabilities"]) == pytest.approx(1)
        targets = ["早上好。", "车站在哪里？"]
        body = {"model": "translator", "inputs": SOURCES[:2], "targets": targets}
        scores = http.post("v1/score", json=body).json()["scores"]
        expected = served_models["translator"].score(SOURCES[:2], targets)
        np.testing.assert_allclose(scores, expected, atol=1e-5)
        body = {"model": "novelist", "inputs": ["it was late"]}
        (found,) = http.post("v1/score", json=body).json()["scores"]
        assert found == pytest.approx(served_models["novelist"].score(["it was late"])[0], abs=1e-5)

    @pytest.mark.parametrize(
        "path, body",
        [
            ("generate", {"inputs": "a", "max_length": 10**9}),
            ("generate", {"inputs": "a", "width": 3}),
            ("generate", {"inputs": "a", "sampler": "beam", "width": 65}),
            ("generate", {"inputs": "a", "sampler": "beam", "stream": True}),
            ("generate", {"inputs": ["a", "b"], "stream": True}),
            ("generate", {"inputs": ["a", [5]]}),
            ("generate", {"inputs": [[99_999]]}),
            ("generate", {"inputs": []}),
            ("generate", {"inputs": ["a"] * 10_000}),
            ("generate", {"inputs": "a", "min_length": 0}),
            ("generate", {"inputs": "a", "sampler": "sample", "top_p": 0.0}),
            ("generate", {"inputs": "a", "prefix": "never seen"}),
            ("generate", {"inputs": "a", "prefix": [5] * 10_001}),
            ("generate", {"inputs": "a", "banned": ["a" * 201]}),
            ("generate", {"inputs": "a", "detail": True}),
            ("generate", {"inputs": "a", "model": "sentiment"}),
            ("completions", {"prompt": "a", "model": "sentiment"}),
            ("completions", {"prompt": "a", "model": "filler"}),
            ("classify", {"inputs": "a"}),
            ("score", {"inputs": "a"}),
            ("score", {"inputs": ["a"], "targets": ["b", "c"]}),
            ("score", {"inputs": "a", "model": "sentiment"}),
        ],
    )
    def test_bad_requests(self, http, path, body):
        refused(http, path, **body)

    def test_models_that_are_not_there(self, http):
        error = refused(http, "generate", 404, inputs="a", model="other")
        assert error["code"] == "model_not_found"


class TestHardRequests:
    def post(self, http, content, path="v1/generate", **headers):
        return http.post(
            path, content=content, headers={"content-type": "application/json", **headers}
        )

    @pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b"", b"null", b"[" * 10**5])
    def test_broken_json(self, http, content):
        response = self.post(http, content)
        assert response.status_code == 400 and response.json()["error"]["message"]

    def test_texts_with_nul_and_surrogates(self, http):
        body = '{"model": "novelist", "inputs": "a\\u0000b", "max_length": 3}'
        assert self.post(http, body.encode()).status_code == 200
        for path, name in (("generate", "inputs"), ("completions", "prompt")):
            body = f'{{"model": "novelist", "{name}": "a\\ud800b"}}'
            response = self.post(http, body.encode(), f"v1/{path}")
            assert response.status_code == 400 and "surrogates" in response.text

    def test_a_body_too_large_is_refused_unread(self, address, http):
        response = self.post(http, b"x" * 2_000_000)
        assert response.status_code == 413

        def parts():
            for _ in range(100):
                yield b"x" * 100_000

        response = httpx.post(f"{address}v1/generate", content=parts())
        assert response.status_code == 413

    def test_a_lying_host(self, http):
        response = http.get("v1/models", headers={"host": "evil.example"})
        assert response.status_code == 400 and "localhost" in response.text
        for host in ("localhost:8000", "127.0.0.1", "[::1]:80"):
            assert http.get("v1/models", headers={"host": host}).status_code == 200

    @pytest.mark.parametrize("path", ["page/../engine.py", "page/%2e%2e/engine.py", "nothing"])
    def test_paths_outside_the_page(self, http, path):
        response = http.get(path)
        assert response.status_code == 404 and response.json()["error"]["message"]

    def test_headers_of_the_page(self, http):
        response = http.get("/")
        assert response.headers["content-security-policy"].startswith("default-src 'self'")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert http.get("page/page.js").headers["content-type"].startswith("text/javascript")

    def test_the_documentation_asks_no_other_host(self, http):
        page = http.get("docs").text
        assert "http://" not in page and "https://" not in page
        assert http.get("docs-files/swagger-ui-bundle.js").status_code == 200
        assert http.get("openapi.json").json()["info"]["title"] == "seq2seq"

    def test_state(self, http):
        assert http.get("health").json() == {"status": "ok"}
        assert http.get("ready").json() == {"status": "ready"}
        body = {"model": "translator", "inputs": SOURCE}
        assert http.post("v1/generate", json=body).status_code == 200
        assert http.post("v1/generate", json={**body, "width": 2}).status_code == 400
        text = http.get("metrics").text
        assert 'seq2seq_requests_total{path="/v1/generate",status="400"}' in text
        assert 'seq2seq_queued_rows{model="translator"} 0.0' in text
        assert 'seq2seq_tokens_total{kind="generated",model="translator"}' in text

    def test_what_is_read_for_labels_is_counted(self, http):
        def count():
            name = 'seq2seq_tokens_total{kind="read",model="sentiment"} '
            lines = http.get("metrics").text.splitlines()
            return sum(float(line.split()[1]) for line in lines if line.startswith(name))

        before = count()
        body = {"model": "sentiment", "inputs": ["good", "good good"]}
        assert http.post("v1/classify", json=body).status_code == 200
        assert count() == before + 3


@pytest.fixture(scope="module")
def narrow(served_models):
    """A server with a key, room for two and little patience."""
    from serving_fixtures import running

    from seq2seq.serving.application import create_application
    from seq2seq.serving.limits import Limits

    limits = Limits(max_batch=2, max_queue=3, max_length=100_000, timeout=4.0)
    application = create_application(served_models, limits, "secret", True)
    with running(application) as address:
        yield application, address


class TestLimits:
    def test_a_key_is_needed(self, narrow):
        _, address = narrow
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}):
            response = httpx.get(f"{address}v1/models", headers=headers)
            assert response.status_code == 401
            assert response.json()["error"]["code"] == "invalid_api_key"
        for path in ("", "health", "ready", "page/page.js"):
            assert httpx.get(address + path).status_code == 200
        for scheme in ("Bearer", "bearer", "BEARER"):
            headers = {"authorization": f"{scheme} secret"}
            assert httpx.get(f"{address}v1/models", headers=headers).status_code == 200
            assert httpx.head(address, headers=headers).status_code == 200
        client = openai.OpenAI(base_url=f"{address}v1", api_key="secret")
        assert len(list(client.models.list())) == 4

    def test_a_full_queue_late_answers_and_clients_that_go_away(self, narrow):
        application, address = narrow
        engine = application.state.models["novelist"].engine
        headers = {"authorization": "Bearer secret"}
        body = {"model": "novelist", "inputs": "One", "max_length": 100_000}
        statuses, streamed = [], []

        def ask(stream):
            asked = {**body, "stream": stream}
            response = httpx.post(f"{address}v1/generate", json=asked, headers=headers, timeout=60)
            (streamed if stream and response.is_success else statuses).append(
                response.text if response.is_success else response.status_code
            )
            assert response.status_code != 429 or response.headers["retry-after"] == "1"

        threads = [threading.Thread(target=ask, args=(i % 2 == 0,)) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # What is late when it streams already can only be told there.
        assert set(statuses) <= {429, 504} and 429 in statuses
        assert all("No answer within" in text for text in streamed)
        _wait(lambda: engine.running == engine.queued == 0)
        # One that goes away frees its row; the short ones behind it are served.
        with (
            httpx.Client(base_url=address, headers=headers, timeout=60) as http,
            http.stream("POST", "v1/generate", json={**body, "stream": True}) as response,
        ):
            next(response.iter_lines())
            short = {**body, "max_length": 2}
            assert http.post("v1/generate", json=short).is_success
        _wait(lambda: engine.running == 0)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{address}v1/generate", json=body, headers=headers, timeout=0.2)
        _wait(lambda: engine.running == 0)


def _wait(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_model_of_ids(tmp_path):
    from serving_fixtures import running

    from seq2seq.serving.application import create_application

    seq2seq.Seq2Seq(12, 12, embedding_dim=8, units=8).export(tmp_path / "ids", verbose=0)
    model = seq2seq.load_model(tmp_path / "ids")
    with (
        running(create_application({"ids": model})) as address,
        httpx.Client(base_url=address) as http,
    ):
        assert http.get("v1/models").json()["data"][0]["tokenizer"] is False
        body = {"model": "ids", "inputs": [4, 5, 6], "max_length": 5}
        (result,) = http.post("v1/generate", json=body).json()["results"][0]
        assert result["ids"] == model.generate([4, 5, 6, seq2seq.EOS], 5)
        for path, more in (
            ("generate", {"stream": True, "inputs": [4]}),
            ("completions", {"prompt": [4, 5]}),
            ("completions", {"prompt": [4, 5], "logprobs": 1, "stream": True}),
        ):
            error = refused(http, path, **{"model": "ids", **more})
            assert "with a tokenizer" in error["message"]


def test_a_transformer_is_served_as_it_generates(tmp_path):
    """Rows of all lengths join and leave, and each has slots for its own tokens."""
    from serving_fixtures import running

    from seq2seq.serving.application import create_application

    keras.utils.set_random_seed(3)
    model = seq2seq.Transformer(
        seq2seq.WordTokenizer().adapt(SOURCES),
        seq2seq.CharTokenizer().adapt(["早上好", "晚安"]),
        units=16,
        num_layers=1,
        feedforward_units=16,
    )
    model.export(tmp_path / "model", verbose=0)
    exported = seq2seq.load_model(tmp_path / "model")
    with running(create_application({"model": exported})) as address:
        # Untrained: some texts end at once, others never. More of them than a batch holds.
        body = {"model": "model", "inputs": SOURCES * 20, "max_length": 40}
        for options, sampler in (
            ({"sampler": "sample", "seed": 1}, seq2seq.Sample(seed=1)),
            ({"sampler": "beam", "width": 3}, seq2seq.BeamSearch(3)),
        ):
            answer = httpx.post(f"{address}v1/generate", json={**body, **options}, timeout=60)
            texts = [result["text"] for (result,) in answer.json()["results"]]
            assert texts == exported.generate(SOURCES * 20, 40, sampler)
