"""Compares the counters of rooms with their messages."""

from collections.abc import Sequence

from tests.support.database import Database, Row


def untrue_rooms(database: Database, user_ids: Sequence[str]) -> list[Row]:
    """Return these users' rooms whose `message_count` or `last_message_at` differ from their messages."""
    return database.rows(
        "SELECT chatrooms.id, message_count, count(messages.id) AS counted,"
        " last_message_at, max(messages.created_at) AS last"
        " FROM chatrooms LEFT JOIN messages ON messages.chatroom_id = chatrooms.id"
        " WHERE chatrooms.user_id = ANY(%s::text[]::uuid[]) AND erase_at IS NULL GROUP BY chatrooms.id"
        " HAVING message_count <> count(messages.id)"
        " OR last_message_at IS DISTINCT FROM max(messages.created_at)",
        list(user_ids),
    )
