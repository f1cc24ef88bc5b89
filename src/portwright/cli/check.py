"""`portwright check`: prove the configurations of a site."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from portwright.check.points import Reading
from portwright.check.report import CheckReport, Counting
from portwright.check.run import Check, preferences
from portwright.cli.options import format_option
from portwright.cli.output import printable, show
from portwright.cli.saving import Input, force_option, save
from portwright.cli.site import config_option, inputs, load, today_option
from portwright.errors import ExitStatus
from portwright.findings import SEVERITY, Kind, Severity
from portwright.plan.model import Plan

Result = str | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """The command line: a field for each argument and option."""

    site: str
    configs: tuple[str, ...]
    everything: bool
    focus: tuple[str, ...]
    baseline: str | None
    fail_on: tuple[str, ...]
    today: datetime | None
    output: str
    target: str | None
    force: bool
    fix: bool


@click.command()
@click.argument("site")
@config_option
@click.option("--all", "everything", is_flag=True, help="Judge excess between any addresses, not only the site's.")
@click.option(
    "--focus",
    metavar="NAME",
    multiple=True,
    help="Only what touches this flow, point, host, requirement or scenario; repeatable.",
)
@click.option("--baseline", metavar="FILE", help="Let nothing count that this earlier report in JSON knows already.")
@click.option(
    "--fail-on",
    metavar="KINDS",
    multiple=True,
    help="Kinds of findings that make the exit status, with commas; repeatable (default: errors,undecided).",
)
@click.option("--fix", is_flag=True, help="Show with each finding the commands that were tried and close it.")
@today_option
@format_option("text", "json", "sarif", "junit", "markdown")
@click.option("-o", "--output", "target", metavar="FILE", help="Write the report to this file.")
@force_option
def check(**given: Any) -> int:
    """Prove the configurations of SITE: what is missing, what is open without need, which line decides.

    Exit status: 0 proved, 1 findings, 2 wrong input, 3 undecided.
    """
    request = Request(**given)
    counting = Counting(_kinds(request.fail_on))
    report = _report(request)
    _deliver(_FORMATS[request.output](report, counting), request, report.plan)
    return _status(report, counting)


def _report(request: Request) -> CheckReport:
    """The check, held against the earlier one and limited to the focus. Raises InvalidInput."""
    plan, readings = load(request.site, request.configs, request.today.date() if request.today else None)
    baseline = focus = None
    if request.baseline is not None:
        from portwright.check.baseline import compared, read_baseline

        baseline = read_baseline(request.baseline, plan.site.name)
    if request.focus:
        from portwright.check.focus import focus_on, focused

        focus = focus_on(plan, request.focus)
    report = Check(plan, readings).run(request.everything)
    report = _with_fixes(report, plan, readings) if request.fix else report
    report = compared(report, baseline, preferences(plan.site)) if baseline is not None else report
    return focused(report, focus) if focus is not None else report


def _with_fixes(report: CheckReport, plan: Plan, readings: Mapping[str, Reading]) -> CheckReport:
    """The report with the commands that close its findings; what the plan advises stays as it is."""
    from portwright.render.fix import fixes

    found = fixes(report, plan, readings)
    return replace(report, findings=tuple(replace(one, fix=found.get(one.id, one.fix)) for one in report.findings))


def _status(report: CheckReport, counting: Counting) -> int:
    """What the findings that count amount to."""
    severities = {finding.severity for finding in report.findings if counting.counts(finding)}
    if severities - {Severity.UNDECIDED}:
        return ExitStatus.FINDINGS
    return ExitStatus.UNDECIDED if severities else ExitStatus.PROVED


def _kinds(lists: Sequence[str]) -> frozenset[Kind] | None:
    """The kinds in lists with commas, in which `errors` stands for all that are; None without a list.

    Raises a usage error for a name that means none.
    """
    names = [name.strip() for listed in lists for name in listed.split(",")]
    if unknown := [name for name in names if name not in _CHOICES]:
        known = ", ".join(_CHOICES)
        raise click.UsageError(f"--fail-on: there is no kind '{unknown[0][:60]}'; there are {known}")
    return frozenset().union(*(_CHOICES[name] for name in names)) if lists else None


def _all(severity: Severity) -> frozenset[Kind]:
    return frozenset(kind for kind in Kind if SEVERITY[kind] is severity)


_CHOICES = {
    "errors": _all(Severity.ERROR),
    "warnings": _all(Severity.WARNING),
    "notes": _all(Severity.NOTE),
    **{kind.value: frozenset([kind]) for kind in Kind},
}


# ---------------------------------------------------------------------- formats


def _text(report: CheckReport, _: Counting) -> Result:
    from portwright.report.check.text import check_text

    return check_text(report)


def _json(report: CheckReport, _: Counting) -> Result:
    from portwright.report.check.document import check_json

    return check_json(report)


def _sarif(report: CheckReport, _: Counting) -> Result:
    from portwright.report.check.sarif import check_sarif

    return check_sarif(report, _here(report))


def _here(report: CheckReport) -> Path:
    try:
        return Path.cwd()
    except OSError:  # the current folder is gone
        return report.plan.site.folder


def _junit(report: CheckReport, counting: Counting) -> Result:
    from portwright.report.check.junit import check_junit

    return check_junit(report, counting)


def _markdown(report: CheckReport, _: Counting) -> Result:
    from portwright.report.check.markdown import check_markdown

    return check_markdown(report)


_FORMATS: dict[str, Callable[[CheckReport, Counting], Result]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "junit": _junit,
    "markdown": _markdown,
}


def _deliver(result: Result, request: Request, plan: Plan) -> None:
    """To the file that was named, or to standard output."""
    if request.target in (None, "-"):
        show(result.rstrip("\n") if isinstance(result, str) else result)
        return
    text = printable(result) if isinstance(result, str) else json.dumps(result, indent=2)
    content = (text.rstrip("\n") + "\n").encode("utf-8", "replace")
    earlier = [Input(Path(request.baseline), "the baseline")] if request.baseline is not None else []
    read = (*inputs(request.site, plan.site), *earlier)
    save({Path(str(request.target)): content}, request.force, read)
