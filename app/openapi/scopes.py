"""Scopes of the admin API in its OpenAPI document."""

from collections.abc import Sequence
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from app.models import Scope

Json = dict[str, Any]


def add_scopes(document: Json, routes: Sequence[BaseRoute]) -> None:
    """Name the scope that each operation requires, as a role of its security scheme (OpenAPI 3.1)."""
    for route in routes:
        if not isinstance(route, APIRoute) or route.path_format not in document["paths"]:
            continue
        for dependency in route.dependant.dependencies:
            scope = getattr(dependency.call, "scope", None)
            if isinstance(scope, Scope):
                for method in route.methods or ():
                    operation = document["paths"][route.path_format][method.lower()]
                    operation["security"] = [
                        {name: [scope.value] for name in scheme} for scheme in operation["security"]
                    ]
