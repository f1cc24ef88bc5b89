"""What a careful person would ask about a site's own words: entries that cover everything, configurations mixed up."""

import re
from collections.abc import Iterable, Iterator, Mapping

from portwright.check.excess import PointExcess, RuleExcess, accepts
from portwright.check.points import PointView
from portwright.findings import Finding, Kind
from portwright.packets.addresses import EVERY_ADDRESS
from portwright.packets.fields import Field
from portwright.packets.notation import Flow
from portwright.plan.model import Plan
from portwright.policy.reference import RuleReference, rule_reference
from portwright.site.model import Accept, Exemption, Site

_COVERS = {
    "accept": "what it covers is never called excess",
    "except": "what it covers is never called missing",
}
_SHORTEST = 3  # letters with which both of two names begin that may mean one device


# ---------------------------------------------------------------------- entries as wide as everything


def wide_entries(plan: Plan) -> Iterator[Finding]:
    """Entries under `accept` and `except` that speak about everything from anywhere to anywhere."""
    for flow in plan.accepted:
        if _is_everywhere(flow.flow):
            yield _wide("accept", flow.entry)
    for entry in plan.exceptions:
        if _is_everywhere(entry.flow):
            yield _wide("except", entry)


def _is_everywhere(flow: Flow) -> bool:
    """Report whether both ends are every address of some IP version."""
    ends = (flow.source.addresses, flow.destination.addresses)
    return any(all(end.family(version) == EVERY_ADDRESS.family(version) for end in ends) for version in (4, 6))


def _wide(key: str, entry: Accept | Exemption) -> Finding:
    return Finding(
        Kind.LINT,
        f"an entry under '{key}', {entry.about}, goes from anywhere to anywhere: {_COVERS[key]}",
        subject=f"{key}/{entry.about}",
        place=str(entry.source),
    )


def wide_rules(plan: Plan, excess: Mapping[str, PointExcess]) -> Iterator[Finding]:
    """Rules from anywhere to anywhere for which an entry under `accept` answers."""
    for point, found in excess.items():
        for one in found.accepted:
            if _matches_anywhere(one):
                entries = (entry for entry in plan.accepted_rules if entry.at == point)
                yield _answered_for(point, one, next(e for e in entries if accepts(e, one.rule, one.remarks)))


def _matches_anywhere(found: RuleExcess) -> bool:
    ends = {Field.SRC, Field.DST}
    return any(ends.isdisjoint(name for name, _ in box.constraints) for box in found.rule.match.possible)


def _answered_for(point: str, found: RuleExcess, entry: Accept) -> Finding:
    line = found.rule.source.line
    return Finding(
        Kind.LINT,
        f"{point}: line {line} permits from anywhere to anywhere, and an entry under 'accept' answers for it:"
        f" {_COVERS['accept']}",
        subject=f"accept/{entry.about}",
        point=point,
        decided_by=(rule_reference(found.rule, point),),
        place=str(entry.source),
    )


# ---------------------------------------------------------------------- configurations mixed up


def misplaced(site: Site, views: Iterable[PointView]) -> Iterator[Finding]:
    """Points whose configuration calls itself by the name of another point of the site, and not by their own.

    The firewall of a host has the name of its host.
    """
    for view in views:
        read = view.reading.configuration
        likeness = {name: _likeness(read.hostname, point.on or name) for name, point in site.points.items()}
        meant = max(likeness, key=lambda name: (likeness[name], name == view.name))
        if read.named_at is not None and meant != view.name and likeness[meant]:
            line = read.named_at
            yield Finding(
                Kind.LINT,
                f"{view.name}: its configuration calls itself {read.hostname}, which looks like {meant}:"
                " were the files mixed up?",
                subject=f"hostname {read.hostname}",
                point=view.name,
                decided_by=(RuleReference(view.name, line.file, line.line, line.text),),
                place=str(site.points[view.name].source),
            )


def _likeness(hostname: str, point: str) -> int:
    """2 for names that are the same but for case and punctuation, 1 where one begins with the other, else 0."""
    shorter, longer = sorted((re.sub(r"[^a-z0-9]", "", name.lower()) for name in (hostname, point)), key=len)
    if shorter == longer:
        return 2
    return 1 if len(shorter) >= _SHORTEST and longer.startswith(shorter) else 0
