"""`portwright render`: write the configuration of each firewall, proved before it is written."""

from datetime import datetime
from pathlib import Path

import click

from portwright.cli.output import printable, show
from portwright.cli.saving import force_option, save
from portwright.cli.site import today_option
from portwright.errors import ExitStatus, InvalidInput
from portwright.findings import Severity
from portwright.plan.model import Plan


@click.command()
@click.argument("site")
@click.option("-o", "--output", "folder", metavar="DIR", help="Write a file for each point into this folder.")
@click.option(
    "--point", "points", metavar="NAME", multiple=True, help="Only the configuration of this point; repeatable."
)
@click.option("--platform", metavar="NAME", help="Write for this platform, whatever the site says.")
@click.option("--optional", is_flag=True, help="Permit the optional flows of the plan, too.")
@today_option
@force_option
def render(
    site: str,
    folder: str | None,
    points: tuple[str, ...],
    platform: str | None,
    optional: bool,
    today: datetime | None,
    force: bool,
) -> int:
    """Write the configuration of each firewall of SITE: what the plan needs, and nothing else.

    Each is read back and proved against the plan first; what cannot be proved is not written. Exit status: 0 written,
    1 the proof found something, 2 wrong input, 3 undecided.
    """
    from portwright.plan.make import make_plan
    from portwright.render.prove import prove
    from portwright.render.prove import render as rendered_for
    from portwright.report.check import check_text
    from portwright.site.load import load_site

    loaded = load_site(Path(site))
    plan = make_plan(loaded.catalog, loaded, today=today.date() if today else None)
    chosen = _chosen(plan, points, platform)
    rendered = rendered_for(plan, chosen, optional)
    report = prove(plan, rendered)
    if report.verdict != "proved":
        show(check_text(report))
        return ExitStatus.FINDINGS if report.verdict == "findings" else ExitStatus.UNDECIDED
    if folder is None:
        show("\n".join(one.text for one in rendered).rstrip("\n"))
        return ExitStatus.PROVED
    save({Path(folder) / one.file_name: one.text.encode() for one in rendered}, force)
    _warn(plan)
    for one in rendered:
        show(f"{Path(folder) / one.file_name}: {one.point}, {one.platform}, proved")
    return ExitStatus.PROVED


def _warn(plan: Plan) -> None:
    """What the plan leaves open is not in the files, however right they are."""
    serious = [one for one in plan.findings if one.severity in (Severity.ERROR, Severity.UNDECIDED)]
    if serious:
        click.echo(f"The plan leaves {len(serious)} things open, first: {printable(serious[0].message)}", err=True)


def _chosen(plan: Plan, names: tuple[str, ...], platform: str | None) -> dict[str, str]:
    """The points to write for, each with its platform. Raises InvalidInput for a point that the site does not have."""
    points = plan.site.points
    if unknown := [name for name in names if name not in points]:
        known = ", ".join(points) or "none"
        raise InvalidInput.of(f"--point {unknown[0]}: there is no such point", hint=f"the site has: {known}")
    if not points:
        raise InvalidInput.of("has no enforcement points to write for", file=plan.site.file)
    return {name: platform or points[name].platform for name in names or points}
