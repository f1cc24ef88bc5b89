"""Decisions as a table: `PACKET -> decision line`, each under the name of its hook."""

from pathlib import Path
from typing import NamedTuple

from portwright.packets.packet import Packet
from portwright.policy.configuration import Configuration
from portwright.policy.walk import Decided, Decision, decide


class Expected(NamedTuple):
    hook: str
    packet: str
    decided: str
    line: int


def expectations(case: Path) -> list[Expected]:
    """The lines `PACKET -> decision line`, each under the name of its hook."""
    found, hook = [], ""
    for text in (case / "decisions.txt").read_text().splitlines()[1:]:
        if "->" in text:
            packet, _, answer = text.partition(" -> ")
            found.append(Expected(hook, packet, answer.split()[0], int(answer.split()[1])))
        elif text:
            hook = text
    return found


def decision(configuration: Configuration, expected: Expected) -> Decision:
    packet = Packet.parse(expected.packet)
    policy = configuration.policies[expected.hook]
    (way,) = configuration.ways(packet, expected.hook.removesuffix("/path"))
    return decide(policy, packet.header(*way))


def line_of(found: Decision) -> int:
    """The line that decides or leaves undecided; 0 where no stage applies."""
    rule = found.undecided_by[0] if found.decided is Decided.UNDECIDED else found.rule
    return rule.source.line if rule is not None else 0


def decided_as(configuration: Configuration, case: Path) -> list[Expected]:
    """The table of a case as the configuration decides it."""
    found = []
    for expected in expectations(case):
        got = decision(configuration, expected)
        found.append(Expected(expected.hook, expected.packet, got.decided.value, line_of(got)))
    return found
