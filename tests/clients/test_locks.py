"""The locks of the generators name no host, so that any registry can serve them."""

import json

from tests.clients.install import PACKAGE_LOCK, REQUIREMENTS


def test_locks_name_no_host_and_check_every_package() -> None:
    packages = json.loads(PACKAGE_LOCK.read_text())["packages"]
    del packages[""]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [
        name for name, package in packages.items() if not package["integrity"].startswith("sha512-")
    ] == []
    lines = REQUIREMENTS.read_text().splitlines()
    assert [line for line in lines if "://" in line or line.startswith("-")] == []
    pinned = [line for line in lines if line[0] not in " #"]
    assert all("==" in line and line.endswith("\\") for line in pinned)
