"""Reasons for refusing a mobile number, each with a stable code and a sentence."""

import re
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, ValidationResult

from app.errors import ValidationFailed

MALFORMED: Final = ("number_malformed", "This is not a phone number.")
HAS_LETTERS: Final = ("number_has_letters", "Write the number in digits only, without letters or words.")
HAS_EXTENSION: Final = (
    "number_has_extension",
    "A number with an extension gets no text messages. Give a number without one.",
)
WITHOUT_COUNTRY: Final = (
    "country_code_missing",
    "Write the number with a + and its country code, such as +44 7400 123456.",
)
_UNKNOWN_COUNTRY: Final = ("country_code_unknown", "No country has the country code of this number.")
_TOO_SHORT: Final = ("number_too_short", "This number is too short for its country.")
_TOO_LONG: Final = ("number_too_long", "This number is too long for its country.")
_UNASSIGNED: Final = ("number_unassigned", "No number of this country begins like this one.")

_PARSING: Final = {
    NumberParseException.INVALID_COUNTRY_CODE: _UNKNOWN_COUNTRY,
    NumberParseException.TOO_SHORT_AFTER_IDD: _TOO_SHORT,
    NumberParseException.TOO_SHORT_NSN: _TOO_SHORT,
    NumberParseException.TOO_LONG: _TOO_LONG,
}
_LENGTHS: Final = {
    ValidationResult.INVALID_COUNTRY_CODE: _UNKNOWN_COUNTRY,
    ValidationResult.TOO_SHORT: _TOO_SHORT,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: _TOO_SHORT,
    ValidationResult.INVALID_LENGTH: _TOO_SHORT,
    ValidationResult.TOO_LONG: _TOO_LONG,
}
# Old forms that no rule converts with certainty, or that may be typing errors.
_OUTDATED: Final = (
    (r"\+55[1-9]\d[6-9]\d{7}", "Mobile numbers in Brazil have a 9 between area code and old number now."),
    (r"\+225[02-9]\d{7}", "Numbers in Ivory Coast have ten digits since 2021."),
    (r"\+56[5-9]\d{7}", "Mobile numbers in Chile begin with a 9 and have nine digits now."),
    (r"\+571?[2-8]\d{6}", "Landlines in Colombia have ten digits since 2021, beginning with 60."),
    (r"\+237[2-9]\d{7}", "Numbers in Cameroon have nine digits since 2014, mobiles with a 6 in front."),
    (r"\+2307\d{6}|\+2309\d{6}", "Mobile numbers in Mauritius have a 5 in front since 2013."),
    (r"\+841[268]\d{8}", "Mobile numbers in Vietnam that began with 1 got another prefix in 2018."),
    (r"\+201\d{8}", "Mobile numbers in Egypt have ten digits after the country code since 2011."),
)


def refused(reason: tuple[str, str]) -> ValidationFailed:
    """Return the error for a number with this code and sentence."""
    code, sentence = reason
    return ValidationFailed(
        members={"errors": [{"pointer": "/mobile_number", "code": code, "message": sentence}]}
    )


def unreadable(error: NumberParseException) -> tuple[str, str]:
    """Return code and sentence for a number that cannot be parsed."""
    return _PARSING.get(error.error_type, MALFORMED)


def invalid(number: str) -> tuple[str, str]:
    """Return code and sentence for a number in E.164 that is not valid."""
    for old_form, sentence in _OUTDATED:
        if re.fullmatch(old_form, number):
            return "number_outdated", sentence
    length = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(number))
    return _LENGTHS.get(length, _UNASSIGNED)
