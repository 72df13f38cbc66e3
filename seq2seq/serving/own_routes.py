"""Our own API: everything that the models' methods take and return."""

from collections.abc import AsyncIterator
from dataclasses import asdict

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response

from seq2seq.generation.constraints import CONSTRAINTS
from seq2seq.generation.samplers import SAMPLERS
from seq2seq.serving import answers
from seq2seq.serving.bodies import ClassifyBody, FillBody, GenerateBody, ScoreBody, as_inputs
from seq2seq.serving.body_route import BodyRoute
from seq2seq.serving.calls import Call, Generated, make_sampler
from seq2seq.serving.errors import ApiError
from seq2seq.serving.text_stream import Piece
from seq2seq.serving.waiting import answer, find_model, stream

router = APIRouter(prefix="/v1", tags=["seq2seq"], route_class=BodyRoute)
OWNERS = {option: name for name, (_, own) in SAMPLERS.items() for option in own}
OPTIONS = {*OWNERS, *CONSTRAINTS}


@router.post("/generate", responses=answers.of(answers.GenerateAnswer, streams=True))
async def generate(body: GenerateBody, request: Request) -> Response:
    """Generates as `model.generate` does."""
    model = find_model(request, body.model)
    body.check_extra()
    call = await model.prepare(as_inputs(body.inputs), _sampler(body), body.max_length)
    if not body.stream:
        return await answer(request, _generate(model, call, body.details))
    if len(call.rows) > 1 or call.sampler.width > 1:
        raise ApiError(400, "Expected one text and no beam with `stream`.", "stream")
    model.check_tokenizer()
    return await stream(_events(model, call, body.details))


@router.post("/classify", responses=answers.of(answers.ClassifyAnswer))
async def classify(body: ClassifyBody, request: Request) -> Response:
    """Returns the probability of each label for each text."""
    model = find_model(request, body.model)
    body.check_extra()
    if model.task != "classify":
        raise ApiError(400, f"{model.name} is no classifier: {model.route}.", "model")
    return await answer(request, _classify(model, as_inputs(body.inputs)))


@router.post("/fill", responses=answers.of(answers.FillAnswer))
async def fill(body: FillBody, request: Request) -> Response:
    """Guesses the tokens that are hidden in each text."""
    model = find_model(request, body.model)
    body.check_extra()
    if model.task != "fill":
        raise ApiError(400, f"{model.name} fills nothing in: {model.route}.", "model")
    return await answer(request, _fill(model, as_inputs(body.inputs), body.num_results))


@router.post("/score", responses=answers.of(answers.ScoreAnswer))
async def score(body: ScoreBody, request: Request) -> Response:
    """Returns the log probabilities that a model gives to texts."""
    model = find_model(request, body.model)
    body.check_extra()
    inputs = as_inputs(body.inputs)
    targets = () if body.targets is None else (as_inputs(body.targets),)
    if model.engine is None:
        raise ApiError(400, f"{model.name} scores nothing: {model.route}.", "model")
    if (model.task == "translate") != bool(targets):
        wanted = {"translate": "`inputs` and `targets`", "language-model": "`inputs` alone"}
        raise ApiError(400, f"Expected {wanted[model.task]} for {model.name}.", "targets")
    return await answer(request, _score(model, inputs, *targets))


def _sampler(body):
    """Returns the sampler that a request describes."""
    kind, _ = SAMPLERS[body.sampler]
    given = body.model_dump(include=OPTIONS, exclude_none=True)
    for option, value in given.items():
        owner = OWNERS.get(option, body.sampler)
        if owner != body.sampler:
            raise ApiError(400, f"Expected `{option}` only with the sampler {owner!r}.", option)
        if isinstance(value, list):
            given[option] = tuple(value)
    return make_sampler(kind, **given)


async def _generate(model, call, with_details):
    results = await model.generate(call)
    described = None
    if with_details:
        described = await model.details(call, results, with_attention=True)
    size = sum(len(one.ids) for group in results for one in group)
    if with_details:  # a row of attention for each token
        size *= max(map(len, call.rows))

    def make():
        groups = [
            [
                _result(model, call, i, one, described[i][j] if with_details else None)
                for j, one in enumerate(group)
            ]
            for i, group in enumerate(results)
        ]
        return {"model": model.name, "results": groups}

    return size, make


def _result(model, call: Call, i: int, one: Generated, details) -> dict:
    result = {"text": model.whole(call, i, one), "finish_reason": one.finish_reason, "ids": one.ids}
    if details is None:
        return result
    attention = details.attention
    return {
        **result,
        "score": details.score,
        "normalised_score": details.normalised_score,
        "tokens": [
            {
                "token": token,
                "probability": float(np.exp(score)),
                "alternatives": _named(others),
            }
            for token, score, others in zip(
                details.labels, details.token_scores, details.alternatives, strict=True
            )
        ],
        "source_tokens": list(map(str, details.source_tokens)),
        "attention": None if attention is None else attention.astype("float64").round(5).tolist(),
    }


def _named(others):
    return [{"token": str(name), "probability": float(share)} for name, share in others]


async def _events(model, call, with_details) -> AsyncIterator[dict | None]:
    async for found in model.stream(call, with_details):
        if found is None:
            yield None
            if model.task == "language-model" and call.prompts:
                yield {"text": call.prompts[0], "token": None}
            continue
        _, found = found
        if isinstance(found, Piece):
            yield _piece(found)
        else:
            details = None
            if with_details:
                ((details,),) = await model.details(call, [[found]], with_attention=True)
            yield {"result": _result(model, call, 0, found, details)}


def _piece(piece):
    found = {"text": piece.text, "token": piece.token}
    if piece.alternatives is not None:
        found["probability"] = float(np.exp(piece.log_probability))
        found["alternatives"] = _named(
            [(name, np.exp(score)) for name, score in piece.alternatives]
        )
    return found


async def _classify(model, inputs):
    labels = list(map(str, model.model.labels))
    found = await model.classes(inputs)

    def describe(row):
        best = int(np.argmax(row))
        each = [
            {"label": label, "probability": share} for label, share in zip(labels, row, strict=True)
        ]
        return {"label": labels[best], "probability": row[best], "probabilities": each}

    return found.size, lambda: {
        "model": model.name,
        "results": list(map(describe, found.tolist())),
    }


async def _fill(model, inputs, num_results):
    found = await model.fills(inputs, num_results)
    size = sum(len(one.text) for places in found for tokens in places for one in tokens)
    return size, lambda: {
        "model": model.name,
        "results": [[list(map(asdict, tokens)) for tokens in places] for places in found],
    }


async def _score(model, inputs, *targets):
    scores = await model.scores(inputs, *targets)
    return len(scores), lambda: {"model": model.name, "scores": scores.tolist()}
