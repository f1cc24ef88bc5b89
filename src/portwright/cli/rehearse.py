"""`portwright rehearse`: the site in network namespaces, with real packets through real rules."""

import sys
from collections.abc import Callable
from datetime import datetime

import click

from portwright.cli.options import format_option
from portwright.cli.output import show
from portwright.cli.site import config_option, load, today_option
from portwright.errors import ExitStatus, InvalidInput


@click.command()
@click.argument("site")
@config_option
@today_option
@format_option("text", "json", "junit")
def rehearse(site: str, configs: tuple[str, ...], today: datetime | None, output: str) -> int:
    """Build SITE in network namespaces, load its firewalls' rules, and play every flow with real packets.

    Nothing outside is touched, and nothing is left behind. Exit status: 0 all works and agrees with the proof,
    1 findings, 2 wrong input, 4 not possible here.
    """
    from portwright.rehearse.netns import inside, is_inside

    if not is_inside():
        load(site, configs, today.date() if today else None)  # what is wrong with the input is told before all else
        return inside(sys.argv[1:])
    return _inside(site, configs, today, output)


def _inside(site: str, configs: tuple[str, ...], today: datetime | None, output: str) -> int:
    from portwright.rehearse.evidence import Rehearsal
    from portwright.rehearse.run import rehearse as play
    from portwright.report.rehearsal.document import rehearsal_json, verdict
    from portwright.report.rehearsal.junit import rehearsal_junit
    from portwright.report.rehearsal.text import rehearsal_text

    plan, readings = load(site, configs, today.date() if today else None)
    try:
        found = play(plan, readings, lambda text: click.echo(f"portwright: {text}", err=True))
    except ValueError as problem:
        raise InvalidInput.of(str(problem), file=site) from None
    writers: dict[str, Callable[[Rehearsal], str | dict[str, object]]] = {
        "json": rehearsal_json,
        "junit": rehearsal_junit,
        "text": rehearsal_text,
    }
    show(writers[output](found))
    is_fine = verdict(found) == "works" and not found.disagreements and all(one.is_blocked for one in found.sample)
    return ExitStatus.PROVED if is_fine else ExitStatus.FINDINGS
