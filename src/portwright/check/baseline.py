"""A check held against an earlier one: what is known, what is new, what is mended since."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from portwright.check.report import CheckReport, Earlier
from portwright.errors import InvalidInput, Problem
from portwright.files import read_text
from portwright.findings import Finding, Kind
from portwright.policy.reference import RuleReference
from portwright.redact import redact

_SCHEMA = "portwright.check/1"
_HINT = "give the output of an earlier check of this site: portwright check SITE --format json -o FILE"
_LONGEST = 300  # characters of a text that are taken over
_MOST = 20  # problems that are told

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
    return Earlier(id, finding)


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


def compared(report: CheckReport, baseline: Baseline) -> CheckReport:
    """The report with what the earlier one knows marked, and with what is gone since."""
    known = {earlier.id for earlier in baseline.findings}
    current = {finding.id for finding in report.findings}
    return replace(
        report,
        findings=tuple(replace(finding, known=finding.id in known) for finding in report.findings),
        baseline=baseline.file,
        mended=tuple(earlier for earlier in baseline.findings if earlier.id not in current),
    )
