"""The service refuses to start with missing or unsafe settings, and lists all of them at once."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.config import START_FAILURE
from tests.support.process import ROOT, Process
from tests.support.sms_receiver import some_secret
from tests.support.stack import Stack
from tests.support.waiting import eventually

_SAFE = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://app:pw@db/app",
    "REDIS_URL": "redis://redis/0",
    "JWT_SECRET_KEY": "f3b1c8a95d7e4f60b2c4d6e8fa0b1c2d",
    "GEMINI_API_KEY": "AIzaSyExactlyAsGoogleGaveIt",
    "STRIPE_SECRET_KEY": "sk_live_51hidden",
    "STRIPE_WEBHOOK_SECRET": "whsec_hidden1,whsec_hidden2",
    "STRIPE_PRO_PRICE_ID": "price_1hidden",
    "OTP_DELIVERY": "twilio",
    "OTP_ALLOWED_COUNTRIES": "US,CA",
    "TWILIO_ACCOUNT_SID": "AC0123",
    "TWILIO_AUTH_TOKEN": "hidden-token",
    "TWILIO_FROM": "+14155550100",
}

_STORES = {name: _SAFE[name] for name in ("DATABASE_URL", "REDIS_URL")}


def _load(environment: dict[str, str], tmp_path: object) -> subprocess.CompletedProcess[str]:
    program = "from app.config import get_settings; get_settings(); print('usable')"
    return _run([sys.executable, "-c", program], environment, tmp_path)


def _run(
    command: list[str], environment: dict[str, str], tmp_path: object
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        # The list as a terminal shows it; without one each problem is a line of JSON: test_logs.py.
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LOG_FORMAT": "console", **environment},
        cwd=str(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_complete_production_settings_are_accepted(tmp_path: object) -> None:
    assert _load(_SAFE, tmp_path).stdout == "usable\n"


def test_production_requires_allowed_countries_or_all(tmp_path: object) -> None:
    """Red if an empty list means every country."""
    refused = _load({**_SAFE, "OTP_ALLOWED_COUNTRIES": " , "}, tmp_path)
    assert refused.returncode == START_FAILURE
    assert "OTP_ALLOWED_COUNTRIES is missing" in refused.stderr
    assert _load({**_SAFE, "OTP_ALLOWED_COUNTRIES": "*"}, tmp_path).stdout == "usable\n"
    development = {**_SAFE, "ENVIRONMENT": "development", "OTP_ALLOWED_COUNTRIES": ""}
    assert _load(development, tmp_path).stdout == "usable\n"


def test_production_names_every_problem_at_once_and_no_value(tmp_path: object) -> None:
    unsafe = {
        "ENVIRONMENT": "production",
        "DATABASE_URL": "postgresql://app:pw-visible@db/app",
        "REDIS_URL": "redis://redis/0",
        "JWT_SECRET_KEY": "short-visible",
        "GEMINI_BASE_URL": "http://sandbox-visible:8100",
        "OTP_DELIVERY": "response",
        "ALLOWED_ORIGINS": "*",
    }
    done = _load(unsafe, tmp_path)
    assert done.returncode == START_FAILURE
    for name in (
        "JWT_SECRET_KEY",
        "GEMINI_API_KEY",
        "GEMINI_BASE_URL",
        "OTP_DELIVERY",
        "OTP_ALLOWED_COUNTRIES",
        "ALLOWED_ORIGINS",
    ):
        assert name in done.stderr
    assert "visible" not in done.stderr
    assert "Traceback" not in done.stderr


def test_production_lists_missing_malformed_and_unsafe_settings_together(tmp_path: object) -> None:
    """Red if the checks for production run only when every field is well-formed."""
    unsafe = {
        "ENVIRONMENT": "production",
        "REDIS_URL": "visible-host:6379",
        "JWT_SECRET_KEY": "short-visible",
        "GEMINI_BASE_URL": "https://127.0.0.1:8100",
        "BASIC_MESSAGES_PER_DAY": "five-visible",
        "TRUSTED_PROXIES": "10.0.0.0/8, visible",
        "METRICS_TOKEN": "change-me-visible",
        "TWILIO_API_BASE": "https://sandbox-visible",
        "OTP_DELIVERY": "twilio",
    }
    done = _load(unsafe, tmp_path)
    named = {line.split()[1] for line in done.stderr.splitlines() if line.startswith("  - ")}
    assert named == (unsafe.keys() - {"ENVIRONMENT", "OTP_DELIVERY"}) | {
        "DATABASE_URL",
        "GEMINI_API_KEY",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "STRIPE_PRO_PRICE_ID",
        "OTP_ALLOWED_COUNTRIES",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_FROM",
    }
    assert done.returncode == START_FAILURE
    assert "visible" not in done.stderr


def test_an_unknown_environment_is_checked_as_production(tmp_path: object) -> None:
    done = _load({**_SAFE, "ENVIRONMENT": "prod", "JWT_SECRET_KEY": "short"}, tmp_path)
    assert "ENVIRONMENT" in done.stderr
    assert "JWT_SECRET_KEY" in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET_KEY", "your-super-secret-jwt-key-of-32-bytes-or-more"),
        ("JWT_SECRET_KEY", "f3b1c8a95d7e4f60b2c4d6e8fa0b1c2"),
        ("GEMINI_API_KEY", "your_gemini_api_key"),
        ("GEMINI_API_KEY", "sandbox"),
        ("GEMINI_BASE_URL", "http://generativelanguage.googleapis.com"),
        ("GEMINI_BASE_URL", "https://10.1.2.3"),
        ("GEMINI_BASE_URL", "https://[::1]:8100"),
        ("GEMINI_BASE_URL", "https://sandbox:8100"),
        ("TWILIO_API_BASE", "https://localhost"),
        ("TWILIO_AUTH_TOKEN", "your-auth-token"),
        ("METRICS_TOKEN", "your-metrics-token"),
        ("OTP_DELIVERY", "console"),
        ("OTP_DELIVERY", "response"),
        ("ALLOWED_ORIGINS", "https://app.example.com, *"),
        ("ALLOWED_ORIGINS", "https://app.example.com/"),
        ("ALLOWED_ORIGINS", "app.example.org"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "::/0"),
    ],
)
def test_production_rejects_settings_for_development(tmp_path: object, name: str, value: str) -> None:
    done = _load({**_SAFE, name: value}, tmp_path)
    assert [line.split()[1] for line in done.stderr.splitlines()[1:]] == [name], done.stderr
    assert value not in done.stderr
    assert done.returncode == START_FAILURE


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "app.main:app", "--port", "0"],
        ["celery", "-A", "app.celery_app", "worker", "-Q", "ai_processing", "--pool=solo"],
        ["celery", "-A", "app.celery_app", "flower"],
    ],
    ids=["API", "worker", "Flower"],
)
def test_every_process_refuses_to_start_in_unsafe_production(tmp_path: object, command: list[str]) -> None:
    unsafe = {**_SAFE, "JWT_SECRET_KEY": "short-visible", "GEMINI_BASE_URL": "http://sandbox-visible:8100"}
    done = _run([sys.executable, "-m", *command], unsafe, tmp_path)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "JWT_SECRET_KEY is shorter than 32 bytes" in said
    assert "GEMINI_BASE_URL is a sandbox" in said
    assert "visible" not in said
    assert "Traceback" not in said


def test_missing_and_malformed_settings_are_listed_together(tmp_path: object) -> None:
    done = _load({"REPLY_LEASE_SECONDS": "soon", "LOG_LEVEL": "loud"}, tmp_path)
    for name in ("DATABASE_URL is missing", "REDIS_URL is missing", "REPLY_LEASE_SECONDS", "LOG_LEVEL"):
        assert name in done.stderr
    assert "soon" not in done.stderr
    assert "loud" not in done.stderr


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "JWT_SECRET_KEY", "GEMINI_API_KEY"])
def test_an_empty_variable_counts_as_not_set(tmp_path: object, name: str) -> None:
    assert f"{name} is missing" in _load({**_SAFE, name: ""}, tmp_path).stderr


def test_twilio_needs_its_account(tmp_path: object) -> None:
    done = _load({**_SAFE, "ENVIRONMENT": "development", "TWILIO_FROM": ""}, tmp_path)
    assert "TWILIO_FROM" in done.stderr


_WEBHOOK = {
    **{name: value for name, value in _SAFE.items() if not name.startswith("TWILIO")},
    "OTP_DELIVERY": "webhook",
    "SMS_WEBHOOK_URL": "https://sms.example.com/otp?hidden=1",
    "SMS_WEBHOOK_SECRET": f"{some_secret()},{some_secret()}",
}


def test_production_accepts_a_webhook_with_its_secret(tmp_path: object) -> None:
    assert _load(_WEBHOOK, tmp_path).stdout == "usable\n"


@pytest.mark.parametrize(
    ("environment", "name", "value"),
    [
        ("development", "SMS_WEBHOOK_URL", ""),
        ("production", "SMS_WEBHOOK_URL", ""),
        ("production", "SMS_WEBHOOK_URL", "http://sms.visible.com/otp"),
        ("production", "SMS_WEBHOOK_URL", "https://127.0.0.1:8443/visible"),
        ("production", "SMS_WEBHOOK_URL", "https://visible:8443/otp?a=b"),
        ("production", "SMS_WEBHOOK_SECRET", ""),
        ("production", "SMS_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("development", "SMS_WEBHOOK_SECRET", "whsec_visible"),
    ],
)
def test_a_webhook_that_is_incomplete_or_unsafe_is_named(
    tmp_path: object, environment: str, name: str, value: str
) -> None:
    """Red without the checks: production would send codes unsigned or in the clear."""
    done = _load({**_WEBHOOK, "ENVIRONMENT": environment, name: value}, tmp_path)
    assert [line.split()[1] for line in done.stderr.splitlines()[1:]] == [name], done.stderr
    assert "visible" not in done.stderr
    assert done.returncode == START_FAILURE


def test_a_webhook_outside_production_needs_neither_secret_nor_tls(tmp_path: object) -> None:
    local = {"SMS_WEBHOOK_URL": "http://127.0.0.1:8080/otp", "SMS_WEBHOOK_SECRET": ""}
    assert _load({**_WEBHOOK, **local, "ENVIRONMENT": "development"}, tmp_path).stdout == "usable\n"


def test_a_webhook_that_nothing_is_sent_to_is_not_required_to_be_safe(tmp_path: object) -> None:
    unused = {"SMS_WEBHOOK_URL": "http://127.0.0.1:8080/otp"}
    assert _load({**_SAFE, **unused}, tmp_path).stdout == "usable\n"


def test_production_accepts_test_numbers(tmp_path: object) -> None:
    day = datetime.now(UTC).date() + timedelta(days=200)
    numbers = {"OTP_TEST_NUMBERS": f"+15005550006=314159:{day}"}
    assert _load({**_SAFE, **numbers}, tmp_path).stdout == "usable\n"


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize(
    "sender",
    [
        "+1 415 555 0100",
        "+0155550100",
        "14155550199",
        "00141555501",
        "12",
        "MG0123456789abcdef",
        f"MG{'0123456789abcdeg' * 2}",
        "whatsapp:+14155550100",
        "A name of twelve",
        "Café",
        "+1415555\n0100",
    ],
)
def test_a_sender_of_no_form_of_twilio_is_rejected(tmp_path: object, environment: str, sender: str) -> None:
    """Red if any text is accepted as a sender: Twilio would reject each code, visible only in the log."""
    done = _load({**_SAFE, "ENVIRONMENT": environment, "TWILIO_FROM": sender}, tmp_path)
    assert [line.split()[1] for line in done.stderr.splitlines()[1:]] == ["TWILIO_FROM"], done.stderr
    assert sender not in done.stderr
    without = _load(
        {**_SAFE, "ENVIRONMENT": "test", "TWILIO_FROM": sender, "OTP_DELIVERY": "console"}, tmp_path
    )
    assert without.stdout == "usable\n"  # nobody sends by it


@pytest.mark.parametrize(
    "sender", [f"MG{'0123456789abcdef' * 2}", "+14155550100", "123", "12345678", "Chat", "A-1 & Co_+", "4U"]
)
def test_each_form_of_sender_is_accepted(tmp_path: object, sender: str) -> None:
    assert _load({**_SAFE, "TWILIO_FROM": sender}, tmp_path).stdout == "usable\n"


@pytest.mark.parametrize("sid", ["SK0123456789abcdef0123456789abcdef", "AC01/../23", "0123"])
def test_production_needs_an_account_of_twilio(tmp_path: object, sid: str) -> None:
    done = _load({**_SAFE, "TWILIO_ACCOUNT_SID": sid}, tmp_path)
    assert [line.split()[1] for line in done.stderr.splitlines()[1:]] == ["TWILIO_ACCOUNT_SID"]


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_SECRET_KEY", "sk_live_51vis\nible"),
        ("STRIPE_SECRET_KEY", "sk_live_51vis\u0131ble"),
        ("STRIPE_PRO_PRICE_ID", "price_1vis\rible"),
        ("STRIPE_PRO_PRICE_ID", "price_1 vis"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_1,whsec_vis\tible"),
        ("GEMINI_API_KEY", "AIzaSy\nvis"),
    ],
)
def test_a_key_that_cannot_be_sent_is_named_everywhere(
    tmp_path: object, environment: str, name: str, value: str
) -> None:
    """Red without the check: no request could be sent, which resembles an outage."""
    done = _load({**_SAFE, "ENVIRONMENT": environment, name: value}, tmp_path)
    assert [line.split()[1] for line in done.stderr.splitlines()[1:]] == [name], done.stderr
    assert "vis" not in done.stderr


@pytest.mark.parametrize("environment", ["development", "test", "production"])
def test_a_short_secret_is_rejected_in_production_only(tmp_path: object, environment: str) -> None:
    """Elsewhere it is one warning: tests/operations/test_start.py."""
    settings = {**_SAFE, "ENVIRONMENT": environment, "JWT_SECRET_KEY": "31-bytes-visible-aaaaaaaaaaaaaa"}
    done = _load(settings, tmp_path)
    assert done.returncode == (START_FAILURE if environment == "production" else 0)
    assert ("JWT_SECRET_KEY is shorter than 32 bytes" in done.stderr) == (environment == "production")
    assert "visible" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_SECRET_KEY", ""),
        ("STRIPE_SECRET_KEY", "pk_live_visible"),
        ("STRIPE_SECRET_KEY", "sk_test_sandbox"),
        ("STRIPE_WEBHOOK_SECRET", ""),
        ("STRIPE_WEBHOOK_SECRET", "whsec_sandbox"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_1,visible"),
        ("STRIPE_PRO_PRICE_ID", ""),
        ("STRIPE_PRO_PRICE_ID", "price_sandbox_pro"),
        ("STRIPE_API_BASE", "http://visible:8100"),
    ],
)
def test_production_rejects_settings_of_a_stripe_sandbox(tmp_path: object, name: str, value: str) -> None:
    done = _load({**_SAFE, name: value}, tmp_path)
    assert done.returncode == START_FAILURE
    assert name in done.stderr
    assert "visible" not in done.stderr


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_that_cannot_be_read_are_named_at_start(tmp_path: object, name: str) -> None:
    """Red without the check: the worker cannot start, for want of a file that it does not name."""
    done = _load({**_SAFE, name: "/visible/nowhere"}, tmp_path)
    assert done.returncode == START_FAILURE
    assert name in done.stderr
    assert "visible" not in done.stderr


_MAX_WORKER_LOSSES = (
    "from app.config import get_settings; from app.config.renamed import former_names;"
    " print(get_settings().reply_max_worker_losses, former_names())"
)


@pytest.mark.parametrize(
    ("environment", "dotenv", "printed"),
    [
        ({}, "", "20 []"),
        ({"REPLY_MAX_WORKER_LOSSES": "7"}, "", "7 []"),
        ({"REPLY_MAX_LOSSES": "5"}, "", "5 ['REPLY_MAX_LOSSES']"),
        ({}, "reply_max_losses=5", "5 ['REPLY_MAX_LOSSES']"),
        ({"REPLY_MAX_LOSSES": "5", "REPLY_MAX_WORKER_LOSSES": "7"}, "", "7 ['REPLY_MAX_LOSSES']"),
        ({"REPLY_MAX_LOSSES": "5"}, "REPLY_MAX_WORKER_LOSSES=7", "7 ['REPLY_MAX_LOSSES']"),
        ({"REPLY_MAX_LOSSES": "5", "REPLY_MAX_WORKER_LOSSES": ""}, "", "5 ['REPLY_MAX_LOSSES']"),
        ({"REPLY_MAX_LOSSES": " "}, "", "20 []"),
    ],
)
def test_a_former_name_counts_only_where_the_present_name_is_not_set(
    tmp_path: Path, environment: dict[str, str], dotenv: str, printed: str
) -> None:
    """Red with a pydantic alias: a former name in the environment wins over the present one in `.env`."""
    (tmp_path / ".env").write_text(dotenv)
    done = _run([sys.executable, "-c", _MAX_WORKER_LOSSES], {**_SAFE, **environment}, tmp_path)
    assert done.stdout == f"{printed}\n", done.stderr


def test_a_malformed_value_under_a_former_name_is_refused(tmp_path: object) -> None:
    done = _load({**_SAFE, "REPLY_MAX_LOSSES": "five-visible"}, tmp_path)
    assert done.returncode == START_FAILURE
    assert "REPLY_MAX_WORKER_LOSSES" in done.stderr
    assert "visible" not in done.stderr


def test_api_and_worker_name_a_former_setting_at_start(own_stack: Stack) -> None:
    own_stack.start_api(REPLY_MAX_LOSSES="5")
    own_stack.start_worker(REPLY_MAX_LOSSES="5")
    for process in own_stack.processes[-2:]:
        [line] = [line for line in process.log.splitlines() if '"setting_renamed"' in line]
        assert '"level": "warning"' in line
        assert '"old_name": "REPLY_MAX_LOSSES", "new_name": "REPLY_MAX_WORKER_LOSSES"' in line


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "app.main:app", "--port", "0"],
        ["celery", "-A", "app.celery_app", "worker", "-Q", "ai_processing"],
        ["celery", "-A", "app.celery_app", "flower"],
        ["celery", "-A", "app.celery_app", "inspect", "ping"],
    ],
    ids=["API", "worker", "Flower", "inspect"],
)
def test_every_process_lists_the_same_and_ends(tmp_path: Path, command: list[str]) -> None:
    """Red when an address is first read by a library: its traceback prints a part of the password."""
    wrong = {"REDIS_URL": "redis://:12visible#56@redis/0", "OTP_PER_HOUR": "visible", "PUBLIC_URL": "visible"}
    process = Process("refusing", *command, env={**_STORES, **wrong}, log=tmp_path / "log")
    assert eventually(lambda: process.popen.poll() is not None, what="the end of the process")
    assert process.popen.returncode != 0
    problems = [json.loads(line)["problem"] for line in process.log.splitlines()]
    assert sorted(problem.split()[0] for problem in problems) == sorted(wrong)
    assert "visible" not in process.log
    assert "Traceback" not in process.log
    assert sys.executable not in process.log
