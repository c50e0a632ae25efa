"""The OpenAPI document: every route with its errors, examples, headers and events."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from app.openapi.about import add_about
from app.openapi.bodies import REPLY_EVENT_REFERENCE, add_examples, further_schemas
from app.openapi.errors import add_common_errors, error_responses
from app.openapi.headers import HEADERS, add_headers
from app.openapi.open_enums import fill_in_open_enums
from app.openapi.parameters import tidy_parameters
from app.openapi.sharing import drop_titles, share_errors

__all__ = ["REPLY_EVENT_REFERENCE", "document", "error_responses"]


def document(app: FastAPI, routes: Sequence[BaseRoute]) -> Callable[[], dict[str, Any]]:
    """Return the generator for `app.openapi`, with the paths in the order of these routes.

    It removes FastAPI's 422, which this API never returns.
    """

    def generate() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=routes
            )
            components = schema.setdefault("components", {})
            components["headers"] = {
                name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
            }
            schemas = components.setdefault("schemas", {})
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            schemas |= {name: found for name, found in further_schemas().items() if name not in schemas}
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
            add_about(schema, app.state.settings)
            fill_in_open_enums(schema)
            share_errors(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    return generate
