"""A code is accepted in every notation; text that is no code costs no try."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.codes import api_processes, ask, open_accounts, other, some_address, verify
from tests.support.others import others_waiting
from tests.support.stack import Stack
from tests.support.user import Json, client, ok, problem, some_number

_ZEROS = {
    "ASCII": "0",
    "Arabic": "\u0660",
    "Persian": "\u06f0",
    "Devanagari": "\u0966",
    "Bengali": "\u09e6",
    "Thai": "\u0e50",
    "full-width": "\uff10",
    "mathematical": "\U0001d7ce",
    "segmented": "\U0001fbf0",
}
_TYPED = {
    "a space": "{}{}{} {}{}{}",
    "spaces around": "  {}{}{}{}{}{}\n",
    "no-break and thin spaces": "{}\u00a0{}\u2009{}\u202f{}\u3000{}\u200a{}",
    "a hyphen": "{}{}{}-{}{}{}",
    "hyphens and dashes": "{}\u2010{}\u2011{}\u2013{}\u2014{}\u2212{}",
    "a Japanese hyphen": "{}{}{}\u30fc{}{}{}",
    "soft hyphens": "{}\u00ad{}{}\u00ad{}{}{}\u00ad",
    "zero width signs": "\ufeff{}\u200b{}\u200c{}\u200d{}\u2060{}{}\u200b",
    "marks of direction": "\u200e{}{}\u200f{}\u2066{}\u2069{}\u202d{}\u202c",
    "signs around each": "\u2067{}\u2069" * 6,
    "keycaps": "{}\ufe0f\u20e3" * 6,
}
_NO_CODES = {
    "empty": "",
    "spaces": "   ",
    "invisible": "\u200b\u200e",
    "five digits": "12345",
    "seven digits": "123 4567",
    "five Arabic digits": "\u0661\u0662\u0663\u0664\u0665",
    "letters": "abcdef",
    "a letter for a digit": "12345O",
    "a point": "123.456",
    "a plus": "+123456",
    "superscripts": "\u00b9\u00b2\u00b3\u2074\u2075\u2076",
    "circled digits": "\u2460\u2461\u2462\u2463\u2464\u2465",
    "a sentence": "Your code is 123456",
    "NUL": "123456\u0000",
    "an integer": 123456,
    "a fraction": 12345.6,
    "a boolean": True,
    "null": None,
    "a list": [1, 2, 3, 4, 5, 6],
    "many digits": "1" * 500_000,
    "many signs": "\u200b" * 300_000 + "123456",
    "many hyphens": "123" + "-" * 1000 + "456",
}


@pytest.fixture(scope="module")
def api(stack: Stack) -> Iterator[str]:
    """An API process that sends codes again at once."""
    with api_processes(stack, 1, OTP_RESEND_SECONDS="0", OTP_PER_HOUR="1000", OTP_PER_DAY="1000") as [url]:
        yield url


@pytest.fixture
def number(stack: Stack) -> str:
    """The number of a new user."""
    new = some_number()
    open_accounts(stack, [new])
    return new


@pytest.mark.parametrize("zero", _ZEROS.values(), ids=_ZEROS.keys())
def test_a_code_is_read_in_the_digits_of_any_script(api: str, number: str, zero: str) -> None:
    """Red when only ASCII is."""
    otp = ok(ask(api, number))["otp"]
    ok(verify(api, number, "".join(chr(ord(zero) + int(digit)) for digit in otp)))


@pytest.mark.parametrize("typed", _TYPED.values(), ids=_TYPED.keys())
def test_spaces_hyphens_and_invisible_signs_are_no_part_of_a_code(api: str, number: str, typed: str) -> None:
    """Red when the code is compared as it was typed."""
    ok(verify(api, number, typed.format(*ok(ask(api, number))["otp"])))


def test_a_wrong_code_in_other_digits_is_a_try(api: str, number: str) -> None:
    address = some_address()
    otp = ok(ask(api, number, address=address))["otp"]
    typed = "".join(chr(0x660 + int(digit)) for digit in other(otp))
    answer = verify(api, number, typed, address=address)
    assert problem(answer, 401, "otp_invalid")["attempts_left"] == 4


@pytest.mark.parametrize("purpose", ["login", "password_reset"])
def test_text_that_is_no_code_costs_no_try(api: str, number: str, purpose: str) -> None:
    """Red when it is compared: five of them would use up the tries."""
    path, address = "send-otp" if purpose == "login" else "forgot-password", some_address()
    otp = ok(ask(api, number, path=path, address=address))["otp"]
    with client(api, {"X-Forwarded-For": address}) as anyone:
        for typed in _NO_CODES.values():
            error = _refusal(anyone, {"mobile_number": number, "otp": typed, "purpose": purpose})
            assert error["pointer"] == "/otp"
        wrong = {"mobile_number": number, "otp": other(otp), "purpose": purpose}
        answer = anyone.post("/auth/verify-otp", json=wrong)
        assert problem(answer, 401, "otp_invalid")["attempts_left"] == 4
        ok(anyone.post("/auth/verify-otp", json={**wrong, "otp": otp}))


@pytest.mark.parametrize("typed", _NO_CODES.values(), ids=_NO_CODES.keys())
def test_text_that_is_no_code_is_refused_with_its_reason(api: str, typed: object) -> None:
    with client(api) as anyone:
        error = _refusal(anyone, {"mobile_number": "+14155550123", "otp": typed})
    if isinstance(typed, str) or type(typed) in (int, float):
        assert error["code"] == "otp_malformed"
        assert "6 digits" in error["message"]


def test_a_code_is_not_taken_as_an_integer(api: str) -> None:
    """One in ten begins with zeros, which a number loses; a client that sends one finds out at once."""
    with client(api) as anyone:
        error = _refusal(anyone, {"mobile_number": "+14155550123", "otp": 123456})
    assert "string" in error["message"]


def test_a_long_code_costs_no_more_than_its_size(stack: Stack) -> None:
    """Red when all of it is folded sign by sign, and others wait meanwhile."""
    body = {"mobile_number": "+14155550123", "otp": "\u0661 " * 250_000}

    def send(_number: int) -> httpx.Response:
        with client(stack.base_url) as anyone:
            return anyone.post("/auth/verify-otp", json=body)

    with others_waiting(stack) as others, ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(send, range(6)))
    for answer in answers:
        assert len(problem(answer, 400, "validation_failed")["errors"]) == 1
    others.assert_served_within(1.0)


def _refusal(anyone: httpx.Client, body: Json) -> Json:
    answer = anyone.post("/auth/verify-otp", json=body)
    error: Json
    [error] = problem(answer, 400, "validation_failed")["errors"]
    return error
