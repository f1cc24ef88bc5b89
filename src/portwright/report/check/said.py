"""What every report says besides its findings: what it takes for granted, on whose word, and what was not judged."""

from collections.abc import Iterator

from portwright.check.report import CheckReport
from portwright.plan.model import Plan
from portwright.site.model import Accept, Assumption, Exemption, Site

Entry = Accept | Assumption | Exemption

ROUTINE = (
    "routing is as the site declares it",
    "idle timeouts and the capacity of connection tables are not judged",
    "the configurations are the ones in force",
)
_LISTENERS = "on hosts the same programs listen as when their files were written"
_BY_PROGRAM = ("windows-firewall",)  # platforms whose rules are for programs


def routine(site: Site) -> list[str]:
    """What is taken for granted of every site, and of those with firewalls on hosts."""
    by_program = any(point.platform in _BY_PROGRAM for point in site.points.values())
    return [*ROUTINE, *([_LISTENERS] if by_program else [])]


def assumptions(plan: Plan) -> list[str]:
    """What the answer takes for granted: the routine, and whatever the site says that makes it judge less."""
    return [*routine(plan.site), *said_by_site(plan)]


def said_by_site(plan: Plan) -> list[str]:
    """What the site says that makes a check judge less, with who answers for it and until when."""
    return [*(f"{_TEXTS[key](entry)} ({_answer(entry)})" for key, entry in entries(plan)), *not_there(plan.site)]


def not_there(site: Site) -> list[str]:
    """The components that the site does without, and the ways on which no firewall stands."""
    absent = (f"there is no {component} here ({why})" for component, why in site.absent.items())
    open_ways = sorted({" and ".join(sorted(zones)) for zones in _without_firewall(site)})
    return [*absent, *(f"no firewall stands between {zones}" for zones in open_ways)]


def entries(plan: Plan) -> list[tuple[str, Entry]]:
    """The entries of the site file that still hold, each with the key under which it stands."""
    accepted = (*(flow.entry for flow in plan.accepted), *plan.accepted_rules)
    return [
        *(("assume", entry) for entry in plan.assumptions),
        *(("except", entry) for entry in plan.exceptions),
        *(("accept", entry) for entry in accepted),
    ]


def not_judged(report: CheckReport) -> list[str]:
    """What nobody should take the report to speak about."""
    told = []
    if report.focus:
        told.append(f"what does not touch {' or '.join(report.focus)}")
    if report.only_at:
        told.append(f"what flows meet at other points than {' and '.join(report.only_at)}")
    if not report.excess_judged:
        told.append("what is open without need, which is judged for points and hosts")
    if report.not_judged and report.excess_judged:
        rules = "rule also permits" if report.not_judged == 1 else "rules also permit"
        told.append(f"{report.not_judged} {rules} traffic between addresses that the site does not name (--all)")
    return told


def _without_firewall(site: Site) -> Iterator[tuple[str, str]]:
    """Pairs of zones between which the site declares a way without any point."""
    for zones, routes in site.declared_routes.items():
        if zones[0] != zones[1] and any(not route.forward for route in routes):
            yield zones


def _accepted(entry: Entry) -> str:
    assert isinstance(entry, Accept)
    what = entry.flow.text if entry.flow else f"what rules with '{entry.rule}' open at {entry.at}"
    return f"{what} may be open"


def _denied(entry: Entry) -> str:
    return f"{entry.about} is denied on purpose and not required"


def _assumed(entry: Entry) -> str:
    assert isinstance(entry, Assumption)
    if entry.rate_limits:
        return f"at {entry.at} rate limits are {entry.rate_limits.replace('-', ' ')}"
    if entry.private_sources:
        return f"private addresses that leave {entry.at} for the Internet are {entry.private_sources} behind it"
    which = f"line {entry.line} decides" if entry.line else f"lines with '{entry.pattern}' decide"
    return f"at {entry.at} {which} nothing"


_TEXTS = {"accept": _accepted, "except": _denied, "assume": _assumed}


def _answer(entry: Entry) -> str:
    until = f"until {entry.until}" if entry.until else ""
    return ", ".join(word for word in (entry.reason, entry.owner, until) if word)
