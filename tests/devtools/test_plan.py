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
    for name in ("GEMINI_API_KEY", "GEMINI_BASE_URL", "STRIPE_SECRET_KEY", "STRIPE_API_BASE", "PORT"):
        monkeypatch.delenv(name, raising=False)
    plan = Plan.read(tmp_path)
    env = plan.environment(OURS)
    assert (env["DATABASE_URL"], env["REDIS_URL"], env["LOG_FORMAT"]) == ("environment", "file", "console")
    assert (plan.starts_postgres, plan.starts_valkey, plan.starts_sandbox) == (False, False, True)
    assert plan.port == 8100


@pytest.mark.parametrize("gemini", ["GEMINI_API_KEY", "GEMINI_BASE_URL"])
@pytest.mark.parametrize("stripe", ["STRIPE_SECRET_KEY", "STRIPE_API_BASE"])
def test_the_sandbox_plays_whom_nothing_is_given_for(gemini: str, stripe: str) -> None:
    def roles(plan: Plan) -> tuple[bool, bool, bool]:
        return plan.plays_gemini, plan.plays_stripe, plan.starts_sandbox

    assert roles(Plan({})) == (True, True, True)
    assert roles(Plan({gemini: "given"})) == (False, True, True)
    assert roles(Plan({stripe: "given"})) == (True, False, True)
    assert roles(Plan({gemini: "given", stripe: "given"})) == (False, False, False)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "eight", "٣"])
def test_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SystemExit, match="PORT must be a whole number from 1 to 65535"):
        _ = Plan({"PORT": text}).port


def test_production_is_refused_however_it_is_written() -> None:
    Plan({"ENVIRONMENT": "development"}).refuse_production()
    with pytest.raises(SystemExit):
        Plan({"ENVIRONMENT": "Production"}).refuse_production()
