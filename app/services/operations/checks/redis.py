"""Check a Redis: reachable, recent, and configured to keep what it is given."""

import time
from typing import Final

from app.config import RedisAddress, Settings
from app.redis_client.breaker import Breaker
from app.redis_client.connection import RedisConnection, RedisUnavailableError
from app.redis_client.wire import reason_of
from app.services.operations.checks.report import CheckResult, Fact, clock_problem

_OLDEST_VERSION: Final = 7
_FULL_SHARE: Final = 0.9
_KEEPS_ALL: Final = "noeviction"


async def check_redis(
    name: str, setting: str, address: RedisAddress, settings: Settings, *, seconds: float
) -> CheckResult:
    """Check the Redis at an address that a setting names; each wait has `seconds`."""
    redis = RedisConnection(
        address,
        Breaker(),
        connect_seconds=seconds,
        command_seconds=max(seconds, settings.redis_command_seconds),
    )
    try:
        started = time.monotonic()
        await redis.run("PING")
        connect_ms = round((time.monotonic() - started) * 1000, 1)
        asked_at = time.time()
        clock = await redis.run("TIME")
        middle = (asked_at + time.time()) / 2
        info = await _info(redis)
    except RedisUnavailableError as error:
        reason = reason_of(error.__cause__, address) if error.__cause__ else "no answer"
        sentence = (
            f"The Redis of {setting} cannot be used ({reason}): check the address and the password, that the"
            " server runs, and that this machine may connect to it."
        )
        return CheckResult(name, {"address": str(address)}, (sentence,))
    finally:
        await redis.aclose()
    ahead = _seconds_of(clock) - middle
    facts: dict[str, Fact] = {
        "address": str(address),
        "connect_ms": connect_ms,
        "version": info.get("valkey_version") or info.get("redis_version"),
        "used_memory_bytes": _number(info, "used_memory"),
        "maxmemory_bytes": _number(info, "maxmemory"),
        "maxmemory_policy": info.get("maxmemory_policy"),
        "clock_ahead_seconds": round(ahead, 3),
    }
    problems = [*_version_problems(info, setting), *_memory_problems(info, setting)]
    problems += clock_problem(f"the Redis of {setting}", ahead)
    return CheckResult(name, facts, tuple(problems))


async def _info(redis: RedisConnection) -> dict[str, str]:
    """Return what the server tells about itself; nothing if it does not allow that."""
    try:
        text = await redis.run("INFO")
    except RedisUnavailableError:
        return {}
    lines = str(text).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


def _version_problems(info: dict[str, str], setting: str) -> list[str]:
    version = info.get("redis_version", "")
    if "valkey_version" in info or not version.partition(".")[0].isdecimal():
        return []
    if int(version.partition(".")[0]) >= _OLDEST_VERSION:
        return []
    return [f"The Redis of {setting} has version {version}: upgrade it to version 7 or newer, or to Valkey."]


def _memory_problems(info: dict[str, str], setting: str) -> list[str]:
    problems = []
    policy, used, limit = (
        info.get("maxmemory_policy"),
        _number(info, "used_memory"),
        _number(info, "maxmemory"),
    )
    if policy not in (None, _KEEPS_ALL):
        problems.append(
            f"The Redis of {setting} has maxmemory-policy {policy}, which drops codes, limits and wake-ups:"
            f" set it to {_KEEPS_ALL}."
        )
    if limit and used is not None and used > _FULL_SHARE * limit:
        problems.append(
            f"The Redis of {setting} uses {used / limit:.0%} of its memory limit: raise maxmemory."
        )
    return problems


def _number(info: dict[str, str], name: str) -> int | None:
    text = info.get(name, "")
    return int(text) if text.isdecimal() else None


def _seconds_of(clock: object) -> float:
    seconds, microseconds = clock if isinstance(clock, list | tuple) else (time.time(), 0)
    return float(seconds) + float(microseconds) / 1e6
