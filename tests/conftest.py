"""Real servers, and on them the real processes, once for all tests that only talk to the API."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from devtools.throwaway import throwaway_servers
from tests.support.buyer import Buyer, StripePages
from tests.support.stack import Stack
from tests.support.stripe import StripeSandbox
from tests.support.user import User, close_clients

pytest_plugins = ("tests.faults.report",)


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the faults are made to last."""
    parser.addoption(
        "--faults", choices=("short", "long"), default="short", help="repetitions of tests/faults"
    )


@dataclass(frozen=True)
class Servers:
    """Addresses of a PostgreSQL server's maintenance database and of a Redis."""

    database_url: str
    redis_url: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Servers of this process alone: those that TEST_DATABASE_URL and TEST_REDIS_URL name, or throwaway ones.

    With `-n` each names one server for each process, separated by spaces. The Redis is emptied.
    """
    database_url, redis_url = _own("TEST_DATABASE_URL"), _own("TEST_REDIS_URL")
    if database_url and redis_url:
        with redis.Redis.from_url(redis_url) as given:
            given.flushdb()
        yield Servers(database_url, redis_url)
        return
    with throwaway_servers() as (postgres, valkey):
        yield Servers(postgres.url("postgres"), valkey.url())


def _own(variable: str) -> str | None:
    """Return the address that is meant for this process, or None if the variable is not set."""
    addresses = os.environ.get(variable, "").split()
    position = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    if not addresses:
        return None
    if position >= len(addresses):
        pytest.exit(f"{variable} names {len(addresses)} servers: too few for this many processes", 2)
    return addresses[position]


@pytest.fixture(scope="session", autouse=True)
def _closed_clients() -> Iterator[None]:
    yield
    close_clients()


@pytest.fixture(scope="session")
def stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Sandbox, API and a worker with our own defaults."""
    folder: Path = tmp_path_factory.mktemp("stack")
    product = Stack(database_url=servers.database_url, redis_url=servers.redis_url, folder=folder)
    with product.running() as stack:
        stack.start_worker()
        StripeSandbox(stack).reset(deliver=True)
        yield stack


@pytest.fixture
def own_stack(servers: Servers, tmp_path: Path) -> Iterator[Stack]:
    """A stack without a worker, whose workers the test starts and ends itself."""
    product = Stack(database_url=servers.database_url, redis_url=servers.redis_url, folder=tmp_path)
    # A queue of its own: the shared stack's worker listens on the same Redis.
    product.settings["CELERY_BROKER_URL"] = servers.redis_url.rpartition("/")[0] + "/9"
    with product.running() as stack:
        yield stack


@pytest.fixture
def stripe(stack: Stack) -> Iterator[StripeSandbox]:
    """An empty account at Stripe, whose events are kept back."""
    sandbox = StripeSandbox(stack)
    yield sandbox
    sandbox.reset(deliver=True)


@pytest.fixture
def stripe_pages(stack: Stack) -> Iterator[StripePages]:
    """Stripe, empty and at real time, whose events are kept back: what is shown is what was asked for."""
    sandbox = StripePages(stack)
    yield sandbox
    sandbox.reset(deliver=True)


@pytest.fixture
def buyer(stack: Stack, stripe_pages: StripePages) -> Buyer:
    """Somebody new who may buy Pro."""
    return Buyer(stack.user(), stripe_pages)


@pytest.fixture
def user(stack: Stack) -> User:
    """Somebody new on Basic."""
    return stack.user()


@pytest.fixture
def pro(stack: Stack) -> User:
    """Somebody new on Pro."""
    other = stack.user()
    stack.make_pro(other)
    return other
