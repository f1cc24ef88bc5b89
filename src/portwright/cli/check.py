"""`portwright check`: prove the configurations of a site."""

from datetime import datetime

import click

from portwright.check.run import Check, CheckReport
from portwright.cli.options import format_option
from portwright.cli.output import show
from portwright.cli.site import config_option, load, today_option
from portwright.errors import ExitStatus
from portwright.findings import Kind, Severity
from portwright.report.check import check_json, check_text


@click.command()
@click.argument("site")
@config_option
@click.option("--all", "everything", is_flag=True, help="Judge excess between any addresses, not only the site's.")
@click.option(
    "--fail-on",
    metavar="KINDS",
    help="Kinds of findings that make the exit status (errors, undecided).",
)
@today_option
@format_option("text", "json")
def check(
    site: str, configs: tuple[str, ...], everything: bool, fail_on: str | None, today: datetime | None, output: str
) -> int:
    """Prove the configurations of SITE: what is missing, what is open without need, which line decides.

    Exit status: 0 proved, 1 findings, 2 wrong input, 3 undecided.
    """
    counting = _kinds(fail_on)
    plan, readings = load(site, configs, today.date() if today else None)
    report = Check(plan, readings).run(everything)
    show(check_json(report) if output == "json" else check_text(report))
    return _status(report, counting)


def _status(report: CheckReport, counting: frozenset[Kind] | None) -> int:
    """What the findings that count amount to; without a choice those are errors and what is undecided."""
    serious = (Severity.ERROR, Severity.UNDECIDED)
    severities = {
        finding.severity
        for finding in report.findings
        if (finding.severity in serious if counting is None else finding.kind in counting)
    }
    if severities - {Severity.UNDECIDED}:
        return ExitStatus.FINDINGS
    return ExitStatus.UNDECIDED if severities else ExitStatus.PROVED


def _kinds(listed: str | None) -> frozenset[Kind] | None:
    """The kinds in a list with commas; None without a list. Raises a usage error for an unknown one."""
    if listed is None:
        return None
    names = [name.strip() for name in listed.split(",")]
    if unknown := [name for name in names if name not in set(Kind)]:
        raise click.UsageError(f"--fail-on: there is no kind '{unknown[0]}'; there are {', '.join(Kind)}")
    return frozenset(Kind(name) for name in names)
