"""A number is valid, and one number however it is written: nobody gets two accounts for one subscriber."""

from collections.abc import Iterator

import phonenumbers
import pytest

from app.errors import ValidationFailed
from app.services.mobile_number import MobileNumbers, parse_mobile_number
from app.services.number_forms import canonical_form, stored_forms
from tests.support.codes import api_processes, ask, open_accounts, verify
from tests.support.person import client, ok, problem
from tests.support.sessions import PASSWORD
from tests.support.stack import Stack

_WRITINGS = {
    "Argentina's 9": (
        "+5491123456789",
        ["+54 9 11 2345-6789", "+54 11 2345 6789", "+54 011 15-2345-6789"],
    ),
    "Mexico's 1": ("+525512345678", ["+52 55 1234 5678", "+52 1 55 1234 5678"]),
    "Italy's zero": ("+390669812345", ["+39 06 6981 2345", "+39 6 6981 2345"]),
    "Italy's mobiles": ("+393471234567", ["+39 347 123 4567"]),
    "San Marino through Italy": (
        "+3780549886377",
        ["+39 0549 886377", "+378 0549 886377", "+378 886377", "+39 549 886377"],
    ),
    "Benin's 01": ("+2290197979797", ["+229 01 97 97 97 97", "+229 97 97 97 97"]),
    "Britain's zero": ("+447400123456", ["+44 (0) 7400 123456", "+44 7400 123456"]),
    "an extension": ("+14155550123", ["+1 (415) 555-0123", "+1.415.555.0123 ext. 7", "1 415 555 0123"]),
}
_NOT_VALID = {
    "no area": "+1 5550100",
    "an area that is none": "+1 555 010 0000",
    "another area that is none": "+12005550123",
    "a zero too many": "+39 0347 123 4567",
    "Brazil's eight digits": "+55 11 8765 4321",
    "a country that is none": "+999 123456789",
    "too short": "+54 9",
    "a drama's number": "+44 7700 900123",
}


@pytest.mark.parametrize(("number", "writings"), _WRITINGS.values(), ids=_WRITINGS.keys())
def test_every_writing_is_one_number(number: str, writings: list[str]) -> None:
    """Red when a number stays as libphonenumber formats it."""
    for written in writings:
        assert parse_mobile_number(written, default_region="US") == number


@pytest.mark.parametrize("written", _NOT_VALID.values(), ids=_NOT_VALID.keys())
def test_what_is_only_possible_is_refused(written: str) -> None:
    """Red when a number of the right length is enough."""
    with pytest.raises(ValidationFailed):
        parse_mobile_number(written, default_region=None)


def _some_valid_numbers() -> Iterator[str]:
    for region in phonenumbers.SUPPORTED_REGIONS:
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is not None:
                yield phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)


def test_the_one_form_is_valid_and_final_in_every_country() -> None:
    for number in _some_valid_numbers():
        form = canonical_form(number)
        assert form is not None
        assert phonenumbers.is_valid_number(phonenumbers.parse(form))
        assert canonical_form(form) == form
        assert {canonical_form(old) for old in stored_forms(form)} == {form}
        assert number in stored_forms(form)


def test_an_account_is_looked_for_first_as_its_number_is_written() -> None:
    numbers = MobileNumbers(default_region=None, allowed_countries=frozenset())
    assert numbers.stored_forms("+54 11 2345 6789") == ("+541123456789", "+5491123456789")
    assert numbers.stored_forms("+54 9 11 2345 6789") == ("+5491123456789", "+541123456789")
    assert numbers.stored_forms("+1 415 555 0123") == ("+14155550123",)


@pytest.fixture(scope="module")
def api(stack: Stack) -> Iterator[str]:
    """An API process that sends codes again at once."""
    with api_processes(stack, 1, OTP_RESEND_SECONDS="0") as [url]:
        yield url


def test_two_writings_of_a_number_are_one_account_and_one_code(stack: Stack, api: str) -> None:
    """They had two accounts: twice the quota, and twice the codes."""
    first = ok(ask(api, "+54 9 351 234-5678", path="signup"))["user"]
    second = ok(ask(api, "+54 351 234-5678", path="signup"))["user"]
    assert first["id"] == second["id"]
    assert first["mobile_number"] == second["mobile_number"] == "+5493512345678"
    otp = ok(ask(api, "+54 351 234-5678"))["otp"]
    assert stack.redis.exists("otp:+5493512345678")
    assert ok(verify(api, "+54 9 351 234-5678", otp))["user"]["id"] == first["id"]
    problem(ask(api, "+54 351 234-5678", path="signup"), 409, "mobile_number_taken")


@pytest.mark.parametrize("written", ["+54 9 351 234-0001", "+54 351 234-0001"])
def test_an_account_that_is_stored_in_another_form_signs_in(stack: Stack, api: str, written: str) -> None:
    """Accounts of earlier releases are. Red when only the one form is looked for."""
    stored = "+543512340001"
    if not stack.database.rows("SELECT id FROM users WHERE mobile_number = %s", stored):
        open_accounts(stack, [stored])
    own = str(stack.database.value("SELECT id FROM users WHERE mobile_number = %s", stored))
    tokens = ok(verify(api, written, ok(ask(api, written))["otp"]))
    assert tokens["user"]["id"] == own
    problem(ask(api, written, path="signup"), 409, "mobile_number_taken")
    with client(api, {"Authorization": f"Bearer {tokens['access_token']}"}) as signed_in:
        change = {"new_password": PASSWORD, "old_password": PASSWORD}
        ok(signed_in.post("/auth/change-password", json=change))
        login = {"mobile_number": written, "password": PASSWORD}
        assert ok(signed_in.post("/auth/login", json=login))["user"]["id"] == own


def test_two_old_accounts_of_one_subscriber_are_each_found_by_their_own_form(stack: Stack, api: str) -> None:
    """Nothing is lost that somebody has. Red when one form wins whatever is written."""
    forms = ["+543512340002", "+5493512340002"]
    open_accounts(stack, forms)
    for form in forms:
        tokens = ok(verify(api, form, ok(ask(api, form))["otp"]))
        assert tokens["user"]["mobile_number"] == form
