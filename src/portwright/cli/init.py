"""`portwright init`: a site file to begin with."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, TypeVar

import click

from portwright.cli.output import printable, show
from portwright.cli.saving import Input, force_option, save
from portwright.errors import ExitStatus, InvalidInput
from portwright.init.topologies import NAMES

if TYPE_CHECKING:
    from portwright.catalog.model import Catalog
    from portwright.site.model import Site

T = TypeVar("T")


@click.command()
@click.argument("file", default="site.yaml", required=False)
@click.option("--topology", metavar="NAME", type=click.Choice(NAMES), help="Begin with this topology, unasked.")
@click.option("--list", "listing", is_flag=True, help="List the topologies and stop.")
@click.option(
    "--from-config",
    "configs",
    metavar="CONFIG",
    multiple=True,
    help="Propose zones, firewalls and paths from a configuration; repeatable.",
)
@click.option("--hosts", metavar="TABLE", help="Place the hosts of this CSV file: name, address, role.")
@force_option
def init(
    file: str, topology: str | None, listing: bool, configs: tuple[str, ...], hosts: str | None, force: bool
) -> int:
    """Write a site file to begin with into FILE, site.yaml if not given.

    Asks on a terminal; otherwise begins with a topology, or with the configurations that there are. A FILE of - is
    standard output.

    Exit status: 0 written, 2 wrong input or FILE is there already.
    """
    _check_usage(topology, listing, configs, hosts)
    if listing:
        show(_listed())
        return ExitStatus.PROVED
    return _write(Path(file), topology, configs, hosts, force)


def _check_usage(topology: str | None, listing: bool, configs: tuple[str, ...], hosts: str | None) -> None:
    if listing + bool(topology) + bool(configs) > 1:
        raise click.UsageError("give one of --topology, --from-config and --list")
    if hosts and not configs:
        raise click.UsageError("--hosts goes with --from-config")
    if not (listing or topology or configs or sys.stdin.isatty()):
        raise click.UsageError("nobody can be asked here: give --topology NAME (--list shows them) or --from-config")


def _listed() -> str:
    from portwright.init.topologies import topologies

    width = max(map(len, NAMES))
    return "\n".join(f"{one.name.ljust(width)}  {one.summary}" for one in topologies())


def _write(path: Path, topology: str | None, configs: tuple[str, ...], hosts: str | None, force: bool) -> int:
    from portwright.catalog.load import load_catalog
    from portwright.site.load import parse_site

    to_stdout = str(path) == "-"
    if not (to_stdout or force):
        _refuse_existing(path)
    catalog = load_catalog()
    text = _text(path, topology, configs, hosts, catalog)
    data = text.encode(errors="replace")  # a file name may be no text
    site = parse_site(data, path.parent, catalog, str(path))
    if to_stdout:
        show(text.removesuffix("\n"))
    else:
        read = [Input(Path(config), "a configuration") for config in configs]
        read += [Input(Path(hosts), "the table of hosts")] if hosts else []
        save({path: data}, force, read)
        show(_said(path, site))
    return ExitStatus.PROVED


def _refuse_existing(path: Path) -> None:
    """Refuse at once what `save` would refuse when all questions are answered."""
    if os.path.lexists(path):
        raise InvalidInput.of(
            "exists already", file=str(path), hint="choose another name, or overwrite it with --force"
        )


def _text(path: Path, topology: str | None, configs: tuple[str, ...], hosts: str | None, catalog: "Catalog") -> str:
    if topology:
        from portwright.init.naming import site_name
        from portwright.init.template import name_site
        from portwright.init.topologies import EXAMPLE
        from portwright.init.topologies import topology as named

        return name_site(named(topology).text, site_name(path, EXAMPLE))
    if configs:
        from portwright.init.propose import propose

        return propose(configs, hosts, path, catalog)
    from portwright.init.questions import ask_for_site

    return ask_for_site(Terminal(), catalog, path)


def _said(path: Path, site: "Site") -> str:
    """What has been written, and what to do next."""
    parts = [
        _count(len(site.zones), "zone"),
        _count(len(site.hosts) + len(site.groups), "host or group", "hosts and groups"),
        _count(len(site.points), "firewall"),
    ]
    without = ", ".join(point.name for point in site.points.values() if point.config is None)
    steps = [
        "Read it through: comments say what to change.",
        f"portwright plan {path}: what must be open, and why.",
        f"Say in it which file holds the configuration of {without}, and its interface toward each zone."
        if without
        else "",
        f"portwright check {path}: whether the configurations let it work, and nothing else.",
    ]
    numbered = [
        line
        for number, step in enumerate(filter(None, steps), 1)
        for line in wrap(step, 100, initial_indent=f"  {number}. ", subsequent_indent="     ", break_on_hyphens=False)
    ]
    return "\n".join([f"{path} is written: {parts[0]}, {parts[1]}, {parts[2]}.", "Next", *numbered])


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


class Terminal:
    """Somebody who sits at the terminal."""

    def say(self, text: str) -> None:
        """Tell something, beside the result."""
        click.echo(printable(text), err=True)

    def ask(self, question: str, default: str, read: Callable[[str], T]) -> T:
        """What `read` makes of the answer; asked again for as long as it raises ValueError."""

        def convert(answer: str) -> T:
            try:
                return read(answer)
            except ValueError as problem:
                raise click.BadParameter(printable(str(problem))) from None

        answer: T = click.prompt(question, default=default, value_proc=convert, show_default=bool(default), err=True)
        return answer
