"""`portwright decide`: what a configuration does with a packet."""

from collections.abc import Iterable, Iterator

import click

from portwright.cli.options import format_option, platform_option, read_configuration
from portwright.cli.output import show
from portwright.errors import ExitStatus, InvalidInput, Problem
from portwright.files import read_text
from portwright.packets.packet import Packet
from portwright.policy.answer import Answerer
from portwright.policy.walk import Decided
from portwright.report.decision import decision_json, decision_text


@click.command()
@click.argument("config")
@click.argument("packet", required=False)
@platform_option
@click.option(
    "--hook", type=click.Choice(["forward", "input", "output"]), default="forward", help="Netfilter hook (forward)."
)
@click.option("--path", is_flag=True, help="Netfilter: prerouting, postrouting and NAT too.")
@click.option("--packets", "packets_file", metavar="FILE", help="Read packets from FILE, one a line; - is stdin.")
@format_option("text", "json")
def decide(
    config: str,
    packet: str | None,
    platform: str | None,
    hook: str,
    path: bool,
    packets_file: str | None,
    output: str,
) -> int:
    """Say what CONFIG does with PACKET, and which line decides.

    A packet is written `tcp 10.1.0.12:40000 > 10.2.0.7:1433 [in IFACE] [out IFACE] [state S]`. With --format json each
    packet gives one JSON object on a line of its own.
    """
    if (packet is None) == (packets_file is None):
        raise click.UsageError("give either PACKET or --packets FILE")
    if config == packets_file == "-":
        raise click.UsageError("CONFIG and --packets cannot both be standard input")
    configuration, text = read_configuration(config, platform)
    answerer = Answerer(configuration, hook, path)
    lines = [packet] if packet is not None else _lines(read_text(packets_file or "-"))
    return _answer(lines, answerer, text, output, packets_file)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _answer(lines: Iterable[str], answerer: Answerer, text: str, output: str, file: str | None) -> int:
    """Print every answer; the exit status is that of the worst."""
    statuses = set()
    for answer, status in _outcomes(lines, answerer, text, output == "json", file):
        show(answer, indent=None)
        statuses.add(status)
    return next((s for s in (ExitStatus.INPUT, ExitStatus.UNDECIDED) if s in statuses), ExitStatus.PROVED)


def _outcomes(
    lines: Iterable[str], answerer: Answerer, text: str, as_json: bool, file: str | None
) -> Iterator[tuple[str | dict[str, object], ExitStatus]]:
    for line in map(str.strip, lines):
        try:
            packet = Packet.parse(line)
        except ValueError as problem:
            if file is None:
                raise InvalidInput([Problem("PACKET", 0, 0, "", str(problem))]) from None
            yield ({"packet": line, "error": str(problem)} if as_json else f"{line}\n  {problem}"), ExitStatus.INPUT
            continue
        decision = answerer.decide(packet)
        status = ExitStatus.UNDECIDED if decision.decided is Decided.UNDECIDED else ExitStatus.PROVED
        if as_json:
            yield decision_json(line, packet, decision, answerer), status
        else:
            yield decision_text(line, packet, decision, answerer, text), status
