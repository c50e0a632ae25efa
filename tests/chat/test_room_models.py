"""The model of a room: the current default, or a named one while it is offered."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.follow_ups import SUMMARY_ORDER, TITLE_ORDER, follow_up_calls, room_row
from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok, problem
from tests.support.waiting import eventually

_FIRST, _OTHER, _NEXT = "gemini-3.8-flash", "gemini-2.5-pro", "gemini-2.5-flash"
"""The default, another offered model, and a later default."""


@contextmanager
def _deployed(stack: Stack, user: User, **settings: str) -> Iterator[User]:
    """API and worker with these settings."""
    worker = stack.start_worker(**settings)
    try:
        yield user.at(stack.start_api(**settings))
    finally:
        worker.kill()


def _answered_by(stack: Stack, user: User, room: str) -> str:
    """Return the model of a reply, after checking that Gemini was called with it."""
    mark = uuid.uuid4().hex
    reply = user.say(room, f"Who are you? {mark}")["reply"]
    assert reply["status"] == "completed", reply
    [call] = stack.calls(mark)
    assert call["model"] == reply["model"]
    address = f"/chatroom/{room}/message/{reply['id']}"
    assert ok(user.http.get(address))["model"] == reply["model"]
    return str(reply["model"])


def test_a_room_that_names_no_model_follows_the_default_when_that_changes(own_stack: Stack) -> None:
    """Red when the default is stored with the room. The previous default is still offered."""
    user = own_stack.user()
    with _deployed(own_stack, user):
        room, named = user.open_room(), user.open_room(model=_FIRST)
        assert [ok(user.http.get(f"/chatroom/{one}"))["model"] for one in (room, named)] == [None, _FIRST]
        assert _answered_by(own_stack, user, room) == _FIRST
    with _deployed(own_stack, user, GEMINI_MODEL=_NEXT, GEMINI_MODELS=f"{_FIRST},{_OTHER}") as later:
        assert _answered_by(own_stack, later, room) == _NEXT
        assert ok(later.http.get(f"/chatroom/{room}"))["model"] is None
        assert _answered_by(own_stack, later, named) == _FIRST
        newest = ok(later.http.get(f"/chatroom/{room}/message?limit=1"))["messages"][0]
        again = later.http.post(
            f"/chatroom/{room}/message/{newest['id']}/regenerate", headers={"Prefer": "wait=60"}
        )
        assert ok(again)["reply"]["model"] == _NEXT


def test_a_message_queued_before_the_change_is_answered_by_the_new_default(own_stack: Stack) -> None:
    """It was accepted by an API process that knows only the previous default."""
    user = own_stack.user()
    room = user.open_room()
    reply = ok(user.post(room, "Hello", Prefer="respond-async"))["reply"]
    assert reply["model"] == _FIRST
    worker = own_stack.start_worker(GEMINI_MODEL=_NEXT, GEMINI_MODELS=_FIRST)
    assert user.wait_for(reply)["model"] == _NEXT
    worker.kill()


def test_a_named_model_that_is_no_longer_offered_falls_back_to_the_default(own_stack: Stack) -> None:
    """Red when the room's model is called although it is not offered. The room keeps its choice."""
    user, mark = own_stack.user(), uuid.uuid4().hex
    room, untitled = user.open_room(model=_OTHER), user.open_room(model=_OTHER)
    with _deployed(own_stack, user, GEMINI_MODELS="") as later:
        assert _answered_by(own_stack, later, room) == _FIRST
        later.say(untitled, f"Please explain volcanoes {mark}")
        eventually(lambda: follow_up_calls(own_stack, TITLE_ORDER, mark), what="the call for a title")
        assert [call["model"] for call in follow_up_calls(own_stack, TITLE_ORDER, mark)] == [_FIRST]
        changed = ok(later.http.patch(f"/chatroom/{room}", json={"title": "Mine", "archived": True}))
        assert (changed["title"], changed["model"]) == ("Mine", _OTHER)
        refusal = problem(
            later.http.patch(f"/chatroom/{room}", json={"model": _OTHER}), 400, "validation_failed"
        )
        [error] = refusal["errors"]
        assert (error["pointer"], error["code"]) == ("/model", "model_not_offered")
        assert _FIRST in error["message"]
        markdown = later.http.get(f"/chatroom/{room}/export?format=markdown").text
        assert markdown.startswith(f"# Mine\n\n*{_FIRST}, exported 20")
        assert " UTC)\n" in markdown
        assert f", {_FIRST})" not in markdown
    with _deployed(own_stack, user) as offered_again:
        assert _answered_by(own_stack, offered_again, room) == _OTHER
        markdown = offered_again.http.get(f"/chatroom/{room}/export?format=markdown").text
        assert markdown.startswith(f"# Mine\n\n*{_OTHER}, exported 20")
        assert f" UTC, {_FIRST})\n" in markdown
        assert f", {_OTHER})" not in markdown


def test_an_api_that_offers_more_than_the_worker_breaks_nothing(own_stack: Stack) -> None:
    """As during a change of settings: the worker decides, and the reply names its model."""
    user = own_stack.user()
    worker = own_stack.start_worker(GEMINI_MODEL=_NEXT, GEMINI_MODELS="")
    for body in ({"model": _OTHER}, {"model": _FIRST}, {}):
        assert _answered_by(own_stack, user, user.open_room(**body)) == _NEXT
    worker.kill()


def test_a_summary_is_made_by_the_model_that_answers(own_stack: Stack) -> None:
    """Red when the summary calls the room's model, which is no longer offered: it always fails."""
    user, mark = own_stack.user(), uuid.uuid4().hex
    own_stack.make_pro(user)
    room = user.open_room(model=_OTHER)
    with _deployed(own_stack, user, GEMINI_MODELS="", CONTEXT_TOKEN_BUDGET="2000") as later:
        for number in range(5):
            later.say(room, f"Chapter {number} {mark}: " + "word " * 200)
        eventually(lambda: follow_up_calls(own_stack, SUMMARY_ORDER, mark), what="the call for a summary")
    assert {call["model"] for call in follow_up_calls(own_stack, SUMMARY_ORDER, mark)} == {_FIRST}


def test_a_room_can_name_a_model_and_follow_the_default_again(stack: Stack, user: User) -> None:
    room = user.open_room()
    address = f"/chatroom/{room}"
    assert ok(user.http.patch(address, json={"model": _OTHER}))["model"] == _OTHER
    assert _answered_by(stack, user, room) == _OTHER
    assert ok(user.http.patch(address, json={"title": "Else"}))["model"] == _OTHER
    assert ok(user.http.patch(address, json={"model": None}))["model"] is None
    assert ok(user.http.get("/chatroom"))["chatrooms"][0]["model"] is None
    assert _answered_by(stack, user, room) == _FIRST
    assert ok(user.http.get(f"{address}/export"))["chatroom"]["model"] is None
    markdown = user.http.get(f"{address}/export?format=markdown").text
    assert markdown.startswith(f"# Else\n\n*{_FIRST}, exported 20")
    assert f" UTC, {_OTHER})\n" in markdown


def test_a_room_that_is_sent_back_as_it_was_read_is_unchanged(user: User) -> None:
    """Red when a room that follows the default shows it as its model: sent back, the room would name it."""
    room = ok(user.http.post("/chatroom"))
    names = ("title", "description", "system_instruction", "model", "archived")
    changed = ok(user.http.patch(f"/chatroom/{room['id']}", json={name: room[name] for name in names}))
    assert {**changed, "updated_at": ""} == {**room, "updated_at": ""}


@pytest.mark.parametrize("name", ["gpt", _FIRST.upper(), f"models/{_FIRST}", _NEXT])
def test_a_model_that_is_not_offered_is_rejected_with_a_list_of_the_others(user: User, name: str) -> None:
    room = user.open_room()
    for answer in (
        user.http.post("/chatroom", json={"model": name}),
        user.http.patch(f"/chatroom/{room}", json={"model": name}),
    ):
        [error] = problem(answer, 400, "validation_failed")["errors"]
        assert (error["pointer"], error["code"]) == ("/model", "model_not_offered")
        assert all(offered in error["message"] for offered in (_FIRST, _OTHER))
    assert ok(user.http.get(f"/chatroom/{room}"))["model"] is None


def _models(address: str) -> Json:
    return ok(client(address).get("/models"))


def test_the_models_that_a_room_may_name_are_listed_the_default_first(stack: Stack, user: User) -> None:
    assert _models(stack.base_url) == {
        "models": [{"id": _FIRST, "default": True}, {"id": _OTHER, "default": False}]
    }
    for model in _models(stack.base_url)["models"]:
        user.open_room(model=model["id"])
    several = stack.start_api(GEMINI_MODEL=_NEXT, GEMINI_MODELS=f"{_OTHER},{_NEXT},{_FIRST},{_OTHER}")
    listed = [(model["id"], model["default"]) for model in _models(several)["models"]]
    assert listed == [(_NEXT, True), (_OTHER, False), (_FIRST, False)]


def test_an_unchanged_list_of_models_is_not_sent_again(stack: Stack) -> None:
    anyone = client(stack.base_url)
    first = anyone.get("/models")
    assert "ratelimit" in first.headers
    again = anyone.get("/models", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = anyone.head("/models")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", first.headers["etag"])
    problem(anyone.get("/models?default=true"), 400, "validation_failed")
    problem(anyone.post("/models"), 405, "method_not_allowed")


def test_a_failed_reply_names_the_requested_model(own_stack: Stack) -> None:
    user = own_stack.user()
    worker = own_stack.start_worker(GEMINI_MODEL=_NEXT, GEMINI_MODELS="")
    reply = user.say(user.open_room(), "[sandbox:400]")["reply"]
    assert (reply["status"], reply["model"]) == ("failed", _NEXT)
    worker.kill()


def test_a_room_of_an_earlier_version_with_a_removed_model_is_answered(stack: Stack, user: User) -> None:
    """Even before a worker has decided whether it follows the default."""
    room = user.open_room()
    stack.database.run(
        "UPDATE chatrooms SET model = 'gemini-1.0-pro', follows_default = NULL WHERE id = %s", uuid.UUID(room)
    )
    assert ok(user.http.get(f"/chatroom/{room}"))["model"] == "gemini-1.0-pro"
    pending = ok(user.post(room, "Hello [sandbox:wait=2]", Prefer="respond-async"))["reply"]
    assert (pending["status"], pending["model"]) == ("pending", _FIRST)
    assert user.wait_for(pending)["model"] == _FIRST
    assert _answered_by(stack, user, room) == _FIRST
    assert room_row(stack, room)["model"] == "gemini-1.0-pro"
