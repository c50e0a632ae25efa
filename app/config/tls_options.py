"""The TLS options of an address, by redis-py's names: one rule for every library that connects."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypedDict

from app.config.redis_tls import SSLConnection

_VERIFY_MODES: Final = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}
_TRUTHS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_FILES: Final = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
TLS_OPTIONS: Final = ("ssl_cert_reqs", "ssl_check_hostname", *_FILES, "ssl_password")


class RedisTlsArguments(TypedDict, total=False):
    """Keyword arguments of redis-py, for its synchronous and its asyncio connections alike."""

    ssl_cert_reqs: ssl.VerifyMode
    ssl_check_hostname: bool
    ssl_ca_certs: str
    ssl_ca_path: str
    ssl_certfile: str
    ssl_keyfile: str
    ssl_password: str


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """The verification of a server over TLS: certificate and host name, unless the address relaxes it."""

    verify: ssl.VerifyMode = ssl.CERT_REQUIRED
    check_hostname: bool = True
    ca_certs: str | None = None
    ca_path: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, options: Mapping[str, str]) -> "TlsOptions":
        """Read the options after `?` whose names are in `TLS_OPTIONS`.

        Raises:
            ValueError: naming the option that cannot be used, without its value.
        """
        verify_text = options.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
        if verify_text not in _VERIFY_MODES:
            raise ValueError("has an ssl_cert_reqs that is not none, optional or required")
        verify = _VERIFY_MODES[verify_text]
        check_text = options.get("ssl_check_hostname", "true").lower()
        if check_text not in _TRUTHS:
            raise ValueError("has an ssl_check_hostname that is not true or false")
        for name in _FILES:
            if name in options and not _is_readable(Path(options[name])):
                raise ValueError(f"names a file in {name} that cannot be read")
        found = cls(
            verify=verify,
            check_hostname=_TRUTHS[check_text] and verify is not ssl.CERT_NONE,
            ca_certs=options.get("ssl_ca_certs"),
            ca_path=options.get("ssl_ca_path"),
            certfile=options.get("ssl_certfile"),
            keyfile=options.get("ssl_keyfile"),
            password=options.get("ssl_password"),
        )
        found.require_usable()
        return found

    def require_usable(self) -> None:
        """Load the files as redis-py will.

        Raises:
            ValueError: the files hold no certificate or key that OpenSSL can use.
        """
        try:
            SSLConnection(**self.as_redis()).ssl_context.get()
        except (OSError, ValueError):  # ssl.SSLError is an OSError; its text may name what a file holds
            names = ", ".join(name for name in _FILES if name in self.as_redis())
            raise ValueError(f"names a file that OpenSSL cannot use: {names or 'ssl_password'}") from None

    def as_redis(self) -> RedisTlsArguments:
        """Return the arguments for redis-py."""
        found = RedisTlsArguments(ssl_cert_reqs=self.verify, ssl_check_hostname=self.check_hostname)
        if self.ca_certs is not None:
            found["ssl_ca_certs"] = self.ca_certs
        if self.ca_path is not None:
            found["ssl_ca_path"] = self.ca_path
        if self.certfile is not None:
            found["ssl_certfile"] = self.certfile
        if self.keyfile is not None:
            found["ssl_keyfile"] = self.keyfile
        if self.password is not None:
            found["ssl_password"] = self.password
        return found

    def as_amqp(self, host: str) -> dict[str, object]:
        """Return the options for py-amqp, which checks a host name only if it is given one."""
        given = {"ca_certs": self.ca_certs, "certfile": self.certfile, "keyfile": self.keyfile}
        options: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        options["cert_reqs"] = self.verify
        if self.check_hostname:
            options["server_hostname"] = host
        return options


def _is_readable(path: Path) -> bool:
    """Return whether this process can read a file or folder."""
    try:
        if path.is_dir():
            list(path.iterdir())
            return True
        with path.open("rb"):
            return True
    except (OSError, ValueError):  # ValueError: a null byte
        return False
