"""What the tests of this platform share: a packet in, a decision and its line out."""

from collections.abc import Callable

import pytest

from portwright.packets.packet import Packet
from portwright.platforms import cisco_asa
from portwright.policy.configuration import Configuration
from portwright.policy.walk import Walker

HEAD = """\
ASA Version 9.12(4)
interface GigabitEthernet0/0
 nameif outside
 ipv6 enable
 ip address 203.0.113.2 255.255.255.0
interface GigabitEthernet0/1
 nameif inside
 ipv6 enable
 ip address 10.0.0.1 255.255.0.0
interface GigabitEthernet0/2
 nameif dmz
 security-level 50
 ip address 172.16.1.1 255.255.255.0
route outside 0.0.0.0 0.0.0.0 203.0.113.1 1
"""


class Answers:
    """Answers packets from one configuration."""

    def __init__(self, text: str):
        self.configuration: Configuration = cisco_asa.parse(text, "config.cfg")
        self._walker = Walker(self.configuration.policy())

    def __call__(self, packet: str) -> tuple[str, int]:
        """The decision, and the line that it rests on: 0 where no line does."""
        parsed = Packet.parse(packet)
        decisions = [self._walker.decide(parsed.header(*way)) for way in self.configuration.ways(parsed)]
        kinds = {decision.decided.value for decision in decisions}
        lines = [rule.source.line for decision in decisions for rule in decision.undecided_by]
        if len(kinds) > 1 or kinds == {"undecided"}:
            return "undecided", lines[0] if lines else 0
        rule = decisions[0].rule
        return kinds.pop(), rule.source.line if rule else 0

    def decision(self, packet: str) -> str:
        """The decision alone."""
        return self(packet)[0]


@pytest.fixture
def answers() -> Callable[[str], Answers]:
    """Makes answers from a whole configuration."""
    return Answers


@pytest.fixture
def behind() -> Callable[[str], Answers]:
    """Makes answers from three interfaces (outside, inside, dmz), a default route, and the lines given."""
    return lambda lines: Answers(HEAD + lines + "\n: end\n")
