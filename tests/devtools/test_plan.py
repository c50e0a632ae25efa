"""What ./dev run starts: whatever is set already wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devtools.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path

OURS = {"DATABASE_URL": "ours", "LOG_FORMAT": "console"}


def test_environment_wins_over_the_file_and_empty_means_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=file\nREDIS_URL=file\nGEMINI_API_KEY=\nPORT=8100\n")
    monkeypatch.setenv("DATABASE_URL", "environment")
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("LOG_FORMAT", "")
    for name in ("GEMINI_API_KEY", "GEMINI_BASE_URL", "PORT"):
        monkeypatch.delenv(name, raising=False)
    plan = Plan.read(tmp_path)
    env = plan.environment(OURS)
    assert (env["DATABASE_URL"], env["REDIS_URL"], env["LOG_FORMAT"]) == ("environment", "file", "console")
    assert (plan.starts_postgres, plan.starts_valkey, plan.starts_sandbox) == (False, False, True)
    assert plan.port == 8100


@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "GEMINI_BASE_URL"])
def test_either_gemini_variable_keeps_the_sandbox_away(name: str) -> None:
    assert Plan({}).starts_sandbox
    assert not Plan({name: "given"}).starts_sandbox


@pytest.mark.parametrize("text", ["0", "65536", "-1", "eight", "٣"])
def test_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SystemExit, match="PORT must be a whole number from 1 to 65535"):
        _ = Plan({"PORT": text}).port


def test_production_is_refused_however_it_is_written() -> None:
    Plan({"ENVIRONMENT": "development"}).refuse_production()
    with pytest.raises(SystemExit):
        Plan({"ENVIRONMENT": "Production"}).refuse_production()
