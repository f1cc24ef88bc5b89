"""One point with one text of its configuration: what passes, what does not, and what a change of the text changes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from portwright import platforms
from portwright.check.points import PointView, Reading, Way
from portwright.packets.box import Box
from portwright.packets.diagram import Space
from portwright.packets.fields import Field
from portwright.packets.packetset import PacketSet, well_formed
from portwright.plan.model import Plan
from portwright.policy.algebra import PolicyMap, Translations, is_sure
from portwright.policy.configuration import Configuration
from portwright.policy.difference import on_interfaces
from portwright.policy.interfaces import NONE, Interfaces
from portwright.policy.model import Policy, Stage
from portwright.policy.routing import routed
from portwright.render.needs import Need

_HOOKS = ("forward", "input", "output")


@dataclass(frozen=True, slots=True)
class Common:
    """What all texts of one point share, so that what they do can be compared."""

    space: Space
    interfaces: Interfaces
    translations: Translations
    file: str

    @classmethod
    def of(cls, configuration: Configuration, plan: Plan, point: str) -> "Common":
        """With the interfaces that the configuration may speak of before and after a change."""
        own = configuration.interfaces
        names = (*own.names, *plan.site.points[point].interfaces.values())
        return cls(Space(), Interfaces.of(names, own.prefixes), {}, configuration.file)


def on_common(configuration: Configuration, interfaces: Interfaces) -> Configuration:
    """The configuration with its policies on these interfaces."""
    made: dict[int, Policy] = {}
    for policy in configuration.policies.values():
        made.setdefault(id(policy), on_interfaces(policy, configuration.interfaces, interfaces))
    policies = {name: made[id(policy)] for name, policy in configuration.policies.items()}
    return replace(configuration, interfaces=interfaces, policies=policies)


@dataclass(frozen=True, slots=True, eq=False)
class Blocked:
    """Packets of a need that do not surely pass, and the stage that stops them."""

    need: Need
    packets: PacketSet  # on the interfaces and in the state of their way
    surely: PacketSet  # of these, what surely does not pass
    stage: Stage | None  # that stops them; None: not known
    position: tuple[int, int]  # how far they came: part of the policy, stage in it

    @property
    def is_as_planned(self) -> bool:
        """Report whether they are packets of the flow as the plan knows it, with the addresses of its ends."""
        flow = self.need.flow
        planned = flow.replies if self.need.is_reply else flow.permitted
        return self.packets <= PacketSet.of(self.packets.space, planned)


class Stand:
    """A point with one text."""

    def __init__(self, plan: Plan, point: str, text: str, common: "Common"):
        """Raises InvalidInput when the text is no configuration."""
        self.text = text
        self._made_of = (plan, point, common)
        space, interfaces, file = common.space, common.interfaces, common.file
        platform = plan.site.points[point].platform
        configuration = on_common(platforms.read(platform, text, file), interfaces)
        self.view = PointView(point, Reading(configuration, text), space, plan)
        self._space, self._translations = space, common.translations
        self._stages: dict[Stage, PolicyMap] = {}
        self._passing: dict[Stage, tuple[PacketSet, PacketSet]] = {}
        self._maps: dict[str, PolicyMap] = {}
        self._parts: dict[tuple[Way, int], PacketSet] = {}

    def like(self, text: str) -> "Stand":
        """The same point with another text. Raises InvalidInput when it is no configuration."""
        plan, point, common = self._made_of
        return Stand(plan, point, text, common)

    @property
    def hooks(self) -> tuple[str, ...]:
        """The hooks whose policies the configuration tells apart."""
        known = self.view.reading.configuration.policies
        return tuple(hook for hook in _HOOKS if hook in known)

    def map(self, hook: str) -> PolicyMap:
        """What becomes of every packet at a hook."""
        if hook not in self._maps:
            stages = self.view.policy(hook).stages
            self._maps[hook] = self._map_of(stages[0]) if len(stages) == 1 else self._made(Policy(stages))
        return self._maps[hook]

    def blocked(self, need: Need) -> Iterator[Blocked]:
        """What of a need does not surely pass, by the first stage that stops it."""
        for number, packets in enumerate(need.seen):
            open_ = packets - self._sure_on(need.way, number)
            if open_:
                fixed = Box.of(self.view.constraints(need.way))
                open_ = open_ & PacketSet.of(self._space, [fixed] if fixed else [])
                yield self._stopped(need, open_, number)
                return

    def _stopped(self, need: Need, packets: PacketSet, number: int) -> Blocked:
        for place, stage in enumerate(self.view.parts(need.crossing.hook).all[number].stages):
            stopped = packets - self.sure(stage)
            if stopped:
                surely = stopped - self._passing_of(stage)[1]
                return Blocked(need, stopped, surely, stage, (number, place))
        return Blocked(need, packets, packets, None, (number, 0))

    def _sure_on(self, way: Way, number: int) -> PacketSet:
        """The packets that surely pass a part of the policy on a way."""
        if (way, number) not in self._parts:
            self._parts[way, number] = PacketSet.where(self.view.part_verdicts(way, number), is_sure)
        return self._parts[way, number]

    def sure(self, stage: Stage) -> PacketSet:
        """The packets that surely pass one stage."""
        return self._passing_of(stage)[0]

    def _passing_of(self, stage: Stage) -> tuple[PacketSet, PacketSet]:
        """The packets that surely pass one stage, and those that may."""
        if stage not in self._passing:
            made = self._map_of(stage)
            self._passing[stage] = (made.sure(), made.possible())
        return self._passing[stage]

    def _map_of(self, stage: Stage) -> PolicyMap:
        if stage not in self._stages:
            self._stages[stage] = self._made(Policy((stage,)))
        return self._stages[stage]

    def _made(self, policy: Policy) -> PolicyMap:
        return PolicyMap(self._space, policy, self._translations)

    def real(self, hook: str) -> PacketSet:
        """The packets that there are at a hook, on the interfaces that the configuration's own routes lead them to."""
        configuration = self.view.reading.configuration
        policy = self.view.policy(hook)
        found = routed(self._space, policy, configuration, configuration.interfaces)
        atoms = configuration.interfaces.atoms()
        there, nowhere = ((atoms[0], atoms[-1]),), ((NONE, NONE),)
        ways = {Field.IN: nowhere if hook == "output" else there, Field.OUT: nowhere if hook == "input" else there}
        known = Box.of(ways)
        return well_formed(self._space) & found & PacketSet.of(self._space, [known] if known else [])
