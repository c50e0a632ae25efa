"""Parse `DATABASE_URL` as PostgreSQL providers write it, with options of libpq, for asyncpg."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

import asyncpg
from asyncpg import connect_utils

# asyncpg treats these as libpq does.
_UNDERSTOOD: Final = frozenset(
    {
        "host",
        "port",
        "dbname",
        "database",
        "user",
        "password",
        "passfile",
        "service",
        "sslmode",
        "sslcert",
        "sslkey",
        "sslrootcert",
        "sslcrl",
        "sslpassword",
        "sslnegotiation",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "target_session_attrs",
        "krbsrvname",
        "gsslib",
    }
)
_OF_THE_SERVER_ITSELF: Final = frozenset({"host", "port", "dbname", "database", "user", "password"})
# asyncpg sends these to the server as they are, as libpq does.
_OF_THE_SERVER: Final = frozenset({"application_name", "options"})
# These change nothing that this service relies on: hints for other drivers, the sockets' keepalive (always on
# here), and channel binding, which asyncpg lacks and which no server demands of its clients.
_IGNORED: Final = frozenset(
    {
        "channel_binding",
        "connection_limit",
        "fallback_application_name",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "load_balance_hosts",
        "pool_timeout",
        "sslcertmode",
        "sslcompression",
        "sslsni",
        "supa",
        "tcp_user_timeout",
        "uselibpqcompat",
    }
)
# asyncpg supports only some values of these.
_HARMLESS_VALUES: Final = {
    "gssencmode": {"disable", "prefer"},
    "client_encoding": {"auto", "utf8", "utf-8"},
}
# Options by which other drivers mark a pooler in transaction mode.
_MARKS_OF_A_POOLER: Final = {
    ("pgbouncer", "true"),
    ("prepared_statement_cache_size", "0"),
    ("statement_cache_size", "0"),
}
_MARKS: Final = frozenset(name for name, _ in _MARKS_OF_A_POOLER)
_SSL_MODES: Final = {
    "true": "require",
    "1": "require",
    "no-verify": "require",  # without sslrootcert nothing is verified
    "false": "disable",
    "0": "disable",
}
_LEFT_TO_THE_ADDRESS: Final = (
    "host",
    "port",
    "user",
    "password",
    "passfile",
    "database",
    "command_timeout",
    "ssl",
    "direct_tls",
    "server_settings",
    "target_session_attrs",
    "krbsrvname",
    "gsslib",
    "service",
    "servicefile",
)
_HIGHEST_PORT: Final = 65_535
_LONGEST_NAME: Final = 30
_SPECIAL_CHARACTERS: Final = (
    "cannot be read: write special characters in user, password and database percent-encoded"
)
# A word of asyncpg's message, which may quote the value, and the message to show instead.
_COMPLAINTS: Final = (
    ("root certificate file", "has an sslmode that needs sslrootcert: a file, or sslrootcert=system"),
    ("sslmode", "has an sslmode that PostgreSQL does not know"),
    ("target_session_attrs", "has target_session_attrs that PostgreSQL does not know"),
    ("sslnegotiation", "has an sslnegotiation that PostgreSQL does not know"),
    ("direct TLS", "has sslnegotiation=direct, which needs sslmode=require or higher"),
    ("TLS version", "has a TLS version that is not supported"),
)


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A parsed `DATABASE_URL`."""

    dsn: str
    """The address for `asyncpg.connect()`."""
    connect_seconds: float | None
    """`connect_timeout` in seconds; None if it is absent or means no limit."""
    trusts_system: bool
    """`sslrootcert=system`: verify the server by the system's authorities."""
    is_pooled: bool
    """Whether an option marks a pooler in transaction mode."""

    @property
    def identity(self) -> str:
        """User, password, server and database, without options, which may differ between processes."""
        server, _, query = self.dsn.partition("?")
        return urlencode(
            [("", server), *sorted(o for o in parse_qsl(query) if o[0] in _OF_THE_SERVER_ITSELF)]
        )

    @classmethod
    def parse(cls, url: str) -> "PostgresAddress":
        """Parse an address.

        Raises:
            ValueError: what is wrong, without any value.
        """
        scheme, separator, rest = url.partition("://")
        if not separator or scheme.partition("+")[0] not in ("postgres", "postgresql"):
            raise ValueError("must begin with postgresql://")
        server, query = _split(rest)
        try:
            options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
        except ValueError:
            raise ValueError(
                "has options after `?` that are not name=value pairs; a `?` in the password is written %3F"
            ) from None
        address = cls(
            dsn=f"postgresql://{_quoted(server)}",
            connect_seconds=_seconds(options.pop("connect_timeout", "")),
            trusts_system=options.get("sslrootcert") == "system",
            is_pooled=not _MARKS_OF_A_POOLER.isdisjoint(options.items()),
        )
        return address._with(_for_asyncpg(options))

    def _with(self, options: dict[str, str]) -> "PostgresAddress":
        dsn = f"{self.dsn}?{urlencode(options, quote_via=quote)}" if options else self.dsn
        _check(dsn)
        return PostgresAddress(dsn, self.connect_seconds, self.trusts_system, self.is_pooled)


def _split(rest: str) -> tuple[str, str]:
    """Split an address at the `?` before its options, not at one in the password."""
    server, mark, query = rest.partition("?")
    if mark and "@" in query and not {"@", "/"} & set(server):
        credentials, _, location = rest.rpartition("@")
        host, _, query = location.partition("?")
        server = f"{credentials}@{host}"
    return server, query


def _quoted(server: str) -> str:
    """Percent-encode user, password and database, since passwords are often written unencoded."""
    authority, separator, location = server.rpartition("@")
    host, slash, database = location.partition("/")
    user, colon, password = authority.partition(":")
    credentials = f"{_requote(user)}{colon}{_requote(password)}{separator}"
    return f"{credentials}{host}{slash}{_requote(database)}"


def _requote(text: str) -> str:
    return quote(unquote(text), safe="")


def _seconds(text: str) -> float | None:
    try:
        seconds = int(text or 0)
    except ValueError:
        raise ValueError("has a connect_timeout that is no whole number of seconds") from None
    return seconds if seconds > 0 else None


def _for_asyncpg(given: dict[str, str]) -> dict[str, str]:
    """Keep the options that asyncpg supports, and drop harmless ones."""
    options = {}
    for name, value in given.items():
        if name in ("ssl", "sslmode"):  # `ssl` is other drivers' name
            options["sslmode"] = _SSL_MODES.get(value.lower(), value)
        elif name in _UNDERSTOOD | _OF_THE_SERVER:
            options[name] = value
        elif value.lower() not in _HARMLESS_VALUES.get(name, ()) and name not in _IGNORED | _MARKS:
            what = "with an unsupported value" if name in _HARMLESS_VALUES else "which is not supported"
            raise ValueError(f"has the option {_shown(name)}, {what}")
    if options.get("sslrootcert") == "system":
        if options.get("sslmode", "verify-full") != "verify-full":
            raise ValueError("has sslrootcert=system, which needs sslmode=verify-full")
        if "sslcert" in options:
            raise ValueError("has sslrootcert=system together with sslcert, which is not supported")
        del options["sslrootcert"]
        options.pop("sslmode", None)  # the system's authorities come as an SSL context
    return options


def _shown(name: str) -> str:
    """Return the name of an option, unless it may be part of a password that was split at a `?`."""
    is_a_name = name.isidentifier() and name.islower() and len(name) <= _LONGEST_NAME
    return f"`{name}`" if is_a_name else "(unreadable)"


def _check(dsn: str) -> None:
    """Let asyncpg parse the address, and read the files that it names.

    Raises:
        ValueError: asyncpg cannot use it.
    """
    try:
        addresses, _, _ = connect_utils._parse_connect_arguments(  # noqa: SLF001  # `connect()` begins with it
            dsn=dsn,
            statement_cache_size=0,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
            **dict.fromkeys(_LEFT_TO_THE_ADDRESS),
        )
    except OSError:  # ssl.SSLError is one
        raise ValueError("names a certificate or key file that cannot be read") from None
    except (ValueError, LookupError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise ValueError(_complaint(str(error))) from None
    if any(not 0 < port <= _HIGHEST_PORT for _, port in (a for a in addresses if isinstance(a, tuple))):
        raise ValueError(f"names a port outside 1 to {_HIGHEST_PORT}")


def _complaint(message: str) -> str:
    return next((ours for word, ours in _COMPLAINTS if word in message), _SPECIAL_CHARACTERS)
