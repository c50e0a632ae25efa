"""A developer signs in on the documentation page, reloads it, and sends a message from there."""

from tests.browser.browser import Browser
from tests.support.stack import Stack
from tests.support.user import User


def test_the_page_keeps_its_token_and_asks_for_json(stack: Stack, browser: Browser, user: User) -> None:
    """Red without `persistAuthorization`, with events beside JSON, and with requests to `PUBLIC_URL`.

    The service is asked at an address that is not its `PUBLIC_URL`, as behind a tunnel.
    """
    address = stack.start_api(PUBLIC_URL="https://chat.example.org")
    seen = browser.use_docs("docs", f"{address}/docs", user.token, user.open_room())
    stack.processes[-1].stop()
    assert seen["schemes"] == ["HTTPBearer", "MetricsToken"]
    assert seen["origins"] == [address]
    [[_, url, headers]] = seen["sent"]
    assert url.startswith(f"{address}/chatroom/")
    assert headers["authorization"] == f"Bearer {user.token}"
    assert headers["accept"] == "application/json"
    assert (seen["status"], seen["type"]) == (201, "application/json")
    assert seen["complaints"] == []
