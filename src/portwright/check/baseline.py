"""A check held against an earlier one: what is known, what has grown, what is new, what is mended since."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from portwright.check.extent import MOST, Extent, read_box, without_source_port
from portwright.check.report import CheckReport, Earlier
from portwright.errors import InvalidInput, Problem
from portwright.files import read_text
from portwright.findings import SEVERITY, Finding, Kind, Severity
from portwright.packets.packetset import PacketSet, Preferences
from portwright.policy.reference import RuleReference
from portwright.policy.text import box_text
from portwright.redact import redact
from portwright.site.naming import site_naming

_SCHEMA = "portwright.check/1"
_HINT = "give the output of an earlier check of this site: portwright check SITE --format json -o FILE"
_LONGEST = 300  # characters of a text that are taken over
_MOST = 20  # problems that are told
_LISTED = 3  # flows, or sets of packets, that have been added and are told
_ABOUT_PACKETS = (
    Kind.MISSING, Kind.REPLY, Kind.REPLY_BYPASSES, Kind.ASSERTION, Kind.EXCESS, Kind.UNDECIDED,
)  # fmt: skip
_NO_PACKETS = Extent("", (), is_whole=True)
_UNTOLD = "other packets; the earlier report does not list all that it had"

Json = Any  # what somebody's file holds


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier report."""

    file: str
    findings: tuple[Earlier, ...]


def read_baseline(file: str, site: str) -> Baseline:
    """The findings of an earlier report in JSON. Raises InvalidInput with whatever is wrong with it."""
    text = read_text(file)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:  # also a number with more digits than Python converts
        line = problem.lineno if isinstance(problem, json.JSONDecodeError) else 0
        raise InvalidInput.of("is no JSON", file=file, line=line, hint=_HINT) from None
    if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
        raise InvalidInput.of(f"is no '{_SCHEMA}'", file=file, path="schema", hint=_HINT)
    if document.get("site") != site:
        named = str(document.get("site"))[:60]
        raise InvalidInput.of(f"is a check of '{named}', not of '{site}'", file=file, path="site", hint=_HINT)
    return Baseline(file, _findings(document.get("findings"), file))


def _findings(entries: Json, file: str) -> tuple[Earlier, ...]:
    if not isinstance(entries, list):
        raise InvalidInput.of("is no list of findings", file=file, path="findings", hint=_HINT)
    read = [_finding(entry) if isinstance(entry, dict) else None for entry in entries]
    strange = [number for number, finding in enumerate(read) if finding is None]
    if strange:
        paths = (f"findings[{number}]" for number in strange[:_MOST])
        raise InvalidInput(Problem(file, 0, 0, path, "is no finding of a check", _HINT) for path in paths)
    return tuple(finding for finding in read if finding is not None)


def _finding(entry: dict[str, Json]) -> Earlier | None:
    """A finding as far as the report tells it; None where it is none."""
    id, kind, message = (entry.get(name) for name in ("id", "kind", "message"))
    if not (isinstance(id, str) and isinstance(kind, str) and isinstance(message, str)) or kind not in set(Kind):
        return None
    point, flow, place = (_text(entry.get(name)) for name in ("point", "flow", "place"))
    finding = Finding(
        Kind(kind),
        redact(message[:_LONGEST]),
        point=point,
        flow=flow,
        decided_by=tuple(_rules(entry)),
        requirements=_texts(entry.get("requirements")),
        place=place,
        flows=_texts(entry.get("flows")),
    )
    severity = entry.get("severity")
    known = severity if severity in set(Severity) else SEVERITY[Kind(kind)]
    return Earlier(id, finding, Severity(known), _extent(finding.kind, entry))


def _extent(kind: Kind, entry: dict[str, Json]) -> Extent | None:
    """The packets of a finding; None where the report does not tell them, or in a way that nobody knows."""
    told = entry.get("packets")
    if told is None and "packets" in entry and kind is Kind.UNDECIDED:
        return _NO_PACKETS  # flows hung on it, and nothing else
    if not isinstance(told, dict) or not isinstance(told.get("boxes"), list):
        return None
    entries = told["boxes"]
    boxes = [read_box(entry) for entry in entries[: 2 * MOST] if isinstance(entry, dict)]
    if None in boxes or len(boxes) < len(entries):
        return None
    return Extent(_text(told.get("digest")), tuple(box for box in boxes if box is not None), told.get("all") is True)


def _rules(entry: dict[str, Json]) -> Iterator[RuleReference]:
    """The points whose rules decide; the rules themselves may have moved since."""
    related = entry.get("related")
    for rule in (entry.get("decided_by"), *(related if isinstance(related, list) else ())):
        if isinstance(rule, dict) and isinstance(rule.get("point"), str):
            yield RuleReference(rule["point"], "", 0, "")


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def compared(report: CheckReport, baseline: Baseline, prefer: Preferences) -> CheckReport:
    """The report with what the earlier one knows marked, and with what is gone since."""
    known = {earlier.id: earlier for earlier in baseline.findings}
    current = {finding.id for finding in report.findings}
    words = _Words(report, prefer)
    return replace(
        report,
        findings=tuple(words.held_against(known.get(finding.id), finding) for finding in report.findings),
        baseline=baseline.file,
        mended=tuple(earlier for earlier in baseline.findings if earlier.id not in current),
        by_id_alone=sum(_is_by_id_alone(known.get(finding.id), finding) for finding in report.findings),
    )


def _is_by_id_alone(earlier: Earlier | None, finding: Finding) -> bool:
    """Report whether a finding is about packets, and nobody can say whether they are more than they were."""
    if earlier is None or finding.kind not in _ABOUT_PACKETS:
        return False
    return earlier.extent is None if finding.packets is not None else finding.kind is not Kind.UNDECIDED


class _Words:
    """Says what has come to a finding, by the names of the site."""

    def __init__(self, report: CheckReport, prefer: Preferences):
        self._naming = site_naming(report.plan.site)
        self._prefer = prefer

    def held_against(self, earlier: Earlier | None, finding: Finding) -> Finding:
        """The finding, known where the earlier one is as large."""
        if earlier is None:
            return finding
        grown = "; ".join(self._added(earlier, finding))
        return replace(finding, known=not grown, grown=grown)

    def _added(self, earlier: Earlier, finding: Finding) -> Iterator[str]:
        worse = list(Severity)
        if worse.index(finding.severity) < worse.index(earlier.severity):
            yield f"it is an {finding.severity} and was a {earlier.severity}"
        before = {earlier.finding.flow, *earlier.finding.flows}
        if flows := [flow for flow in finding.flows if flow not in before]:
            more = f" and {len(flows) - _LISTED} more" if len(flows) > _LISTED else ""
            yield ", ".join(flows[:_LISTED]) + more
        if earlier.extent is not None and finding.packets is not None:
            packets = earlier.extent.added(finding.packets)
            yield from (_UNTOLD,) if packets is None else self._spelled_out(packets)

    def _spelled_out(self, packets: PacketSet) -> Iterator[str]:
        boxes, left_out = packets.cover(_LISTED, self._prefer)
        yield from (box_text(without_source_port(box), naming=self._naming) for box in boxes)
        yield from ("and more",) if left_out else ()
