"""The client's address, which limits count and sessions store."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import structlog

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LOOPBACK: Final = IPv4Address("127.0.0.1")
# One subscriber has a /64 at least, most a /56, and some a /48 (RFC 6177).
_SUBSCRIBER_BITS: Final = (64, 56, 48)
_FOLLOWED: Final = (b"x-forwarded-for", "X-Forwarded-For")
_NOT_FOLLOWED: Final = ((b"forwarded", "Forwarded"), (b"x-real-ip", "X-Real-IP"))
_MAX_WARNED: Final = 100  # any caller can send these headers

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """The address of a client; None if the connection has none, as on a Unix socket."""

    address: Address | None
    peer: Address | None = None
    """The other end of the connection: the client or a proxy."""
    is_peer_trusted: bool = False
    """Whether the peer is one of `TRUSTED_PROXIES`."""

    def __str__(self) -> str:
        """Return the address as text."""
        return "unknown" if self.address is None else str(self.address)

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that limits count, from narrow to wide."""
        return (str(self),) if self.address is None else networks_of(self.address)

    @property
    def shown(self) -> str | None:
        """The address as sessions store and show it; None if there is none."""
        return None if self.address is None else str(self.address)

    @property
    def rate_limit_key(self) -> str:
        """The network that limits count as one client: an IPv4 address, or the /64 of an IPv6 address."""
        return self.networks[0]


def networks_of(address: Address) -> tuple[str, ...]:
    """Return the networks that limits count, from narrow to wide.

    An IPv4 address is its own only network. The networks of an IPv6 address are its /64, /56 and /48: a
    limit on the /64 alone would not stop a client with a /48, which has 65,536 of them. "The network" of a
    client is the first one.
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

    That is the peer, unless the peer is a trusted proxy: then it is the last address in `X-Forwarded-For`
    that is no trusted proxy. Earlier entries may be forged; an entry that is no address ends the search.

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
    """Return the other end of the connection.

    Uvicorn replaces a peer of 127.0.0.1 by the content of `X-Forwarded-For`, although only `TRUSTED_PROXIES`
    may decide which headers count. A connection to a loopback address comes from this machine, so the
    header's presence shows that the peer was 127.0.0.1.
    """
    address = _parse(server[0]) if server and is_forwarded else None
    if isinstance(address, IPv4Address) and address.is_loopback:
        return _LOOPBACK
    return _parse(peer[0]) if peer else None


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _parse(text: str) -> Address | None:
    """Parse an address with or without a port; return IPv4-mapped IPv6 as IPv4, and None for other text."""
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
    """Warns once per address and process of a proxy behind which all callers share one limit.

    Such a proxy is not in `TRUSTED_PROXIES`, or sends another header than the one that is followed.
    """

    def __init__(self) -> None:
        self._warned: set[str] = set()

    def note(self, headers: Iterable[tuple[bytes, bytes]], caller: ClientAddress) -> None:
        """Warn if a request with these headers comes from such a proxy."""
        names = {name for name, _ in headers}
        name, written = _FOLLOWED
        if name in names:
            if not caller.is_peer_trusted:
                self._warn(caller, written, "if this is your proxy, name its address in TRUSTED_PROXIES")
            return
        for name, written in _NOT_FOLLOWED:
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
            advice=f"{advice}; until then all of its callers share one limit",
        )
