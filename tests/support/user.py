"""A user of the product's API."""

import secrets
import time
from functools import partial
from typing import Any

import httpx
import phonenumbers

Json = dict[str, Any]
"""Body of a response, untyped."""


def some_number() -> str:
    """An ordinary mobile number of the United States that no other test uses."""
    ordinary = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
    while True:
        number = f"+1{secrets.choice('23456789')}{secrets.randbelow(10**9):09d}"
        parsed = phonenumbers.parse(number)
        is_valid = phonenumbers.number_type(parsed) == ordinary
        if is_valid and phonenumbers.region_code_for_number(parsed) == "US":
            return number


class User:
    """A signed-in session: a client that sends the access token."""

    def __init__(self, base_url: str, mobile_number: str, tokens: Json) -> None:
        self.mobile_number = mobile_number
        self.id: str = tokens["user"]["id"]
        self.http = client(base_url)
        self.take(tokens)

    def take(self, tokens: Json) -> None:
        """Use these tokens from now on."""
        self.tokens = {name: value for name, value in tokens.items() if name != "message"}
        self.token: str = tokens["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    @classmethod
    def sign_up(cls, base_url: str) -> "User":
        """Sign up with a new number, request a code, sign in."""
        number = some_number()
        with client(base_url) as anyone:
            post = partial(_post_patiently, anyone)
            post("/auth/signup", {"mobile_number": number, "full_name": "Ada Test"})
            otp = post("/auth/send-otp", {"mobile_number": number})["otp"]
            tokens = post("/auth/verify-otp", {"mobile_number": number, "otp": otp})
        return cls(base_url, number, tokens)

    def at(self, base_url: str) -> "User":
        """Return the same session at another API process."""
        return User(base_url, self.mobile_number, self.tokens)

    def open_room(self, **wishes: object) -> str:
        """Open a room and return its id."""
        room: str = ok(self.http.post("/chatroom", json=wishes))["id"]
        return room

    def post(self, room: str, content: str, **headers: str) -> httpx.Response:
        """Send a message; underscores in header names become dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(f"/chatroom/{room}/message", json={"content": content}, headers=named)

    def say(self, room: str, content: str) -> Json:
        """Send a message and return the finished exchange."""
        return ok(self.post(room, content, Prefer="wait=60"))

    def wait_for(self, reply: Json) -> Json:
        """Wait until a reply has ended, and return it."""
        address = f"/chatroom/{reply['chatroom_id']}/message/{reply['id']}"
        found = ok(self.http.get(address, headers={"Prefer": "wait=60"}))
        assert found["status"] not in ("pending", "generating"), found
        return found

    def usage(self) -> Json:
        """Return the day's usage."""
        usage: Json = ok(self.http.get("/subscription/status"))["usage"]
        return usage


_clients: list[httpx.Client] = []


def close_clients() -> None:
    """Close every client that `client` has returned."""
    while _clients:
        _clients.pop().close()


def client(base_url: str, headers: dict[str, str] | None = None) -> httpx.Client:
    """Return a client that waits as long as the product may take."""
    _clients.append(httpx.Client(base_url=base_url, headers=headers, timeout=70, trust_env=False))
    return _clients[-1]


def _post_patiently(anyone: httpx.Client, address: str, body: Json) -> Json:
    """POST until it succeeds, also while another test's overload keeps the Redis breaker open."""
    answer = anyone.post(address, json=body)
    for _ in range(4):
        if answer.status_code == 503:
            time.sleep(float(answer.headers["Retry-After"]))
            answer = anyone.post(address, json=body)
    return ok(answer)


def ok(response: httpx.Response) -> Json:
    """Return the body of a successful response."""
    assert response.is_success, f"{response.status_code} {response.text}"
    body: Json = response.json()
    return body


def problem(response: httpx.Response, status: int, code: str) -> Json:
    """Return the body of a failure after checking it against the contract."""
    assert (response.status_code, response.json().get("code")) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: Json = response.json()
    assert body["status"] == body["status_code"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    assert {"type", "title", "detail", "timestamp"} <= body.keys()
    return body
