"""The header fields that packet sets speak about, their domains and their symbolic values.

Fragments, IP options, marks and DSCP are not among them: a match on one of those is uncertain.
"""

from enum import IntEnum


class Field(IntEnum):
    """A header field. The integer is the place of its value in a `Header`."""

    IN = 0  # interface of arrival, an atom of `policy.interfaces.Interfaces`
    OUT = 1  # interface of departure, likewise
    VERSION = 2  # 4 or 6
    PROTOCOL = 3  # IP protocol number, IANA "protocol-numbers"; IPv6: AH, or what stands behind the extension headers
    DPORT = 4
    DST = 5  # 32 bits in IPv4, 128 bits in IPv6: always together with VERSION
    SRC = 6
    SPORT = 7
    TYPE = 8  # ICMP or ICMPv6 type
    CODE = 9
    STATE = 10  # connection state, `State`
    FLAGS = 11  # TCP flags, `Flags`


class State(IntEnum):
    """Connection state of the packet, in the words of netfilter's conntrack."""

    NEW = 0
    ESTABLISHED = 1
    RELATED = 2
    INVALID = 3
    UNTRACKED = 4


class Flags(IntEnum):
    """TCP flags, as far as firewalls ask: does the segment open a connection (SYN without ACK, RST, FIN)?"""

    OPENS = 0
    OTHER = 1


LAST: dict[Field, int] = {  # largest value of each domain; every domain starts at 0
    Field.IN: 0xFFFF,
    Field.OUT: 0xFFFF,
    Field.VERSION: 6,
    Field.PROTOCOL: 0xFF,
    Field.DPORT: 0xFFFF,
    Field.DST: 2**128 - 1,
    Field.SRC: 2**128 - 1,
    Field.SPORT: 0xFFFF,
    Field.TYPE: 0xFF,
    Field.CODE: 0xFF,
    Field.STATE: int(max(State)),
    Field.FLAGS: int(max(Flags)),
}

LAST_ADDRESS = {4: 2**32 - 1, 6: 2**128 - 1}

ICMP, TCP, UDP, AH, ICMPV6 = 1, 6, 17, 51, 58
ICMP_PROTOCOL = {4: ICMP, 6: ICMPV6}
EXTENSION_HEADERS = (0, 43, 44, 60)  # RFC 8200, 4: hop-by-hop options, routing, fragment, destination options
PORT_PROTOCOLS = (6, 17, 33, 132, 136)  # TCP, UDP, DCCP, SCTP, UDP-Lite: the protocols whose header has ports

Header = tuple[int, ...]  # one value per Field, in Field order
