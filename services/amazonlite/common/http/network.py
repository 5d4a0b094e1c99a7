"""Whom a limit counts: a person with an IPv6 connection has a whole /64 to send from, with an IPv4 one an address."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request

LONGEST = 64
IPNetwork = IPv4Network | IPv6Network


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """`203.0.113.7`, `2001:db8:1:2::/64`; what is no address counts as it is written, cut to 64 characters."""
    found = _parsed(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found) if found else address[:LONGEST]


@lru_cache(maxsize=4096)
def site_of(network: str) -> str:
    """The /48 that an IPv6 network lies in, `2001:db8:1::/48`; any other as it is.

    Providers give each customer up to a /48 (RFC 6177), which has 65,536 networks to send from.
    """
    try:
        return str(IPv6Network(network, strict=False).supernet(new_prefix=48))
    except ValueError:
        return network


def networks_in(text: str) -> list[IPNetwork]:
    """`10.0.0.0/8, 2001:db8::/32`; ValueError where one is no network."""
    return [ip_network(each.strip()) for each in text.split(",") if each.strip()]


def lies_in(address: str, networks: Sequence[IPNetwork]) -> bool:
    """False for what is no address."""
    if not networks:
        return False
    found = _parsed(address)
    return found is not None and any(found in network for network in networks)


async def client_network(request: Request) -> str:
    """The network of the client whom the gateway speaks for, or else of the peer. (A dependency.)

    The gateway writes X-Forwarded-For anew, the client first; only what runs in the shop could write another.
    """
    came = request.headers.get("x-forwarded-for", "")
    peer = request.client.host if request.client else "unknown"
    return network_of(came.partition(",")[0].strip() or peer)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """Some proxies write a port after the address, and brackets around one of IPv6."""
    bare = address.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
