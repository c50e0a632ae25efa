"""./dev run where newcomers put it: in an odd folder, behind a proxy, stopped and started again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from devtools.ports import free_port
from devtools.run import FIRST_CHOICE
from devtools.state import ROOT
from tests.support.user import User, ok

if TYPE_CHECKING:
    from tests.devtools.conftest import DevRun, DevTree

LIKE_A_USER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
DEAD_PROXY = {
    name: "http://127.0.0.1:9"
    for lower in ("http_proxy", "https_proxy", "all_proxy")
    for name in (lower, lower.upper())
}


def stop(run: DevRun) -> None:
    run.process.send_signal(signal.SIGINT)
    assert run.exit_code() == 0


def new_user(tree: DevTree) -> User:
    return User.sign_up(f"http://127.0.0.1:{tree.port}")


def test_folder_may_have_any_name(odd_tree: DevTree) -> None:
    run = odd_tree.run()
    run.wait_until_ready()
    user = new_user(odd_tree)
    assert user.say(user.open_room(), "Hello")["reply"]["status"] == "completed"
    assert (odd_tree.root / ".data" / "valkey" / "appendonlydir").is_dir()
    counted = odd_tree.shell('psql "$DATABASE_URL" -Atc "select count(*) from users"')
    assert counted.stdout == "1\n", counted.stderr
    stop(run)
    assert odd_tree.tool("reset").returncode == 0
    assert not (odd_tree.root / ".data").exists()


@pytest.mark.parametrize("variables", [DEAD_PROXY, {"NO_PROXY": "intern.example"} | DEAD_PROXY])
def test_message_is_answered_behind_a_proxy_that_is_dead(
    dev_tree: DevTree, variables: dict[str, str]
) -> None:
    run = dev_tree.run(**variables)
    run.wait_until_ready()
    user = new_user(dev_tree)
    assert user.say(user.open_room(), "Hello")["reply"]["status"] == "completed"
    assert ok(user.http.post("/subscribe/pro"))["checkout_url"]


def test_pro_that_was_bought_outlives_a_restart(dev_tree: DevTree) -> None:
    first = dev_tree.run()
    first.wait_until_ready()
    user = new_user(dev_tree)
    page = ok(user.http.post("/subscribe/pro"))
    assert httpx.post(page["checkout_url"], data={"action": "pay"}).status_code == 303
    status = ok(user.http.get("/subscription/status", params={"session_id": page["session_id"]}))
    assert status["plan"] == "pro"
    stop(first)

    dev_tree.run().wait_until_ready()
    assert ok(user.http.get("/subscription/status"))["plan"] == "pro"
    [invoice] = ok(user.http.get("/subscription/invoices"))["invoices"]
    assert invoice["status"] == "paid"
    portal = ok(user.http.post("/subscription/portal"))
    assert httpx.get(portal["url"]).status_code == 200
    assert ok(user.http.post("/subscription/cancel"))["cancel_at_period_end"] is True


def blocks(readme: str, section: str) -> list[str]:
    """Return the shell blocks of a section of a page."""
    text = readme.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return [block.partition("```")[0] for block in text.split("```sh\n")[1:]]


def test_readme_buys_pro_also_when_the_sandbox_has_another_port(dev_tree: DevTree) -> None:
    readme = (dev_tree.root / "README.md").read_text()
    payments = "\n#" + (ROOT / "docs" / "payments.md").read_text()
    subscribe, status, clock = blocks(payments, "Buying Pro")
    pay = 'curl -sS -o /dev/null "$(echo "$CHECKOUT" | field checkout_url)" -d action=pay\n'
    sign_in, *_ = blocks(readme, "A first conversation")
    script = sign_in + subscribe + pay + status + "echo\n" + clock
    script = script.replace("http://localhost:8000", f"http://localhost:{dev_tree.port}")
    script = script.replace("./dev env", f"{dev_tree.python} -m devtools.env")
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # taken by another program just as well
            stack.enter_context(socket.create_server(("127.0.0.1", FIRST_CHOICE["sandbox"])))
        dev_tree.run().wait_until_ready()
        done = dev_tree.bash(script)
    assert done.returncode == 0, done.stderr
    *_, told, moved = done.stdout.splitlines()
    assert json.loads(told)["plan"] == "pro"
    assert json.loads(moved)["done"] >= 1


def test_next_run_starts_its_own_servers_in_a_shell_with_the_variables(dev_tree: DevTree) -> None:
    """Red when what ./dev env printed counts as given: then no server is started."""
    run = dev_tree.run()
    run.wait_until_ready()
    printed = dev_tree.shell("env -0").stdout
    stop(run)
    variables = dict(entry.split("=", 1) for entry in printed.split("\0") if "=" in entry)
    again = dev_tree.run(**variables)
    again.wait_until_ready()
    assert "postgres | ready" in again.output
    assert "sandbox  | ready" in again.output
    new_user(dev_tree)


def test_data_folder_that_cannot_be_made_is_named(dev_tree: DevTree) -> None:
    closed = dev_tree.root / "closed"
    closed.mkdir(mode=0o555)
    env = dev_tree.env | {"DEV_STATE_DIR": str(closed / "data"), "PORT": str(free_port())}
    command = [*LIKE_A_USER, dev_tree.python, "-m", "devtools.run"]
    done = subprocess.run(command, cwd=dev_tree.root, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"{closed}/data cannot be written to (Permission denied):"
        " name a folder of your own in DEV_STATE_DIR\n"
    )
