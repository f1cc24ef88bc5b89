"""The kernel judges the reader of nftables: the same decisions by the same lines. See docs/kernel.md."""

from functools import partial
from ipaddress import IPv4Address
from random import Random

import pytest
from tests.kernel.compare import Tally, compare
from tests.kernel.kernel import Kernel, Refused
from tests.kernel.loading import load_settled
from tests.kernel.oracle import ASKED, disagreements, drawn
from tests.kernel.realistic import realistic
from tests.kernel.shrink import shrink
from tests.kernel.vocabulary import INTERFACES

from portwright.packets.packet import Packet
from portwright.platforms import load
from portwright.policy.configuration import Configuration

pytestmark = pytest.mark.kernel

PACKETS = 2500
SECONDS = 600  # no more than a machine that is very slow needs
EACH = 60
REALISTIC = [
    pytest.param(dialect, text, interfaces, id=name, marks=pytest.mark.kernel(dialect))
    for dialect in ("nftables", "iptables")
    for name, text, interfaces in realistic(dialect)
]


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


# The harness routes by the type of service: this one leads to the fourth interface, whose address is then another.
LED_ELSEWHERE = """*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -j TOS --set-tos 0x10/0x3f
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o w+ -j SNAT --to-source 192.168.7.9
COMMIT
"""


@pytest.mark.kernel("iptables")
def test_a_packet_that_rules_lead_to_another_interface_is_not_judged() -> None:
    """Where it leaves is no question of the rules that are read."""
    led, other = (Packet.parse(f"{one} 10.1.0.5:40000 > 10.2.0.7:443 in lan0 out lan1") for one in ("tcp", "udp"))
    tally = Tally.of("iptables")
    with Kernel(("lan0", "lan1", "dmz0", "wan0"), "iptables") as kernel:
        kernel.load(LED_ELSEWHERE, "forward", True)
        assert list(compare(kernel, [led, other], tally)) == []
        (ruling, _) = kernel.judge([led, other])
    assert (tally.unseen, tally.judged) == (1, 1)
    assert ruling.left is not None
    assert ruling.left.source == int(IPv4Address("192.168.7.9"))


DIALECTS_HERE = [
    "nftables",
    pytest.param("iptables", marks=pytest.mark.kernel("iptables")),
    pytest.param("iptables-legacy", marks=pytest.mark.kernel("iptables-legacy")),
]


@pytest.mark.parametrize("dialect", DIALECTS_HERE)
def test_random_rulesets_are_read_as_the_kernel_runs_them(dialect: str) -> None:
    """At the edges of the rules of many small rulesets no answer is wrong, and few are left open."""
    tally = Tally.of(dialect)
    with Kernel(INTERFACES, dialect) as kernel:
        for found in disagreements(kernel, 2013, tally, seconds=SECONDS, packets=PACKETS, each=EACH):
            pytest.fail(str(shrink(kernel, found)))
    assert tally.agreed > 4 * tally.undecided  # of all packets of long runs about one in twenty is left open
    assert tally.translated
    assert {"accept", "drop", "reject"} <= set(tally.decided)


@pytest.mark.parametrize(("dialect", "text", "interfaces"), REALISTIC)
def test_realistic_rulesets_are_read_as_the_kernel_runs_them(dialect: str, text: str, interfaces: list[str]) -> None:
    """On every hook, alone and with the whole path around it; of nftables text and JSON."""
    tally = Tally.of(dialect)
    with Kernel(interfaces, dialect) as kernel:
        for hook, path in dict.fromkeys(ASKED):
            packets = load_settled(kernel, text, hook, path, partial(drawn, kernel, Random(2013), EACH))
            assert packets is not None
            for json in (False, True)[: 1 + (dialect == "nftables")]:
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
