"""The address of a caller, and warnings about headers of proxies that are not trusted."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
import structlog

from app.kit.client_address import ClientAddress, ForwardedWarnings, client_address, networks_of

_TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.1", "198.51.100.1"], "198.51.100.1"),
        ("2001:db8::1", ["2001:4860::7"], "2001:4860::7"),
    ],
)
def test_the_last_address_before_the_trusted_proxies_counts(
    peer: str, forwarded_for: list[str], address: str
) -> None:
    found = client_address(
        peer=(peer, 1), server=("192.0.2.9", 8000), forwarded_for=forwarded_for, trusted=_TRUSTED
    )
    assert str(found) == address


def test_a_peer_that_uvicorn_replaced_is_loopback() -> None:
    found = client_address(
        peer=("198.51.100.1", 0), server=("127.0.0.1", 8000), forwarded_for=["198.51.100.1"], trusted=_TRUSTED
    )
    assert str(found) == "127.0.0.1"


def test_an_ipv6_address_is_limited_by_its_networks() -> None:
    assert networks_of(IPv6Address("2001:db8:1:2:3::7")) == (
        "2001:db8:1:2::/64",
        "2001:db8:1::/56",
        "2001:db8:1::/48",
    )
    assert networks_of(IPv4Address("203.0.113.7")) == ("203.0.113.7",)


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
