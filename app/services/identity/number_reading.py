"""Parses typed phone numbers: digits of any script, separators, URIs, dialling prefixes."""

import re
import unicodedata
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException

from app.errors import ValidationFailed
from app.kit.number_forms import canonical_form, settled_form
from app.kit.typed_digits import ascii_digits, is_hyphen
from app.services.identity import number_refusals
from app.services.identity.number_refusals import refused

_URI: Final = re.compile(
    r"\s*(?:tel|sms|callto|whatsapp):(?://)?(?P<number>[^;?]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_CONTEXT: Final = re.compile(r";phone-context=(\+\d[\d.()-]*)", re.IGNORECASE)
_EXTENSION: Final = re.compile(r";ext=\d", re.IGNORECASE)
_PLUS_SIGNS: Final = str.maketrans(dict.fromkeys("\uff0b\ufe62\u207a\u208a\u2795", "+"))
_SEPARATORS: Final = frozenset("./\\~_\u00b7\u2022\u2219\u223c\u2053\uff0e\uff0f\uff5e\u3002")
_SEPARATING: Final = ("Ps", "Pe", "So", "Sk")  # brackets; pictures of a telephone, and their colour
_NUMBER: Final = re.compile(r"\+*(\d+)")
_SOME_REGION: Final = "US"

# Dialled within the country, to mobiles and between cities, until 2019.
_MEXICAN_PREFIX: Final = re.compile(r"\+520(?:44|45|1)(?=\d{10}\Z)")


def parsed_number(written: str, *, default_region: str | None) -> str:
    """Return the number in E.164, valid or not; `default_region` (ISO code) completes national notation.

    Raises:
        ValidationFailed: not a number, with an extension, or without a country.
    """
    typed = _digits(written)
    digits = typed.lstrip("+")
    abroad = "+" + digits.removeprefix("00")  # no country code begins with 0
    if typed.startswith("+"):
        return _e164(abroad, None)
    if default_region is None:
        if not digits.startswith("00"):
            raise refused(number_refusals.WITHOUT_COUNTRY)
        return _e164(abroad, None)
    try:
        number = _e164(digits, default_region)
    except ValidationFailed:
        if not digits.startswith("00"):
            raise
        return _e164(abroad, None)
    # 00 is the international prefix of most countries, and users of the others type it, too.
    if digits.startswith("00") and canonical_form(number) is None:
        return _e164(abroad, None)
    return number


def _digits(written: str) -> str:
    """Return the number's digits in ASCII, with its plus sign if it has one."""
    text = ascii_digits(written).translate(_PLUS_SIGNS)
    if uri := _URI.fullmatch(text):
        text = uri["number"]
        if _EXTENSION.search(uri["rest"]):
            raise refused(number_refusals.HAS_EXTENSION)
        if (context := _CONTEXT.search(uri["rest"])) and "+" not in text:
            text = context[1] + text
    digits = "".join(character for character in text if not _is_separator(character))
    if _NUMBER.fullmatch(digits):
        return digits
    if _has_extension(text):
        raise refused(number_refusals.HAS_EXTENSION)
    if any(character.isalpha() for character in text):
        raise refused(number_refusals.HAS_LETTERS)
    raise refused(number_refusals.MALFORMED)


def _is_separator(character: str) -> bool:
    return (
        character.isspace()
        or character in _SEPARATORS
        or is_hyphen(character)
        or unicodedata.category(character) in _SEPARATING
    )


def _has_extension(text: str) -> bool:
    try:
        return phonenumbers.parse(text, _SOME_REGION).extension is not None
    except NumberParseException:
        return False


def _e164(digits: str, region: str | None) -> str:
    try:
        number = _MEXICAN_PREFIX.sub("+52", settled_form(digits, region))
        if number.startswith("+549") and canonical_form(number) is None:
            # Both prefixes of Argentina's mobiles, 9 from abroad and 15 from within, or 9 before a zero.
            return settled_form("+54" + number.removeprefix("+549"))
    except NumberParseException as error:
        raise refused(number_refusals.unreadable(error)) from None
    return number
