"""Build the collection in Postman's format (v2.1) from the folders and the OpenAPI document."""

import copy
import json
import re
from collections.abc import Mapping
from http import HTTPStatus

from devtools.postman.contract import Contract, Json, Operation
from devtools.postman.folders import FOLDERS
from devtools.postman.model import Folder, Request
from devtools.postman.scripts import answer_type, literal_parts, test_lines
from devtools.postman.variables import DESCRIPTION, EVERY_ANSWER, VARIABLES

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_NO_TOKEN: Json = {"type": "noauth"}


def build(contract: Contract) -> Json:
    """Return the whole collection."""
    return {
        "info": {"name": "AI chat backend", "description": DESCRIPTION, "schema": _SCHEMA},
        "item": [_folder(folder, contract) for folder in FOLDERS],
        "auth": _bearer("{{auth_token}}"),
        "event": [_event("test", EVERY_ANSWER)],
        "variable": [
            {"key": key, "value": value, "type": "string", "description": text}
            for key, (value, text) in VARIABLES.items()
        ],
    }


def as_text(collection: Json) -> str:
    """Return the collection as the file that is imported, indented as Postman's own exports are."""
    return json.dumps(collection, indent="\t", ensure_ascii=False) + "\n"


def _folder(folder: Folder, contract: Contract) -> Json:
    items = [
        _folder(item, contract) if isinstance(item, Folder) else _item(item, contract)
        for item in folder.items
    ]
    found: Json = {"name": folder.name, "description": folder.text, "item": items}
    if folder.bearer:
        found["auth"] = _bearer(folder.bearer)
    return found


def _item(request: Request, contract: Contract) -> Json:
    operation = contract.operations.get(request.operation)
    if operation is None and " " not in request.operation:
        raise LookupError(f"{request.name}: the OpenAPI document has no operation {request.operation}")
    sent = _sent(request, operation)
    events = [_event("test", test_lines(request, operation, contract))]
    if request.before:
        events.insert(0, _event("prerequest", request.before.strip("\n").splitlines()))
    return {
        "name": request.name,
        "event": events,
        "request": sent,
        "response": [*_saved(request, operation, sent, contract)],
    }


def _sent(request: Request, operation: Operation | None) -> Json:
    method, address = (
        (operation.method, operation.path) if operation else request.operation.split(" ", maxsplit=1)
    )
    headers = dict(request.headers)
    sent: Json = {"method": method, "header": [], "url": _url(address, request.path, request.query)}
    if request.body is not None:
        headers["Content-Type"] = request.media_type
        sent["body"] = _body(request)
    sent["header"] = [{"key": key, "value": value} for key, value in headers.items()]
    sent["description"] = request.text or (operation.text if operation and not request.code else "")
    if request.bearer:
        sent["auth"] = _bearer(request.bearer)
    elif request.bearer is not None or operation is None or not operation.needs_token:
        sent["auth"] = _NO_TOKEN
    return sent


def _url(address: str, path: Mapping[str, str], query: Mapping[str, str]) -> Json:
    filled = re.sub(r"\{(\w+)\}", lambda found: path.get(found[1], "{{" + found[1] + "}}"), address)
    raw = "{{base_url}}" + filled
    url: Json = {"raw": raw, "host": ["{{base_url}}"], "path": filled.strip("/").split("/")}
    if query:
        url["raw"] = raw + "?" + "&".join(f"{key}={value}" for key, value in query.items())
        url["query"] = [{"key": key, "value": value} for key, value in query.items()]
    return url


def _body(request: Request) -> Json:
    language = "json" if request.media_type == "application/json" else "text"
    text = request.body if isinstance(request.body, str) else _pretty(request.body)
    return {"mode": "raw", "raw": text, "options": {"raw": {"language": language}}}


def _saved(request: Request, operation: Operation | None, sent: Json, contract: Contract) -> list[Json]:
    """The document's example of the answer, with what the request's checks say of it."""
    media_type = answer_type(request, operation, contract) if operation else ""
    example = contract.example(operation, request.status, media_type, request.code) if operation else None
    if operation is None or (example is None and media_type):
        return []
    literal = dict(literal_parts(request.checks))
    headers = {"Content-Type": media_type} if media_type else {}
    headers |= {key: str(value) for key, value in literal.items() if key[:1].isupper() and _plain(value)}
    example = "" if example is None else example
    is_text = isinstance(example, str)
    return [
        {
            "name": request.code or HTTPStatus(request.status).phrase,
            "originalRequest": {key: value for key, value in sent.items() if key != "description"},
            "status": HTTPStatus(request.status).phrase,
            "code": request.status,
            "_postman_previewlanguage": "text" if is_text else "json",
            "header": [{"key": key, "value": value} for key, value in headers.items()],
            "cookie": [],
            "body": example if is_text else _pretty(_as_checked(example, literal, request.saved)),
        }
    ]


def _as_checked(example: object, literal: Mapping[str, object], more: Mapping[str, object]) -> object:
    body = copy.deepcopy(example)
    if isinstance(body, dict):
        body |= more
    for part, value in literal.items():
        if part == "":
            body = value if _plain(value) else body
        elif not part[0].isupper() and _plain(value):
            _put(body, re.findall(r"\w+", part), value)
    return body


def _put(body: object, steps: list[str], value: object) -> None:
    """Set a member of the example; one that it does not have is left out."""
    *way, last = steps
    for step in way:
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list):
            body = body[int(step)] if step.isdigit() and int(step) < len(body) else None
    if isinstance(body, dict) and last in body:
        body[last] = value


def _plain(value: object) -> bool:
    return "{{" not in json.dumps(value)


def _bearer(bearer: str) -> Json:
    return {"type": "bearer", "bearer": [{"key": "token", "value": bearer, "type": "string"}]}


def _event(listen: str, lines: list[str]) -> Json:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": lines}}


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
