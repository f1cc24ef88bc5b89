"""`portwright check`: prove the configurations of a site."""

from datetime import datetime

import click

from portwright.check.run import Check
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
@click.option("--fail-on", metavar="KINDS", help="Kinds of findings that count for the exit status (all).")
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
    severities = {finding.severity for finding in report.findings if finding.kind in counting}
    return next((status for severity, status in _STATUS.items() if severity in severities), ExitStatus.PROVED)


_STATUS = {Severity.ERROR: ExitStatus.FINDINGS, Severity.UNDECIDED: ExitStatus.UNDECIDED}  # in order of precedence


def _kinds(listed: str | None) -> frozenset[Kind]:
    """The kinds in a list with commas; all of them when there is none. Raises a usage error for an unknown one."""
    names = [kind.value for kind in Kind] if listed is None else [name.strip() for name in listed.split(",")]
    if unknown := [name for name in names if name not in set(Kind)]:
        raise click.UsageError(f"--fail-on: there is no kind '{unknown[0]}'; there are {', '.join(Kind)}")
    return frozenset(Kind(name) for name in names)
