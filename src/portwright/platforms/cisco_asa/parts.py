"""What the stages are made of: everything that was worked out from a file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from portwright.packets.box import Box, Match
from portwright.packets.fields import Field
from portwright.packets.intervals import Intervals, normalize
from portwright.platforms.cisco_asa.draft import Binding, Draft
from portwright.platforms.cisco_asa.inspection import Action
from portwright.platforms.cisco_asa.interfaces import Interface
from portwright.platforms.cisco_asa.tunnels import Remote
from portwright.policy.configuration import Route, Tunnel
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Chain, Rule
from portwright.source import Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bound:
    """An access list where it is applied."""

    binding: Binding
    versions: tuple[int, ...]  # IP versions that it filters; before 9.0 one alone
    problem: str = ""  # why its entries are not known
    of_ethernet: bool = False  # it stands beside one of IP, and both have to let a packet through

    @property
    def place(self) -> tuple[str, str, tuple[int, ...], bool]:
        """Where it applies: one access list alone can stand there."""
        return self.binding.direction, self.binding.interface, self.versions, self.of_ethernet

    @property
    def chain(self) -> str:
        """The name of its chain."""
        return self.binding.access_list

    @property
    def known(self) -> bool:
        """Report whether the access list has entries that can be read."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class Parts:
    """What the stages are made of."""

    file: str
    draft: Draft
    interfaces: Mapping[str, Interface]
    atoms: Interfaces
    chains: Mapping[str, Chain]
    bound: Sequence[Bound]
    actions: Sequence[Action]
    remotes: Sequence[Remote]
    routes: tuple[Route, ...]
    routing_is_complete: bool
    doubts: tuple[Rule, ...] = ()  # what is not understood and may change any answer, or any of an interface
    tunnels: tuple[Tunnel, ...] = ()
    bypasses: tuple[Rule, ...] = ()  # tunnels whose packets pass without a look at the access lists

    @property
    def nobody(self) -> Source:
        """The place of a rule that no line stands for."""
        return Source(self.file, 0)

    def redirecting(self) -> list[str]:
        """The interfaces where packets arrive whose way a route map chooses."""
        return [name for name, interface in self.interfaces.items() if interface.bypass]

    def arrives(self, name: str) -> dict[Field, Intervals]:
        """Packets that arrive on an interface."""
        return {Field.IN: self.atoms.exactly(name)}

    def on(self, name: str) -> Match:
        """Packets that arrive or leave on an interface."""
        atom = self.atoms.exactly(name)
        return Match.exact((Box.of({Field.IN: atom}), Box.of({Field.OUT: atom})))

    def toward(self, names: Iterable[str]) -> Intervals:
        """The atoms of several interfaces."""
        return normalize(pair for name in names for pair in self.atoms.exactly(name))

    def by(self, key: Callable[[Interface], T]) -> dict[T, Intervals]:
        """The atoms of the interfaces, by some property of theirs."""
        found: dict[T, list[str]] = {}
        for name, interface in self.interfaces.items():
            found.setdefault(key(interface), []).append(name)
        return {value: self.toward(names) for value, names in found.items()}


def exactly(constraints: Mapping[Field, Intervals]) -> Match:
    """The packets with these values."""
    return Match.exact((Box.of(constraints),))
