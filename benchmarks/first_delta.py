"""Measure how much later a listener sees the first text than a direct caller of Gemini.

Both are measured in turns in one run, against the same sandbox: the whole way through API, queue and
worker on one side, a bare streamed request on the other. Prints medians in milliseconds.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from devtools.throwaway import throwaway_servers
from tests.support.stack import Stack
from tests.support.user import User, client, close_clients

_WARM_UP = 10


def _through_the_product(user: User, room: str) -> float:
    started = time.perf_counter()
    body, headers = {"content": "Hello there"}, {"Accept": "text/event-stream"}
    with user.http.stream("POST", f"/chatroom/{room}/message", json=body, headers=headers) as answer:
        found = 0.0
        for line in answer.iter_lines():
            if line == "event: delta" and not found:
                found = time.perf_counter() - started
    if not found:
        raise RuntimeError(f"{answer.status_code}: a stream without text")
    return found


def _directly(sandbox: httpx.Client) -> float:
    started = time.perf_counter()
    with sandbox.stream(
        "POST",
        "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
        json={"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]},
        headers={"x-goog-api-key": "sandbox"},
    ) as answer:
        found = 0.0
        for line in answer.iter_lines():
            if line.startswith("data: ") and not found:
                found = time.perf_counter() - started
        return found


def _measure(stack: Stack, times: int) -> tuple[list[float], list[float]]:
    user = stack.user()
    stack.make_pro(user)
    sandbox = client(stack.sandbox_url)
    ways: tuple[Callable[[], float], ...] = (
        lambda: _through_the_product(user, user.open_room(title="Measured")),
        lambda: _directly(sandbox),
    )
    for _ in range(_WARM_UP):
        for way in ways:
            way()
    rounds = [[way() for way in ways] for _ in range(times)]
    return [first for first, _ in rounds], [second for _, second in rounds]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=60)
    times = parser.parse_args().times
    with throwaway_servers() as (postgres, valkey), tempfile.TemporaryDirectory() as folder:
        product = Stack(database_url=postgres.url("postgres"), redis_url=valkey.url(), folder=Path(folder))
        with product.running() as stack:
            stack.start_worker()
            through, direct = _measure(stack, times)
            close_clients()
    ours, bare = statistics.median(through) * 1000, statistics.median(direct) * 1000
    print(f"first delta through the product: {ours:6.1f} ms (median of {times})")
    print(f"first piece from the sandbox:    {bare:6.1f} ms")
    print(f"difference:                      {ours - bare:6.1f} ms")


if __name__ == "__main__":
    main()
