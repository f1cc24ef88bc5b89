"""The check for programs: `portwright.check/1`."""

from collections.abc import Sequence
from typing import Any

from portwright.catalog.model import Break
from portwright.check.extent import Extent, box_fields
from portwright.check.obstacle import Judgment
from portwright.check.report import CheckReport, Earlier, PointSummary
from portwright.findings import Finding, Kind
from portwright.policy.reference import RuleReference, reference_json
from portwright.redact import redact
from portwright.report.check.said import Entry, assumptions, entries, not_judged

Json = dict[str, Any]

SCHEMA = "portwright.check/1"


def check_json(report: CheckReport) -> Json:
    """The check by contract."""
    return {
        "schema": SCHEMA,
        "site": report.plan.site.name,
        "verdict": report.verdict,
        **({"focus": list(report.focus)} if report.focus else {}),
        **({"baseline": _baseline_json(report)} if report.baseline else {}),
        "summary": summary_json(report),
        "points": [point_json(point) for point in report.points],
        "assumptions": assumptions(report.plan),
        "entries": [_entry_json(key, entry) for key, entry in entries(report.plan)],
        "not_judged": not_judged(report),
        "findings": [finding_json(finding) | packets_json(finding) for finding in report.findings],
    }


def summary_json(report: CheckReport) -> Json:
    """The counts by contract."""
    return {
        "required": len(report.results),
        "proved": report.judged(Judgment.PROVED),
        "missing": report.judged(Judgment.MISSING),
        "undecided": report.judged(Judgment.UNDECIDED),
        "excess": report.count(Kind.EXCESS),
        "not_judged": report.not_judged,
        "unplaced": report.count(Kind.UNPLACED),
    }


def point_json(point: PointSummary) -> Json:
    """How well a configuration was understood, by contract."""
    return {
        "name": point.name,
        "platform": point.platform,
        "file": point.file,
        "modelled": point.modelled,
        "inert": point.inert,
        "unknown": point.unknown,
        "not_understood": [
            {"line": one.source.line, "text": redact(one.source.text), "reason": redact(one.reason)}
            for one in point.not_understood
        ],
    }


def _baseline_json(report: CheckReport) -> Json:
    return {
        "file": report.baseline,
        "known": report.known,
        "new": report.new,
        "grown": report.grown,
        **({"by_id_alone": report.by_id_alone} if report.by_id_alone else {}),
        "mended": [earlier_json(earlier) for earlier in report.mended],
    }


def earlier_json(earlier: Earlier) -> Json:
    """A finding of an earlier report that is gone."""
    return {"id": earlier.id, "kind": earlier.finding.kind.value, "message": earlier.finding.message}


def _entry_json(key: str, entry: Entry) -> Json:
    return {
        "entry": key,
        "about": entry.about,
        "reason": entry.reason,
        "owner": entry.owner or None,
        "until": entry.until.isoformat() if entry.until else None,
        "place": str(entry.source),
    }


def finding_json(finding: Finding) -> Json:
    """A finding by contract: stable id, kind, severity, evidence."""
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "message": finding.message,
        "point": finding.point or None,
        "flow": finding.flow or None,
        **({"flows": list(finding.flows)} if finding.flows else {}),
        "witness": finding.witness or None,
        **deciding_json(finding.decided_by),
        "requirements": list(finding.requirements),
        "citations": list(finding.citations),
        "breaks": [break_json(broken) for broken in finding.breaks],
        "fix": finding.fix or None,
        "place": finding.place or None,
        **({"known": True} if finding.known else {}),
        **({"grown": finding.grown} if finding.grown else {}),
    }


def packets_json(finding: Finding) -> Json:
    """Which packets a finding is about, by contract: what a later check holds its own against."""
    if finding.packets is None:
        return {"packets": None}
    extent = Extent.of(finding.packets)
    boxes = [fields for box in extent.boxes for fields in box_fields(box)]
    return {"packets": {"digest": extent.digest, "all": extent.is_whole, "boxes": boxes}}


def deciding_json(rules: Sequence[RuleReference]) -> Json:
    """The rule that decides, and the others that have to do with it."""
    return {
        "decided_by": reference_json(rules[0]) if rules else None,
        "related": [reference_json(rule) for rule in rules[1:]],
    }


def break_json(broken: Break) -> Json:
    """What a user loses, by contract."""
    return {
        "scenario": broken.scenario,
        "step": broken.step,
        "effect": broken.effect.value,
        "user_sees": broken.user_sees,
    }
