"""The packets of a query by the names of the site, and IPv4 and IPv6 of the same names told together."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from portwright.check.ends import ends
from portwright.check.extent import without_source_port
from portwright.check.pieces import Part, Piece
from portwright.packets.addresses import EVERY_ADDRESS
from portwright.packets.box import Boxes
from portwright.packets.fields import LAST_ADDRESS, Field
from portwright.packets.intervals import Intervals, complement, contains, intersect
from portwright.plan.routing import Routing
from portwright.policy.reference import RuleReference
from portwright.policy.text import address_range_text, box_text, end_texts, service_text
from portwright.site.model import Site
from portwright.site.naming import site_naming, site_naming_together

_LACKING = 3  # networks that a zone may lack, and is still told by its name


class QueryWords:
    """Boxes by the names of one site."""

    def __init__(self, site: Site):
        known = site_naming_together(site)
        others = {
            (version, end.addresses.family(version)): f"others in {end.zone}"
            for end in ends(EVERY_ADDRESS, Routing.of(site))
            for version in (4, 6)
        }
        self._zones = {name: zone.addresses for name, zone in site.zones.items() if zone.rest}

        def together(version: int, ranges: Intervals) -> str | None:
            return known(version, ranges) or others.get((version, ranges)) or self._nearly(version, ranges)

        self._namings = (site_naming(site), together)

    def _nearly(self, version: int, ranges: Intervals) -> str | None:
        """A zone that has everything else, by its name and the few networks of it that are not meant."""
        for name, addresses in self._zones.items():
            whole = addresses.family(version)
            lacking = intersect(whole, complement(ranges, LAST_ADDRESS[version]))
            if intersect(whole, ranges) == ranges and len(lacking) < len(ranges):
                texts = [address_range_text(version, pair) for pair in lacking]
                more = f" and {len(texts) - _LACKING} more" if len(texts) > _LACKING else ""
                return f"{name} without {' '.join(texts[:_LACKING])}{more}"
        return None

    def flow(self, boxes: Boxes) -> str:
        """Boxes as one line of flow notation."""
        naming, together = self._namings
        return "; ".join(dict.fromkeys(box_text(box, naming=naming, together=together) for box in boxes))

    def arriving(self, piece: Piece) -> str:
        """What a piece arrives as, where a point translates it; which ephemeral port it then has says nothing."""
        boxes = tuple(without_source_port(box) for box in piece.arriving)
        return self.flow(boxes) + (" and more" if piece.arrives_as_more else "")

    def end(self, boxes: Boxes, field: Field) -> list[str]:
        """Everything at one end."""
        return list(dict.fromkeys(text for box in boxes for text in end_texts(box, field, *self._namings)))

    def service(self, boxes: Boxes) -> str:
        """Protocols and ports."""
        return "; ".join(dict.fromkeys(map(service_text, boxes)))

    # ------------------------------------------------------------------ IPv4 and IPv6

    def together(self, parts: Iterable[Part]) -> list[Part]:
        """The parts, those that are the same but for the IP version as one, and so are their pieces."""
        found: dict[object, list[Part]] = {}
        for part in parts:
            part = replace(part, pieces=tuple(self._pieces(part.pieces)))
            found.setdefault(self._kind(part), []).append(part)
        return [one for alike in found.values() for one in self._joined(alike)]

    def _kind(self, part: Part) -> object:
        """All that is told of a part beside the rules; a part that is not told whole is like no other."""
        if not part.pieces or part.left_out:
            return part
        told = tuple(map(self._told, part.pieces))
        said = (part.passage, part.need, part.needed_by, part.replies_pass, part.because, part.leads_on_to)
        return part.leg, part.reach, said, told

    def _joined(self, alike: list[Part]) -> Iterator[Part]:
        first, *others = alike
        for other in others:
            if _versions(first) & _versions(other):
                yield other
            else:
                first = _both(first, other)
        yield first

    def _pieces(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces, those of the same words in one."""
        found: dict[object, Piece] = {}
        for piece in pieces:
            words = self._told(piece)
            known = found.get(words)
            if known is not None and not versions(known) & versions(piece):
                found[words] = _one_piece(known, piece)
            else:
                found[words if known is None else piece] = piece
        yield from found.values()

    def _told(self, piece: Piece) -> object:
        """A piece in all its words."""
        ends = tuple(tuple(self.end(piece.boxes, field)) for field in (Field.SRC, Field.DST))
        return ends, self.service(piece.boxes), self.arriving(piece)


def versions(piece: Piece) -> set[int]:
    """The IP versions of a piece."""
    return {version for box in piece.boxes for version in LAST_ADDRESS if contains(box.get(Field.VERSION), version)}


def _versions(part: Part) -> set[int]:
    return {version for piece in part.pieces for version in versions(piece)}


def _both(one: Part, other: Part) -> Part:
    """Two parts as one: the same packets of two IP versions, and the rules about either."""
    return replace(
        one,
        pieces=tuple(_one_piece(*pair) for pair in zip(one.pieces, other.pieces, strict=True)),
        permitted_by=_rules(one, one.permitted_by, other.permitted_by),
        translated_by=_rules(one, one.translated_by, other.translated_by),
        hangs_on=_rules(one, one.hangs_on, other.hangs_on),
        replies_blocked_by=_rules(one, one.replies_blocked_by, other.replies_blocked_by),
    )


def _rules(part: Part, *rules: tuple[RuleReference, ...]) -> tuple[RuleReference, ...]:
    """The rules of both, in the order of the points."""
    order = {point: number for number, point in enumerate(part.points)}
    every = dict.fromkeys(rule for those in rules for rule in those)
    return tuple(sorted(every, key=lambda rule: order.get(rule.point, len(order))))


def _one_piece(one: Piece, other: Piece) -> Piece:
    """Packets of two IP versions in the same words."""
    more = one.arrives_as_more or other.arrives_as_more
    return Piece((*one.boxes, *other.boxes), (*one.arriving, *other.arriving), more, one.packet)
