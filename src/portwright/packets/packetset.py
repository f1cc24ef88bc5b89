"""Sets of packets: the boolean packet maps, with Python's set operators.

`required - sure` is what is missing; `required <= sure` is the proof. Sets belong to the `Space` that made them; mixing
spaces raises ValueError.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from weakref import WeakKeyDictionary

from portwright.packets.box import Box
from portwright.packets.diagram import Node, Operation, PacketMap, Space, children_on, pieces_of, same_space
from portwright.packets.fields import (
    EXTENSION_HEADERS,
    ICMP,
    ICMPV6,
    LAST,
    LAST_ADDRESS,
    PORT_PROTOCOLS,
    TCP,
    Field,
    Header,
)
from portwright.packets.intervals import Intervals, complement, contains, intersect, normalize

Preferences = Mapping[Field, Sequence[int]]  # values that a person would recognize, the best first


def _is_true(value: Hashable) -> bool:
    return value is True


def _is_false(value: Hashable) -> bool:
    return value is False


class _Operations:
    """The three set operations of one space, with their caches."""

    def __init__(self) -> None:
        self.intersection = Operation(
            lambda a, b: a and b,
            left_wins=_is_false, left_yields=_is_true, right_wins=_is_false, right_yields=_is_true,
        )  # fmt: skip
        self.union = Operation(
            lambda a, b: a or b,
            left_wins=_is_true, left_yields=_is_false, right_wins=_is_true, right_yields=_is_false,
        )  # fmt: skip
        self.difference = Operation(
            lambda a, b: a and not b,
            left_wins=_is_false, right_yields=_is_false,
        )  # fmt: skip


_operations: WeakKeyDictionary[Space, _Operations] = WeakKeyDictionary()


def _operations_of(space: Space) -> _Operations:
    if space not in _operations:
        _operations[space] = _Operations()
    return _operations[space]


class PacketSet(PacketMap[bool]):
    """A set of packet headers."""

    __slots__ = ()

    @classmethod
    def of(cls, space: Space, boxes: Iterable[Box]) -> "PacketSet":
        """The packets in any of the boxes."""
        return cls(space, space.first_of([(box, True) for box in boxes], False))

    @classmethod
    def everything(cls, space: Space) -> "PacketSet":
        """Every header."""
        return cls(space, space.leaf(True))

    @classmethod
    def nothing(cls, space: Space) -> "PacketSet":
        """No header."""
        return cls(space, space.leaf(False))

    @classmethod
    def where(cls, source: PacketMap[Hashable], holds: Callable[[Hashable], bool]) -> "PacketSet":
        """The packets whose value satisfies a predicate."""
        return cls(source.space, source.space.map(lambda value: bool(holds(value)), source.root))

    def within(self, space: Space) -> "PacketSet":
        """The same set in a scratch space of its own space."""
        return PacketSet(space, self.root)

    def __and__(self, other: "PacketSet") -> "PacketSet":
        return self._combined(_operations_of(self.space).intersection, other)

    def __or__(self, other: "PacketSet") -> "PacketSet":
        return self._combined(_operations_of(self.space).union, other)

    def __sub__(self, other: "PacketSet") -> "PacketSet":
        return self._combined(_operations_of(self.space).difference, other)

    def __invert__(self) -> "PacketSet":
        return PacketSet.everything(self.space) - self

    def __xor__(self, other: "PacketSet") -> "PacketSet":
        return (self - other) | (other - self)

    def __le__(self, other: "PacketSet") -> bool:
        return not self - other

    def __bool__(self) -> bool:
        return self.root is not self.space.leaf(False)

    def __contains__(self, header: Header) -> bool:
        return self[header]

    def _combined(self, operation: Operation, other: "PacketSet") -> "PacketSet":
        same_space(self, other)
        return PacketSet(self.space, self.space.apply(operation, self.root, other.root))

    def overlaps(self, box: Box) -> bool:
        """Report whether some packet of the box is in the set."""
        return self.space.takes(self.root, _is_true, box)

    def covers(self, box: Box) -> bool:
        """Report whether every packet of the box is in the set."""
        return not self.space.takes(self.root, _is_false, box)

    def witness(self, prefer: Preferences | None = None) -> Header:
        """A packet of the set: field by field a preferred value where one is possible, else the smallest.

        Raises ValueError when the set is empty.
        """
        if not self:
            raise ValueError("an empty set has no witness")
        prefer = prefer or {}
        chosen = {name: _first_choice(prefer.get(name, ()), ((0, LAST[name]),)) for name in Field}
        node = self.root
        leaf = len(self.space.order)
        while node.level < leaf:
            name = self.space.order[node.level]
            pieces = _true_pieces(node, self.space.leaf(False))
            chosen[name] = _first_choice(prefer.get(name, ()), tuple((low, high) for low, high, _ in pieces))
            node = next(child for low, high, child in pieces if low <= chosen[name] <= high)
        return tuple(chosen[name] for name in Field)

    def grow(self, header: Header, apart: bool = False) -> Box:
        """A large box inside the set around one of its packets: each field in turn as wide as possible.

        With `apart` a field takes all values that it may have, also those that do not lie side by side.
        """
        constraints: dict[Field, Intervals] = {name: ((header[name], header[name]),) for name in Field}
        for name in _GROW_ORDER:
            value = constraints.pop(name)[0][0]
            possible = self._slice(name, constraints)
            beside = (next(pair for pair in possible if pair[0] <= value <= pair[1]),)
            constraints[name] = possible if apart else beside
        box = Box.of(constraints)
        assert box is not None
        return box

    def _slice(self, name: Field, constraints: Mapping[Field, Intervals]) -> Intervals:
        """The values of one field with which every packet that satisfies the constraints is in the set."""
        level_of = self.space.level_of
        wanted = {level_of[other]: ranges for other, ranges in constraints.items()}
        level = level_of[name]
        inside: dict[Node, bool] = {}

        def is_inside(node: Node) -> bool:
            if node.level == len(self.space.order):
                return node.value is True
            if node not in inside:
                inside[node] = all(is_inside(child) for child in children_on(node, wanted.get(node.level)))
            return inside[node]

        possible: Intervals = ((0, LAST[name]),)
        for node in self._nodes_below(level, wanted):
            if node.level > level:
                possible = possible if is_inside(node) else ()
            else:
                pieces = pieces_of(node)
                possible = intersect(
                    possible, normalize((low, high) for low, high, child in pieces if is_inside(child))
                )
        return possible

    def _nodes_below(self, level: int, wanted: Mapping[int, Intervals]) -> Iterator[Node]:
        """The first nodes on or behind a level that packets within the constraints come to."""
        seen = {self.root}
        stack = [self.root]
        while stack:
            node = stack.pop()
            if node.level >= level:
                yield node
                continue
            fresh = set(children_on(node, wanted.get(node.level))) - seen
            seen |= fresh
            stack.extend(fresh)

    def cover(
        self, most: int, prefer: Preferences | None = None, beside: "PacketSet | None" = None
    ) -> tuple[list[Box], int]:
        """At most `most` readable boxes, and exactly how many headers of the set they leave out.

        Every real packet of a box is in the set or in `beside`; headers that no packet has (ports of ESP) do not narrow
        a box.
        """
        real = well_formed(self.space)
        room = self | ~real
        if beside is not None:
            room = room | beside
        rest = self & real
        boxes: list[Box] = []
        while rest and len(boxes) < most:
            box = room.grow(rest.witness(prefer))
            boxes.append(box)
            rest = rest - PacketSet.of(self.space, [box])
        return boxes, rest.count()

    def count(self) -> int:
        """How many headers the set holds, fields that a protocol does not have counted once."""
        return (self & well_formed(self.space))._count()

    def _count(self) -> int:
        sizes = [last + 1 for last in self.space.last]
        below = [1] * (len(sizes) + 1)  # below[i]: headers over the fields from level i on
        for level in reversed(range(len(sizes))):
            below[level] = below[level + 1] * sizes[level]
        counted: dict[Node, int] = {}

        def recurse(node: Node) -> int:  # headers over the fields from node.level on
            if node.level == len(sizes):
                return 1 if node.value else 0
            if node not in counted:
                total, low = 0, 0
                for bound, child in zip(node.bounds, node.children, strict=True):
                    skipped = below[node.level + 1] // below[child.level]
                    total += (bound - low + 1) * recurse(child) * skipped
                    low = bound + 1
                counted[node] = total
            return counted[node]

        return recurse(self.root) * (below[0] // below[self.root.level])

    def boxes(self) -> Iterator[Box]:
        """The whole set as disjoint boxes, one per path of the diagram; may be very many."""
        stack: list[tuple[Node, tuple[tuple[Field, Intervals], ...]]] = [(self.root, ())]
        false = self.space.leaf(False)
        while stack:
            node, constraints = stack.pop()
            if node is false:
                continue
            if node.level == len(self.space.order):
                yield Box(tuple(sorted(constraints)))
                continue
            by_child: dict[Node, list[tuple[int, int]]] = {}
            for low, high, child in _true_pieces(node, false):
                by_child.setdefault(child, []).append((low, high))
            name = self.space.order[node.level]
            stack.extend((child, (*constraints, (name, tuple(ranges)))) for child, ranges in by_child.items())


# Fields that say least about a flow grow first, so that addresses and ports stay as specific as they need to be.
_GROW_ORDER = (
    Field.FLAGS, Field.STATE, Field.CODE, Field.TYPE, Field.SPORT, Field.OUT, Field.IN, Field.DPORT, Field.PROTOCOL,
    Field.SRC, Field.DST, Field.VERSION,
)  # fmt: skip


def _true_pieces(node: Node, false: Node) -> list[tuple[int, int, Node]]:
    return [piece for piece in pieces_of(node) if piece[2] is not false]


def _first_choice(preferred: Sequence[int], possible: Intervals) -> int:
    return next((value for value in preferred if contains(possible, value)), possible[0][0])


def _only(name: Field, value: int) -> tuple[Field, Intervals]:
    return name, ((value, value),)


def _well_formed_boxes() -> Iterator[Box]:
    """Real packets: fields that a header does not have are zero."""
    special = (*PORT_PROTOCOLS, ICMP, ICMPV6)
    with_ports = tuple((p, p) for p in PORT_PROTOCOLS if p != TCP)
    quiet = dict([_only(Field.TYPE, 0), _only(Field.CODE, 0)])
    portless = dict([_only(Field.SPORT, 0), _only(Field.DPORT, 0)])
    calm = dict([_only(Field.FLAGS, 0)])
    for version, last in LAST_ADDRESS.items():
        family = {Field.VERSION: ((version, version),), Field.SRC: ((0, last),), Field.DST: ((0, last),)}
        icmp = ICMP if version == 4 else ICMPV6
        other_icmp = ICMPV6 if version == 4 else ICMP
        others = (*special, *EXTENSION_HEADERS) if version == 6 else special
        no_ports = complement(normalize((p, p) for p in others), LAST[Field.PROTOCOL])
        for constraints in (
            {Field.PROTOCOL: ((TCP, TCP),), **quiet},
            {Field.PROTOCOL: with_ports, **quiet, **calm},
            {Field.PROTOCOL: ((icmp, icmp),), **portless, **calm},
            {Field.PROTOCOL: ((other_icmp, other_icmp),), **portless, **quiet, **calm},
            {Field.PROTOCOL: no_ports, **portless, **quiet, **calm},
        ):
            box = Box.of({**family, **constraints})
            assert box is not None
            yield box


def well_formed(space: Space) -> PacketSet:
    """The headers of real packets, each once: fields that a protocol does not have are zero."""
    return PacketSet.of(space, _well_formed_boxes())
