"""The service refuses to start on settings that are missing or unsafe, and says all of it at once."""

import os
import subprocess
import sys

import pytest

from tests.support.process import ROOT

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
    "TWILIO_ACCOUNT_SID": "AC0123",
    "TWILIO_AUTH_TOKEN": "hidden-token",
    "TWILIO_FROM": "+14155550100",
}


def _load(environment: dict[str, str], tmp_path: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from app.config import get_settings; get_settings(); print('usable')"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        cwd=str(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_complete_production_settings_are_taken(tmp_path: object) -> None:
    assert _load(_SAFE, tmp_path).stdout == "usable\n"


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
    assert done.returncode == 1
    for name in ("JWT_SECRET_KEY", "GEMINI_API_KEY", "GEMINI_BASE_URL", "OTP_DELIVERY", "ALLOWED_ORIGINS"):
        assert name in done.stderr
    assert "visible" not in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_missing_or_malformed_is_named_together(tmp_path: object) -> None:
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
def test_production_takes_no_money_through_a_sandbox(tmp_path: object, name: str, value: str) -> None:
    done = _load({**_SAFE, name: value}, tmp_path)
    assert done.returncode == 1
    assert name in done.stderr
    assert "visible" not in done.stderr
