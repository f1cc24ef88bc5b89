"""`portwright why`: why something must be open, and what breaks without it."""

from datetime import datetime

import click

from portwright.cli.options import format_option
from portwright.cli.output import show
from portwright.cli.site import today_option
from portwright.errors import ExitStatus


@click.command()
@click.argument("site")
@click.argument("what", required=False)
@click.option(
    "--breaks", "scenario", metavar="SCENARIO", help="Show the flows whose loss breaks this scenario instead."
)
@today_option
@format_option("text", "json")
def why(site: str, what: str | None, scenario: str | None, today: datetime | None, output: str) -> int:
    """Say why WHAT must be open on SITE: who needs it, what breaks without it, where that is written.

    WHAT is a flow ("tcp ssrs01 > fe01:808"), the id of a flow, a requirement, a service, or a citation (P61).
    Exit status: 0 answered, also when nothing needs it; 2 wrong input; 3 undecided.
    """
    from pathlib import Path

    from portwright.plan.why import Reasons
    from portwright.report.why import breaks_json, breaks_text, why_json, why_text
    from portwright.site.load import load_site
    from portwright.trace.happening import left_out
    from portwright.trace.run import find_scenario

    if (what is None) == (scenario is None):
        raise click.UsageError("Missing argument 'WHAT', or the option --breaks in its place; not both.")
    loaded = load_site(Path(site))
    reasons = Reasons.of(loaded.catalog, loaded, today.date() if today else None)
    plan = reasons.corrected
    if scenario is not None:
        asked = find_scenario(plan, scenario)
        report = breaks_json if output == "json" else breaks_text
        show(report(asked, reasons.steps(asked), left_out(plan, asked), plan))
        return ExitStatus.PROVED
    assert what is not None  # one of the two is there
    answer = reasons.why(what)
    show(why_json(answer, plan) if output == "json" else why_text(answer, plan))
    return ExitStatus.UNDECIDED if answer.verdict == "undecided" else ExitStatus.PROVED
