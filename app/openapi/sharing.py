"""Shared error responses and their examples in the OpenAPI document, and titles that repeat names."""

from collections import Counter
from typing import Any, Final

from app.problem_response import PROBLEM_TYPE

Json = dict[str, Any]

_RESPONSES: Final = "#/components/responses/"
_EXAMPLES: Final = "#/components/examples/"


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
    document["components"]["examples"] = _share_examples([_examples_of(each) for each in shared.values()])


def _share_examples(groups: list[Json]) -> Json:
    """Replace examples that several responses have by references; return them by code."""
    uses = Counter(code for examples in groups for code in examples)
    shared: Json = {}
    for examples in groups:
        for code, example in examples.items():
            if uses[code] > 1:
                if shared.setdefault(code, example) != example:
                    raise ValueError(f"two examples would be named {code}")
                examples[code] = {"$ref": _EXAMPLES + code}
    return dict(sorted(shared.items()))


def _examples_of(response: Json) -> Json:
    examples: Json = response["content"][PROBLEM_TYPE]["examples"]
    return examples


def _name_of(response: Json) -> str:
    return "Or".join(code.title().replace("_", "") for code in _examples_of(response))


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
