"""Parameters in the OpenAPI document: absent rather than null, and headers written as usual."""

from typing import Any

Json = dict[str, Any]


def tidy_parameters(operation: Json) -> None:
    """Drop `null` from what is sent as text anyway, and write `Last-Event-ID` as its specification does."""
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
