"""The cost of each claim is linear in the rows that are due, even with the statistics of an empty queue.

Each claim runs on ten thousand due rows. Its statements run again under EXPLAIN ANALYZE, planned for their
values and planned for any values.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import LiteralString
from uuid import UUID

import pytest

from app.config import PostgresAddress, RedisAddress
from app.database import Database
from app.redis_client.breaker import Breaker
from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.connection import RedisConnection
from app.redis_client.daily_count import DailyCountMirror
from app.redis_client.reply_events import ReplyEvents
from app.repositories.claims import ClaimLimits
from app.unit_of_work import Transaction, UnitOfWork
from tests.conftest import Servers
from tests.support.backlog import make_backlog, make_other_backlogs, make_quiet_time
from tests.support.database import Database as Rows
from tests.support.no_publisher import NoPublisher
from tests.support.plans import Sent, recorded, scans
from tests.support.stack import alembic, create_database, drop_database

pytestmark = pytest.mark.server_version

_DUE = 10_000
_EXCHANGES_PER_ROOM = 15
_READ_PER_DUE_ROW = 3
"""A due row may be read when the queue is scanned, when it is locked, and when it is written."""
_SLOTS = 200
_LIMITS = ClaimLimits(slots=_SLOTS, held={}, share=_SLOTS, spare=0)
_TABLES = ("messages", "chatrooms", "stripe_events", "deletions")
_PLANS: tuple[LiteralString, ...] = ("force_custom_plan", "force_generic_plan")

Claim = Callable[[Transaction, UUID], Awaitable[object]]
_CLAIMS: dict[str, tuple[int, Claim]] = {
    "replies": (
        _DUE,
        lambda tx, _: tx.claims.due(_LIMITS, lease_seconds=30, unclaimed_seconds=2),
    ),
    "suspects": (_DUE, lambda tx, _: tx.claims.suspect(lease_seconds=30)),
    "waiting suspects": (_DUE, lambda tx, _: tx.claims.has_suspect(lease_seconds=30, late_seconds=30)),
    "a named reply": (100, lambda tx, reply: tx.claims.named([reply], _LIMITS, lease_seconds=30)),
    "a room's next reply": (100, lambda tx, reply: tx.claims.next_of_room(reply, lease_seconds=30)),
    "events": (_DUE, lambda tx, _: tx.stripe_events.claim_stale(limit=_SLOTS, lease_seconds=30)),
    "deletions": (_DUE, lambda tx, _: tx.account_deletions.claim_due(lease_seconds=30)),
    "deleted rooms": (_DUE, lambda tx, _: tx.room_deletions.claim_due(lease_seconds=30)),
}


@pytest.fixture(scope="module")
def backlog(servers: Servers) -> Iterator[Rows]:
    url = create_database(servers.database_url)
    try:
        alembic(url, "upgrade", "head")
        make_quiet_time(url, rooms=_DUE, exchanges_per_room=_EXCHANGES_PER_ROOM)
        make_backlog(url, exchanges_per_room=_EXCHANGES_PER_ROOM, words="")
        make_other_backlogs(url, rows=_DUE)
        yield Rows(url)
    finally:
        drop_database(url)


def _sent(backlog: Rows, servers: Servers, claim: Claim, reply: UUID) -> list[Sent]:
    async def run() -> list[Sent]:
        database, sent = recorded(Database.from_url(PostgresAddress.parse(backlog.url)), tables=_TABLES)
        redis = RedisConnection(RedisAddress.parse(servers.redis_url), Breaker())
        cache = ChatroomCache(redis, ttl_seconds=300)
        uow = UnitOfWork(
            database, cache, DailyCountMirror(redis), ReplyEvents(redis), NoPublisher(), limit_seconds=60
        )
        try:
            async with uow.autocommit() as tx:
                await claim(tx, reply)
            return sent
        finally:
            await redis.aclose()
            await database.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize("plan", _PLANS)
@pytest.mark.parametrize("name", _CLAIMS)
def test_the_cost_of_a_claim_is_linear_in_the_due_rows(
    backlog: Rows, servers: Servers, name: str, plan: LiteralString
) -> None:
    """Red with a join or an anti-join of due rows: the planner expects one row on each side."""
    due, claim = _CLAIMS[name]
    reply = UUID(str(backlog.value("SELECT id FROM messages WHERE status = 'pending' LIMIT 1")))
    for sent in _sent(backlog, servers, claim, reply):
        read = scans(backlog.url, sent, plan=plan)
        assert sum(scan.rows for scan in read) <= _READ_PER_DUE_ROW * due, read
