"""Codes go to the countries that the operator allows, and to no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import SettingsInvalidError, load_settings
from tests.support.codes import api_processes, ask, logged_reason, verify
from tests.support.stack import Stack
from tests.support.user import ok, problem

_ALLOWED = {"US": "+14155552671", "DE": "+4915123456789", "DE, a landline": "+4930123456"}
_OTHERS = {
    "Canada, also +1": "+14165550123",
    "France": "+33612345678",
    "Guernsey, also +44": "+447781123456",
    "a satellite": "+881612345678",
    "a paid service of the United States": "+19005550123",
    "a personal number of the United States": "+15002345678",
    "a service without a country": "+979123456789",
}


@pytest.fixture(scope="module")
def api(stack: Stack) -> Iterator[str]:
    """An API process for two countries, which reads national writing as German."""
    settings = {"OTP_ALLOWED_COUNTRIES": " us, De ,", "DEFAULT_REGION": "de", "OTP_RESEND_SECONDS": "0"}
    with api_processes(stack, 1, **settings) as [url]:
        yield url


@pytest.mark.parametrize("path", ["send-otp", "forgot-password", "signup"])
@pytest.mark.parametrize("number", _OTHERS.values(), ids=_OTHERS.keys())
def test_a_number_of_another_country_gets_nothing(stack: Stack, api: str, path: str, number: str) -> None:
    """Red when the list is not checked, and when only the country code of a number is."""
    answer = ask(api, number, path=path)
    problem(answer, 403, "country_not_allowed")
    assert logged_reason(stack, answer) == "country"
    assert not stack.redis.exists(f"otp:{number}")
    assert stack.database.rows("SELECT id FROM users WHERE mobile_number = %s", number) == []


@pytest.mark.parametrize("number", _ALLOWED.values(), ids=_ALLOWED.keys())
def test_a_number_of_an_allowed_country_gets_a_code(api: str, number: str) -> None:
    ok(ask(api, number, path="signup"))
    otp = ok(ask(api, number))["otp"]
    ok(verify(api, number, otp))
    assert ok(ask(api, number, path="forgot-password"))["otp"]


def test_a_number_without_a_country_is_one_of_the_default_region(stack: Stack, api: str) -> None:
    ok(ask(api, "01512 3456780"))
    assert stack.redis.exists("otp:+4915123456780")


def test_a_number_of_another_country_may_still_try_a_code(api: str) -> None:
    assert "attempts_left" not in problem(verify(api, _OTHERS["France"], "123456"), 401, "otp_invalid")


def test_a_star_allows_every_number(stack: Stack) -> None:
    with api_processes(stack, 1, OTP_ALLOWED_COUNTRIES="*") as [url]:
        for number in _OTHERS.values():
            assert ok(ask(url, number))["otp"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OTP_ALLOWED_COUNTRIES", "US,Germany"),
        ("OTP_ALLOWED_COUNTRIES", "+1"),
        ("OTP_ALLOWED_COUNTRIES", "US DE"),
        ("OTP_ALLOWED_COUNTRIES", "US,001"),
        ("OTP_ALLOWED_COUNTRIES", "US,*"),
        ("DEFAULT_REGION", "QQ"),
        ("DEFAULT_REGION", "Texas"),
    ],
)
def test_what_is_no_country_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)  # where no developer's .env is
    for variable, value in {
        "DATABASE_URL": "postgresql://db/app",
        "REDIS_URL": "redis://r/0",
        name: words,
    }.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalidError) as refusal:
        load_settings()
    assert f"{name} must be" in str(refusal.value)
    assert words not in str(refusal.value)
