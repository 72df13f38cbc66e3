"""OpenAI's API: https://platform.openai.com/docs/api-reference"""

import base64
from collections.abc import AsyncIterator

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response

from seq2seq.generation.samplers import Greedy, Sample
from seq2seq.serving import answers
from seq2seq.serving.bodies import ChatBody, CompletionBody, EmbeddingBody, as_inputs
from seq2seq.serving.body_route import BodyRoute
from seq2seq.serving.calls import Call, count_tokens, make_sampler
from seq2seq.serving.errors import ApiError, unsupported
from seq2seq.serving.openai_forms import ChatForm, CompletionForm
from seq2seq.serving.served_model import ServedModel
from seq2seq.serving.text_stream import Piece
from seq2seq.serving.waiting import answer, as_response, find_model, stream
from seq2seq.text.vocabulary import EOS

router = APIRouter(prefix="/v1", tags=["OpenAI"], route_class=BodyRoute)


@router.get("/models", responses=answers.of(answers.ModelsAnswer))
async def list_models(request: Request) -> Response:
    """Lists the models."""
    models = request.app.state.models.values()
    return as_response({"object": "list", "data": [model.describe() for model in models]})


@router.get("/models/{name:path}", responses=answers.of(answers.ModelAnswer))
async def get_model(name: str, request: Request) -> Response:
    """Tells what a model is."""
    return as_response(find_model(request, name).describe())


@router.post("/completions", responses=answers.of(answers.CompletionAnswer, streams=True))
async def complete(body: CompletionBody, request: Request) -> Response:
    """Continues prompts, or generates targets for sources."""
    model = find_model(request, body.model)
    body.check_extra()
    if body.suffix is not None:
        raise unsupported("suffix", "these models read from left to right.")
    if body.echo and body.logprobs is not None:
        raise unsupported("logprobs", "not together with `echo`.")
    count = body.n or 1
    best_of = body.best_of or count
    if best_of < count:
        raise ApiError(400, "Expected `best_of` of at least `n`.", "best_of")
    prompts = as_inputs(body.prompt)
    if body.echo and not isinstance(prompts[0], str):
        raise unsupported("echo", "not for prompts of ids.")
    call = await _call(model, body, prompts, body.max_tokens, best_of)
    form = CompletionForm(model, body.echo, body.logprobs)
    if body.stream:
        if best_of > count:
            raise unsupported("stream", "not together with `best_of` above `n`.")
        return await _stream(model, call, form, body)
    return await answer(request, _complete(model, call, form, count))


@router.post("/chat/completions", responses=answers.of(answers.ChatAnswer, streams=True))
async def chat(body: ChatBody, request: Request) -> Response:
    """Answers the last message of the user; what was said before is not read."""
    model = find_model(request, body.model)
    body.check_extra()
    if body.response_format not in (None, {"type": "text"}):
        raise unsupported("response_format", 'only {"type": "text"}.')
    if body.top_logprobs and not body.logprobs:
        raise ApiError(400, "Expected `logprobs` to be true with `top_logprobs`.", "top_logprobs")
    asked = [message for message in body.messages if message.role == "user"]
    content = asked[-1].content if asked else None
    if not content:
        raise ApiError(400, "Expected a message of the role `user` with a text.", "messages")
    text = content if isinstance(content, str) else "\n".join(part.text for part in content)
    if body.max_tokens is not None and body.max_completion_tokens is not None:
        raise ApiError(400, "Expected `max_tokens` or `max_completion_tokens`, not both.")
    max_tokens = body.max_completion_tokens or body.max_tokens
    call = await _call(model, body, [text], max_tokens, body.n or 1)
    form = ChatForm(model, (body.top_logprobs or 0) if body.logprobs else None)
    if body.stream:
        return await _stream(model, call, form, body)
    return await answer(request, _complete(model, call, form, body.n or 1))


@router.post("/embeddings", responses=answers.of(answers.EmbeddingAnswer))
async def embed(body: EmbeddingBody, request: Request) -> Response:
    """Returns a vector for each text."""
    model = find_model(request, body.model)
    body.check_extra()
    inputs = as_inputs(body.input)
    return await answer(request, _embed(model, inputs, body.encoding_format == "base64"))


async def _embed(model, inputs, as_base64):
    vectors, read = await model.vectors(inputs)
    vectors = np.ascontiguousarray(vectors, "<f4")
    usage = {"prompt_tokens": read, "total_tokens": read}

    def describe(i):
        vector = base64.b64encode(vectors[i]).decode() if as_base64 else vectors[i].tolist()
        return {"object": "embedding", "index": i, "embedding": vector}

    return vectors.size, lambda: {
        "object": "list",
        "data": list(map(describe, range(len(vectors)))),
        "model": model.name,
        "usage": usage,
    }


async def _call(
    model: ServedModel, body, prompts: list, max_tokens: int | None, count: int
) -> Call:
    """Returns what OpenAI's parameters ask for."""
    model.check_tokenizer()
    bias = body.logit_bias or {}
    if any(value != -100 for value in bias.values()):
        raise unsupported("logit_bias", "only -100, which bans a token.")
    size = model.model.generator.vocabulary_size
    if not all(name.isdecimal() and len(name) < 10 and EOS < int(name) < size for name in bias):
        raise ApiError(
            400, f"Expected ids of tokens, {EOS + 1} to {size - 1}, in `logit_bias`.", "logit_bias"
        )
    if body.stream_options is not None and not body.stream:
        raise ApiError(400, "Expected `stream_options` only with `stream`.", "stream_options")
    stops = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    if len(stops) > 4 or not all(stops):
        raise ApiError(400, "Expected at most 4 texts that are not empty in `stop`.", "stop")
    constraints = {
        "frequency_penalty": body.frequency_penalty or 0.0,
        "presence_penalty": body.presence_penalty or 0.0,
        "banned": tuple(map(int, bias)),
    }
    if body.temperature == 0:
        sampler = make_sampler(Greedy, **constraints)
    else:
        temperature = 1.0 if body.temperature is None else max(body.temperature, 1e-6)
        top_p = None if body.top_p in (None, 1) else body.top_p
        seed = None if body.seed is None else body.seed % 2**63
        sampler = make_sampler(
            Sample, temperature=temperature, top_p=top_p, seed=seed, **constraints
        )
    return await model.prepare(prompts, sampler, max_tokens, count=count, stops=stops)


async def _complete(model, call, form, count):
    """Returns the whole answer."""
    results = await model.generate(call)
    described = None
    if form.logprobs is not None or call.count > count:
        described = await model.details(call, results)
    if call.count > count:
        results, described = _keep_best(results, described, count)
    generated = sum(one.tokens for group in results for one in group)
    # Each may be told with its prompt, or continue it.
    read = sum(len(group) * len(call.prompt(i * call.count)) for i, group in enumerate(results))

    def make():
        choices = []
        for i, group in enumerate(results):
            for j, one in enumerate(group):
                details = described[i][j] if form.logprobs is not None else None
                prompt = call.prompt(i * call.count)
                choices.append(form.whole(len(choices), prompt, one, details))
        return {**form.head(), "choices": choices, "usage": _usage(call, generated)}

    return generated + read, make


def _keep_best(results, described, count):
    """Keeps the results of the highest log probability a token."""
    kept = []
    for group, details in zip(results, described, strict=True):
        means = [float(np.mean(one.token_scores)) for one in details]
        order = sorted(range(len(group)), key=lambda i: -means[i])[:count]
        kept.append(([group[i] for i in order], [details[i] for i in order]))
    return [group for group, _ in kept], [details for _, details in kept]


async def _stream(model, call, form, body):
    options = body.stream_options
    return await stream(_events(model, call, form, bool(options and options.include_usage)))


async def _events(model, call, form, with_usage) -> AsyncIterator[dict | None]:
    """Yields `None` once the call waits, then the events of a stream."""
    generated = 0

    def chunk(*choices, **rest):
        if with_usage:
            rest.setdefault("usage", None)
        return {**form.head(stream=True), "choices": list(choices), **rest}

    async for found in model.stream(call, looks=form.logprobs is not None):
        if found is None:
            yield None
            for place in range(len(call.rows) * call.count):
                for choice in form.begin(place, call.prompt(place)):
                    yield chunk(choice)
            continue
        place, found = found
        if isinstance(found, Piece):
            choice = form.piece(place, found)
        else:
            choice = form.end(place, found)
            generated += found.tokens
        if choice is not None:
            yield chunk(choice)
    if with_usage:
        yield chunk(usage=_usage(call, generated))


def _usage(call, generated):
    read = count_tokens(call.rows)
    return {
        "prompt_tokens": read,
        "completion_tokens": generated,
        "total_tokens": read + generated,
    }
