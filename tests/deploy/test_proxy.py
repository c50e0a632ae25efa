"""Debian's nginx with deploy/nginx/nginx.conf in front of an API: streams, slow clients, addresses."""

import contextlib
import json
import secrets
import select
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from devtools.ports import free_port
from tests.deploy.nginx import NAME, Nginx, certificate, nginx, seconds_of
from tests.support.raw_http import read_to_the_end
from tests.support.stack import Stack
from tests.support.user import User, ok, problem
from tests.support.waiting import eventually

_MIB = 1024 * 1024
_HURRIED = (
    ("client_header_timeout 10s", "client_header_timeout 1s"),
    ("client_body_timeout 10s", "client_body_timeout 1s"),
)


@pytest.fixture(scope="module")
def proxy(stack: Stack) -> Iterator[Nginx]:
    """The configuration in front of the shared API, with shorter time-outs for slow clients."""
    with nginx(stack.base_url, *_HURRIED) as running:
        yield running


@pytest.fixture
def limited(stack: Stack) -> Iterator[Nginx]:
    """In front of an API that allows one address three requests a minute and trusts loopback addresses."""
    base_url = stack.start_api(IP_REQUESTS_PER_MINUTE="3", TRUSTED_PROXIES="127.0.0.0/8")
    with nginx(base_url) as running:
        yield running
    stack.processes[-1].stop()


@contextlib.contextmanager
def _connected(proxy: Nginx) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as plain:
        context = proxy.context()
        with context.wrap_socket(plain, server_hostname=NAME) as connection:
            yield connection


def test_a_stream_arrives_piece_by_piece(stack: Stack, user: User, proxy: Nginx) -> None:
    """Red when nginx buffers what the API sends (proxy_buffering on, X-Accel-Buffering ignored)."""
    text = f"Through nginx {secrets.token_hex(4)}"
    hold = {"contains": text, "after_pieces": 2}
    httpx.post(f"{stack.sandbox_url}/sandbox/hold", json=hold).raise_for_status()
    headers = {"Authorization": f"Bearer {user.token}"}
    address = f"/chatroom/{user.open_room()}/message/stream"
    with (
        proxy.client() as client,
        client.stream("POST", address, json={"content": text}, headers=headers) as answer,
    ):
        lines = answer.iter_lines()
        assert next(line for line in lines if line == "event: delta")
        httpx.post(f"{stack.sandbox_url}/sandbox/release", json={"contains": text}).raise_for_status()
        assert "event: end" in list(lines)


def test_the_api_is_called_only_when_a_body_is_whole() -> None:
    """Red with proxy_request_buffering off: the API holds a request for each slow client."""
    body = b'{"mobile_number": "1"}'
    with (
        socket.create_server(("127.0.0.1", 0)) as api,
        nginx(f"http://127.0.0.1:{api.getsockname()[1]}") as proxy,
        _connected(proxy) as connection,
    ):
        connection.sendall(_post_head("slow", len(body)))
        for byte in body[:-1]:
            connection.sendall(bytes([byte]))
            assert not select.select([api], [], [], 0.02)[0], "nginx has called the API"
        connection.sendall(body[-1:])
        assert _accept(api).endswith(body)


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_client_that_stops_sending_is_cut_off_by_nginx(stack: Stack, proxy: Nginx, part: str) -> None:
    """Red with longer time-outs in nginx: the API's own are 10 s for a head and 30 s for a body."""
    marker = f"slow-{secrets.token_hex(8)}"
    head = _post_head(marker, 100)
    with _connected(proxy) as connection:
        connection.sendall(head + b"{" if part == "body" else head[:-20])
        began = time.monotonic()
        assert read_to_the_end(connection) == b""
        assert time.monotonic() - began < 8, "nginx did not end it"
    assert marker not in stack.logs()


def test_the_shipped_time_outs_are_shorter_than_those_of_the_api() -> None:
    assert seconds_of("client_header_timeout") <= 10
    assert seconds_of("client_body_timeout") <= 30
    assert seconds_of("proxy_read_timeout") > 60, "Prefer: wait=60"


def test_an_address_that_a_client_claims_does_not_count(limited: Nginx) -> None:
    """Red when the header is appended to or passed on: each claimed address has a limit of its own."""
    with limited.client(source="127.66.0.1") as client:
        claimed = [{"X-Forwarded-For": f"203.0.113.{n}", "X-Real-IP": "203.0.113.9"} for n in range(4)]
        statuses = [client.get("/", headers=headers).status_code for headers in claimed]
        answer = client.get("/", headers=claimed[0])
    assert statuses == [200, 200, 200, 429]
    assert int(answer.headers["Retry-After"]) > 0
    problem(answer, 429, "rate_limit_exceeded")


def test_each_client_is_limited_by_its_own_address(limited: Nginx) -> None:
    """Red when nginx sends no X-Forwarded-For: all clients share its address and its limit."""
    for address in ("127.66.0.2", "127.66.0.3"):
        with limited.client(source=address) as client:
            assert [client.get("/").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_body_of_one_mib_passes_and_a_larger_one_is_413_as_problem_json(user: User, proxy: Nginx) -> None:
    """Red without client_max_body_size or its error page: nginx answers with a page of HTML."""
    headers = {"Authorization": f"Bearer {user.token}"}
    address = f"/chatroom/{user.open_room()}/message"
    frame = len(json.dumps({"content": ""}).replace(" ", ""))
    with proxy.client() as client:
        largest = client.post(address, json={"content": "a" * (_MIB - frame)}, headers=headers)
        problem(largest, 400, "validation_failed")  # the API's own limit of characters
        answer = client.post(address, json={"content": "a" * (_MIB - frame + 1)}, headers=headers)
    assert "timestamp" in problem(answer, 413, "body_too_large")


def test_a_head_over_the_limit_is_431_as_problem_json(proxy: Nginx) -> None:
    with proxy.client() as client:
        problem(client.get("/", headers={"X-Long": "a" * 9000}), 431, "request_head_too_large")
        assert client.get("/", headers={f"X-{n}": "a" * 7000 for n in range(6)}).status_code == 200


def test_without_an_api_the_answer_is_503_with_retry_after_as_problem_json() -> None:
    """Red without the error page: 502 and HTML, which no client of the API expects."""
    with nginx(f"http://127.0.0.1:{free_port()}") as alone, alone.client() as client:
        answer = client.get("/user/me")
    assert answer.headers["Retry-After"] == "2"
    problem(answer, 503, "service_unavailable")


def test_answers_of_the_api_pass_unchanged(user: User, proxy: Nginx) -> None:
    with proxy.client() as client:
        problem(client.get("/nowhere"), 404, "not_found")
        problem(client.get("/user/me"), 401, "authentication_required")
        answer = client.get("/user/me", headers={"Authorization": f"Bearer {user.token}"})
    assert ok(answer)["id"] == user.id
    assert answer.headers.get_list("Server") == ["nginx"]


def test_http_is_redirected_except_for_the_certificates_challenge(proxy: Nginx) -> None:
    challenge = proxy.home / "acme" / ".well-known" / "acme-challenge"
    challenge.mkdir(parents=True)
    for folder in (proxy.home / "acme", challenge.parent, challenge):
        folder.chmod(0o755)
    (challenge / "token").write_text("answer")
    (challenge / "token").chmod(0o644)
    plain = f"http://{NAME}:{proxy.plain_port}"
    answer = httpx.get(f"{plain}/user/me?x=1", trust_env=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, f"https://{NAME}/user/me?x=1")
    assert httpx.get(f"{plain}/.well-known/acme-challenge/token", trust_env=False).text == "answer"


def test_nginx_logs_json_without_queries(proxy: Nginx) -> None:
    with proxy.client() as client:
        request_id = client.get("/health/live?secret=cs_test_1").headers["X-Request-Id"]
    line = eventually(lambda: _logged(proxy, request_id), what="the request in nginx's log")
    assert (line["path"], line["status"], line["method"]) == ("/health/live", 200, "GET")
    assert "cs_test_1" not in proxy.log()


def test_a_renewed_certificate_is_installed_for_nginx_alone_to_read(tmp_path: Path) -> None:
    lineage, tls = tmp_path / "live", tmp_path / "tls"
    lineage.mkdir()
    for name in ("fullchain.pem", "privkey.pem"):
        (lineage / name).write_text(name)
    certificate(tls, "install", str(lineage))
    assert sorted(path.name for path in tls.iterdir()) == ["fullchain.pem", "privkey.pem"]
    assert stat.S_IMODE((tls / "privkey.pem").stat().st_mode) == 0o600
    with pytest.raises(subprocess.CalledProcessError):
        certificate(tls, "nonsense")


def _post_head(marker: str, length: int) -> bytes:
    lines = ("POST /auth/signup HTTP/1.1", f"Host: {NAME}", f"X-Request-Id: {marker}")
    body = ("Content-Type: application/json", f"Content-Length: {length}", "", "")
    return "\r\n".join((*lines, *body)).encode()


def _accept(api: socket.socket) -> bytes:
    """Read one whole request, and close its connection without an answer."""
    connection, _ = api.accept()
    with connection:
        connection.settimeout(10)
        received = connection.recv(65536)
        while not received.endswith((b"\r\n\r\n", b"}")):
            received += connection.recv(65536)
        return received


def _logged(proxy: Nginx, request_id: str) -> dict[str, object] | None:
    lines = [json.loads(line) for line in proxy.log().splitlines() if line.startswith("{")]
    return next((line for line in lines if line["request_id"] == request_id), None)
