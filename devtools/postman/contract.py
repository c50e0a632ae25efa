"""The OpenAPI document as the collection needs it: operations, example answers, members of bodies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from devtools.state import ROOT

Json = dict[str, Any]

JSON = "application/json"
PROBLEM = "application/problem+json"

_PRINT = "import json; from app.main import app; print(json.dumps(app.openapi()))"
_PLACEHOLDERS = {"DATABASE_URL": "postgresql://localhost/app", "REDIS_URL": "redis://localhost/0"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its address and its text, and whether it asks for an access token."""

    method: str
    path: str
    text: str
    needs_token: bool
    responses: Json


class Contract:
    """Read an OpenAPI document."""

    def __init__(self, document: Json) -> None:
        self._document = document

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """Every operation by its id."""
        return {
            each["operationId"]: Operation(
                method=method.upper(),
                path=path,
                text=each.get("description") or each["summary"],
                needs_token={"HTTPBearer": []} in each.get("security", ()),
                responses=each["responses"],
            )
            for path, item in self._document["paths"].items()
            for method, each in item.items()
            if "operationId" in each
        }

    def example(self, operation: Operation, status: int, media_type: str, code: str = "") -> object:
        """Return the document's example of this answer, None where it has none."""
        content = self._content(operation, status, media_type)
        examples = content.get("examples", {})
        if code:
            return self._resolve(examples[code])["value"] if code in examples else None
        if examples:
            return self._resolve(next(iter(examples.values())))["value"]
        return content.get("example")

    def members(self, operation: Operation, status: int) -> Iterator[tuple[str, bool, list[str]]]:
        """List the objects in a JSON answer: the JavaScript for each, whether it is complete, its members."""
        yield from self._members(self._content(operation, status, JSON).get("schema", {}), "body")

    def media_types(self, operation: Operation, status: int) -> list[str]:
        """Return the media types of an answer, in the document's order."""
        return list(self._resolve(operation.responses.get(str(status), {})).get("content", {}))

    def schema(self, operation: Operation, status: int, media_type: str) -> Json:
        """Return the schema of an answer, together with the components that it refers to."""
        schema = self._content(operation, status, media_type)["schema"]
        return {**schema, "components": self._document["components"]}

    def _content(self, operation: Operation, status: int, media_type: str) -> Json:
        found = self._resolve(operation.responses.get(str(status), {}))
        return self._resolve(found.get("content", {}).get(media_type, {}))

    def _members(self, schema: Json, place: str) -> Iterator[tuple[str, bool, list[str]]]:
        schema = self._resolve(schema)
        properties: Json = schema.get("properties", {})
        required = [name for name in properties if name in schema.get("required", ())]
        if required:
            yield place, len(required) == len(properties), required
        for name in required:
            part = self._resolve(properties[name])
            yield from self._members(part, f"{place}.{name}")
            if part.get("type") == "array":
                yield from self._members(part["items"], f"{place}.{name}[0]")

    def _resolve(self, value: Json) -> Json:
        while "$ref" in value:
            found = self._document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value


def contract() -> Contract:
    """Ask the product for its document, where no environment and no .env can change it."""
    done = subprocess.run(
        [sys.executable, "-c", _PRINT],
        cwd=Path(__file__).parent,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), **_PLACEHOLDERS},
        stdout=subprocess.PIPE,
        check=True,
    )
    return Contract(json.loads(done.stdout))
