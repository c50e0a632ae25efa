"""A running sandbox for all tests, and the SDK pointed at it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.sandbox.running import PATIENCE, Gemini, Sandbox, started
from tests.sandbox.stripe_running import Account, Receiver, receiving, sdk


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox without delays for all tests; what it logs must hold no traceback."""
    log = tmp_path_factory.mktemp("sandbox") / "log"
    process, url = started(log, "--first-piece-ms", "0", "--piece-ms", "0")
    try:
        with httpx.Client(base_url=url, headers={"x-goog-api-key": "sandbox"}, timeout=PATIENCE) as http:
            yield Sandbox(process, url, http)
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert "Traceback" not in log.read_text()


@pytest.fixture
def gemini(sandbox: Sandbox) -> Gemini:
    return Gemini(sandbox.url)


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Account]:
    """An empty Stripe account at real time, without a webhook endpoint."""
    with httpx.Client(base_url=sandbox.url, timeout=PATIENCE) as http:
        assert http.delete("/sandbox/stripe").status_code == 204
        assert http.post("/sandbox/stripe/webhooks", json={"url": None}).is_success
        client = sdk(sandbox.url)
        yield Account(sandbox.url, http, client)


@pytest.fixture
def receiver(account: Account) -> Iterator[Receiver]:
    """The account's webhook endpoint."""
    with receiving() as endpoint:
        account.order("stripe/webhooks", url=endpoint.url, retry_after=[0.05, 0.1, 0.2], timeout=5)
        yield endpoint
        account.order("stripe/webhooks", url=None)
