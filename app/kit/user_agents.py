"""A short form of a User-Agent header, for a list of signed-in devices."""

import re
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

_MAX_CHARS: Final = 60
_MAX_READ: Final = 1000  # of a header that may have tens of thousands of characters

# The first match counts: most browsers also name the browsers that they imitate.
_BROWSERS: Final = (
    (r"Edg(?:e|A|iOS)?/", "Edge"),
    (r"OPR/|OPiOS/|OPT/|Opera[ /]", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"YaBrowser/", "Yandex Browser"),
    (r"UCBrowser/", "UC Browser"),
    (r"Vivaldi/", "Vivaldi"),
    (r"(?:DuckDuckGo|Ddg)/", "DuckDuckGo"),
    (r"(?:Firefox|FxiOS)/", "Firefox"),
    (r"(?:Headless)?Chrom(?:e|ium)/|CriOS/", "Chrome"),
    (r"Version/\S+ (?:Mobile/\S+ )?Safari/", "Safari"),
    (r"MSIE |Trident/", "Internet Explorer"),
)
_SYSTEMS: Final = (
    (r"iPhone|iPod", "iPhone"),
    (r"iPad", "iPad"),
    (r"Windows Phone", "Windows Phone"),
    (r"Android", "Android"),
    (r"CrOS", "ChromeOS"),
    (r"Windows", "Windows"),
    (r"Macintosh|Mac OS X", "macOS"),
    (r"Linux|X11", "Linux"),
)


def printable_user_agent(header: str | None, *, max_chars: int) -> str | None:
    """Return the header's printable characters, at most `max_chars`; None without any.

    Servers decode headers as Latin-1; decode one that was sent in UTF-8 again.
    """
    text = (header or "")[:_MAX_READ]
    with suppress(UnicodeError):
        text = text.encode("latin-1").decode(errors="ignore" if len(text) == _MAX_READ else "strict")
    return "".join(sign for sign in text if sign.isprintable())[:max_chars].strip() or None


def short_user_agent(user_agent: str | None) -> str | None:
    """Return browser and system, such as "Chrome on Android"; for other programs the name."""
    if not user_agent:
        return None
    if not re.match(r"(?:Mozilla|Opera)/", user_agent):
        return _product(user_agent)
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or _product(user_agent)


def _first(choices: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((name for pattern, name in choices if re.search(pattern, user_agent)), None)


def _product(user_agent: str) -> str | None:
    """Return the name of the first product; Apple's library percent-encodes it."""
    name = unquote(user_agent.split(maxsplit=1)[0].partition("/")[0], errors="ignore")
    return "".join(sign for sign in name if sign.isprintable())[:_MAX_CHARS].strip() or None
