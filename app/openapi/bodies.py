"""Bodies in the OpenAPI document: an example of each, the error body, and the events of a stream."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.openapi.parameters import without_null
from app.schemas.examples import EXAMPLES, body_of
from app.schemas.examples.chat import CANCELLED_REPLY, EVENTS, PENDING_EXCHANGE, STREAM
from app.schemas.examples.exports import ROOM_IN_MARKDOWN
from app.schemas.examples.operations import UNHEALTHY
from app.schemas.problem import Problem
from app.schemas.sse import PAYLOADS

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
REPLY_EVENT_REFERENCE: Final = {"$ref": f"{_SCHEMAS}ReplyEvent"}
"""The data of an event in a reply's stream."""

_EXAMPLES: Final = {type(example).__name__: example for example in EXAMPLES}
_EXAMPLE_OF_RESPONSE: Final[dict[tuple[str, str], BaseModel]] = {
    ("get_health", "503"): UNHEALTHY,
    ("send_message", "202"): PENDING_EXCHANGE,
    ("regenerate_reply", "202"): PENDING_EXCHANGE,
    ("cancel_reply", "200"): CANCELLED_REPLY,
}
"""Examples of single responses, by operation and status, in place of the example of their model."""
_EXAMPLE_OF_MEDIA_TYPE: Final = {"text/markdown": ROOM_IN_MARKDOWN}


def add_examples(operation: Json, schemas: Json) -> None:
    """Add an example to every JSON body, and a description to every success."""
    _add_example(operation.get("requestBody", {}), None)
    for status, response in operation["responses"].items():
        _add_example(response, _EXAMPLE_OF_RESPONSE.get((operation["operationId"], status)))
        if response["description"] == "Successful Response":
            models = [name for content in _json_of(response) for name in _models_of(content)]
            response["description"] = schemas[models[0]]["description"] if models else "Done."


def _add_example(message: Json, own: BaseModel | None) -> None:
    for media_type, content in message.get("content", {}).items():
        if media_type in _EXAMPLE_OF_MEDIA_TYPE:
            content["example"] = _EXAMPLE_OF_MEDIA_TYPE[media_type]
    for content in _json_of(message):
        for name in _models_of(content):
            example = own or _EXAMPLES.get(name)
            if example is not None and "example" not in content:
                content["example"] = body_of(example)


def _json_of(message: Json) -> Iterator[Json]:
    """Yield the JSON content of a request or a response, if any."""
    content = message.get("content", {})
    if "application/json" in content:
        yield content["application/json"]


def _models_of(content: Json) -> Iterator[str]:
    """Yield the name of the model that is the whole body, if any."""
    schema = content["schema"]
    for reference in (schema, *schema.get("anyOf", ())):
        if "$ref" in reference:
            yield reference["$ref"].removeprefix(_SCHEMAS)


def problem_schemas(*further: type[BaseModel]) -> Json:
    """Return the schemas of the error body, which is not the model of any route, and of further models."""
    models = [(model, "serialization") for model in (Problem, *further)]
    _, document = models_json_schema(models, ref_template=_SCHEMAS + "{model}")  # type: ignore[arg-type]  # a list of literals
    schemas: Json = document["$defs"]
    for field in schemas["Problem"]["properties"].values():
        without_null(field)
    return schemas


def event_schemas() -> Json:
    """Return the schemas of the error body and of events, which are not the model of any route."""
    schemas = problem_schemas(*PAYLOADS.values())
    for data in EVENTS:
        schemas[type(data).__name__]["examples"] = [data.model_dump(mode="json")]
    mapping = {kind.value: _SCHEMAS + model.__name__ for kind, model in PAYLOADS.items()}
    schemas["ReplyEvent"] = {
        "description": f"The JSON in an event's `data`; its `type` is the event's name.\n\n```\n{STREAM}```",
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return schemas
