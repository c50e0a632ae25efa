"""Metrics for Prometheus, and the token that protects them."""

from functools import partial

import httpx

from tests.support.codes import api_processes, ask, open_accounts, other, some_address, verify
from tests.support.metrics import Metrics, scraped
from tests.support.stack import Stack
from tests.support.twilio import Twilio
from tests.support.user import User, client, ok, problem, some_number
from tests.support.waiting import eventually


def test_without_a_token_in_the_settings_metrics_are_not_found(stack: Stack) -> None:
    address = stack.start_api(METRICS_TOKEN="")
    for headers in ({}, {"Authorization": "Bearer x"}):
        with client(address, headers) as anyone:
            problem(anyone.get("/metrics"), 404, "not_found")


def test_metrics_require_the_right_token(stack: Stack, user: User) -> None:
    """Red when an access token, or no token, is enough."""
    with client(stack.base_url) as anyone:
        problem(anyone.get("/metrics"), 401, "authentication_required")
        refused = anyone.get("/metrics", headers={"Authorization": "Bearer wrong"})
        assert refused.headers["www-authenticate"] == "Bearer"
        basic = {"Authorization": f"Basic {stack.settings['METRICS_TOKEN']}"}
        problem(anyone.get("/metrics", headers=basic), 401, "authentication_required")
    problem(user.http.get("/metrics"), 401, "authentication_required")


def test_every_rejected_code_is_counted_by_its_reason(stack: Stack) -> None:
    """Red when a reason is not exposed from the start: its first rejection would be no increase."""
    limits = {
        "OTP_PER_HOUR": "2",
        "OTP_PER_IP_HOUR": "2",
        "OTP_GLOBAL_PER_HOUR": "2",
        "OTP_RESEND_SECONDS": "0",
    }
    with api_processes(stack, 1, OTP_ALLOWED_COUNTRIES="US", **limits) as [address]:
        metrics = Metrics(address, stack)
        number, caller = some_number(), some_address()
        ask(address, "+33612345678")
        for _ in range(3):
            ask(address, number)
        for _ in range(3):
            ask(address, some_number(), address=caller, path="signup")
        ask(address, some_number())
        reasons = ("resend", "number", "ip", "prefix", "global", "unknown", "country")
        assert all(metrics.has("chat_otp_refusals_total", reason=reason) for reason in reasons)
        counted = {"country": 1, "number": 1, "ip": 1, "unknown": 1}
        assert metrics.growth("chat_otp_refusals_total", "reason") == counted
        assert metrics.growth("otp_refusals_total", "reason") == counted


def test_codes_are_counted_once_each_as_sent_refused_or_failed(stack: Stack) -> None:
    """Red when each attempt counts, or a code for a number without an account."""
    with Twilio() as twilio, api_processes(stack, 1, OTP_RESEND_SECONDS="0", **twilio.settings) as [address]:
        metrics, numbers = Metrics(address, stack), [some_number() for _ in range(4)]
        open_accounts(stack, numbers[:3])
        for number, statuses in zip(numbers, ((503, 201), (400,), (503, 503, 503), ()), strict=True):
            twilio.behave(*statuses)
            ok(ask(address, number))
            eventually(partial(_have_reached, twilio, number, len(statuses)), what="the attempts")
        wanted = {"sent": 1, "refused": 1, "failed": 1}
        eventually(lambda: metrics.growth("chat_otp_sent_total", "result") == wanted, what="the counts")


def _have_reached(twilio: Twilio, number: str, attempts: int) -> bool:
    return len(twilio.requests_to(number)) == attempts


def test_codes_that_users_enter_are_counted_by_their_verdict(stack: Stack) -> None:
    with api_processes(stack, 1) as [address]:
        number, caller = some_number(), some_address()
        open_accounts(stack, [number])
        metrics, otp = Metrics(address, stack), ok(ask(address, number, address=caller))["otp"]
        for _ in range(2):
            problem(verify(address, number, other(otp), address=caller), 401, "otp_invalid")
        ok(verify(address, number, otp, address=caller))
        assert metrics.growth("chat_otp_verified_total", "result") == {"right": 1, "wrong": 2}
        ok(ask(address, number, address=caller))
        statuses = [verify(address, number, other(otp), address=caller).status_code for _ in range(6)]
        exceeded = statuses.count(429)
        assert exceeded >= 1
        assert metrics.grown("chat_otp_verified_total", result="exceeded") == exceeded
        assert metrics.has("chat_otp_sent_total", result="failed")


def test_requests_messages_and_rejections_are_counted(stack: Stack) -> None:
    limits = {"IP_REQUESTS_PER_MINUTE": "30", "BASIC_MESSAGES_PER_DAY": "1", "TRUSTED_PROXIES": "127.0.0.1"}
    address = stack.start_api(**limits)
    user = stack.user()
    metrics = Metrics(address, stack)
    headers = {"X-Forwarded-For": "203.0.113.200", "Authorization": f"Bearer {user.token}"}
    stack.redis.delete("limit:ip:203.0.113.200")
    with client(address, headers) as http:
        room = http.post("/chatroom", json={}).json()["id"]
        wait = {"Prefer": "respond-async"}
        for status in (202, 429):
            answer = http.post(f"/chatroom/{room}/message", json={"content": "Hi"}, headers=wait)
            assert answer.status_code == status
        http.request("PROPFIND", f"/made-up/{room}")
        assert 429 in {http.get("/").status_code for _ in range(31)}
    route = "/chatroom/{chatroom_id}/message"
    assert metrics.grown("chat_messages_accepted_total") == 1
    for prefix in ("chat_", ""):  # the former names, too
        requests = f"{prefix}http_requests_total"
        assert metrics.grown(requests, method="POST", route=route, status="202") == 1
        assert metrics.grown(requests, method="POST", route=route, status="429") == 1
        assert metrics.grown(requests, method="other", route="unknown", status="404") == 1
        assert metrics.grown(f"{prefix}http_request_duration_seconds_count", route=route) == 2
        assert metrics.grown(f"{prefix}rate_limit_refusals_total", limit="daily") == 1
        assert metrics.grown(f"{prefix}rate_limit_refusals_total", limit="ip") >= 1
        assert metrics.value(f"{prefix}workers_alive") >= 1
    measured = {"replies_pending", "oldest_pending_reply_seconds", "redis_breaker_open"}
    measured |= {"stripe_events_waiting", "stripe_subscriptions_repaired_total", "stripe_inbox_lag_seconds"}
    measured |= {f"stripe_subscriptions_of_{whom}" for whom in ("unknown_users", "other_installations")}
    measured |= {"redis_memory_bytes", "redis_memory_limit_bytes", "database_wait_seconds_count"}
    assert all(metrics.has(f"chat_{name}") for name in measured)
    assert metrics.value("chat_redis_memory_bytes") > 100_000
    assert metrics.value("chat_redis_command_seconds_count") > 0
    assert room not in scraped(address, stack).text


def test_an_event_stream_is_timed_apart_from_requests(stack: Stack) -> None:
    """Red when a stream is part of the request durations, which alarms watch."""
    address = stack.start_api()
    user = stack.user().at(address)
    room = user.open_room()
    route = "/chatroom/{chatroom_id}/message/stream"

    metrics = Metrics(address, stack)

    def counted(name: str) -> float:
        return metrics.grown(f"chat_{name}_count", route=route)

    user.http.post(f"/chatroom/{room}/message/stream", json={"content": ""})  # rejected without a stream
    assert counted("http_request_duration_seconds") == 1
    assert user.http.post(f"/chatroom/{room}/message/stream", json={"content": "Hi"}).status_code == 200
    eventually(lambda: counted("reply_stream_duration_seconds") == 1, what="the stream's duration")
    assert counted("http_request_duration_seconds") == 1


def test_metrics_are_served_while_the_database_and_redis_are_unavailable(stack: Stack) -> None:
    """Red when the queue's gauges are read without a timeout or a fallback."""
    unreachable = {
        "DATABASE_URL": "postgresql://none:x@127.0.0.1:9/none",
        "REDIS_URL": "redis://127.0.0.1:9/0",
    }
    address = stack.start_api(**unreachable)
    httpx.get(f"{address}/", trust_env=False)
    metrics = Metrics(address, stack)
    assert not metrics.has("chat_workers_alive")
    assert not metrics.has("chat_redis_memory_bytes")
    assert metrics.value("chat_redis_breaker_open") == 1
    assert metrics.value("chat_messages_accepted_total") == 0
