"""The check as SARIF 2.1.0, for code scanning: findings at the lines of configurations and of the site file.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
"""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from portwright import __version__
from portwright.check.report import CheckReport, PointSummary
from portwright.findings import SEVERITY, Finding, Kind, Severity, weightiest
from portwright.policy.reference import RuleReference
from portwright.redact import redact
from portwright.report.check.document import break_json, earlier_json, summary_json
from portwright.report.check.said import assumptions, not_judged
from portwright.report.kinds import MEANINGS

Json = dict[str, Any]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_FINGERPRINT = "portwrightFinding/v1"  # 3.27.17: the name of a way to know a result again, with its version
_LEVELS = {  # 3.27.10; SARIF has no level for what is not known, and the kinds that come close allow none
    Severity.ERROR: "error",
    Severity.UNDECIDED: "warning",
    Severity.WARNING: "warning",
    Severity.NOTE: "note",
}
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")  # RFC 3986, 2.3
_KINDS = tuple(Kind)


class _Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int  # 0: the file as a whole
    text: str = ""


def check_sarif(report: CheckReport, here: Path) -> Json:
    """The log: one run, a rule for each kind of finding, a result for each finding. Files are named from `here`."""
    names = _Names(here, report.plan.site.folder)
    run = {
        "tool": {"driver": {"name": "Portwright", "version": __version__, "rules": [_rule(kind) for kind in _KINDS]}},
        "automationDetails": {"id": f"portwright/check/{report.plan.site.name}"},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {"executionSuccessful": True, "toolExecutionNotifications": list(_not_understood(report, names))}
        ],
        "results": [_result(finding, report, names) for finding in report.findings],
        "properties": _about(report),
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _about(report: CheckReport) -> Json:
    """What the standard has no member for."""
    return {
        "site": report.plan.site.name,
        "verdict": report.verdict,
        "focus": list(report.focus),
        "summary": summary_json(report),
        "points": [_point(point) for point in report.points],
        "assumptions": assumptions(report.plan),
        "notJudged": not_judged(report),
        "mended": [earlier_json(earlier) for earlier in report.mended],
    }


def _point(point: PointSummary) -> Json:
    fields = ("name", "platform", "modelled", "inert", "unknown")
    return {name: getattr(point, name) for name in fields}


def _rule(kind: Kind) -> Json:
    meaning = MEANINGS[kind]
    return {
        "id": kind.value,
        "name": "".join(word.capitalize() for word in kind.value.split("-")),
        "shortDescription": {"text": f"{meaning.says[0].upper()}{meaning.says[1:]}."},
        "fullDescription": {"text": meaning.means},
        "help": {"text": f"{meaning.means} To do: {meaning.to_do}", "markdown": f"{meaning.means}\n\n{meaning.to_do}"},
        "defaultConfiguration": {"level": _LEVELS[SEVERITY[kind]]},
    }


def _result(finding: Finding, report: CheckReport, names: "_Names") -> Json:
    first, *others = _places(finding, report)
    state = {"baselineState": _state(finding)} if report.baseline else {}
    return {
        "ruleId": finding.kind.value,
        "ruleIndex": _KINDS.index(finding.kind),
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [_location(first, names) | _logical(finding)],
        "relatedLocations": [
            {
                "id": number,
                **_location(place, names),
                "message": {"text": redact(place.text) or place.file.rpartition("/")[2]},
            }
            for number, place in enumerate(others, 1)
        ],
        "partialFingerprints": {_FINGERPRINT: finding.id},
        **state,
        "properties": _properties(finding),
    }


def _state(finding: Finding) -> str:
    """3.27.24: how a result compares with the earlier report."""
    return "unchanged" if finding.known else "updated" if finding.grown else "new"


def _message(finding: Finding) -> str:
    worst = weightiest(finding.breaks)
    seen = worst.user_sees if worst is not None else ""
    parts = [_sentence(finding.message), _sentence(seen)]
    parts.append(_sentence(f"To mend it: {finding.fix}") if finding.fix else "")
    return " ".join(part for part in parts if part)


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."


def _properties(finding: Finding) -> Json:
    """The evidence; what is not known is left out."""
    found = {
        "severity": finding.severity.value,
        "point": finding.point,
        "flow": finding.flow,
        "flows": list(finding.flows),
        "witness": finding.witness,
        "requirements": list(finding.requirements),
        "citations": list(finding.citations),
        "breaks": [break_json(broken) for broken in finding.breaks],
        "fix": finding.fix,
        "grown": finding.grown,
    }
    return {name: value for name, value in found.items() if value}


def _logical(finding: Finding) -> Json:
    """Where it is besides a file: at a point, in a requirement."""
    named = [(finding.point, "enforcementPoint"), *((id, "requirement") for id in finding.requirements)]
    return {"logicalLocations": [{"fullyQualifiedName": name, "kind": kind} for name, kind in named if name]}


# ---------------------------------------------------------------------- places


def _places(finding: Finding, report: CheckReport) -> Iterator[_Place]:
    """The rules to blame, then the line of the site file; that file itself where neither is known."""
    places = [_of_rule(rule) for rule in finding.decided_by if rule.file]
    if finding.place:
        file, _, line = finding.place.rpartition(":")
        places.append(_Place(file, int(line)) if file and line.isdecimal() else _Place(finding.place, 0))
    yield from dict.fromkeys(places or [_Place(report.plan.site.file, 0)])


def _of_rule(rule: RuleReference) -> _Place:
    return _Place(rule.file, rule.line, rule.text)


def _location(place: _Place, names: "_Names") -> Json:
    physical: Json = {"artifactLocation": {"uri": names.uri(place.file)}}
    if place.line:
        snippet = {"snippet": {"text": redact(place.text)}} if place.text else {}
        physical["region"] = {"startLine": place.line, **snippet}
    return {"physicalLocation": physical}


def _not_understood(report: CheckReport, names: "_Names") -> Iterator[Json]:
    for point in report.points:
        for unknown in point.not_understood:
            place = _Place(unknown.source.file, unknown.source.line, unknown.source.text)
            yield {
                "level": "note",
                "message": {"text": f"{point.name}: not understood: {redact(unknown.reason)}"},
                "locations": [_location(place, names)],
            }


class _Names:
    """Files by relative URI references: nobody else has this machine's folders."""

    def __init__(self, here: Path, folder: Path):
        self._folders = (here, folder)

    def uri(self, file: str) -> str:
        """The file from the folder in which the command runs, else from that of the site; else its name alone."""
        path = PurePath(file)
        if path.is_absolute() or ".." in path.parts:
            inside = (path.relative_to(folder) for folder in self._folders if path.is_relative_to(folder))
            path = next((found for found in inside if ".." not in found.parts), PurePath(path.name))
        return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in _bytes(path))


def _bytes(path: PurePath) -> bytes:
    return path.as_posix().encode("utf-8", "surrogateescape")
