"""AH over IPv6: what ip6tables makes of the header, and of what stands behind it."""

import pytest
from tests.platforms.iptables.rulesets import decided, saved

from portwright.platforms.iptables import parse
from portwright.policy.difference import Comparison
from portwright.policy.walk import Decided

AH4, AH6 = "ah 10.1.0.5 > 10.2.0.7", "ah fd00:1::5 > fd00:2::7"
TCP6 = "tcp [fd00:1::5]:40000 > [fd00:2::7]:443"
PASSED, DROPPED, UNKNOWN = Decided.ACCEPT, Decided.DROP, Decided.UNDECIDED

# tests/kernel/test_extension_headers.py holds what the kernel does
MATCHES = [  # match of a rule that drops, IPv6 packet with AH under legacy ip6tables, under the one on nftables
    ("-p ah", PASSED, DROPPED),
    ("-p 51", PASSED, DROPPED),
    ("! -p ah", UNKNOWN, PASSED),
    ("-p all", DROPPED, DROPPED),
    ("-m ah", DROPPED, DROPPED),
    ("-m ah --ahspi 500", UNKNOWN, UNKNOWN),
    ("-p tcp", UNKNOWN, PASSED),
    ("! -p tcp", UNKNOWN, DROPPED),
    ("-p tcp -m ah", UNKNOWN, PASSED),
    ("-p tcp -m tcp --dport 443", UNKNOWN, PASSED),
    ("-p udp -m multiport --dports 53,123", UNKNOWN, PASSED),
    ("-p ipv6-icmp -m icmp6 --icmpv6-type 128", UNKNOWN, PASSED),
    ("-p esp", UNKNOWN, PASSED),
    ("-s fd00:9::/64 -p tcp", PASSED, PASSED),
    ("-m conntrack --ctstate NEW", DROPPED, DROPPED),
    ("-m conntrack --ctproto 6", UNKNOWN, UNKNOWN),
    ("-m conntrack --ctproto 51", UNKNOWN, UNKNOWN),
    ("-m conntrack --ctorigdstport 443", UNKNOWN, UNKNOWN),
    ("-m set --match-set hosts src", PASSED, PASSED),
    ("-m set --match-set ports dst", UNKNOWN, UNKNOWN),
]
SETS = (
    "create hosts hash:ip family inet6\nadd hosts fd00:9::1\n"
    "create ports bitmap:port range 0-1000\nadd ports 443\n"
)  # fmt: skip


@pytest.mark.parametrize(("match", "legacy", "on_nftables"), MATCHES)
def test_what_a_match_makes_of_ah_over_ipv6(match: str, legacy: Decided, on_nftables: Decided) -> None:
    """Legacy ip6tables looks behind it; where nobody says which one it is, what only one of them does is in doubt."""
    text = SETS + saved(f"-A FORWARD {match} -j DROP", versions="6")
    assert decided(text, AH6) is legacy
    assert decided(text.replace("v1.8.9", "v1.8.9 (nf_tables)"), AH6) is on_nftables
    either = legacy if legacy is on_nftables else UNKNOWN
    assert decided(text.replace("-save v1.8.9", ""), AH6) is either


def test_other_packets_and_ipv4_are_as_certain_as_ever() -> None:
    """The doubt is about AH alone."""
    text = saved("-A FORWARD -p tcp -m tcp --dport 443 -j DROP\n-A FORWARD -p ah -j DROP")
    assert decided(text, TCP6) is DROPPED
    assert decided(text, TCP6.replace("443", "80")) is PASSED
    assert decided(text, AH4) is DROPPED
    assert decided(text.replace("-p ah", "-p ah -m ah --ahspi 5"), AH4) is UNKNOWN


def test_a_rule_for_the_protocol_ah_is_remarked() -> None:
    """Of legacy ip6tables, where it never holds; its lines are not told as ones that are not understood."""
    text = saved("-A FORWARD -p ah -j ACCEPT\n-A FORWARD -p tcp -j DROP", versions="6")
    configuration = parse(text, "fw.rules")
    assert "-p ah never holds" in " ".join(remark.message for remark in configuration.remarks)
    assert configuration.census.unknown == ()
    on_nftables = parse(text.replace("v1.8.9", "v1.8.9 (nf_tables)"), "fw.rules")
    assert "-p ah" not in " ".join(remark.message for remark in on_nftables.remarks)


TCP, UDP, ANY_AH = "-A FORWARD -p tcp -j ACCEPT", "-A FORWARD -p udp -j DROP", "-A FORWARD -m ah -j ACCEPT"
COMPARED = [  # rules, other rules, whether nothing is left open
    ((TCP, UDP), (UDP, TCP), True),
    ((TCP, "-A FORWARD ! -p tcp -j DROP"), (TCP, "-A FORWARD -j DROP"), True),
    ((UDP, ANY_AH), (ANY_AH, UDP), False),  # UDP behind AH
    ((TCP, ANY_AH), (ANY_AH, TCP), True),  # accepted either way
    ((TCP,), (TCP, "-A FORWARD -p tcp -m ah -j DROP"), False),
    ((UDP, "-A FORWARD -m ah --ahspi 5 -j DROP"), ("-A FORWARD -m ah --ahspi 5 -j DROP", UDP), False),
]


@pytest.mark.parametrize(("one", "other", "is_settled"), COMPARED)
def test_files_of_which_neither_asks_for_ah_differ_in_nothing_that_hides_behind_it(
    one: tuple[str, ...], other: tuple[str, ...], is_settled: bool
) -> None:
    """They treat what AH carries as they do without; where one asks for AH, what lies behind it is in doubt."""
    texts = [saved("\n".join(rules), versions="6") for rules in (one, other)]
    found = Comparison(*(parse(text, "fw.rules") for text in texts))
    assert not found.different
    assert bool(found.undecided) is not is_settled


def test_files_of_either_program_may_differ_in_what_hides_behind_ah() -> None:
    """Where nothing says that it is the legacy one."""
    texts = [saved("\n".join(rules), versions="6").replace("-save", "") for rules in ((TCP, UDP), (UDP, TCP))]
    assert Comparison(*(parse(text, "fw.rules") for text in texts)).undecided
