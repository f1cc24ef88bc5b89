"""`portwright diff`: what two configurations do differently."""

import re
from datetime import datetime
from ipaddress import IPv4Address

import click

from portwright.cli.change import Side, compare_on
from portwright.cli.options import format_option, platform_option, read_configuration
from portwright.cli.output import show
from portwright.cli.site import config_option, today_option
from portwright.errors import ExitStatus
from portwright.packets.fields import Field
from portwright.policy.difference import Comparison, Difference
from portwright.report.diff import diff_json, diff_text

_SOMEBODY = int(IPv4Address("198.51.100.10"))  # RFC 5737: an address for documentation
_HUMANE = {
    Field.VERSION: (4, 6),
    Field.PROTOCOL: (6, 17, 1),
    Field.SPORT: (40000,),
    Field.DPORT: (443, 80, 22),
    Field.SRC: (_SOMEBODY,),
    Field.DST: (_SOMEBODY,),
    Field.TYPE: (8, 128),
}
_MOST = 20
_COMMENTS = {  # platform -> lines that say nothing to it
    "nftables": re.compile(r"\s*(#|$)"),
    "iptables": re.compile(r"\s*$|# Completed on "),  # other comments say whose rules they are, or that more are there
    "cisco-asa": re.compile(r"[!:]|\s*$|access-list \S+ remark "),
    "windows-firewall": re.compile(r'\s*($|"collected": )'),  # a comment of a script may say what it takes for granted
    "rules-csv": re.compile(r"\s*$"),
}


@click.command()
@click.argument("old")
@click.argument("new")
@platform_option
@click.option(
    "--hook", type=click.Choice(["forward", "input", "output"]), default="forward", help="Netfilter hook (forward)."
)
@click.option("--path", is_flag=True, help="Netfilter: prerouting, postrouting and NAT too.")
@click.option("--site", metavar="SITE", help="Say first what the change means for this site.")
@click.option("--point", metavar="NAME", help="The point of SITE that runs OLD; found by its file when not given.")
@config_option
@today_option
@format_option("text", "json")
def diff(
    old: str,
    new: str,
    platform: str | None,
    hook: str,
    path: bool,
    site: str | None,
    point: str | None,
    configs: tuple[str, ...],
    today: datetime | None,
    output: str,
) -> int:
    """Compare what the configurations OLD and NEW do, packet by packet, or with --site for what a site needs.

    The two may be of different platforms. Exit status: 0 equal, 1 different, 3 undecided; with --site what counts is
    the effect on the site.
    """
    if site is None and (point or configs or today):
        raise click.UsageError("--point, --config and --today say something about a site: give --site, too")
    sides = [Side(file, *read_configuration(file, platform)) for file in (old, new)]
    before, after = sides
    comparison = Comparison(before.configuration, after.configuration, hook, path)
    same_commands = _commands(before) == _commands(after)
    verdict, found, left_out = _compare(comparison, same_commands)
    compared = compare_on(site, point, before, after, configs, today, same_commands) if site is not None else None
    report = diff_json if output == "json" else diff_text
    show(report(verdict, found, left_out, comparison, before.configuration, after.configuration, compared))
    return _STATUS[compared.verdict if compared is not None else verdict]


_STATUS = {
    "equal": ExitStatus.PROVED,
    "different": ExitStatus.FINDINGS,
    "undecided": ExitStatus.UNDECIDED,
    "loses": ExitStatus.FINDINGS,
    "differs": ExitStatus.FINDINGS,
}


def _commands(side: Side) -> list[str]:
    """The platform, and the lines of a text that are no comments to it."""
    platform = side.configuration.platform
    comment = _COMMENTS[platform]
    return [platform, *(line for line in side.text.splitlines() if not comment.match(line))]


def _compare(comparison: Comparison, same_commands: bool) -> tuple[str, list[Difference], int]:
    """The verdict, the differences to show and how many headers they leave out.

    Commands that are the same mean the same twice, also where they are not understood.
    """
    if comparison.different:
        return "different", *comparison.differences(_MOST, _HUMANE)
    if comparison.undecided and not same_commands:
        return "undecided", *comparison.doubts(_MOST, _HUMANE)
    return "equal", [], 0
