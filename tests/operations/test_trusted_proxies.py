"""A proxy that TRUSTED_PROXIES does not name is named in the log, once, and with the setting."""

import json

import pytest

from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.user import client, ok

_PATHS = ("/", "/user/me", "/", "/nowhere")


def _warnings(stack: Stack, base_url: str) -> list[dict[str, str]]:
    """The lines about ignored headers in the log of the API at this address."""
    port = base_url.rpartition(":")[2]
    [process] = [one for one in stack.processes if _is_api_at(one, port)]
    lines = [line for line in process.log.splitlines() if "forwarded_header_ignored" in line]
    return [json.loads(line) for line in lines]


def _is_api_at(process: Process, port: str) -> bool:
    return process.name == "api" and f":{port} " in process.log


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_a_proxy_that_is_not_trusted_is_named_once_with_the_setting(stack: Stack, header: str) -> None:
    """Red when the address is the one that uvicorn puts in the peer's place."""
    base_url = stack.start_api()
    for number in range(3):
        with client(base_url, {header: f"203.0.113.{number}"}) as caller:
            for path in _PATHS:
                caller.get(path)
    [warning] = _warnings(stack, base_url)
    assert (warning["level"], warning["address"], warning["header"]) == ("warning", "127.0.0.1", header)
    assert "TRUSTED_PROXIES" in warning["advice"]


def test_a_trusted_proxy_and_callers_without_one_are_not_warned_of(stack: Stack) -> None:
    trusting, alone = stack.start_api(TRUSTED_PROXIES="127.0.0.0/8"), stack.start_api()
    with client(trusting, {"X-Forwarded-For": "203.0.113.7"}) as caller:
        ok(caller.get("/"))
    with client(alone) as caller:
        ok(caller.get("/"))
    assert (_warnings(stack, trusting), _warnings(stack, alone)) == ([], [])


def test_a_trusted_proxy_that_sends_another_header_is_warned_of(stack: Stack) -> None:
    base_url = stack.start_api(TRUSTED_PROXIES="127.0.0.1")
    with client(base_url, {"X-Real-IP": "203.0.113.7"}) as caller:
        ok(caller.get("/"))
    [warning] = _warnings(stack, base_url)
    assert "only X-Forwarded-For is read" in warning["advice"]


def test_health_checks_cause_no_warning(stack: Stack) -> None:
    base_url = stack.start_api()
    with client(base_url, {"X-Forwarded-For": "203.0.113.7"}) as monitor:
        for path in ("/health/live", "/health", "/metrics"):
            monitor.get(path)
    assert _warnings(stack, base_url) == []
