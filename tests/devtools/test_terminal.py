"""What ./dev run shows and keeps: one line a process, READY last, problems, and all of it in a log."""

from __future__ import annotations

import re
import signal
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from devtools.console import Console
from devtools.levels import ProblemFilter
from devtools.processes import wait_until
from devtools.runlog import NAME, RunLog, lines_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.devtools.conftest import DevRun, DevTree

ORDINARY = [
    "00:19:16 GET /user/me 200 12 ms  req 1151d3…",
    "00:19:16 reply_recorded status=completed",
    "00:19:16 debug detail",
    '{"status": 200, "event": "request", "level": "info"}',
    '{"status":200,"event":"request","level":"debug"}',
    "INFO:     Started server process [1]",
    "INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.",
    "[2026-11-26 00:19:16,904: INFO/MainProcess] celery@vm ready.",
    "[I 261126 00:19:25 mixins:228] Connected to redis://:**@127.0.0.1:63799/0",
]
PROBLEMS = [
    "00:19:16 warning redis_unavailable reason='no answer'",
    "00:19:16 error unexpected text=info",
    "00:19:16 critical process_crashed",
    '{"event": "unexpected", "level": "error"}',
    "ERROR:    Application startup failed. Exiting.",
    "WARNING:  Something",
    "[2026-11-26 00:19:16,904: WARNING/MainProcess] something",
    "[E 261126 00:19:25 mixins:228] Inspect failed",
    "Traceback (most recent call last):",
    "Your code for +14155550123 is 123456",
]


def shown_of(name: str, lines: list[str]) -> list[str]:
    problems = ProblemFilter(name)
    return [line for line in lines if problems.shows(line)]


@pytest.mark.parametrize("name", ["api", "worker", "flower", "sandbox", "migrate"])
@pytest.mark.parametrize("line", ORDINARY)
def test_ordinary_lines_are_not_shown(name: str, line: str) -> None:
    assert shown_of(name, [line]) == []


@pytest.mark.parametrize("line", PROBLEMS)
def test_problems_and_plain_prints_are_shown(line: str) -> None:
    assert shown_of("api", [ORDINARY[0], line, "", ORDINARY[0]]) == [line]


def test_indented_lines_belong_to_the_line_before_them() -> None:
    trace = ["Traceback (most recent call last):", '  File "x.py", line 1', "    x", "KeyError: 'x'"]
    assert shown_of("worker", [ORDINARY[0], "  rest of it", *trace, ORDINARY[4], "   more"]) == trace


def test_of_flower_warnings_are_not_shown() -> None:
    error = "[E 261126 00:19:25 mixins:228] Lost the broker"
    said = [
        "[W 261126 00:19:25 inspector:1] Inspect method stats failed",
        "00:19:25 warning No",
        error,
        "  why",
    ]
    assert shown_of("flower", said) == [error, "  why"]


def test_processes_that_are_stopped_show_nothing_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(RunLog(tmp_path)) as log:
        console = Console(log, verbose=False)
        console.relay("worker", "worker: odd")
        console.stopping = True
        console.relay("worker", "worker: Warm shutdown (MainProcess)")
        console.say("dev", "stopping")
    assert capsys.readouterr().out == "worker   | worker: odd\ndev      | stopping\n"
    assert "Warm shutdown" in (tmp_path / NAME).read_text()


def test_log_keeps_every_line_and_the_run_before(tmp_path: Path) -> None:
    with closing(RunLog(tmp_path)) as log:
        log.write("api", "one | two")
        log.write("worker", "three")
    assert list(lines_of(tmp_path / NAME, "api", follow=False)) == ["one | two"]
    assert list(lines_of(tmp_path / NAME, None, follow=False)) == ["api      | one | two", "worker   | three"]
    RunLog(tmp_path).close()
    assert (tmp_path / NAME).read_text() == ""
    assert "three" in (tmp_path / f"{NAME}.1").read_text()


def test_log_is_bounded(tmp_path: Path) -> None:
    with closing(RunLog(tmp_path, most_bytes=10_000)) as log:
        for number in range(2000):
            log.write("api", f"line {number}")
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) < 10_100
    assert list(lines_of(tmp_path / NAME, "api", follow=False))[-1] == "line 1999"


def test_following_goes_on_with_the_next_file(tmp_path: Path) -> None:
    seen: list[str] = []

    def follow() -> None:
        for line in lines_of(tmp_path / NAME, "api", follow=True):
            seen.append(line)
            if line == "last":
                return

    follower = threading.Thread(target=follow, daemon=True)
    with closing(RunLog(tmp_path, most_bytes=1000)) as log:
        log.write("api", "first")
        follower.start()
        assert wait_until(lambda: seen == ["first"], 20)
        for number in range(20):  # one by one: a slow reader misses what two files do not hold
            log.write("api", f"{number} {'x' * 80}")
            assert wait_until(lambda: len(seen) > number + 1, 20)  # noqa: B023 - called at once
        log.write("api", "last")
    follower.join(20)
    assert seen[-1] == "last"
    assert len(seen) == 22


def shown_by(run: DevRun) -> list[str]:
    return run.output.splitlines()


def test_run_shows_one_line_a_process_and_ready_last(dev_tree: DevTree) -> None:
    run = dev_tree.run()
    run.wait_until_ready()
    log = dev_tree.state / "logs" / NAME
    assert wait_until(lambda: "Connected to" in "".join(lines_of(log, "flower", follow=False)), 60)
    assert wait_until(lambda: " ready." in "".join(lines_of(log, "worker", follow=False)), 60)
    lines = shown_by(run)
    tags = [line.partition(" |")[0].strip() for line in lines if re.match(r"\w+ +\| ", line)]
    expected = ["dev", "postgres", "valkey", "migrate", "sandbox", "api", "worker", "flower"]
    assert tags == expected, run.output
    begin = lines.index("")
    assert lines[begin + 1].startswith("READY in")
    assert not any(" | " in line for line in lines[begin:]), run.output
    assert "-------------- celery@" not in log.read_text()
    assert "Uvicorn running on" in dev_tree.tool("logs", "api").stdout
    assert "database system is ready" in dev_tree.tool("logs", "postgres").stdout

    run.process.send_signal(signal.SIGINT)
    assert run.exit_code() == 0
    rest = shown_by(run)[len(lines) :]
    assert [line.partition(" in ")[0] for line in rest] == [
        "dev      | stopping: asked to",
        "dev      | stopped",
    ]


def test_verbose_run_shows_all_that_its_processes_print(dev_tree: DevTree) -> None:
    run = dev_tree.run("--verbose")
    run.wait_until_ready()
    assert "Uvicorn running on" in run.output
    assert "worker_started" in run.output
    assert wait_until(lambda: re.search(r"flower   \| \d\d:\d\d:\d\d ", run.output) is not None, 60)


def test_warnings_and_errors_of_processes_are_shown(dev_tree: DevTree) -> None:
    run = dev_tree.run(REPLY_LEASE_SECONDS="soon")
    assert run.exit_code() == 1
    assert "REPLY_LEASE_SECONDS" in run.output
    assert re.search(r"stopping: (api|worker) ended \(.*\); its log: ./dev logs (api|worker)\n", run.output)


def test_logs_names_what_it_knows_and_what_is_missing(dev_tree: DevTree) -> None:
    unknown = dev_tree.tool("logs", "web")
    assert unknown.stderr.startswith("./dev logs does not know 'web': the names are api, worker")
    assert dev_tree.tool("logs").stderr.startswith("there is no log yet: './dev run' writes ")
