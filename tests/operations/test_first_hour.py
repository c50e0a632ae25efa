"""The three commands, settings and test flow of the client's document, on new servers."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from devtools.ports import free_port
from tests.conftest import Servers
from tests.support.process import ROOT, Process
from tests.support.stack import Stack
from tests.support.user import client, ok, some_number
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_DOCUMENT = {
    "JWT_SECRET_KEY": "your-super-secret-jwt-key-here",
    "GEMINI_API_KEY": "your-gemini-api-key",
    "STRIPE_SECRET_KEY": "sk_test_...",
    "STRIPE_WEBHOOK_SECRET": "whsec_...",
    "STRIPE_PRO_PRICE_ID": "price_...",
}


@pytest.fixture
def newcomer(servers: Servers, tmp_path: Path) -> Iterator[Stack]:
    """Run only the sandbox, on a database without tables; settings are a copy of `.env.example`."""
    stack = Stack(database_url=servers.database_url, redis_url=servers.redis_url, folder=tmp_path)
    stack.start_sandbox()
    values = {
        **_DOCUMENT,
        "DATABASE_URL": stack.database.url,
        "REDIS_URL": servers.redis_url.rpartition("/")[0] + "/11",
        # Tests must not reach Google or Stripe.
        "GEMINI_BASE_URL": stack.sandbox_url,
        "STRIPE_API_BASE": stack.sandbox_url,
    }
    lines = (ROOT / ".env.example").read_text()
    for name, value in values.items():
        lines, count = re.subn(rf"^{name}=$", f"{name}={value}", lines, flags=re.MULTILINE)
        assert count == 1
    (tmp_path / ".env").write_text(lines)
    yield stack
    stack.stop()


def _run(stack: Stack, name: str, *command: str) -> Process:
    process = Process(name, *command, env={}, log=stack.folder / f"{name}.log")
    stack.processes.append(process)
    return process


def test_three_commands_and_eight_steps(newcomer: Stack) -> None:
    """Red when a migration must run first, a secret is rejected, or a code is not shown."""
    port, flower_port = free_port(), free_port()
    celery = ("celery", "-A", "app.celery_app")
    api = _run(newcomer, "api", "uvicorn", "app.main:app", "--reload", f"--port={port}")
    worker = _run(
        newcomer, "worker", *celery, "worker", "--loglevel=info", "-Q", "ai_processing", "--pool=solo"
    )
    flower = _run(newcomer, "flower", *celery, "flower", f"--port={flower_port}")
    try:
        eventually(lambda: "startup complete" in api.log, what="the API")
        eventually(lambda: " ready." in worker.log, what="the worker")
        with client(f"http://127.0.0.1:{port}") as anyone:
            number = {"mobile_number": some_number()}
            assert anyone.post("/auth/signup", json={**number, "full_name": "Ada"}).status_code == 201
            otp = ok(anyone.post("/auth/send-otp", json=number))["otp"]
            token = ok(anyone.post("/auth/verify-otp", json={**number, "otp": otp}))["access_token"]
            anyone.headers["Authorization"] = f"Bearer {token}"
            assert ok(anyone.get("/user/me"))["plan"] == "basic"
            room = ok(anyone.post("/chatroom", json={"title": "First"}))["id"]
            exchange = ok(anyone.post(f"/chatroom/{room}/message", json={"content": "Hello"}))
            assert exchange["reply"]["status"] == "completed"
            assert [found["id"] for found in ok(anyone.get("/chatroom"))["chatrooms"]] == [room]
            # The document's price is a sample: payments are not set up, and the error says so.
            subscribed = anyone.post("/subscribe/pro")
            assert (subscribed.status_code, subscribed.json()["code"]) == (503, "payments_not_configured")
            assert ok(anyone.get("/subscription/status"))["plan"] == "basic"
            assert ok(anyone.get("/health"))["status"] == "healthy"
        eventually(
            lambda: (
                httpx.get(f"http://127.0.0.1:{flower_port}/healthcheck").is_success
                if "Visit me at" in flower.log
                else None
            ),
            what="Flower",
        )
    finally:
        for process in (flower, worker, api):
            process.stop()
