"""`portwright plan`: the flows that a site needs, in the form that the reader wants."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from portwright.catalog.model import Phase, Reading
from portwright.cli.output import printable, show
from portwright.cli.saving import force_option, save
from portwright.cli.site import inputs, today_option
from portwright.errors import ExitStatus, InvalidInput
from portwright.plan.model import DEFAULT_PHASES, Plan
from portwright.shapes import suggestion
from portwright.site.model import Site

Result = str | bytes | dict[str, Any]  # a text, a workbook, JSON

_FORMATS = ("text", "table", "csv", "xlsx", "json", "markdown", "mermaid")
_TERMINAL = (100, 24)  # where there is none
_EVERY_PHASE = "all"


@dataclass(frozen=True, slots=True)
class Request:
    """The command line: a field for each argument and option."""

    site: str
    output: str
    target: str | None
    force: bool
    phases: tuple[str, ...]
    literal: bool
    today: datetime | None
    points: tuple[str, ...]
    everything: bool
    differences: bool
    checklist: bool
    compare: str | None
    host_settings: bool

    @property
    def questions(self) -> list[str]:
        """What is asked in place of the flows; one thing at most makes sense."""
        return [name for name in _QUESTIONS if getattr(self, name) not in (None, False)]

    @property
    def day(self) -> date | None:
        """The day on which entries of the site expire or hold."""
        return self.today.date() if self.today else None

    @property
    def chosen_phases(self) -> tuple[Phase, ...]:
        """The phases in the order in which they happen."""
        if _EVERY_PHASE in self.phases:
            return tuple(Phase)
        return tuple(phase for phase in Phase if phase.value in self.phases) or DEFAULT_PHASES

    def plan(self, site: Site, reading: Reading | None = None) -> Plan:
        """The plan of a site for the phases and points asked for, in the reading asked for."""
        from portwright.plan.make import make_plan
        from portwright.plan.narrow import narrowed

        chosen = reading or (Reading.LITERAL if self.literal else Reading.CORRECTED)
        made = make_plan(site.catalog, site, self.chosen_phases, self.day, chosen)
        return narrowed(made, self.points) if self.points else made


@click.command()
@click.argument("site")
@click.option(
    "--format", "output", type=click.Choice(_FORMATS), default="text", show_default=True, help="Output format."
)
@click.option("-o", "--output", "target", metavar="FILE", help="Write to this file; a folder with --host-settings.")
@force_option
@click.option(
    "--phase",
    "phases",
    multiple=True,
    type=click.Choice([*(phase.value for phase in Phase), _EVERY_PHASE]),
    help="Plan for this phase; repeatable (default: run and administer).",
)
@click.option("--literal", is_flag=True, help="Read the documents as printed, mistakes included.")
@today_option
@click.option("--point", "points", metavar="NAME", multiple=True, help="Only what crosses this point; repeatable.")
@click.option(
    "--all", "everything", is_flag=True, help="Draw optional flows too, and those of any computer of the domain."
)
@click.option("--differences", is_flag=True, help="Hold the literal against the corrected reading for this site.")
@click.option("--checklist", is_flag=True, help="List what has to be done besides opening ports.")
@click.option("--compare", metavar="SETTING", help="Count flows and open ports for every value of a setting.")
@click.option("--host-settings", is_flag=True, help="Write what sets the hosts as the site says: .reg and PowerShell.")
def plan(**given: Any) -> int:
    """List the flows that SITE needs, and why.

    Exit status: 0 done, 2 wrong input.
    """
    from portwright.site.load import load_site

    request = Request(**given)
    _check_usage(request)
    site = load_site(Path(request.site))
    _check_points(request, site)
    answer = _QUESTIONS[request.questions[0]] if request.questions else _flows
    _deliver(answer(request, site), request, site)
    return ExitStatus.PROVED


def _check_usage(request: Request) -> None:
    """Refuse what does not go together, as a usage error."""
    options = [f"--{name.replace('_', '-')}" for name in request.questions]
    if len(options) > 1:
        raise click.UsageError(f"{' and '.join(options)} are different questions; ask one")
    if options and request.output not in _OF_QUESTIONS:
        raise click.UsageError(f"{options[0]} is told as {', '.join(_OF_QUESTIONS)}, not as {request.output}")
    if request.output == "xlsx" and request.target in (None, "-"):
        raise click.UsageError("a workbook is no text for a terminal: give its name with -o FILE")
    if request.host_settings and request.target in (None, "-"):
        raise click.UsageError("--host-settings writes a file for each host: give a folder with -o FOLDER")
    if request.everything and (options or request.output != "mermaid"):
        raise click.UsageError("--all draws more, and goes with --format mermaid; the other formats list everything")
    if request.differences and request.literal:
        raise click.UsageError("--differences compares the literal reading anyway; leave --literal out")


def _check_points(request: Request, site: Site) -> None:
    for name in request.points:
        if name not in site.points:
            hint = suggestion(name, site.points) or f"its points: {', '.join(site.points) or 'none'}"
            raise InvalidInput.of(f"--point {name[:60]}: the site has no such enforcement point", hint=hint)


def _flows(request: Request, site: Site) -> Result:
    return _RENDERERS[request.output](request.plan(site), request)


def _text(made: Plan, _: Request) -> Result:
    from portwright.report.plan.text import plan_text

    return plan_text(made)


def _table(made: Plan, _: Request) -> Result:
    from portwright.report.plan.table import plan_table

    return plan_table(made, shutil.get_terminal_size(_TERMINAL).columns)


def _csv(made: Plan, _: Request) -> Result:
    from portwright.report.plan.matrix import plan_csv

    return plan_csv(made)


def _xlsx(made: Plan, request: Request) -> Result:
    from portwright.report.plan.workbook import plan_xlsx

    return plan_xlsx(made, request.day)


def _json(made: Plan, _: Request) -> Result:
    from portwright.report.plan.document import plan_json

    return plan_json(made)


def _markdown(made: Plan, _: Request) -> Result:
    from portwright.report.plan.markdown import plan_markdown

    return plan_markdown(made)


def _mermaid(made: Plan, request: Request) -> Result:
    from portwright.report.plan.mermaid import plan_mermaid

    return plan_mermaid(made, request.everything)


_RENDERERS: dict[str, Callable[[Plan, Request], Result]] = {
    "text": _text,
    "table": _table,
    "csv": _csv,
    "xlsx": _xlsx,
    "json": _json,
    "markdown": _markdown,
    "mermaid": _mermaid,
}


def _differences(request: Request, site: Site) -> Result:
    from portwright.plan.differences import differences
    from portwright.report.plan.differences import FORMATS

    found = differences(request.plan(site, Reading.LITERAL), request.plan(site, Reading.CORRECTED))
    return FORMATS[request.output](found)


def _checklist(request: Request, site: Site) -> Result:
    from portwright.plan.checklist import checklist
    from portwright.report.plan.checklist import FORMATS

    return FORMATS[request.output](checklist(request.plan(site)))


def _compare(request: Request, site: Site) -> Result:
    from portwright.plan.compare import compare
    from portwright.report.plan.compare import FORMATS

    return FORMATS[request.output](compare(site, request.compare or "", request.plan))


def _host_settings(request: Request, site: Site) -> Result:
    from portwright.plan.hostsettings import host_settings
    from portwright.report.plan.hostfiles import host_files
    from portwright.report.plan.hostsettings import FORMATS

    found = host_settings(site)
    folder = Path(request.target or "")
    written = {folder / name: content for name, content in host_files(found, site).items()}
    save(written, request.force, inputs(request.site, site))
    return FORMATS[request.output](site, found, [str(path) for path in written])


_OF_QUESTIONS = ("text", "markdown", "json")
_QUESTIONS: dict[str, Callable[[Request, Site], Result]] = {
    "differences": _differences,
    "checklist": _checklist,
    "compare": _compare,
    "host_settings": _host_settings,
}


def _deliver(result: Result, request: Request, site: Site) -> None:
    """To the file that was named, or to standard output."""
    if request.target not in (None, "-") and not request.host_settings:
        content = _bytes(result, request.output)
        save({Path(str(request.target)): content}, request.force, inputs(request.site, site))
    elif request.output == "csv":
        _print_csv(str(result))
    elif not isinstance(result, bytes):
        show(result.rstrip("\n") if isinstance(result, str) else result)


def _bytes(result: Result, output: str) -> bytes:
    if isinstance(result, bytes):
        return result
    if isinstance(result, dict):
        return (json.dumps(result, indent=2) + "\n").encode()
    return (result if output == "csv" else printable(result)).encode()


def _print_csv(text: str) -> None:
    """CSV as it is: its lines end in CR LF on every system."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(newline="")
    click.echo(text, nl=False)
