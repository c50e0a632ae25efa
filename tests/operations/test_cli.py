"""The command line as such: exit codes, one document on stdout, sentences on stderr, interruption."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from devtools.ports import free_port
from tests.support.cli import cli, cli_json, run
from tests.support.process import ROOT
from tests.support.stack import Stack
from tests.support.stripe import StripeSandbox
from tests.support.user import User
from tests.support.waiting import eventually

_NOWHERE = {
    "DATABASE_URL": "postgresql://app:geheim@127.0.0.1:{}/app",
    "REDIS_URL": "redis://127.0.0.1:{}/0",
}

# A shell starts background jobs, such as a test run, with the signal ignored, and Python leaves it so.
_INTERRUPTIBLE = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def _unreachable() -> dict[str, str]:
    port = str(free_port())
    return {name: form.format(port) for name, form in _NOWHERE.items()}


def test_the_exit_code_tells_what_happened(tmp_path: Path) -> None:
    refused = run("replies", "list", env={"REDIS_URL": "redis://h", "GRACE_DAYS": "x"}, folder=tmp_path)
    assert (refused.code, refused.out) == (3, "")
    assert refused.err.splitlines()[0] == "Error: The settings are not usable:"
    assert len(refused.err.splitlines()) == 3
    away = run("replies", "list", env=_unreachable(), folder=tmp_path)
    assert (away.code, away.out) == (1, "")
    assert away.err.startswith("Error: The database is unavailable: ")
    assert away.err.count("\n") == 1
    assert "geheim" not in away.err
    for usage in (("replies",), ("nothing",), ("replies", "show", "x"), ("replies", "list", "--since", "2")):
        wrong = run(*usage, env=_unreachable(), folder=tmp_path)
        assert wrong.code == 2, wrong
        assert wrong.out == ""


def test_a_failure_is_a_document_too(tmp_path: Path) -> None:
    away = run("--json", "replies", "list", env=_unreachable(), folder=tmp_path)
    assert away.code == 1
    error = away.document["error"]
    assert error["code"] == "database_unusable"
    assert away.err == f"Error: {error['message']}\n"


def test_json_may_be_named_before_and_after_the_command(stack: Stack) -> None:
    after = cli_json(stack, "keys", "list")
    assert json.loads(cli(stack, "--json", "keys", "list").out) == after
    assert json.loads(cli(stack, "keys", "--json", "list").out) == after


def test_the_log_is_on_stderr_and_only_when_asked_for(stack: Stack, user: User) -> None:
    """Red if the log goes to stdout, as that of the other processes does."""
    quiet = cli(stack, "users", "unban", user.id, "--json")
    assert quiet.err == ""
    loud = cli(stack, "--verbose", "users", "unban", user.id, "--json")
    assert loud.document == quiet.document
    assert "event=user_unbanned" in loud.err


def test_an_interruption_ends_a_command_cleanly(stack: Stack) -> None:
    """Red if an interruption is a traceback."""
    stripe = StripeSandbox(stack)
    stripe.fail("hold_before", "/v1/subscriptions", times=10)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _INTERRUPTIBLE, "-m", "app", "reconcile", "--dry-run"],
            cwd=stack.folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **stack.settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually(
            lambda: any(call["waiting"] for call in stripe.calls("/v1/subscriptions")),
            what="a call to Stripe",
        )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        stripe.end_failures()
        stripe.reset(deliver=True)
    assert (process.returncode, out, err.strip()) == (130, "", "Interrupted.")


def test_a_reader_that_leaves_early_is_no_error(stack: Stack) -> None:
    command = f"{sys.executable} -m app check --offline | head -n 1"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **stack.settings}
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=stack.folder, env=env, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("Environment and servers\n", "")
