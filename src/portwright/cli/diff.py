"""`portwright diff`: what two configurations do differently."""

import re
from ipaddress import IPv4Address

import click

from portwright.cli.options import format_option, platform_option, read_configuration
from portwright.cli.output import show
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
    "cisco-asa": re.compile(r"[!:]|\s*$|access-list \S+ remark "),
}


@click.command()
@click.argument("old")
@click.argument("new")
@platform_option
@click.option(
    "--hook", type=click.Choice(["forward", "input", "output"]), default="forward", help="Netfilter hook (forward)."
)
@click.option("--path", is_flag=True, help="Netfilter: prerouting, postrouting and NAT too.")
@format_option("text", "json")
def diff(old: str, new: str, platform: str | None, hook: str, path: bool, output: str) -> int:
    """Compare what the configurations OLD and NEW do, packet by packet.

    The two may be of different platforms. Exit status: 0 equal, 1 different, 3 undecided.
    """
    (before, old_text), (after, new_text) = (read_configuration(file, platform) for file in (old, new))
    comparison = Comparison(before, after, hook, path)
    same_commands = _commands(old_text, before.platform) == _commands(new_text, after.platform)
    verdict, found, left_out = _compare(comparison, same_commands)
    report = diff_json if output == "json" else diff_text
    show(report(verdict, found, left_out, comparison, before, after))
    return {"equal": ExitStatus.PROVED, "different": ExitStatus.FINDINGS, "undecided": ExitStatus.UNDECIDED}[verdict]


def _commands(text: str, platform: str) -> list[str]:
    """The platform, and the lines of a text that are no comments to it."""
    return [platform, *(line for line in text.splitlines() if not _COMMENTS[platform].match(line))]


def _compare(comparison: Comparison, same_commands: bool) -> tuple[str, list[Difference], int]:
    """The verdict, the differences to show and how many headers they leave out.

    Commands that are the same mean the same twice, also where they are not understood.
    """
    if comparison.different:
        return "different", *comparison.differences(_MOST, _HUMANE)
    if comparison.undecided and not same_commands:
        return "undecided", *comparison.doubts(_MOST, _HUMANE)
    return "equal", [], 0
