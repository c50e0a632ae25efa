"""Lists of IP addresses and networks."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from app.config.texts import split_list

Network = IPv4Network | IPv6Network


def parse_networks(text: str) -> tuple[Network, ...]:
    """Parse a comma-separated list of addresses and networks; IPv4-mapped IPv6 becomes IPv4.

    Raises:
        ValueError: naming by their positions the items that are neither, without their values.
    """
    items = split_list(text)
    networks: list[Network] = []
    faults: list[str] = []
    for position, item in enumerate(items, start=1):
        try:
            network = ip_network(item.removeprefix("[").removesuffix("]"), strict=False)
        except ValueError:
            faults.append(str(position))
        else:
            networks.append(_without_mapping(network))
    if faults:
        raise ValueError(
            f"must hold IP addresses or networks, such as 10.0.0.0/8: not so item {', '.join(faults)}"
        )
    return tuple(networks)


def _without_mapping(network: Network) -> Network:
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    bits = network.prefixlen - 96
    return network if mapped is None or bits < 0 else IPv4Network((mapped, bits))
