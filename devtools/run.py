"""What ./dev run does: real servers, the database's newest shape, all processes, and one READY."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from devtools.console import say
from devtools.health import Health
from devtools.plan import Plan
from devtools.ports import is_free, remembered_ports
from devtools.postgres import Postgres
from devtools.processes import RunRecord
from devtools.servers import Server, ServerFailed
from devtools.state import ROOT, claim, kept_secret, state_dir
from devtools.supervisor import Stopped, Supervisor
from devtools.valkey import Valkey

if TYPE_CHECKING:
    from pathlib import Path

FIRST_CHOICE = {"postgres": 54329, "valkey": 63799, "flower": 5555, "sandbox": 8090}
READY_SECONDS = 60
SANDBOX = "  Sandbox http://127.0.0.1:{port}   (in place of what has no key)\n"
READY = """
READY in {seconds:.1f} s; Ctrl-C stops everything
  API     {address}   (docs: {address}/docs)
  Flower  http://127.0.0.1:{flower}
{sandbox}  Data    {home}   (logs of PostgreSQL and Valkey: logs/)
A first request to copy:
  curl -s {address}/auth/signup -H 'Content-Type: application/json' \
-d '{{"mobile_number": "+14155550123", "full_name": "Ada"}}'
"""


class Run:
    """One development run, from the first server to the last."""

    def __init__(self, plan: Plan, home: Path) -> None:
        self._plan = plan
        self._home = home
        self._ports = remembered_ports(home / "ports.json", FIRST_CHOICE)
        self._postgres = Postgres(home, self._ports["postgres"])
        self._valkey = Valkey(home, self._ports["valkey"])
        self._supervisor = Supervisor(ROOT, self._environment(), RunRecord(home / "run.json"))

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
            say("dev", f"stopping: {supervisor.failure or 'asked to'}")
            begin = time.monotonic()
            await supervisor.stop(grace_seconds=self._plan.grace_seconds + 5)
            say("dev", f"stopped in {time.monotonic() - begin:.1f} s")
        return 1 if supervisor.failure else 0

    async def _start(self) -> None:
        supervisor, ports, port = self._supervisor, self._ports, str(self._plan.port)
        python = [sys.executable, "-m"]
        celery = [*python, "celery", "-A", "app.celery_app"]
        sandbox_address = ["--host", "127.0.0.1", "--port", str(ports["sandbox"])]
        address = ["--host", "127.0.0.1", "--port", port]
        quiet_end = ["--no-use-colors", "--timeout-graceful-shutdown", "10"]

        if self._plan.starts_sandbox:
            supervisor.start("sandbox", [*python, "sandbox", *sandbox_address])
        for server in self._servers():
            supervisor.add_server(server)
        if self._plan.starts_postgres:
            self._postgres.ensure_database("app")
        await supervisor.complete("migrate", [*python, "alembic", "upgrade", "head"])
        if self._plan.starts_sandbox:
            await self._wait_for("sandbox", Health(ports["sandbox"]), all_parts=False)
        supervisor.start("api", [*python, "uvicorn", "app.main:app", *address, *quiet_end])
        supervisor.start("worker", [*celery, "worker", "--loglevel=info", "-Q", "ai_processing"])
        supervisor.start("flower", [*celery, "flower", "--address=127.0.0.1", f"--port={ports['flower']}"])
        await self._wait_for("api", Health(self._plan.port), all_parts=True)

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
        ours = {
            "DATABASE_URL": self._postgres.url(),
            "REDIS_URL": self._valkey.url(),
            "JWT_SECRET_KEY": kept_secret(self._home / "jwt.secret"),
            "OTP_DELIVERY": "response",
            # A developer signs up often, from one address and with neighbouring numbers.
            "OTP_PER_IP_HOUR": "1000000",
            "OTP_PER_PREFIX_HOUR": "1000000",
            "PUBLIC_URL": f"http://localhost:{self._plan.port}",
            "LOG_FORMAT": "console",
            "PYTHONUNBUFFERED": "1",
        }
        sandbox = f"http://127.0.0.1:{self._ports['sandbox']}"
        if self._plan.plays_gemini:
            ours |= {"GEMINI_BASE_URL": sandbox, "GEMINI_API_KEY": "sandbox"}
        if self._plan.plays_stripe:
            ours |= {
                "STRIPE_API_BASE": sandbox,
                "STRIPE_SECRET_KEY": "sk_test_sandbox",
                "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
                "STRIPE_PRO_PRICE_ID": "price_sandbox_pro",
                "SANDBOX_STRIPE_WEBHOOK_URL": f"http://127.0.0.1:{self._plan.port}/webhook/stripe",
                "SANDBOX_PUBLIC_URL": sandbox,
            }
        return self._plan.environment(ours)

    def _announce(self, seconds: float) -> None:
        address = f"http://127.0.0.1:{self._plan.port}"
        sandbox = SANDBOX.format(port=self._ports["sandbox"]) if self._plan.starts_sandbox else ""
        text = READY.format(
            seconds=seconds,
            address=address,
            flower=self._ports["flower"],
            sandbox=sandbox,
            home=self._home,
        )
        print(text, flush=True)


def main() -> int:
    """Refuse what cannot work with one sentence, then run."""
    if sys.argv[1:]:
        raise SystemExit("./dev run takes no arguments; settings come from the environment and .env")
    plan = Plan.read(ROOT)
    plan.refuse_production()
    home = state_dir()
    with claim(home):
        if ended := RunRecord(home / "run.json").sweep():
            say("dev", f"ended what a killed run had left behind: {', '.join(ended)}")
        if not is_free(plan.port):
            raise SystemExit(
                f"port {plan.port} is taken by another program: set PORT, as in PORT=8001 ./dev run"
            )
        if plan.starts_postgres and not (home / "postgres").exists():
            say("dev", f"first run: making a database in {home}, a few seconds")
        return asyncio.run(Run(plan, home).until_stopped())


if __name__ == "__main__":
    sys.exit(main())
