"""The requests whose time is compared between a small and a large history."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from benchmarks.histories import COMMON
from benchmarks.load import request
from benchmarks.raw_client import RawClient
from tests.support.user import User

_DEEP_PAGES: Final = 50
"""Pages of 100 before a deep one, if there are so many."""
_LATER: Final = ("Prefer: respond-async",)


@dataclass(slots=True)
class Case:
    """A user, a long room, and places in its lists."""

    client: RawClient
    user: User
    room: str
    deep_rooms: str
    deep_messages: str
    """Cursors; of a short list, the last one that has a page of ten behind it, or none."""
    middle_message: str
    reply: str
    """The room's newest reply."""

    @classmethod
    def of(cls, client: RawClient, user: User, room: str) -> Self:
        """Find the places of a history."""
        case = cls(client, user, room, "", "", "", "")
        case.deep_rooms = case._deep_cursor("/chatroom?limit=100", _DEEP_PAGES)
        case.deep_messages = case._deep_cursor(f"/chatroom/{room}/message?limit=10", 5)
        case.deep_messages = case._deep_cursor(f"/chatroom/{room}/message?limit=100", _DEEP_PAGES) or (
            case.deep_messages
        )
        page = case.client.ask(case.get(f"/chatroom/{room}/message?limit=10{case.deep_messages}"))
        case.middle_message = page.json()["messages"][-1]["id"]
        case.send()
        return case

    def get(self, path: str) -> str:
        """Build a GET request of this user."""
        return request("GET", path, self.user.token)

    def _deep_cursor(self, address: str, pages: int) -> str:
        cursor = ""
        for _ in range(pages):
            following = self.client.ask(self.get(address + cursor)).json()["next_cursor"]
            if following is None:
                break
            cursor = f"&cursor={following}"
        return cursor

    def change(self, method: str, path: str, body: str = "") -> float:
        """Send a request that changes something, and return its milliseconds."""
        answer = self.client.ask(request(method, path, self.user.token, body=body, headers=_LATER))
        if answer.raw.partition(b"\r\n\r\n")[2].startswith(b'{"message":'):
            self.reply = answer.json()["reply"]["id"]
        return answer.ms

    def send(self) -> float:
        """Send a message."""
        return self.change("POST", f"/chatroom/{self.room}/message", '{"content":"Hello there"}')

    def cancel(self) -> float:
        """Cancel the newest reply."""
        return self.change("POST", f"/chatroom/{self.room}/message/{self.reply}/cancel")

    def regenerate(self) -> float:
        """Regenerate the newest reply."""
        return self.change("POST", f"/chatroom/{self.room}/message/{self.reply}/regenerate")

    def delete_long_room(self) -> float:
        """Delete the room with all its messages."""
        return self.change("DELETE", f"/chatroom/{self.room}")


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of request."""

    name: str
    run: Callable[[Case], float]
    """Sends it once and returns its milliseconds."""


def _read(name: str, path: Callable[[Case], str], *, first_bytes: bool = False) -> Step:
    return Step(name, lambda case: case.client.ask(case.get(path(case)), first_bytes=first_bytes).ms)


def _after(untimed: Callable[[Case], float], timed: Callable[[Case], float]) -> Callable[[Case], float]:
    def run(case: Case) -> float:
        untimed(case)
        return timed(case)

    return run


def _rename(case: Case) -> float:
    return case.change("PATCH", f"/chatroom/{case.room}", '{"title":"Renamed"}')


def _send_again(case: Case) -> float:
    case.cancel()
    return case.send()


def _create(case: Case) -> float:
    return case.change("POST", "/chatroom", '{"title":"One more"}')


STEPS: Final = (
    _read("GET /chatroom, cached", lambda _: "/chatroom"),
    _read("GET /chatroom, first page", lambda _: "/chatroom?limit=10"),
    _read("GET /chatroom, deep page", lambda case: f"/chatroom?limit=10{case.deep_rooms}"),
    _read("GET /chatroom/{id}", lambda case: f"/chatroom/{case.room}"),
    _read("GET …/message, first page", lambda case: f"/chatroom/{case.room}/message?limit=10"),
    _read(
        "GET …/message, deep page",
        lambda case: f"/chatroom/{case.room}/message?limit=10{case.deep_messages}",
    ),
    _read("GET …/message/{id}", lambda case: f"/chatroom/{case.room}/message/{case.middle_message}"),
    _read("search, a word of every message", lambda _: f"/chatroom/search?q={COMMON}&limit=10"),
    _read("search, a word of one message", lambda _: "/chatroom/search?q=77&limit=10"),
    _read("search, a word of none", lambda _: "/chatroom/search?q=nowhere&limit=10"),
    _read("GET /user/me", lambda _: "/user/me"),
    _read("GET /user/me/usage", lambda _: "/user/me/usage"),
    _read("GET /subscription/status", lambda _: "/subscription/status"),
    _read("GET /auth/sessions", lambda _: "/auth/sessions"),
    _read("GET /chatroom/{id}/export, JSON", lambda case: f"/chatroom/{case.room}/export", first_bytes=True),
    _read(
        "GET /chatroom/{id}/export, Markdown",
        lambda case: f"/chatroom/{case.room}/export?format=markdown",
        first_bytes=True,
    ),
    _read("GET /user/me/export", lambda _: "/user/me/export", first_bytes=True),
    Step("POST /chatroom", _create),
    Step("PATCH /chatroom/{id}", _rename),
    Step("POST …/message, respond-async", _after(Case.cancel, Case.send)),
    Step("POST …/regenerate, respond-async", _after(Case.cancel, Case.regenerate)),
    Step("POST …/cancel", _after(_send_again, Case.cancel)),
)
