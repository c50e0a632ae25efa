"""Follow-up calls of workers after a reply: observe them, hold them, make them fail."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.support.stack import Stack
from tests.support.user import Json, User
from tests.support.waiting import eventually

SUMMARY_ORDER, TITLE_ORDER = "summary of this conversation", "title for this conversation"


def room_row(stack: Stack, room: str) -> dict[str, object]:
    return stack.database.rows("SELECT * FROM chatrooms WHERE id = %s", uuid.UUID(room))[0]


def follow_up_calls(stack: Stack, order: str, mark: str) -> list[Json]:
    """Return the calls with this order whose conversation contains the mark."""
    return [call for call in stack.calls(order) if mark in json.dumps(call["contents"])]


@contextmanager
def holding(stack: Stack, order: str) -> Iterator[None]:
    """Hold calls with this order at the sandbox for the duration of the block."""
    held = {"contains": order}
    httpx.post(f"{stack.sandbox_url}/sandbox/hold", json=held).raise_for_status()
    try:
        yield
    finally:
        httpx.post(f"{stack.sandbox_url}/sandbox/release", json=held).raise_for_status()


def wait_until_held(stack: Stack, order: str, mark: str, *, calls: int = 1) -> None:
    """Wait until `count` calls of this room are held."""
    eventually(
        lambda: sum(bool(call["held"]) for call in follow_up_calls(stack, order, mark)) == calls,
        what="held calls",
    )


def later_room_gets_its_title(stack: Stack, user: User) -> None:
    """Wait until the worker has finished the follow-ups of earlier exchanges, as far as can be observed."""
    later = user.open_room()
    user.say(later, "A room of its own")
    eventually(lambda: room_row(stack, later)["title_source"] == "gemini", what="a later room's title")


def restart_sandbox(stack: Stack) -> None:
    """Restart the sandbox at the same address, ending all its calls."""
    for process in stack.processes:
        if process.name == "sandbox" and process.popen.poll() is None:
            process.kill()
    port = stack.sandbox_url.rpartition(":")[2]
    quick = {"SANDBOX_FIRST_PIECE_MS": "20", "SANDBOX_PIECE_MS": "2"}
    stack.start("sandbox", "sandbox", "--port", port, **quick)

    def answers() -> bool:
        try:
            return httpx.get(f"{stack.sandbox_url}/health", timeout=2).is_success
        except httpx.TransportError:
            return False

    eventually(answers, what="the sandbox")
