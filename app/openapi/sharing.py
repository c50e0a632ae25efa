"""Shared error responses in the OpenAPI document, and titles that repeat names."""

from typing import Any, Final

from app.problem_response import PROBLEM_TYPE

Json = dict[str, Any]

_RESPONSES: Final = "#/components/responses/"


def share_errors(document: Json) -> None:
    """Move error responses to `components/responses`, each once, named by its codes."""
    shared: Json = {}
    for item in document["paths"].values():
        for operation in item.values():
            responses = operation["responses"]
            for status, response in responses.items():
                if PROBLEM_TYPE in response.get("content", {}):
                    name = _name_of(response)
                    known = shared.setdefault(name, response)
                    if known != response:
                        raise ValueError(f"two error responses would be named {name}")
                    responses[status] = {"$ref": _RESPONSES + name}
    document["components"]["responses"] = dict(sorted(shared.items()))


def _name_of(response: Json) -> str:
    codes = response["content"][PROBLEM_TYPE]["examples"]
    return "Or".join(code.title().replace("_", "") for code in codes)


def drop_titles(document: Json) -> None:
    """Remove the titles that repeat the names of schemas and fields."""
    for schema in document["components"]["schemas"].values():
        schema.pop("title", None)
        for field in schema.get("properties", {}).values():
            field.pop("title", None)
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"].pop("title", None)
            for message in (operation.get("requestBody", {}), *operation["responses"].values()):
                for content in message.get("content", {}).values():
                    content["schema"].pop("title", None)
