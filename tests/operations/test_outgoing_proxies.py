"""Outgoing proxies: every client uses the same variables; unusable ones are rejected at start."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.config import OtpDelivery, Settings
from app.config.proxies import proxy_problems
from app.gemini_client import ModelError, Prompt, Turn
from app.gemini_client.google import GoogleGemini
from app.models import Role
from app.sms_client import SmsNotSentError
from app.sms_client.twilio import TwilioSms
from app.sms_client.webhook import WebhookSms
from app.stripe_client import StripeGateway, StripeUnavailableError
from devtools.ports import free_port
from tests.support.buyer import Buyer, StripePages
from tests.support.codes import ask as ask_for_code
from tests.support.codes import open_accounts
from tests.support.forward_proxy import ForwardProxy
from tests.support.process import ROOT
from tests.support.sms_receiver import some_message
from tests.support.stack import Stack
from tests.support.twilio import ACCOUNT, SENDER, TOKEN, Twilio
from tests.support.user import ok, some_number
from tests.support.waiting import eventually

_NAMES = ("gemini", "stripe", "twilio")
_ALL = (*_NAMES, "webhook")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForwardProxy]:
    """A proxy that leads nowhere, and an environment without any of the variables."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    with ForwardProxy() as proxy:
        yield proxy


def _ask_all(base: str) -> None:
    """Let each of the clients ask once, at an address of its own."""
    settings = Settings(
        database_url=SecretStr("postgresql://db/app"),
        redis_url=SecretStr("redis://redis"),
        gemini_base_url=base.format("gemini"),
        gemini_api_key=SecretStr("key"),
        stripe_api_base=base.format("stripe"),
        stripe_secret_key=SecretStr("sk_test_1"),
        otp_delivery=OtpDelivery.TWILIO,
        twilio_api_base=base.format("twilio"),
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=SecretStr(TOKEN),
        twilio_from=SENDER,
        sms_webhook_url=SecretStr(f"{base.format('webhook')}/otp?source=chat"),
    )

    async def ask() -> None:
        gemini, stripe, twilio = GoogleGemini(settings), StripeGateway(settings), TwilioSms(settings)
        webhook = WebhookSms(settings)
        with suppress(ModelError):
            async for _ in gemini.stream(Prompt("gemini-3.8-flash", (Turn(Role.USER, "Hello"),))):
                pass
        with suppress(StripeUnavailableError):
            await stripe.subscriptions.get("sub_1")
        for sms in (twilio, webhook):
            with suppress(SmsNotSentError):
                await sms.send(some_message())
        for client in (gemini, stripe, twilio, webhook):
            await client.aclose()

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("variables", "base", "port"),
    [
        ("HTTPS_PROXY", "https", ":443"),
        ("https_proxy", "https", ":443"),
        ("ALL_PROXY", "https", ":443"),
        ("all_proxy", "http", ""),
        ("HTTP_PROXY", "http", ""),
        ("http_proxy", "http", ""),
    ],
)
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_all_clients_go_through_the_proxy(
    proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch, variables: str, base: str, port: str, scheme: str
) -> None:
    """Red with aiohttp under Stripe's SDK: it asks no proxy, and with `trust_env` not that of ALL_PROXY."""
    monkeypatch.setenv(variables, f"{scheme}us%40er:pass@{proxy.address}")
    _ask_all(f"{base}://{{}}.invalid")
    assert set(proxy.asked) == {f"{name}.invalid{port}" for name in _ALL}
    assert set(proxy.credentials) == {"Basic dXNAZXI6cGFzcw=="}


@pytest.mark.parametrize(
    "exempt",
    [
        "127.0.0.1",
        "127.0.0.0/8",
        "10.0.0.0/8,127.0.0.1/32",
        "http://127.0.0.1:{port}",
        "*",
        "example.com, 127.0.0.1",
    ],
)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_all_clients_leave_the_proxy_out_for_the_same_hosts(
    proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch, variable: str, exempt: str
) -> None:
    """Red with aiohttp's `trust_env`: it knows no networks."""
    port = free_port()
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    _ask_all(f"http://127.0.0.1:{port}/{{}}")
    assert len(proxy.asked) >= len(_ALL)
    proxy.asked.clear()
    monkeypatch.setenv(variable, exempt.format(port=port))
    _ask_all(f"http://127.0.0.1:{port}/{{}}")
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("exempt", "asked"),
    [
        ("stripe.invalid", {"gemini", "twilio", "webhook"}),
        (".invalid", set()),
        ("other.invalid", set(_ALL)),
    ],
)
def test_names_without_a_proxy_are_the_same_for_all(
    proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch, exempt: str, asked: set[str]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", exempt)
    _ask_all("https://{}.invalid")
    assert set(proxy.asked) == {f"{name}.invalid:443" for name in asked}


def test_chat_payment_and_sign_in_work_through_the_only_proxy(own_stack: Stack) -> None:
    """Through the running program: the three names resolve nowhere but at the proxy."""
    stack = own_stack
    with (
        Twilio() as twilio,
        ForwardProxy(
            gemini=stack.sandbox_url, stripe=stack.sandbox_url, twilio=twilio.settings["TWILIO_API_BASE"]
        ) as proxy,
    ):
        outside = {
            "HTTP_PROXY": proxy.url,
            "NO_PROXY": "localhost",
            "GEMINI_BASE_URL": "http://gemini.invalid",
            "STRIPE_API_BASE": "http://stripe.invalid",
        }
        texting = {**twilio.settings, "TWILIO_API_BASE": "http://twilio.invalid"}
        api = stack.start_api(**outside)
        stack.start_worker(**outside)
        buyer = Buyer(stack.user(api), StripePages(stack))
        room = buyer.user.open_room()
        assert ok(buyer.user.post(room, "Hello"))["reply"]["status"] == "completed"
        checkout = ok(buyer.subscribe())
        # Here the buyer's browser is not behind the proxy.
        page = checkout["checkout_url"].replace("http://stripe.invalid", stack.sandbox_url)
        buyer.pay(checkout | {"checkout_url": page})
        assert buyer.status(session_id=checkout["session_id"])["plan"] == "pro"
        number = some_number()
        open_accounts(stack, [number])
        ok(ask_for_code(stack.start_api(**outside, **texting), number))
        eventually(lambda: twilio.sent_to(number), what="the text")
        assert set(proxy.asked) == {f"{name}.invalid" for name in _NAMES}


_COMMANDS = {
    "API": ["uvicorn", "app.main:app", "--port", "0"],
    "worker": ["celery", "-A", "app.celery_app", "worker", "-Q", "ai_processing"],
}


@pytest.mark.parametrize("process", _COMMANDS)
@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks5://user:visible@127.0.0.1:9"), ("https_proxy", "http://[visible")],
)
def test_a_proxy_that_cannot_be_used_is_named_at_start(
    tmp_path: Path, process: str, name: str, value: str
) -> None:
    """Red without the check: a traceback in the API, and a worker that says it is ready."""
    done = subprocess.run(
        [sys.executable, "-m", *_COMMANDS[process]],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": "postgresql://app:pw@localhost/app",
            "REDIS_URL": "redis://localhost:1/0",
            name: value,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    [refusal] = [json.loads(line) for line in said.splitlines() if '"start_refused"' in line]
    assert refusal["problem"].split()[0] == name
    assert "visible" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "value",
    [
        "socks5h://127.0.0.1:9",
        "SOCKS4://127.0.0.1:9",
        "socks://127.0.0.1",
        "http:///visible",
        "http://[",
        "http://proxy:port",
        "http://proxy:99999",
        "http://proxy:0",
        "http://pro xy:3128",
        "ftp://proxy:3128",
        "//proxy:3128",
        "http://user:pa#ss@proxy:3128",
        "http://-:3128",
    ],
)
def test_an_unusable_proxy_is_a_problem_without_its_value(value: str) -> None:
    [(name, problem)] = proxy_problems({"HTTPS_PROXY": value})
    assert name == "HTTPS_PROXY"
    assert value not in problem


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HTTPS_PROXY": ""},
        {"HTTPS_PROXY": "http://proxy.example.com:3128"},
        {"https_proxy": "https://user:pass%23@proxy.example.com", "ALL_PROXY": "http://10.0.0.1:3128"},
        {"HTTPS_PROXY": "proxy:3128"},
        {"HTTPS_PROXY": "http://[fd00::1]:3128/"},
        {"HTTPS_PROXY": "socks5://127.0.0.1:9", "https_proxy": "http://127.0.0.1:3128"},
        {"ALL_PROXY": "socks5://127.0.0.1:9", "NO_PROXY": "*"},
    ],
)
def test_a_usable_proxy_is_no_problem(environment: dict[str, str]) -> None:
    assert list(proxy_problems(environment)) == []
