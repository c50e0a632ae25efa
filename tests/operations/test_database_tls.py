"""A database that accepts TLS only: options of libpq keep their meaning, also for Alembic."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Servers
from tests.support.redis_server import Certificates
from tests.support.stack import Stack, alembic
from tests.support.tls_postgres import TlsPostgres, tls_postgres
from tests.support.user import client, ok


@pytest.fixture(scope="module")
def postgres() -> Iterator[TlsPostgres]:
    """Run the server, migrated over TLS."""
    with tls_postgres() as server:
        alembic(server.url("sslmode=require&channel_binding=prefer"), "upgrade", "head")
        yield server


@pytest.fixture
def product(servers: Servers, tmp_path: Path) -> Iterator[Stack]:
    """Run a stack whose API processes the test starts."""
    stack = Stack(database_url=servers.database_url, redis_url=servers.redis_url, folder=tmp_path)
    yield stack
    stack.stop()


def _health(stack: Stack, url: str, **settings: str) -> str:
    with client(stack.start_api(DATABASE_URL=url, **settings)) as anyone:
        status: str = anyone.get("/health").json()["checks"]["database"]["status"]
    return status


def test_addresses_with_options_of_libpq_reach_a_tls_database(product: Stack, postgres: TlsPostgres) -> None:
    """Red when the options are passed on: connect() got an unexpected keyword argument 'sslmode'."""
    for options in (
        "sslmode=require",
        "sslmode=require&channel_binding=require&application_name=chat&connect_timeout=10",
        f"sslmode=verify-full&sslrootcert={postgres.authority}",
        "gssencmode=disable&target_session_attrs=read-write&options=-c%20statement_timeout%3D60s",
    ):
        assert _health(product, postgres.url(options)) == "up", options
    system = {"SSL_CERT_FILE": str(postgres.authority)}
    assert _health(product, postgres.url("sslrootcert=system"), **system) == "up"
    worker = product.start_worker(DATABASE_URL=postgres.url("sslmode=require"))
    assert "worker_started" in worker.log


def test_a_server_that_libpq_rejects_is_rejected(
    product: Stack, postgres: TlsPostgres, tmp_path: Path
) -> None:
    """Red when verify-full verifies nothing, or disable uses TLS."""
    other = Certificates(tmp_path / "other").authority
    copied = shutil.copy(postgres.authority, tmp_path / "right.pem")
    for url, reason in (
        (postgres.url("sslmode=disable"), "28000"),
        (postgres.url(f"sslmode=verify-full&sslrootcert={other}"), "certificate verify failed"),
        (postgres.url(f"sslmode=verify-full&sslrootcert={copied}", host="127.0.0.1"), "127.0.0.1"),
    ):
        assert _health(product, url) == "down"
        assert reason in product.processes[-1].log


def test_the_server_sees_the_application_s_name(product: Stack, postgres: TlsPostgres) -> None:
    url = postgres.url("sslmode=require&application_name=chat-api")
    with client(product.start_api(DATABASE_URL=url)) as anyone:
        assert ok(anyone.get("/health"))["checks"]["database"]["status"] == "up"
        assert "chat-api" in postgres.application_names()
