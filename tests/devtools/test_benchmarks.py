"""Ours and the floor answer the requests of the benchmarks alike. No test here asserts a time."""

import importlib
from contextlib import closing

from benchmarks.__main__ import BENCHMARKS, PROGRAMS
from benchmarks.load import Plan, run_load
from benchmarks.raw_client import RawClient
from benchmarks.requests import both_sides
from benchmarks.sdk import run_sdk
from benchmarks.servers import Servers as BenchmarkServers
from tests.conftest import Servers
from tests.support.user import Json


def test_every_benchmark_has_the_name_of_its_file() -> None:
    assert all(importlib.import_module(f"benchmarks.{name}") for name in (*BENCHMARKS, *PROGRAMS))


def test_ours_and_the_floor_answer_the_same_requests_with_the_same_members(servers: Servers) -> None:
    """Red when a member is added to ours and not to the floor, which would do less work."""
    given = BenchmarkServers(servers.database_url, servers.redis_url)
    with both_sides(given, 1) as (made, ours, floor, works):
        for work in works:
            one, other = (_ask(side.port, work.requests[0]) for side in (ours, floor))
            assert _members(one) == _members(other), work.name
            outcome = run_load(Plan(ours.port, work.requests, 4, times=2))
            assert (outcome.done, len(outcome.times_ms)) == (8, 8)
        assert run_sdk(made.upstream_url, at_once=2, seconds=0).done == 2


def _ask(port: int, request: str) -> Json:
    with closing(RawClient(port)) as client:
        return client.ask(request).json()


def _members(body: object) -> object:
    """Return a body with the kinds of its values in place of them; of a list, the first item."""
    if isinstance(body, dict):
        return {name: _members(value) for name, value in body.items()}
    if isinstance(body, list):
        return [_members(body[0])] if body else []
    return None
