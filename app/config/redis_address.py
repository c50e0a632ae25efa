"""The address of a Redis, parsed once and rendered in the form that each library needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import SplitResult, quote, unquote, unquote_plus, urlsplit

from app.config.tls_options import TLS_OPTIONS, TlsOptions

_DEFAULT_PORT: Final = 6379
_MAX_DATABASE: Final = 2**31 - 1
_UNPRINTABLE: Final = re.compile(r"[\s\x00-\x1f\x7f]")
_OPTION_NAME: Final = re.compile(r"[a-z][a-z_]{0,40}")
_ENCODE: Final = (
    "write the special characters of user and password in percent code (# as %23, / as %2F, ? as %3F)"
)
_IGNORED: Final = {"family"}
_SETTINGS_FOR: Final = {
    "socket_connect_timeout": "REDIS_CONNECT_SECONDS",
    "connect_timeout": "REDIS_CONNECT_SECONDS",
    "socket_timeout": "REDIS_COMMAND_SECONDS",
    "timeout": "REDIS_COMMAND_SECONDS",
}


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One database of one Redis server."""

    host: str
    port: int
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsOptions | None = None

    @classmethod
    def parse(cls, text: str) -> "RedisAddress":
        """Read `redis://` or `rediss://` with user, password, port, database and TLS options.

        Raises:
            ValueError: saying what is wrong, without any part of a value.
        """
        parts = split_address(text, {"redis": "redis:// or rediss://", "rediss": ""})
        host, port = host_of(parts, _DEFAULT_PORT)
        options = options_of(parts, known=("db", *TLS_OPTIONS), settings=_SETTINGS_FOR, ignored=_IGNORED)
        tls_options = {name: value for name, value in options.items() if name.startswith("ssl_")}
        is_tls = parts.scheme == "rediss"
        if tls_options and not is_tls:
            raise ValueError(f"has {', '.join(tls_options)} but no TLS: it must begin with rediss://")
        username, password = credentials_of(parts)
        return cls(
            host=host,
            port=port,
            database=_database(options.get("db", parts.path.removeprefix("/"))),
            username=username,
            password=password,
            tls=TlsOptions.read(tls_options) if is_tls else None,
        )

    def __str__(self) -> str:
        """Return the address without user and password, for logs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'redis' if self.tls is None else 'rediss'}://{host}:{self.port}/{self.database}"

    def as_kombu(self) -> str:
        """Return the URL for kombu, without options: Celery gets `tls` as `broker_use_ssl`."""
        user = quote(self.username or "", safe="")
        password = "" if self.password is None else f":{quote(self.password, safe='')}"
        at = f"{user}{password}@" if user or password else ""
        scheme = "redis" if self.tls is None else "rediss"
        return f"{scheme}://{at}{quote(self.host, safe='')}:{self.port}/{self.database}"


def split_address(text: str, schemes: Mapping[str, str]) -> SplitResult:
    """Split an address; `schemes` are the accepted ones, with their spelling in an error.

    Raises:
        ValueError: it has another scheme, or characters that make its parts ambiguous.
    """
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme not in schemes:
        wanted = ", ".join(words for words in schemes.values() if words)
        hint = "; unix:// is not supported" if scheme == "unix" else ""
        raise ValueError(f"must begin with {wanted}{hint}")
    if _UNPRINTABLE.search(text):
        raise ValueError("holds a blank or a line break")
    before_query, _, query = text.partition("?")
    if "#" in text or "@" in query or "@" in before_query.partition("://")[2].partition("/")[2]:
        raise ValueError(f"cannot be split into its parts: {_ENCODE}")
    if ";" in text and (text.count("://") > 1 or not scheme.endswith(("redis", "rediss"))):
        raise ValueError("holds a semicolon: give one address, and write one that belongs to it as %3B")
    try:
        return urlsplit(text)
    except ValueError:
        raise ValueError(f"cannot be read as an address: {_ENCODE}") from None


def host_of(parts: SplitResult, default_port: int) -> tuple[str, int]:
    """Return host and port.

    Raises:
        ValueError: there is no host that can be resolved, or the port is no port.
    """
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"has a port that is no number from 1 to 65535; {_ENCODE}") from None
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError("has a port that is no number from 1 to 65535")
    host = unquote(parts.hostname or "")
    if not host:
        raise ValueError("names no host")
    if not _is_host(host):
        raise ValueError(f"names a host that is none; {_ENCODE}")
    return host, port or default_port


def credentials_of(parts: SplitResult) -> tuple[str | None, str | None]:
    """Return user and password, decoded.

    Raises:
        ValueError: their percent code is not UTF-8.
    """
    try:
        username = unquote(parts.username or "", errors="strict") or None
        password = unquote(parts.password or "", errors="strict") or None
    except UnicodeDecodeError:
        raise ValueError("has percent code in user or password that is not UTF-8") from None
    return username, password


def options_of(
    parts: SplitResult,
    *,
    known: tuple[str, ...],
    settings: Mapping[str, str] | None = None,
    ignored: set[str] | None = None,
) -> dict[str, str]:
    """Return the options behind `?`; `settings` names the variable that replaces an option.

    Raises:
        ValueError: naming an option that is unknown, empty or there twice.
    """
    found: dict[str, str] = {}
    for pair in parts.query.split("&") if parts.query else ():
        name, _, value = pair.partition("=")
        if name in (ignored or ()):
            continue
        if name not in known:
            instead = f"; set {settings[name]} instead" if settings and name in settings else ""
            # A text that is no name of an option may be part of a password.
            shown = f"the option {name}" if _OPTION_NAME.fullmatch(name) else "an option"
            raise ValueError(f"has {shown}, which is not supported{instead}")
        if not value or name in found:
            raise ValueError(f"has the option {name} {'twice' if value else 'without a value'}")
        found[name] = unquote_plus(value)
    return found


def _database(text: str) -> int:
    text = text.removesuffix("/") or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_DATABASE))):
        raise ValueError("has a database that is no number, as in redis://host:6379/0")
    return int(text)


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            IPv6Address(host)
        except ValueError:
            return False
        return True
    try:
        host.encode("idna")  # what the resolver does first
    except UnicodeError:
        return False
    return re.fullmatch(r"[\w.-]+", host) is not None
