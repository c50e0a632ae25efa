"""What ./dev run does: real servers, the database's newest shape, all processes, and one READY."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

from devtools import environment
from devtools.console import Console, print_any_letter, say
from devtools.health import Health
from devtools.plan import Plan, from_env_file
from devtools.ports import is_free, remembered_ports
from devtools.postgres import Postgres
from devtools.processes import RunRecord
from devtools.runlog import RunLog
from devtools.servers import Server, ServerFailed
from devtools.state import ROOT, claim, state_dir
from devtools.supervisor import Stopped, Supervisor
from devtools.valkey import Valkey

if TYPE_CHECKING:
    from pathlib import Path

FIRST_CHOICE = {"postgres": 54329, "valkey": 63799, "flower": 5555, "sandbox": 8090}
READY_SECONDS = 60
HARMLESS = "ignore:You're running the worker with superuser privileges"  # of the Celery of root, on a laptop
SANDBOX = "  Sandbox {address}   (in place of {parts}, without their keys)\n"
READY = """
READY in {seconds:.1f} s; Ctrl-C stops everything
  API     {address}   (docs: {address}/docs)
  Flower  {flower}
{sandbox}  Data    {home}
  In another terminal: ./dev logs -f, ./dev psql, eval "$(./dev env)"
A first request to copy:
  curl -s {address}/auth/signup -H 'Content-Type: application/json' \
-d '{{"mobile_number": "+14155550123", "full_name": "Ada"}}'
"""


class Run:
    """One development run, from the first server to the last."""

    def __init__(self, plan: Plan, home: Path, console: Console) -> None:
        self._plan = plan
        self._home = home
        self._ports = remembered_ports(home / "ports.json", FIRST_CHOICE)
        self._postgres = Postgres(home, self._ports["postgres"])
        self._valkey = Valkey(home, self._ports["valkey"])
        self._say = console.say
        record = RunRecord(home / "run.json")
        self._supervisor = Supervisor(ROOT, self._environment(), record, console)

    async def until_stopped(self) -> int:
        """Start, wait, stop; the exit code."""
        begin = time.monotonic()
        supervisor = self._supervisor
        supervisor.listen_to_signals()
        try:
            await self._start()
            self._announce(time.monotonic() - begin)
            while True:
                await supervisor.pause()
        except Stopped:
            pass
        except ServerFailed as failure:
            supervisor.fail(str(failure))
        finally:
            self._say("dev", f"stopping: {supervisor.failure or 'asked to'}")
            begin = time.monotonic()
            await supervisor.stop(grace_seconds=self._plan.grace_seconds + 5)
            self._say("dev", f"stopped in {time.monotonic() - begin:.1f} s")
        return 1 if supervisor.failure else 0

    async def _start(self) -> None:
        supervisor, ports, port = self._supervisor, self._ports, str(self._plan.port)
        python = [sys.executable, "-m"]
        celery = [sys.executable, "-W", HARMLESS, "-m", "celery", "--quiet", "-A", "app.celery_app"]
        sandbox_state = ["--state-file", str(self._home / "sandbox.json")]
        sandbox_address = ["--host", "127.0.0.1", "--port", str(ports["sandbox"])]
        address = ["--host", "127.0.0.1", "--port", port]
        quiet_end = ["--no-use-colors", "--timeout-graceful-shutdown", "10"]

        if self._plan.starts_sandbox:
            supervisor.start("sandbox", [*python, "sandbox", *sandbox_address, *sandbox_state])
        for server in self._servers():
            supervisor.add_server(server)
            self._say(server.name, f"ready on 127.0.0.1:{server.port}")
        if self._plan.starts_postgres:
            self._postgres.ensure_database("app")
        await supervisor.complete("migrate", [*python, "alembic", "upgrade", "head"])
        self._say("migrate", "the database is up to date")
        if self._plan.starts_sandbox:
            await self._wait_for("sandbox", Health(ports["sandbox"]), all_parts=False)
            self._say("sandbox", f"ready on {self._sandbox}")
        supervisor.start("api", [*python, "uvicorn", "app.main:app", *address, *quiet_end])
        supervisor.start("worker", [*celery, "worker", "--loglevel=info", "-Q", "ai_processing"])
        await self._wait_for("api", Health(self._plan.port), all_parts=True)
        self._say("api", f"ready on {self._api}")
        self._say("worker", "ready")
        # Behind all others: it warns of each worker that is not there yet.
        supervisor.start("flower", [*celery, "flower", "--address=127.0.0.1", f"--port={ports['flower']}"])
        self._say("flower", f"starting on {self._flower}")

    async def _wait_for(self, name: str, health: Health, *, all_parts: bool) -> None:
        condition = health.is_healthy if all_parts else health.answers
        await self._supervisor.wait_until(
            condition,
            seconds=READY_SECONDS,
            otherwise=lambda: (
                f"{name} was not healthy in {READY_SECONDS} s; its last answer: {health.last_answer}"
            ),
        )

    def _servers(self) -> list[Server]:
        wanted = ((self._postgres, self._plan.starts_postgres), (self._valkey, self._plan.starts_valkey))
        return [server for server, starts in wanted if starts]

    def _environment(self) -> dict[str, str]:
        addresses = environment.Addresses(
            self._postgres.url(), self._valkey.url(), self._sandbox, self._plan.port
        )
        ours = environment.filled_in(self._plan, addresses, self._home)
        used = self._plan.environment(ours)
        used |= environment.without_proxy(used)
        told = {*ours, *environment.NO_PROXY, *from_env_file(ROOT)}
        environment.record(self._home, ours, {name: used[name] for name in sorted(told)})
        return used | {"PYTHONUNBUFFERED": "1"}

    @property
    def _api(self) -> str:
        return f"http://127.0.0.1:{self._plan.port}"

    @property
    def _flower(self) -> str:
        return f"http://127.0.0.1:{self._ports['flower']}"

    @property
    def _sandbox(self) -> str:
        return f"http://127.0.0.1:{self._ports['sandbox']}"

    def _announce(self, seconds: float) -> None:
        parts = [
            name
            for name, plays in (("Gemini", self._plan.plays_gemini), ("Stripe", self._plan.plays_stripe))
            if plays
        ]
        sandbox = SANDBOX.format(address=self._sandbox, parts=" and ".join(parts)) if parts else ""
        text = READY.format(
            seconds=seconds, address=self._api, flower=self._flower, sandbox=sandbox, home=self._home
        )
        print(text, flush=True)


def main() -> int:
    """Refuse what cannot work with one sentence, then run."""
    if sys.argv[1:] not in ([], ["--verbose"]):
        raise SystemExit("./dev run takes nothing or --verbose; settings come from the environment and .env")
    print_any_letter()
    home = state_dir()
    plan = Plan.read(ROOT, environment.recorded(home, "filled_in"))
    plan.refuse_production()
    with claim(home):
        if ended := RunRecord(home / "run.json").sweep():
            say("dev", f"ended what a killed run had left behind: {', '.join(ended)}")
        if not is_free(plan.port):
            raise SystemExit(
                f"port {plan.port} is taken by another program: set PORT, as in PORT=8001 ./dev run"
            )
        if plan.starts_postgres and not (home / "postgres").exists():
            say("dev", f"first run: making a database in {home}, a few seconds")
        with closing(RunLog(home / "logs")) as log:
            console = Console(log, verbose=bool(sys.argv[1:]))
            return asyncio.run(Run(plan, home, console).until_stopped())


if __name__ == "__main__":
    sys.exit(main())
