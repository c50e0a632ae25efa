"""The OpenAPI document of the running API, and the generators to read it with."""

from pathlib import Path

import pytest

from tests.clients.install import defect
from tests.clients.tools import Tools
from tests.support.installed import missing
from tests.support.stack import Stack
from tests.support.user import client


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """The installed programs; skips without them, and fails in CI."""
    if reason := defect():
        missing(reason)
    return Tools(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="session")
def document(tools: Tools, stack: Stack) -> Path:
    """What the API serves at /openapi.json."""
    path = tools.folder / "openapi.json"
    with client(stack.base_url) as anyone:
        path.write_bytes(anyone.get("/openapi.json").raise_for_status().content)
    return path
