"""Origins in a form that no browser sends are rejected with the reason."""

import pytest

from app.config.origins import parse_origins


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ("https://App.example.com", "upper-case letters"),
        ("HTTPS://app.example.com", "scheme in upper case"),
        ("capacitor://LocalHost", "upper-case letters"),
        ("https://x.example.com:443", "default port"),
        ("http://x.example.com:80", "default port"),
        ("https://*.example.com", "wildcard"),
        ("https://*", "wildcard"),
        ("*.example.com", "not scheme://host"),
        ("https://x.example.com/", "slash or path"),
        ("https://x.example.com/path", "slash or path"),
        ("https://x.example.com?query", "slash or path"),
        ("https://x.example.com#fragment", "slash or path"),
        ("https://x.example.com\\", "slash or path"),
        ("capacitor://localhost/", "slash or path"),
        ("https://user@x.example.com", "user or password"),
        ("https://user:secret@x.example.com", "user or password"),
        ("https://bücher.example", "not ASCII"),
        ("null", "null"),
        ("x.example.com", "not scheme://host"),
        ("localhost:3000", "not scheme://host"),
        ("//x.example.com", "not scheme://host"),
        ("https://", "no host"),
        ("https://:3000", "no host"),
        ("capacitor://", "no host"),
        ("https://x.example.com:", "port"),
        ("https://x.example.com:0", "port"),
        ("https://x.example.com:70000", "port"),
        ("https://x.example.com:08443", "port"),
        ("https://x.example.com:http", "port"),
        ("file://x", "no origin"),
        ("wss://x.example.com", "no origin"),
        ("http://127.1", "IP address"),
        ("http://0x7f.0.0.1", "IP address"),
        ("http://127.0.0.01", "IP address"),
        ("http://[0:0:0:0:0:0:0:1]", "IP address"),
        ("http://[::ffff:127.0.0.1]", "IP address"),
        ("http://[2001:DB8::7]", "upper-case"),
        ("http://[fe80::1%25eth0]", "host that is none"),
        ("https://a b.example.com", "host that is none"),
        ("https://x..example.com", "host that is none"),
        ("1app://localhost", "scheme that is none"),
    ],
)
def test_an_origin_that_no_browser_sends_is_rejected_with_the_reason(origin: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        parse_origins(f"https://good.example.com, {origin}, capacitor://localhost")
    assert "item 2 " in str(refused.value)
    assert "item 1 " not in str(refused.value)
    assert "item 3 " not in str(refused.value)
    assert "x.example" not in str(refused.value)


def test_every_wrong_origin_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"item 1 .*; item 3 "):
        parse_origins("https://a.example.com/, https://b.example.com, null")
