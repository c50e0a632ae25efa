"""Events: what happened to which object, kept in order for the list and for webhooks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.stripe.clock import Clock
from sandbox.stripe.ids import new_id
from sandbox.stripe.problems import Json
from sandbox.stripe.versions import CURRENT, in_version

KEPT_SECONDS = 30 * 24 * 3600


class Describable(Protocol):
    """An object that an event can hold."""

    def described(self) -> Json:
        """Render it in today's shape."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The API request that made something happen; without one it happened by itself or on a page."""

    request_id: str | None = None
    idempotency_key: str | None = None


NOBODY = Cause()


@dataclass(slots=True, kw_only=True)
class Event:
    """One thing that happened, with the object as it then was."""

    id: str
    type: str
    created: int
    object: Json
    previous: Json | None
    cause: Cause
    pending_webhooks: int = 0

    def described(self) -> Json:
        return self.in_version(CURRENT)

    def in_version(self, version: str) -> Json:
        """Render it as an endpoint of that version gets it."""
        data: Json = {"object": self.object}
        if self.previous is not None:
            data["previous_attributes"] = self.previous
        body: Json = {
            "id": self.id,
            "object": "event",
            "api_version": version,
            "created": self.created,
            "data": data,
            "livemode": False,
            "pending_webhooks": self.pending_webhooks,
            "request": {
                "id": self.cause.request_id,
                "idempotency_key": self.cause.idempotency_key,
            },
            "type": self.type,
        }
        return in_version(body, version)


@dataclass(slots=True)
class Events:
    """All events, oldest first; listeners are notified of each at once."""

    clock: Clock
    listener: Callable[[Event], None]
    by_id: dict[str, Event] = field(default_factory=dict)
    _cause: Cause = NOBODY

    def record(self, kind: str, about: Describable, previous: Json | None = None) -> None:
        """Record that something happened to an object that already shows it."""
        event = Event(
            id=new_id("evt"),
            type=kind,
            created=self.clock.now(),
            object=about.described(),
            previous=previous,
            cause=self._cause,
        )
        self.by_id[event.id] = event
        self.listener(event)

    @contextmanager
    def changing(self, kind: str, about: Describable) -> Iterator[None]:
        """Record a change made inside, with what was there before; nothing if nothing changed."""
        before = about.described()
        yield
        after = about.described()
        if changed := {name: value for name, value in before.items() if after.get(name) != value}:
            self.record(kind, about, changed)

    @contextmanager
    def caused_by(self, cause: Cause) -> Iterator[None]:
        """Name the request that causes what is recorded inside."""
        before, self._cause = self._cause, cause
        try:
            yield
        finally:
            self._cause = before
