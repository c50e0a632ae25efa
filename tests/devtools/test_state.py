"""The data folder: ours alone, held by one run, and never somebody else's to delete."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from devtools.processes import RunRecord
from devtools.state import claim, kept_secret, state_dir

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that does not exist yet; below no folder that is closed to the servers' user."""
    name = Path(tempfile.mkdtemp(prefix="dev-state-test-"))
    name.rmdir()
    monkeypatch.setenv("DEV_STATE_DIR", str(name))
    return name


def reset() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "devtools.reset"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_reset_deletes_the_data_but_not_under_a_run(home: Path) -> None:
    state_dir()
    (home / "postgres").mkdir()
    with claim(home):
        refused = reset()
    assert refused.returncode == 1
    assert f"running already (pid {os.getpid()}" in refused.stderr
    assert (home / "postgres").exists()
    assert reset().returncode == 0
    assert not home.exists()


def test_folder_with_foreign_content_is_neither_used_nor_deleted(home: Path) -> None:
    home.mkdir()
    (home / "photo.jpg").touch()
    try:
        assert reset().returncode == 1
        with pytest.raises(SystemExit, match="not ours"):
            state_dir()
        assert (home / "photo.jpg").exists()
    finally:
        (home / "photo.jpg").unlink()
        home.rmdir()


def test_secret_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    secret = kept_secret(tmp_path / "jwt.secret")
    assert len(secret) >= 32
    assert kept_secret(tmp_path / "jwt.secret") == secret
    assert stat.S_IMODE((tmp_path / "jwt.secret").stat().st_mode) == 0o600


def test_sweep_ends_what_was_recorded_and_nothing_whose_number_was_reused(tmp_path: Path) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    ours, foreign = subprocess.Popen(sleeper), subprocess.Popen(sleeper)
    try:
        record = RunRecord(tmp_path / "run.json")
        record.add("ours", ours.pid)
        record.add("reused", foreign.pid)
        born = str(psutil.Process(foreign.pid).create_time())
        written = (tmp_path / "run.json").read_text()
        (tmp_path / "run.json").write_text(written.replace(f"{foreign.pid}, {born}", f"{foreign.pid}, 1.5"))
        assert RunRecord(tmp_path / "run.json").sweep() == ["ours"]
        assert ours.wait(5) != 0
        assert foreign.poll() is None
        assert not (tmp_path / "run.json").exists()
    finally:
        for process in (ours, foreign):
            process.kill()
            process.wait()
