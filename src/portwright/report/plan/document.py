"""The plan for programs: `portwright.plan/1`."""

from collections.abc import Iterable
from typing import Any

from portwright.catalog.model import Catalog
from portwright.findings import Finding
from portwright.plan.model import Plan, RequiredFlow
from portwright.plan.narrow import crossings
from portwright.report.plan.rows import ports, protocol
from portwright.site.model import Crossing, Point

Json = dict[str, Any]

SCHEMA = "portwright.plan/1"


def plan_json(plan: Plan) -> Json:
    """The plan by the contract: the flows of the chosen phases, and what the citations in them mean."""
    addresses: dict[object, list[str]] = {}
    cited = dict.fromkeys(id for flow in plan.flows for id in flow.requirement.citations)
    return {
        "schema": SCHEMA,
        "site": plan.site.name,
        "reading": plan.reading.value,
        "phases": [phase.value for phase in plan.phases],
        "flows": [_flow_json(flow, addresses) for flow in plan.flows],
        "points": [_point_json(plan.site.points[name], crossed) for name, crossed in crossings(plan).items()],
        "unplaced": list(plan.unplaced),
        "findings": findings_json(plan.findings),
        "references": references_json(plan, cited),
    }


def flow_members(flow: RequiredFlow) -> Json:
    """What every output says of a flow: what for, between whom, by which service and way."""
    requirement = flow.requirement
    return {
        "id": flow.id,
        "requirement": requirement.id,
        "source": flow.source.name,
        "destination": flow.destination.name,
        "protocol": protocol(flow),
        "ports": ports(flow),
        "service": requirement.service,
        "purpose": requirement.purpose,
        "phase": requirement.phase.value,
        "necessity": flow.necessity.value,
        "status": requirement.status.value,
        "citations": list(requirement.citations),
        "path": list(flow.points),
    }


def _flow_json(flow: RequiredFlow, addresses: dict[object, list[str]]) -> Json:
    for end in (flow.source.addresses, flow.destination.addresses):
        if end not in addresses:  # told once per host, not once per flow
            addresses[end] = list(end.texts())
    return {
        **flow_members(flow),
        "source_addresses": addresses[flow.source.addresses],
        "destination_addresses": addresses[flow.destination.addresses],
    }


def _point_json(point: Point, crossed: Iterable[tuple[RequiredFlow, Crossing]]) -> Json:
    """A point, and how each flow crosses it; `in` and `out` are null where the site does not name the interface."""
    return {
        "name": point.name,
        "platform": point.platform,
        "on": point.on,
        "flows": [
            {"id": flow.id, "hook": crossing.hook, "in": crossing.interface_in, "out": crossing.interface_out}
            for flow, crossing in crossed
        ],
    }


def findings_json(findings: Iterable[Finding]) -> list[Json]:
    """Findings, short."""
    return [
        {"id": found.id, "kind": found.kind.value, "severity": found.severity.value, "message": found.message}
        for found in findings
    ]


def references_json(plan: Plan, cited: Iterable[str]) -> Json:
    """What citations mean, by their ids."""
    return {id: citation_json(plan.catalog, id) for id in cited}


def citation_json(catalog: Catalog, id: str) -> Json:
    """What a citation means: in which document, where, and what is said there."""
    citation = catalog.citations[id]
    title = catalog.references[citation.reference].title
    return {"in": title, "lines": citation.lines, "says": citation.says}
