"""Sessions show the name that the user gave the device, and a short form of its User-Agent."""

import pytest

from tests.support.sessions import PASSWORD, give_password, refresh
from tests.support.stack import Stack
from tests.support.user import Json, User, client, ok, problem

_SAFARI_ON_IPHONE = (
    b"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    b" Version/18.5 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def known(user: User) -> User:
    """A user with a password."""
    give_password(user)
    return user


def _log_in(stack: Stack, user: User, device_name: object, user_agent: bytes = b"x") -> User:
    """Sign in with a password, on a device of this name."""
    login = {"mobile_number": user.mobile_number, "password": PASSWORD, "device_name": device_name}
    with client(stack.base_url) as phone:
        answer = phone.post("/auth/login", json=login, headers={b"User-Agent": user_agent})
    return User(stack.base_url, user.mobile_number, ok(answer))


def _current(user: User) -> Json:
    listed: list[Json] = ok(user.http.get("/auth/sessions"))["sessions"]
    [current] = [session for session in listed if session["current"]]
    return current


def test_a_device_keeps_its_name_from_sign_in_to_the_end_of_the_session(stack: Stack, known: User) -> None:
    """Red when a refresh or a new password opens a session of its own."""
    phone = _log_in(stack, known, "  Ada\u2019s phone ", _SAFARI_ON_IPHONE)
    assert _current(phone)["device_name"] == "Ada\u2019s phone"
    assert _current(phone)["client"] == "Safari on iPhone"
    phone.take(ok(refresh(stack.base_url, phone.tokens["refresh_token"])))
    assert _current(phone)["device_name"] == "Ada\u2019s phone"
    change = {"old_password": PASSWORD, "new_password": "eight blue umbrellas"}
    phone.take(ok(phone.http.post("/auth/change-password", json=change)))
    assert _current(phone)["device_name"] == "Ada\u2019s phone"
    [exported] = [
        session for session in ok(phone.http.get("/user/me/export"))["sessions"] if session["device_name"]
    ]
    assert (exported["device_name"], exported["id"]) == ("Ada\u2019s phone", _current(phone)["id"])


@pytest.mark.parametrize("purpose", ["login", "password_reset"])
def test_a_code_names_the_device_it_signs_in(stack: Stack, user: User, purpose: str) -> None:
    path = "send-otp" if purpose == "login" else "forgot-password"
    with client(stack.base_url) as phone:
        otp = ok(phone.post(f"/auth/{path}", json={"mobile_number": user.mobile_number}))["otp"]
        code = {"mobile_number": user.mobile_number, "otp": otp, "purpose": purpose}
        signed_in = ok(phone.post("/auth/verify-otp", json={**code, "device_name": "Tablet"}))
    assert _current(User(stack.base_url, user.mobile_number, signed_in))["device_name"] == "Tablet"
    assert _current(user)["device_name"] is None


@pytest.mark.parametrize(
    "name",
    [
        "1",
        "n" * 80,
        " " * 100 + "n" * 80 + "\t" * 100,
        "\N{MOBILE PHONE}" * 80,
        "Laptop \N{PERSONAL COMPUTER}\u200d",
        "جهازي",
        "<b>&\"'\\",
        "e" + "\u0301" * 79,
        None,
    ],
    ids=ascii,
)
def test_a_name_of_a_device_is_kept_as_it_is(stack: Stack, known: User, name: str | None) -> None:
    kept = _current(_log_in(stack, known, name))["device_name"]
    assert kept == (name and name.strip())


@pytest.fixture(scope="module")
def one(stack: Stack) -> User:
    """A user for requests that are refused."""
    user = stack.user()
    give_password(user)
    return user


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "\u3000\u2003",
        "n" * 81,
        "two\nlines",
        "NUL \u0000",
        "\u0085",
        "bell \u0007",
        "n" * 500_000,
        "e" + "\u0301" * 300_000,
        5,
        True,
        [],
        {},
    ],
    ids=lambda name: ascii(name)[:20],
)
def test_what_is_no_name_of_a_device_is_refused_before_anything_is_compared(one: User, name: object) -> None:
    wrong = {"mobile_number": one.mobile_number, "device_name": name}
    for path, secret in (("login", {"password": "wrong"}), ("verify-otp", {"otp": "000000"})):
        body = problem(one.http.post(f"/auth/{path}", json={**wrong, **secret}), 400, "validation_failed")
        assert [error["pointer"] for error in body["errors"]] == ["/device_name"]


def test_a_name_with_an_unpaired_surrogate_is_refused(one: User) -> None:
    body = f'{{"mobile_number": "{one.mobile_number}", "otp": "000000", "device_name": "\\ud800"}}'
    answer = one.http.post("/auth/verify-otp", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400, "validation_failed")


@pytest.mark.parametrize(
    ("user_agent", "client_name"),
    [
        (b"a" * 8192, "a" * 60),
        (b"Caf\xc3\xa9/1", "Café"),
        (b"\xff\xfe" * 4000, None),
        (b"%00%0a" * 1000, None),
        (b"Mozilla/5.0 " + b"(" * 8000, "Mozilla"),
        (b"", None),
    ],
    ids=range(6),
)
def test_a_hostile_user_agent_is_bounded_and_cleared(
    stack: Stack, known: User, user_agent: bytes, client_name: str | None
) -> None:
    """Red when the header is kept as it came."""
    session = _current(_log_in(stack, known, None, user_agent))
    shown = [text for text in (session["device"], session["client"]) if text]
    assert all(len(text) <= 200 and text.isprintable() for text in shown)
    if client_name is not None or not user_agent:
        assert session["client"] == client_name


def test_neither_the_name_nor_the_header_is_logged(stack: Stack, known: User) -> None:
    _log_in(stack, known, "Name-of-a-device-7313", b"Agent-of-a-device-7313/1")
    assert "of-a-device-7313" not in stack.logs()
