"""The floor of requests: FastAPI and the same libraries, doing the same work with nothing around it.

Started as `uvicorn benchmarks.floor:app`; the bodies have the members of ours.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import jwt
import redis.asyncio as redis
from fastapi import FastAPI, Request, Response

from benchmarks.floor_models import ExchangeOut, Me, MessageIn, MessageOut, Quota, RoomOut, Usage

_CONNECTIONS = 10
TABLE = """
CREATE TABLE floor_messages (id uuid PRIMARY KEY, chatroom_id uuid REFERENCES chatrooms (id), user_id uuid,
    role text, content text, created_at timestamptz);
CREATE INDEX ON floor_messages (chatroom_id);
"""
"""The table that the floor's messages go to, in the product's database."""
_ME = """
SELECT users.id, mobile_number, full_name, password_hash IS NOT NULL AS has_password, users.created_at,
    last_login_at, coalesce(subscriptions.status, 'basic') AS plan
FROM users LEFT JOIN subscriptions ON subscriptions.user_id = users.id WHERE users.id = $1
"""
_ROOM = "SELECT * FROM chatrooms WHERE id = $1 AND user_id = $2"
_MESSAGES = """
SELECT id, chatroom_id, role, content, status, reply_to, superseded, finish_reason, model, created_at,
    completed_at, input_tokens, output_tokens, thinking_tokens, time_to_first_token_ms, duration_ms
FROM messages WHERE chatroom_id = $1 ORDER BY position DESC LIMIT 51
"""
_INSERT = "INSERT INTO floor_messages VALUES ($1, $2, $3, $4, $5, $6)"


@asynccontextmanager
async def _connections(started: FastAPI) -> AsyncIterator[None]:
    database_url = os.environ["DATABASE_URL"]
    async with (
        asyncpg.create_pool(database_url, min_size=_CONNECTIONS, max_size=_CONNECTIONS) as pool,
        redis.from_url(os.environ["REDIS_URL"]) as client,
    ):
        started.state.pool, started.state.redis = pool, client
        yield


app = FastAPI(lifespan=_connections)
_KEY = os.environ.get("JWT_SECRET_KEY", "")


def _user(request: Request) -> UUID:
    token = request.headers["authorization"].removeprefix("Bearer ")
    return UUID(jwt.decode(token, _KEY, algorithms=["HS256"])["sub"])


def _usage(row: Mapping[str, int | None]) -> Usage | None:
    return None if row["duration_ms"] is None else Usage(**row)


@app.get("/health/live")
async def live() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "up"}


@app.get("/chatroom")
async def list_rooms(request: Request) -> Response:
    """JWT check, two Redis commands in one round trip, bytes out."""
    user = _user(request)
    async with app.state.redis.pipeline(transaction=False) as commands:
        commands.incr(f"floor:{user}")
        commands.get(f"floor:rooms:{user}")
        _, body = await commands.execute()
    return Response(body or b"{}", media_type="application/json")


@app.get("/user/me")
async def read_me(request: Request) -> Me:
    """JWT, one Redis command, a join, a model out."""
    user = _user(request)
    await app.state.redis.incr(f"floor:{user}")
    return Me(**await app.state.pool.fetchrow(_ME, user))


@app.get("/chatroom/{chatroom_id}")
async def read_room(chatroom_id: UUID, request: Request) -> RoomOut:
    """JWT, one Redis command, the room and its newest messages, a model out."""
    user = _user(request)
    await app.state.redis.incr(f"floor:{user}")
    async with app.state.pool.acquire() as connection:
        room = await connection.fetchrow(_ROOM, chatroom_id, user)
        rows = await connection.fetch(_MESSAGES, chatroom_id)
    messages = [MessageOut(**row, error=None, usage=_usage(row)) for row in reversed(rows[:50])]
    return RoomOut(**room, messages=messages, next_cursor=None)


@app.post("/chatroom/{chatroom_id}/message", status_code=202)
async def send_message(chatroom_id: UUID, body: MessageIn, request: Request) -> ExchangeOut:
    """JWT, a body model, one Redis command, two inserts in one transaction, a model out."""
    user = _user(request)
    await app.state.redis.incr(f"floor:{user}")
    message, reply, now = uuid4(), uuid4(), datetime.now(UTC)
    async with app.state.pool.acquire() as connection, connection.transaction():
        await connection.execute(_INSERT, message, chatroom_id, user, "user", body.content, now)
        await connection.execute(_INSERT, reply, chatroom_id, user, "model", "", now)
    return ExchangeOut(
        message=MessageOut.bare(message, chatroom_id, role="user", content=body.content, at=now),
        reply=MessageOut.bare(reply, chatroom_id, role="model", content="", at=now),
        quota=Quota(limit=None, used=1, remaining=None, resets_at=now),
    )
