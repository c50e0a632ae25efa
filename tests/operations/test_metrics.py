"""Metrics for Prometheus, and the token that protects them."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.codes import api_processes, ask, some_address
from tests.support.stack import Stack
from tests.support.user import User, client, problem, some_number
from tests.support.waiting import eventually


def _scrape(address: str, stack: Stack) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample by its name and labels."""
    token = stack.settings["METRICS_TOKEN"]
    answer = httpx.get(f"{address}/metrics", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "ratelimit" not in answer.headers
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _labels(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


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
        before = _scrape(address, stack)
        number, caller = some_number(), some_address()
        ask(address, "+33612345678")
        for _ in range(3):
            ask(address, number)
        for _ in range(3):
            ask(address, some_number(), address=caller, path="signup")
        ask(address, some_number())
        after = _scrape(address, stack)
    name = "otp_refusals_total"
    reasons = ("resend", "number", "ip", "prefix", "global", "unknown", "country")
    increases = {
        reason: after[name, _labels(reason=reason)] - before[name, _labels(reason=reason)]
        for reason in reasons
    }
    counted = {"country": 1, "number": 1, "ip": 1, "unknown": 1}
    assert increases == {reason: counted.get(reason, 0) for reason in reasons}


def test_requests_messages_and_rejections_are_counted(stack: Stack) -> None:
    limits = {"IP_REQUESTS_PER_MINUTE": "30", "BASIC_MESSAGES_PER_DAY": "1", "TRUSTED_PROXIES": "127.0.0.1"}
    address = stack.start_api(**limits)
    user = stack.user()
    before = _scrape(address, stack)
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
    after = _scrape(address, stack)

    def grown(name: str, **labels: str) -> float:
        key = (name, _labels(**labels))
        return after.get(key, 0) - before.get(key, 0)

    route = "/chatroom/{chatroom_id}/message"
    assert grown("chat_messages_accepted_total") == 1
    assert grown("http_requests_total", method="POST", route=route, status="202") == 1
    assert grown("http_requests_total", method="POST", route=route, status="429") == 1
    assert grown("http_requests_total", method="other", route="unknown", status="404") == 1
    assert grown("http_request_duration_seconds_count", route=route) == 2
    assert grown("rate_limit_refusals_total", limit="daily") == 1
    assert grown("rate_limit_refusals_total", limit="ip") >= 1
    assert after["workers_alive", _labels()] >= 1
    measured = {"replies_pending", "oldest_pending_reply_seconds", "redis_breaker_open"}
    measured |= {"stripe_events_waiting", "stripe_subscriptions_repaired_total"}
    measured |= {f"stripe_subscriptions_of_{whom}" for whom in ("unknown_users", "other_installations")}
    assert measured <= {name for name, _ in after}
    assert room not in str(after)


def test_an_event_stream_is_timed_apart_from_requests(stack: Stack) -> None:
    """Red when a stream is part of the request durations, which alarms watch."""
    address = stack.start_api()
    user = stack.user().at(address)
    room = user.open_room()
    route = "/chatroom/{chatroom_id}/message/stream"

    def counted(name: str) -> float:
        return _scrape(address, stack).get((f"{name}_count", _labels(route=route)), 0)

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
    names = {name: value for (name, _), value in _scrape(address, stack).items()}
    assert "workers_alive" not in names
    assert names["redis_breaker_open"] == 1
    assert "http_requests_total" in names
