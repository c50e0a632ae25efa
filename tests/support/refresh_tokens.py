"""Refresh tokens made with the service's keys: signed ones, and chained ones of earlier releases."""

import secrets
from uuid import UUID

from app.security import derive_key
from app.services.identity.chained_tokens import next_chained_token, token_digest
from app.services.identity.refresh_tokens import RefreshTokens
from tests.support.stack import Stack
from tests.support.user import User


def signed_token(stack: Stack, user: User, number: int) -> str:
    """The session's refresh token of this number."""
    session_id = UUID(user.tokens["refresh_token"].partition(".")[0])
    return RefreshTokens(_key(stack, "refresh token")).issue(session_id, number)


def chain_session(stack: Stack, user: User, *, refreshes: int) -> list[str]:
    """Turn the one session into one of an earlier release; return its tokens, the current one last."""
    session_id = user.tokens["refresh_token"].partition(".")[0]
    chain = [f"{session_id}.{secrets.token_urlsafe(32)}"]
    for _ in range(refreshes):
        chain.append(next_chained_token(_key(stack, "refresh"), chain[-1]))
    stack.database.run(
        "UPDATE sessions SET refresh_hash = %s, refresh_count = %s WHERE user_id = %s",
        token_digest(chain[-1]),
        refreshes,
        user.id,
    )
    return chain


def rotate_as_before(stack: Stack, user: User, token: str) -> str:
    """Rotate the current token as a process of an earlier release does; it must recognise it by its hash."""
    [row] = stack.database.rows("SELECT refresh_hash FROM sessions WHERE user_id = %s", user.id)
    assert row["refresh_hash"] == token_digest(token)
    successor = next_chained_token(_key(stack, "refresh"), token)
    stack.database.run(
        "UPDATE sessions SET refresh_hash = %s, refresh_count = refresh_count + 1 WHERE user_id = %s",
        token_digest(successor),
        user.id,
    )
    return successor


def _key(stack: Stack, label: str) -> bytes:
    return derive_key(stack.settings["JWT_SECRET_KEY"].encode(), label)
