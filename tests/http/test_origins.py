"""Origins of pages and apps are allowed in the form in which browsers send them."""

import pytest

from tests.support.stack import Stack
from tests.support.user import User, client, problem

_APPS = (
    "https://app.example.com",
    "http://localhost:5173",
    "http://localhost",
    "https://localhost",
    "http://127.0.0.1:3000",
    "http://[::1]:3000",
    "https://[2001:db8::7]",
    "https://[::ffff:7f00:1]",
    "https://xn--bcher-kva.example",
    "https://under_score.example.com:8443",
    "https://app.example.com.",
    "http://app.example.com:443",
    "https://app.example.com:80",
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "http://tauri.localhost",
    "app://-",
    "app://obsidian.md",
    "vscode-webview://0a1b2c",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
    "safari-web-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
)


@pytest.fixture(scope="module")
def for_apps(stack: Stack) -> str:
    """An API process for pages and apps of every kind."""
    return stack.start_api(ALLOWED_ORIGINS=" , ".join(_APPS))


@pytest.mark.parametrize("origin", _APPS)
def test_origins_of_browsers_and_apps_are_allowed(for_apps: str, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    with client(for_apps) as page:
        preflight = page.options("/chatroom", headers=asked)
        answer = page.get("/", headers={"Origin": origin})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, origin)
    assert answer.headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize("origin", ["null", "capacitor://other", "https://app.example.com:8443", "tauri://"])
def test_other_origins_are_rejected(for_apps: str, origin: str) -> None:
    with client(for_apps) as page:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        problem(page.options("/chatroom", headers=asked), 403, "origin_not_allowed")


def test_an_allowed_app_origin_is_no_return_address_of_payments(
    stack: Stack, for_apps: str, user: User
) -> None:
    """Red when an origin of another scheme fails the request, or passes as a web address."""
    assert stack.base_url
    with client(for_apps, {"Authorization": f"Bearer {user.token}"}) as http:
        for address in ("capacitor://localhost/done", "tauri://localhost", "http://evil.example.com"):
            refused = http.post("/subscribe/pro", json={"success_url": address})
            problem(refused, 400, "validation_failed")
        taken = http.post("/subscribe/pro", json={"success_url": "http://[::1]:3000/done"})
    assert taken.status_code in (200, 201), taken.text
