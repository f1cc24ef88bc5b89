"""Tables and hooks: which chains a packet meets, in which order, and what it shows there."""

import pytest
from tests.platforms.iptables.rulesets import decided, saved

from portwright.platforms.iptables import parse
from portwright.policy.walk import Decided

SYN = "tcp 10.1.2.3:40000 > 10.2.0.7:443"
EVERYTHING = "".join(saved("", table, "4") for table in ("nat", "filter", "security", "raw", "mangle"))
ACCEPT, DROP, UNDECIDED = Decided.ACCEPT, Decided.DROP, Decided.UNDECIDED

PATHS = [
    ("forward", ["mangle FORWARD", "filter FORWARD", "security FORWARD"]),
    ("input", ["mangle INPUT", "filter INPUT", "security INPUT"]),
    ("output", ["raw OUTPUT", "mangle OUTPUT", "filter OUTPUT", "security OUTPUT"]),
    ("forward/path", ["raw PREROUTING", "mangle PREROUTING", "nat PREROUTING", "mangle FORWARD", "filter FORWARD",
                      "security FORWARD", "mangle POSTROUTING", "nat POSTROUTING"]),
    ("input/path", ["raw PREROUTING", "mangle PREROUTING", "nat PREROUTING", "mangle INPUT", "filter INPUT",
                    "security INPUT", "nat INPUT"]),
    ("output/path", ["raw OUTPUT", "mangle OUTPUT", "nat OUTPUT", "filter OUTPUT", "security OUTPUT",
                     "mangle POSTROUTING", "nat POSTROUTING"]),
]  # fmt: skip


@pytest.mark.parametrize(("hook", "stages"), PATHS)
def test_a_packet_meets_the_tables_in_the_kernels_order(hook: str, stages: list[str]) -> None:
    """Whatever their order in the file."""
    policy = parse(EVERYTHING, "fw.rules").policies[hook]
    assert [stage.name for stage in policy.stages] == [f"iptables {name}" for name in stages]


def test_a_hook_without_rules_accepts() -> None:
    """A single stage says so."""
    (stage,) = parse(saved("", "nat"), "fw.rules").policies["forward"].stages
    (default,) = stage.chains[stage.base].rules
    assert (default.default, default.reason) == (True, "no rules on this hook")


def test_accept_ends_the_chains_of_its_own_table_only() -> None:
    """The security table comes behind filter."""
    text = saved("-A FORWARD -j ACCEPT\n-A FORWARD -j DROP", "filter", "4") + saved(
        "-A FORWARD -j DROP", "security", "4"
    )
    assert decided(text, SYN) is DROP


SHOWN = [  # table, chain, match, hook asked, whether it takes a new packet that came in on eth0 and leaves on eth1
    ("raw", "PREROUTING", "-m conntrack --ctstate INVALID", "forward/path", DROP),
    ("raw", "PREROUTING", "-m conntrack --ctstate NEW", "forward/path", ACCEPT),
    ("raw", "PREROUTING", "-m conntrack ! --ctstate NEW", "forward/path", DROP),
    ("raw", "PREROUTING", "-m conntrack --ctstate INVALID --ctproto 17", "forward/path", DROP),
    ("raw", "PREROUTING", "-m conntrack --ctproto 6", "forward/path", ACCEPT),
    ("raw", "PREROUTING", "-m state --state INVALID,UNTRACKED", "forward/path", DROP),
    ("mangle", "PREROUTING", "-m conntrack --ctstate NEW", "forward/path", DROP),
    ("mangle", "PREROUTING", "-m conntrack --ctstate DNAT", "forward/path", ACCEPT),
    ("mangle", "PREROUTING", "-i eth0", "forward/path", DROP),
    ("mangle", "PREROUTING", "-o eth1", "forward/path", ACCEPT),
    ("mangle", "PREROUTING", "! -o eth1", "forward/path", DROP),
    ("mangle", "PREROUTING", "-o +", "forward/path", DROP),
    ("mangle", "FORWARD", "-i eth0 -o eth1", "forward", DROP),
    ("mangle", "POSTROUTING", "-o eth1", "forward/path", DROP),
    ("mangle", "POSTROUTING", "-m conntrack --ctstate SNAT", "forward/path", ACCEPT),
    ("filter", "INPUT", "-o eth1", "input", ACCEPT),
    ("filter", "INPUT", "! -o eth1", "input", DROP),
    ("filter", "INPUT", "-m addrtype --dst-type LOCAL", "input", DROP),
    ("filter", "INPUT", "-m addrtype ! --dst-type LOCAL", "input", ACCEPT),
    ("filter", "INPUT", "-m addrtype --dst-type BROADCAST,MULTICAST", "input", ACCEPT),
    ("filter", "FORWARD", "-m addrtype --dst-type LOCAL", "forward", ACCEPT),
    ("filter", "FORWARD", "-m addrtype --dst-type UNICAST", "forward", DROP),
    ("nat", "PREROUTING", "-m addrtype --dst-type LOCAL", "forward/path", UNDECIDED),
    ("nat", "PREROUTING", "-m addrtype --dst-type MULTICAST", "forward/path", ACCEPT),
    ("filter", "OUTPUT", "-m addrtype --dst-type LOCAL", "output", UNDECIDED),
    ("filter", "OUTPUT", "! -i eth0 -o eth1", "output", DROP),
]  # fmt: skip


@pytest.mark.parametrize(("table", "chain", "match", "hook", "expected"), SHOWN)
def test_what_a_packet_shows_depends_on_the_hook(
    table: str, chain: str, match: str, hook: str, expected: Decided
) -> None:
    """Interfaces before routing, states before connection tracking, whom it is for afterwards."""
    ways = {"input": "in eth0", "output": "out eth1"}
    text = saved(f"-A {chain} {match} -j DROP", table, "4")
    assert decided(text, f"{SYN} {ways.get(hook, 'in eth0 out eth1')}", hook) is expected


def test_chains_that_hooks_share_mean_what_each_hook_shows() -> None:
    """One chain, entered from two."""
    rules = "-A INPUT -j own\n-A FORWARD -j own\n-A own -m addrtype --dst-type LOCAL -j DROP"
    text = saved(rules, chains="own")
    assert decided(text, SYN, "input") is DROP
    assert decided(text, SYN, "forward") is ACCEPT


UNTRACKED = saved("-A PREROUTING -p udp -j CT --notrack", "raw", "4") + saved(
    "-A FORWARD -m conntrack --ctstate UNTRACKED -j DROP", versions="4"
)


@pytest.mark.parametrize("target", ["CT --notrack", "NOTRACK"])
def test_what_is_not_tracked_is_untracked_behind_the_raw_table(target: str) -> None:
    """Other packets keep their state, and so do those of other hooks."""
    text = UNTRACKED.replace("CT --notrack", target)
    assert decided(text, "udp 10.1.2.3:40000 > 10.2.0.7:53", "forward/path") is DROP
    assert decided(text, SYN, "forward/path") is ACCEPT
    assert decided(text, "udp 10.1.2.3:40000 > 10.2.0.7:53", "forward") is ACCEPT


def test_a_helper_may_give_packets_a_connection_before_tracking_does() -> None:
    """So that states in the raw table are not known there."""
    rules = "-A PREROUTING -p udp --dport 69 -j CT --helper tftp\n-A PREROUTING -m state --state NEW -j DROP"
    assert decided(saved(rules, "raw", "4"), SYN, "forward/path") is UNDECIDED


def test_whether_the_raw_table_has_untracked_a_packet_is_not_known_in_it() -> None:
    """A packet asked about as untracked may be so from the beginning."""
    text = saved("-A PREROUTING -m state --state UNTRACKED -j DROP", "raw", "4")
    assert decided(text, f"{SYN} state untracked", "forward/path") is UNDECIDED
    assert decided(text, SYN, "forward/path") is ACCEPT


TRANSLATING = saved("-A PREROUTING -d 10.2.0.7 -p tcp --dport 80 -j DNAT --to-destination 10.9.9.9:443", "nat", "4")
STATES = [  # match, packet, whether a drop behind it takes the packet, in the forward chain alone
    ("--ctstate DNAT", "tcp 10.1.2.3:40000 > 10.9.9.9:443", UNDECIDED),
    ("--ctstate DNAT", "tcp 10.1.2.3:40000 > 10.9.9.9:80", ACCEPT),
    ("--ctstate DNAT", "tcp 10.1.2.3:40000 > 10.2.0.7:443", ACCEPT),
    ("! --ctstate DNAT", "tcp 10.1.2.3:40000 > 10.2.0.7:443", DROP),
    ("--ctstate NEW,DNAT", "tcp 10.1.2.3:40000 > 10.9.9.9:443", DROP),
    ("--ctstate DNAT", "tcp 10.1.2.3:40000 > 10.2.0.7:443 state established", UNDECIDED),
    ("--ctstate ESTABLISHED,DNAT", "tcp 10.1.2.3:40000 > 10.2.0.7:443 state established", DROP),
    ("--ctstate DNAT", "tcp 10.1.2.3:40000 > 10.2.0.7:443 state invalid", ACCEPT),
    ("--ctorigdst 10.9.9.9", "tcp 10.1.2.3:40000 > 10.9.9.9:443", UNDECIDED),
    ("--ctorigdst 10.9.9.9", "tcp 10.1.2.3:40000 > 10.9.9.9:80", DROP),
    ("--ctorigsrc 10.1.2.3", "tcp 10.1.2.3:40000 > 10.9.9.9:443", DROP),
    ("--ctorigsrc 10.1.2.3", "tcp 10.1.2.3:40000 > 10.9.9.9:443 state established", UNDECIDED),
    ("--ctorigsrc 10.1.2.3", "tcp 10.1.2.3:40000 > 10.9.9.9:443 state invalid", ACCEPT),
    ("--ctstate INVALID --ctorigsrc 10.9.9.9", "tcp 10.1.2.3:40000 > 10.9.9.9:443 state invalid", DROP),
    ("--ctproto 1", "icmp 10.1.2.3 > 10.9.9.9 type 3 state related", UNDECIDED),
    ("--ctproto 17", "udp 10.1.2.3:40000 > 10.9.9.9:53 state related", DROP),
    ("--ctdir REPLY", "udp 10.1.2.3:40000 > 10.9.9.9:53 state established", UNDECIDED),
]  # fmt: skip


@pytest.mark.parametrize(("match", "packet", "expected"), STATES)
def test_what_is_known_of_a_connection(match: str, packet: str, expected: Decided) -> None:
    """A first packet may have been translated where a rule leads it there; of later ones nothing is known."""
    text = TRANSLATING + saved(f"-A FORWARD -m conntrack {match} -j DROP", versions="4")
    assert decided(text, packet) is expected


@pytest.mark.parametrize("match", ["--ctorigdst 10.2.0.7", "--ctstate DNAT"])
def test_what_the_nat_table_translated_before_routing_it_knows_behind(match: str) -> None:
    """Its own chains come in two places, and the later ones see a connection that has begun otherwise."""
    rules = f"-A OUTPUT -j DNAT --to-destination 10.9.9.9\n-A POSTROUTING -m conntrack {match} -j DROP"
    assert decided(saved(rules, "nat", "4"), f"{SYN} out eth1", "output/path") is UNDECIDED
