"""The kernel judges the reader of nftables: the same decisions by the same lines. See docs/kernel.md."""

from functools import partial
from random import Random

import pytest
from tests.kernel.compare import Tally, compare
from tests.kernel.kernel import Kernel, Refused
from tests.kernel.loading import load_settled
from tests.kernel.oracle import ASKED, disagreements, drawn
from tests.kernel.realistic import realistic
from tests.kernel.shrink import shrink
from tests.kernel.vocabulary import INTERFACES

from portwright.platforms import load
from portwright.policy.configuration import Configuration

pytestmark = pytest.mark.kernel

PACKETS = 2500
SECONDS = 15
EACH = 100
REALISTIC = [pytest.param(text, interfaces, id=name) for name, text, interfaces in realistic("nftables")]


RULES = """table inet t {
	set web {
		type inet_service
		elements = { 80, 443, 8080 }
	}

	chain c {
		type filter hook forward priority filter; policy drop;
		iifname "lan0" ip saddr 10.1.0.0/16 tcp dport @web accept
		udp dport 53 accept
		ip saddr 10.1.0.0/16 tcp dport { 22, 443 } counter accept
		icmp type echo-request accept
	}
}
"""


def read(text: str, file: str) -> Configuration:
    return load("nftables").parse(text, file)


def test_random_rulesets_are_read_as_the_kernel_runs_them() -> None:
    """At the edges of the rules of many small rulesets no answer is wrong, and few are left open."""
    tally = Tally()
    with Kernel(INTERFACES) as kernel:
        for found in disagreements(kernel, 2013, tally, seconds=SECONDS, packets=PACKETS, each=EACH):
            pytest.fail(str(shrink(kernel, found)))
    assert tally.agreed > 8 * tally.undecided
    assert {"accept", "drop", "reject"} <= set(tally.decided)


@pytest.mark.parametrize(
    ("text", "interfaces"), [pytest.param(*rest, id=name) for name, *rest in realistic("nftables")]
)
def test_realistic_rulesets_are_read_as_the_kernel_runs_them(text: str, interfaces: list[str]) -> None:
    """On every hook, alone and with the whole path around it, text and JSON."""
    tally = Tally()
    with Kernel(interfaces) as kernel:
        for hook, path in dict.fromkeys(ASKED):
            packets = load_settled(kernel, text, hook, path, partial(drawn, kernel, Random(2013), 100))
            assert packets is not None
            for json in (False, True):
                for found in compare(kernel, packets, tally, json=json):
                    pytest.fail(str(shrink(kernel, found)))
    assert tally.agreed > tally.undecided


def test_a_wrong_reading_is_found_and_made_small() -> None:
    """A reader that takes one port for another is caught, and only the rule in question is shown."""

    def misread(text: str, file: str) -> Configuration:
        return read(text.replace("443", "444"), file)

    with Kernel(INTERFACES) as kernel:
        kernel.load(RULES, "forward")
        found = next(compare(kernel, drawn(kernel, Random(2013)), Tally(), read=misread))
        small = shrink(kernel, found, misread)
    rules = [line.strip() for line in small.source.splitlines() if line.startswith("\t\t")]
    assert rules[1:] == ["tcp dport 443 accept"]


def test_a_ruleset_that_nft_refuses_says_where() -> None:
    """The message of nft names the line."""
    with Kernel(["lan0"]) as kernel, pytest.raises(Refused, match=r"/dev/stdin:2:.*syntax error"):
        kernel.load("table inet t { chain c { tcp dport } }", "forward")
