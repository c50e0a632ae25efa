"""Users who send messages steadily, and repeat failed requests with the same key."""

import itertools
import secrets
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx

from tests.faults.ledger import ACCEPTED, NO_ANSWER, Entry, Ledger, Try
from tests.support.user import User

ANSWER = "[sandbox:pieces=20] [sandbox:pace=40]"
_ROOMS = 4
_LONGEST_SECONDS = 900.0
_GIVE_UP_SECONDS = 30.0
_MAX_MESSAGES = 5_000


class CarefulClient:
    """Sends each message until it is accepted, repeating 503 and broken connections with the same key."""

    def __init__(self, ledger: Ledger, *, prefer: str = "respond-async") -> None:
        self.ledger = ledger
        self._prefer = prefer

    def send(
        self,
        user: User,
        room: str,
        words: str = ANSWER,
        *,
        is_whole: bool | None = None,
        also_at: Sequence[User] = (),
    ) -> Entry:
        """Send one message; `also_at` is the same user at other API processes, tried in turn.

        `is_whole`: a completed reply must be the sandbox's whole answer; by default for the usual content.
        """
        content = f"{words} Note {secrets.token_hex(8)}".strip()
        entry = self.ledger.open(
            Entry(user.id, room, content, is_whole=words == ANSWER if is_whole is None else is_whole)
        )
        give_up = time.monotonic() + _GIVE_UP_SECONDS
        for somewhere in itertools.cycle((user, *also_at)):
            pause = self._try(somewhere, entry)
            if pause is None or time.monotonic() > give_up:
                return entry
            time.sleep(pause)
        raise AssertionError("cycle() does not end")

    def _try(self, user: User, entry: Entry) -> float | None:
        """Send one POST; return the seconds to wait before the next, or None if none is needed."""
        began = time.monotonic()
        try:
            answer = user.post(
                entry.room, entry.content, Prefer=self._prefer, **{"Idempotency-Key": entry.key}
            )
        except httpx.TransportError:
            self.ledger.tried(Try(began, NO_ANSWER, time.monotonic() - began, has_retry_after=False))
            return 0.2
        retry_after = answer.headers.get("retry-after")
        taken = time.monotonic() - began
        self.ledger.tried(Try(began, answer.status_code, taken, has_retry_after=retry_after is not None))
        if answer.status_code in ACCEPTED:
            body = answer.json()
            self.ledger.accepted(entry, message_id=body["message"]["id"], reply_id=body["reply"]["id"])
            if body["reply"]["status"] not in ("pending", "generating", "completed"):
                self.ledger.surprised(f"{answer.status_code}: the reply is {body['reply']['status']}")
            return None
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and retry_after is not None:
            return min(float(retry_after), 1.0)
        self.ledger.surprised(f"{answer.status_code} {answer.text[:300]}")
        return None


class Load:
    """One thread and its own rooms per user; sends messages for the duration of the block, within bounds."""

    def __init__(
        self, users: Sequence[Sequence[User]], *, per_second: float, prefer: str = "respond-async"
    ) -> None:
        self.ledger = Ledger()
        self._client = CarefulClient(self.ledger, prefer=prefer)
        self._pause = len(users) / per_second
        self._stop = threading.Event()
        self._until = time.monotonic() + _LONGEST_SECONDS
        self._threads = [
            threading.Thread(target=self._write, args=(everywhere,), daemon=True) for everywhere in users
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no further message, and return when the last ones are accepted or given up."""
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * _GIVE_UP_SECONDS)
            assert not thread.is_alive(), "a client hangs"

    def wait_for_more(self, count: int) -> None:
        """Return when `count` further messages have been accepted."""
        wanted = self.ledger.accepted_count + count
        until = time.monotonic() + 60
        while self.ledger.accepted_count < wanted:
            assert time.monotonic() < until, f"nothing is accepted any more: {self.ledger.surprises[:3]}"
            time.sleep(0.05)

    def wait_for_status(self, status: int) -> None:
        """Return when a POST that starts from now on gets this status."""
        now, until = time.monotonic(), time.monotonic() + 60
        while not any(one.status == status and one.began >= now for one in self.ledger.tries[-100:]):
            assert time.monotonic() < until, f"no POST is answered {status}"
            time.sleep(0.05)

    def last_for(self, seconds: float) -> None:
        """Let the users send messages for so long."""
        time.sleep(seconds)

    def _write(self, everywhere: Sequence[User]) -> None:
        try:
            user, *also_at = everywhere
            rooms = [user.open_room(title=f"Room {number}") for number in range(_ROOMS)]
            for room in itertools.cycle(rooms):
                if self._stop.is_set() or time.monotonic() > self._until:
                    return
                if len(self.ledger.entries) >= _MAX_MESSAGES:
                    return
                began = time.monotonic()
                self._client.send(user, room, also_at=also_at)
                self._stop.wait(max(self._pause - (time.monotonic() - began), 0))
        except Exception as error:  # noqa: BLE001  # a thread's failure must reach the test
            self.ledger.surprised(f"a client failed: {error!r}")
