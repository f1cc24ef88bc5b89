"""Address translation: statements to the changes of header fields."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portwright.packets.box import EVERYTHING, Box, Boxes, Doubt, Match
from portwright.packets.fields import LAST_ADDRESS, Field
from portwright.packets.intervals import Intervals, normalize
from portwright.platforms.netfilter.matching import Obscure, both, box, within
from portwright.platforms.netfilter.ports import translated
from portwright.platforms.nftables.lenses import Lens
from portwright.platforms.nftables.matches import Context
from portwright.platforms.nftables.sets import everything, flatten, holding, is_rest, keys_of, lacking
from portwright.platforms.nftables.syntax import Concat, Decide, Element, Expression, Lookup, Prefix, Translate
from portwright.platforms.nftables.values import IPV4, IPV6, PORT, ranges
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Change, Rewrite

_FIELDS = {  # kind of statement -> address and port that it rewrites
    "snat": (Field.SRC, Field.SPORT),
    "masquerade": (Field.SRC, Field.SPORT),
    "dnat": (Field.DST, Field.DPORT),
    "redirect": (Field.DST, Field.DPORT),
}
_UNKNOWN_ADDRESS = ("masquerade", "redirect")  # to an address of this machine, which the ruleset does not tell
_ANY_PORT: Intervals = ((1, 65535),)
_ALL: Boxes = (EVERYTHING,)
# linux/net/netfilter/nf_nat_core.c, nf_nat_l4proto_unique_tuple: a port that is taken becomes another of its class
_CLASSES: tuple[tuple[Boxes, Intervals], ...] = tuple(
    ((Box(((Field.SPORT, (own,)),)),), (becomes,))
    for own, becomes in (((0, 0), (0, 511)), ((1, 511), (1, 511)), ((512, 1023), (512, 1023)), ((1024, 65535),) * 2)
)
_NO_INTERFACES = Interfaces()
_FAMILY_VERSION = {"ip": 4, "ip6": 6}


@dataclass(frozen=True, slots=True)
class _Target:
    """What addresses and ports become; None where they stay."""

    address: Intervals | None = None
    port: Intervals | None = None
    shift: int | None = None  # of the address, where a whole prefix moves


def translations(statement: Translate, match: Match, context: Context) -> Iterator[tuple[Match, Rewrite]]:
    """The parts of a match with the translation that each undergoes."""
    for version in _versions(statement, context):
        part = within(match, box(VERSION=version))
        if part.possible:
            yield from _Translation(statement, version, context).of(part)


def _versions(statement: Translate, context: Context) -> tuple[int, ...]:
    """The IP versions that a translation is for: the family said, the table's, or that of the address."""
    family = statement.family or context.table.family
    if family in _FAMILY_VERSION:
        return (_FAMILY_VERSION[family],)
    if statement.address is None or isinstance(statement.address, Lookup):
        return (4, 6)
    return (6,) if ":" in str(statement.address) else (4,)


@dataclass(frozen=True, slots=True)
class _Translation:
    """One statement for one IP version."""

    statement: Translate
    version: int
    context: Context

    def of(self, match: Match) -> Iterator[tuple[Match, Rewrite]]:
        address, port = self.statement.address, self.statement.port
        lookup = next((part for part in (address, port) if isinstance(part, Lookup)), None)
        if lookup is None:
            yield from _changed(self.statement, match, _target(self.statement, address, port, self.version))
            return
        try:
            lenses = self.context.lenses(lookup.key)
        except Obscure as why:
            yield from self.unknown(match, Doubt(str(why)))
            return
        elements, doubt = self.context.elements(lookup.mapping), self.context.doubt(lookup.mapping)
        if elements is None or doubt is not None:
            not_known = doubt or Doubt(f"'{lookup.mapping}' is not understood")
            yield from self.unknown(both(match, everything(lenses)), not_known)
        else:
            yield from self.looked_up(match, list(flatten(elements)), lenses)

    def unknown(self, match: Match, doubt: Doubt) -> Iterator[tuple[Match, Rewrite]]:
        """A translation to nobody knows where, if it happens at all."""
        anywhere = _Target(((0, LAST_ADDRESS[self.version]),), _ANY_PORT)
        yield from _changed(self.statement, Match((), match.possible, (*match.doubts, doubt)), anywhere)

    def looked_up(
        self, match: Match, elements: list[Element], lenses: Sequence[Lens]
    ) -> Iterator[tuple[Match, Rewrite]]:
        """What each key of a map is translated to."""
        plain = [member for member in elements if not is_rest(member)]
        for member in elements:
            if is_rest(member):
                taken = lacking(keys_of(plain, lenses, self.context.interfaces), lenses)
            else:
                taken = holding(keys_of([member], lenses, self.context.interfaces), lenses)
            part = both(match, taken)
            if part.possible:
                yield from _changed(self.statement, part, self.target(member))

    def target(self, member: Element) -> _Target:
        """What one element of the map makes of the packet."""
        data = None if isinstance(member.data, Decide) else member.data
        address, port = self.statement.address, self.statement.port
        address, port = (data, port) if isinstance(address, Lookup) else (address, data)
        if isinstance(address, Concat) and len(address.parts) == 2:
            address, port = address.parts
        target = _target(self.statement, address, port, self.version)
        if self.statement.is_prefix and isinstance(member.key, Prefix) and isinstance(address, Prefix):
            return _moved(member.key, address, target, self.version)
        return target


def _target(statement: Translate, address: Expression | None, port: Expression | None, version: int) -> _Target:
    """What a statement's words make of the packet; unknown values are whole ranges."""
    anywhere: Intervals = ((0, LAST_ADDRESS[version]),)
    wanted = None if address is None else _numbers(address, version)
    if statement.kind in _UNKNOWN_ADDRESS or (address is not None and wanted is None):
        wanted = anywhere
    return _Target(wanted, None if port is None else _ports(port))


def _numbers(address: Expression, version: int) -> Intervals | None:
    try:
        return ranges(address, IPV4 if version == 4 else IPV6, _NO_INTERFACES)
    except Obscure:
        return None


def _ports(port: Expression) -> Intervals:
    try:
        return ranges(port, PORT, _NO_INTERFACES)
    except Obscure:
        return _ANY_PORT


def _moved(old: Prefix, new: Prefix, target: _Target, version: int) -> _Target:
    """The shift that takes one prefix to another of the same length."""
    before, after = _numbers(old, version), _numbers(new, version)
    if before is None or after is None or old.length != new.length:
        return target
    return _Target(after, target.port, after[0][0] - before[0][0])


def _changed(statement: Translate, match: Match, target: _Target) -> Iterator[tuple[Match, Rewrite]]:
    """The translation; ports change only where the protocol has some."""
    address_field, port_field = _FIELDS[statement.kind]
    changes = []
    if target.address is not None:
        changes.append(Change(address_field, target.address, target.shift))
    if target.port is None and not _may_clash(statement, match, target):
        yield match, Rewrite(tuple(changes))
        return
    for kept, port in _CLASSES if target.port is None else ((_ALL, target.port),):
        for part, becomes in translated(within(match, kept), port):
            yield part, Rewrite((*changes, *(() if becomes is None else (Change(port_field, becomes),))))


def _may_clash(statement: Translate, match: Match, target: _Target) -> bool:
    """Report whether a source port may change though no rule says so: where others may have it at the same address.

    A whole prefix moves as it is, and one sender has each port once; `random` and `fully-random` ask for a change.
    """
    if _FIELDS[statement.kind][1] is not Field.SPORT:
        return False
    senders = normalize(pair for found in match.possible for pair in found.get(Field.SRC))
    is_shared = target.shift is None and sum(last - first + 1 for first, last in senders) > 1
    return is_shared or bool({"random", "fully-random"} & set(statement.flags))
