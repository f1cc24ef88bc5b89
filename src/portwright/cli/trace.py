"""`portwright trace`: follow a scenario step by step."""

from datetime import datetime

import click

from portwright.check.run import Check
from portwright.cli.options import format_option
from portwright.cli.output import show
from portwright.cli.site import config_option, load, today_option
from portwright.errors import ExitStatus
from portwright.report.trace import trace_json, trace_text
from portwright.trace.run import find_scenario
from portwright.trace.run import trace as follow


@click.command()
@click.argument("site")
@click.argument("scenario")
@config_option
@today_option
@format_option("text", "json")
def trace(site: str, scenario: str, configs: tuple[str, ...], today: datetime | None, output: str) -> int:
    """Follow SCENARIO over SITE: what breaks, at which step, by which line, and what the user sees.

    Exit status: 0 works, 1 broken or degraded, 2 wrong input, 3 undecided.
    """
    plan, readings = load(site, configs, today.date() if today else None)
    checking = Check(plan, readings)
    found = follow(plan, checking.judge, find_scenario(plan, scenario))
    texts = {reading.configuration.file: reading.text for reading in readings.values()}
    show(trace_json(found) if output == "json" else trace_text(found, plan, texts))
    statuses = {"works": ExitStatus.PROVED, "undecided": ExitStatus.UNDECIDED}
    return statuses.get(found.verdict, ExitStatus.FINDINGS)
