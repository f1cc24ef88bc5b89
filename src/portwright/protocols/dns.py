"""DNS (RFC 1035): a question and its answer, over datagrams and, where they do not fit, over a stream.

The messages are written and read by dnspython; a server's zone is a small value.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from portwright.protocols.conversation import EndOfStream, Misspoken, Talk, send, some, take
from portwright.protocols.lines import shown

_PAYLOAD = 1232  # bytes of a datagram that no path fragments (RFC 6891, 6.2.5, and the DNS flag day of 2020)
_WITHOUT_EDNS = 512  # bytes (RFC 1035, 4.2.1)
_LONGEST = 65535  # bytes of a message in a stream (RFC 1035, 4.2.2)
_SHOWN = 4  # records in a text
_MOST_ALIASES = 8  # that a server follows from one name to the next


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a zone, in the notation of zone files (RFC 1035, 5.1)."""

    name: str  # absolute, the dot at the end may be left out
    type: str  # "A", "SRV"
    data: str  # "10.0.0.1", "0 100 389 dc01.contoso.test."


@dataclass(frozen=True)
class Zone:
    """What a server knows of a name and all below it."""

    origin: str
    records: tuple[Record, ...]
    ttl: int = 3600  # seconds

    @cached_property
    def sets(self) -> Mapping[tuple[dns.name.Name, str], list[str]]:
        """The data of its records by name and type."""
        found: dict[tuple[dns.name.Name, str], list[str]] = {}
        for record in self.records:
            found.setdefault((_name(record.name), record.type), []).append(record.data)
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name server answered."""

    code: str  # "NOERROR", "NXDOMAIN", "REFUSED" (RFC 1035, 4.1.1)
    records: tuple[Record, ...]  # of the answer section
    truncated: bool  # it did not fit into the datagram: ask again over a stream

    def __str__(self) -> str:
        if self.records:
            return "DNS: " + ", ".join(shown(f"{one.name} {one.type} {one.data}") for one in self.records[:_SHOWN])
        return f"DNS: {self.code}, no records"


def client(name: str, kind: str = "A") -> Talk[Answer]:
    """Ask a name server for records of a name, by one datagram.

    Raises Misspoken for an answer to something else, ValueError for what is no name or no type.
    """
    query = _query(name, kind)
    yield from send(query.to_wire())
    return _answer(query, (yield from some()))


def stream_client(name: str, kind: str = "A") -> Talk[Answer]:
    """Ask a name server for records of a name, over a stream (RFC 7766)."""
    query = _query(name, kind)
    yield from send(_framed(query.to_wire()))
    return _answer(query, (yield from _message()))


def server(zones: Sequence[Zone]) -> Talk[None]:
    """Answer one datagram; one that is no query at all is left alone."""
    query = _read((yield from some()))
    if query is not None:
        room = max(_WITHOUT_EDNS, query.payload) if query.edns >= 0 else _WITHOUT_EDNS
        yield from send(_reply(query, zones).to_wire(max_size=min(room, _PAYLOAD), prefer_truncation=True))


def stream_server(zones: Sequence[Zone]) -> Talk[None]:
    """Answer the queries of one connection, until it ends or says what is none."""
    try:
        while (query := _read((yield from _message()))) is not None:
            yield from send(_framed(_reply(query, zones).to_wire(max_size=_LONGEST, prefer_truncation=True)))
    except EndOfStream:
        return


def _query(name: str, kind: str) -> dns.message.QueryMessage:
    try:
        return dns.message.make_query(name, kind, use_edns=0, payload=_PAYLOAD)
    except dns.exception.DNSException as problem:
        raise ValueError(f"no question of DNS: {problem}") from None


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _message() -> Talk[bytes]:
    return (yield from take(int.from_bytes((yield from take(2)), "big")))


def _answer(query: dns.message.Message, data: bytes) -> Answer:
    try:
        said = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError) as problem:
        raise Misspoken(f"no message of DNS: {problem}") from None
    if not query.is_response(said):
        raise Misspoken("the answer is not to what was asked")
    records = tuple(_records(said.answer))
    return Answer(dns.rcode.to_text(said.rcode()), records, bool(said.flags & dns.flags.TC))


def _records(sets: Iterable[dns.rrset.RRset]) -> Iterator[Record]:
    for one in sets:
        for data in one:
            yield Record(str(one.name), dns.rdatatype.to_text(one.rdtype), str(data))


def _read(data: bytes) -> dns.message.Message | None:
    try:
        said = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError):
        return None
    return None if said.flags & dns.flags.QR else said


def _reply(query: dns.message.Message, zones: Sequence[Zone]) -> dns.message.Message:
    """The whole answer to a query, or the code that says why there is none."""
    reply = dns.message.make_response(query, our_payload=_PAYLOAD)
    if query.opcode() != dns.opcode.QUERY:
        reply.set_rcode(dns.rcode.NOTIMP)
    elif len(query.question) != 1:
        reply.set_rcode(dns.rcode.FORMERR)
    elif (zone := _zone_of(query.question[0], zones)) is None:
        reply.set_rcode(dns.rcode.REFUSED)  # as a server does that has no such zone and asks no other
    else:
        reply.flags |= dns.flags.AA
        _look_up(reply, zone, query.question[0].name, query.question[0].rdtype)
    return reply


def _zone_of(question: dns.rrset.RRset, zones: Sequence[Zone]) -> Zone | None:
    if question.rdclass != dns.rdataclass.IN:
        return None
    held = [zone for zone in zones if question.name.is_subdomain(_name(zone.origin))]
    return max(held, key=lambda zone: len(_name(zone.origin)), default=None)


def _look_up(reply: dns.message.Message, zone: Zone, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> None:
    for _ in range(_MOST_ALIASES):
        if found := _set(zone, name, kind):
            reply.answer.append(found)
            reply.additional.extend(_hints(zone, found))
            return
        if not (alias := _set(zone, name, dns.rdatatype.CNAME)):
            break
        reply.answer.append(alias)
        name = alias[0].target
    if not any(_name(record.name).is_subdomain(name) for record in zone.records):
        reply.set_rcode(dns.rcode.NXDOMAIN)
    if start := _set(zone, _name(zone.origin), dns.rdatatype.SOA):
        reply.authority.append(start)  # how long the no holds (RFC 2308, 3)


def _set(zone: Zone, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.rrset.RRset | None:
    """The zone's records of this name and type."""
    text = dns.rdatatype.to_text(kind)
    data = zone.sets.get((name, text))
    return dns.rrset.from_text(name, zone.ttl, "IN", text, *data) if data else None


def _hints(zone: Zone, found: dns.rrset.RRset) -> Iterator[dns.rrset.RRset]:
    """The addresses of the targets of service records (RFC 2782)."""
    if found.rdtype != dns.rdatatype.SRV:
        return
    for target in sorted({data.target for data in found}):
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            if addresses := _set(zone, target, kind):
                yield addresses


@cache
def _name(text: str) -> dns.name.Name:
    """A name of a zone; there are as many as its records say."""
    return dns.name.from_text(text)
