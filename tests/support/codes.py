"""Requests for codes in numbers: accounts, client addresses, simultaneous requests."""

import json
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import httpx

from tests.support.stack import Stack
from tests.support.user import client, ok, some_number

T = TypeVar("T")
R = TypeVar("R")

_own = threading.local()


@contextmanager
def api_processes(stack: Stack, number: int, **settings: str) -> Iterator[list[str]]:
    """Run API processes that trust `X-Forwarded-For` during the block; yield their addresses."""
    before = len(stack.processes)
    own = {"TRUSTED_PROXIES": "127.0.0.1", "JWT_SECRET_KEY": secrets.token_hex(32), **settings}
    try:
        yield [stack.start_api(**own) for _ in range(number)]
    finally:
        for process in stack.processes[before:]:
            if process.popen.poll() is None:
                process.kill()


def some_address() -> str:
    """Return a client address that no other test uses."""
    return f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


def some_ipv6_site() -> str:
    """Return the prefix of a /48 that no other test uses: `{site}:1::` is an address in its second /64."""
    return f"2001:db8:{secrets.randbelow(1 << 16):x}"


def some_neighbours(count: int) -> list[str]:
    """Return `count` numbers of one block of 10,000."""
    block = some_number()[:-4]
    return [f"{block}{place:04d}" for place in range(count)]


def anyone(base_url: str) -> httpx.Client:
    """Return this thread's client for an API process, without a token."""
    clients: dict[str, httpx.Client] = _own.__dict__.setdefault("clients", {})
    if base_url not in clients:
        clients[base_url] = client(base_url)
    return clients[base_url]


def ask(base_url: str, number: str, *, address: str | None = None, path: str = "send-otp") -> httpx.Response:
    """Request a code (or sign up) from an address, by default a new one."""
    return anyone(base_url).post(
        f"/auth/{path}",
        json={"mobile_number": number},
        headers={"X-Forwarded-For": address or some_address()},
    )


def verify(
    base_url: str, number: str, otp: str, *, address: str | None = None, **more: str
) -> httpx.Response:
    """Try a code from an address, by default a new one."""
    return anyone(base_url).post(
        "/auth/verify-otp",
        json={"mobile_number": number, "otp": otp, **more},
        headers={"X-Forwarded-For": address or some_address()},
    )


def logged_reason(stack: Stack, refusal: httpx.Response) -> str:
    """Return why a code was refused, from the one log line about it."""
    request_id = refusal.headers["x-request-id"]
    lines = [line for line in stack.logs().splitlines() if "otp_refused" in line and request_id in line]
    [event] = [json.loads(line) for line in lines]
    reason: str = event["reason"]
    return reason


def sign_in_from(base_url: str, number: str, address: str) -> None:
    """Sign in the number, which has an account, from this address."""
    ok(verify(base_url, number, ok(ask(base_url, number, address=address))["otp"], address=address))


def other(otp: str) -> str:
    """Return a different code."""
    return f"{(int(otp) + 1) % 1_000_000:06d}"


def open_accounts(stack: Stack, numbers: Sequence[str]) -> None:
    """Create accounts for these numbers without consuming sign-up budget."""
    stack.database.run(
        "INSERT INTO users (id, mobile_number, created_at)"
        " SELECT gen_random_uuid(), number, now() FROM unnest(%s::text[]) AS number",
        list(numbers),
    )


def all_at_once(act: Callable[[T], R], items: Sequence[T], *, most: int = 50) -> list[R]:
    """Return what `act` returns for each item, called `most` at a time."""
    with ThreadPoolExecutor(most) as pool:
        return list(pool.map(act, items))


def outcomes(answers: Sequence[httpx.Response]) -> list[tuple[int, str | None]]:
    """Return status and code of each response."""
    return [(answer.status_code, answer.json().get("code")) for answer in answers]
