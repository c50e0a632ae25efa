"""Somebody who listens to a reply's events, and comes back when cut off."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from tests.support.person import Json, Person


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    id: int
    kind: str
    data: Json


def read_events(lines: Iterator[str]) -> Iterator[Event]:
    """The events of a stream; comments and retry hints are passed over."""
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
    """What a listener was shown: `text` is what stands on their screen."""

    events: list[Event] = field(default_factory=list)
    text: str = ""

    def hear(self, event: Event) -> None:
        """Take an event as a client would."""
        assert not self.events or event.id > self.events[-1].id, (self.events[-1], event)
        self.events.append(event)
        if event.kind == "restart":
            self.text = ""
        elif event.kind == "delta":
            self.text += event.data["text"]

    @property
    def has_ended(self) -> bool:
        """Whether the end was heard."""
        return bool(self.events) and self.events[-1].kind == "end"

    @property
    def kinds(self) -> list[str]:
        """The kinds of events, without repetitions in a row."""
        kinds = [event.kind for event in self.events]
        return [kind for index, kind in enumerate(kinds) if index == 0 or kinds[index - 1] != kind]

    def headers(self) -> dict[str, str]:
        """Where to go on."""
        return {"Last-Event-ID": str(self.events[-1].id)} if self.events else {}

    def listen(self, person: Person, address: str, *, seconds: float = 60) -> None:
        """Listen until the end, until cut off, or for so long."""
        timeout = httpx.Timeout(70, read=seconds)
        try:
            with person.http.stream("GET", address, headers=self.headers(), timeout=timeout) as answer:
                assert answer.status_code == 200, answer.read()
                for event in read_events(answer.iter_lines()):
                    self.hear(event)
        except (httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError):
            return


def events_address(reply: Json) -> str:
    """Where a reply's events are."""
    return f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/events"
