"""Constants as iptables writes them, to numbers."""

from ipaddress import AddressValueError, IPv4Address, IPv6Address

from portwright.packets.fields import LAST_ADDRESS
from portwright.packets.intervals import Interval, Intervals, normalize
from portwright.platforms.netfilter.matching import Obscure, masked
from portwright.platforms.netfilter.names import PROTOCOLS, SERVICES

_LONGEST = 64  # characters of a constant
_BITS = {4: 32, 6: 128}


def number(text: str, last: int) -> int | None:
    """A decimal number from 0 to `last`; None where it is none."""
    is_number = text.isascii() and text.isdecimal() and len(text) < 12
    return int(text) if is_number and int(text) <= last else None


def address(text: str, version: int) -> int:
    """One address. Raises Obscure."""
    try:
        if len(text) <= _LONGEST and "%" not in text:
            return int(IPv4Address(text) if version == 4 else IPv6Address(text))
    except AddressValueError:
        pass
    raise Obscure(f"'{text[:_LONGEST]}' is not an IPv{version} address")


def networks(text: str, version: int) -> Intervals:
    """The addresses of networks with commas between them, masks with gaps included. Raises Obscure."""
    return normalize(piece for part in text.split(",") for piece in network(part, version))


def network(text: str, version: int) -> Intervals:
    """The addresses of one network. Raises Obscure."""
    first, slash, mask = text.partition("/")
    host = address(first, version)
    if not slash:
        return ((host, host),)
    bits, last = _BITS[version], LAST_ADDRESS[version]
    length = number(mask, bits)
    wanted = address(mask, version) if length is None else last - (last >> length)
    return masked(((host & wanted, host & wanted),), wanted, bits) if wanted else ((0, last),)


def span(text: str, version: int) -> Interval:
    """The first and the last of `10.0.0.1-10.0.0.9`. Raises Obscure."""
    first, dash, last = text.partition("-")
    low = address(first, version)
    high = address(last, version) if dash else low
    if low > high:
        raise Obscure(f"the range {text[:_LONGEST]} runs backwards")
    return low, high


def port(text: str) -> int:
    """A port by number or name. Raises Obscure."""
    found = number(text, 65535)
    found = SERVICES.get(text) if found is None else found
    if found is None:
        raise Obscure(f"'{text[:_LONGEST]}' is not known as a port")
    return found


def ports(text: str, between: str = ":") -> Interval:
    """One port or the first and the last of several: `80`, `80:90`, `:1023`. Raises Obscure."""
    first, found, last = text.partition(between)
    low = port(first) if first or not found else 0
    high = (port(last) if last else 65535) if found else low
    if low > high:
        raise Obscure(f"the range {text[:_LONGEST]} runs backwards")
    return low, high


def protocol(text: str) -> int:
    """An IP protocol by number or name; 0 stands for all. Raises Obscure."""
    found = number(text, 255)
    found = {**PROTOCOLS, "all": 0}.get(text.lower()) if found is None else found
    if found is None:
        raise Obscure(f"'{text[:_LONGEST]}' is not known as a protocol")
    return found
