"""The plan for programs (`portwright.plan/1`) and for people."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from textwrap import wrap
from typing import Any

from portwright.findings import Finding
from portwright.packets.fields import ICMP
from portwright.packets.names import protocol_name
from portwright.packets.notation import ports_text
from portwright.plan.model import Plan, RequiredFlow

Json = dict[str, Any]

SCHEMA = "portwright.plan/1"
_WIDTH = 100  # columns
_LEGEND = (
    "P: facts of the white paper; B: errata to it; S: other documents. "
    "`--format json` has the lines and what each says."
)


def plan_json(plan: Plan) -> Json:
    """The plan by the contract: the flows of the chosen phases, and what the citations in them mean."""
    flows = [_flow_json(flow) for flow in plan.flows]
    cited = dict.fromkeys(id for flow in plan.flows for id in flow.requirement.citations)
    return {
        "schema": SCHEMA,
        "site": plan.site.name,
        "phases": [phase.value for phase in plan.phases],
        "flows": flows,
        "unplaced": list(plan.unplaced),
        "findings": [
            {"id": found.id, "kind": found.kind.value, "severity": found.severity.value, "message": found.message}
            for found in plan.findings
        ],
        "references": {id: _citation_json(plan, id) for id in cited},
    }


def _flow_json(flow: RequiredFlow) -> Json:
    requirement = flow.requirement
    return {
        "id": flow.id,
        "requirement": requirement.id,
        "source": flow.source.name,
        "source_addresses": list(flow.source.addresses.texts()),
        "destination": flow.destination.name,
        "destination_addresses": list(flow.destination.addresses.texts()),
        "protocol": protocol_name(flow.protocol),
        "ports": _ports(flow),
        "service": requirement.service,
        "purpose": requirement.purpose,
        "phase": requirement.phase.value,
        "necessity": flow.necessity.value,
        "status": requirement.status.value,
        "citations": list(requirement.citations),
        "path": list(flow.points),
    }


def _ports(flow: RequiredFlow) -> str:
    return ports_text(flow.ports) or ("echo" if flow.protocol == ICMP else "")


def _citation_json(plan: Plan, id: str) -> Json:
    citation = plan.catalog.citations[id]
    title = plan.catalog.references[citation.reference].title
    return {"in": title, "lines": citation.lines, "says": citation.says}


def plan_text(plan: Plan) -> str:
    """The plan, requirement by requirement: what for, who needs it of whom, through what, and where it is written."""
    lines = [f"{plan.site.name}: {_counted(plan)}"]
    for title, flows in (("REQUIRED", plan.required), ("OPTIONAL", plan.optional)):
        if flows:
            lines += ["", title, *_sections(flows)]
    if plan.findings:
        lines += ["", "NOT SETTLED", *chain.from_iterable(_settled_by(found) for found in plan.findings)]
    lines += ["", *_wrapped(_LEGEND, "", "")]
    return "\n".join(lines) + "\n"


def _counted(plan: Plan) -> str:
    phases = " and ".join(phase.value for phase in plan.phases)
    return f"{len(plan.required)} required and {len(plan.optional)} optional flows to {phases}"


def _sections(flows: Iterable[RequiredFlow]) -> Iterator[str]:
    by_requirement: dict[str, list[RequiredFlow]] = {}
    for flow in flows:
        by_requirement.setdefault(flow.requirement.id, []).append(flow)
    sections = list(by_requirement.values())
    rows = [_rows(section) for section in sections]
    width = max(len(ends) for found in rows for ends, _ in found)
    for section, found in zip(sections, rows, strict=True):
        requirement = section[0].requirement
        cited = " ".join(requirement.citations)
        yield from _wrapped(f"{requirement.id}: {requirement.purpose} ({cited})", "  ", "    ")
        yield from (f"    {ends.ljust(width)}  {path}".rstrip() for ends, path in found)


def _rows(flows: Iterable[RequiredFlow]) -> list[tuple[str, str]]:
    """Who needs it of whom, and the way: sources that share service, destination and way in one row."""
    merged: dict[tuple[str, str, str], list[str]] = {}
    for flow in flows:
        path = " > ".join(flow.points) or ("no firewall" if flow.routes else "no path declared")
        merged.setdefault((flow.destination.name, flow.describe(), path), []).append(flow.source.name)
    return [
        (f"{_listed(sources)} > {destination} {service}", path)
        for (destination, service, path), sources in merged.items()
    ]


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _settled_by(finding: Finding) -> Iterator[str]:
    yield from _wrapped(f"{finding.kind.value}: {finding.message}", "  ", "    ")
    if finding.fix:
        yield from _wrapped(finding.fix, "    to settle it: ", "    ")


def _wrapped(text: str, first: str, then: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent=first, subsequent_indent=then, break_long_words=False)
