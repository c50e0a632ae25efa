"""Bodies in the OpenAPI document: an example of each, the error body, and the events of a stream."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.openapi.parameters import without_null
from app.schemas.examples import EXAMPLES, body_of
from app.schemas.examples.chat import CANCELLED_REPLY, EVENTS, STREAM, UNANSWERED
from app.schemas.examples.exports import ROOM_IN_MARKDOWN
from app.schemas.examples.operations import UNHEALTHY
from app.schemas.problem import Problem
from app.schemas.sse import PAYLOADS

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
REPLY_EVENT_REFERENCE: Final = {"$ref": f"{_SCHEMAS}ReplyEvent"}
"""The data of an event in a reply's stream."""

_EXAMPLES: Final = {type(example).__name__: example for example in EXAMPLES}
_OF_ANSWER: Final[dict[tuple[str, str], BaseModel]] = {
    ("get_health", "503"): UNHEALTHY,
    ("send_message", "202"): UNANSWERED,
    ("regenerate_reply", "202"): UNANSWERED,
    ("cancel_reply", "200"): CANCELLED_REPLY,
}
"""Answers that the usual example of their model would not explain, by operation and status."""
_OF_MEDIA_TYPE: Final = {"text/markdown": ROOM_IN_MARKDOWN}


def add_examples(operation: Json, schemas: Json) -> None:
    """The example of its model for every JSON body, and a description of every success."""
    _add_example(operation.get("requestBody", {}), None)
    for status, response in operation["responses"].items():
        _add_example(response, _OF_ANSWER.get((operation["operationId"], status)))
        if response["description"] == "Successful Response":
            models = [name for content in _json_of(response) for name in _models_of(content)]
            response["description"] = schemas[models[0]]["description"] if models else "Done."


def _add_example(message: Json, own: BaseModel | None) -> None:
    for media_type, content in message.get("content", {}).items():
        if media_type in _OF_MEDIA_TYPE:
            content["example"] = _OF_MEDIA_TYPE[media_type]
    for content in _json_of(message):
        for name in _models_of(content):
            example = own or _EXAMPLES.get(name)
            if example is not None and "example" not in content:
                content["example"] = body_of(example)


def _json_of(message: Json) -> Iterator[Json]:
    """The JSON content of a request or a response."""
    content = message.get("content", {})
    if "application/json" in content:
        yield content["application/json"]


def _models_of(content: Json) -> Iterator[str]:
    """The name of the model that is the whole body, if there is one."""
    schema = content["schema"]
    for reference in (schema, *schema.get("anyOf", ())):
        if "$ref" in reference:
            yield reference["$ref"].removeprefix(_SCHEMAS)


def further_schemas() -> Json:
    """The error body, and the data of a stream's events, which no route has as its model."""
    models = [(model, "serialization") for model in (Problem, *PAYLOADS.values())]
    _, document = models_json_schema(models, ref_template=_SCHEMAS + "{model}")  # type: ignore[arg-type]  # a list of literals
    schemas: Json = document["$defs"]
    for field in schemas["Problem"]["properties"].values():
        without_null(field)
    for data in EVENTS:
        schemas[type(data).__name__]["examples"] = [data.model_dump(mode="json")]
    mapping = {kind.value: _SCHEMAS + model.__name__ for kind, model in PAYLOADS.items()}
    schemas["ReplyEvent"] = {
        "description": f"The JSON in an event's `data`; its `type` is the event's name.\n\n```\n{STREAM}```",
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return schemas
