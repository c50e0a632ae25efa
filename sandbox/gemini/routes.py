"""Gemini's routes: generate, count, and the list of models."""

from dataclasses import dataclass
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from sandbox.connection import Connection
from sandbox.gemini.calls import Call, Calls
from sandbox.gemini.catalogue import MODELS, Model, model_named
from sandbox.gemini.checks import check_contents, check_generate, check_key, check_size, parse
from sandbox.gemini.chunks import Encoder, Framing
from sandbox.gemini.control import Control
from sandbox.gemini.deliveries import Delivery, Streamed, Whole
from sandbox.gemini.holds import Holds
from sandbox.gemini.plan import Pace, plan
from sandbox.gemini.player import Player
from sandbox.gemini.problems import GoogleError, invalid_argument
from sandbox.gemini.requests import CountTokensRequest, GenerateContentRequest, tokens_of
from sandbox.gemini.words import Counts

FRAMINGS = {"sse": Framing.SSE, "json": Framing.ARRAY}


@dataclass(frozen=True, slots=True)
class Generate:
    """generateContent and streamGenerateContent, as an application of its own: it needs the connection."""

    method: str
    pace: Pace
    calls: Calls
    holds: Holds
    counts: Counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        model = _model(request)
        framing = _framing(request) if self.method == "streamGenerateContent" else None
        body = await request.body()
        asked = parse(GenerateContentRequest, body)
        check_generate(asked, model)
        orders = self.counts.orders(asked.last_user_text)
        planned = plan(asked, orders, self.pace, model.name)
        call = Call(
            method=self.method,
            model=model.name,
            api_version=request.path_params["version"],
            last_user_text=asked.last_user_text,
            body=body,
            word=orders.fault.name if orders.fault else None,
        )
        self.calls.add(call)
        encoder = Encoder(
            model=model.name,
            response_id=uuid4().hex,
            prompt_tokens=asked.prompt_tokens,
            thoughts=planned.thoughts,
        )
        connection = Connection(scope, receive, send)
        delivery: Delivery = (
            Streamed(connection, encoder, framing, comments=planned.comments)
            if framing
            else Whole(connection, encoder)
        )
        await Player(call, planned, encoder, self.holds, connection, delivery).play()


def gemini_routes(pace: Pace) -> list[BaseRoute]:
    """Build Gemini's routes and those a test controls them with; they share one memory."""
    calls, holds, counts = Calls(), Holds(), Counts()
    generate = [
        Route(
            f"/{{version}}/models/{{model}}:{method}",
            Generate(method, pace, calls, holds, counts),
            methods=["POST"],
        )
        for method in ("generateContent", "streamGenerateContent")
    ]
    return [
        *generate,
        Route("/{version}/models/{model}:countTokens", count, methods=["POST"]),
        Route("/{version}/models", list_models),
        Route("/{version}/models/{model}", describe_model),
        *Control(calls, holds, counts).routes(),
    ]


async def count(request: Request) -> Response:
    """Count the tokens of contents, or of a whole request."""
    _model(request)
    asked = parse(CountTokensRequest, await request.body())
    whole = asked.generate_content_request
    if whole is not None and asked.contents:
        raise invalid_argument("Only one of contents and generateContentRequest may be given.")
    check_contents(whole.contents if whole else asked.contents)
    tokens = whole.prompt_tokens if whole else sum(tokens_of(len(turn.text)) for turn in asked.contents)
    check_size(tokens)
    details = [{"modality": "TEXT", "tokenCount": tokens}]
    return JSONResponse({"totalTokens": tokens, "promptTokensDetails": details})


async def list_models(request: Request) -> Response:
    """List every model, on one page."""
    _known_version(request)
    check_key(request)
    return JSONResponse({"models": [model.described() for model in MODELS.values()]})


async def describe_model(request: Request) -> Response:
    """Describe one model."""
    return JSONResponse(_model(request).described())


def _model(request: Request) -> Model:
    version = _known_version(request)
    check_key(request)
    return model_named(request.path_params["model"], version)


def _known_version(request: Request) -> str:
    version: str = request.path_params["version"]
    if version not in {"v1", "v1beta"}:
        raise GoogleError(404, "NOT_FOUND", f"No such method: {request.method} {request.url.path}")
    return version


def _framing(request: Request) -> Framing:
    alt = request.query_params.get("alt", "json")
    if alt not in FRAMINGS:
        raise invalid_argument(f"Invalid value for the query parameter alt: {alt}")
    return FRAMINGS[alt]
