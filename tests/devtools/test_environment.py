"""./dev env and ./dev psql: the variables of the running ./dev run, for other tools."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from devtools import environment
from devtools.plan import Plan
from devtools.state import MARK, claim

if TYPE_CHECKING:
    from pathlib import Path

    from tests.devtools.conftest import DevTree

NOT_RUNNING = "'./dev run' is not running: start it first, in another terminal\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "intern.example"}, "intern.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a, b", "NO_PROXY": "c,localhost"}, "a,b,c,localhost,127.0.0.1,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_own_addresses_are_kept_out_of_the_proxy(given: dict[str, str], expected: str) -> None:
    assert environment.without_proxy(given) == {"no_proxy": expected, "NO_PROXY": expected}


def test_record_is_closed_to_others_and_nothing_if_unreadable(tmp_path: Path) -> None:
    environment.record(tmp_path, {"A": "1"}, {"A": "2"})
    assert stat.S_IMODE((tmp_path / environment.FILE).stat().st_mode) == 0o600
    assert environment.recorded(tmp_path, "filled_in") == {"A": "1"}
    assert environment.recorded(tmp_path, "used") == {"A": "2"}
    (tmp_path / environment.FILE).write_text("{")
    assert environment.recorded(tmp_path, "used") == {}


def test_variables_of_the_run_before_do_not_count_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ours")
    monkeypatch.setenv("REDIS_URL", "redis://given")
    plan = Plan.read(tmp_path, {"DATABASE_URL": "postgresql://ours", "REDIS_URL": "redis://ours"})
    assert (plan.starts_postgres, plan.starts_valkey) == (True, False)


def test_without_a_run_each_says_so(dev_tree: DevTree) -> None:
    for state in ("missing", "there"):
        env = dev_tree.tool("env")
        assert (env.returncode, env.stdout, env.stderr) == (1, "", NOT_RUNNING), state
        psql = dev_tree.tool("psql", "-c", "select 1")
        assert (psql.returncode, psql.stdout) == (1, "")
        assert psql.stderr.startswith("'./dev run' is not running, so there is no database")
        (dev_tree.state / MARK).touch(0o600)


def test_values_come_whole_through_a_shell(dev_tree: DevTree) -> None:
    odd = 'it\'s "odd" $HOME `id` \\ ä\n# next'
    (dev_tree.state / MARK).touch(0o600)
    environment.record(dev_tree.state, {}, {"ODD": odd})
    with claim(dev_tree.state):
        assert dev_tree.shell('printf %s "$ODD"').stdout == odd


def test_other_tools_work_beside_a_run(dev_tree: DevTree) -> None:
    (dev_tree.root / ".env").write_text("GEMINI_MODEL=gemini-2.5-pro\nDATABASE_URL=\n")
    run = dev_tree.run(HTTP_PROXY="http://127.0.0.1:9", REPLY_WAIT_SECONDS="17")
    run.wait_until_ready()
    done = dev_tree.shell(
        'psql "$DATABASE_URL" -Atc "select count(*) from users"\n'
        "python -c \"import os, redis; print(redis.Redis.from_url(os.environ['REDIS_URL']).ping())\"\n"
        # A worker counts as alive a moment before it hears broadcasts.
        "until python -m celery -A app.celery_app inspect ping; do :; done\n"
        "echo $GEMINI_MODEL; echo $NO_PROXY"
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["0", "True"]
    assert any("OK" in line for line in lines)
    assert lines[-2:] == ["gemini-2.5-pro", "127.0.0.1,localhost,::1"]
    psql = dev_tree.tool("psql", "-At", "-c", "select current_database()")
    assert psql.stdout == "app\n", psql.stderr
    no_system_psql = dev_tree.tool("psql", "-At", "-c", "select 7", PATH="/nowhere")
    assert no_system_psql.stdout == "7\n", no_system_psql.stderr
