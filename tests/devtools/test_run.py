"""What ./dev run promises: everything starts, everything stops, nothing is left behind."""

from __future__ import annotations

import http.client
import json
import signal
import socket
from typing import TYPE_CHECKING

from devtools.processes import alive, wait_until

if TYPE_CHECKING:
    import psutil

    from tests.devtools.conftest import DevTree


def status_of(port: int, path: str, body: dict[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/json"}
    connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def none_lives(processes: list[psutil.Process]) -> bool:
    return not any(map(alive, processes))


def test_killed_supervisor_leaves_nothing_running_and_the_next_start_finds_the_data(
    dev_tree: DevTree,
) -> None:
    first = dev_tree.run()
    first.wait_until_ready()
    family = first.children()
    names = {process.name() for process in family}
    assert {"postgres", "valkey-server"} <= names
    assert (
        status_of(dev_tree.port, "/auth/signup", {"mobile_number": "+14155550123", "full_name": "Ada"}) == 201
    )
    marker = (dev_tree.state / "postgres" / "data" / "PG_VERSION").stat().st_ino
    first.process.kill()
    assert wait_until(lambda: none_lives(family), 15), [process for process in family if alive(process)]

    second = dev_tree.run()
    second.wait_until_ready()
    assert "making a database" not in second.output
    assert (dev_tree.state / "postgres" / "data" / "PG_VERSION").stat().st_ino == marker
    assert status_of(dev_tree.port, "/health") == 200


def test_interrupt_stops_everything_and_is_no_failure(dev_tree: DevTree) -> None:
    run = dev_tree.run()
    run.wait_until_ready()
    family = run.children()
    run.process.send_signal(signal.SIGINT)
    assert run.exit_code() == 0
    assert wait_until(lambda: none_lives(family), 5)
    assert "killed" not in run.output
    assert "Traceback" not in run.output


def test_dead_worker_stops_everything_and_is_named(dev_tree: DevTree) -> None:
    run = dev_tree.run()
    run.wait_until_ready()
    family = run.children()
    run.child(r"celery .* worker").kill()
    assert run.exit_code() == 1
    assert "stopping: worker ended (signal 9)" in run.output
    assert wait_until(lambda: none_lives(family), 5)


def test_second_run_in_the_same_folder_is_refused(dev_tree: DevTree) -> None:
    first = dev_tree.run()
    assert wait_until(lambda: first.process.poll() is not None or bool(first.children()), 20)
    second = dev_tree.run()
    assert second.exit_code() == 1
    assert f"'./dev run' is running already (pid {first.process.pid}" in second.output
    first.process.send_signal(signal.SIGTERM)
    assert first.exit_code() == 0


def test_taken_port_is_said_before_anything_starts(dev_tree: DevTree) -> None:
    with socket.create_server(("127.0.0.1", dev_tree.port)):
        run = dev_tree.run()
        assert run.exit_code() == 1
    assert run.output.strip() == (
        f"port {dev_tree.port} is taken by another program: set PORT, as in PORT=8001 ./dev run"
    )


def test_production_is_refused_in_one_sentence(dev_tree: DevTree) -> None:
    run = dev_tree.run(ENVIRONMENT="production")
    assert run.exit_code() == 1
    assert run.output.startswith("./dev run is for development")
    assert run.output.count("\n") == 1
