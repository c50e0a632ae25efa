"""A real browser: Debian's Chromium, led by playwright-core, which npm brings into a temporary folder."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.browser import Browser
from tests.support.installed import missing
from tests.support.process import ROOT

_PLAYWRIGHT = "playwright-core@1.65.1"
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """The browser; its pictures are kept in test-output/browser."""
    chromium = next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    npm, node = shutil.which("npm"), shutil.which("node")
    if chromium is None or npm is None or node is None:
        missing("there is no browser to walk with: apt-get install chromium nodejs npm")
    folder = tmp_path_factory.mktemp("browser")
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), _PLAYWRIGHT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        missing(f"npm could not bring {_PLAYWRIGHT}: {done.stderr[-500:]}")
    pictures = ROOT / "test-output" / "browser"
    pictures.mkdir(parents=True, exist_ok=True)
    return Browser(Path(node), Path(chromium), folder, pictures)
