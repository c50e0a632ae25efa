"""Create long histories: a user with many rooms and one very long one, among many similar users.

The database creates the rows in the form of the product's own, ids in order of time included.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

COMMON = "weather"
"""A word of every message."""
COMMON_TOO = "wind"
"""Another one."""
MIDDLING = "harbour"
"""A word of every 500th message of each room."""
RARE = "zeppelin"
"""A word of every 1,000th message of each room."""
UNSPACED = "機械学習"
"""Of every 1,000th message, while every tenth has each of the letters."""

# Statements about one user or about many: `owner` and `room` come out of `users`.
_ID: LiteralString = """
CREATE FUNCTION pg_temp.id_at(at bigint, seed text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(at), 12, '0') || '7' || substr(md5(seed), 1, 3) || '8'
        || substr(md5(seed), 4, 15))::uuid
$$
"""
_TEXT: LiteralString = """
CREATE FUNCTION pg_temp.told(place int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'What is the weather like, number ' || place || '? '
        || (ARRAY['Sunny', 'Cloudy', 'Rainy', 'Windy', 'Foggy', 'Icy', 'Mild'])[1 + place % 7] || ' in '
        || (ARRAY['Oslo', 'Lima', 'Kyoto', 'Accra', 'Quito'])[1 + place % 5] || '. '
        || CASE WHEN place % 1000 = 500 THEN 'A north wind took the zeppelin. 機械学習。'
                WHEN place % 10 = 0 THEN 'A wind from the north. 機会、学校、習字、械。'
                ELSE 'A wind from the north.' END
        || CASE WHEN place % 500 = 250 THEN ' The harbour is closed.' ELSE '' END
$$
"""
_PEOPLE: LiteralString = """
INSERT INTO users (id, mobile_number, verified_at, created_at)
SELECT pg_temp.id_at(%(begin)s, 'user' || n), '+888' || n, now(), now() FROM generate_series(1, %(people)s) n
"""
_ROOMS: LiteralString = """
INSERT INTO chatrooms (id, user_id, title, title_source, model, archived, message_count, last_position,
    bytes_per_token, last_message_at, active_at, created_at, updated_at)
SELECT pg_temp.id_at(%(begin)s + n, %(owner)s || n), %(owner)s::uuid, 'Room ' || n, 'person',
    'gemini-3.8-flash', false, %(messages)s, %(messages)s, 4, at, at, at, at
FROM generate_series(1, %(rooms)s) n, to_timestamp((%(begin)s + n) / 1000.0) at
"""
_ROOM_EACH: LiteralString = """
INSERT INTO chatrooms (id, user_id, title, title_source, model, archived, message_count, last_position,
    bytes_per_token, last_message_at, active_at, created_at, updated_at)
SELECT id, id, 'Room', 'person', 'gemini-3.8-flash', false, %(messages)s, %(messages)s, 4,
    now(), now(), now(), now()
FROM users WHERE mobile_number LIKE '+888%%'
"""
_MESSAGES: LiteralString = """
INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at, completed_at,
    reply_to, superseded, attempt, retries, losses)
SELECT pg_temp.id_at(%(begin)s + place * %(gap)s, room.id::text || place), room.id, room.user_id, place,
    CASE place %% 2 WHEN 1 THEN 'user' ELSE 'model' END, 'completed', pg_temp.told(place), at, at,
    CASE place %% 2 WHEN 0 THEN
        pg_temp.id_at(%(begin)s + (place - 1) * %(gap)s, room.id::text || (place - 1)) END,
    false, 0, 0, 0
FROM chatrooms AS room, generate_series(%(first)s::int, %(messages)s) place,
    to_timestamp((%(begin)s + place * %(gap)s) / 1000.0) at
"""
_OF_ROOM: LiteralString = "WHERE room.id = %(room)s ORDER BY place"
_OF_SHORT_ROOMS: LiteralString = "WHERE room.user_id = %(owner)s AND room.id <> %(room)s ORDER BY place"
_OF_OTHERS: LiteralString = (
    "WHERE room.user_id IN (SELECT id FROM users WHERE mobile_number LIKE '+888%%') ORDER BY place"
)
_PLAIN_INDEXES: LiteralString = """
SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = 'messages'::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
_BEGIN = 1_600_000_000_000  # in 2020, in milliseconds; all of it is before anything that is said now


@dataclass(frozen=True, slots=True)
class Size:
    """How much history there is to be."""

    rooms: int = 10_000
    long_room: int = 100_000
    short_room: int = 2
    others: int = 880
    messages_of_each: int = 1_000


def make_histories(database_url: str, owner: str, size: Size) -> UUID:
    """Create the histories of a user and many others at once; returns the user's long room, created last.

    Foreign keys are not checked, and indexes are built after the rows.
    """
    with _connection(database_url) as connection:
        of_rooms = {"owner": owner, "begin": _BEGIN, "messages": size.short_room, "rooms": size.rooms}
        connection.execute(_ROOMS, of_rooms)
        [[room]] = connection.execute(
            "UPDATE chatrooms SET message_count = %(messages)s, last_position = %(messages)s,"
            " active_at = now() WHERE id = pg_temp.id_at(%(begin)s + %(rooms)s, %(owner)s || %(rooms)s)"
            " RETURNING id",
            of_rooms | {"messages": size.long_room},
        )
        connection.execute(_PEOPLE, {"begin": _BEGIN, "people": size.others})
        connection.execute(_ROOM_EACH, {"messages": size.messages_of_each})
        indexes = connection.execute(_PLAIN_INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        each = {"begin": _BEGIN, "owner": owner, "room": room, "first": 1}
        connection.execute(_MESSAGES + _OF_SHORT_ROOMS, each | {"messages": size.short_room, "gap": 1})
        connection.execute(_MESSAGES + _OF_ROOM, each | {"messages": size.long_room, "gap": 10})
        _fill_others(database_url, size.messages_of_each, each | {"gap": 1_000})
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute("VACUUM (ANALYZE) messages, chatrooms")
    found: UUID = room
    return found


def _fill_others(database_url: str, messages: int, values: dict[str, object]) -> None:
    """In two connections at once: this takes the longest."""
    half = messages // 2
    with ThreadPoolExecutor() as threads:
        done = [
            threads.submit(_fill, database_url, values | {"first": first, "messages": last})
            for first, last in ((1, half), (half + 1, messages))
        ]
    for one in done:
        one.result()


def _fill(database_url: str, values: dict[str, object]) -> None:
    with _connection(database_url) as connection:
        connection.execute(_MESSAGES + _OF_OTHERS, values)


@contextmanager
def _connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '256MB'")
        connection.execute("SET work_mem = '256MB'")
        connection.execute(_ID)
        connection.execute(_TEXT)
        yield connection
