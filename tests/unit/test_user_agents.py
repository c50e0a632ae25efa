"""The User-Agent header in a list of devices: printable, and in a short form."""

import pytest

from app.kit.user_agents import printable_user_agent, short_user_agent

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
def test_of_a_user_agent_only_one_printable_line_is_kept(header: str | None, shown: str | None) -> None:
    assert printable_user_agent(header, max_chars=200) == shown
