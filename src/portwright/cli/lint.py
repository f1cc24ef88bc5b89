"""`portwright lint`: what a careful person would change in one configuration."""

import click

from portwright.cli.options import format_option, platform_option, read_configuration
from portwright.cli.output import show
from portwright.errors import ExitStatus
from portwright.lint.run import lint as run
from portwright.report.context import point_name
from portwright.report.lint import lint_json, lint_text


@click.command()
@click.argument("config")
@platform_option
@format_option("text", "json")
def lint(config: str, platform: str | None, output: str) -> int:
    """Find rules of CONFIG without effect, rules too wide, loose objects and lines that are not understood.

    Exit status: 0 nothing but notes, 1 warnings, 2 wrong input, 3 only lines that are not understood.
    """
    configuration, text = read_configuration(config, platform)
    report = run(configuration, text, point_name(config))
    show(lint_json(report) if output == "json" else lint_text(report))
    return {"clean": ExitStatus.PROVED, "undecided": ExitStatus.UNDECIDED}.get(report.verdict, ExitStatus.FINDINGS)
