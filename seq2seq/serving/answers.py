"""What the server answers, as OpenAPI describes it; the routes make it by hand, which is faster."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

Probability = Annotated[float, Field(ge=0, le=1.001)]


class ErrorDetails(BaseModel):
    """What went wrong."""

    message: str = Field(description="What was expected, what came, and what to do.")
    type: str = Field(description="Such as invalid_request_error.")
    param: str | None = Field(description="The parameter that it is about.")
    code: str | None = Field(description="Such as model_not_found.")


class ErrorAnswer(BaseModel):
    """An error, in OpenAI's form."""

    error: ErrorDetails


class StateAnswer(BaseModel):
    """Whether it is well."""

    status: str


class ModelAnswer(BaseModel):
    """A model."""

    id: str
    object: Literal["model"]
    created: int = Field(description="Seconds since 1970 when it was loaded.")
    owned_by: str
    task: Literal["translate", "language-model", "classify", "fill"]
    attention: bool
    tokenizer: bool = Field(description="Whether it takes texts; if not, rows of ids.")
    labels: list[str] | None = Field(description="Of a classifier.")


class ModelsAnswer(BaseModel):
    """All models."""

    object: Literal["list"]
    data: list[ModelAnswer]


class Usage(BaseModel):
    """Tokens read and generated, without the special ones."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionLogprobs(BaseModel):
    """Log probabilities of a completion."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class CompletionChoice(BaseModel):
    """A completion."""

    text: str | None
    index: int
    logprobs: CompletionLogprobs | None
    finish_reason: Literal["stop", "length"]


class CompletionAnswer(BaseModel):
    """Completions; each event of a stream has one choice, and no usage but the last."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage


class ChatMessage(BaseModel):
    """What the model says."""

    role: Literal["assistant"]
    content: str | None
    refusal: None


class ChatChoice(BaseModel):
    """An answer."""

    index: int
    message: ChatMessage
    logprobs: dict[str, Any] | None
    finish_reason: Literal["stop", "length"]


class ChatAnswer(BaseModel):
    """Answers; the events of a stream are `chat.completion.chunk`, with `delta`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


class EmbeddingItem(BaseModel):
    """The vector of a text."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str = Field(description="In base64: float32, little-endian.")


class EmbeddingUsage(BaseModel):
    """Tokens read."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingAnswer(BaseModel):
    """Vectors."""

    object: Literal["list"]
    data: list[EmbeddingItem]
    model: str
    usage: EmbeddingUsage


class Alternative(BaseModel):
    """A token that was likely too."""

    token: str
    probability: Probability


class Token(Alternative):
    """A generated token."""

    alternatives: list[Alternative]


class Result(BaseModel):
    """A result; what is not required comes with `details`."""

    text: str | None = Field(description="A language model's with its prompt; none of ids.")
    finish_reason: Literal["stop", "length"]
    ids: list[int]
    score: float = Field(0, description="Its log probability.")
    normalised_score: float = Field(0, description="The same, by which a beam ranks it.")
    tokens: list[Token] = []
    source_tokens: list[str] = []
    attention: list[list[float]] | None = Field(None, description="(tokens, source tokens)")


class GenerateAnswer(BaseModel):
    """The results of each text; a stream has pieces of text, then one event with `result`."""

    model: str
    results: list[list[Result]]


class LabelShare(BaseModel):
    """A label with its probability."""

    label: str
    probability: Probability


class LabelResult(LabelShare):
    """The best label, and all."""

    probabilities: list[LabelShare]


class ClassifyAnswer(BaseModel):
    """The labels of each text."""

    model: str
    results: list[LabelResult]


class FilledToken(BaseModel):
    """A likely token, and the text with it."""

    token: str
    probability: Probability
    text: str


class FillAnswer(BaseModel):
    """The likely tokens of each mask of each text, best first."""

    model: str
    results: list[list[list[FilledToken]]]


class ScoreAnswer(BaseModel):
    """The log probability of each text."""

    model: str
    scores: list[float]


ERRORS = {
    "4XX": {"model": ErrorAnswer, "description": "The request cannot be served as it is."},
    "5XX": {"model": ErrorAnswer, "description": "The server cannot serve it, or not in time."},
}


def of(model, streams: bool = False) -> dict:
    """Returns the description of a route's answer, for its `responses`."""
    answer = {"model": model}
    if streams:
        text = {"type": "string", "description": "JSON; at last [DONE]."}
        event = {"type": "object", "properties": {"data": text}, "required": ["data"]}
        answer["content"] = {"text/event-stream": {"schema": event}}
    return {200: answer}
