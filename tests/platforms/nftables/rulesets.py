"""Rulesets to test with: the cases of this folder, and small ones around a single rule."""

from pathlib import Path
from typing import NamedTuple

from portwright.packets.packet import Packet
from portwright.platforms import load, recognize
from portwright.platforms.nftables import parse
from portwright.policy.configuration import Configuration
from portwright.policy.walk import Decided, Decision, decide

CASES = sorted((Path(__file__).parent / "cases").iterdir())


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


def read(case: Path) -> Configuration:
    (file,) = case.glob("ruleset.*")
    text = file.read_text()
    assert recognize(text) == "nftables"
    return load("nftables").parse(text, file.name)


def decision(configuration: Configuration, expected: Expected) -> Decision:
    packet = Packet.parse(expected.packet)
    policy = configuration.policies[expected.hook]
    (way,) = configuration.ways(packet, expected.hook.removesuffix("/path"))
    return decide(policy, packet.header(*way))


def line_of(found: Decision) -> int:
    """The line that decides or leaves undecided; 0 where no stage applies."""
    rule = found.undecided_by[0] if found.decided is Decided.UNDECIDED else found.rule
    return rule.source.line if rule is not None else 0


def ruleset(rule: str, sets: str = "", family: str = "inet") -> str:
    return f"""table {family} t {{
{sets}
    chain c {{
    }}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        {rule}
    }}
}}"""


def decided(text: str, packet: str, hook: str = "forward") -> Decided:
    configuration = parse(text, "ruleset.nft")
    one = Packet.parse(packet)
    ways = configuration.ways(one, hook.removesuffix("/path"))
    answers = {decide(configuration.policies[hook], one.header(*way)).decided for way in ways}
    return answers.pop() if len(answers) == 1 else Decided.UNDECIDED
