"""A database without waiting work, with its statistics, and then a backlog that they do not include."""

from typing import LiteralString

import psycopg

_TABLES: tuple[LiteralString, ...] = ("messages", "chatrooms", "stripe_events", "deletions")
_USERS: LiteralString = """
INSERT INTO users (id, mobile_number, verified_at, created_at)
SELECT gen_random_uuid(), '+888' || n, now(), now() FROM generate_series(1, 1000) n
"""
_ROOMS: LiteralString = """
INSERT INTO chatrooms (id, user_id, title, title_source, model, archived, message_count, last_position,
    bytes_per_token, last_message_at, active_at, created_at, updated_at)
SELECT gen_random_uuid(), owner.id, 'Room', 'person', 'gemini-3.8-flash', false, %(messages)s, %(messages)s,
    4, now(), now(), now(), now()
FROM (SELECT id FROM users WHERE mobile_number LIKE '+888%%') owner, generate_series(1, %(rooms)s / 1000)
"""
# The finished replies have failed, so they have no text: the search index takes time.
_EXCHANGES: LiteralString = """
WITH spoken AS (
    SELECT id AS chatroom_id, user_id, place, gen_random_uuid() AS message, gen_random_uuid() AS reply
    FROM chatrooms, generate_series(%(first)s::int, %(last)s::int, 2) place
    WHERE title = 'Room' AND title_source = 'person'
)
INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at, completed_at,
    reply_to, superseded, attempt, retries, losses)
SELECT message, chatroom_id, user_id, place, 'user', 'completed', %(content)s, now(), now(),
    NULL, false, 0, 0, 0
FROM spoken
UNION ALL
SELECT reply, chatroom_id, user_id, place + 1, 'model', %(status)s, '', now() - interval '1 minute',
    CASE %(status)s WHEN 'pending' THEN NULL ELSE now() END, message, false, 0, 0, 0
FROM spoken
"""
_EVENTS: LiteralString = """
INSERT INTO stripe_events (id, type, livemode, created_at, received_at, processed_at, attempts)
SELECT gen_random_uuid()::text, 'invoice.paid', false, now(), now() - interval '1 minute',
    CASE %(status)s WHEN 'pending' THEN NULL ELSE now() END, 0
FROM generate_series(1, %(rows)s)
"""
_DELETIONS: LiteralString = """
INSERT INTO deletions (id, user_id, due_at)
SELECT gen_random_uuid(), gen_random_uuid(), now() - interval '1 minute' FROM generate_series(1, %(rows)s)
"""


def make_quiet_time(database_url: str, *, rooms: int, exchanges_per_room: int) -> None:
    """Fill rooms with finished exchanges, and analyze the tables while nothing waits."""
    last = 2 * exchanges_per_room
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in _TABLES:
            connection.execute("ALTER TABLE " + table + " SET (autovacuum_enabled = false)")
        connection.execute(_USERS)
        connection.execute(_ROOMS, {"messages": last, "rooms": rooms})
        values = {"first": 1, "last": last, "content": "", "status": "failed", "rows": rooms}
        connection.execute(_EXCHANGES, values)
        connection.execute(_EVENTS, values)
        connection.execute("VACUUM (ANALYZE)")


def make_backlog(database_url: str, *, exchanges_per_room: int, words: str) -> None:
    """Add one message to each of these rooms whose reply has waited for a minute."""
    last = 2 * exchanges_per_room
    values = {"first": last + 1, "last": last + 1, "content": words, "status": "pending"}
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_EXCHANGES, values)
        connection.execute("UPDATE messages SET queued_at = created_at WHERE status = 'pending'")
        connection.execute(
            "UPDATE chatrooms SET message_count = message_count + 2, last_position = last_position + 2"
            " WHERE title = 'Room' AND title_source = 'person'"
        )


def make_other_backlogs(database_url: str, *, rows: int) -> None:
    """Add that many waiting Stripe events, and accounts and rooms to erase."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_EVENTS, {"status": "pending", "rows": rows})
        connection.execute(_DELETIONS, {"rows": rows})
        connection.execute("UPDATE chatrooms SET erase_at = now() - interval '1 minute'")
