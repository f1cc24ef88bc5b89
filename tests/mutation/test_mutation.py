"""One line changed: `diff` says so exactly when the meaning has changed, and `check` exactly when it matters.

Whether the meaning has changed is for the walk of single packets to say, over packets at the edges of all that the two
texts mention. PORTWRIGHT_MUTANTS says how many mutants of each configuration are tried, PORTWRIGHT_PACKETS how many
packets meet each.
"""

import os
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from tests.mutation.boundary import Mentioned, around, packets
from tests.mutation.mutate import Mutant, sample

from portwright import platforms
from portwright.check.points import Reading
from portwright.check.run import Check
from portwright.cli.site import load
from portwright.errors import InvalidInput
from portwright.findings import Finding, Kind, Severity
from portwright.packets.box import Box
from portwright.packets.fields import TCP, Field, Flags, Header, State
from portwright.packets.packet import Packet
from portwright.plan.model import Plan
from portwright.policy.configuration import Configuration
from portwright.policy.difference import Comparison
from portwright.policy.walk import Decided, Walker, meets
from portwright.render.prove import render
from portwright.site.model import Crossing

F6 = Path(__file__).parents[2] / "examples" / "f6"
POINTS = {"core-fw": "core-fw.cfg", "data-fw": "data-fw.nft"}
WRITTEN = " as Portwright writes it"
MUTANTS = int(os.environ.get("PORTWRIGHT_MUTANTS", "6"))
PACKETS = int(os.environ.get("PORTWRIGHT_PACKETS", "3000"))
SEED = 20130601
_PASSED, _BLOCKED = {Kind.EXCESS}, {Kind.MISSING, Kind.REPLY, Kind.REPLY_BYPASSES}
_HUMANE = {Field.VERSION: (4,), Field.SPORT: (40000,)}


class Side:
    """One configuration, asked packet by packet: interfaces by name, and packets that leave as they are routed."""

    def __init__(self, point: str, text: str):
        self.text = text
        self.configuration: Configuration = platforms.read(_plan()[0].site.points[point].platform, text, POINTS[point])
        self._walker = Walker(self.configuration.policy("forward", path=True))
        self._known: dict[tuple[Header, str, str], Decided | None] = {}

    def leaves(self, header: Header, named: str) -> str | None:
        """The interface on which a packet leaves: by the routes, or as named; None: nowhere."""
        if not self.configuration.routing_is_complete:
            return named
        return self.configuration.interface_toward(4, header[Field.DST])

    def decides(self, header: Header, arrives: str, named: str) -> Decided | None:
        """What becomes of a packet; None: it is not known."""
        key = (header, arrives, named)
        if key not in self._known:
            leaves = self.leaves(header, named)
            atom = self.configuration.interfaces.atom
            if leaves is None:
                self._known[key] = Decided.DROP
            else:
                found = self._walker.decide((atom(arrives), atom(leaves), *header[2:])).decided
                self._known[key] = None if found is Decided.UNDECIDED else found
        return self._known[key]


@cache
def _plan() -> tuple[Plan, dict[str, Reading]]:
    return load(str(F6 / "site.yaml"), (), None)


@cache
def _texts() -> dict[str, str]:
    """The configurations that are changed: those of the example, and what `render` makes of the site."""
    plan = _plan()[0]
    written = render(plan, {name: plan.site.points[name].platform for name in POINTS})
    return {name: (F6 / file).read_text(encoding="utf-8") for name, file in POINTS.items()} | {
        f"{one.point}{WRITTEN}": one.context + one.text for one in written
    }


@cache
def _right(name: str) -> Side:
    return Side(name.removesuffix(WRITTEN), _texts()[name])


def cases() -> Iterator[object]:
    """A mutant a case; the same ones every time."""
    for name, text in _texts().items():
        for number, mutant in enumerate(sample(text, MUTANTS, SEED), 1):
            label = f"{name} {number}, line {mutant.line}: {mutant.how} {mutant.new.strip()[:60]}"
            yield pytest.param(name, mutant, id=label)


@pytest.mark.parametrize("name", [*POINTS, *(f"{point}{WRITTEN}" for point in POINTS)])
def test_a_configuration_is_right_before_it_is_changed(name: str) -> None:
    """Otherwise no finding would tell anything."""
    assert _checked(name.removesuffix(WRITTEN), _right(name)) == []


@pytest.mark.parametrize(("name", "mutant"), list(cases()))
def test_a_mutant_is_told_when_it_means_something_else(name: str, mutant: Mutant) -> None:
    """What diff and check say of it is what single packets meet."""
    right, point = _right(name), name.removesuffix(WRITTEN)
    try:
        wrong = Side(point, mutant.text)
    except InvalidInput:
        return  # nobody can be misled by a file that cannot be read
    comparison = Comparison(right.configuration, wrong.configuration, path=True)
    findings = _checked(point, wrong)
    changed = list(_changed(point, mutant, right, wrong))
    if changed:
        assert comparison.different, f"diff sees nothing, and {changed[0]} meets something else"
    for difference in comparison.differences(20, _HUMANE)[0] if comparison.different else ():
        witness, names = difference.witness, comparison.interfaces
        way = (names.name(witness[Field.IN]), names.name(witness[Field.OUT]))
        both = [side.decides(witness, *way) for side in (right, wrong)]
        assert both[0] != both[1] or None in both, f"diff tells {witness} apart, and both decide {both}"
    _findings_are_changes(findings, right, wrong, nothing_changed=not comparison.different)
    for header, arrives, leaves in changed:
        _told(point, header, arrives, leaves, wrong, findings)


def _checked(point: str, side: Side) -> list[Finding]:
    plan, readings = _plan()
    report = Check(plan, {**readings, point: Reading(side.configuration, side.text)}).run()
    return [one for one in report.findings if one.severity in (Severity.ERROR, Severity.UNDECIDED)]


def _changed(point: str, mutant: Mutant, right: Side, wrong: Side) -> Iterator[tuple[Header, str, str]]:
    """Packets that the two surely treat differently."""
    near = Mentioned.of(around(right.text, mutant.old), around(mutant.text, mutant.new))
    far = Mentioned.of(right.text, mutant.text)
    known = {*right.configuration.interfaces.names, *wrong.configuration.interfaces.names}
    names = [*sorted(known), "elsewhere0"]
    random = Random(f"{SEED} {mutant.line} {mutant.new}")
    made = (
        (header, names[header[Field.IN]], names[header[Field.OUT]])
        for header in packets(near, far, range(len(names)), PACKETS, random)
    )
    for header, arrives, leaves in chain(_planned(point), made):
        both = [side.decides(header, arrives, leaves) for side in (right, wrong)]
        if None not in both and both[0] != both[1]:
            yield header, arrives, leaves


@cache
def _planned(point: str) -> tuple[tuple[Header, str, str], ...]:
    """The first and the last packet of each flow that crosses a point, and of its replies."""
    found = [
        (_corner(box, last, state), crossing.interface_in or "", crossing.interface_out or "")
        for flow in _plan()[0].flows
        for route in flow.routes
        for crossings, boxes, state in (
            (route.forward, flow.packets, State.NEW),
            (route.back, flow.replies, State.ESTABLISHED),
        )
        for crossing in crossings
        for box in boxes
        for last in (False, True)
        if crossing.point == point
    ]
    return tuple(dict.fromkeys(found))


def _corner(box: Box, last: bool, state: State) -> Header:
    header = [0] * len(Field)
    for name, ranges in box.constraints:
        header[name] = ranges[-1][1] if last else ranges[0][0]
    header[Field.STATE] = state
    header[Field.FLAGS] = Flags.OTHER if state is not State.NEW and header[Field.PROTOCOL] == TCP else Flags.OPENS
    return tuple(header)


# ---------------------------------------------------------------------- what check says


def _findings_are_changes(findings: list[Finding], right: Side, wrong: Side, nothing_changed: bool) -> None:
    """The witness of each finding is a packet that the right configuration treats otherwise."""
    for finding in findings:
        if finding.kind in _PASSED | _BLOCKED and finding.witness:
            packet = Packet.parse(finding.witness)
            way = (packet.interface_in or "", packet.interface_out or "")
            both = [side.decides(packet.header(0, 0), *way) for side in (right, wrong)]
            assert (both[1] is Decided.ACCEPT) == (finding.kind in _PASSED), (finding, both)
            assert (both[0] is Decided.ACCEPT) != (finding.kind in _PASSED), (finding, both)
    assert not nothing_changed or not any(finding.kind in _PASSED | _BLOCKED for finding in findings)


def _told(point: str, header: Header, arrives: str, leaves: str, wrong: Side, findings: list[Finding]) -> None:
    """A changed packet that is required, or in the universe of excess, is the matter of a finding."""
    plan = _plan()[0]
    out = wrong.leaves(header, leaves)
    passes = wrong.decides(header, arrives, leaves) is Decided.ACCEPT
    kinds = {finding.kind for finding in findings}
    if not passes and _is_required(plan, point, header, arrives, out):
        assert kinds & {*_BLOCKED, Kind.UNDECIDED}, f"check misses that {header} in {arrives} out {out} is blocked"
    if passes and _is_excess(plan, point, header, arrives, out):
        assert kinds & {*_PASSED, Kind.UNDECIDED}, f"check misses that {header} in {arrives} out {out} passes"


def _is_required(plan: Plan, point: str, header: Header, arrives: str, leaves: str | None) -> bool:
    def crosses(crossings: tuple[Crossing, ...]) -> bool:
        return any((one.point, one.interface_in, one.interface_out) == (point, arrives, leaves) for one in crossings)

    for flow in plan.required:
        for route in flow.routes if not flow.group else ():
            if header[Field.STATE] == State.NEW and crosses(route.forward) and meets(flow.packets, header):
                return True
            if header[Field.STATE] == State.ESTABLISHED and crosses(route.back) and meets(flow.replies, header):
                return True
    return False


def _is_excess(plan: Plan, point: str, header: Header, arrives: str, leaves: str | None) -> bool:
    """A new connection through the firewall, with a host of the site at one end, that nothing needs."""
    site, interfaces = plan.site, plan.site.points[point].interfaces
    ends = {name: header[name] for name in (Field.SRC, Field.DST)}
    zones = {name: site.zone_of(4, address) for name, address in ends.items()}
    comes, goes = (interfaces.get(zones[name] or "") for name in (Field.SRC, Field.DST))
    if header[Field.STATE] != State.NEW or arrives == leaves or (comes, goes) != (arrives, leaves):
        return False
    declared = [one.addresses.v4 for one in (*site.consumers(), *site.virtual.values(), *site.outside.values())]
    if not any(low <= end <= high for end in ends.values() for ranges in declared for low, high in ranges):
        return False
    needed: list[Box] = [box for flow in plan.flows for box in flow.permitted]
    needed += [box for entry in plan.accepted for box in entry.boxes]
    return not meets((*needed, *plan.tolerated), header)
