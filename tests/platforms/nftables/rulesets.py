"""Rulesets to test with: the cases of this folder, and small ones around a single rule."""

from pathlib import Path

from portwright.packets.packet import Packet
from portwright.platforms import load, recognize
from portwright.platforms.nftables import parse
from portwright.policy.configuration import Configuration
from portwright.policy.walk import Decided, decide

CASES = sorted((Path(__file__).parent / "cases").iterdir())


def read(case: Path) -> Configuration:
    (file,) = case.glob("ruleset.*")
    text = file.read_text()
    assert recognize(text) == "nftables"
    return load("nftables").parse(text, file.name)


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
