"""F10: many claims of one reply, and a zombie that wakes up after its lease."""

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
from app.repositories.claims import ClaimLimits, ReplyJob
from app.repositories.leases import LeaseCheckpoint, ReplyEnd
from app.unit_of_work import UnitOfWork
from tests.faults.bench import Bench
from tests.faults.conftest import Scale
from tests.faults.ledger import Ledger
from tests.faults.load import ANSWER, CarefulClient
from tests.faults.steps import CLAIM, held_commits
from tests.support.no_publisher import NoPublisher
from tests.support.process import Process
from tests.support.waiting import eventually

_AT_ONCE = 8
_LEASE_SECONDS = 60.0


@asynccontextmanager
async def _units_of_work(bench: Bench, count: int) -> AsyncIterator[list[UnitOfWork]]:
    """As many as there were worker processes, each with connections of its own."""
    redis = RedisConnection(RedisAddress.parse(bench.valkey.url()), Breaker())
    databases = [Database.from_url(PostgresAddress.parse(bench.database.url)) for _ in range(count)]
    try:
        yield [
            UnitOfWork(
                database,
                ChatroomCache(redis, ttl_seconds=1),
                DailyCountMirror(redis),
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


def test_f10_of_many_claims_at_once_exactly_one_wins(bench: Bench, scale: Scale) -> None:
    """Kicks and polls of two workers. Red when a claim reads the row first and then writes it."""
    times = scale.times(100, 1000)
    bench.workers(0)
    person, client = bench.person(), CarefulClient(Ledger())
    entry = client.send(person, person.open_room(), ANSWER)
    reply_id = UUID(entry.reply_id)

    async def race() -> None:
        async with _units_of_work(bench, 2) as workers:
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
    bench.database.run("UPDATE messages SET attempt = 0, losses = 0 WHERE id = %s", reply_id)
    bench.workers(1)
    bench.account(f"F10 one reply claimed {_AT_ONCE} times at once", times, client.ledger)


def test_f10_a_lease_that_ran_out_can_write_nothing(bench: Bench) -> None:
    """Red without the token in renewing and ending: two attempts write into one reply."""
    bench.workers(0)
    person, client = bench.person(), CarefulClient(Ledger())
    reply_id = UUID(client.send(person, person.open_room(), ANSWER).reply_id)

    async def outlive() -> None:
        async with _units_of_work(bench, 2) as (zombie, rescuer):
            first = await _claim(zombie, reply_id)
            bench.database.run("UPDATE messages SET lease_until = now() WHERE id = %s", reply_id)
            second = await _claim(rescuer, reply_id, polled=True)
            assert first is not None
            assert second is not None
            assert first.lease_token is not None
            async with zombie.begin() as tx:
                stale = LeaseCheckpoint(reply_id, first.lease_token, "a zombie's text")
                assert await tx.leases.renew([stale], lease_seconds=_LEASE_SECONDS) == set()
                assert await tx.leases.release(reply_id, first.lease_token) is None
            assert await _end(zombie, first, "a zombie's text") is None
            assert bench.reply(str(reply_id))["content"] == ""
            assert second.lease_token is not None
            async with rescuer.begin() as tx:
                assert await tx.leases.release(reply_id, second.lease_token) is not None
            assert await _end(rescuer, second, "too late") is None

    asyncio.run(outlive())
    bench.workers(1)
    bench.check(client.ledger)


def test_f10_a_poll_whose_claim_came_to_nothing_costs_the_worker_no_place(bench: Bench) -> None:
    """Red when places are kept for what was claimed in a transaction whose commit then failed."""
    bench.workers(0)
    person, client = bench.person(), CarefulClient(Ledger())
    client.send(person, person.open_room(), ANSWER)
    bench.stack.redis.flushall()  # nobody is told of it: only the poll finds it
    with held_commits(bench, CLAIM):
        bench.adopt(bench.stack.start_worker("--concurrency=1"))
        bench.terminate(bench.database.wait_for_blocked("-- claim_due"))
    account = bench.account("F10 a poll whose commit fails", 1, client.ledger)
    assert (account.failed, account.losses) == (0, 0)
    bench.workers(0)


def _has_given_up(zombie: Process) -> bool:
    return "reply_lease_lost" in zombie.log or "reply_fenced_off" in zombie.log


def test_f10_a_worker_that_was_frozen_beyond_its_lease_writes_nothing_when_it_wakes(
    bench: Bench, scale: Scale
) -> None:
    """Red without the token's fence: the zombie's end replaces its rescuer's, and is charged again."""
    times = scale.times(1, 10)
    person, client = bench.person(), CarefulClient(Ledger())
    for _ in range(times):
        [zombie] = bench.workers(1)
        entry = client.send(person, person.open_room(), ANSWER)
        bench.wait_for_call(entry)
        zombie.send(signal.SIGSTOP)
        bench.workers(2)
        ended = bench.wait_until_completed(entry)
        zombie.send(signal.SIGCONT)
        eventually(partial(_has_given_up, zombie), what="the zombie's end")
        assert bench.reply(entry.reply_id) == ended
        assert (ended["attempt"], ended["losses"]) == (2, 1)
        zombie.kill()
    bench.account("F10 a worker wakes up after its lease", times, client.ledger)
