"""Interval decision diagrams: exact maps from packet headers to values, hash-consed.

Theory of operation. A node tests one header field: the field's domain is cut into consecutive pieces, each with a
child. Fields are tested in the order of the space; a field that does not matter is not tested. Equal nodes exist once,
and no node has two equal neighbors or a single piece, so two maps are equal exactly when their roots are the same
object. Leaves hold values: any hashable.

Two ways build a diagram. `Space.first_of` goes top-down over boxes in order of priority: at each field it sweeps the
cut points of the boxes still alive and recurses once per distinct set of survivors; it makes no node that the result
does not need. `Space.apply` combines two diagrams, once per pair of nodes.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from enum import Enum
from typing import Generic, TypeVar

from portwright.packets.box import EVERYTHING, Box
from portwright.packets.fields import LAST, Field, Header
from portwright.packets.intervals import Intervals

# Wide source lists against single destinations are the common case: destination before source keeps diagrams small.
DEFAULT_ORDER = (
    Field.STATE, Field.IN, Field.OUT, Field.VERSION, Field.PROTOCOL, Field.DPORT, Field.DST, Field.SRC, Field.SPORT,
    Field.TYPE, Field.CODE, Field.FLAGS,
)  # fmt: skip

Value_co = TypeVar("Value_co", bound=Hashable, covariant=True)


class Node:
    """A test of one field, or a leaf (level = number of fields). Compared by identity; made by `Space` only."""

    __slots__ = ("_distinct", "bounds", "children", "level", "value")

    level: int
    bounds: tuple[int, ...]  # upper bound of each piece, inclusive, ascending; the last is the end of the domain
    children: tuple["Node", ...]
    value: Hashable  # of a leaf

    @property
    def distinct(self) -> tuple["Node", ...]:
        """The children, each once: of thousands of pieces often only two."""
        try:
            return self._distinct
        except AttributeError:
            self._distinct: tuple[Node, ...] = tuple(dict.fromkeys(self.children))
            return self._distinct


LeafFunction = Callable[[Hashable, Hashable], Hashable]
Priority = tuple[Box, Hashable]  # packets of the box take the value, unless an earlier one took them


def _never(_: Hashable) -> bool:
    return False


class Operation:
    """A combination of leaf values, the short cuts it allows, and its cache (one per space).

    `left_wins(value)`: with this value as the left leaf the result is that leaf, whatever is right; `right_wins`
    likewise. `left_yields(value)`: the result is the right operand; `right_yields`: the left one.
    """

    def __init__(
        self,
        combine: LeafFunction,
        *,
        left_wins: Callable[[Hashable], bool] = _never,
        left_yields: Callable[[Hashable], bool] = _never,
        right_wins: Callable[[Hashable], bool] = _never,
        right_yields: Callable[[Hashable], bool] = _never,
    ):
        self.combine = combine
        self.left_wins, self.left_yields = left_wins, left_yields
        self.right_wins, self.right_yields = right_wins, right_yields
        self.cache: dict[tuple[Node, Node], Node] = {}
        self.left_roles: dict[Node, _Role] = {}  # of the leaves seen so far
        self.right_roles: dict[Node, _Role] = {}

    def left_role(self, leaf: Node) -> "_Role":
        """What a leaf as the left operand means for the result."""
        role = _Role.WINS if self.left_wins(leaf.value) else _Role.of(self.left_yields(leaf.value))
        return self.left_roles.setdefault(leaf, role)

    def right_role(self, leaf: Node) -> "_Role":
        """What a leaf as the right operand means for the result."""
        role = _Role.WINS if self.right_wins(leaf.value) else _Role.of(self.right_yields(leaf.value))
        return self.right_roles.setdefault(leaf, role)


class _Role(Enum):
    WINS = 1  # the result is this leaf
    YIELDS = 2  # the result is the other operand
    COMBINES = 3

    @classmethod
    def of(cls, yields: bool) -> "_Role":
        return cls.YIELDS if yields else cls.COMBINES


_WINS, _YIELDS = _Role.WINS, _Role.YIELDS


class Space:
    """The universe of headers, its field order and every node made in it. Freed as a whole."""

    def __init__(self, order: Sequence[Field] = DEFAULT_ORDER, parent: "Space | None" = None):
        if sorted(order) != sorted(Field):
            raise ValueError("a field order names every header field once")
        self.order = tuple(order)
        self.level_of = {name: level for level, name in enumerate(self.order)}
        self.last = tuple(LAST[name] for name in self.order)
        self._unique: dict[tuple[int, tuple[int, ...], tuple[Node, ...]], Node] = {}
        self._leaves: dict[tuple[type, Hashable], Node] = {}
        self._parent = parent
        self._integers: dict[int, int] = {}  # 128-bit bounds are shared, not repeated

    # ------------------------------------------------------------------ nodes

    def leaf(self, value: Hashable) -> Node:
        """The leaf with this value."""
        key = (type(value), value)  # True and 1 are equal, and different leaves
        if self._parent is not None and key in self._parent._leaves:
            return self._parent._leaves[key]
        if key not in self._leaves:
            node = Node()
            node.level, node.bounds, node.children, node.value = len(self.order), (), (), value
            self._leaves[key] = node
        return self._leaves[key]

    def node(self, level: int, bounds: list[int], children: list[Node]) -> Node:
        """The node with these pieces; neighbors must differ already. A single piece is its child."""
        if len(children) == 1:
            return children[0]
        key = (level, tuple(bounds), tuple(children))
        found = self._unique.get(key)
        if found is None and self._parent is not None:
            found = self._parent._unique.get(key)
        if found is None:
            found = Node()
            found.level, found.bounds, found.children = key
            found.value = None
            self._unique[key] = found
        return found

    def scratch(self) -> "Space":
        """A space for passing work: it knows the nodes of this one, and takes its own along when it goes.

        This space must make no node while the other is in use: equal nodes would exist twice.
        """
        return Space(self.order, self)

    def __len__(self) -> int:
        """How many nodes and leaves exist."""
        return len(self._unique) + len(self._leaves)

    # ------------------------------------------------------------------ building

    def first_of(self, priorities: Sequence[Priority], otherwise: Hashable) -> Node:
        """The map in which every packet takes the value of the first box that contains it."""
        return _FirstOf(self, priorities, otherwise).build()

    def fold(
        self,
        items: Sequence[Priority],
        combine: LeafFunction,
        start: Hashable,
        is_final: Callable[[Hashable], bool],
    ) -> Node:
        """The map of all items folded in order: `combine(so far, value)` wherever a box contains the packet.

        `is_final(so far)` reports that later items no longer matter.
        """
        return _FirstOf(self, items, start, combine, is_final).build()

    def integer(self, value: int) -> int:
        """The shared object for a bound."""
        return self._integers.setdefault(value, value)

    # ------------------------------------------------------------------ combining

    def apply(self, operation: Operation, one: Node, other: Node) -> Node:  # noqa: C901
        """The map of the operation's leaf function over two maps."""
        leaf_level = len(self.order)
        cache, make = operation.cache, self.node
        left_roles, right_roles = operation.left_roles, operation.right_roles

        def recurse(a: Node, b: Node) -> Node:  # noqa: C901, PLR0912 -- measured: calls are what costs here
            if a.level == leaf_level:
                role = left_roles.get(a) or operation.left_role(a)
                if role is _WINS:
                    return a
                if role is _YIELDS:
                    return b
            if b.level == leaf_level:
                role = right_roles.get(b) or operation.right_role(b)
                if role is _WINS:
                    return b
                if role is _YIELDS:
                    return a
                if a.level == leaf_level:
                    return self.leaf(operation.combine(a.value, b.value))
            key = (a, b)
            found = cache.get(key)
            if found is not None:
                return found
            bounds: list[int] = []
            children: list[Node] = []
            level = a.level if a.level < b.level else b.level
            if a.level == b.level:
                _merge(a, b, recurse, bounds, children)
            elif a.level < b.level:
                for bound, child in zip(a.bounds, a.children, strict=True):
                    _append(bounds, children, bound, recurse(child, b))
            else:
                for bound, child in zip(b.bounds, b.children, strict=True):
                    _append(bounds, children, bound, recurse(a, child))
            found = make(level, bounds, children)
            cache[key] = found
            return found

        return recurse(one, other)

    def map(self, function: Callable[[Hashable], Hashable], root: Node) -> Node:
        """The map with a function applied to every value."""
        done = {leaf: self.leaf(function(leaf.value)) for leaf in self._leaves_on(root, EVERYTHING)}
        if all(leaf is mapped for leaf, mapped in done.items()):
            return root

        def recurse(node: Node) -> Node:
            found = done.get(node)
            if found is None:
                found = done[node] = self._rebuild(node, recurse)
            return found

        return recurse(root)

    def at_level(self, name: Field, root: Node, rewrite: Callable[[Node], Node]) -> Node:
        """The map with every node that tests the field replaced; a rewrite may only bring tests of later fields."""
        level, done = self.level_of[name], dict[Node, Node]()

        def recurse(node: Node) -> Node:
            if node.level > level:
                return node
            if node not in done:
                done[node] = rewrite(node) if node.level == level else self._rebuild(node, recurse)
            return done[node]

        return recurse(root)

    def _rebuild(self, node: Node, recurse: Callable[[Node], Node]) -> Node:
        bounds: list[int] = []
        children: list[Node] = []
        for bound, child in zip(node.bounds, node.children, strict=True):
            _append(bounds, children, bound, recurse(child))
        return self.node(node.level, bounds, children)

    def shift(self, name: Field, root: Node, shift: int) -> Node:
        """The map x -> root(x with field + shift); values shifted out of the domain take the value at its edge."""

        def shifted(node: Node) -> Node:
            bounds: list[int] = []
            children: list[Node] = []
            last = self.last[node.level]
            for bound, child in zip(node.bounds, node.children, strict=True):
                moved = last if bound == last else bound - shift
                if moved >= 0 and (not bounds or moved > bounds[-1]):
                    _append(bounds, children, min(moved, last), child)
                if moved >= last:
                    break
            return self.node(node.level, bounds, children)

        return self.at_level(name, root, shifted)

    def assign(self, name: Field, root: Node, values: Intervals, either: Operation) -> Node:
        """The map x -> root(x with field := one of `values`), several results combined by `either`."""

        def pick(node: Node) -> Node:
            chosen = dict.fromkeys(children_on(node, values))
            result, *rest = chosen
            for child in rest:
                result = self.apply(either, result, child)
            return result

        return self.at_level(name, root, pick)

    # ------------------------------------------------------------------ asking

    def value(self, root: Node, header: Header) -> Hashable:
        """The value at one header."""
        node = root
        while node.level < len(self.order):
            wanted = header[self.order[node.level]]
            low, high = 0, len(node.bounds) - 1
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if wanted <= node.bounds[middle] else (middle + 1, high)
            node = node.children[low]
        return node.value

    def values(self, root: Node, within: Box = EVERYTHING) -> set[Hashable]:
        """All values that the map takes on a box."""
        return {leaf.value for leaf in self._leaves_on(root, within)}

    def takes(self, root: Node, wanted: Callable[[Hashable], bool], within: Box = EVERYTHING) -> bool:
        """Report whether the map takes some value that satisfies a predicate on a box."""
        return any(wanted(leaf.value) for leaf in self._leaves_on(root, within))

    def _leaves_on(self, root: Node, within: Box) -> Iterator[Node]:
        """The leaves that the packets of a box come to, each once, as they are found."""
        wanted = {self.level_of[name]: ranges for name, ranges in within.constraints}
        seen = {root}
        stack = [root]
        while stack:
            node = stack.pop()
            if node.level == len(self.order):
                yield node
                continue
            fresh = [child for child in children_on(node, wanted.get(node.level)) if child not in seen]
            seen.update(fresh)
            stack.extend(fresh)


def _merge(a: Node, b: Node, recurse: Callable[[Node, Node], Node], bounds: list[int], children: list[Node]) -> None:
    """The pieces of two nodes of one field, side by side."""
    i = j = 0
    a_bounds, b_bounds, a_children, b_children = a.bounds, b.bounds, a.children, b.children
    end = len(a_bounds)
    last: Node | None = None
    while i < end:
        x, y = a_bounds[i], b_bounds[j]
        child = recurse(a_children[i], b_children[j])
        if x <= y:
            i += 1
            upper = x
        else:
            upper = y
        if y <= x:
            j += 1
        if child is last:
            bounds[-1] = upper
        else:
            bounds.append(upper)
            children.append(child)
            last = child


def _append(bounds: list[int], children: list[Node], bound: int, child: Node) -> None:
    if children and children[-1] is child:
        bounds[-1] = bound
    else:
        bounds.append(bound)
        children.append(child)


def children_on(node: Node, ranges: Intervals | None) -> Iterator[Node]:
    """The children of the pieces that meet the ranges; all of them where ranges is None."""
    if ranges is None:
        yield from node.distinct
        return
    bounds, children, count = node.bounds, node.children, len(node.bounds)
    piece = -1
    for first, last in ranges:
        start = bisect_left(bounds, first)
        if start == piece:  # given already, for the range before
            if bounds[piece] >= last:
                continue
            start += 1
        for at in range(start, count):
            yield children[at]
            piece = at
            if bounds[at] >= last:
                break


def pieces_of(node: Node) -> list[tuple[int, int, Node]]:
    """The pieces of a node: first and last value (inclusive), child."""
    lows = (0, *(bound + 1 for bound in node.bounds))
    return list(zip(lows, node.bounds, node.children, strict=False))


_Item = tuple[dict[int, Intervals], int, Hashable]  # constraints by level, deepest constrained level, value


class _FirstOf:
    """One top-down build: sets of live items are bit masks, bit 0 the item of highest priority."""

    def __init__(
        self,
        space: Space,
        priorities: Sequence[Priority],
        otherwise: Hashable,
        combine: LeafFunction | None = None,
        is_final: Callable[[Hashable], bool] | None = None,
    ):
        self._space = space
        self._otherwise = otherwise
        self._combine = combine
        self._is_final = is_final
        self._items: list[_Item] = []
        for box, value in priorities:
            levels = {space.level_of[name]: ranges for name, ranges in box.constraints}
            self._items.append((levels, max(levels, default=-1), value))
        self._tests = sorted({level for levels, _, _ in self._items for level in levels})
        self._done: dict[tuple[int, int], Node] = {}

    def build(self) -> Node:
        return self._from(0, (1 << len(self._items)) - 1)

    def _from(self, at: int, alive: int) -> Node:
        """The diagram over the tests from number `at` on, for the live items."""
        key = (at, alive)
        found = self._done.get(key)
        if found is None:
            found = self._build(at, alive)
            self._done[key] = found
        return found

    def _build(self, at: int, alive: int) -> Node:
        members = self._members(at, alive)
        level = self._next_level(at, members)
        if level < 0:
            return self._leaf(members)
        cuts, masks = self._sweep(level, members)
        bounds: list[int] = []
        children: list[Node] = []
        following = self._tests.index(level) + 1
        integer = self._space.integer
        for cut, mask in zip(cuts, masks, strict=True):
            _append(bounds, children, integer(cut), self._from(following, mask))
        return self._space.node(level, bounds, children)

    def _members(self, at: int, alive: int) -> list[int]:
        """The live items in order, cut behind the first that takes every packet still possible."""
        floor = self._tests[at] if at < len(self._tests) else len(self._space.order)
        items, members = self._items, []
        settled = self._otherwise
        while alive:
            lowest = alive & -alive
            alive ^= lowest
            number = lowest.bit_length() - 1
            members.append(number)
            _, deepest, value = items[number]
            if deepest >= floor:
                continue
            if self._combine is None:
                break
            settled = self._combine(settled, value)
            if self._is_final is not None and self._is_final(settled):
                break
        return members

    def _next_level(self, at: int, members: list[int]) -> int:
        """The first level from test `at` on that some member tests; -1 when none does."""
        items = self._items
        for level in self._tests[at:]:
            if any(level in items[number][0] for number in members):
                return level
        return -1

    def _sweep(self, level: int, members: list[int]) -> tuple[list[int], list[int]]:
        """Upper bounds of the pieces of the field, and the members alive on each."""
        toggled: defaultdict[int, int] = defaultdict(int)
        alive = 0
        for number in members:
            bit = 1 << number
            ranges = self._items[number][0].get(level)
            if ranges is None:
                alive |= bit
                continue
            for first, last in ranges:
                toggled[first] ^= bit
                toggled[last + 1] ^= bit
        alive ^= toggled.pop(0, 0)
        end = self._space.last[level]
        toggled.pop(end + 1, None)
        bounds, masks = [], []
        for cut in sorted(toggled):
            bounds.append(cut - 1)
            masks.append(alive)
            alive ^= toggled[cut]
        bounds.append(end)
        masks.append(alive)
        return bounds, masks

    def _leaf(self, members: list[int]) -> Node:
        if self._combine is None:
            return self._space.leaf(self._items[members[0]][2] if members else self._otherwise)
        value = self._otherwise
        for number in members:
            value = self._combine(value, self._items[number][2])
        return self._space.leaf(value)


class PacketMap(Generic[Value_co]):
    """A map from every header to a value."""

    __slots__ = ("root", "space")

    def __init__(self, space: Space, root: Node):
        self.space = space
        self.root = root

    def __getitem__(self, header: Header) -> Value_co:
        return self.space.value(self.root, header)  # type: ignore[return-value]

    def values(self, within: Box = EVERYTHING) -> set[Value_co]:
        """The values taken on a box (everywhere without one)."""
        return self.space.values(self.root, within)  # type: ignore[return-value]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PacketMap):
            return NotImplemented
        return same_space(self, other) and self.root is other.root

    def __hash__(self) -> int:
        return hash(self.root)


def same_space(one: PacketMap[Value_co], other: PacketMap[Value_co]) -> bool:
    """True. Raises ValueError when the maps belong to different spaces."""
    if one.space is not other.space:
        raise ValueError("packet sets of different spaces cannot be combined")
    return True
