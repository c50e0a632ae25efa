"""A client that follows a reply's events, and reconnects when cut off."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from tests.support.user import Json, User


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    id: int
    kind: str
    data: Json


def read_events(lines: Iterator[str]) -> Iterator[Event]:
    """Return the events of a stream without comments and retry hints."""
    fields: dict[str, str] = {}
    for line in lines:
        if line == "" and "event" in fields:
            yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


@dataclass
class Listener:
    """Events that a client has received; `text` is the text that it shows."""

    events: list[Event] = field(default_factory=list)
    text: str = ""

    def hear(self, event: Event) -> None:
        """Apply an event as a client would."""
        assert not self.events or event.id > self.events[-1].id, (self.events[-1], event)
        self.events.append(event)
        if event.kind == "restart":
            self.text = ""
        elif event.kind == "delta":
            self.text += event.data["text"]

    @property
    def has_ended(self) -> bool:
        """Whether `end` was received."""
        return bool(self.events) and self.events[-1].kind == "end"

    @property
    def kinds(self) -> list[str]:
        """Return the kinds of events, without consecutive repetitions."""
        kinds = [event.kind for event in self.events]
        return [kind for index, kind in enumerate(kinds) if index == 0 or kinds[index - 1] != kind]

    def headers(self) -> dict[str, str]:
        """Return the headers to continue the stream."""
        return {"Last-Event-ID": str(self.events[-1].id)} if self.events else {}

    def listen(self, user: User, address: str, *, seconds: float = 60) -> None:
        """Follow the stream until its end, a cut, or the time limit."""
        timeout = httpx.Timeout(70, read=seconds)
        try:
            with user.http.stream("GET", address, headers=self.headers(), timeout=timeout) as answer:
                assert answer.status_code == 200, answer.read()
                for event in read_events(answer.iter_lines()):
                    self.hear(event)
        except (httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError):
            return


def events_address(reply: Json) -> str:
    """Return the address of a reply's events."""
    return f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/events"
