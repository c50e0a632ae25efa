"""Titles: the first words at once, then the model's title, unless the user sets one."""

import uuid

from tests.support.follow_ups import (
    TITLE_ORDER,
    follow_up_calls,
    holding,
    later_room_gets_its_title,
    room_row,
    wait_until_held,
)
from tests.support.stack import Stack
from tests.support.user import User, ok
from tests.support.waiting import eventually


def test_a_title_of_the_model_replaces_the_first_words_once(stack: Stack, user: User) -> None:
    mark = uuid.uuid4().hex
    room = user.open_room()
    with holding(stack, TITLE_ORDER):
        user.say(room, f"Please explain   volcanoes and glaciers {mark}")
        assert ok(user.http.get(f"/chatroom/{room}"))["title"].startswith("Please explain volcanoes and gl")
    eventually(lambda: room_row(stack, room)["title_source"] == "gemini", what="the model's title")
    title = ok(user.http.get(f"/chatroom/{room}"))["title"]
    assert title.startswith("Please explain volcanoes glaciers")
    assert len(title) <= 60
    user.say(room, f"More about glaciers {mark}")
    later_room_gets_its_title(stack, user)
    assert len(follow_up_calls(stack, TITLE_ORDER, mark)) == 1
    assert ok(user.http.get(f"/chatroom/{room}"))["title"] == title


def test_a_title_set_by_the_user_is_kept(stack: Stack, user: User) -> None:
    """Red without `WHERE title_source = 'first_words'`: the user renamed the room during the call."""
    mark = uuid.uuid4().hex
    named = user.open_room(title="Mine from the start")
    user.say(named, f"Good morning {mark}")
    room = user.open_room()
    with holding(stack, TITLE_ORDER):
        user.say(room, f"Good evening {mark}")
        wait_until_held(stack, TITLE_ORDER, mark)
        stack.database.run(
            "UPDATE chatrooms SET title = 'Mine by now', title_source = 'person' WHERE id = %s",
            uuid.UUID(room),
        )
    eventually(
        lambda: any(room in line and '"title_' in line for line in stack.logs().splitlines()),
        what="the end of the follow-up",
    )
    titles = [ok(user.http.get(f"/chatroom/{one}"))["title"] for one in (named, room)]
    assert titles == ["Mine from the start", "Mine by now"]
    assert len(follow_up_calls(stack, TITLE_ORDER, mark)) == 1


def test_the_cached_list_shows_the_new_title_at_once(stack: Stack, user: User) -> None:
    """Red when the worker does not invalidate the cached list."""
    mark = uuid.uuid4().hex
    room = user.open_room()
    with holding(stack, TITLE_ORDER):
        user.say(room, f"Please list everything {mark}")
        wait_until_held(stack, TITLE_ORDER, mark)
        user.http.get("/chatroom")
        before = user.http.get("/chatroom")
        assert before.headers["x-cache"] == "HIT"
    eventually(lambda: room_row(stack, room)["title_source"] == "gemini", what="the model's title")
    [listed] = ok(user.http.get("/chatroom"))["chatrooms"]
    assert listed["title"] == room_row(stack, room)["title"] != before.json()["chatrooms"][0]["title"]
