"""Plain requests against the floor: a cached list, a user, a room of 50 messages, and sending."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, LiteralString

import httpx
import psycopg
import redis

from benchmarks import floor
from benchmarks.cost import cpu_seconds
from benchmarks.load import Plan, request, run_load
from benchmarks.options import Options
from benchmarks.product import Product, product
from benchmarks.report import Row, Section, Target, at_least, compare
from benchmarks.series import Series
from benchmarks.servers import Servers
from devtools.ports import free_port
from tests.support.process import Process
from tests.support.waiting import eventually

NAME: Final = "requests"
_ABOUT: Final = (
    "32 connections of 8 users; other users read than send. The floor is FastAPI on the same uvicorn, uvloop,"
    " redis-py, asyncpg, PyJWT and pydantic, which does the same work and nothing else."
)
_CONNECTIONS: Final = 32
_USERS: Final = 8
_ROOMS: Final = 10
_HISTORY: LiteralString = """
INSERT INTO messages (id, chatroom_id, user_id, position, role, status, content, created_at, completed_at,
    reply_to, superseded, attempt, retries, losses, model, finish_reason, input_tokens, output_tokens,
    thinking_tokens, time_to_first_token_ms, duration_ms)
SELECT md5(room.id::text || place)::uuid, room.id, room.user_id, place,
    CASE place % 2 WHEN 1 THEN 'user' ELSE 'model' END, 'completed', repeat('What is the weather like? ', 8),
    now(), now(), CASE place % 2 WHEN 0 THEN md5(room.id::text || (place - 1))::uuid END, false, 0, 0, 0,
    CASE place % 2 WHEN 0 THEN 'gemini-3.8-flash' END, CASE place % 2 WHEN 0 THEN 'stop' END,
    CASE place % 2 WHEN 0 THEN 12 END, CASE place % 2 WHEN 0 THEN 100 END,
    CASE place % 2 WHEN 0 THEN 0 END, CASE place % 2 WHEN 0 THEN 50 END, CASE place % 2 WHEN 0 THEN 250 END
FROM chatrooms AS room, generate_series(1, 60) AS place
"""
_COUNTERS: LiteralString = "UPDATE chatrooms SET last_position = 60, message_count = 60"


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of request, at ours and at the floor."""

    name: str
    target: float
    requests: tuple[str, ...]


@dataclass(slots=True)
class Side:
    """A server under load: ours or the floor."""

    port: int
    pid: int
    rates: dict[str, list[float]] = field(default_factory=dict)
    costs: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, work: Work, seconds: float) -> None:
        """Send one series, and keep its rate and its CPU time in microseconds a request."""
        before = cpu_seconds([self.pid])
        outcome = run_load(Plan(self.port, work.requests, _CONNECTIONS, seconds))
        cost = (cpu_seconds([self.pid]) - before) / outcome.done * 1e6
        self.rates.setdefault(work.name, []).append(outcome.per_second)
        self.costs.setdefault(work.name, []).append(cost)


def start_floor(made: Product, *, processes: int = 1) -> tuple[int, Process]:
    """Start the floor on the product's servers, and return its port and process."""
    port = free_port()
    workers = {"WEB_CONCURRENCY": str(processes)} if processes > 1 else {}
    process = made.stack.start(
        "floor", "uvicorn", "benchmarks.floor:app", "--port", str(port), "--no-access-log", **workers
    )

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False).is_success
        except httpx.TransportError:
            return False

    eventually(answers, what="the floor")
    return port, process


def prepare(made: Product) -> list[Work]:
    """Add users, rooms and messages, and return the kinds of work."""
    made.sign_up(2 * _USERS, rooms=_ROOMS)  # a list is cached until its user sends
    with psycopg.connect(made.stack.database.url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(_HISTORY)
        connection.execute(_COUNTERS)
        connection.execute(floor.TABLE)
        connection.execute("VACUUM ANALYZE")
    with redis.Redis.from_url(made.stack.redis_url) as client:
        for user in made.users:
            client.set(f"floor:rooms:{user.id}", user.http.get("/chatroom").content)
    body, later = json.dumps({"content": "Hello there"}), ["Prefer: respond-async"]
    places = list(made.at_each())
    readers, senders = (
        [(user, room) for user, room in places if (user in made.users[:_USERS]) == reads][:_CONNECTIONS]
        for reads in (True, False)
    )
    return [
        Work(
            "GET /chatroom, cached",
            0.65,
            tuple(request("GET", "/chatroom", user.token) for user, _ in readers),
        ),
        Work("GET /user/me", 0.6, tuple(request("GET", "/user/me", user.token) for user, _ in readers)),
        Work(
            "GET /chatroom/{id}, 50 messages",
            0.6,
            tuple(request("GET", f"/chatroom/{room}", user.token) for user, room in readers),
        ),
        Work(
            "POST …/message, respond-async",
            0.55,
            tuple(
                request("POST", f"/chatroom/{room}/message", user.token, body=body, headers=later)
                for user, room in senders
            ),
        ),
    ]


@contextmanager
def both_sides(servers: Servers, processes: int) -> Iterator[tuple[Product, Side, Side, list[Work]]]:
    """Run the API and the floor beside each other."""
    with product(servers) as made:
        api = made.start_api(processes=processes)
        works = prepare(made)
        floor_port, bare = start_floor(made, processes=processes)
        ours = Side(made.port, api.popen.pid)
        yield made, ours, Side(floor_port, bare.popen.pid), works


def measure(servers: Servers, options: Options) -> list[Section]:
    """Measure ours and the floor in turns."""
    sections = []
    for processes in options.processes:
        with both_sides(servers, processes) as (_, ours, bare, works):
            for work in works:
                for side in (ours, bare):
                    run_load(Plan(side.port, work.requests, _CONNECTIONS, min(0.5, options.seconds)))
            for _ in range(options.rounds):
                for work in works:
                    for side in (ours, bare):
                        side.measure(work, options.seconds)
            name = NAME if processes == 1 else f"{NAME}, {processes} processes"
            sections.append(Section(name, _ABOUT, tuple(_rows(ours, bare, works, processes))))
    return sections


def _rows(ours: Side, bare: Side, works: list[Work], processes: int) -> Iterator[Row]:
    for work in works:
        target: Target | None = at_least(work.target) if processes == 1 else None
        name = work.name
        yield compare(name, Series.of(ours.rates[name]), Series.of(bare.rates[name]), "/s", target)
        costs = Series.of(ours.costs[name]), Series.of(bare.costs[name])
        yield compare(f"{name}: CPU a request", *costs, unit=" µs")
