"""Titles: the first words at once, Gemini's instead of them soon after, a person's for ever."""

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


def test_the_first_words_are_replaced_once_by_a_title_from_the_first_exchange(
    stack: Stack, person: Person
) -> None:
    mark = uuid.uuid4().hex
    room = person.open_room()
    with holding(stack, TITLE_ORDER):
        person.say(room, f"Please explain   volcanoes and glaciers {mark}")
        assert ok(person.http.get(f"/chatroom/{room}"))["title"].startswith("Please explain volcanoes and gl")
    eventually(lambda: room_row(stack, room)["title_source"] == "gemini", what="Gemini's title")
    title = ok(person.http.get(f"/chatroom/{room}"))["title"]
    assert title.startswith("Please explain volcanoes glaciers")
    assert len(title) <= 60
    person.say(room, f"More about glaciers {mark}")
    later_room_gets_its_title(stack, person)
    assert len(upkeep_calls(stack, TITLE_ORDER, mark)) == 1
    assert ok(person.http.get(f"/chatroom/{room}"))["title"] == title


def test_a_title_that_a_person_set_stays(stack: Stack, person: Person) -> None:
    """Red without `WHERE title_source = 'first_words'`: the person renamed it while Gemini thought."""
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
        what="the end of Gemini's title",
    )
    titles = [ok(person.http.get(f"/chatroom/{one}"))["title"] for one in (named, room)]
    assert titles == ["Mine from the start", "Mine by now"]
    assert len(upkeep_calls(stack, TITLE_ORDER, mark)) == 1


def test_the_cached_list_shows_the_new_title_at_once(stack: Stack, person: Person) -> None:
    """Red without the worker's drop of the cached list."""
    mark = uuid.uuid4().hex
    room = person.open_room()
    with holding(stack, TITLE_ORDER):
        person.say(room, f"Please list everything {mark}")
        wait_until_held(stack, TITLE_ORDER, mark)
        person.http.get("/chatroom")
        before = person.http.get("/chatroom")
        assert before.headers["x-cache"] == "HIT"
    eventually(lambda: room_row(stack, room)["title_source"] == "gemini", what="Gemini's title")
    [listed] = ok(person.http.get("/chatroom"))["chatrooms"]
    assert listed["title"] == room_row(stack, room)["title"] != before.json()["chatrooms"][0]["title"]
