"""A check limited to what touches some flows, points, hosts, requirements or scenarios."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

from portwright.check.obstacle import FlowResult, Judgment, judgment_of
from portwright.check.report import CheckReport
from portwright.errors import InvalidInput, Problem
from portwright.findings import Finding, Kind
from portwright.packets.addresses import Addresses
from portwright.packets.box import Box, Boxes
from portwright.packets.fields import Field
from portwright.packets.notation import Flow
from portwright.plan.model import Plan, RequiredFlow
from portwright.shapes import suggestion
from portwright.site.model import Host, Outside, Site, Virtual

_OPEN = (Kind.EXCESS, Kind.UNDECIDED)  # findings about packets, of whatever flow
_NOWHERE = (Kind.UNPLACED, Kind.UNDECIDED)  # findings that may concern any point where they name none


class _Id(NamedTuple):
    """The id of a flow, taken apart."""

    text: str
    requirement: str
    source: str  # without the instance
    destination: str

    @classmethod
    def of(cls, text: str) -> "_Id":
        requirement, _, ends = text.partition("/")
        source, _, destination = (end.partition("#")[0] for end in ends.partition(">"))
        return cls(text, requirement, source, destination)


@dataclass(frozen=True, slots=True)
class Focus:
    """What a check is limited to."""

    names: tuple[str, ...] = ()
    flows: frozenset[str] = frozenset()  # ids
    points: frozenset[str] = frozenset()
    crossing: frozenset[str] = frozenset()  # ids of flows that matter at the points, and not what they meet elsewhere
    requirements: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()  # lines of the site file that speak about it
    packets: Boxes = ()  # to and from the hosts
    is_anywhere: bool = False  # what the plan cannot place or lead may have to do with it

    def __or__(self, other: "Focus") -> "Focus":
        return Focus(
            tuple(dict.fromkeys((*self.names, *other.names))),
            self.flows | other.flows,
            self.points | other.points,
            self.crossing | other.crossing,
            self.requirements | other.requirements,
            self.places | other.places,
            self.packets + other.packets,
            self.is_anywhere or other.is_anywhere,
        )

    def touches(self, finding: Finding) -> bool:
        """Report whether a finding has to do with any of it."""
        flows = {finding.flow, *finding.flows} - {""}
        points = {finding.point, *(rule.point for rule in finding.decided_by)} - {""}
        return (
            not self.flows.isdisjoint(flows)
            or not self.points.isdisjoint(points)
            or finding.place in self.places
            or (not flows and not self.requirements.isdisjoint(finding.requirements))
            or (self.is_anywhere and not points and finding.kind in _NOWHERE)
            or self._has_open(finding)
        )

    def _has_open(self, finding: Finding) -> bool:
        """Report whether a finding is about packets that are open, or may be, and some of them are of the focus."""
        packets = finding.packets if finding.kind in _OPEN else None
        return packets is not None and any(map(packets.overlaps, self.packets))


def focus_on(plan: Plan, names: Iterable[str]) -> Focus:
    """The focus on everything of these names. Raises InvalidInput with every name that means nothing on the site."""
    finder = _Finder(plan)
    found = {name: finder.find(name) for name in dict.fromkeys(names)}
    problems = [finder.problem(name, focus) for name, focus in found.items()]
    if wrong := [problem for problem in problems if problem is not None]:
        raise InvalidInput(wrong)
    return reduce(Focus.__or__, filter(None, found.values()), Focus())


def focused(report: CheckReport, focus: Focus) -> CheckReport:
    """What of a check touches the focus; ids and texts of findings stay as they are in the whole."""
    results = tuple(_results(report, focus))
    return replace(
        report,
        results=results,
        spared=frozenset(one.flow.id for one in results if one.judgment is Judgment.MISSING) & report.spared,
        findings=tuple(finding for finding in report.findings if focus.touches(finding)),
        mended=tuple(earlier for earlier in report.mended if focus.touches(earlier.finding)),
        focus=focus.names,
        excess_judged=bool(focus.points or focus.packets),
        only_at=tuple(sorted(focus.points)) if focus.crossing - focus.flows else (),
    )


def _results(report: CheckReport, focus: Focus) -> Iterator[FlowResult]:
    """The flows of the focus; of those that only cross its points, what they meet there, or what may be anywhere."""
    for result in report.results:
        if result.flow.id in focus.flows:
            yield result
        elif result.flow.id in focus.crossing:
            there = tuple(one for one in result.obstacles if not one.point or one.point in focus.points)
            yield FlowResult(result.flow, judgment_of(there), there)


class _Finder:
    """Finds out what a name means; it may mean several things."""

    def __init__(self, plan: Plan):
        self.plan = plan
        told = (id for finding in plan.findings for id in (finding.flow, *finding.flows) if id)
        self.ids = [_Id.of(text) for text in dict.fromkeys((*plan.by_id, *told))]

    def find(self, name: str) -> Focus | None:
        """All that the name means; None: nothing."""
        meanings = (self._flow, self._point, self._end, self._requirement, self._scenario)
        found = [meaning(name) for meaning in meanings]
        known = [focus for focus in found if focus is not None]
        return reduce(Focus.__or__, known) if known else None

    def problem(self, name: str, focus: Focus | None) -> Problem | None:
        """What is wrong with a name: nothing has it, or there is nothing to judge, which must not look like a proof."""
        shown = f"--focus {name[:60]}"
        if focus is None:
            hint = suggestion(name, self._names()) or "the name of a point, host or requirement, or the id of a flow"
            return Problem(shown, 0, 0, "", "nothing on this site has the name", hint)
        is_judged = focus.points or focus.packets or any(flow.id in focus.flows for flow in self.plan.required)
        if not is_judged and not any(focus.touches(finding) for finding in self.plan.findings):
            message = "nothing that is required here has to do with it: there is nothing to judge"
            return Problem(shown, 0, 0, "", message)
        return None

    def _names(self) -> Iterator[str]:
        site, catalog = self.plan.site, self.plan.catalog
        for known in (self.plan.by_id, site.points, _ends(site), catalog.requirements, catalog.scenarios):
            yield from known

    def _flow(self, name: str) -> Focus | None:
        return Focus((name,), frozenset([name])) if any(id.text == name for id in self.ids) else None

    def _point(self, name: str) -> Focus | None:
        site = self.plan.site
        if name not in site.points:
            return None
        crossing = frozenset(flow.id for flow in self.plan.by_id.values() if _crosses(flow, name))
        places = [site.points[name].source, *(one.source for one in site.tests if one.flow.point == name)]
        places += [one.source for one in site.accepts if one.at == name]
        places += [one.source for one in site.assumptions if one.at == name]
        said = frozenset(map(str, places))
        return Focus((name,), points=frozenset([name]), crossing=crossing, places=said, is_anywhere=True)

    def _end(self, name: str) -> Focus | None:
        """A host, a group, a virtual address or something outside."""
        site = self.plan.site
        addresses = _ends(site).get(name)
        if addresses is None:
            return None
        alike = {name, *(virtual.name for virtual in site.virtual.values() if name in virtual.members)}
        flows = self._ids(lambda id: id.source in alike or id.destination in alike)
        points = frozenset(point.name for point in site.points.values() if point.on == name)
        places = self._places(name, addresses)
        return Focus((name,), flows, points, frozenset(), self._needs(name), places, _boxes(addresses))

    def _needs(self, name: str) -> frozenset[str]:
        """The requirements that a host has: what nobody placed may be missing to it."""
        host = self.plan.site.hosts.get(name) or self.plan.site.groups.get(name)
        every = self.plan.catalog.requirements.values()
        return frozenset(one.id for one in every if host is not None and one.source in host.roles)

    def _places(self, name: str, addresses: Addresses) -> frozenset[str]:
        """The lines of the site file about a host: its own, and entries and tests with its addresses."""
        site = self.plan.site
        own = site.hosts.get(name) or site.groups.get(name) or site.virtual.get(name) or site.outside[name]
        said = [(one.flow, one.source) for one in site.accepts if one.flow is not None]
        said += [(one.flow, one.source) for one in site.exceptions]
        said += [(one.flow, one.source) for one in site.tests]
        places = (source for flow, source in said if _speaks_about(flow, addresses))
        return frozenset(map(str, (own.source, *places)))

    def _requirement(self, name: str) -> Focus | None:
        if name not in self.plan.catalog.requirements:
            return None
        return Focus((name,), self._ids(lambda id: id.requirement == name), requirements=frozenset([name]))

    def _scenario(self, name: str) -> Focus | None:
        scenario = self.plan.catalog.scenarios.get(name)
        if scenario is None:
            return None
        if scenario not in self.plan.scenarios():
            return Focus((name,))
        steps = self.plan.steps(scenario)
        flows = (flow.id for step in steps for flow in self.plan.legs(scenario, step).flows)
        requirements = (requirement for step in steps for requirement in step.requirements)
        return Focus((name,), frozenset(flows), requirements=frozenset(requirements))

    def _ids(self, wanted: Callable[[_Id], bool]) -> frozenset[str]:
        return frozenset(id.text for id in self.ids if wanted(id))


def _ends(site: Site) -> dict[str, Addresses]:
    """The addresses of what may stand at the end of a flow, by name."""
    named: tuple[Mapping[str, Host | Virtual | Outside], ...] = (site.outside, site.virtual, site.groups, site.hosts)
    return {name: one.addresses for things in named for name, one in things.items()}


def _crosses(flow: RequiredFlow, point: str) -> bool:
    ways = (crossing for route in flow.routes for crossing in (*route.forward, *route.back))
    return any(crossing.point == point for crossing in ways)


def _boxes(addresses: Addresses) -> Boxes:
    """The packets from and to some addresses."""
    found = (
        Box.of({Field.VERSION: ((version, version),), end: addresses.family(version)})
        for version in (4, 6)
        for end in (Field.SRC, Field.DST)
    )
    return tuple(box for box in found if box is not None)


def _speaks_about(flow: Flow, addresses: Addresses) -> bool:
    return bool((flow.source.addresses | flow.destination.addresses) & addresses)
