"""HEAD is supported wherever GET is: the same status and headers, no body, no open stream."""

import json
import secrets
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.listener import events_address
from tests.support.routes import routes_at
from tests.support.stack import Stack
from tests.support.user import User, client, ok
from tests.support.waiting import eventually

_OF_THE_MOMENT = {"date", "x-request-id", "ratelimit", "etag", "last-modified", "x-cache"}
_WHOLE = {"content-length", "transfer-encoding"}
_STATIC = ("/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/openapi.json")


def _compare(http: httpx.Client, address: str, **headers: str) -> httpx.Response:
    """Send both methods; HEAD may omit headers of the body, but must not differ in them."""
    seen = http.get(address, headers=headers)
    answer = http.request("HEAD", address, headers=headers)
    assert answer.status_code == seen.status_code, address
    assert answer.content == b""
    headers_seen, headers_said = dict(seen.headers), dict(answer.headers)
    for name in _OF_THE_MOMENT:
        assert (name in headers_seen) == (name in headers_said), (address, name)
    constant = headers_seen.keys() - _OF_THE_MOMENT - _WHOLE
    assert {name: headers_said.get(name) for name in constant} == {
        name: headers_seen[name] for name in constant
    }, address
    if not any(name in headers_seen for name in ("transfer-encoding", "content-encoding")):
        is_stable = "/health" not in address and "/metrics" not in address
        assert not is_stable or "content-length" in headers_said or answer.status_code in (204, 304), address
    return answer


def test_every_documented_get_supports_head(stack: Stack, user: User) -> None:
    """Red without the middleware: 405 everywhere. A new route is covered by itself."""
    room = user.open_room()
    addresses = [route.address(room) for route in routes_at(stack.base_url) if route.method == "get"]
    assert len(addresses) > 15
    with client(stack.base_url) as anyone:
        for address in (*addresses, *_STATIC, "/nowhere"):
            _compare(user.http, address)
            _compare(anyone, address)


def test_head_without_get_is_405_with_the_allowed_methods(stack: Stack) -> None:
    with client(stack.base_url) as anyone:
        answer = _compare(anyone, "/auth/signup")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert anyone.delete("/chatroom/search").headers["allow"] == "GET, HEAD"


def test_head_supports_conditional_requests(user: User) -> None:
    user.open_room()
    etag = user.http.get("/chatroom").headers["etag"]
    assert _compare(user.http, "/chatroom", **{"If-None-Match": etag}).status_code == 304
    assert _compare(user.http, "/chatroom", **{"If-None-Match": '"other"'}).status_code == 200


def test_metrics_are_behind_their_token(stack: Stack) -> None:
    with client(stack.base_url) as anyone:
        assert anyone.request("HEAD", "/metrics").status_code == 401
        headers = {"Authorization": f"Bearer {stack.settings['METRICS_TOKEN']}"}
        answer = anyone.request("HEAD", "/metrics", headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")


def test_head_of_a_stream_ends_at_once_and_reads_nothing(stack: Stack, user: User) -> None:
    """Red when the stream of a GET is opened and its text dropped: the reply is never finished here."""
    earlier = len(stack.processes[1].log)  # of the tests before
    reply = ok(user.post(user.open_room(), "[sandbox:hang] Wait", Prefer="respond-async"))["reply"]
    try:
        for _ in range(30):
            answer = user.http.request("HEAD", events_address(reply), timeout=20)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.content == b""
    finally:
        ok(user.http.post(f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}/cancel"))
    assert "Traceback" not in stack.processes[1].log[earlier:]
    events = {"Last-Event-ID": str(10**9 + 999_999_999)}
    over = user.wait_for(reply)
    assert over["status"] == "cancelled"
    assert user.http.request("HEAD", events_address(reply), headers=events).status_code == 204


@pytest.mark.parametrize(
    "address", ["/user/me/export", "/chatroom/{}/export", "/chatroom/{}/export?format=markdown"]
)
def test_head_of_a_download_has_its_file_name_and_ends(user: User, address: str) -> None:
    room = user.open_room(title="Überblick")
    answer = _compare(user.http, address.format(room))
    assert answer.headers["content-disposition"].startswith("attachment; ")


def test_nothing_follows_the_head_on_the_wire(stack: Stack, user: User) -> None:
    """Red if a body is sent: the next response on the connection would begin with it."""
    host, port = urlsplit(stack.base_url).hostname, urlsplit(stack.base_url).port
    head = f"HEAD /user/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n\r\n"
    refused = "HEAD /user/me HTTP/1.1\r\nHost: x\r\n\r\n"
    last = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, port), 10) as connection:
        connection.sendall((head + refused + last).encode())
        heard = b""
        while piece := connection.recv(65536):
            heard += piece
    answers = heard.split(b"HTTP/1.1 ")[1:]
    assert [answer.split(b" ")[0] for answer in answers] == [b"200", b"401", b"200"]
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers[:2]] == [b"", b""]


def test_head_is_counted_and_logged_as_head(stack: Stack) -> None:
    address = stack.start_api(IP_REQUESTS_PER_MINUTE="3", TRUSTED_PROXIES="127.0.0.1", LOG_LEVEL="debug")
    process = stack.processes[-1]
    caller = {"X-Forwarded-For": f"203.0.113.{secrets.randbelow(256)}"}  # all else in the tests is one caller
    with client(address, caller) as anyone:
        answers = [anyone.request("HEAD", "/nowhere") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
        assert [answer.content for answer in answers] == [b""] * 4
        assert "retry-after" in answers[-1].headers
        assert anyone.request("HEAD", "/health/live").status_code == 200

    def line() -> bool:
        lines = [json.loads(line) for line in process.log.splitlines() if line.startswith("{")]
        return any(each.get("method") == "HEAD" and each.get("route") == "/health/live" for each in lines)

    eventually(line, what="the request's line in the log")


def test_web_pages_may_send_it(stack: Stack) -> None:
    page = "https://app.example.com"
    with client(stack.start_api(ALLOWED_ORIGINS=page), {"Origin": page}) as browser:
        asked = browser.options("/chatroom", headers={"Access-Control-Request-Method": "HEAD"})
        assert asked.status_code == 200
        assert "HEAD" in asked.headers["access-control-allow-methods"]
        answer = browser.request("HEAD", "/health/live")
        assert answer.headers["access-control-allow-origin"] == page
