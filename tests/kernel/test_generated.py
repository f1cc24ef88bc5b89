"""Random rulesets without a kernel: whatever is drawn, the walk of a packet and the algebra of sets agree."""

from random import Random

import pytest
from tests.kernel.edges import Edges, nftables
from tests.kernel.generate import ruleset
from tests.kernel.vocabulary import INTERFACES

from portwright.errors import InvalidInput
from portwright.packets.diagram import Space
from portwright.platforms import load
from portwright.policy.algebra import PolicyMap
from portwright.policy.walk import Decided, Walker

RULESETS = 25
HOOKS = [("forward", False), ("forward", True), ("input", True), ("output", True)]


@pytest.mark.parametrize(("hook", "path"), HOOKS)
def test_the_walk_and_the_algebra_agree(hook: str, path: bool) -> None:
    """The walk may be undecided where the algebra knows; it never says something else."""
    judged = 0
    for number in range(RULESETS):
        random = Random(number)
        text = ruleset(random, hook, path)
        try:
            configuration = load("nftables").parse(text, "ruleset.nft")
        except InvalidInput:
            continue  # nft refuses it too
        policy = configuration.policy(hook, path)
        walker, sets = Walker(policy), PolicyMap(Space(), policy)
        sure, possible = sets.sure(), sets.possible()
        edges = Edges(text, nftables(text), INTERFACES, random)
        for packet in (edges.packet(hook) for _ in range(30)):
            header = packet.header(*configuration.ways(packet, hook)[0])
            decided = walker.decide(header).decided
            if decided is not Decided.UNDECIDED:
                assert (header in sure, header in possible) == ((decided is Decided.ACCEPT),) * 2, (packet, text)
                judged += 1
    assert judged > RULESETS
