"""The plan as firewall teams read it: source, destination, service, ports, phase, way, and why."""

from collections.abc import Sequence

from portwright.catalog.model import Necessity
from portwright.plan.model import Endpoint, Plan
from portwright.report.plan.grid import KEEP, grid
from portwright.report.plan.rows import Row, counted, listed, merged, service_title
from portwright.report.plan.text import findings_text

HEADER = ("Source", "Destination", "Service", "Ports", "Phase", "Via", "Why")
_NAMED = 12  # ends of a row; CSV and JSON name all
_SAYS = {Necessity.REQUIRED: "", Necessity.OPTIONAL: "optional: ", Necessity.ONE_OF: "one of several: "}


def plan_table(plan: Plan, width: int) -> str:
    """A row for each requirement and the ends that share it, in lines of `width` columns."""
    lines = [f"{plan.site.name}: {counted(plan)}", ""]
    lines += grid(HEADER, [table_row(plan, row) for row in merged(plan.flows)], width)
    lines += findings_text(plan.findings)
    return "\n".join(lines) + "\n"


def table_row(plan: Plan, row: Row) -> tuple[str, ...]:
    """The cells of a row, in the order of `HEADER`."""
    requirement = row.requirement
    why = f"{_SAYS[row.flows[0].necessity]}{requirement.purpose} ({' '.join(requirement.citations)})"
    return (
        names(row.sources),
        names(row.destinations),
        service_title(plan, requirement),
        row.opening,
        requirement.phase.value,
        row.via.replace(" > ", f" >{KEEP}"),
        why.removesuffix(" ()"),
    )


def names(ends: Sequence[Endpoint]) -> str:
    """The names of the ends; of many the first."""
    return listed([end.name for end in ends], _NAMED)
