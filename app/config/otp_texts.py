"""The forms of `OTP_TEXT`: one text for all users, or a JSON object of texts by locale."""

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

DEFAULT_OTP_TEXT: Final = "{code} is your code. It is valid for {minutes} minutes. Do not share it."
_DEFAULT_LOCALE: Final = "en"
_MAX_CHARS: Final = 1600  # of Twilio; others accept less
_MAX_ANDROID_BYTES: Final = 140
_SOME_CODE: Final = "000000"
_UNSENDABLE: Final = ("Cc", "Cs")
"""Unicode's categories of control characters and surrogates."""

_OBJECT: Final = re.compile(r'\{\s*["}]')
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?")
_PLACEHOLDER: Final = re.compile(r"\{(?:code|minutes)\}")
# https://developers.google.com/identity/sms-retriever/verify: the message ends with the app's hash.
_APP_HASH: Final = re.compile(r"[A-Za-z0-9+/]{11}")
# https://wicg.github.io/sms-one-time-codes/: the host, the code, and the host of an embedded frame.
_DOMAIN_LINE: Final = re.compile(r"@[a-z0-9.-]+(:[0-9]+)? #\{code\}( [@%][a-z0-9.-]+)?")


@dataclass(frozen=True, slots=True)
class OtpTemplate:
    """The text of a message with a code."""

    locale: str | None
    """A language with an optional script and region, as in `de-AT`; None for the only text of all users."""
    text: str

    def render(self, *, otp: str, minutes: int) -> str:
        """Return the message with this code, which is valid for `minutes`."""
        return self.text.replace("{code}", otp).replace("{minutes}", str(minutes))


def parse_otp_texts(value: str) -> tuple[OtpTemplate, ...]:
    """Parse `OTP_TEXT`; the first template is the default.

    Raises:
        ValueError: saying what is wrong, without any part of the value.
    """
    if not _OBJECT.match(value):
        locale = _DEFAULT_LOCALE if value == DEFAULT_OTP_TEXT else None
        return (OtpTemplate(locale, _template_text(value, "")),)
    try:
        # Not strict: a quoted value of .env may hold line breaks themselves.
        members = json.loads(value, object_pairs_hook=tuple, strict=False)
    except (ValueError, RecursionError):
        raise ValueError('is no JSON object of texts, as in {"en": "…{code}…", "de": "…{code}…"}') from None
    if not members:
        raise ValueError("holds no text")
    templates = tuple(_member(position, *member) for position, member in enumerate(members, 1))
    if len({(template.locale or "").lower() for template in templates}) < len(templates):
        raise ValueError("holds two texts of one locale")
    return templates


def length_fault(template: OtpTemplate, *, minutes: int) -> str | None:
    """Return why the rendered message is too long, if it is."""
    text = template.render(otp=_SOME_CODE, minutes=minutes)
    if len(text) > _MAX_CHARS:
        return f"makes a message of more than {_MAX_CHARS} characters"
    if _APP_HASH.fullmatch(_last_line(text)) and len(text.encode()) > _MAX_ANDROID_BYTES:
        return (
            f"makes a message of more than {_MAX_ANDROID_BYTES} bytes, which Android does not hand to the app"
            " whose hash of 11 characters is the last line"
        )
    return None


def _member(position: int, locale: str, text: object) -> OtpTemplate:
    if not _LOCALE.fullmatch(locale):
        raise ValueError(f"names in member {position} no locale, as in en, de-AT or zh-Hant")
    if not isinstance(text, str):
        raise ValueError(f"holds in member {position} no text")  # noqa: TRY004  # pydantic reports ValueError
    return OtpTemplate(locale, _template_text(text, f" in member {position}"))


def _template_text(written: str, place: str) -> str:
    """Return a template with its line breaks, after checking its placeholders and its last line."""
    text = written.replace("\\n", "\n").replace("\r\n", "\n")
    if "{code}" not in text:
        raise ValueError(f"lacks {{code}}{place}")
    if re.search("[{}]", _PLACEHOLDER.sub("", text)):
        raise ValueError(f"holds braces other than those of {{code}} and {{minutes}}{place}")
    if any(character != "\n" and unicodedata.category(character) in _UNSENDABLE for character in text):
        raise ValueError(f"holds a control character other than a line break{place}")
    last = _last_line(text)
    if last.startswith("@") and not _DOMAIN_LINE.fullmatch(last):
        raise ValueError(
            f"has a last line that begins with @ and is not @domain #{{code}}{place}: write the value in"
            " single quotes in .env, where # begins a comment"
        )
    return text


def _last_line(text: str) -> str:
    return text.rpartition("\n")[2]
