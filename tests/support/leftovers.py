"""Search for remaining data of a deleted user: in every column, Redis key and value, and the logs."""

from collections.abc import Iterable, Iterator
from typing import cast
from uuid import UUID

import psycopg
import redis
from psycopg import sql

from tests.support.stack import Stack


def forms_of_number(mobile_number: str) -> set[str]:
    """Return the ways to write an American number (E.164)."""
    digits = mobile_number.removeprefix("+1")
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    return {digits, f"{area}-{exchange}-{line}", f"({area}) {exchange}-{line}", f"{area} {exchange} {line}"}


def forms_of_id(id_: str) -> set[str]:
    """Return the ways to write an id."""
    return {id_, UUID(id_).hex}


def leftovers(stack: Stack, marks: Iterable[str]) -> list[str]:
    """Return the places in PostgreSQL and Redis that contain one of these marks."""
    wanted = [mark.lower() for mark in marks]
    places = [*_in_postgres(stack), *_in_redis(stack)]
    return [f"{place}: {text[:200]}" for place, text in places if any(mark in text for mark in wanted)]


def log_lines(stack: Stack, marks: Iterable[str]) -> list[str]:
    """Return the lines of the product's logs that contain one of these marks, except SMS texts."""
    lines = [line for line in stack.logs().splitlines() if not line.startswith("SMS to ")]
    return [line for line in lines if any(mark in line for mark in marks)]


def _in_postgres(stack: Stack) -> Iterator[tuple[str, str]]:
    columns = stack.database.rows(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    )
    with psycopg.connect(stack.database.url, autocommit=True) as connection:
        for column in columns:
            table, name = str(column["table_name"]), str(column["column_name"])
            query = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(name), sql.Identifier(table))
            for (value,) in connection.execute(query):
                yield f"{table}.{name}", _text(value)


def _in_redis(stack: Stack) -> Iterator[tuple[str, str]]:
    with redis.Redis.from_url(stack.redis_url) as raw:
        for key in raw.scan_iter(count=1000):
            yield "a Redis key", _text(key)
            yield f"Redis {_text(key)}", _text(_value(raw, key))


def _value(raw: "redis.Redis", key: bytes) -> object:
    """Return the value of a key of any type; nothing if it has expired."""
    kind = cast("bytes", raw.type(key)).decode()
    command = {
        "none": "EXISTS {}",
        "string": "GET {}",
        "hash": "HGETALL {}",
        "list": "LRANGE {} 0 -1",
        "set": "SMEMBERS {}",
        "zset": "ZRANGE {} 0 -1",
        "stream": "XRANGE {} - +",
    }[kind]
    words = [key if word == "{}" else word for word in command.split()]
    return raw.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py left this one untyped


def _text(value: object) -> str:
    """Return a value as searchable text; bytes as text and in hex."""
    if isinstance(value, bytes):
        return f"{value.decode('latin-1')} {value.hex()}".lower()
    return str(value).lower()
