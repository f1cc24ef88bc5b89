"""One line changed: `diff` says so exactly when the meaning has changed, and `check` exactly when it matters.

Whether the meaning has changed is for the walk of single packets to say, over packets at the edges of all that the two
texts mention. PORTWRIGHT_MUTANTS says how many mutants of each configuration are tried (a sixth of that of each
one that `render` writes), PORTWRIGHT_PACKETS how many packets meet each.
"""

import os
from collections.abc import Iterator
from functools import cache
from itertools import chain
from random import Random

import pytest
from tests.mutation.boundary import Mentioned, around, packets
from tests.mutation.mutate import Mutant, sample
from tests.mutation.sides import Outcome, Side, Subject, subjects, told
from tests.scenarios.walked import not_walked

from portwright.check.judge import Judgment
from portwright.check.run import Check
from portwright.errors import InvalidInput
from portwright.findings import Finding, Kind
from portwright.packets.box import Box
from portwright.packets.fields import TCP, Field, Flags, Header, State
from portwright.packets.packet import Packet
from portwright.plan.model import Plan
from portwright.policy.difference import Comparison
from portwright.policy.walk import Decided, meets
from portwright.site.model import Crossing

MUTANTS = int(os.environ.get("PORTWRIGHT_MUTANTS", "6"))
PACKETS = int(os.environ.get("PORTWRIGHT_PACKETS", "2000"))
SEED = 20130601
_PASSED, _BLOCKED = {Kind.EXCESS}, {Kind.MISSING, Kind.REPLY, Kind.REPLY_BYPASSES}
_HUMANE = {Field.VERSION: (4, 6), Field.SPORT: (40000,)}

Found = tuple[Header, str, str]  # a packet, and the interfaces that it names


def cases() -> Iterator[object]:
    """A mutant a case; the same ones every time."""
    for subject in subjects():
        count = MUTANTS if subject.is_own else max(1, MUTANTS // 6)
        for number, mutant in enumerate(sample(subject.text, count, SEED + len(str(subject))), 1):
            label = f"{subject} {number}, line {mutant.line}: {mutant.how} {mutant.new.strip()[:60]}"
            yield pytest.param(subject, mutant, id=label)


@cache
def _before(subject: Subject) -> frozenset[str]:
    """What the check of the right configuration says."""
    return frozenset(finding.id for finding in told(subject.check(subject.right)))


@pytest.mark.parametrize("subject", [one for one in subjects() if one.is_own], ids=str)
def test_a_configuration_is_right_before_it_is_changed(subject: Subject) -> None:
    """Otherwise no finding would tell anything."""
    assert _before(subject) == frozenset()


@pytest.mark.parametrize(("subject", "mutant"), list(cases()))
def test_a_mutant_is_told_when_it_means_something_else(subject: Subject, mutant: Mutant) -> None:
    """What diff and check say of it is what single packets meet."""
    right = subject.right
    try:
        wrong = subject.side(mutant.text)
    except InvalidInput:
        return  # nobody can be misled by a file that cannot be read
    changed = list(_changed(subject, mutant, right, wrong))
    nothing_changed = _diff_is_right(changed, right, wrong)
    check = subject.check(wrong)
    findings = told(check)
    _findings_are_changes([one for one in findings if one.id not in _before(subject)], right, wrong, nothing_changed)
    if right.translates or wrong.translates:
        _what_is_proved_arrives(subject, check, wrong)
    for one in changed:
        _told(subject, one, right, wrong, findings)


def test_what_larger_runs_have_found() -> None:
    """Packets of several zones may exceed by one line: the witness comes in where it is said to."""
    subject = next(one for one in subjects() if str(one) == "f2 edge-fw")
    old = "access-list house extended permit tcp object h-be01 object h-exch01 eq https"
    new = old.replace("object h-be01", "any")
    assert subject.text.count(old) == 1
    line = subject.text[: subject.text.index(old)].count("\n") + 1
    test_a_mutant_is_told_when_it_means_something_else(
        subject, Mutant("widen", line, old, new, subject.text.replace(old, new))
    )


def _diff_is_right(changed: list[Found], right: Side, wrong: Side) -> bool:
    """`diff` tells the two apart where a packet does, and by packets that do. Report whether it tells nothing."""
    comparison = Comparison(right.configuration, wrong.configuration, path=True)
    if changed:
        assert comparison.different | comparison.undecided, f"diff sees nothing, and {changed[0]} meets something else"
        assert changed[0] is None or comparison.different or _is_in_doubt(changed, comparison)
    for difference in comparison.differences(20, _HUMANE)[0] if comparison.different else ():
        witness, names = difference.witness, comparison.interfaces
        way = (names.name(witness[Field.IN]), names.name(witness[Field.OUT]))
        both = [side.decides(witness, *way) for side in (right, wrong)]
        assert both[0] != both[1] or None in both, f"diff tells {witness} apart, and both decide {both}"
    return not comparison.different


def _is_in_doubt(changed: list[Found], comparison: Comparison) -> bool:
    """Report whether the packets stand among those of which `diff` says that it does not know."""
    atom = comparison.interfaces.atom
    return all((atom(a), atom(b), *header[2:]) in comparison.undecided for header, a, b in changed)


def _changed(subject: Subject, mutant: Mutant, right: Side, wrong: Side) -> Iterator[Found]:
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
    for one in chain(_planned(subject), made):
        both = [side.decides(*one) for side in (right, wrong)]
        if None not in both and both[0] != both[1]:
            yield one


@cache
def _planned(subject: Subject) -> tuple[Found, ...]:
    """The first and the last packet of each flow that crosses a point, and of its replies."""
    found = [
        (_corner(box, last, state), crossing.interface_in or "", crossing.interface_out or "")
        for flow in subject.plan.flows
        for route in flow.routes
        for crossings, boxes, state in (
            (route.forward, flow.packets, State.NEW),
            (route.back, flow.replies, State.ESTABLISHED),
        )
        for crossing in crossings
        for box in boxes
        for last in (False, True)
        if crossing.point == subject.point
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


def _passes(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome[0] is Decided.ACCEPT


def _findings_are_changes(findings: list[Finding], right: Side, wrong: Side, nothing_changed: bool) -> None:
    """The witness of each finding is a packet that the right configuration treats otherwise."""
    about_packets = [one for one in findings if one.kind in _PASSED | _BLOCKED]
    for finding in about_packets:
        if finding.witness:
            packet = Packet.parse(finding.witness)
            way = (packet.interface_in or "", packet.interface_out or "")
            old, new = (side.decides(packet.header(0, 0), *way) for side in (right, wrong))
            assert _passes(new) == (finding.kind in _PASSED), (finding, old, new)
            if not right.translates:  # otherwise it may have been sent to another address before
                assert _passes(old) != (finding.kind in _PASSED), (finding, old, new)
    assert not (nothing_changed and about_packets)


def _what_is_proved_arrives(subject: Subject, check: Check, wrong: Side) -> None:
    """Of a flow across a point that translates, single packets come to its destination, if it is called proved."""
    for flow in subject.plan.required:
        if subject.point in flow.points and check.judge.result(flow).judgment is Judgment.PROVED:
            assert list(not_walked(flow, check.views, (wrong.text,), subject.plan.excepted)) == []


def _told(subject: Subject, found: Found, right: Side, wrong: Side, findings: list[Finding]) -> None:
    """A changed packet that is required, or in the universe of excess, is the matter of a finding."""
    header, arrives, _ = found
    old, new = (side.decides(*found) for side in (right, wrong))
    ways = wrong.leaves(*found)
    if len(ways) != 1 or new is None or old is None:
        return
    kinds = {finding.kind for finding in findings}
    plan, way = subject.plan, (arrives, ways[0])
    if not _passes(new) and not right.translates and _is_required(plan, subject.point, header, way):
        assert kinds & {*_BLOCKED, Kind.UNDECIDED}, f"check misses that {header} on {way} is blocked"
    if _passes(new) and _is_excess(plan, subject.point, _led(header, new), way):
        assert kinds & {*_PASSED, Kind.UNDECIDED}, f"check misses that {header} on {way} passes"


def _led(header: Header, outcome: Outcome) -> Header:
    """A packet at its real destination; who sends it, it says itself."""
    led = list(header)
    for name in (Field.DST, Field.DPORT):
        value = outcome[1][0][name - 2]
        led[name] = value if isinstance(value, int) else value[0][0]
    return tuple(led)


def _is_required(plan: Plan, point: str, header: Header, way: tuple[str, str]) -> bool:
    def crosses(crossings: tuple[Crossing, ...]) -> bool:
        return any((one.point, one.interface_in, one.interface_out) == (point, *way) for one in crossings)

    if meets(plan.excepted, header):
        return False
    for flow in plan.required:
        for route in flow.routes if not flow.group else ():
            if header[Field.STATE] == State.NEW and crosses(route.forward) and meets(flow.packets, header):
                return True
            if header[Field.STATE] == State.ESTABLISHED and crosses(route.back) and meets(flow.replies, header):
                return True
    return False


def _is_excess(plan: Plan, point: str, header: Header, way: tuple[str, str]) -> bool:
    """A new connection through the firewall, with a host of the site at one end, that nothing needs."""
    site, interfaces = plan.site, plan.site.points[point].interfaces
    zones = [site.zone_of(header[Field.VERSION], header[name]) or "" for name in (Field.SRC, Field.DST)]
    expected = tuple(interfaces.get(zone) for zone in zones)
    anywhere = {interfaces.get(zone) for zone, one in site.zones.items() if one.rest}  # anybody may claim any address
    if header[Field.STATE] != State.NEW or way[0] == way[1] or expected[1] != way[1]:
        return False
    if expected[0] != way[0] and way[0] not in anywhere:
        return False
    named = (*site.consumers(), *site.virtual.values(), *site.outside.values())
    declared = [one.addresses.family(header[Field.VERSION]) for one in named]
    ends = (header[Field.SRC], header[Field.DST])
    if not any(low <= end <= high for end in ends for ranges in declared for low, high in ranges):
        return False
    needed: list[Box] = [box for flow in plan.flows for box in flow.permitted]
    needed += [box for entry in plan.accepted for box in entry.boxes]
    return not meets((*needed, *plan.tolerated), header)
