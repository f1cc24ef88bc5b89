"""`portwright platforms`: the firewalls that Portwright reads and writes, and what it makes of them."""

import click

from portwright.cli.options import format_option
from portwright.cli.output import show
from portwright.errors import ExitStatus, InvalidInput
from portwright.shapes import suggestion


@click.command()
@click.argument("name", required=False)
@format_option("text", "markdown", "json")
def platforms(name: str | None, output: str) -> int:
    """List the platforms; with NAME say how to export one, and what is modelled, inert, uncertain and impossible."""
    from portwright.platforms import PLATFORMS
    from portwright.platforms.about import about
    from portwright.report import platforms as report

    if name is None:
        show(report.list_json() if output == "json" else report.list_text())
        return ExitStatus.PROVED
    if name not in PLATFORMS:
        raise InvalidInput.of(f"there is no platform '{name[:60]}'", hint=suggestion(name, list(PLATFORMS)))
    if output == "json":
        show(report.about_json(name, about(name)))
    else:
        show(report.about_markdown(about(name)) if output == "markdown" else report.about_text(name, about(name)))
    return ExitStatus.PROVED
