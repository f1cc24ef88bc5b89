"""What a finding is about, small enough to be kept in a report: some boxes of packets, and a digest of them all.

An extent serves to tell later whether a finding has grown. A box is written field by field, each with a value or a
range as text, since addresses are larger than JSON numbers can be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address

from portwright.packets.box import Box, Boxes
from portwright.packets.diagram import Node
from portwright.packets.fields import LAST, LAST_ADDRESS, Field
from portwright.packets.intervals import Interval, intersect
from portwright.packets.packetset import PacketSet, well_formed

MOST = 16  # boxes of an extent
_LONGEST = 100  # characters of a range: two IPv6 addresses have fewer
_NAMES = {
    Field.VERSION: "version",
    Field.PROTOCOL: "protocol",
    Field.SRC: "source",
    Field.SPORT: "source_ports",
    Field.DST: "destination",
    Field.DPORT: "destination_ports",
    Field.TYPE: "type",
    Field.CODE: "code",
    Field.STATE: "state",
    Field.FLAGS: "flags",
    Field.IN: "in",  # interfaces by their numbers in the configuration
    Field.OUT: "out",
}
_FIELDS = {text: name for name, text in _NAMES.items()}
_ENDS = (Field.SRC, Field.DST)


@dataclass(frozen=True, slots=True)
class Extent:
    """The packets of a finding."""

    digest: str  # equal exactly when the packets are
    boxes: Boxes  # all real packets of these are among them
    is_whole: bool  # no other packet is

    @classmethod
    def of(cls, packets: PacketSet) -> "Extent":
        """The extent of a set of packets."""
        boxes, left_out = packets.cover(MOST)
        return cls(_digest(packets), tuple(boxes), not left_out)

    def added(self, packets: PacketSet) -> PacketSet | None:
        """Which of these packets it does not have; None where it cannot be said whether it has them all."""
        real = packets & well_formed(packets.space)
        beyond = real - PacketSet.of(packets.space, self.boxes)
        if not beyond or self.is_whole:
            return beyond
        return PacketSet.nothing(packets.space) if _digest(packets) == self.digest else None


def _digest(packets: PacketSet) -> str:
    """A digest of the real packets of a set: equal sets have equal diagrams, whoever made them."""
    real = packets & well_formed(packets.space)
    order = real.space.order
    known: dict[Node, str] = {}

    def digest(node: Node) -> str:  # calls itself once a field at most
        if node.level == len(order):
            return str(node.value)
        if node not in known:
            test = (order[node.level].name, node.bounds, [digest(child) for child in node.children])
            known[node] = sha256(repr(test).encode()).hexdigest()
        return known[node]

    return digest(real.root)[:32]


def without_source_port(box: Box) -> Box:
    """The box for people: which ephemeral port a client takes says nothing."""
    return Box(tuple((name, ranges) for name, ranges in box.constraints if name != Field.SPORT))


# ---------------------------------------------------------------------- boxes as text


def box_fields(box: Box) -> list[dict[str, str]]:
    """A box of single ranges as text, an entry for each IP version; a field with any value is left out."""
    versions = [version for version in LAST_ADDRESS if intersect(box.get(Field.VERSION), ((version, version),))]
    return [fields for version in versions if (fields := _of_version(box, version))]


def _of_version(box: Box, version: int) -> dict[str, str]:
    """The fields of one IP version; none where the box has no address of it."""
    fields = {_NAMES[Field.VERSION]: str(version)}
    for name, text in _NAMES.items():
        whole = ((0, LAST_ADDRESS[version] if name in _ENDS else LAST[name]),)
        ranges = intersect(box.get(name), whole)
        if not ranges:
            return {}
        if ranges != whole and name is not Field.VERSION:
            fields[text] = _text(name, version, ranges[0])
    return fields


def _text(name: Field, version: int, pair: Interval) -> str:
    first, last = (str(ip_address(_packed(value, version)) if name in _ENDS else value) for value in pair)
    return first if first == last else f"{first}-{last}"


def _packed(value: int, version: int) -> bytes:
    return value.to_bytes(4 if version == 4 else 16, "big")


def read_box(fields: Mapping[str, object]) -> Box | None:
    """The box that fields describe; None where they describe none."""
    try:
        version = int(str(fields["version"]))
        ranges = {_FIELDS[name]: _range(_FIELDS[name], str(text), version) for name, text in fields.items()}
    except (KeyError, ValueError):
        return None
    return Box.of({name: (pair,) for name, pair in ranges.items()})


def _range(name: Field, text: str, version: int) -> Interval:
    """The range that a text means. Raises ValueError for one that means none."""
    first, _, last = text[:_LONGEST].partition("-")
    low, high = (_value(name, one, version) for one in (first, last or first))
    if not 0 <= low <= high <= (LAST_ADDRESS[version] if name in _ENDS else LAST[name]):
        raise ValueError(text)
    return low, high


def _value(name: Field, text: str, version: int) -> int:
    if name not in _ENDS:
        return int(text)
    address = ip_address(text)
    if address.version != version:
        raise ValueError(text)
    return int(address)
