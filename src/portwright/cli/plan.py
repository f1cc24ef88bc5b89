"""`portwright plan`: the flows that a site needs."""

import click

from portwright.cli.options import format_option
from portwright.cli.output import show
from portwright.errors import ExitStatus


@click.command()
@click.argument("site")
@format_option("text", "json")
def plan(site: str, output: str) -> int:
    """List the flows that SITE needs, and why."""
    from pathlib import Path

    from portwright.plan.make import make_plan
    from portwright.report.plan import plan_json, plan_text
    from portwright.site.load import load_site

    loaded = load_site(Path(site))
    made = make_plan(loaded.catalog, loaded)
    show(plan_json(made) if output == "json" else plan_text(made).rstrip("\n"))
    return ExitStatus.PROVED
