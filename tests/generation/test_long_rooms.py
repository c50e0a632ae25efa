"""Long rooms keep a summary; neither summaries nor titles delay replies.

The worker of the stack has one slot, so a follow-up that occupied it would delay the next reply.
"""

import re
import signal
import uuid
from collections.abc import Iterator

import pytest

from tests.conftest import Servers
from tests.support.follow_ups import (
    SUMMARY_ORDER,
    TITLE_ORDER,
    follow_up_calls,
    holding,
    later_room_gets_its_title,
    restart_sandbox,
    room_row,
    wait_until_held,
)
from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.user import Json, User, ok
from tests.support.waiting import eventually

NOTE = "Earlier in this conversation"
LONG_ENOUGH = 4
"""The exchanges of `_chapter`s that exceed three quarters of the budget; two of them are then summarised."""


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
    """A worker with one slot."""
    started = stack.start_worker("--concurrency=1")
    yield started
    started.kill()


def _chapter(number: int, mark: str) -> str:
    return f"Chapter {number} {mark}: " + "word " * 200


def _fill(user: User, room: str, chapters: range, mark: str) -> None:
    for number in chapters:
        assert user.say(room, _chapter(number, mark))["reply"]["status"] == "completed"


def _summary_after(stack: Stack, room: str, upto: int) -> tuple[str, int]:
    """Return the room's summary once it reaches beyond `upto`, and its position."""

    def found() -> tuple[str, int] | None:
        row = room_row(stack, room)
        reach = int(str(row["summary_upto"]))
        return (str(row["summary"]), reach) if reach > upto else None

    return eventually(found, what="a summary that reaches further")


def _instruction(call: Json) -> str:
    instruction = call["systemInstruction"]
    return str(instruction["parts"][0]["text"]) if instruction else ""


def _turns(call: Json, role: str) -> list[str]:
    return [str(turn["parts"][0]["text"]) for turn in call["contents"] if turn["role"] == role]


def _note(call: Json) -> str:
    """Return the note at the beginning of a call; empty if it has none."""
    first = _turns(call, "user")[0]
    return first if first.startswith(NOTE) else ""


def _chapters(call: Json) -> list[int]:
    """Return the chapters in the user's turns of a call; replies and the note quote them too."""
    text = "\n".join(turn for turn in _turns(call, "user") if not turn.startswith(NOTE))
    return [int(number) for number in re.findall(r"Chapter (\d+)", text)]


def _mark() -> str:
    return uuid.uuid4().hex


@pytest.mark.usefixtures("worker")
def test_exchanges_beyond_the_budget_are_replaced_by_a_summary(stack: Stack) -> None:
    """Red without the summary in the prompt, and when exchanges that it covers are in the prompt too.

    Red when the summary is part of the system instruction: pasted text could return as an instruction.
    """
    user, mark, end = stack.user(), _mark(), _mark()
    room = user.open_room(system_instruction="Be brief.")
    user.say(room, f"My name is Grace. {_chapter(0, mark)}")
    _fill(user, room, range(1, LONG_ENOUGH), mark)
    summary, upto = _summary_after(stack, room, 0)
    assert 0 < upto < 2 * LONG_ENOUGH
    asked = user.say(room, f"Now {end}: what is my name?")
    assert "Your name is Grace" in asked["reply"]["content"]
    [call] = stack.calls(end)
    assert _instruction(call) == "Be brief."
    assert _note(call).endswith(f"\n{summary}")
    roles = [turn["role"] for turn in call["contents"]]
    assert roles == ["user", "model"] * (len(roles) // 2) + ["user"]
    assert _chapters(call) == list(range(upto // 2, LONG_ENOUGH))


@pytest.mark.usefixtures("worker")
def test_a_summary_is_extended_by_later_exchanges_only(stack: Stack) -> None:
    """Red when the call lacks the former summary, and when it repeats the exchanges that this covers."""
    user, mark = stack.user(), _mark()
    room = user.open_room()
    _fill(user, room, range(LONG_ENOUGH), mark)
    first, upto = _summary_after(stack, room, 0)
    _fill(user, room, range(LONG_ENOUGH, 2 * LONG_ENOUGH), mark)
    _summary_after(stack, room, upto)
    made, extended, *_ = follow_up_calls(stack, SUMMARY_ORDER, mark)
    assert (_note(made), _chapters(made)) == ("", list(range(upto // 2)))
    assert (first in _note(extended), _chapters(extended)[0]) == (True, upto // 2)
    assert _instruction(extended) == _instruction(made)


@pytest.mark.usefixtures("worker")
def test_an_exchange_longer_than_the_whole_budget_does_not_stop_the_summary(stack: Stack) -> None:
    """Red when the first exchange may be left out: the summary never reaches beyond the long one."""
    user, mark = stack.user(), _mark()
    room = user.open_room()
    user.say(room, f"Volume one {mark}: " + "word " * 2000)
    user.say(room, f"Volume two {mark}: " + "word " * 2000)
    assert len(stack.calls(f"Volume two {mark}")) == 1  # the newest message is always sent
    assert _summary_after(stack, room, 0)[1] == 2


@pytest.mark.usefixtures("worker")
def test_the_newest_exchange_is_never_summarised(stack: Stack) -> None:
    """Red when it is summarised too: its reply may be regenerated, and the summary would keep the old one."""
    user, mark = stack.user(), _mark()
    room = user.open_room()
    user.say(room, f"Chapter 0 {mark}: " + "word " * 320)
    user.say(room, f"Chapter 1 {mark}: " + "word " * 840)
    assert _summary_after(stack, room, 0)[1] == 2


def test_a_failed_summary_neither_delays_a_reply_nor_is_charged(stack: Stack, worker: Process) -> None:
    """Red when the worker waits for the summary in its one slot, and when the summary counts as usage."""
    user, mark, end = stack.user(), _mark(), _mark()
    room = user.open_room()
    with holding(stack, SUMMARY_ORDER):
        _fill(user, room, range(LONG_ENOUGH), mark)
        wait_until_held(stack, SUMMARY_ORDER, mark)
        _fill(user, room, range(LONG_ENOUGH, LONG_ENOUGH + 2), mark)
        assert user.say(room, f"Still there? {end}")["reply"]["status"] == "completed"
        [call] = stack.calls(end)
        assert _note(call) == ""
        assert _chapters(call) == [2, 3, 4, 5]  # what fits
        assert "summary_failed" not in worker.log
        restart_sandbox(stack)  # the held call fails
    eventually(lambda: "summary_failed" in worker.log, what="a summary that failed")
    assert "follow_up_crashed" not in worker.log
    assert room_row(stack, room)["summary_upto"] == 0
    assert user.say(room, "And now?")["reply"]["status"] == "completed"
    _summary_after(stack, room, 0)  # the next exchange was the next attempt
    assert user.usage()["used"] == LONG_ENOUGH + 4
    counted = stack.database.rows("SELECT * FROM daily_usage WHERE user_id = %s", uuid.UUID(user.id))[0]
    assert counted["input_tokens"] == stack.database.value(
        "SELECT sum(input_tokens)::bigint FROM messages WHERE chatroom_id = %s", uuid.UUID(room)
    )
    assert mark not in worker.log


def test_one_of_two_concurrent_summaries_of_a_room_wins(stack: Stack, worker: Process) -> None:
    """Red without `WHERE summary_upto = :old`: the slower worker restores the shorter summary."""
    user, mark = stack.user(), _mark()
    room = user.open_room()
    with holding(stack, SUMMARY_ORDER):
        _fill(user, room, range(LONG_ENOUGH), mark)
        wait_until_held(stack, SUMMARY_ORDER, mark)
        worker.send(signal.SIGSTOP)
        second = stack.start_worker("--concurrency=1")
        _fill(user, room, range(LONG_ENOUGH, LONG_ENOUGH + 1), mark)
        wait_until_held(stack, SUMMARY_ORDER, mark, calls=2)
    kept = _summary_after(stack, room, 0)
    worker.send(signal.SIGCONT)
    eventually(lambda: '"event": "summary_' in worker.log, what="the end of the slower summary")
    second.kill()
    assert _summary_after(stack, room, 0) == kept
    assert ("summary_extended" in second.log, "summary_outdated" in worker.log) == (True, True)


def test_a_stopping_worker_does_not_wait_for_a_summary(stack: Stack, worker: Process) -> None:
    """Red when the calls are not cancelled."""
    user, mark = stack.user(), _mark()
    with holding(stack, SUMMARY_ORDER):
        _fill(user, user.open_room(), range(LONG_ENOUGH), mark)
        wait_until_held(stack, SUMMARY_ORDER, mark)
        assert worker.stop(seconds=10) == 0
        [call] = follow_up_calls(stack, SUMMARY_ORDER, mark)
        assert call["ended"] == "client_closed"


def test_a_failed_title_is_not_retried_and_the_first_words_stay(stack: Stack, worker: Process) -> None:
    """Red without the count of exchanges: the second exchange calls the model again."""
    user, mark = stack.user(), _mark()
    room = user.open_room()
    with holding(stack, TITLE_ORDER):
        user.say(room, f"Please explain   volcanoes {mark}")
        wait_until_held(stack, TITLE_ORDER, mark)
        restart_sandbox(stack)
    eventually(lambda: "title_failed" in worker.log, what="a title that failed")
    user.say(room, f"More about volcanoes {mark}")
    later_room_gets_its_title(stack, user)
    assert follow_up_calls(stack, TITLE_ORDER, mark) == []  # since the restart
    assert ok(user.http.get(f"/chatroom/{room}"))["title"] == f"Please explain volcanoes {mark}"[:60]
