"""What every value of a setting costs, side by side."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from portwright.plan.compare import Alternative, Comparison, Openings
from portwright.report.context import WIDTH
from portwright.report.plan.document import findings_json
from portwright.report.plan.grid import escaped, grid, markdown_table
from portwright.report.plan.rows import listed
from portwright.report.plan.text import findings_text, message, told_once, wrapped

Json = dict[str, Any]
Row = tuple[str, ...]

SCHEMA = "portwright.comparison/1"


def comparison_json(found: Comparison) -> Json:
    """By the contract: the numbers for each value, and the ends between which they differ."""
    return {
        "schema": SCHEMA,
        "site": found.site.name,
        "setting": found.setting.name,
        "values": [_json(one) for one in found.alternatives],
        "pairs": [
            {
                "source": pair[0],
                "destination": pair[1],
                "open": {one.value: _openings_json(one.pairs.get(pair, Openings())) for one in found.alternatives},
            }
            for pair in found.differing
        ],
    }


def _json(one: Alternative) -> Json:
    return {
        "value": one.value,
        "current": one.is_current,
        "whole": one.is_whole,
        "flows": len(one.plan.flows),
        "openings": dict(one.points),
        "findings": findings_json(one.unsettled),
    }


def _openings_json(openings: Openings) -> Json:
    return {"ports": openings.ports, "protocols": list(openings.protocols), "whole": openings.is_whole}


def comparison_text(found: Comparison) -> str:
    """For people: a column for each value."""
    about = f" ({found.setting.about})" if found.setting.about else ""
    lines = wrapped(f"{found.site.name}: what each value of {found.setting.name} costs{about}", "", "  ")
    lines += ["", *grid(_header(found), list(_rows(found)), WIDTH), "", "* the value of the site"]
    lines += [line for one in found.alternatives for line in _unsettled(one)]
    return "\n".join(lines) + "\n"


def comparison_markdown(found: Comparison) -> str:
    """The same table in Markdown."""
    lines = [f"# What each value of {escaped(found.setting.name)} costs {escaped(found.site.name)}", ""]
    lines += [*markdown_table(_header(found), _rows(found)), "", "\\* the value of the site"]
    for one in found.alternatives:
        lines += [f"- {escaped(one.value)}: {escaped(message(alike))}" for alike in told_once(one.unsettled)]
    return "\n".join(lines) + "\n"


def _header(found: Comparison) -> Row:
    return ("", *(f"{one.value}*" if one.is_current else one.value for one in found.alternatives))


def _rows(found: Comparison) -> Iterator[Row]:
    def row(title: str, counts: Iterable[int]) -> Row:
        alternatives = zip(found.alternatives, counts, strict=True)
        return (title, *(f"{'' if one.is_whole else 'at least '}{count}" for one, count in alternatives))

    yield row("flows", [len(one.plan.flows) for one in found.alternatives])
    for point in found.site.points:
        yield row(f"distinct openings at {point}", [one.points[point] for one in found.alternatives])
    for ends, openings in _merged(found):
        yield (f"open ports, {ends}", *map(str, openings))


def _merged(found: Comparison) -> Iterator[tuple[str, tuple[Openings, ...]]]:
    """Ends that cost the same in one row: sources with a destination in common, then destinations."""
    sources: dict[tuple[tuple[Openings, ...], str], list[str]] = {}
    for source, destination in found.differing:
        costs = tuple(one.pairs.get((source, destination), Openings()) for one in found.alternatives)
        sources.setdefault((costs, destination), []).append(source)
    destinations: dict[tuple[tuple[Openings, ...], tuple[str, ...]], list[str]] = {}
    for (costs, destination), names in sources.items():
        destinations.setdefault((costs, tuple(names)), []).append(destination)
    for (costs, users), servers in destinations.items():
        yield f"{listed(users)} > {listed(servers)}", costs


def _unsettled(one: Alternative) -> list[str]:
    return findings_text(one.unsettled, f" with {one.value}")


FORMATS: Mapping[str, Callable[[Comparison], str | Json]] = {
    "text": comparison_text,
    "markdown": comparison_markdown,
    "json": comparison_json,
}
