"""The OpenAPI document is complete, and no route shows one person's things to another."""

import uuid
from collections.abc import Iterator

import pytest

from tests.support.person import Json, Person, client, ok, problem
from tests.support.stack import Stack

_METHODS = ("get", "post", "put", "patch", "delete")
_BODIES = {"post": {"content": "Not mine"}, "patch": {"title": "Not mine"}}


@pytest.fixture(scope="module")
def document(stack: Stack) -> Json:
    with client(stack.base_url) as anyone:
        return ok(anyone.get("/openapi.json"))


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield method, path, item[method]


def test_every_operation_has_a_stable_id_and_a_summary_of_its_promise(document: Json) -> None:
    ids = [operation["operationId"] for _, _, operation in _operations(document)]
    assert len(ids) == len(set(ids))
    assert all(id_.replace("_", "").isalnum() and id_ == id_.lower() for id_ in ids)
    assert all(operation["description"] for _, _, operation in _operations(document))


def test_no_route_answers_422_and_every_error_has_the_one_body(document: Json) -> None:
    for method, path, operation in _operations(document):
        assert "422" not in operation["responses"], (method, path)
        for status, response in operation["responses"].items():
            if int(status) >= 400 and path != "/health":
                assert list(response["content"]) == ["application/problem+json"], (method, path, status)


def _is_guarded(operation: Json) -> bool:
    return bool(operation.get("security"))


def test_every_guarded_route_refuses_a_caller_without_a_token(stack: Stack, document: Json) -> None:
    with client(stack.base_url) as anyone:
        for method, path, operation in _operations(document):
            if _is_guarded(operation):
                address = path.replace("{", "").replace("}", "")
                problem(anyone.request(method, address, json={}), 401, "authentication_required")


def test_every_route_with_an_id_refuses_somebody_elses(stack: Stack, document: Json, person: Person) -> None:
    """The owner matrix: a new route is covered on the day it is in the document."""
    room = person.open_room()
    reply = person.say(room, "Mine")["reply"]
    [session] = ok(person.http.get("/auth/sessions"))["sessions"]
    ids = {
        "chatroom_id": room,
        "message_id": reply["id"],
        "reply_id": reply["id"],
        "session_id": session["id"],
    }
    stranger = stack.person()
    checked = 0
    for method, path, operation in _operations(document):
        names = [
            parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"
        ]
        if not names:
            continue
        assert _is_guarded(operation), (method, path)
        assert set(names) <= ids.keys(), f"tell this test how to make a {names} of somebody else"
        for values in (ids, dict.fromkeys(ids, str(uuid.uuid4())), dict.fromkeys(ids, "no-uuid")):
            answer = stranger.http.request(method, path.format(**values), json=_BODIES.get(method))
            assert answer.status_code == 404, (method, path, answer.text)
            checked += 1
    assert checked >= 9
    assert ok(person.http.get(f"/chatroom/{room}"))["message_count"] == 2
