"""The client address of a request, and warnings about headers of proxies that are not trusted."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
import structlog

from app.kit.client_address import ClientAddress, ForwardedWarnings, client_address, networks_of

_PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))


def _of(peer: str | None, *forwarded_for: str, server: str = "192.0.2.1") -> ClientAddress:
    return client_address(
        peer=(peer, 4711) if peer else None,
        server=(server, 8000),
        forwarded_for=forwarded_for,
        trusted=_PROXIES,
    )


def test_an_ipv4_address_is_its_own_only_network() -> None:
    assert networks_of(ip_address("198.51.100.7")) == ("198.51.100.7",)


def test_an_ipv6_address_has_networks_from_narrow_to_wide() -> None:
    """Red when limits count the /64 alone: the owner of a /48 has 65,536 of them."""
    assert networks_of(ip_address("2001:db8:1:1234::5")) == (
        "2001:db8:1:1234::/64",
        "2001:db8:1:1200::/56",
        "2001:db8:1::/48",
    )
    assert _of("2001:db8:1:1234::5").rate_limit_key == "2001:db8:1:1234::/64"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("198.51.100.7", (), "198.51.100.7"),
        ("198.51.100.7", ("203.0.113.9",), "198.51.100.7"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("192.0.2.66, 203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("192.0.2.66", "203.0.113.9, 10.0.0.2"), "203.0.113.9"),
        ("10.0.0.1", ("203.0.113.9, unknown, 10.0.0.2",), "10.0.0.2"),
        ("10.0.0.1", ("203.0.113.9:1234",), "203.0.113.9"),
        ("2001:db8:ffff::1", ("[2001:db8::9]:1234",), "2001:db8::9"),
        ("::ffff:10.0.0.1", ("::ffff:203.0.113.9",), "203.0.113.9"),
        ("fe80::1%eth0", (), "fe80::1"),
    ],
)
def test_the_last_address_that_is_not_a_trusted_proxys_counts(
    peer: str, forwarded_for: tuple[str, ...], address: str
) -> None:
    """Red when the first entry counts: a client sends any that it likes."""
    assert _of(peer, *forwarded_for).shown == address


def test_a_header_from_a_loopback_peer_is_read_only_if_loopback_is_trusted() -> None:
    """Uvicorn has replaced the peer by then. Red when the replaced peer counts."""
    assert _of("203.0.113.9", "203.0.113.9", server="127.0.0.1").shown == "127.0.0.1"


def test_a_connection_without_an_address_is_one_unknown_caller() -> None:
    unknown = _of(None)
    assert (unknown.shown, str(unknown), unknown.rate_limit_key) == (None, "unknown", "unknown")


def test_a_hundred_addresses_are_warned_of_and_no_more() -> None:
    """Red without a bound: a caller with many addresses fills the log and the memory."""
    warnings = ForwardedWarnings()
    headers = [(b"x-forwarded-for", b"203.0.113.7")]
    with structlog.testing.capture_logs() as lines:
        for number in range(1000):
            peer = IPv4Address(int(IPv4Address("10.0.0.0")) + number)
            warnings.note(headers, ClientAddress(peer, peer))
            warnings.note(headers, ClientAddress(peer, peer))
    assert len(lines) == 100
    assert {line["address"] for line in lines} == {f"10.0.0.{number}" for number in range(100)}


def test_a_network_of_ipv6_is_warned_of_once() -> None:
    warnings = ForwardedWarnings()
    headers = [(b"x-forwarded-for", b"203.0.113.7")]
    with structlog.testing.capture_logs() as lines:
        for number in range(5):
            peer = IPv6Address(f"2001:db8::{number}")
            warnings.note(headers, ClientAddress(peer, peer))
    assert len(lines) == 1
