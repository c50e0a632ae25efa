"""A short form of a User-Agent header, for a list of signed-in devices."""

import re
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

_LONGEST: Final = 60
_READ: Final = 1000  # of a header that may have tens of thousands of characters

# The first that fits counts: most browsers also name those that they want to be taken for.
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
    """Return the header without what cannot be shown on a line, cut to `max_chars`; None if that is nothing.

    Servers read headers as Latin-1; one that was sent in UTF-8 is read as such.
    """
    text = (header or "")[:_READ]
    with suppress(UnicodeError):
        text = text.encode("latin-1").decode(errors="ignore" if len(text) == _READ else "strict")
    return "".join(sign for sign in text if sign.isprintable())[:max_chars].strip() or None


def short_user_agent(user_agent: str | None) -> str | None:
    """Return browser and system, such as "Chrome on Android"; of other programs the name."""
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
    """Return the name of the first product, which Apple's library writes as in an address."""
    name = unquote(user_agent.split(maxsplit=1)[0].partition("/")[0], errors="ignore")
    return "".join(sign for sign in name if sign.isprintable())[:_LONGEST].strip() or None
