"""Where a rule runs, and what matches of every kind need to know about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from portwright.packets.box import EVERYTHING, Box, Boxes, Match, intersect
from portwright.packets.fields import LAST, Field, State
from portwright.packets.intervals import Intervals, complement
from portwright.platforms.iptables.syntax import AddressSet, Option
from portwright.platforms.netfilter.matching import Obscure, box
from portwright.policy.interfaces import NONE, Interfaces

TRACKED = box(STATE=(State.NEW, State.ESTABLISHED, State.RELATED))  # packets that have a connection


@dataclass(slots=True)
class Scene:
    """One chain, as it is entered from one hook for one IP version."""

    version: int
    table: str
    hook: str  # PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING
    interfaces: Interfaces
    sets: Mapping[str, AddressSet]
    redirected: Boxes = ()  # first packets of connections whose destination a rule may have translated
    stops_at_ah: bool | None = None  # `-p` takes AH for the protocol of an IPv6 packet; None: not known
    has_templates: bool = False  # rules of the raw table may give packets a connection before tracking does
    members: dict[tuple[str, tuple[str, ...]], Match] = field(default_factory=dict)  # of sets that were asked for
    _named: dict[tuple[Field, str], Intervals] = field(default_factory=dict)

    @property
    def is_tracked(self) -> bool:
        """Report whether connection tracking has seen the packet: linux/netfilter_ipv4.h, raw is before it."""
        return self.table != "raw"

    def is_nowhere(self, name: Field) -> bool:
        """Report whether a packet has no such interface here: before routing none to leave by."""
        return name is Field.OUT and self.hook == "PREROUTING"

    def on(self, name: Field, text: str, *, negate: bool) -> Match:
        """The packets on an interface; `eth+` stands for all that begin so."""
        if text == "+":
            return select(name, ((0, LAST[name]),), negate=negate)
        if self.is_nowhere(name):
            return Match.exact((EVERYTHING,) if negate else ())
        if (name, text) not in self._named:
            self._named[name, text] = self._atoms(text)
        return select(name, self._named[name, text], negate=negate)

    def _atoms(self, text: str) -> Intervals:
        if not text.endswith("+"):
            return self.interfaces.exactly(text) if text else ((NONE, NONE),)
        return self.interfaces.starting(text[:-1])


def select(name: Field, wanted: Intervals, *, negate: bool = False, base: Boxes = (EVERYTHING,)) -> Match:
    """The packets of `base` whose field has one of the values, or with `negate` has none of them."""
    ranges = complement(wanted, LAST[name]) if negate else wanted
    found = Box.of({name: ranges})
    return Match.exact(intersect(base, (found,)) if found is not None else ())


def value(option: Option) -> str:
    """The only value of an option. Raises Obscure where it has several, or none."""
    if len(option.values) != 1:
        raise Obscure(f"'{' '.join((option.name, *option.values))}' is not understood")
    return option.values[0]


Reader = Callable[[Option, Scene], Match]  # raises Obscure
