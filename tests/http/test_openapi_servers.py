"""The OpenAPI document names the server that its readers can reach."""

import pytest

from tests.support.stack import Stack
from tests.support.user import client, ok


@pytest.mark.parametrize(
    ("public_url", "server"),
    [
        ("https://chat.acme.com", "https://chat.acme.com"),
        ("https://acme.com/chat/", "https://acme.com/chat"),
        ("http://localhost:8000", "/"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_server_is_public_url_unless_that_is_localhost(stack: Stack, public_url: str, server: str) -> None:
    """Linters reject `localhost`, which is another machine for each reader."""
    with client(stack.start_api(PUBLIC_URL=public_url)) as anyone:
        [found] = ok(anyone.get("/openapi.json"))["servers"]
    assert found["url"] == server
