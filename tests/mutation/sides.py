"""The configurations that are changed, and what becomes of single packets in them."""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from portwright import platforms
from portwright.check.points import Reading
from portwright.check.run import Check
from portwright.cli.site import load
from portwright.findings import Finding, Severity
from portwright.packets.fields import Field, Header
from portwright.packets.packet import Packet
from portwright.plan.model import Plan
from portwright.policy.configuration import Configuration
from portwright.policy.index import Values
from portwright.policy.model import Rewrite
from portwright.policy.walk import Decided, Walker
from portwright.render.prove import render

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("f1", "f2", "f3", "f4", "f5", "f6")
_ADDRESSED = {Field.SRC, Field.DST, Field.SPORT, Field.DPORT}

Outcome = tuple[Decided, tuple[Values, ...]]  # and where it passes, as what it leaves
_NOWHERE: Outcome = (Decided.DROP, ())


@dataclass(frozen=True)
class Subject:
    """One configuration of an example: its own, or what `render` writes for the same point."""

    example: str
    point: str
    platform: str
    text: str
    is_own: bool

    def __str__(self) -> str:
        return f"{self.example} {self.point}{'' if self.is_own else f' as {self.platform} is written'}"

    @property
    def plan(self) -> Plan:
        """The plan of the example."""
        return example(self.example)[0]

    def side(self, text: str) -> "Side":
        """A text in the place of this one. Raises InvalidInput."""
        return Side(platforms.read(self.platform, text, self.point), text)

    @cached_property
    def right(self) -> "Side":
        """The configuration as it is."""
        return self.side(self.text)

    def check(self, side: "Side") -> Check:
        """The check of the example with a configuration in the place of this one."""
        plan, readings = example(self.example)
        return Check(plan, {**readings, self.point: Reading(side.configuration, side.text)})


@cache
def example(name: str) -> tuple[Plan, dict[str, Reading]]:
    """The plan of an example, and its configurations."""
    return load(str(EXAMPLES / name / "site.yaml"), (), None)


@cache
def subjects() -> tuple[Subject, ...]:
    """Every configuration of every example, and each point as `render` writes it for every platform."""
    found = []
    for name in NAMES:
        plan, readings = example(name)
        for point, reading in readings.items():
            found.append(Subject(name, point, plan.site.points[point].platform, reading.text, is_own=True))
            declared = {entry.at for entry in plan.site.translations}  # a table of rules has no column for them
            unable = {*platforms.ON_HOSTS, *(["rules-csv"] if point in declared else [])}
            for platform in (one for one in platforms.RENDERING if one not in unable):
                [written] = render(plan, {point: platform})
                found.append(Subject(name, point, platform, written.context + written.text, is_own=False))
    return tuple(found)


def told(check: Check) -> list[Finding]:
    """What a check finds that counts."""
    return [one for one in check.run().findings if one.severity in (Severity.ERROR, Severity.UNDECIDED)]


class Side:
    """One configuration, asked packet by packet: interfaces by name, and packets that leave as they are routed."""

    def __init__(self, configuration: Configuration, text: str):
        self.configuration, self.text = configuration, text
        policy = configuration.policy("forward", path=True)
        self._walker = Walker(policy)
        self.translates = any(
            isinstance(rule.action, Rewrite) and any(one.field in _ADDRESSED for one in rule.action.changes)
            for stage in policy.stages
            for chain in stage.chains.values()
            for rule in chain.rules
        )
        self._known: dict[tuple[Header, str, str], Outcome | None] = {}

    def decides(self, header: Header, arrives: str, named: str) -> Outcome | None:
        """What becomes of a packet; None: it is not known."""
        key = (header, arrives, named)
        if key not in self._known:
            leaves = self.leaves(header, arrives, named)
            self._known[key] = _NOWHERE if leaves == () else self._together(header, arrives, leaves)
        return self._known[key]

    def _together(self, header: Header, arrives: str, leaves: tuple[str, ...]) -> Outcome | None:
        found = {self._on(header, arrives, name) for name in leaves}
        return found.pop() if len(found) == 1 else None

    def _on(self, header: Header, arrives: str, leaves: str) -> Outcome | None:
        atom = self.configuration.interfaces.atom
        found = self._walker.decide((atom(arrives), atom(leaves), *header[2:]))
        passed = tuple(sorted((one[2:] for one in found.headers), key=repr))
        unknown = found.decided is Decided.UNDECIDED or len(passed) > 1
        return None if unknown else (found.decided, passed if found.decided is Decided.ACCEPT else ())

    def leaves(self, header: Header, arrives: str, named: str) -> tuple[str, ...]:
        """The interfaces on which a packet may leave, by translation and routes, or as named; none: nowhere."""
        configuration = self.configuration
        if not configuration.routing_is_complete:
            return (named,)
        if not self.translates or configuration.crossings is None:
            toward = configuration.interface_toward(header[Field.VERSION], header[Field.DST])
            return (toward,) if toward is not None else ()
        ways = configuration.crossings(_packet(header, arrives))
        return tuple(configuration.interfaces.name(leaves) for _, leaves in ways)


def _packet(header: Header, arrives: str) -> Packet:
    return Packet(
        header[Field.VERSION],
        header[Field.PROTOCOL],
        header[Field.SRC],
        header[Field.DST],
        header[Field.SPORT],
        header[Field.DPORT],
        header[Field.TYPE],
        header[Field.CODE],
        interface_in=arrives,
    )
