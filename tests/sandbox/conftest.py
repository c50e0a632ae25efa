"""A running sandbox for all tests, and the SDK pointed at it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.sandbox.running import PATIENCE, Gemini, Sandbox, started


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
