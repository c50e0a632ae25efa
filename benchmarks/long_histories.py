"""How long pages of long histories take over HTTP, beside a bare statement for the same rows.

A user with 10,000 rooms, one of them with 100,000 messages, among a million messages in all. Page and
statement, on a plain connection, are measured in turns. Prints medians in milliseconds and their ratio.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString

import psycopg

from benchmarks.histories import COMMON, MIDDLING, RARE, Size, make_histories
from devtools.throwaway import throwaway_servers
from tests.support.stack import Stack
from tests.support.user import Json, User, close_clients, ok

_WARM_UP: Final = 5
_DEEP: Final = 20
"""Pages before a deep one, if there are so many."""

_ROOMS: LiteralString = (
    "SELECT * FROM chatrooms WHERE user_id = %(owner)s AND NOT archived AND (active_at, id) <"
    " (SELECT active_at, id FROM chatrooms WHERE id = %(before)s) ORDER BY active_at DESC, id DESC LIMIT 51"
)
_HISTORY: LiteralString = (
    "SELECT * FROM messages WHERE chatroom_id = %(room)s AND position <"
    " (SELECT position FROM messages WHERE id = %(before)s) ORDER BY position DESC LIMIT 51"
)
_HITS: LiteralString = (
    "SELECT id, chatroom_id, content, created_at FROM messages WHERE user_id = %(owner)s AND id < %(before)s"
    " AND words @@ websearch_to_tsquery('simple', %(q)s) ORDER BY id DESC LIMIT 51"
)


@dataclass(frozen=True, slots=True)
class _Listing:
    """A list over HTTP, and the statement for its rows behind an item."""

    name: str
    address: str
    statement: LiteralString
    items: str
    key: str = "id"
    q: str | None = None


@dataclass(frozen=True, slots=True)
class _Bench:
    user: User
    room: str
    connection: psycopg.Connection
    times: int

    def measure(self, listing: _Listing) -> None:
        """The first page with its neighbour's statement, and a deep one."""
        asked = {} if listing.q is None else {"q": listing.q}
        page, pages = self._ask(listing.address, asked), 1
        before = page[listing.items][0][listing.key]
        self._print(f"{listing.name}, first page", listing, asked, before)
        while page["next_cursor"] is not None and pages <= _DEEP:
            before, pages = page[listing.items][-1][listing.key], pages + 1
            asked = asked | {"cursor": page["next_cursor"]}
            page = self._ask(listing.address, asked)
        if pages > 1:
            self._print(f"{listing.name}, page {pages}", listing, asked, before)

    def _ask(self, address: str, asked: dict[str, str]) -> Json:
        return ok(self.user.http.get(address, params=asked))

    def _print(self, name: str, listing: _Listing, asked: dict[str, str], before: str) -> None:
        values = {"owner": self.user.id, "room": self.room, "q": listing.q, "before": before}
        ways: tuple[Callable[[], object], ...] = (
            lambda: self._ask(listing.address, asked),
            lambda: self.connection.execute(listing.statement, values).fetchall(),
        )
        rounds = [[_seconds(way) for way in ways] for _ in range(_WARM_UP + self.times)][_WARM_UP:]
        ours, bare = (statistics.median(series) * 1000 for series in zip(*rounds, strict=True))
        print(f"{name:36} {ours:7.1f} ms   statement {bare:7.1f} ms   ratio {ours / bare:6.1f}")


def _seconds(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


def _listings(room: str) -> list[_Listing]:
    searches = (("common", COMMON), ("middling", MIDDLING), ("rare", RARE))
    return [
        _Listing("rooms", "/chatroom", _ROOMS, "chatrooms"),
        _Listing("history", f"/chatroom/{room}/message", _HISTORY, "messages"),
        *(
            _Listing(f"search, {name} word", "/chatroom/search", _HITS, "hits", "message_id", q)
            for name, q in searches
        ),
    ]


def main() -> None:
    """Make the histories, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=30)
    times = parser.parse_args().times
    with throwaway_servers() as (postgres, valkey), tempfile.TemporaryDirectory() as folder:
        stack = Stack(database_url=postgres.url("postgres"), redis_url=valkey.url(), folder=Path(folder))
        try:
            stack.migrate()
            stack.start_sandbox()
            stack.base_url = stack.start_api()
            user = stack.user()
            room = str(make_histories(stack.database.url, user.id, Size()))
            with psycopg.connect(stack.database.url, autocommit=True) as connection:
                bench = _Bench(user, room, connection, times)
                for listing in _listings(room):
                    bench.measure(listing)
        finally:
            close_clients()
            stack.stop()


if __name__ == "__main__":
    main()
