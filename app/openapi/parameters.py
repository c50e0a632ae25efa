"""Parameters and optional bodies in the OpenAPI document: absent rather than null, headers as usual."""

from typing import Any

Json = dict[str, Any]


def tidy_request(operation: Json) -> None:
    """Drop `null` where leaving out is meant, and write `Last-Event-ID` as its specification does."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        without_null(content["schema"])
    for parameter in operation.get("parameters", ()):
        without_null(parameter["schema"])
        if parameter["in"] == "header":
            words = parameter["name"].split("-")
            parameter["name"] = "-".join("ID" if word == "id" else word.capitalize() for word in words)


def without_null(schema: Json) -> None:
    """Turn `anyOf` of one schema and null into that schema, and drop null as its default."""
    if schema.get("default", ...) is None:
        del schema["default"]
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del schema["anyOf"]
        schema |= kinds[0]
