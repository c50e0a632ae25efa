"""Changing a room: fields are set to absolute values, others stay, and only the owner may do it."""

import uuid

import pytest

from tests.support.follow_ups import TITLE_ORDER, holding, room_row, wait_until_held
from tests.support.stack import Stack
from tests.support.user import Json, User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version


def _change(user: User, room: str, **body: object) -> Json:
    return ok(user.http.patch(f"/chatroom/{room}", json=body))


def test_only_the_named_fields_change(user: User) -> None:
    room = user.open_room(title="Before", description="Kept", system_instruction="Be brief.")
    before = ok(user.http.get(f"/chatroom/{room}"))
    changed = _change(user, room, title="  After ", model="gemini-2.5-pro")
    assert (changed["title"], changed["model"]) == ("After", "gemini-2.5-pro")
    assert changed["updated_at"] > before["updated_at"]
    new = {"title", "model", "updated_at"}
    assert {k: v for k, v in changed.items() if k not in new} == {
        k: v for k, v in before.items() if k in changed and k not in new
    }
    cleared = _change(user, room, description=None, system_instruction=None, model=None)
    assert (cleared["description"], cleared["system_instruction"]) == (None, None)
    assert (cleared["title"], cleared["model"]) == ("After", before["model"])
    assert ok(user.http.get(f"/chatroom/{room}")) == {**cleared, "messages": [], "next_cursor": None}


def test_the_same_change_twice_leaves_the_same_state(user: User) -> None:
    room = user.open_room()
    first, second = (_change(user, room, title="Twice", archived=True) for _ in range(2))
    assert {**first, "updated_at": ""} == {**second, "updated_at": ""}


def test_an_archived_room_leaves_the_list_and_comes_back(user: User) -> None:
    kept, gone = user.open_room(title="Kept"), user.open_room(title="Archived")

    def listed(*, archived: bool) -> list[str]:
        page = ok(user.http.get("/chatroom", params={"archived": archived}))
        return [room["id"] for room in page["chatrooms"]]

    assert listed(archived=False) == [gone, kept]
    assert _change(user, gone, archived=True)["archived"] is True
    assert (listed(archived=False), listed(archived=True)) == ([kept], [gone])
    assert _change(user, gone, archived=False)["archived"] is False
    assert (listed(archived=False), listed(archived=True)) == ([gone, kept], [])
    _change(user, gone, archived=True)
    user.say(gone, "Back again")
    assert (listed(archived=False), listed(archived=True)) == ([gone, kept], [])


def test_a_change_is_never_followed_by_a_stale_list(user: User) -> None:
    """Red when a change does not invalidate the list."""
    room = user.open_room()
    for number in range(10):
        _change(user, room, title=f"Title {number}")
        [listed] = ok(user.http.get("/chatroom"))["chatrooms"]
        assert listed["title"] == f"Title {number}"
        assert user.http.get("/chatroom").headers["x-cache"] == "HIT"


def test_a_new_model_and_instruction_apply_from_the_next_message_on(stack: Stack, user: User) -> None:
    room, mark = user.open_room(), uuid.uuid4().hex
    user.say(room, f"first {mark}")
    _change(user, room, model="gemini-2.5-pro", system_instruction=f"Speak like {mark}.")
    reply = user.say(room, f"second {mark}")["reply"]
    assert reply["model"] == "gemini-2.5-pro"
    [call] = stack.calls(f"second {mark}")
    assert call["model"] == "gemini-2.5-pro"
    assert mark in str(call["systemInstruction"])


def _came_too_late(stack: Stack, room: str) -> bool:
    return any("title_outdated" in line and room in line for line in stack.logs().splitlines())


def test_a_title_set_while_gemini_generates_one_stays(stack: Stack, user: User) -> None:
    """Red when Gemini's title is stored without a check of the current one."""
    room, mark = user.open_room(), uuid.uuid4().hex
    with holding(stack, TITLE_ORDER):
        user.say(room, f"What about {mark}?")
        wait_until_held(stack, TITLE_ORDER, mark)
        _change(user, room, title="Mine")
    eventually(lambda: _came_too_late(stack, room), what="the late title")
    assert ok(user.http.get(f"/chatroom/{room}"))["title"] == "Mine"
    user.say(room, "And now?")
    assert ok(user.http.get(f"/chatroom/{room}"))["title"] == "Mine"


def test_without_its_title_a_room_is_named_by_its_next_message(stack: Stack, user: User) -> None:
    room = user.open_room(title="Named")
    assert _change(user, room, title=None)["title"] is None
    user.say(room, "Words to go by")
    assert ok(user.http.get(f"/chatroom/{room}"))["title"]
    assert room_row(stack, room)["title_source"] in ("first_words", "gemini")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"title": "   "}, "/title"),
        ({"title": "two\nlines"}, "/title"),
        ({"title": "bell\x07"}, "/title"),
        ({"title": "nul\x00"}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"description": ""}, "/description"),
        ({"description": " \n "}, "/description"),
        ({"system_instruction": "x" * 8001}, "/system_instruction"),
        ({"model": "gpt"}, "/model"),
        ({"archived": None}, "/archived"),
        ({"archived": "yes"}, "/archived"),
        ({"archived": 1}, "/archived"),
        ({"message_count": 7}, "/message_count"),
        ({"title": "Fine", "id": str(uuid.uuid4())}, "/id"),
    ],
)
def test_an_invalid_change_is_rejected_and_changes_nothing(
    stack: Stack, user: User, body: Json, pointer: str
) -> None:
    room = user.open_room(title="As it was")
    before = room_row(stack, room)
    refusal = problem(user.http.patch(f"/chatroom/{room}", json=body), 400, "validation_failed")
    assert [error["pointer"] for error in refusal["errors"]] == [pointer]
    assert room_row(stack, room) == before


def test_white_space_around_a_text_is_removed(user: User) -> None:
    room = user.open_room(description=" " * 2000 + "x", system_instruction="\n" * 8000 + "y\n\nz ")
    seen = ok(user.http.get(f"/chatroom/{room}"))
    assert (seen["description"], seen["system_instruction"]) == ("x", "y\n\nz")


def test_a_title_made_by_the_service_can_be_sent_back(user: User) -> None:
    """Red when it contains control characters of the first words."""
    room = user.open_room()
    user.post(room, "\x1b[31mRed\x07 alert [sandbox:wait=5]", Prefer="respond-async")
    title = ok(user.http.get(f"/chatroom/{room}"))["title"]
    assert title.startswith("[31mRed alert")
    assert _change(user, room, title=title)["title"] == title


def test_a_room_of_another_user_cannot_be_changed_or_deleted(stack: Stack, user: User) -> None:
    room = user.open_room(title="Private")
    before = room_row(stack, room)
    stranger = stack.user()
    problem(stranger.http.patch(f"/chatroom/{room}", json={"title": "Taken"}), 404, "chatroom_not_found")
    problem(stranger.http.delete(f"/chatroom/{room}"), 404, "chatroom_not_found")
    problem(stranger.http.get(f"/chatroom/{room}/export"), 404, "chatroom_not_found")
    assert room_row(stack, room) == before
