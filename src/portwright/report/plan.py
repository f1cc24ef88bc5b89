"""The plan for programs (`portwright.plan/1`) and for people."""

from collections.abc import Iterable, Sequence
from typing import Any

from portwright.packets.fields import ICMP
from portwright.packets.names import protocol_name
from portwright.packets.notation import ports_text
from portwright.plan.model import Plan, RequiredFlow

Json = dict[str, Any]

SCHEMA = "portwright.plan/1"


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
    """The plan as a table: what must pass and what may, requirement by requirement, with who needs it and why."""
    lines = [f"{plan.site.name}: {_counted(plan)}"]
    for title, flows in (("Required", plan.required), ("Optional", plan.optional)):
        if flows:
            lines += ["", title, *_table(flows)]
    if plan.findings:
        lines += ["", "Not settled", *(f"  {found.kind.value}: {found.message}" for found in plan.findings)]
    return "\n".join(lines) + "\n"


def _counted(plan: Plan) -> str:
    phases = " and ".join(phase.value for phase in plan.phases)
    return f"{len(plan.required)} required and {len(plan.optional)} optional flows to {phases}"


def _table(flows: Iterable[RequiredFlow]) -> list[str]:
    rows = list(_rows(flows))
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _rows(flows: Iterable[RequiredFlow]) -> Iterable[tuple[str, str, str, str]]:
    """One row per requirement, destination and path: many sources share it."""
    merged: dict[tuple[str, str, str, str], list[str]] = {}
    for flow in flows:
        path = " > ".join(flow.points) or ("no path declared" if not flow.routes else "no firewall")
        key = (flow.requirement.id, flow.describe(), flow.destination.name, path)
        merged.setdefault(key, []).append(flow.source.name)
    for (requirement, service, destination, path), sources in merged.items():
        yield requirement, service, f"{_listed(sources)} > {destination}", path


def _listed(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
