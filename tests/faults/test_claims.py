"""F10: concurrent claims of one reply, and a worker that resumes after its lease expired."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from app.config import PostgresAddress, RedisAddress
from app.database import Database
from app.models import Message, MessageStatus
from app.redis_client.breaker import Breaker
from app.redis_client.chatroom_cache import ChatroomCache
from app.redis_client.connection import RedisConnection
from app.redis_client.daily_count import DailyCountMirror
from app.redis_client.reply_events import ReplyEvents
from app.repositories.claims import ClaimLimits, ReplyJob
from app.repositories.leases import LeaseCheckpoint, ReplyEnd
from app.unit_of_work import UnitOfWork
from tests.faults.conftest import Scale
from tests.faults.environment import Environment
from tests.faults.ledger import Ledger
from tests.faults.load import ANSWER, CarefulClient
from tests.faults.steps import CLAIM, held_commits
from tests.support.no_publisher import NoPublisher
from tests.support.process import Process
from tests.support.waiting import eventually

_AT_ONCE = 8
_LEASE_SECONDS = 60.0


@asynccontextmanager
async def _units_of_work(environment: Environment, count: int) -> AsyncIterator[list[UnitOfWork]]:
    """Provide units of work with their own connections, like those of several worker processes."""
    redis = RedisConnection(RedisAddress.parse(environment.valkey.url()), Breaker())
    databases = [Database.from_url(PostgresAddress.parse(environment.database.url)) for _ in range(count)]
    try:
        yield [
            UnitOfWork(
                database,
                ChatroomCache(redis, ttl_seconds=1),
                DailyCountMirror(redis),
                ReplyEvents(redis),
                NoPublisher(),
                limit_seconds=10,
            )
            for database in databases
        ]
    finally:
        for database in databases:
            await database.aclose()
        await redis.aclose()


async def _claim(uow: UnitOfWork, reply_id: UUID, *, polled: bool = False) -> ReplyJob | None:
    limits = ClaimLimits(slots=1, held={}, share=1, spare=0)
    async with uow.begin() as tx:
        if polled:
            found = await tx.claims.due(limits, lease_seconds=_LEASE_SECONDS, unclaimed_seconds=2)
        else:
            found = await tx.claims.named([reply_id], limits, lease_seconds=_LEASE_SECONDS)
        return found[0].reply if found else None


async def _end(uow: UnitOfWork, claimed: ReplyJob, text: str) -> Message | None:
    async with uow.begin() as tx:
        return await tx.leases.end(
            claimed.id, claimed.lease_token, ReplyEnd(status=MessageStatus.COMPLETED, content=text)
        )


def test_f10_exactly_one_of_many_concurrent_claims_wins(environment: Environment, scale: Scale) -> None:
    """Wake-ups and polls of two workers. Red when a claim reads the row before it writes it."""
    times = scale.times(100, 1000)
    environment.workers(0)
    user, client = environment.user(), CarefulClient(Ledger())
    entry = client.send(user, user.open_room(), ANSWER)
    reply_id = UUID(entry.reply_id)

    async def race() -> None:
        async with _units_of_work(environment, 2) as workers:
            for number in range(times):
                claims = (
                    _claim(workers[turn % 2], reply_id, polled=turn == _AT_ONCE - 1)
                    for turn in range(_AT_ONCE)
                )
                won = [claimed for claimed in await asyncio.gather(*claims) if claimed is not None]
                assert len(won) == 1, f"{len(won)} claims of round {number} won"
                assert won[0].attempt == number + 1
                assert won[0].lease_token is not None
                async with workers[0].begin() as tx:
                    assert await tx.leases.release(reply_id, won[0].lease_token) is not None

    asyncio.run(race())
    environment.database.run("UPDATE messages SET attempt = 0, losses = 0 WHERE id = %s", reply_id)
    environment.workers(1)
    environment.account(f"F10 one reply claimed {_AT_ONCE} times at once", times, client.ledger)


def test_f10_an_expired_lease_writes_nothing(environment: Environment) -> None:
    """Red without the token in renewals and ends: two attempts write to one reply."""
    environment.workers(0)
    user, client = environment.user(), CarefulClient(Ledger())
    reply_id = UUID(client.send(user, user.open_room(), ANSWER).reply_id)

    async def outlive() -> None:
        async with _units_of_work(environment, 2) as (zombie, rescuer):
            first = await _claim(zombie, reply_id)
            environment.database.run("UPDATE messages SET lease_until = now() WHERE id = %s", reply_id)
            second = await _claim(rescuer, reply_id, polled=True)
            assert first is not None
            assert second is not None
            assert first.lease_token is not None
            async with zombie.begin() as tx:
                stale = LeaseCheckpoint(reply_id, first.lease_token, "a zombie's text")
                assert await tx.leases.renew([stale], lease_seconds=_LEASE_SECONDS) == set()
                assert await tx.leases.release(reply_id, first.lease_token) is None
            assert await _end(zombie, first, "a zombie's text") is None
            assert environment.reply(str(reply_id))["content"] == ""
            assert second.lease_token is not None
            async with rescuer.begin() as tx:
                assert await tx.leases.release(reply_id, second.lease_token) is not None
            assert await _end(rescuer, second, "too late") is None

    asyncio.run(outlive())
    environment.workers(1)
    environment.check(client.ledger)


def test_f10_a_poll_whose_claim_fails_to_commit_occupies_no_slot(environment: Environment) -> None:
    """Red when a slot stays reserved for a claim whose commit failed."""
    environment.workers(0)
    user, client = environment.user(), CarefulClient(Ledger())
    client.send(user, user.open_room(), ANSWER)
    environment.stack.redis.flushall()  # nobody is told of it: only the poll finds it
    with held_commits(environment, CLAIM):
        environment.adopt(environment.stack.start_worker("--concurrency=1"))
        environment.terminate(environment.database.wait_for_blocked("-- claim_due"))
    account = environment.account("F10 a poll whose commit fails", 1, client.ledger)
    assert (account.failed, account.losses) == (0, 0)
    environment.workers(0)


def _has_given_up(zombie: Process) -> bool:
    return "reply_lease_lost" in zombie.log or "reply_fenced_off" in zombie.log


def test_f10_a_worker_frozen_beyond_its_lease_writes_nothing_when_resumed(
    environment: Environment, scale: Scale
) -> None:
    """Red without the lease token: the zombie's end replaces its rescuer's, and is charged again."""
    times = scale.times(1, 10)
    user, client = environment.user(), CarefulClient(Ledger())
    for _ in range(times):
        [zombie] = environment.workers(1)
        entry = client.send(user, user.open_room(), ANSWER)
        environment.wait_for_call(entry)
        zombie.send(signal.SIGSTOP)
        environment.workers(2)
        ended = environment.wait_until_completed(entry)
        zombie.send(signal.SIGCONT)
        eventually(partial(_has_given_up, zombie), what="the zombie's rejected write")
        assert environment.reply(entry.reply_id) == ended
        assert (ended["attempt"], ended["losses"]) == (2, 1)
        zombie.kill()
    environment.account("F10 a worker wakes up after its lease", times, client.ledger)
