"""Addresses as Windows writes them in rules: plain ones, networks by prefix or mask, ranges, and words for others."""

import re
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_network

from portwright.packets.addresses import Addresses, parse_addresses

_LONGEST = 100  # characters of an address
_WORD = re.compile(r"([A-Za-z]\w*?)([46]?)")
LOCAL_SUBNET = "LocalSubnet"
SERVERS = ("DNS", "DHCP", "WINS", "DefaultGateway")  # words that stand for addresses that an interface knows


def single(address: IPv4Address | IPv6Address | IPv4Interface | IPv6Interface) -> Addresses:
    """The one address."""
    span = ((int(address), int(address)),)
    return Addresses(v4=span) if address.version == 4 else Addresses(v6=span)


def plain(text: str) -> Addresses:
    """The addresses of `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.0.1-10.0.0.9` or `fe80::1/64`. Raises ValueError.

    Bits beyond the prefix do not matter, as in Windows.
    """
    if len(text) > _LONGEST:
        raise ValueError("this is too long for an address")
    if "-" in text:
        return parse_addresses(text)
    address, slash, length = text.partition("/")
    if "." in length:
        mask = int(IPv4Address(length))
        length = str(32 - (~mask & 0xFFFFFFFF).bit_length())
        if mask != (0xFFFFFFFF << (32 - int(length))) & 0xFFFFFFFF:
            raise ValueError(f"'{text}' has no mask of a network")
    if slash:
        return Addresses.of([ip_network(f"{address}/{length}", strict=False)])
    return single(ip_address(address))


def word(text: str) -> tuple[str, int | None] | None:
    """A word for addresses, and the IP version that it may be restricted to: `LocalSubnet6`; None for anything else."""
    found = _WORD.fullmatch(text)
    return (found[1], int(found[2]) if found[2] else None) if found else None
