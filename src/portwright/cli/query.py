"""`portwright query`: who can reach what, from the configurations."""

from collections.abc import Callable
from datetime import datetime

import click

from portwright.check.query import Answer, Query, read_query
from portwright.check.run import Check
from portwright.cli.options import format_option
from portwright.cli.output import show
from portwright.cli.site import config_option, load, today_option
from portwright.errors import ExitStatus
from portwright.report.query import query_csv, query_json, query_text

_SCREEN = 10  # lines of packets in a text; the rest is counted
_EVERYTHING = 10_000
_REPORTS: dict[str, Callable[[Answer], str | dict[str, object]]] = {
    "text": query_text,
    "json": query_json,
    "csv": query_csv,
}


@click.command()
@click.argument("site")
@click.argument("flow")
@config_option
@click.option("--all", "everything", is_flag=True, help="Show all that passes, not only a screen of it.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(1, _EVERYTHING), help="Spell out at most N sets of packets (text: 10)."
)
@today_option
@format_option("text", "json", "csv")
def query(
    site: str,
    flow: str,
    configs: tuple[str, ...],
    everything: bool,
    limit: int | None,
    today: datetime | None,
    output: str,
) -> int:
    """Say who can reach what on SITE, from the configurations of its points, by which rules, and what needs it.

    FLOW is written PROTOCOL SOURCE[:PORTS] > DESTINATION[:PORTS] [at POINT]; an end is a host, a group, a zone, a
    virtual address, a network or 'any'.

    \b
    Who can reach sql01 on 1433?      portwright query site.yaml "tcp any > sql01:1433"
    What can the Internet reach?      portwright query site.yaml "any internet > any"
    What can this host reach?         portwright query site.yaml "any fe01 > any"
    What does one firewall permit?    portwright query site.yaml "any any > any at edge-fw"

    Exit status: 0 answered, 2 wrong input, 3 part of it is undecided.
    """  # noqa: D301 -- click takes the character for "leave this paragraph as it is"
    plan, readings = load(site, configs, today.date() if today else None)
    asked = read_query(plan.site, flow)
    most = _EVERYTHING if everything or (limit is None and output != "text") else limit or _SCREEN
    answer = Query(Check(plan, readings).judge).answer(asked, most)
    show(_REPORTS[output](answer))
    return ExitStatus.PROVED if answer.is_decided else ExitStatus.UNDECIDED
