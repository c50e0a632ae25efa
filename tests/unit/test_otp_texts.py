"""`OTP_TEXT`: forms, rendering byte for byte, and the choice by `Accept-Language`."""

import json
import time

import pytest

from app.config.otp_texts import DEFAULT_OTP_TEXT, length_fault, parse_otp_texts
from app.kit.accept_language import preferred_locale
from app.services.identity.otp_texts import OtpTexts

_ANDROID = r"Your Example code is {code}.\n\nFA+9qCX9VSu"
_WEB = r"Your Example code is {code}.\n\n@example.com #{code}"


def _rendered(value: str, accept_language: str | None = None) -> str:
    texts = OtpTexts(parse_otp_texts(value), minutes=5)
    return texts.choose(accept_language).render(otp="123456", minutes=texts.minutes)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (DEFAULT_OTP_TEXT, b"123456 is your code. It is valid for 5 minutes. Do not share it."),
        (_ANDROID, b"Your Example code is 123456.\n\nFA+9qCX9VSu"),
        (_WEB, b"Your Example code is 123456.\n\n@example.com #123456"),
        (
            f"{_WEB} @shop.example.com",
            b"Your Example code is 123456.\n\n@example.com #123456 @shop.example.com",
        ),
        ("{code}", b"123456"),
        ("{minutes} {code} {minutes} {code}", b"5 123456 5 123456"),
        (
            '{"de": "{code} ist dein Code.\\n\\n@example.de #{code}"}',
            b"123456 ist dein Code.\n\n@example.de #123456",
        ),
        ("{code} ist g\u00fcltig\u2026", "123456 ist g\u00fcltig\u2026".encode()),
        ("one\r\n{code}", b"one\n123456"),
        ('{ "en": "{code}\n@example.com #{code}" }', b"123456\n@example.com #123456"),
    ],
)
def test_a_text_is_rendered_byte_for_byte(value: str, message: bytes) -> None:
    assert _rendered(value).encode() == message
    assert length_fault(parse_otp_texts(value)[0], minutes=5) is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("visible", "lacks {code}"),
        ("{codes} visible", "lacks {code}"),
        ("{code} {visible}", "braces"),
        ("{code} {0} visible", "braces"),
        ("{code} {{minutes}} visible", "braces"),
        ("{code} visible}", "braces"),
        ("{ {code} visible", "braces"),
        ("{code} \x1b visible", "control character"),
        ("{code} \ud800 visible", "control character"),
        ('{"en": "{code} visible"', "no JSON object"),
        ('{"en": "{code} visible"} visible', "no JSON object"),
        ("{'en': '{code} visible'}", "braces"),
        ("{}", "no text"),
        ('{"en": "visible"}', "lacks {code} in member 1"),
        ('{"en": "{code}", "de": "{code} {visible}"}', "braces"),
        ('{"en": "{code}", "de": 1}', "in member 2 no text"),
        ('{"en": {"visible": "{code}"}}', "in member 1 no text"),
        ('{"visible": "{code}"}', "in member 1 no locale"),
        ('{"en_US": "{code}"}', "in member 1 no locale"),
        ('{"": "{code}"}', "in member 1 no locale"),
        ('{"en": "{code}", "EN": "{code} visible"}', "two texts of one locale"),
        ('{"en": "{code}", "en": "{code} visible"}', "two texts of one locale"),
        (r"{code} visible\n@example.com", "last line"),  # what .env leaves without quotation marks
        (r"{code} visible\n@example.com #123456", "last line"),
        (r"{code} visible\n@Example.com #{code}", "last line"),
    ],
)
def test_an_unusable_text_is_refused_without_its_value(value: str, problem: str) -> None:
    """Red when only `str.format` decides: `{0}` fails at the first code, and a cut last line never."""
    with pytest.raises(ValueError, match=problem.replace("{", r"\{")) as refusal:
        parse_otp_texts(value)
    assert "visible" not in str(refusal.value)


def test_a_message_for_android_has_140_bytes_at_most() -> None:
    """Red when characters are counted, or the code and the minutes are left out."""
    last, room = r"\nFA+9qCX9VSu", 140 - len("123456") - len("\nFA+9qCX9VSu")
    for filler in ("a" * room, "\u00fc" * (room // 2)):
        [fitting] = parse_otp_texts("{code}" + filler + last)
        assert length_fault(fitting, minutes=5) is None
        [longer] = parse_otp_texts("{code}" + filler + "\u00fc" + last)
        assert "140 bytes" in str(length_fault(longer, minutes=5))
    [minutes] = parse_otp_texts("{code}{minutes}" + "a" * (room - 1) + last)
    assert length_fault(minutes, minutes=9) is None
    assert length_fault(minutes, minutes=10) is not None


def test_a_message_without_a_hash_has_1600_characters_at_most() -> None:
    for length, is_short in ((1594, True), (1595, False)):
        [template] = parse_otp_texts("{code}" + "a" * length)
        assert (length_fault(template, minutes=5) is None) == is_short


_TEXTS = json.dumps(
    {name: f"{name} {{code}}" for name in ("en", "de", "pt", "pt-BR", "zh-Hant", "zh-Hant-HK", "sr-Latn")}
)


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr-CH, fr;q=0.9, de;q=0.7, *;q=0.5", "de"),
        ("en;q=0.1, de;q=0.9", "de"),
        ("de ; q=0.5 , en ; q=0.9", "en"),
        ("de;q=0, *", "en"),
        ("de;q=0.000", "en"),
        ("pt-BR", "pt-BR"),
        ("pt-PT", "pt"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant-HK"),
        ("zh-Hans", "en"),
        ("sr-Latn-RS", "sr-Latn"),
        ("sr", "en"),
        ("*", "en"),
        ("fr", "en"),
        ("de;q=2, pt", "pt"),
        ("de;q=high, pt", "pt"),
        ("../../etc/passwd, de", "de"),
        ("{code}", "en"),
        ("\u00fc\u00fc, de", "de"),
        (", ,,de", "de"),
        ("x" * 5000, "en"),
        ("fr," * 150 + "de", "en"),
    ],
)
def test_the_text_is_chosen_by_the_language(header: str | None, locale: str) -> None:
    """Red when the first range decides, when `q=0` counts, or when a region does not fall back."""
    assert _rendered(_TEXTS, header) == f"{locale} 123456"


def test_the_only_text_has_no_locale_but_the_default_is_english() -> None:
    assert [parse_otp_texts(value)[0].locale for value in ("{code}!", DEFAULT_OTP_TEXT)] == [None, "en"]


def test_a_hostile_header_costs_no_more_than_a_browsers() -> None:
    """Red without the bound: 64 KiB of ranges take a hundred times as long."""

    def fastest(header: str) -> float:
        times = []
        for _ in range(50):
            began = time.perf_counter()
            preferred_locale(header, ["en", "de"])
            times.append(time.perf_counter() - began)
        return min(times)

    usual = "de-AT,de;q=0.9,fr;q=0.8,fr-CH;q=0.7,it;q=0.6,en-GB;q=0.5,en;q=0.4,es;q=0.3,pt;q=0.2,ja;q=0.1"
    hostile = ["a-" * 32_000, "a," * 32_000, "-" * 64_000, " " * 64_000, "de;q=0.1," * 7_000]
    assert max(map(fastest, hostile)) < 20 * fastest(usual)
