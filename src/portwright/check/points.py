"""The enforcement points of a site with their configurations, ready to be asked about sets of packets."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property

from portwright.check.assumed import assuming, from_neighbors
from portwright.check.declared import with_declared
from portwright.packets.box import Box
from portwright.packets.diagram import Operation, PacketMap, Space
from portwright.packets.fields import Field, Flags, State
from portwright.packets.intervals import Intervals, complement, intersect
from portwright.packets.packetset import PacketSet
from portwright.plan.model import Plan
from portwright.policy.algebra import AcceptingRules, PolicyMap
from portwright.policy.configuration import Configuration
from portwright.policy.model import Policy, Rewrite, Rule, Stage
from portwright.policy.routing import not_routed_elsewhere
from portwright.policy.tracking import Untracked, untracked, untracking
from portwright.policy.translation import Parts, Translation, translates
from portwright.policy.walk import Walker
from portwright.site.model import Crossing

_LOOPBACK = "lo"  # of a Linux host: what another host sends it, or is sent by it, never crosses that


@dataclass(frozen=True, slots=True)
class Reading:
    """A point's configuration as it was read."""

    configuration: Configuration
    text: str


@dataclass(frozen=True, slots=True)
class Way:
    """How packets cross a point: hook, interfaces (None: not known), and whether they belong to a connection."""

    hook: str
    interface_in: str | None
    interface_out: str | None
    state: State = State.NEW
    is_taken_up: bool = False  # new to the point, though it is in the middle of a TCP connection

    @classmethod
    def of(cls, crossing: Crossing, state: State = State.NEW, *, is_taken_up: bool = False) -> "Way":
        """The way of a crossing."""
        return cls(crossing.hook, crossing.interface_in, crossing.interface_out, state, is_taken_up)


class PointView:
    """One point in the check's space: verdict maps by way, and walkers for blame. Made lazily, kept."""

    def __init__(self, name: str, reading: Reading, space: Space, plan: Plan):
        self.name = name
        self.reading = reading
        self.space = space
        self._point = plan.site.points[name]
        self.assumptions = tuple(entry for entry in plan.assumptions if entry.at == name)
        self._declared = tuple(entry for entry in plan.site.translations if entry.at == name)
        self._policies: dict[str, Policy] = {}
        self._maps: dict[str, PolicyMap] = {}
        self._walkers: dict[str, Walker] = {}
        self._ways: dict[Way, PacketMap[int]] = {}
        self._passing: dict[tuple[Way, Callable[[Hashable], bool]], PacketSet] = {}
        self._accepting: dict[Stage, AcceptingRules] = {}
        self._parts: dict[str, Parts] = {}
        self._translations: dict[Way, tuple[Translation, Translation]] = {}
        self._part_maps: dict[tuple[str, int], PolicyMap] = {}
        self._part_verdicts: dict[tuple[Way, int], PacketMap[int]] = {}
        self._untracks: dict[str, bool] = {}
        self._untracked: dict[Way, Untracked] = {}
        self._routed: PacketSet | None = None
        self.either = Operation(_either)  # on verdicts: one or the other

    @cached_property
    def published(self) -> PacketSet:
        """The packets to addresses and ports of which the site says that the point leads them elsewhere."""
        boxes = []
        for entry in self._declared:
            ports: dict[Field, Intervals] = {Field.DPORT: entry.to.ports} if entry.to.ports is not None else {}
            for version in (4, 6):
                to = {Field.VERSION: ((version, version),), Field.DST: entry.to.addresses.family(version)}
                boxes.append(Box.of({**to, **ports}))
        return PacketSet.of(self.space, [box for box in boxes if box is not None])

    def own_policy(self, hook: str) -> Policy:
        """What packets meet at a hook, as the configuration says it."""
        return self.reading.configuration.policy(hook, path=True)

    def policy(self, hook: str) -> Policy:
        """What packets meet at a hook, with what the site vouches for and what it says of translations."""
        if hook not in self._policies:
            policy = self.own_policy(hook)
            policy = assuming(policy, self.assumptions) if self.assumptions else policy
            interfaces = self.reading.configuration.interfaces
            self._policies[hook] = with_declared(policy, self._declared, self._point, interfaces)
        return self._policies[hook]

    def walker(self, hook: str) -> Walker:
        """For single packets."""
        if hook not in self._walkers:
            self._walkers[hook] = Walker(self.policy(hook))
        return self._walkers[hook]

    def accepting(self, way: Way) -> Iterator[tuple[AcceptingRules, "Seen"]]:
        """Which rules accept, and what packets look like to them: filters from the last on, then translations."""
        parts = self.parts(way.hook)
        stages = [(stage, number) for number, part in enumerate(parts.all) for stage in part.stages]
        stages.reverse()
        for stage, number in sorted(stages, key=lambda entry: entry[0].translates):
            steps = self.translations(way)[:number] if self.translates(way.hook) else ()
            yield self._accepting_of(stage), Seen(steps)

    def _accepting_of(self, stage: Stage) -> AcceptingRules:
        if stage not in self._accepting:
            self._accepting[stage] = AcceptingRules(self.space, stage)
        return self._accepting[stage]

    def permitting(self, way: Way, packets: PacketSet) -> dict[Rule, PacketSet]:
        """Arriving packets by the rule that permits them: of the last stage in which somebody wrote one."""
        fixed = PacketSet.of(self.space, [box] if (box := Box.of(self.constraints(way))) else [])
        rest = packets & fixed
        parts: dict[Rule, PacketSet] = {}
        others: list[tuple[Rule, PacketSet]] = []
        for accepting, seen in self.accepting(way):
            if not rest:
                break
            for rule, part in accepting.parts(seen.after(rest)).items():
                if rule is not None and _permits_the_rest(rule):
                    others.append((rule, seen.before(part)))
                elif rule is not None and (written := rest & seen.before(part)):
                    parts[rule] = written
            for part in parts.values():
                rest = rest - part
        for rule, part in sorted(others, key=lambda other: other[0].default):  # the last filter's default comes first
            if left := rest & part:
                parts[rule] = left
                rest = rest - left
        return {rule: self._free_of_way(way, part, self.either) for rule, part in parts.items()}

    def _free_of_way(self, way: Way, packets: PacketSet, combine: Operation) -> PacketSet:
        """The packets without the fields that the way fixes: those on either of its interfaces, or those on each."""
        root = packets.root
        for name, values in self.constraints(way).items():
            root = self.space.assign(name, root, values, combine)
        return PacketSet(self.space, root)

    def before(self, way: Way) -> Callable[[PacketSet], PacketSet]:
        """Which packets on a way are led to given destinations: as they arrive, from as they are behind the point."""
        return self.translations(way)[0].sources_of if self.translates(way.hook) else _as_they_are

    def verdicts(self, way: Way) -> PacketMap[int]:
        """The verdicts on a way, as a map in which interfaces, state and flags no longer matter."""
        if way not in self._ways:
            if way.hook not in self._maps:
                self._maps[way.hook] = PolicyMap(self.space, self.policy(way.hook))
            self._ways[way] = self._on(way, self._maps[way.hook])
        return self._ways[way]

    def discovery(self, way: Way, passes: Callable[[Hashable], bool]) -> PacketSet:
        """The packets between neighbors on a way whose verdicts satisfy a predicate."""
        if (policy := from_neighbors(self.policy(way.hook))) is self.policy(way.hook):
            return self.passing(way, passes)
        return PacketSet.where(self._on(way, PolicyMap(self.space, policy)), passes)

    def passing(self, way: Way, passes: Callable[[Hashable], bool]) -> PacketSet:
        """The packets on a way whose verdicts satisfy a predicate."""
        if (way, passes) not in self._passing:
            self._passing[way, passes] = PacketSet.where(self.verdicts(way), passes)
        return self._passing[way, passes]

    def _on(self, way: Way, made: PolicyMap) -> PacketMap[int]:
        root = made.verdicts.root
        for field, values in self.constraints(way).items():
            root = self.space.assign(field, root, values, self.either)
        return PacketMap(self.space, root)

    def translates(self, hook: str) -> bool:
        """Report whether packets may leave a hook with other addresses or ports than they came with."""
        parts = self.parts(hook)
        return any(translates(stage) for stage in (*parts.arriving.stages, *parts.leaving.stages))

    def parts(self, hook: str) -> Parts:
        """The policy of a hook by what packets look like in it."""
        if hook not in self._parts:
            self._parts[hook] = Parts.of(self.policy(hook))
        return self._parts[hook]

    def translations(self, way: Way) -> tuple[Translation, Translation]:
        """What becomes of headers on a way: first of destinations, then of sources."""
        if way not in self._translations:
            parts, fixed = self.parts(way.hook), self.constraints(way)
            self._translations[way] = (
                Translation(self.space, parts.arriving, fixed),
                Translation(self.space, parts.leaving, fixed),
            )
        return self._translations[way]

    def part_verdicts(self, way: Way, number: int) -> PacketMap[int]:
        """The verdicts of one part of the policy alone: 0 before, 1 between, 2 behind the translations."""
        if (way, number) not in self._part_verdicts:
            if (way.hook, number) not in self._part_maps:
                self._part_maps[way.hook, number] = PolicyMap(self.space, self.parts(way.hook).all[number])
            self._part_verdicts[way, number] = self._on(way, self._part_maps[way.hook, number])
        return self._part_verdicts[way, number]

    def changes_state(self, way: Way, packets: PacketSet) -> bool:
        """Report whether a rule may take packets of a way out of connection tracking, or change their state."""
        fixed = Box.of(self.constraints(way))
        here = packets & PacketSet.of(self.space, [fixed] if fixed is not None else [])
        return any(
            here & PacketSet.of(self.space, stage.scope) & PacketSet.of(self.space, rule.match.possible)
            for stage in self.policy(way.hook).stages
            for chain in stage.chains.values()
            for rule in chain.rules
            if isinstance(rule.action, Rewrite) and any(one.field is Field.STATE for one in rule.action.changes)
        )

    def untracks(self, hook: str) -> bool:
        """Report whether some rule takes packets at a hook out of connection tracking."""
        if hook not in self._untracks:
            self._untracks[hook] = bool(untracking(self.policy(hook)))
        return self._untracks[hook]

    def untracked(self, way: Way) -> Untracked:
        """The packets on a way that rules take out of connection tracking."""
        if way not in self._untracked:
            self._untracked[way] = untracked(self.space, self.policy(way.hook), self.constraints(way))
        return self._untracked[way]

    def part_walker(self, hook: str, number: int) -> Walker:
        """For single packets in one part of the policy."""
        key = f"{hook}/{number}"
        if key not in self._walkers:
            self._walkers[key] = Walker(self.parts(hook).all[number])
        return self._walkers[key]

    def settled(self, way: Way, packets: PacketSet) -> PacketSet:
        """The packets of which a rule that somebody wrote surely says whether their source is translated."""
        fixed = Box.of(self.constraints(way))
        here = packets & PacketSet.of(self.space, [fixed] if fixed is not None else [])
        found = PacketSet.nothing(self.space)
        for stage in self.parts(way.hook).leaving.stages:
            if translates(stage):
                for rule, part in self._accepting_of(stage).parts(here).items():
                    if rule is not None and not rule.default:
                        found = found | (part & PacketSet.of(self.space, rule.match.sure))
        return self._free_of_way(way, found, Operation(_both))

    def not_routed_elsewhere(self, way: Way) -> PacketSet:
        """The packets that no network of the configuration leads elsewhere than a way, where interfaces are known."""
        constraints = self.constraints(way)
        if way.hook != "forward" or any(values[0][0] != values[0][1] for values in constraints.values()):
            return PacketSet.everything(self.space)
        if self._routed is None:
            configuration = self.reading.configuration
            policy = self.policy(way.hook)
            self._routed = not_routed_elsewhere(self.space, policy, configuration, configuration.interfaces)
        root = self._routed.root
        for field, values in constraints.items():
            root = self.space.assign(field, root, values, self.either)
        return PacketSet(self.space, root)

    def constraints(self, way: Way) -> dict[Field, Intervals]:
        """The fields that a way fixes."""
        flags = Flags.OPENS if way.state is State.NEW and not way.is_taken_up else Flags.OTHER
        return {
            Field.IN: self._atoms(way.interface_in, sent_here=way.hook == "output"),
            Field.OUT: self._atoms(way.interface_out, sent_here=way.hook == "input"),
            Field.STATE: ((int(way.state), int(way.state)),),
            Field.FLAGS: ((int(flags), int(flags)),),
        }

    def _atoms(self, name: str | None, sent_here: bool) -> Intervals:
        interfaces = self.reading.configuration.interfaces
        if name is None and not sent_here:
            atoms = interfaces.atoms()
            loopback = interfaces.exactly(_LOOPBACK) if self._point.on and _LOOPBACK in interfaces.names else ()
            return intersect(((atoms[0], atoms[-1]),), complement(loopback, atoms[-1]))
        atom = interfaces.atom(name or "")
        return ((atom, atom),)


@dataclass(frozen=True, slots=True)
class Seen:
    """What packets look like to a stage that comes behind some translations."""

    translations: tuple[Translation, ...]

    def after(self, packets: PacketSet) -> PacketSet:
        """Arriving packets as the stage sees them."""
        for translation in self.translations:
            packets = translation.leads(packets)
        return packets

    def before(self, packets: PacketSet) -> PacketSet:
        """The packets that the stage sees, as they arrive."""
        for translation in reversed(self.translations):
            packets = translation.sources_of(packets)
        return packets


def _permits_the_rest(rule: Rule) -> bool:
    """Report whether a rule permits only what no other does: a default, or one that is there to translate."""
    return rule.default or isinstance(rule.action, Rewrite)


def _as_they_are(packets: PacketSet) -> PacketSet:
    return packets


def _both(one: object, other: object) -> bool:
    return bool(one) and bool(other)


def _either(one: object, other: object) -> int:
    assert isinstance(one, int)
    assert isinstance(other, int)
    return one | other
