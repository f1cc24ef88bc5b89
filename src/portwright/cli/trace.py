"""`portwright trace`: follow a scenario step by step."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from portwright.catalog.model import Scenario
from portwright.check.run import Check
from portwright.cli.options import format_option
from portwright.cli.output import show
from portwright.cli.site import config_option, load, today_option
from portwright.errors import ExitStatus
from portwright.plan.make import make_plan
from portwright.plan.model import Plan
from portwright.report.scenarios import Elsewhere, scenarios_json, scenarios_text, traces_json, traces_text
from portwright.report.trace import trace_json, trace_text
from portwright.site.load import load_site
from portwright.trace.happening import scenarios_of
from portwright.trace.run import Trace, find_scenario, waits_for
from portwright.trace.run import trace as follow

_STATUS = {"works": ExitStatus.PROVED, "undecided": ExitStatus.UNDECIDED}
_WORST = (ExitStatus.FINDINGS, ExitStatus.UNDECIDED)


@click.command()
@click.argument("site")
@click.argument("scenario", required=False)
@click.option("--all", "everything", is_flag=True, help="Follow every scenario that happens on the site.")
@config_option
@today_option
@format_option("text", "json")
def trace(
    site: str, scenario: str | None, everything: bool, configs: tuple[str, ...], today: datetime | None, output: str
) -> int:
    """Follow SCENARIO over SITE: what breaks, at which step, by which line, and what the user sees.

    Without SCENARIO, list those that happen on the site. Exit status: 0 works, 1 broken or degraded, 2 wrong input,
    3 undecided.
    """
    if scenario and everything:
        raise click.UsageError("either one scenario or --all")
    if not scenario and not everything:
        loaded = load_site(Path(site))
        plan = make_plan(loaded.catalog, loaded, today=today.date() if today else None)
        show((scenarios_json if output == "json" else scenarios_text)(plan, *_sorted_out(plan)))
        return ExitStatus.PROVED
    plan, readings = load(site, configs, today.date() if today else None)
    judge = Check(plan, readings).judge
    if scenario:
        found = follow(plan, judge, find_scenario(plan, scenario))
        texts = {reading.configuration.file: reading.text for reading in readings.values()}
        show(trace_json(found) if output == "json" else trace_text(found, plan, texts))
        return _status([found])
    happening, elsewhere = _sorted_out(plan)
    traces = [follow(plan, judge, one) for one in happening]
    show((traces_json if output == "json" else traces_text)(plan, traces, elsewhere))
    return _status([found for found in traces if not waits_for(found, plan)])


def _sorted_out(plan: Plan) -> tuple[list[Scenario], Elsewhere]:
    """The scenarios that happen on the site, and those that do not, with the reason."""
    known = scenarios_of(plan)
    return [one for one, reason in known if not reason], [(one, reason) for one, reason in known if reason]


def _status(traces: Sequence[Trace]) -> ExitStatus:
    """By the worst of them."""
    statuses = {_STATUS.get(found.verdict, ExitStatus.FINDINGS) for found in traces}
    return next((status for status in _WORST if status in statuses), ExitStatus.PROVED)
