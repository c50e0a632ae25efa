"""Long rooms keep a summary, which never stands in a reply's way; nor does a title.

The stack's own worker answers one reply at a time: whatever held its only place would be noticed.
"""

import re
import signal
import uuid
from collections.abc import Iterator

import pytest

from tests.conftest import Servers
from tests.support.person import Json, Person, ok
from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.upkeep import (
    SUMMARY_ORDER,
    TITLE_ORDER,
    holding,
    later_room_gets_its_title,
    restart_sandbox,
    room_row,
    upkeep_calls,
    wait_until_held,
)
from tests.support.waiting import eventually

MEMORY = "Earlier in this conversation"
LONG_ENOUGH = 4
"""So many exchanges of `_chapter`s pass three quarters of the budget; two of them are then summarised."""


@pytest.fixture(scope="module")
def stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with a small budget and a queue of its own, without a worker."""
    product = Stack(
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        folder=tmp_path_factory.mktemp("long-rooms"),
        CELERY_BROKER_URL=servers.redis_url.rpartition("/")[0] + "/10",
        CONTEXT_TOKEN_BUDGET="2000",
        BASIC_MESSAGES_PER_DAY="100",
    )
    with product.running() as running:
        yield running


@pytest.fixture
def worker(stack: Stack) -> Iterator[Process]:
    """A worker that answers one reply at a time."""
    started = stack.start_worker("--concurrency=1")
    yield started
    started.kill()


def _chapter(number: int, mark: str) -> str:
    return f"Chapter {number} {mark}: " + "word " * 200


def _fill(person: Person, room: str, chapters: range, mark: str) -> None:
    for number in chapters:
        assert person.say(room, _chapter(number, mark))["reply"]["status"] == "completed"


def _summary_after(stack: Stack, room: str, upto: int) -> tuple[str, int]:
    """The room's summary once it reaches further than `upto`, and how far."""

    def found() -> tuple[str, int] | None:
        row = room_row(stack, room)
        reach = int(str(row["summary_upto"]))
        return (str(row["summary"]), reach) if reach > upto else None

    return eventually(found, what="a summary that reaches further")


def _instruction(call: Json) -> str:
    told = call["systemInstruction"]
    return str(told["parts"][0]["text"]) if told else ""


def _turns(call: Json, role: str) -> list[str]:
    return [str(turn["parts"][0]["text"]) for turn in call["contents"] if turn["role"] == role]


def _note(call: Json) -> str:
    """The note that a call begins with; empty if it has none."""
    first = _turns(call, "user")[0]
    return first if first.startswith(MEMORY) else ""


def _chapters(call: Json) -> list[int]:
    """Which chapters the person's turns of a call tell; the replies and the note quote them too."""
    told = "\n".join(turn for turn in _turns(call, "user") if not turn.startswith(MEMORY))
    return [int(number) for number in re.findall(r"Chapter (\d+)", told)]


def _mark() -> str:
    return uuid.uuid4().hex


@pytest.mark.usefixtures("worker")
def test_what_the_budget_does_not_hold_any_more_is_remembered_as_a_summary(stack: Stack) -> None:
    """Red without the summary in the prompt (the name is forgotten), or without its reach (told twice).

    Red when the summary is part of the system instruction: what a text talked the model into would return as
    an order.
    """
    person, mark, end = stack.person(), _mark(), _mark()
    room = person.open_room(system_instruction="Be brief.")
    person.say(room, f"My name is Grace. {_chapter(0, mark)}")
    _fill(person, room, range(1, LONG_ENOUGH), mark)
    summary, upto = _summary_after(stack, room, 0)
    assert 0 < upto < 2 * LONG_ENOUGH
    asked = person.say(room, f"Now {end}: what is my name?")
    assert "Your name is Grace" in asked["reply"]["content"]
    [call] = stack.calls(end)
    assert _instruction(call) == "Be brief."
    assert _note(call).endswith(f"\n{summary}")
    roles = [turn["role"] for turn in call["contents"]]
    assert roles == ["user", "model"] * (len(roles) // 2) + ["user"]
    assert _chapters(call) == list(range(upto // 2, LONG_ENOUGH))


@pytest.mark.usefixtures("worker")
def test_a_summary_is_extended_and_not_made_anew(stack: Stack) -> None:
    """Red when the former summary is left out of the call, and red when the covered exchanges go again."""
    person, mark = stack.person(), _mark()
    room = person.open_room()
    _fill(person, room, range(LONG_ENOUGH), mark)
    first, upto = _summary_after(stack, room, 0)
    _fill(person, room, range(LONG_ENOUGH, 2 * LONG_ENOUGH), mark)
    _summary_after(stack, room, upto)
    made, extended, *_ = upkeep_calls(stack, SUMMARY_ORDER, mark)
    assert (_note(made), _chapters(made)) == ("", list(range(upto // 2)))
    assert (first in _note(extended), _chapters(extended)[0]) == (True, upto // 2)
    assert _instruction(extended) == _instruction(made)


@pytest.mark.usefixtures("worker")
def test_an_exchange_longer_than_the_whole_budget_does_not_stop_the_summary(stack: Stack) -> None:
    """Red without "one always goes": the summary never reaches beyond the long exchange."""
    person, mark = stack.person(), _mark()
    room = person.open_room()
    person.say(room, f"Volume one {mark}: " + "word " * 2000)
    person.say(room, f"Volume two {mark}: " + "word " * 2000)
    assert len(stack.calls(f"Volume two {mark}")) == 1  # the newest message always goes
    assert _summary_after(stack, room, 0)[1] == 2


@pytest.mark.usefixtures("worker")
def test_the_newest_exchange_is_never_summarised_away(stack: Stack) -> None:
    """Red when it may go too: its reply can still be regenerated, and would live on in the summary."""
    person, mark = stack.person(), _mark()
    room = person.open_room()
    person.say(room, f"Chapter 0 {mark}: " + "word " * 320)
    person.say(room, f"Chapter 1 {mark}: " + "word " * 840)
    assert _summary_after(stack, room, 0)[1] == 2


def test_a_summary_that_fails_neither_fails_nor_delays_a_reply_and_costs_nobody_anything(
    stack: Stack, worker: Process
) -> None:
    """Red when the worker waits for the summary (its one place is taken), and when usage is booked for it."""
    person, mark, end = stack.person(), _mark(), _mark()
    room = person.open_room()
    with holding(stack, SUMMARY_ORDER):
        _fill(person, room, range(LONG_ENOUGH), mark)
        wait_until_held(stack, SUMMARY_ORDER, mark)
        _fill(person, room, range(LONG_ENOUGH, LONG_ENOUGH + 2), mark)
        assert person.say(room, f"Still there? {end}")["reply"]["status"] == "completed"
        [call] = stack.calls(end)
        assert _note(call) == ""
        assert _chapters(call) == [2, 3, 4, 5]  # what fits
        assert "summary_failed" not in worker.log
        restart_sandbox(stack)  # the held call breaks off
    eventually(lambda: "summary_failed" in worker.log, what="a summary that failed")
    assert "follow_up_crashed" not in worker.log
    assert room_row(stack, room)["summary_upto"] == 0
    assert person.say(room, "And now?")["reply"]["status"] == "completed"
    _summary_after(stack, room, 0)  # the next exchange was the next try
    assert person.usage()["used"] == LONG_ENOUGH + 4
    counted = stack.database.rows("SELECT * FROM daily_usage WHERE user_id = %s", uuid.UUID(person.id))[0]
    assert counted["input_tokens"] == stack.database.value(
        "SELECT sum(input_tokens)::bigint FROM messages WHERE chatroom_id = %s", uuid.UUID(room)
    )
    assert mark not in worker.log


def test_of_two_workers_that_summarise_the_same_room_one_wins(stack: Stack, worker: Process) -> None:
    """Red without `WHERE summary_upto = :old`: the slower one puts the shorter summary back."""
    person, mark = stack.person(), _mark()
    room = person.open_room()
    with holding(stack, SUMMARY_ORDER):
        _fill(person, room, range(LONG_ENOUGH), mark)
        wait_until_held(stack, SUMMARY_ORDER, mark)
        worker.send(signal.SIGSTOP)
        second = stack.start_worker("--concurrency=1")
        _fill(person, room, range(LONG_ENOUGH, LONG_ENOUGH + 1), mark)
        wait_until_held(stack, SUMMARY_ORDER, mark, calls=2)
    kept = _summary_after(stack, room, 0)
    worker.send(signal.SIGCONT)
    eventually(lambda: '"event": "summary_' in worker.log, what="the end of the slower summary")
    second.kill()
    assert _summary_after(stack, room, 0) == kept
    assert ("summary_extended" in second.log, "summary_outdated" in worker.log) == (True, True)


def test_a_worker_told_to_stop_does_not_wait_for_a_summary(stack: Stack, worker: Process) -> None:
    """Red when the calls are not cancelled."""
    person, mark = stack.person(), _mark()
    with holding(stack, SUMMARY_ORDER):
        _fill(person, person.open_room(), range(LONG_ENOUGH), mark)
        wait_until_held(stack, SUMMARY_ORDER, mark)
        assert worker.stop(seconds=10) == 0
        [call] = upkeep_calls(stack, SUMMARY_ORDER, mark)
        assert call["ended"] == "client_closed"


def test_a_title_that_failed_is_not_tried_again_and_the_first_words_stay(
    stack: Stack, worker: Process
) -> None:
    """Red without the count of exchanges: the second one asks again."""
    person, mark = stack.person(), _mark()
    room = person.open_room()
    with holding(stack, TITLE_ORDER):
        person.say(room, f"Please explain   volcanoes {mark}")
        wait_until_held(stack, TITLE_ORDER, mark)
        restart_sandbox(stack)
    eventually(lambda: "title_failed" in worker.log, what="a title that failed")
    person.say(room, f"More about volcanoes {mark}")
    later_room_gets_its_title(stack, person)
    assert upkeep_calls(stack, TITLE_ORDER, mark) == []  # since the restart
    assert ok(person.http.get(f"/chatroom/{room}"))["title"] == f"Please explain volcanoes {mark}"[:60]
