"""The client address of a request: limits count it and sessions store it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import structlog

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LOOPBACK: Final = IPv4Address("127.0.0.1")
# One subscriber has a /64 at least, most a /56, and some a /48 (RFC 6177).
_SUBSCRIBER_BITS: Final = (64, 56, 48)
_READ_HEADER: Final = (b"x-forwarded-for", "X-Forwarded-For")
_IGNORED_HEADERS: Final = ((b"forwarded", "Forwarded"), (b"x-real-ip", "X-Real-IP"))
_MAX_CHARS: Final = 100  # of an address, with scope and port
_REMEMBERED: Final = 1024  # addresses, since a client sends many requests
_MAX_WARNED: Final = 100  # any caller can send these headers

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """The address of a client; None if the connection has none, as on a Unix socket."""

    address: Address | None
    peer: Address | None = None
    """The other end of the connection: the client or a proxy."""
    is_peer_trusted: bool = False
    """The peer is one of `TRUSTED_PROXIES`."""

    def __str__(self) -> str:
        """Return the address as text, "unknown" without one."""
        return "unknown" if self.address is None else _text(self.address)

    @property
    def networks(self) -> tuple[str, ...]:
        """Return the networks that limits count, from narrow to wide."""
        return (str(self),) if self.address is None else networks_of(self.address)

    @property
    def shown(self) -> str | None:
        """Return the address as sessions store and show it; None without one."""
        return None if self.address is None else str(self)

    @property
    def rate_limit_key(self) -> str:
        """Return the network that limits count as one caller: an IPv4 address, or an IPv6 /64."""
        return self.networks[0]


@lru_cache(_REMEMBERED)
def _text(address: Address) -> str:
    return str(address)


@lru_cache(_REMEMBERED)
def networks_of(address: Address) -> tuple[str, ...]:
    """Return the networks that limits count, from narrow to wide.

    An IPv4 address is its own only network. Those of an IPv6 address are its /64, /56 and /48: a /48 holds
    65,536 networks of /64, so a limit on the /64 alone would not limit its owner. Elsewhere "the network" of
    a caller is the first one.
    """
    if isinstance(address, IPv6Address):
        return tuple(str(ip_network((address, bits), strict=False)) for bits in _SUBSCRIBER_BITS)
    return (str(address),)


def client_address(
    *,
    peer: tuple[str, int] | None,
    server: tuple[str, int | None] | None,
    forwarded_for: Sequence[str],
    trusted: Sequence[Network],
) -> ClientAddress:
    """Return the client's address.

    It is the peer's, unless the peer is a trusted proxy: then it is the last address in `X-Forwarded-For`
    that is not a trusted proxy's. Earlier entries are ignored, since any client can send them. The search
    ends at an entry that is not an address.

    Args:
        peer: the ASGI scope's `client`, which uvicorn may have replaced; see `_real_peer`.
        server: the ASGI scope's `server`.
        forwarded_for: the `X-Forwarded-For` headers in their order.
        trusted: the proxies.
    """
    found = connected = _real_peer(peer, server, is_forwarded=bool(forwarded_for))
    hops = [hop for header in forwarded_for for hop in header.split(",")]
    while found is not None and hops and _is_trusted(found, trusted):
        before = _parse(hops.pop())
        if before is None:
            break
        found = before
    is_peer_trusted = connected is not None and _is_trusted(connected, trusted)
    return ClientAddress(found, connected, is_peer_trusted)


def _real_peer(
    peer: tuple[str, int] | None, server: tuple[str, int | None] | None, *, is_forwarded: bool
) -> Address | None:
    """Return the address of the other end of the connection.

    Uvicorn replaces a peer of 127.0.0.1 by the address in `X-Forwarded-For`, whatever its sender; only
    `TRUSTED_PROXIES` decides whether that header is read. A connection to a loopback address comes from this
    machine, so if the header is present there, the peer was 127.0.0.1.
    """
    address = _parse(server[0]) if server and is_forwarded else None
    if isinstance(address, IPv4Address) and address.is_loopback:
        return _LOOPBACK
    return _parse(peer[0]) if peer else None


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _parse(text: str) -> Address | None:
    """Parse an address with or without a port; map IPv4-mapped IPv6 to IPv4. None for other text."""
    return _parse_short(text) if len(text) <= _MAX_CHARS else None


@lru_cache(_REMEMBERED)
def _parse_short(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(address.packed)  # without a scope such as %eth0
    return address


class ForwardedWarnings:
    """Logs a warning, once per address and process, about a proxy whose clients share one limit.

    Such a proxy is not in `TRUSTED_PROXIES`, or sends another header than `X-Forwarded-For`.
    """

    def __init__(self) -> None:
        self._warned: set[str] = set()

    def note(self, headers: Iterable[tuple[bytes, bytes]], caller: ClientAddress) -> None:
        """Log a warning if a request with these headers comes from such a proxy."""
        names = {name for name, _ in headers}
        name, written = _READ_HEADER
        if name in names:
            if not caller.is_peer_trusted:
                self._warn(caller, written, "if this is your proxy, name its address in TRUSTED_PROXIES")
            return
        for name, written in _IGNORED_HEADERS:
            if name in names:
                advice = (
                    "only X-Forwarded-For is read: have your proxy send it, and name it in TRUSTED_PROXIES"
                )
                self._warn(caller, written, advice)
                return

    def _warn(self, caller: ClientAddress, header: str, advice: str) -> None:
        address = "unknown" if caller.peer is None else networks_of(caller.peer)[0]
        if address in self._warned or len(self._warned) >= _MAX_WARNED:
            return
        self._warned.add(address)
        log.warning(
            "forwarded_header_ignored",
            header=header,
            address=str(caller.peer or address),
            advice=f"{advice}; until then all of its clients share one limit",
        )
