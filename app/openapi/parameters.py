"""Parameters in the OpenAPI document: optional instead of nullable, with usual header names."""

from typing import Any

Json = dict[str, Any]


def tidy_parameters(operation: Json) -> None:
    """Remove `null` from the types of parameters, and write header names as in their specifications.

    Remove the copy of a parameter's description that FastAPI puts into its schema.
    """
    for parameter in operation.get("parameters", ()):
        without_null(parameter["schema"])
        if parameter["schema"].get("description") == parameter.get("description"):
            parameter["schema"].pop("description", None)
        if parameter["in"] == "header":
            words = parameter["name"].split("-")
            parameter["name"] = "-".join("ID" if word == "id" else word.capitalize() for word in words)


def without_null(schema: Json) -> None:
    """Replace `anyOf` of one schema and null by that schema, and remove a default of null."""
    if schema.get("default", ...) is None:
        del schema["default"]
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del schema["anyOf"]
        schema |= kinds[0]
