"""Sessions show the name that the user gave the device, and a short form of its User-Agent."""

import pytest

from app.kit.user_agents import printable_user_agent, short_user_agent
from tests.support.person import Json, Person, client, ok, problem
from tests.support.sessions import PASSWORD, give_password, refresh
from tests.support.stack import Stack

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
_ANDROID = f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {_WEBKIT}"
_WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT}"
_CLIENTS = {
    f"{_ANDROID} Chrome/140.0.0.0 Mobile Safari/537.36": "Chrome on Android",
    f"{_ANDROID} Version/4.0 Chrome/140.0.0.0 Mobile Safari/537.36": "Chrome on Android",
    f"{_ANDROID} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36": "Samsung Internet on Android",
    f"{_ANDROID} Chrome/140.0.0.0 Mobile Safari/537.36 EdgA/140.0.0.0": "Edge on Android",
    "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0": "Firefox on Android",
    f"{_IPHONE} Version/18.5 Mobile/15E148 Safari/604.1": "Safari on iPhone",
    f"{_IPHONE} CriOS/140.0.0.0 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
    f"{_IPHONE} FxiOS/140.0 Mobile/15E148 Safari/605.1.15": "Firefox on iPhone",
    f"{_IPHONE} Mobile/15E148": "iPhone",
    "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1": "Safari on iPad",
    f"{_WINDOWS} Chrome/140.0.0.0 Safari/537.36": "Chrome on Windows",
    f"{_WINDOWS} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0": "Edge on Windows",
    f"{_WINDOWS} Chrome/140.0.0.0 Safari/537.36 OPR/120.0.0.0": "Opera on Windows",
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko": "Internet Explorer on Windows",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Safari/605.1.15": "Safari on macOS",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Linux",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_WEBKIT} Chrome/140.0 Safari/537.36": "Chrome on ChromeOS",
    "okhttp/4.12.0": "okhttp",
    "Dart/3.9 (dart:io)": "Dart",
    "ChatApp/1.4 (iPhone; iOS 19.2)": "ChatApp",
    "Chat%20App/12 CFNetwork/3826.500.131 Darwin/24.5.0": "Chat App",
    "python-httpx/0.28.1": "python-httpx",
    "curl": "curl",
    "/": None,
    "Mozilla/5.0 (My Phone)": "Mozilla",
    "x" * 200: "x" * 60,
    "": None,
}
_SHOWN = {
    None: None,
    "": None,
    " \t\x01 ": None,
    "App/1\x00 (\x1b[31mred\x9b)": "App/1 ([31mred)",
    "Caf\u00c3\u00a9/1": "Café/1",  # UTF-8, read as Latin-1
    "Caf\u00e9/1": "Café/1",
    "App/1 \u00e2\u0080\u00aeevil": "App/1 evil",  # an override of the direction, in UTF-8
    "a" * 8192: "a" * 200,
    "\u00e2\u0082\u00ac" * 3000: "\u20ac" * 200,
}


@pytest.mark.parametrize(("user_agent", "short"), _CLIENTS.items())
def test_the_short_form_names_browser_and_system_or_the_program(user_agent: str, short: str | None) -> None:
    assert short_user_agent(user_agent) == short


@pytest.mark.parametrize(("header", "shown"), _SHOWN.items(), ids=range(len(_SHOWN)))
def test_of_a_user_agent_only_what_fits_a_line_is_kept(header: str | None, shown: str | None) -> None:
    assert printable_user_agent(header, max_chars=200) == shown


@pytest.fixture
def known(person: Person) -> Person:
    """A user with a password."""
    give_password(person)
    return person


def _log_in(stack: Stack, person: Person, device_name: object, user_agent: bytes = b"x") -> Person:
    """Sign in with a password, on a device of this name."""
    login = {"mobile_number": person.mobile_number, "password": PASSWORD, "device_name": device_name}
    with client(stack.base_url) as phone:
        answer = phone.post("/auth/login", json=login, headers={b"User-Agent": user_agent})
    return Person(stack.base_url, person.mobile_number, ok(answer))


def _current(person: Person) -> Json:
    listed: list[Json] = ok(person.http.get("/auth/sessions"))["sessions"]
    [current] = [session for session in listed if session["current"]]
    return current


def test_a_device_keeps_its_name_from_sign_in_to_the_end_of_the_session(stack: Stack, known: Person) -> None:
    """Red when a refresh or a new password opens a session of its own."""
    phone = _log_in(
        stack, known, "  Ada\u2019s phone ", f"{_IPHONE} Version/18.5 Mobile/15E148 Safari/604.1".encode()
    )
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
def test_a_code_names_the_device_it_signs_in(stack: Stack, person: Person, purpose: str) -> None:
    path = "send-otp" if purpose == "login" else "forgot-password"
    with client(stack.base_url) as phone:
        otp = ok(phone.post(f"/auth/{path}", json={"mobile_number": person.mobile_number}))["otp"]
        code = {"mobile_number": person.mobile_number, "otp": otp, "purpose": purpose}
        signed_in = ok(phone.post("/auth/verify-otp", json={**code, "device_name": "Tablet"}))
    assert _current(Person(stack.base_url, person.mobile_number, signed_in))["device_name"] == "Tablet"
    assert _current(person)["device_name"] is None


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
def test_a_name_of_a_device_is_kept_as_it_is(stack: Stack, known: Person, name: str | None) -> None:
    kept = _current(_log_in(stack, known, name))["device_name"]
    assert kept == (name and name.strip())


@pytest.fixture(scope="module")
def one(stack: Stack) -> Person:
    """A user for requests that are refused."""
    user = stack.person()
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
def test_what_is_no_name_of_a_device_is_refused_before_anything_is_compared(
    one: Person, name: object
) -> None:
    wrong = {"mobile_number": one.mobile_number, "device_name": name}
    for path, secret in (("login", {"password": "wrong"}), ("verify-otp", {"otp": "000000"})):
        body = problem(one.http.post(f"/auth/{path}", json={**wrong, **secret}), 400, "validation_failed")
        assert [error["pointer"] for error in body["errors"]] == ["/device_name"]


def test_a_name_with_an_unpaired_surrogate_is_refused(one: Person) -> None:
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
    stack: Stack, known: Person, user_agent: bytes, client_name: str | None
) -> None:
    """Red when the header is kept as it came."""
    session = _current(_log_in(stack, known, None, user_agent))
    shown = [text for text in (session["device"], session["client"]) if text]
    assert all(len(text) <= 200 and text.isprintable() for text in shown)
    if client_name is not None or not user_agent:
        assert session["client"] == client_name


def test_neither_the_name_nor_the_header_is_logged(stack: Stack, known: Person) -> None:
    _log_in(stack, known, "Name-of-a-device-7313", b"Agent-of-a-device-7313/1")
    assert "of-a-device-7313" not in stack.logs()
