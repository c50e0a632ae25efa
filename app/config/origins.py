"""Origins as browsers send them (RFC 6454): scheme, host and port in canonical form."""

import re
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from app.config.texts import split_list

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")
_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_MAX_PORT: Final = 65_535
_MAX_NAME: Final = 253
_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Pages of these have no origin of their own: browsers send `null` or that of the page around them.
_WITHOUT_ORIGIN: Final = ("file", "data", "blob", "about", "javascript", "ws", "wss")
# Electron and others have hosts such as `app://-` and `app://.`; only web addresses must be names.
_OPAQUE_HOST: Final = re.compile(r"[a-z0-9._~!$&'()+;=-]+")


class HostFault(StrEnum):
    """The reasons why browsers never send a host in this form."""

    MISSING = "names no host"
    WILDCARD = "has a wildcard: name every origin"
    UPPER_CASE = "has upper-case letters, which browsers send in lower case"
    NOT_ASCII = "has letters that are not ASCII, which browsers send as xn--…"
    NOT_CANONICAL = "has an IP address in another form than browsers send"
    NO_HOST = "names a host that is none"


def parse_origins(text: str) -> tuple[str, ...]:
    """Parse a comma-separated list of origins; `*` means all.

    Raises:
        ValueError: naming each item that no browser ever sends by its position, and why, without its value.
    """
    origins = split_list(text)
    faults = [
        f"item {position} {fault}"
        for position, origin in enumerate(origins, start=1)
        if origin != "*" and (fault := origin_fault(origin)) is not None
    ]
    if faults:
        raise ValueError(
            f"must hold origins as browsers send them, such as https://app.example.com: {'; '.join(faults)}"
        )
    return origins


def origin_fault(origin: str) -> str | None:
    """Return why a browser never sends this as `Origin`, or None."""
    if origin.lower() == "null":
        return "is null, which any page can make a browser send"
    scheme, separator, rest = origin.partition("://")
    if not separator or not scheme:
        return "is not scheme://host or scheme://host:port"
    return _scheme_fault(scheme) or _authority_fault(scheme, rest)


def host_fault(host: str) -> HostFault | None:
    """Return the fault of the host of a web address, or None."""
    for is_fault, fault in (
        (not host, HostFault.MISSING),
        ("*" in host, HostFault.WILDCARD),
        (not host.isascii(), HostFault.NOT_ASCII),
        (host != host.lower(), HostFault.UPPER_CASE),
    ):
        if is_fault:
            return fault
    if host.startswith("["):
        return _ipv6_fault(host)
    if not _NAME.fullmatch(host) or len(host) > _MAX_NAME:
        return HostFault.NO_HOST
    last_label = host.removesuffix(".").rpartition(".")[2]
    return _ipv4_fault(host) if _NUMERIC.fullmatch(last_label) else None


def _scheme_fault(scheme: str) -> str | None:
    if scheme.lower() in _WITHOUT_ORIGIN:
        return "has a scheme whose pages send no origin of it"
    if _SCHEME.fullmatch(scheme):
        return None
    return "has a scheme in upper case" if _SCHEME.fullmatch(scheme.lower()) else "has a scheme that is none"


def _authority_fault(scheme: str, rest: str) -> str | None:
    if "@" in rest.partition("/")[0]:
        return "has a user or password"
    if any(mark in rest for mark in "/?#\\"):
        return "has a slash or path behind the host"
    host, port_fault = _split_port(scheme, rest)
    return port_fault or _fault_for_scheme(scheme, host)


def _fault_for_scheme(scheme: str, host: str) -> HostFault | None:
    fault = host_fault(host)
    is_other_form = fault in (HostFault.NO_HOST, HostFault.NOT_CANONICAL)
    if scheme not in _DEFAULT_PORTS and is_other_form and _OPAQUE_HOST.fullmatch(host):
        return None
    return fault


def _split_port(scheme: str, rest: str) -> tuple[str, str | None]:
    """Return the host, and the fault of the port after it."""
    if rest.endswith("]") or ":" not in rest:
        return rest, None
    host, _, port = rest.rpartition(":")
    if not _PORT.fullmatch(port) or int(port) > _MAX_PORT:
        return host, "has a port that is no number from 1 to 65535"
    if int(port) == _DEFAULT_PORTS.get(scheme):
        return host, f"names the default port of {scheme}, which browsers leave out"
    return host, None


def _ipv4_fault(host: str) -> HostFault | None:
    """Return whether browsers take a host for an IPv4 address: its last label is a number."""
    try:
        is_canonical = str(IPv4Address(host)) == host
    except ValueError:
        is_canonical = False
    return None if is_canonical else HostFault.NOT_CANONICAL


def _ipv6_fault(host: str) -> HostFault | None:
    try:
        address = IPv6Address(host[1:].removesuffix("]"))
    except ValueError:
        return HostFault.NO_HOST
    if not host.endswith("]") or address.scope_id is not None:
        return HostFault.NO_HOST
    return None if host == f"[{_compressed(address)}]" else HostFault.NOT_CANONICAL


def _compressed(address: IPv6Address) -> str:
    """Return an IPv6 address as browsers write it, with an embedded IPv4 address in hexadecimal."""
    if address.ipv4_mapped is None:
        return address.compressed
    high, low = divmod(int(address.ipv4_mapped), 1 << 16)
    return f"::ffff:{high:x}:{low:x}"
