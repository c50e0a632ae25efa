"""Titles: the first words at once, then the model's title, unless the user sets one."""

import uuid

from tests.support.person import Person, ok
from tests.support.stack import Stack
from tests.support.upkeep import (
    TITLE_ORDER,
    holding,
    later_room_gets_its_title,
    room_row,
    upkeep_calls,
    wait_until_held,
)
from tests.support.waiting import eventually


def test_a_title_of_the_model_replaces_the_first_words_once(stack: Stack, person: Person) -> None:
    mark = uuid.uuid4().hex
    room = person.open_room()
    with holding(stack, TITLE_ORDER):
        person.say(room, f"Please explain   volcanoes and glaciers {mark}")
        assert ok(person.http.get(f"/chatroom/{room}"))["title"].startswith("Please explain volcanoes and gl")
    eventually(lambda: room_row(stack, room)["title_source"] == "gemini", what="the model's title")
    title = ok(person.http.get(f"/chatroom/{room}"))["title"]
    assert title.startswith("Please explain volcanoes glaciers")
    assert len(title) <= 60
    person.say(room, f"More about glaciers {mark}")
    later_room_gets_its_title(stack, person)
    assert len(upkeep_calls(stack, TITLE_ORDER, mark)) == 1
    assert ok(person.http.get(f"/chatroom/{room}"))["title"] == title


def test_a_title_set_by_the_user_is_kept(stack: Stack, person: Person) -> None:
    """Red without `WHERE title_source = 'first_words'`: the user renamed the room during the call."""
    mark = uuid.uuid4().hex
    named = person.open_room(title="Mine from the start")
    person.say(named, f"Good morning {mark}")
    room = person.open_room()
    with holding(stack, TITLE_ORDER):
        person.say(room, f"Good evening {mark}")
        wait_until_held(stack, TITLE_ORDER, mark)
        stack.database.run(
            "UPDATE chatrooms SET title = 'Mine by now', title_source = 'person' WHERE id = %s",
            uuid.UUID(room),
        )
    eventually(
        lambda: any(room in line and '"title_' in line for line in stack.logs().splitlines()),
        what="the end of the follow-up",
    )
    titles = [ok(person.http.get(f"/chatroom/{one}"))["title"] for one in (named, room)]
    assert titles == ["Mine from the start", "Mine by now"]
    assert len(upkeep_calls(stack, TITLE_ORDER, mark)) == 1


def test_the_cached_list_shows_the_new_title_at_once(stack: Stack, person: Person) -> None:
    """Red when the worker does not invalidate the cached list."""
    mark = uuid.uuid4().hex
    room = person.open_room()
    with holding(stack, TITLE_ORDER):
        person.say(room, f"Please list everything {mark}")
        wait_until_held(stack, TITLE_ORDER, mark)
        person.http.get("/chatroom")
        before = person.http.get("/chatroom")
        assert before.headers["x-cache"] == "HIT"
    eventually(lambda: room_row(stack, room)["title_source"] == "gemini", what="the model's title")
    [listed] = ok(person.http.get("/chatroom"))["chatrooms"]
    assert listed["title"] == room_row(stack, room)["title"] != before.json()["chatrooms"][0]["title"]
