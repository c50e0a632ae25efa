"""`DATABASE_URL` as providers write it: options that are kept, dropped, or rejected by name."""

import re

import pytest

from app.config import PostgresAddress


@pytest.mark.parametrize(
    ("url", "dsn"),
    [
        ("postgres://u:p@h/db?sslmode=require", "postgresql://u:p@h/db?sslmode=require"),
        (
            "postgresql://u:p@ep-1-pooler.eu.example/neondb?sslmode=require&channel_binding=require",
            "postgresql://u:p@ep-1-pooler.eu.example/neondb?sslmode=require",
        ),
        ("postgresql+asyncpg://u:p@h/db?ssl=require", "postgresql://u:p@h/db?sslmode=require"),
        ("postgres://u:p@h/db?sslmode=no-verify", "postgresql://u:p@h/db?sslmode=require"),
        ("postgres://u@server:p@h/db", "postgresql://u%40server:p@h/db"),
        ("postgresql+psycopg2://u:p@h:6543/db", "postgresql://u:p@h:6543/db"),
        (
            "postgresql://h/db?application_name=chat&gssencmode=disable",
            "postgresql://h/db?application_name=chat",
        ),
        (
            "postgresql://h/db?options=-c%20search_path%3Dchat",
            "postgresql://h/db?options=-c%20search_path%3Dchat",
        ),
        (
            "postgresql://a:1,b:2/db?target_session_attrs=read-write",
            "postgresql://a:1,b:2/db?target_session_attrs=read-write",
        ),
        ("postgresql://h/db?keepalives=1&sslsni=1&client_encoding=UTF8", "postgresql://h/db"),
        ("postgresql://u:a/b#c@d@h:5432/db", "postgresql://u:a%2Fb%23c%40d@h:5432/db"),
        ("postgresql://u:per%25cent%@h/db", "postgresql://u:per%25cent%25@h/db"),
        ("postgresql://u:qu?estion@h/db?sslmode=disable", "postgresql://u:qu%3Festion@h/db?sslmode=disable"),
        ("postgresql:///db?host=/run/postgresql", "postgresql:///db?host=%2Frun%2Fpostgresql"),
    ],
)
def test_an_address_is_understood(url: str, dsn: str) -> None:
    assert PostgresAddress.parse(url).dsn == dsn


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("mysql://visible@h/db", "must begin with postgresql://"),
        ("visible", "must begin with postgresql://"),
        ("postgresql://h/db?sslmode=visible", "sslmode"),
        ("postgresql://h/db?sslmode=verify-full", "sslrootcert"),
        ("postgresql://h/db?sslmode=verify-ca&sslrootcert=/visible/ca.pem", "certificate or key file"),
        ("postgresql://h/db?sslmode=require&sslcert=/visible/me.pem", "certificate or key file"),
        ("postgresql://h/db?sslrootcert=system&sslmode=require", "sslrootcert=system"),
        ("postgresql://h/db?target_session_attrs=visible", "target_session_attrs"),
        ("postgresql://h/db?connect_timeout=visible", "connect_timeout"),
        ("postgresql://h/db?gssencmode=require", "`gssencmode`"),
        ("postgresql://h/db?client_encoding=visible", "`client_encoding`"),
        ("postgresql://h/db?search_path=visible", "`search_path`"),
        ("postgresql://h/db?replication=database", "`replication`"),
        ("postgresql://h/db?Visible=1", "(unreadable)"),
        ("postgresql://h/db?visible", "name=value"),
        ("postgresql://u:visible@h:70000/db", "port"),
        ("postgresql://u:pw/db@h:visible/db", "percent-encoded"),
        ("postgresql://[visible/db", "percent-encoded"),
    ],
)
def test_an_unusable_address_is_rejected_by_name_without_its_value(url: str, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)) as refused:
        PostgresAddress.parse(url)
    assert "isible" not in str(refused.value)


def test_the_marks_of_a_pooler_and_the_limit_to_connect_are_read() -> None:
    plain = PostgresAddress.parse("postgresql://h/db")
    assert (plain.is_pooled, plain.connect_seconds, plain.trusts_system) == (False, None, False)
    for mark in (
        "pgbouncer=true&connection_limit=1",
        "prepared_statement_cache_size=0",
        "statement_cache_size=0",
    ):
        assert PostgresAddress.parse(f"postgresql://h/db?{mark}").is_pooled
    assert PostgresAddress.parse("postgresql://h/db?connect_timeout=10").connect_seconds == 10
    assert PostgresAddress.parse("postgresql://h/db?connect_timeout=0").connect_seconds is None
    assert PostgresAddress.parse("postgresql://h/db?sslmode=verify-full&sslrootcert=system").trusts_system
