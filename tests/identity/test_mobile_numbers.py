"""Numbers are valid, and each has one form for every notation: no subscriber gets two accounts."""

import json
from collections.abc import Iterator

import phonenumbers
import pytest

from app.errors import ValidationFailed
from app.kit.number_forms import canonical_form, stored_forms
from app.services.identity.mobile_number import MobileNumbers
from tests.support.codes import api_processes, ask, open_accounts, verify
from tests.support.sessions import PASSWORD
from tests.support.stack import Stack
from tests.support.user import client, ok, problem

_WRITINGS = {
    "Argentina's 9 and 15": (
        "+5491123456789",
        [
            "+54 9 11 2345-6789",
            "+54 11 2345 6789",
            "+54 011 15-2345-6789",
            "+54 9 11 15 2345-6789",
            "+54 9 011 2345-6789",
        ],
    ),
    "Mexico's 1": ("+525512345678", ["+52 55 1234 5678", "+52 1 55 1234 5678", "+5215512345678"]),
    "Mexico's prefixes": (
        "+525512345678",
        ["+52 044 55 1234 5678", "+52 045 55 1234 5678", "+52 01 55 1234 5678"],
    ),
    "Italy's zero": ("+390669812345", ["+39 06 6981 2345", "+39 6 6981 2345"]),
    "Italy's mobiles": ("+393471234567", ["+39 347 123 4567"]),
    "San Marino through Italy": (
        "+3780549886377",
        ["+39 0549 886377", "+378 0549 886377", "+378 886377", "+39 549 886377"],
    ),
    "Benin's 01": ("+2290197979797", ["+229 01 97 97 97 97", "+229 97 97 97 97"]),
    "Gabon's zero": (
        "+24177123456",
        ["+241 077 12 34 56", "+241 77 12 34 56", "+241 07 12 34 56", "+241 7 12 34 56"],
    ),
    "Palestine through Israel": (
        "+970599123456",
        ["+970 59 912 3456", "+972 59-912-3456", "+972 059 9123456"],
    ),
    "Northern Ireland through Ireland": ("+442890123456", ["+44 28 9012 3456", "+353 48 9012 3456"]),
    "Britain's zero": (
        "+447400123456",
        ["+44 (0) 7400 123456", "+44 7400 123456", "+44 (0) (0) 7400 123456"],
    ),
    "prefixes for calls abroad": (
        "+447400123456",
        ["0044 7400 123456", "+0044 7400 123456", "011 44 7400 123456", "++44 7400 123456"],
    ),
    "separators": (
        "+14155550123",
        [
            "+1 (415) 555-0123",
            "1 415 555 0123",
            "+1.415.555.0123",
            "+1/415/555~0123",
            "+1\u2212415\u30fc555\u20110123",
        ],
    ),
    "invisible signs": (
        "+14155550123",
        [
            "\u202a+1 415 555 0123\u202c",
            "+1\u202d415\ufe0d555\u200e0123",
            "+1\u2066415\u2069\u00ad555\u200b0123\ufeff",
            "+1\u00a0415\u2009555\u202f0123",
        ],
    ),
    "any script's digits": (
        "+14155550123",
        [
            "+\u0661 \u0664\u0661\u0665 \u0665\u0665\u0665 \u0660\u0661\u0662\u0663",
            "+\u06f1 \u06f4\u06f1\u06f5 \u06f5\u06f5\u06f5 \u06f0\u06f1\u06f2\u06f3",
            "+\u0967 \u096a\u0967\u096b \u096b\u096b\u096b \u0966\u0967\u0968\u0969",
            "\uff0b\uff11 415 555 0123",
        ],
    ),
    "pictures": (
        "+14155550123",
        ["\N{MOBILE PHONE} +1 415 555 0123", "\N{HEAVY PLUS SIGN}1\ufe0f\u20e3 415 555 0123"],
    ),
    "URIs": (
        "+14155550123",
        [
            "tel:+1-415-555-0123",
            "TEL:415-555-0123;phone-context=+1",
            "sms:+14155550123?body=hi",
            "whatsapp:+14155550123",
        ],
    ),
}
_NOT_VALID = {
    "no area": ("+1 5550100", "number_too_short"),
    "an area that is none": ("+1 555 010 0000", "number_unassigned"),
    "another area that is none": ("+12005550123", "number_unassigned"),
    "a zero too many": ("+39 0347 123 4567", "number_unassigned"),
    "a country that is none": ("+999 123456789", "country_code_unknown"),
    "a plus sign before a zero": ("+07400 123456", "country_code_unknown"),
    "no country": ("07400 123456", "country_code_missing"),
    "too short": ("+54 9", "number_too_short"),
    "too long": ("+1 415 555 01234", "number_too_long"),
    "a drama's number": ("+44 7700 900123", "number_unassigned"),
    "Brazil's eight digits": ("+55 11 8765-4321", "number_outdated"),
    "Ivory Coast's eight digits": ("+225 07 12 34 56", "number_outdated"),
    "Chile's eight digits": ("+56 8765 4321", "number_outdated"),
    "Vietnam's eleven digits": ("+84 120 123 4567", "number_outdated"),
    "an extension": ("+1.415.555.0123 ext. 7", "number_has_extension"),
    "an extension behind x": ("+1 415 555 0123x5", "number_has_extension"),
    "an extension behind a pause": ("+1 415 555 0123,,5", "number_has_extension"),
    "an extension in Russian": ("+7 916 123-45-67 доб. 5", "number_has_extension"),
    "an extension in a URI": ("tel:+1-415-555-0123;ext=5", "number_has_extension"),
    "letters of a keypad": ("+1 415 555 CALL", "number_has_letters"),
    "a letter for a digit": ("+1 415 555 O123", "number_has_letters"),
    "words": ("call +1 415 555 0123", "number_has_letters"),
    "two numbers": ("+1 415 555 0123 / +1 415 555 0124", "number_malformed"),
    "a service code": ("*67 +1 415 555 0123", "number_malformed"),
    "a picture alone": ("\N{MOBILE PHONE}", "number_malformed"),
}


@pytest.mark.parametrize(("number", "writings"), _WRITINGS.values(), ids=_WRITINGS.keys())
def test_every_writing_is_one_number(number: str, writings: list[str]) -> None:
    """Red when a number stays as libphonenumber formats it."""
    for written in writings:
        assert MobileNumbers("US", frozenset()).read(written) == number


@pytest.mark.parametrize(("written", "code"), _NOT_VALID.values(), ids=_NOT_VALID.keys())
def test_an_invalid_number_is_refused_with_the_reason(written: str, code: str) -> None:
    """Red when a number of the right length is enough, or when an extension is dropped."""
    with pytest.raises(ValidationFailed) as refusal:
        MobileNumbers(None, frozenset()).read(written)
    error = json.loads(json.dumps(refusal.value.members))["errors"][0]
    assert (error["pointer"], error["code"]) == ("/mobile_number", code)
    assert error["message"].endswith(".")


@pytest.mark.parametrize(
    ("region", "number", "writings"),
    [
        ("GB", "+447400123456", ["07400 123456", "0044 7400 123456", "+44 7400 123456"]),
        ("US", "+447400123456", ["011 44 7400 123456", "0044 7400 123456"]),
        ("JP", "+447400123456", ["010 44 7400 123456", "0044 7400 123456"]),
        ("MX", "+525512345678", ["55 1234 5678", "044 55 1234 5678", "045 55 1234 5678", "01 55 1234 5678"]),
        ("AR", "+5491123456789", ["011 15-2345-6789", "11 2345-6789"]),
        ("RU", "+79161234567", ["8 (916) 123-45-67", "+7 (8) 916 123-45-67"]),
        ("BR", "+5511987654321", ["011 98765-4321", "0 15 11 98765-4321"]),
    ],
)
def test_a_number_is_read_in_its_countrys_notation(region: str, number: str, writings: list[str]) -> None:
    for written in writings:
        assert MobileNumbers(region, frozenset()).read(written) == number


def _some_valid_numbers() -> Iterator[str]:
    for region in phonenumbers.SUPPORTED_REGIONS:
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is not None:
                yield phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)


def test_the_canonical_form_is_valid_and_final_in_every_country() -> None:
    for number in _some_valid_numbers():
        form = canonical_form(number)
        assert form is not None
        assert phonenumbers.is_valid_number(phonenumbers.parse(form))
        assert canonical_form(form) == form
        assert {canonical_form(old) for old in stored_forms(form)} == {form}
        assert number in stored_forms(form)


def test_zeros_in_front_make_no_second_number_in_any_country() -> None:
    """Red when a number is parsed only once: the second of two zeros remained and made a second account."""
    for number in _some_valid_numbers():
        country = str(phonenumbers.parse(number).country_code)
        national = number.removeprefix(f"+{country}")
        for written in (f"00{country} {national}", f"+00{country} {national}", f"+{country} 00 {national}"):
            try:
                assert MobileNumbers(None, frozenset()).read(written) == canonical_form(number), written
            except ValidationFailed:
                assert written.startswith(f"+{country}")


def test_an_account_is_first_queried_by_the_form_of_its_notation() -> None:
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
    """Accounts of earlier releases are. Red when only the canonical form is queried."""
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
    """No account becomes unreachable. Red when one form wins for every notation."""
    forms = ["+543512340002", "+5493512340002"]
    open_accounts(stack, forms)
    for form in forms:
        tokens = ok(verify(api, form, ok(ask(api, form))["otp"]))
        assert tokens["user"]["mobile_number"] == form
