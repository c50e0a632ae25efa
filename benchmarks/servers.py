"""The PostgreSQL and Redis that are measured with: of the wheels, of this machine, or named ones."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
import redis

from benchmarks.installed_servers import installed_postgres, installed_redis
from devtools.throwaway import throwaway_servers


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses of a PostgreSQL server's maintenance database and of a Redis, which is emptied."""

    database_url: str
    redis_url: str

    def empty_redis(self) -> None:
        """Delete what another benchmark has left, such as wake-ups that no worker has taken."""
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushdb()

    def versions(self) -> str:
        """Name both servers with their versions, and whether PostgreSQL syncs to the disk."""
        with psycopg.connect(self.database_url) as connection:
            [[version]] = connection.execute("SHOW server_version").fetchall()
            [[fsync]] = connection.execute("SHOW fsync").fetchall()
        with redis.Redis.from_url(self.redis_url, decode_responses=True) as client:
            told = client.info("server")
            name = told.get("server_name", "redis").capitalize()
            number = told.get("valkey_version", told["redis_version"])
        return f"PostgreSQL {version.split()[0]} (fsync {fsync}), {name} {number}"


@contextmanager
def servers(*, installed: bool) -> Iterator[Servers]:
    """Run the servers: those that TEST_DATABASE_URL and TEST_REDIS_URL name, installed or embedded ones."""
    database_url, redis_url = (os.environ.get(name) for name in ("TEST_DATABASE_URL", "TEST_REDIS_URL"))
    if database_url and redis_url:
        yield Servers(database_url, redis_url)
        return
    with ExitStack() as running:
        if installed:
            yield Servers(
                running.enter_context(installed_postgres()), running.enter_context(installed_redis())
            )
        else:
            postgres, valkey = running.enter_context(throwaway_servers())
            yield Servers(postgres.url("postgres"), valkey.url())
