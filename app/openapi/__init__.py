"""The OpenAPI documents: every route with its errors, examples, headers and events."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from app.openapi.about import add_about
from app.openapi.bodies import REPLY_EVENT_REFERENCE, add_examples, event_schemas, problem_schemas
from app.openapi.errors import add_common_errors, admin_responses, error_responses
from app.openapi.headers import HEADERS, add_headers
from app.openapi.open_enums import fill_in_open_enums
from app.openapi.parameters import tidy_parameters
from app.openapi.scopes import add_scopes
from app.openapi.sharing import drop_titles, share_errors

__all__ = ["REPLY_EVENT_REFERENCE", "DocumentedApi", "admin_responses", "document", "error_responses"]


@dataclass(frozen=True, slots=True)
class DocumentedApi:
    """One of the two APIs of this service, with a document of its own."""

    title: str
    description: str
    routes: Sequence[BaseRoute]
    """In the order of the document."""
    tags: Mapping[str, str]
    codes: Sequence[str]
    """The codes of its errors."""
    has_events: bool = False


def document(app: FastAPI, api: DocumentedApi) -> Callable[[], dict[str, Any]]:
    """Return the generator of a document, for `app.openapi`.

    It removes FastAPI's 422, which this API never returns.
    """

    def generate() -> dict[str, Any]:
        schema = get_openapi(
            title=api.title, version=app.version, description=api.description, routes=api.routes
        )
        components = schema.setdefault("components", {})
        components["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
        }
        schemas = components.setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        further = event_schemas() if api.has_events else problem_schemas()
        schemas |= {name: found for name, found in further.items() if name not in schemas}
        add_scopes(schema, api.routes)
        for path, item in schema["paths"].items():
            for method, operation in item.items():
                operation.setdefault("security", [])
                operation["responses"].pop("422", None)
                add_common_errors(path, method, operation["responses"])
                add_headers(path, operation)
                add_examples(operation, schemas)
                tidy_parameters(operation)
                operation["responses"] = dict(sorted(operation["responses"].items()))
        drop_titles(schema)
        add_about(schema, app.state.settings, api.tags)
        fill_in_open_enums(schema, api.codes)
        share_errors(schema)
        return schema

    return generate
