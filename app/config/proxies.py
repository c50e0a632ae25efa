"""Outgoing proxies, as HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY name them, checked at start.

httpx2, which carries the requests to Stripe and those with codes, reads the variables itself. aiohttp, which
carries those to Gemini, knows no ALL_PROXY and no networks in NO_PROXY: `proxy_of` chooses for it, by
httpx2's rules.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.request import getproxies

import httpx2

_VARIABLES: Final = ("http_proxy", "https_proxy", "all_proxy")
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_MOST_PORT: Final = 65535


def proxy_problems(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each variable with an unusable proxy, and the reason, without the value."""
    if "*" in (entry.strip() for entry in _effective(environment, "no_proxy")[1].split(",")):
        return  # no proxy is used
    for variable in _VARIABLES:
        name, value = _effective(environment, variable)
        problem = _problem_of(value) if value else None
        if problem is not None:
            yield name, problem


def proxy_of(url: str) -> str | None:
    """Return the address of the proxy for requests to this address; None for a direct connection."""
    proxies = getproxies()
    target = httpx2.URL(url)
    proxy = proxies.get(target.scheme) or proxies.get("all")
    exempt = (entry.strip() for entry in proxies.get("no", "").split(","))
    if not proxy or any(_is_exempt(target, entry) for entry in exempt if entry):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_exempt(target: httpx2.URL, entry: str) -> bool:
    """Return whether an entry of NO_PROXY covers an address, as curl and httpx2 read it.

    An entry is `*`, a network, or a host with or without scheme and port. A name covers the names below it,
    too; with a leading dot or `*.`, only those.
    """
    if entry == "*":
        return True
    with contextlib.suppress(ValueError):
        return ip_address(target.host) in ip_network(entry.replace("]/", "/").strip("[]"), strict=False)
    is_exact = "://" in entry or entry.lower() == "localhost"
    place = f"*{entry}" if entry.startswith(".") else entry
    try:
        covered = httpx2.URL(place if "://" in place else f"all://{place}")
    except httpx2.InvalidURL:
        return False  # as curl does
    if covered.scheme not in ("all", target.scheme) or covered.port not in (None, target.port):
        return False
    if covered.host.startswith("*."):
        return target.host.endswith(covered.host[1:])
    return target.host == covered.host or (not is_exact and target.host.endswith(f".{covered.host}"))


def _effective(environment: Mapping[str, str], variable: str) -> tuple[str, str]:
    """Return the effective spelling of a variable and its value: lower case wins, as in curl."""
    if variable in environment:
        return variable, environment[variable]
    spelled = [name for name in environment if name.lower() == variable and environment[name]]
    return (spelled[-1], environment[spelled[-1]]) if spelled else (variable, "")


def _problem_of(value: str) -> str | None:
    if value.lower().startswith("socks"):
        return "names a SOCKS proxy, which this service cannot use: name one with http:// or https://"
    try:
        # Without a scheme it is http, for httpx2 and curl alike.
        url = httpx2.Proxy(value if "://" in value else f"http://{value}").url
    except (httpx2.InvalidURL, ValueError):
        return _MALFORMED
    is_port = url.port is None or 0 < url.port <= _MOST_PORT
    return None if _is_host(url.host) and is_port else _MALFORMED


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _HOST_NAME.fullmatch(host.encode("idna").decode() if host.isascii() else "x") is not None
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


_MALFORMED: Final = "is no address of a proxy, as in http://proxy.example.com:3128"
