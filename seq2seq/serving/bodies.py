"""What clients send, as pydantic checks it and OpenAPI describes it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from seq2seq.serving.errors import ApiError, unsupported

LENGTH_HELP = "Default: 100, or what a model of fewer learned positions has left."
MAX_BANNED = 1000  # tokens; a request is not a place for a vocabulary
# A list stops at what is wrong first: a report on a million items takes seconds and memory.
FIRST = Field(fail_fast=True)
ManyTexts = Annotated[list[str], FIRST]
Ids = Annotated[list[int], FIRST]
ManyIds = Annotated[list[Ids], FIRST]
Texts = str | ManyTexts | Ids | ManyIds
Token = Annotated[str, Field(max_length=200)]


class Body(BaseModel):
    """What all requests share: what they hold beyond the known must be null."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    model: str = Field(description="Name of a model, as /v1/models lists them.")

    def check_extra(self) -> None:
        """Raises an `ApiError` for the first parameter that is not known."""
        for name, value in (self.model_extra or {}).items():
            if value is not None:
                raise unsupported(name, "leave it out.")


def as_inputs(inputs: Texts) -> list:
    """Returns texts or rows of ids as a list of them."""
    single = isinstance(inputs, str) or (inputs and isinstance(inputs[0], int))
    inputs = [inputs] if single else inputs
    if not inputs:
        raise ApiError(400, "Expected at least one text. Received an empty list.")
    return inputs


class StreamOptions(BaseModel):
    """What else a stream is to hold."""

    model_config = ConfigDict(strict=True, extra="forbid")

    include_usage: bool | None = None
    include_obfuscation: bool | None = Field(None, description="Not used.")


class OpenAIBody(Body):
    """The parameters that OpenAI's two ways to generate share."""

    temperature: float | None = Field(1.0, ge=0, le=100, description="0: the likeliest token.")
    top_p: float | None = Field(1.0, gt=0, le=1)
    n: int | None = Field(1, ge=1, le=128, description="Results for each text.")
    stop: str | Annotated[list[str], FIRST] | None = Field(
        None, description="At most 4 texts that end a result."
    )
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    frequency_penalty: float | None = Field(0.0, ge=-2, le=2)
    presence_penalty: float | None = Field(0.0, ge=-2, le=2)
    logit_bias: dict[str, float] | None = Field(
        None,
        max_length=MAX_BANNED,
        description="Ids of tokens; only -100, which bans them, is supported.",
    )
    user: str | None = Field(None, description="Not used.")


class CompletionBody(OpenAIBody):
    """https://platform.openai.com/docs/api-reference/completions/create"""

    prompt: Texts
    max_tokens: int | None = Field(None, ge=1, description=LENGTH_HELP)
    best_of: int | None = Field(None, ge=1, le=128)
    echo: bool | None = False
    logprobs: int | None = Field(None, ge=0, le=5)
    suffix: str | None = Field(None, description="Not supported.")


class Part(BaseModel):
    """A part of a message."""

    model_config = ConfigDict(strict=True, extra="forbid")

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """A message of a conversation."""

    model_config = ConfigDict(strict=True, extra="allow")

    role: str
    content: str | Annotated[list[Part], FIRST] | None = None


class ChatBody(OpenAIBody):
    """https://platform.openai.com/docs/api-reference/chat/create"""

    messages: Annotated[list[Message], FIRST] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1, description=LENGTH_HELP)
    max_completion_tokens: int | None = Field(None, ge=1, description="The same.")
    logprobs: bool | None = False
    top_logprobs: int | None = Field(None, ge=0, le=5)
    response_format: dict | None = Field(None, description='Only {"type": "text"}.')


class EmbeddingBody(Body):
    """https://platform.openai.com/docs/api-reference/embeddings/create"""

    input: Texts
    encoding_format: Literal["float", "base64"] | None = "float"
    user: str | None = Field(None, description="Not used.")


class GenerateBody(Body):
    """What `generate` takes, but for `replace_unknown`."""

    inputs: Texts = Field(description="A text, a list of texts, a row of ids or a list of rows.")
    max_length: int | None = Field(None, ge=1, description=LENGTH_HELP)
    sampler: Literal["greedy", "sample", "beam"] = "greedy"
    temperature: float | None = Field(None, description="Of sampling. Default: 1.")
    top_k: int | None = Field(None, description="Of sampling. Default: all.")
    top_p: float | None = Field(None, description="Of sampling. Default: all.")
    seed: int | None = Field(None, description="Of sampling.")
    width: int | None = Field(None, description="Of a beam. Default: 5.")
    length_penalty: float | None = Field(None, description="Of a beam. Default: 1.")
    num_results: int | None = Field(None, description="Of a beam. Default: 1.")
    min_length: int | None = None
    no_repeat_ngram: int | None = Field(None, ge=1, le=32)
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    prefix: Annotated[str | Ids, Field(max_length=10_000)] | None = None
    banned: Annotated[list[Token | int], FIRST] | None = Field(None, max_length=MAX_BANNED)
    details: bool = Field(False, description="Whether to tell scores, alternatives, attention.")
    stream: bool = Field(False, description="Whether to send tokens as they come (one text).")


class ClassifyBody(Body):
    """What to label."""

    inputs: Texts


class FillBody(Body):
    """Texts with masks."""

    inputs: str | ManyTexts = Field(description="Each with [MASK] in the place of some tokens.")
    num_results: int = Field(5, ge=1, le=100, description="Tokens for each mask.")


class ScoreBody(Body):
    """What to score: pairs, or texts alone for a language model."""

    inputs: Texts
    targets: Texts | None = None
