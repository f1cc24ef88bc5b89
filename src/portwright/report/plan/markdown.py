"""The plan as a Markdown document: a table for each way between two zones on which something flows."""

from collections.abc import Iterator

from portwright.plan.model import Plan, RequiredFlow
from portwright.report.plan.grid import escaped, markdown_table
from portwright.report.plan.rows import counted, merged, via
from portwright.report.plan.table import HEADER, table_row
from portwright.report.plan.text import message, told_once


def plan_markdown(plan: Plan) -> str:
    """The document: a section for each way between two zones, what is not settled, and the places cited."""
    lines = [f"# Network flows of {escaped(plan.site.name)}", "", f"{escaped(counted(plan))}.", ""]
    for (source, destination, ways), flows in _by_way(plan).items():
        lines += [f"## {escaped(source)} to {escaped(destination)}: {escaped(ways)}", ""]
        lines += [*markdown_table(HEADER, [table_row(plan, row) for row in merged(flows)]), ""]
    if plan.findings:
        lines += ["## Not settled", "", *(f"- {escaped(message(alike))}" for alike in told_once(plan.findings)), ""]
    lines += ["## Citations", "", *markdown_table(("Citation", "Says", "In"), list(_cited(plan)))]
    return "\n".join(lines) + "\n"


def _by_way(plan: Plan) -> dict[tuple[str, str, str], list[RequiredFlow]]:
    """The flows by the zones of their ends and the firewalls between."""
    found: dict[tuple[str, str, str], list[RequiredFlow]] = {}
    for flow in plan.flows:
        found.setdefault((flow.source.zone, flow.destination.zone, via(flow)), []).append(flow)
    return found


def _cited(plan: Plan) -> Iterator[tuple[str, str, str]]:
    for id in dict.fromkeys(id for flow in plan.flows for id in flow.requirement.citations):
        citation = plan.catalog.citations[id]
        lines = f", lines {citation.lines}" if citation.lines else ""
        yield id, citation.says, f"{plan.catalog.references[citation.reference].title}{lines}"
