"""One E.164 form for each subscriber, where numbering plans leave several."""

import re
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat


@dataclass(frozen=True, slots=True)
class _Rewriting:
    """An old form of a country's numbers, and the prefix that replaces the old one."""

    old_form: re.Pattern[str]
    old_prefix: str
    new_prefix: str

    def apply(self, number: str) -> str:
        """Return the new form of a number in the old form; return others unchanged."""
        if not self.old_form.fullmatch(number):
            return number
        rewritten = self.new_prefix + number.removeprefix(self.old_prefix)
        return rewritten if _is_valid(rewritten) else number

    def revert(self, number: str) -> str | None:
        """Return the old form that `apply` converts to this number, if any."""
        if not number.startswith(self.new_prefix):
            return None
        old = self.old_prefix + number.removeprefix(self.new_prefix)
        return old if self.apply(old) == number else None


# Only rules that a numbering plan makes certain. A plan that assigned new numbers (Brazil's ninth digit,
# Ivory Coast's tenth) made the old ones invalid, and no rule converts all of them.
_REWRITINGS: Final = (
    # Argentina: 9 marks a mobile called from abroad; within the country the same number has no 9.
    _Rewriting(re.compile(r"\+54[1-8]\d{9}"), "+54", "+549"),
    # Mexico: 1 marked a mobile called from abroad until 2019.
    _Rewriting(re.compile(r"\+521\d{10}"), "+521", "+52"),
    # Italy: the zero of landlines was left out from abroad until 1998. Numbers with 3 are mobiles.
    _Rewriting(re.compile(r"\+39[124-9]\d{5,9}"), "+39", "+390"),
    # San Marino's landlines can be called through Italy.
    _Rewriting(re.compile(r"\+390549\d{6}"), "+390549", "+3780549"),
    # Benin: 01 was put before every number in 2024.
    _Rewriting(re.compile(r"\+229[24-9]\d{7}"), "+229", "+22901"),
    # Gabon: 0 was put before every number in 2010, and replaced by the operator's digit in 2019.
    _Rewriting(re.compile(r"\+241[2-7]\d{6}"), "+241", "+2410"),
    _Rewriting(re.compile(r"\+24101\d{6}"), "+24101", "+24111"),
    _Rewriting(re.compile(r"\+24102\d{6}"), "+24102", "+24162"),
    _Rewriting(re.compile(r"\+24104\d{6}"), "+24104", "+24174"),
    _Rewriting(re.compile(r"\+24105\d{6}"), "+24105", "+24165"),
    _Rewriting(re.compile(r"\+24106\d{6}"), "+24106", "+24166"),
    _Rewriting(re.compile(r"\+24107\d{6}"), "+24107", "+24177"),
    # Palestine's mobiles can be called through Israel.
    _Rewriting(re.compile(r"\+9725[69]\d{7}"), "+972", "+970"),
    # Northern Ireland's landlines can be called through Ireland.
    _Rewriting(re.compile(r"\+35348\d{8}"), "+35348", "+4428"),
)
_VALID_IN_BOTH_FORMS: Final = ("+54", "+390549", "+241", "+9725", "+35348")
"""Old forms that the library takes for valid numbers."""


def canonical_form(number: str) -> str | None:
    """Return the canonical form of a number in E.164; None if it is not a valid number."""
    if number.startswith(_VALID_IN_BOTH_FORMS) or not _is_valid(number):
        for rewriting in _REWRITINGS:
            number = rewriting.apply(number)
    return number if _is_valid(number) else None


def stored_forms(number: str) -> tuple[str, ...]:
    """Return a canonical number and the forms that earlier releases stored for it."""
    forms = [number]
    for rewriting in reversed(_REWRITINGS):
        forms += [old for form in forms if (old := rewriting.revert(form)) is not None]
    return tuple(forms)


def subscriber_of(stored: str) -> str:
    """Return the canonical form of a stored number; return an invalid number unchanged."""
    try:
        return canonical_form(stored) or stored
    except phonenumbers.NumberParseException:
        return stored


def settled_form(digits: str, region: str | None = None) -> str:
    """Return the number in E.164. Parse repeatedly: each pass removes one leading zero.

    Raises:
        NumberParseException: not a number.
    """
    number = _e164(phonenumbers.parse(digits, region))
    while (again := _e164(phonenumbers.parse(number))) != number:
        number = again
    return number


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _is_valid(number: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(number))
