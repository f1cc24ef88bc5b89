"""Constants as nft writes them, to numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from portwright.packets.intervals import Intervals
from portwright.platforms.netfilter.matching import Obscure
from portwright.platforms.netfilter.names import PROTOCOLS, SERVICES
from portwright.platforms.nftables import names
from portwright.platforms.nftables.syntax import Binary, Expression, Flagged, Prefix, Range, Value
from portwright.policy.interfaces import Interfaces

_LONGEST = 64  # characters of a number or address


@dataclass(frozen=True, slots=True)
class Datatype:
    """How constants of one kind are written."""

    name: str  # nft's, or a word for people
    bits: int
    names: Mapping[str, int] = field(default_factory=dict, compare=False)
    is_flags: bool = False  # several may hold at once; equality means "any of" where no operator is written

    @property
    def last(self) -> int:
        """The largest value."""
        return (1 << self.bits) - 1

    def number(self, text: str) -> int:
        """The number that a constant stands for. Raises Obscure."""
        value = self.names.get(text)
        if value is None:
            value = _number(text[:_LONGEST], self.bits)
        if value is None or not 0 <= value <= self.last:
            raise Obscure(f"'{text[:_LONGEST]}' is not known as {self.name}")
        return value


IPV4 = Datatype("an IPv4 address", 32)
IPV6 = Datatype("an IPv6 address", 128)
PORT = Datatype("a port", 16, SERVICES)
PROTOCOL = Datatype("an IP protocol", 8, PROTOCOLS)
ICMP_TYPE = Datatype("an ICMP type", 8, names.ICMP_TYPES)
ICMP_CODE = Datatype("an ICMP code", 8, names.ICMP_CODES)
ICMPV6_TYPE = Datatype("an ICMPv6 type", 8, names.ICMPV6_TYPES)
ICMPV6_CODE = Datatype("an ICMPv6 code", 8, names.ICMPV6_CODES)
CT_STATE = Datatype("a connection state", 32, names.CT_STATES, is_flags=True)
CT_DIRECTION = Datatype("a direction", 8, names.CT_DIRECTIONS)
TCP_FLAG = Datatype("a TCP flag", 8, names.TCP_FLAGS, is_flags=True)
NF_PROTO = Datatype("a family", 8, names.NF_PROTOS)
ETHER_TYPE = Datatype("an Ethernet type", 16, names.ETHER_TYPES)
INTERFACE = Datatype("an interface", 16)
NUMBER = Datatype("a number", 128)


def _number(text: str, bits: int) -> int | None:
    if text.isdecimal():
        return int(text)
    if text[:2].lower() == "0x":
        return _hexadecimal(text)
    try:
        if bits == IPV6.bits and ":" in text:
            return int(IPv6Address(text))
        return int(IPv4Address(text)) if bits == IPV4.bits else None
    except AddressValueError:
        return None


def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


def single(expression: Expression, datatype: Datatype) -> int:
    """The number of one constant or of several flags together. Raises Obscure."""
    match expression:
        case Value(text):
            return datatype.number(text)
        case Flagged(items):
            return sum({single(item, datatype) for item in items})
        case Binary("|", left, right):
            return single(left, datatype) | single(right, datatype)
        case Binary("&", left, right):
            return single(left, datatype) & single(right, datatype)
        case Binary("^", left, right):
            return single(left, datatype) ^ single(right, datatype)
        case _:
            raise Obscure(f"'{expression}' is not understood")


def ranges(expression: Expression, datatype: Datatype, interfaces: Interfaces) -> Intervals:
    """The numbers that one constant stands for: itself, a range or a prefix. Raises Obscure."""
    if datatype is INTERFACE:
        return _interfaces(expression, interfaces)
    match expression:
        case Range(first, last):
            low, high = single(first, datatype), single(last, datatype)
            if low > high:
                raise Obscure(f"the range {expression} runs backwards")
            return ((low, high),)
        case Prefix(address, length):
            return (_prefix(single(address, datatype), length, datatype),)
        case _:
            number = single(expression, datatype)
            return ((number, number),)


def _prefix(address: int, length: str, datatype: Datatype) -> tuple[int, int]:
    if not length.isdecimal() or int(length[:4]) > datatype.bits:
        raise Obscure(f"/{length} is no length of a prefix here")
    host = 2 ** (datatype.bits - int(length)) - 1
    return address & ~host, address | host


def interface_name(text: str) -> tuple[str, bool]:
    """The name or prefix in an interface pattern, and whether it is a prefix (`eth*`)."""
    if text.endswith("\\*"):  # a name that ends in an asterisk
        return text[:-2] + "*", False
    return (text[:-1], True) if text.endswith("*") else (text, False)


def _interfaces(expression: Expression, interfaces: Interfaces) -> Intervals:
    if not isinstance(expression, Value) or not expression.text:
        raise Obscure("this listing has lost the names of the interfaces (a fault of nft 1.0.6)")
    if expression.text.isdecimal() and not expression.quoted:
        raise Obscure(f"interface number {expression.text} has no name in this listing")
    name, is_prefix = interface_name(expression.text)
    if not name:
        raise Obscure("a pattern for every interface")
    if name not in (interfaces.prefixes if is_prefix else interfaces.names):
        raise Obscure(f"'{expression}' does not fit what it is compared with")
    return interfaces.starting(name) if is_prefix else interfaces.exactly(name)
