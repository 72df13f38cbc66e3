"""The server does what its own description says, whatever fits the description or does not."""

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
pytest.importorskip("fastapi", reason="fastapi is not installed")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from schemathesis import GenerationMode  # noqa: E402
from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

from seq2seq.serving import bodies  # noqa: E402

pytestmark = pytest.mark.neutral

OPERATIONS = [
    "GET /v1/models",
    "GET /v1/models/{name}",
    "POST /v1/completions",
    "POST /v1/chat/completions",
    "POST /v1/embeddings",
    "POST /v1/generate",
    "POST /v1/classify",
    "POST /v1/fill",
    "POST /v1/score",
    "GET /health",
    "GET /ready",
    "GET /metrics",
]
LOCAL = {"host": "localhost"}


KINDS = (
    bodies.CompletionBody,
    bodies.ChatBody,
    bodies.EmbeddingBody,
    bodies.GenerateBody,
    bodies.ClassifyBody,
    bodies.FillBody,
    bodies.ScoreBody,
)
UNUSUAL = {"logit_bias", "response_format", "stream_options", "top_logprobs"}
KNOWN = {name for kind in KINDS for name in kind.model_fields} - UNUSUAL
LONGEST = 20  # tokens to generate
# What a schema cannot tell: that 1.0 is no whole number, or which options go together.
UNTOLD = [positive_data_acceptance]


def fitting(case):
    """Asks a model that there is for a few tokens, so that more than refusals are seen."""
    if case.path_parameters:
        case.path_parameters["name"] = "translator"
    if isinstance(case.body, dict):
        task = case.path.rpartition("/")[2]
        case.body["model"] = {"classify": "sentiment", "fill": "filler"}.get(task, "translator")
        for name in set(case.body) - KNOWN:
            del case.body[name]
        for name in ("max_length", "min_length", "max_tokens", "max_completion_tokens"):
            if isinstance(case.body.get(name), int):
                case.body[name] = min(case.body[name], LONGEST)
        if task == "fill":
            case.body["inputs"] = "the cat [MASK] on the mat"
        for message in case.body.get("messages", ()) if "chat" in case.path else ():
            message.update(role="user", content="good morning .")
    return case


@pytest.fixture(scope="module")
def operations(application):
    async def lasting(scope, receive, send):
        """The application, which others use too, without its end."""
        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return
        for _ in range(2):
            message = await receive()
            await send({"type": f"{message['type']}.complete"})

    described = schemathesis.openapi.from_asgi("/openapi.json", lasting, headers=LOCAL)
    found = (result.ok() for result in described.get_all_operations())
    return {operation.label: operation for operation in found}


def test_everything_is_described(operations):
    assert list(operations) == OPERATIONS


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_it_answers_is_what_it_describes(operations, name, mode):
    operation = operations[name]

    @settings(
        max_examples=20,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(operation.as_strategy(generation_mode=mode))
    def check(case):
        asked = fitting(case) if mode.is_positive else case
        response = asked.call_and_validate(headers=LOCAL, excluded_checks=UNTOLD)
        statuses.add(response.status_code)

    if mode.is_negative and not operation.body:
        pytest.skip("nothing to get wrong")
    statuses = set()
    check()
    assert mode.is_negative or 200 in statuses
