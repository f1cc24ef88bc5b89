"""Comparisons to the packets that satisfy them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from portwright.packets.box import Doubt, Match
from portwright.packets.fields import Field
from portwright.packets.intervals import Intervals, complement, normalize
from portwright.platforms.netfilter.matching import Obscure
from portwright.platforms.nftables import status
from portwright.platforms.nftables.lenses import Lens, View, lens
from portwright.platforms.nftables.sets import Keys, everything, holding, keys_of, lacking
from portwright.platforms.nftables.syntax import (
    Binary,
    Braces,
    Concat,
    Condition,
    Element,
    Expression,
    Flagged,
    Named,
    Prefix,
    Selector,
    Table,
    Value,
)
from portwright.platforms.nftables.values import NUMBER, ranges, single
from portwright.policy.interfaces import Interfaces
from portwright.source import Source

_LOSSY = "nft cannot print all of iptables' port lists: iptables-save can"
_ANY_FLAG = ("", "in")  # nft -j writes `in` where the text writes no operator


@dataclass(slots=True)
class Context:
    """Where a rule stands: its table, what packets show there, and what the file names."""

    table: Table
    view: View
    interfaces: Interfaces
    file: str
    _named: dict[tuple[str, tuple[Lens, ...], bool], Match] = field(default_factory=dict)

    def elements(self, mapping: Expression) -> list[Element] | None:
        """The members of an anonymous or named set; None where it is not defined or no set."""
        if isinstance(mapping, Braces):
            return list(mapping.elements)
        named = self.table.sets.get(mapping.name) if isinstance(mapping, Named) else None
        return None if named is None else named.elements

    def doubt(self, mapping: Expression) -> Doubt | None:
        """Why the members of a set are not known, if so."""
        if not isinstance(mapping, Named):
            return None
        named = self.table.sets.get(mapping.name)
        if named is None:
            return Doubt(f"the set {mapping.name} is not defined in this file")
        source = Source(self.file, named.place.line, named.place.text)
        if named.unknown is not None:
            place = named.unknown
            return Doubt(f"the set {named.name} is not understood", Source(self.file, place.line, place.text))
        if not named.changes_by:
            return None
        return Doubt(f"the members of {named.name} are not known: {named.changes_by}", source)

    def members(self, mapping: Expression, lenses: tuple[Lens, ...], negate: bool = False) -> Match:
        """The packets whose key is in a set or map, or with `negate` is not."""
        if not isinstance(mapping, Named):
            return self._members(mapping, lenses, negate)
        at = (mapping.name, lenses, negate)
        if at not in self._named:
            self._named[at] = self._members(mapping, lenses, negate)
        return self._named[at]

    def _members(self, mapping: Expression, lenses: tuple[Lens, ...], negate: bool) -> Match:
        doubt = self.doubt(mapping)
        if doubt is not None:
            keys = Keys((), doubt=doubt)
        else:
            keys = keys_of(self.elements(mapping) or (), lenses, self.interfaces)
        return lacking(keys, lenses) if negate else holding(keys, lenses)

    def lenses(self, expression: Expression) -> tuple[Lens, ...]:
        """The lenses of the left side of a comparison. Raises Obscure."""
        parts = expression.parts if isinstance(expression, Concat) else (expression,)
        return tuple(self._lens(part) for part in parts)

    def _lens(self, expression: Expression) -> Lens:
        match expression:
            case Selector(name):
                return lens(name, self.view)
            case Binary(operator, left, right):
                inner = self._lens(left)
                datatype = inner.datatype if inner.field is not None or inner.constant else NUMBER
                if inner.field is None and not inner.constant:
                    return inner
                return inner.with_step(operator, single(right, datatype))
            case _:
                raise Obscure(f"'{expression}' is not modelled")


def comparison(condition: Condition, context: Context) -> Match:
    """The packets for which a comparison holds."""
    if status.asks(condition) and context.view.tracking == "after":
        return status.matching(condition, context.view.redirected)
    try:
        lenses = context.lenses(condition.left)
    except Obscure as why:
        return Match.doubtful(Doubt(str(why)))
    if context.table.is_lossy and isinstance(condition.right, Braces) and _has_ports(lenses):
        return Match.doubtful(Doubt(_LOSSY), everything(lenses).possible)
    if isinstance(condition.right, Braces | Named):
        return context.members(condition.right, lenses, negate=condition.operator == "!=")
    try:
        return _compared(condition, lenses, context)
    except Obscure as why:
        return Match.doubtful(Doubt(str(why)), everything(lenses).possible)


def _compared(condition: Condition, lenses: Sequence[Lens], context: Context) -> Match:
    first = lenses[0]
    if isinstance(condition.right, Prefix) and condition.operator in ("<", ">", "<=", ">="):
        # nft prints `ip saddr & 255.255.0.0 < 10.1.0.0` as `ip saddr < 10.1.0.0/16`, and does not read that
        condition, first = _unprefixed(condition, condition.right, first)
    if len(lenses) > 1:
        keys = keys_of([Element(condition.right)], lenses, context.interfaces)
        return lacking(keys, lenses) if condition.operator == "!=" else holding(keys, lenses)
    if first.field is None and not first.constant:
        return first.select(())
    if _tests_flags(first, condition):
        return first.select(_flags(first, condition))
    wanted = _wanted(condition, first, context.interfaces)
    return first.select(wanted, negate=condition.operator == "!=")


def _has_ports(lenses: Sequence[Lens]) -> bool:
    return any(lens.field in (Field.SPORT, Field.DPORT) for lens in lenses)


def _unprefixed(condition: Condition, prefix: Prefix, first: Lens) -> tuple[Condition, Lens]:
    network = ranges(prefix, first.datatype, Interfaces())[0]
    mask = first.datatype.last - (network[1] - network[0])
    return Condition(condition.left, condition.operator, prefix.address), first.with_step("&", mask)


def _tests_flags(first: Lens, condition: Condition) -> bool:
    if condition.operator == "!":
        return True
    is_plain = isinstance(condition.right, Value | Flagged) and not first.steps
    return first.datatype.is_flags and is_plain and condition.operator in _ANY_FLAG


def _flags(first: Lens, condition: Condition) -> Intervals:
    """The values that have any of the flags, or with `!` none of them."""
    mask = single(condition.right, first.datatype)
    hits = [value for value in first.raw_points() if bool(value & mask) != (condition.operator == "!")]
    return normalize((value, value) for value in hits)


def _wanted(condition: Condition, first: Lens, interfaces: Interfaces) -> Intervals:
    last = first.datatype.last
    match condition.operator:
        case "" | "==" | "!=" | "in":
            return ranges(condition.right, first.datatype, interfaces)
        case operator if first.datatype.name == "an interface":
            raise Obscure(f"'{operator}' of interface names")
        case "<" | ">=":
            number = single(condition.right, first.datatype)
            below: Intervals = ((0, number - 1),) if number else ()
            return below if condition.operator == "<" else complement(below, last)
        case _:
            number = single(condition.right, first.datatype)
            upto: Intervals = ((0, number),)
            return upto if condition.operator == "<=" else complement(upto, last)
