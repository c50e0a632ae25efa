"""Run all checks of an installation at once, within ten seconds."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from app.config import Settings
from app.migrations import Revisions
from app.queue.reachability import unreachable_reason
from app.services.operations.checks import database, providers, redis, work
from app.services.operations.checks.deployment import check_proxies
from app.services.operations.checks.report import CheckResult, skipped
from app.stripe_client import StripeGateway
from app.unit_of_work import UnitOfWork

_TOTAL_SECONDS: Final = 10.0
_STEP_SECONDS: Final = 5.0
_REDIS: Final = "redis"
_BROKER: Final = "broker"

_Check = Callable[[], Awaitable[Sequence[CheckResult]]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class InstallationCheck:
    """The checks of one installation; `malformed` are the settings that cannot be used."""

    settings: Settings
    malformed: Collection[str]
    uow: UnitOfWork
    revisions: Revisions
    stripe: StripeGateway

    async def run(self, *, is_offline: bool, as_production: bool) -> list[CheckResult]:
        """Run all checks concurrently; with `is_offline` none of outside services."""
        own = (
            (database.NAME, "database_url", self._database),
            (_REDIS, "redis_url", self._redis),
            (_BROKER, "celery_broker_url", self._broker),
            (work.WORKERS, "database_url", self._work),
        )
        outside = (
            (providers.GEMINI, self._gemini),
            (providers.STRIPE, self._stripe),
            (providers.SMS, self._sms),
        )
        results = await asyncio.gather(
            *(
                _skip(name, f"{setting.upper()} is not usable")
                if setting in self.malformed
                else _bounded(name, check)
                for name, setting, check in own
            ),
            *(_skip(name, "--offline") if is_offline else _bounded(name, check) for name, check in outside),
        )
        found = [result for results_of_one in results for result in results_of_one]
        return [*found, check_proxies(self.settings, as_production=as_production)]

    async def _database(self) -> Sequence[CheckResult]:
        check = database.DatabaseCheck(self.settings, self.uow, self.revisions)
        return [await check.run(min(self.settings.database_connect_seconds, _STEP_SECONDS))]

    async def _redis(self) -> Sequence[CheckResult]:
        address = self.settings.redis
        return [await redis.check_redis(_REDIS, "REDIS_URL", address, self.settings, seconds=_STEP_SECONDS)]

    async def _broker(self) -> Sequence[CheckResult]:
        address = self.settings.broker.redis
        if address == self.settings.redis:
            return [skipped(_BROKER, "the queue is in the Redis of REDIS_URL")]
        if address is not None:
            return [
                await redis.check_redis(
                    _BROKER, "CELERY_BROKER_URL", address, self.settings, seconds=_STEP_SECONDS
                )
            ]
        reason = await unreachable_reason(self.settings, seconds=_STEP_SECONDS)
        problem = (
            f"The broker of CELERY_BROKER_URL cannot be used ({reason}): check the address and the password,"
            " that the server runs, and that this machine may connect to it."
        )
        return [CheckResult(_BROKER, {"kind": "amqp"}, () if reason is None else (problem,))]

    async def _work(self) -> Sequence[CheckResult]:
        return await work.check_work(self.uow)

    async def _gemini(self) -> Sequence[CheckResult]:
        return [await providers.check_gemini(self.settings, seconds=_STEP_SECONDS)]

    async def _stripe(self) -> Sequence[CheckResult]:
        return [await providers.check_stripe(self.settings, self.stripe)]

    async def _sms(self) -> Sequence[CheckResult]:
        return [await providers.check_sms(self.settings, seconds=_STEP_SECONDS)]


async def _bounded(name: str, check: _Check) -> Sequence[CheckResult]:
    """Run a check; one that takes too long, or fails unexpectedly, is a problem itself."""
    try:
        async with asyncio.timeout(_TOTAL_SECONDS):
            return await check()
    except TimeoutError:
        problem = (
            f"The check of {name} had no answer within {_TOTAL_SECONDS:g} s: see whether the server hangs."
        )
    except Exception as error:
        log.exception("check_crashed", check=name)
        problem = (
            f"The check of {name} failed unexpectedly ({type(error).__name__}): run it with -v for details."
        )
    return [CheckResult(name, problems=(problem,))]


async def _skip(name: str, why: str) -> Sequence[CheckResult]:
    return [skipped(name, why)]
