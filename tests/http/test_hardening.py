"""Protection of browsers, and of the service from hostile requests."""

import json
import re
import socket
import time

import httpx
import pytest

from tests.support.listener import events_address
from tests.support.stack import Stack
from tests.support.user import User, client, ok, problem

_PAGE = "https://app.example.com"
_STRANGE_PAGE = "https://evil.example.com"
_HEAD = (
    b"POST /auth/signup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
)


@pytest.fixture(scope="module")
def behind_pages(stack: Stack) -> str:
    """An API process for a web page."""
    return stack.start_api(ALLOWED_ORIGINS=f"{_PAGE}, http://localhost:3000")


@pytest.fixture(scope="module")
def in_development(stack: Stack) -> str:
    """An API process as a developer starts it."""
    return stack.start_api(ENVIRONMENT="development")


def _assert_careful(answer: httpx.Response) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"]
    assert answer.headers["x-request-id"]


def _answers(http: httpx.Client, room: str) -> dict[int, httpx.Response]:
    """Return one response of every kind, by status."""
    found = [
        http.get("/"),
        http.post("/chatroom", json={}),
        http.post("/chatroom", json={"title": ""}),
        http.get("/user/me", headers={"Authorization": "Bearer nonsense"}),
        http.get("/nowhere"),
        http.delete("/"),
        http.post("/chatroom", content=b"x" * 2_000_000),
        http.post("/chatroom", content=b"x", headers={"Content-Type": "text/plain"}),
        http.get(f"/chatroom/{room}?%FF=%00"),
    ]
    return {answer.status_code: answer for answer in found}


def test_every_response_has_security_headers(user: User) -> None:
    answers = _answers(user.http, user.open_room())
    assert answers.keys() >= {200, 201, 400, 401, 404, 405, 413, 415}
    for answer in answers.values():
        _assert_careful(answer)
        assert answer.headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in answer.headers
    reply = user.say(user.open_room(), "Hello")["reply"]
    stream = user.http.get(events_address(reply))
    _assert_careful(stream)
    assert stream.headers["cache-control"] == "no-cache, no-transform"


def test_production_sends_strict_transport_security(stack: Stack) -> None:
    address = stack.start_api(
        ENVIRONMENT="production",
        GEMINI_API_KEY="AIzaSyExactlyAsGoogleGaveIt",
        GEMINI_BASE_URL="https://generativelanguage.googleapis.com",
        STRIPE_SECRET_KEY="sk_live_51hidden",
        STRIPE_WEBHOOK_SECRET="whsec_hidden",
        STRIPE_PRO_PRICE_ID="price_1hidden",
        STRIPE_API_BASE="https://api.stripe.com",
        OTP_DELIVERY="twilio",
        OTP_ALLOWED_COUNTRIES="*",
        TWILIO_ACCOUNT_SID="AC0123",
        TWILIO_AUTH_TOKEN="hidden-token",
        TWILIO_FROM="+14155550100",
    )
    with client(address) as anyone:
        for answer in (anyone.get("/"), anyone.get("/nowhere")):
            assert answer.headers["strict-transport-security"].startswith("max-age=63072000")


def test_the_documentation_page_loads_nothing_from_other_hosts(stack: Stack) -> None:
    """Red when its script is one of a content delivery network."""
    with client(stack.base_url) as anyone:
        page = anyone.get("/docs")
        _assert_careful(page)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; " in policy
        assert "http" not in page.text + policy
        for address in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
            file = anyone.get(f"/{address}")
            assert file.is_success
            assert file.headers["content-type"].startswith(("text/javascript", "text/css"))
            assert file.headers["cache-control"] == "public, max-age=86400"
            _assert_careful(file)
        problem(anyone.get("/docs/oauth2-redirect"), 404, "not_found")


def test_a_page_of_an_allowed_origin_can_read_every_response(behind_pages: str, user: User) -> None:
    """Red if CORS is inside of the middleware for bodies, limits or crashes."""
    with client(behind_pages, {"Origin": _PAGE, "Authorization": f"Bearer {user.token}"}) as page:
        room = user.open_room()
        reply = user.say(room, "Hello")["reply"]
        answers = [*_answers(page, room).values(), page.get(events_address(reply))]
        assert len(answers) >= 9
        for answer in answers:
            assert answer.headers["access-control-allow-origin"] == _PAGE, answer.status_code
            assert "Origin" in answer.headers["vary"]
            assert "access-control-allow-credentials" not in answer.headers
            exposed = answer.headers["access-control-expose-headers"].split(", ")
            assert {"RateLimit", "Retry-After", "X-Request-Id", "WWW-Authenticate"} <= set(exposed)


def test_a_page_can_read_a_429(stack: Stack) -> None:
    address = stack.start_api(ALLOWED_ORIGINS=_PAGE, IP_REQUESTS_PER_MINUTE="1", TRUSTED_PROXIES="127.0.0.1")
    with client(address, {"Origin": _PAGE, "X-Forwarded-For": "198.51.100.7"}) as page:
        page.get("/")
        refused = page.get("/")
        problem(refused, 429, "rate_limit_exceeded")
        assert refused.headers["access-control-allow-origin"] == _PAGE
        for _ in range(3):  # asking beforehand is neither counted nor refused
            asked = page.options("/chatroom", headers={"Access-Control-Request-Method": "POST"})
            assert asked.status_code == 200


def test_a_page_can_read_a_500(stack: Stack) -> None:
    """An unreadable table is unexpected; red if the 500 is sent outside of CORS."""
    address = stack.start_api(ALLOWED_ORIGINS=_PAGE)
    other = stack.user()
    with client(address, {"Origin": _PAGE, "Authorization": f"Bearer {other.token}"}) as page:
        ok(page.get("/user/me"))
        with stack.database.unreadable("daily_usage"):
            crashed = page.get("/subscription/status")
    body = problem(crashed, 500, "internal_error")
    assert "mislaid" not in json.dumps(body)
    assert "daily_usage" not in json.dumps(body)
    assert crashed.headers["access-control-allow-origin"] == _PAGE
    assert '"ip"' in crashed.headers["ratelimit"]
    _assert_careful(crashed)


def test_preflights_allow_every_method_and_header_of_the_contract(behind_pages: str) -> None:
    wanted = (
        "authorization, content-type, idempotency-key, if-none-match, prefer, last-event-id, x-request-id"
    )
    with client(behind_pages, {"Origin": _PAGE}) as page:
        for method in ("GET", "POST", "PATCH", "DELETE"):
            asked = page.options(
                "/chatroom/x/message",
                headers={"Access-Control-Request-Method": method, "Access-Control-Request-Headers": wanted},
            )
            assert asked.status_code == 200
            assert asked.headers["access-control-allow-origin"] == _PAGE
            assert method in asked.headers["access-control-allow-methods"].split(", ")
            allowed = asked.headers["access-control-allow-headers"].lower().split(", ")
            assert set(wanted.split(", ")) <= set(allowed)


def test_a_page_of_another_origin_gets_no_cors_headers(behind_pages: str) -> None:
    with client(behind_pages, {"Origin": _STRANGE_PAGE}) as page:
        asked = page.options("/chatroom", headers={"Access-Control-Request-Method": "POST"})
        problem(asked, 403, "origin_not_allowed")
        for answer in (asked, page.get("/"), page.get("/nowhere")):
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "PROPFIND"])
def test_a_405_lists_the_methods_of_the_path(stack: Stack, method: str) -> None:
    with client(stack.base_url) as anyone:
        answer = anyone.request(method, "/chatroom")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"
    problem(answer, 405, "method_not_allowed")


def _talk(address: str, *pieces: bytes, pause: float = 0) -> bytes:
    """Send raw bytes, and read until the server closes or is silent for 1.5 s."""
    host, _, port = address.removeprefix("http://").partition(":")
    heard = b""
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.settimeout(1.5)
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            while received := connection.recv(65536):
                heard += received
        except (TimeoutError, ConnectionError):
            pass
    return heard


def test_a_slow_body_times_out(stack: Stack) -> None:
    """The time is 30 s; this process has 1 s. Red without the limit: the connection stays for ever."""
    address = stack.start_api("tests.support.short_body_timeout:app")
    begin = time.monotonic()
    heard = _talk(address, _HEAD, *[b"{"] * 3, pause=0.2)
    assert time.monotonic() - begin < 5
    assert heard.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in heard
    assert b"application/problem+json" in heard


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "nonsense"])
def test_an_encoded_body_is_not_decoded(user: User, encoding: str) -> None:
    answer = user.http.post(
        "/chatroom",
        content=b"\x1f\x8b\x08\x00",
        headers={"Content-Encoding": encoding, "Content-Type": "application/json"},
    )
    problem(answer, 415, "unsupported_media_type")
    assert answer.headers["accept-encoding"] == "identity"


def test_endless_headers_and_lines_are_rejected(stack: Stack) -> None:
    """The server's own bounds, in front of the application."""
    for request in (
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 1_000_000,
        b"GET /" + b"a" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"X-Many: x\r\n" * 100_000,
    ):
        heard = _talk(stack.base_url, request)
        assert heard == b"" or heard.startswith(b"HTTP/1.1 4")
    with client(stack.base_url) as anyone:
        ok(anyone.get("/health/live"))
        answer = anyone.get("/", headers={"X-Long": "a" * 30_000})
        assert answer.status_code in (200, 400, 431)


def test_a_disconnect_in_the_middle_of_a_body_causes_no_crash(stack: Stack) -> None:
    host, _, port = stack.base_url.removeprefix("http://").partition(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), 5) as connection:
            connection.sendall(_HEAD + b'{"mob')
    with client(stack.base_url) as anyone:
        ok(anyone.get("/health/live"))
    assert "request_crashed" not in next(p for p in stack.processes if p.name == "api").log


@pytest.mark.parametrize(
    ("origin", "is_admitted"),
    [
        ("http://localhost:5173", True),
        ("https://localhost", True),
        ("http://127.0.0.1:3000", True),
        ("http://[::1]:8080", True),
        ("capacitor://localhost", True),
        ("http://localhost.example.com", False),
        ("http://localhost:5173.example.com", False),
        ("https://example.com", False),
        ("null", False),
    ],
)
def test_pages_of_this_machine_may_call_the_api_in_development(
    in_development: str, stack: Stack, origin: str, *, is_admitted: bool
) -> None:
    with client(in_development, {"Origin": origin}) as page:
        assert (page.get("/").headers.get("access-control-allow-origin") == origin) is is_admitted
        asked = page.options("/chatroom", headers={"Access-Control-Request-Method": "POST"})
        assert asked.status_code == (200 if is_admitted else 403)
    with client(stack.base_url, {"Origin": origin}) as page:
        assert "access-control-allow-origin" not in page.get("/").headers
