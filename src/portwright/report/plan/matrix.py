"""The flow matrix that firewall teams exchange: a row per flow, in CSV and as the cells of a workbook."""

import csv
import unicodedata
from collections.abc import Iterable, Iterator
from io import StringIO

from portwright.packets.addresses import Addresses
from portwright.plan.model import Plan, RequiredFlow
from portwright.report.plan.rows import addresses, ports, protocol, service_title, via

COLUMNS = (
    "Source", "Source addresses", "Destination", "Destination addresses", "Protocol", "Ports", "Service", "Purpose",
    "Phase", "Necessity", "Path", "Citations", "Flow", "Requirement",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@")  # a spreadsheet takes a cell that begins with one of these for a formula


def plan_csv(plan: Plan) -> str:
    """The matrix as CSV: RFC 4180, a header line, and lines that end in CR LF."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180, 2, 1
    writer.writerow(COLUMNS)
    writer.writerows(cells(plan, plan.flows))
    return text.getvalue()


def cells(plan: Plan, flows: Iterable[RequiredFlow]) -> Iterator[tuple[str, ...]]:
    """A row of harmless texts for each flow, in the order of `COLUMNS`."""
    known: dict[Addresses, str] = {}
    for flow in flows:
        for end in (flow.source.addresses, flow.destination.addresses):
            if end not in known:  # told once per host, not once per flow
                known[end] = addresses(end)
        yield tuple(harmless(cell) for cell in _cells(plan, flow, known))


def _cells(plan: Plan, flow: RequiredFlow, known: dict[Addresses, str]) -> tuple[str, ...]:
    requirement = flow.requirement
    return (
        flow.source.name,
        known[flow.source.addresses],
        flow.destination.name,
        known[flow.destination.addresses],
        protocol(flow),
        ports(flow),
        service_title(plan, requirement),
        requirement.purpose,
        requirement.phase.value,
        flow.necessity.value,
        via(flow),
        " ".join(requirement.citations),
        flow.id,
        requirement.id,
    )


def harmless(cell: str) -> str:
    """The text of a cell on one line, which no spreadsheet takes for a formula: an apostrophe stands before such."""
    if not cell.isprintable():
        cell = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in cell)
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell
