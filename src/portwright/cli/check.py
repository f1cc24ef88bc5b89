"""`portwright check`: prove the configurations of a site."""

import json
from datetime import datetime

import click

from portwright.check.run import Check
from portwright.cli.options import format_option
from portwright.cli.site import config_option, load, today_option
from portwright.errors import ExitStatus
from portwright.report.check import check_json, check_text


@click.command()
@click.argument("site")
@config_option
@click.option("--all", "everything", is_flag=True, help="Judge excess between any addresses, not only the site's.")
@today_option
@format_option("text", "json")
def check(site: str, configs: tuple[str, ...], everything: bool, today: datetime | None, output: str) -> int:
    """Prove the configurations of SITE: what is missing, what is open without need, which line decides.

    Exit status: 0 proved, 1 findings, 2 wrong input, 3 undecided.
    """
    plan, readings = load(site, configs, today.date() if today else None)
    report = Check(plan, readings).run(everything)
    click.echo(json.dumps(check_json(report), indent=2) if output == "json" else check_text(report))
    return {"proved": ExitStatus.PROVED, "findings": ExitStatus.FINDINGS}.get(report.verdict, ExitStatus.UNDECIDED)
