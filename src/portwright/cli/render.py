"""`portwright render`: write the configuration of each firewall, or what changes the running one; proved first."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import click

from portwright.cli.options import format_option
from portwright.cli.output import printable, show
from portwright.cli.saving import force_option, save
from portwright.cli.site import inputs, load, today_option
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
@click.option("--change", is_flag=True, help="Write what changes the running configurations that the site names.")
@click.option(
    "--against", metavar="POINT=FILE", multiple=True, help="Write what changes this running configuration; repeatable."
)
@click.option("--undecided", is_flag=True, help="With a change put rules in front of lines that are not modelled, too.")
@click.option("--tighten", is_flag=True, help="Take away what nothing needs, too.")
@today_option
@force_option
@format_option("text", "json")
def render(
    site: str,
    folder: str | None,
    points: tuple[str, ...],
    platform: str | None,
    optional: bool,
    change: bool,
    against: tuple[str, ...],
    tighten: bool,
    undecided: bool,
    today: datetime | None,
    force: bool,
    output: str,
) -> int:
    """Write the configuration of each firewall of SITE: what the plan needs, and nothing else.

    With --change or --against write what changes the running ones, and the way back. Everything is proved first; what
    cannot be proved is not written. Exit status: 0 written, 1 the proof found something, 2 wrong input, 3 undecided.
    """
    if change or against or tighten or undecided:
        if optional or platform is not None:
            raise click.UsageError("--optional and --platform are for whole configurations, not for changes")
        day = today.date() if today else None
        return _change(site, _against(against, points), points, (tighten, undecided), day, (folder, force), output)
    if output == "json":
        raise click.UsageError("--format json is for changes: with --change or --against")
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
    unread = replace(loaded, points={})  # the configurations that the site has so far
    save({Path(folder) / one.file_name: one.text.encode() for one in rendered}, force, inputs(site, unread))
    _warn(plan)
    for one in rendered:
        show(f"{Path(folder) / one.file_name}: {one.point}, {one.platform}, proved")
        _warn_of_bare(plan, one.point)
    return ExitStatus.PROVED


def _against(entries: Sequence[str], points: Sequence[str]) -> tuple[str, ...]:
    """The entries as POINT=FILE: a file alone belongs to the one point that is chosen."""
    if len(entries) == len(points) == 1 and "=" not in entries[0]:
        return (f"{points[0]}={entries[0]}",)
    for entry in entries:
        if "=" not in entry:
            raise click.UsageError(f"--against {entry}: write POINT=FILE, or choose one point with --point")
    return tuple(entries)


def _change(
    site: str,
    against: Sequence[str],
    points: tuple[str, ...],
    more: tuple[bool, bool],
    today: date | None,
    writing: tuple[str | None, bool],
    output: str,
) -> int:
    from portwright.render.change import changes
    from portwright.report.change import change_json, change_text, verdict

    try:
        plan, readings = load(site, against, today)
    except InvalidInput as wrong:
        problems = (replace(one, message=one.message.replace("--config ", "--against ", 1)) for one in wrong.problems)
        raise InvalidInput(problems) from None
    named = tuple(entry.partition("=")[0] for entry in against)
    chosen = _chosen(plan, points or named or tuple(readings), None)
    made = changes(plan, readings, chosen, *more)
    verdicts = {verdict(change) for change in made}
    show(change_json(plan, made) if output == "json" else change_text(plan, made))
    folder, force = writing
    if folder is not None and "failed" not in verdicts:
        texts = {Path(folder) / name: text for one in made if not one.is_empty for name, text in one.files.items()}
        save({path: text.encode() for path, text in texts.items()}, force, inputs(site, plan.site))
        for path in texts if output == "text" else ():
            show(f"written: {path}")
    left = {one.is_undecided for change in made for one in change.remaining}
    if "failed" in verdicts or False in left:
        return ExitStatus.FINDINGS
    return ExitStatus.UNDECIDED if left else ExitStatus.PROVED


def _warn(plan: Plan) -> None:
    """What the plan leaves open is not in the files, however right they are."""
    serious = [one for one in plan.findings if one.severity in (Severity.ERROR, Severity.UNDECIDED)]
    if serious:
        click.echo(f"The plan leaves {len(serious)} things open, first: {printable(serious[0].message)}", err=True)


def _warn_of_bare(plan: Plan, point: str) -> None:
    """A whole configuration translates what the site declares, and nothing else."""
    from portwright.render.prove import leaving_bare

    if flows := leaving_bare(plan, point):
        click.echo(
            f"portwright: {point} translates nothing toward the Internet, as the site declares nothing; private "
            f"addresses leave it as they are for {len(flows)} required flows, such as {printable(flows[0].id)}",
            err=True,
        )


def _chosen(plan: Plan, names: tuple[str, ...], platform: str | None) -> dict[str, str]:
    """The points to write for, each with its platform. Raises InvalidInput for a point that the site does not have."""
    points = plan.site.points
    if unknown := [name for name in names if name not in points]:
        known = ", ".join(points) or "none"
        raise InvalidInput.of(f"--point {unknown[0]}: there is no such point", hint=f"the site has: {known}")
    if not points:
        raise InvalidInput.of("has no enforcement points to write for", file=plan.site.file)
    return {name: platform or points[name].platform for name in names or points}
