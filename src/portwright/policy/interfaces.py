"""The interfaces that a configuration can tell apart, as atoms: integers of the fields IN and OUT.

A configuration names interfaces (`eth0`) and families of them (`eth*`). Every packet arrives on exactly one atom: a
named interface, "some other one that begins with eth", or "any other". Nothing is approximated.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from portwright.packets.intervals import Intervals, normalize

NONE = 0  # no interface: a packet that the machine itself sends has not arrived, one for itself does not leave
OTHER = 1  # an interface that the configuration does not name
_FIRST = 2


@dataclass(frozen=True, slots=True)
class Interfaces:
    """The names (`eth0`) and the prefixes (`eth` for `eth*`) that a configuration mentions."""

    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()  # each stands for the interfaces that begin so and have no atom of their own

    @classmethod
    def of(cls, names: Iterable[str], prefixes: Iterable[str] = ()) -> "Interfaces":
        """The atoms for these names and prefixes, duplicates dropped, in sorted order."""
        return cls(tuple(sorted(set(names) - {""})), tuple(sorted(set(prefixes))))

    def atom(self, name: str) -> int:
        """The atom on which a packet of the interface `name` arrives; the empty name is no interface at all."""
        if not name:
            return NONE
        if name in self.names:
            return _FIRST + self.names.index(name)
        matching = [prefix for prefix in self.prefixes if name.startswith(prefix)]
        if not matching:
            return OTHER
        return _FIRST + len(self.names) + self.prefixes.index(max(matching, key=len))

    def exactly(self, name: str) -> Intervals:
        """The atom of one interface that the configuration names. Raises ValueError when it does not."""
        at = _FIRST + self.names.index(name)
        return ((at, at),)

    def starting(self, prefix: str) -> Intervals:
        """The atoms of all interfaces whose name begins with `prefix` (one of `prefixes`)."""
        atoms = [_FIRST + i for i, name in enumerate(self.names) if name.startswith(prefix)]
        start = _FIRST + len(self.names)
        atoms += [start + i for i, longer in enumerate(self.prefixes) if longer.startswith(prefix)]
        return normalize((atom, atom) for atom in atoms)

    def atoms(self) -> range:
        """Every atom but NONE."""
        return range(OTHER, _FIRST + len(self.names) + len(self.prefixes))

    def name(self, atom: int) -> str:
        """The name of an atom for people: `eth0`, `eth*` (another one), `*` (any other) or the empty string."""
        if atom < _FIRST:
            return "*" if atom == OTHER else ""
        if atom - _FIRST < len(self.names):
            return self.names[atom - _FIRST]
        return self.prefixes[atom - _FIRST - len(self.names)] + "*"
