"""Sets of ipset: which packets are in them."""

import pytest
from tests.platforms.iptables.rulesets import decided, saved

from portwright.policy.walk import Decided

SYN = "tcp 10.1.2.3:40000 > 10.2.0.7:443"
SYN6 = "tcp [fd00::1]:40000 > [fd00::2]:443"
DNS = "udp 10.1.2.3:40000 > 10.2.0.7:53"
PING = "icmp 10.1.2.3 > 10.2.0.7 type 8 code 0"
GRE = "gre 10.1.2.3 > 10.2.0.7"
ALL = (SYN, SYN6, DNS, PING, GRE)
V4 = (SYN, DNS, PING, GRE)

SETS = [  # type and options, members, match, packets that it takes, out of ALL
    ("hash:ip family inet", ["10.1.2.3"], "--match-set s src", V4),
    ("hash:ip family inet", ["10.1.2.3"], "--match-set s dst", ()),
    ("hash:ip family inet", ["10.1.2.3"], "! --match-set s dst", ALL),
    ("hash:ip family inet", ["10.1.2.1-10.1.2.4"], "--match-set s src", V4),
    ("hash:ip family inet netmask 24", ["10.1.2.0"], "--match-set s src", V4),
    ("hash:ip family inet counters skbinfo", ["10.1.2.3 packets 5 bytes 300"], "--match-set s src", V4),
    ("hash:ip family inet6", ["fd00::1"], "--match-set s src", (SYN6,)),
    ("hash:ip family inet6", [], "--match-set s src", ()),
    ("hash:net family inet", ["10.1.0.0/16", "10.9.0.0/16"], "--match-set s src", V4),
    ("hash:net family inet", ["10.1.0.0/16", "10.1.2.0/24 nomatch"], "--match-set s src", ()),
    ("hash:net family inet", ["10.1.2.3 comment \"timeout nomatch\"", "10.1.2.0/24 nomatch"], "--match-set s src", V4),
    ("hash:net family inet", ["10.1.2.0/24 nomatch", "10.1.0.0/16"], "! --match-set s src", ALL),
    ("hash:net family inet", ["10.1.0.0/16", "10.2.0.0/16"], "--match-set s src -m set ! --match-set s dst", ()),
    ("hash:ip,port family inet", ["10.2.0.7,tcp:443"], "--match-set s dst,dst", (SYN,)),
    ("hash:ip,port family inet", ["10.2.0.7,443"], "--match-set s dst,dst", (SYN,)),
    ("hash:ip,port family inet", ["10.2.0.7,tcp:400-500"], "--match-set s dst,dst", (SYN,)),
    ("hash:ip,port family inet", ["10.2.0.7,udp:53", "10.2.0.7,icmp:echo-request"], "--match-set s dst,dst",
     (DNS, PING)),
    ("hash:ip,port family inet", ["10.2.0.7,icmp:8/0", "10.2.0.7,gre:0"], "--match-set s dst,dst", (PING, GRE)),
    ("hash:ip,port family inet", ["10.2.0.7,tcp:40000"], "--match-set s dst,src", (SYN,)),
    ("hash:ip,port family inet", ["10.2.0.7,tcp:443"], "--match-set s dst", ()),
    ("hash:ip,port family inet", ["10.2.0.7,tcp:443"], "! --match-set s dst,dst", (SYN6, DNS, PING, GRE)),
    ("hash:net,port family inet", ["10.2.0.0/24,tcp:443", "10.3.0.0/24,tcp:443"], "--match-set s dst,dst", (SYN,)),
    ("hash:ip,port,ip family inet", ["10.2.0.7,tcp:443,10.1.2.3"], "--match-set s dst,dst,src", (SYN,)),
    ("hash:ip,port,net family inet", ["10.1.2.3,udp:53,10.2.0.0/16"], "--match-set s src,dst,dst", (DNS,)),
    ("hash:net,net family inet", ["10.1.0.0/16,10.2.0.0/16"], "--match-set s src,dst", V4),
    ("hash:net,iface family inet", ["10.1.0.0/16,eth0"], "--match-set s src,src", V4),
    ("hash:net,iface family inet", ["10.1.0.0/16,eth0"], "--match-set s src,dst", ()),
    ("hash:net,iface family inet", ["10.1.0.0/16,et wildcard"], "--match-set s src,dst", V4),
    ("bitmap:ip range 10.1.0.0-10.1.255.255", ["10.1.2.3"], "--match-set s src", V4),
    ("bitmap:port range 0-1023", ["443", "53"], "--match-set s dst", (SYN, SYN6, DNS)),
    ("bitmap:port range 0-1023", ["443-444"], "! --match-set s dst", (DNS, PING, GRE)),
    ("list:set size 8", [], "--match-set s src", ()),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "members", "match", "taken"), SETS)
def test_a_set_holds_exactly_these_packets(kind: str, members: list[str], match: str, taken: tuple[str, ...]) -> None:
    """A rule that drops what is in the set drops these packets and no other."""
    assert verdicts(kind, members, match) == (list(taken), [])


UNCERTAIN = [  # type and options, members, match, packets left undecided, out of ALL
    ("hash:ip family inet timeout 600", ["10.9.9.9 timeout 5"], "--match-set s src", V4),
    ("hash:ip family inet timeout 0", ["10.9.9.9 timeout 5"], "--match-set s src", V4),
    ("hash:mac", ["00:11:22:33:44:55"], "--match-set s src", ALL),
    ("hash:ip,mark family inet", ["10.1.2.3,0x1"], "--match-set s src,src", V4),
    ("hash:ip,port family inet", ["10.2.0.7,no-such:443"], "--match-set s dst,dst", V4),
    ("hash:net,iface family inet", ["10.1.0.0/16,physdev:eth0"], "--match-set s src,src", V4),
    ("hash:net,port family inet", ["10.2.0.0/16,tcp:443 nomatch"], "--match-set s dst,dst", V4),
    ("hash:ip family inet", ["www.example.com"], "--match-set s src", V4),
    ("hash:ip family inet", ["10.2.0.7"], "--match-set s dst --packets-gt 5", V4),
    ("hash:ip family inet", ["10.2.0.7"], "--match-set s dst --return-nomatch", V4),
    ("hash:ip family inet", ["10.2.0.7"], "--match-set s sideways", ALL),
    ("frob:ip", ["10.2.0.7"], "--match-set s src", ALL),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "members", "match", "touched"), UNCERTAIN)
def test_what_is_not_known_of_a_set_is_undecided(
    kind: str, members: list[str], match: str, touched: tuple[str, ...]
) -> None:
    """Members that expire, types and words that are not modelled."""
    assert verdicts(kind, members, match) == ([], list(touched))


def verdicts(kind: str, members: list[str], match: str) -> tuple[list[str], list[str]]:
    """The packets that a rule drops, and those that it leaves undecided."""
    text = "".join([f"create s {kind}\n", *(f"add s {member}\n" for member in members)])
    text += saved(f"-A FORWARD -m set {match} -j DROP")
    found = {packet: decided(text, f"{packet} in eth0 out eth1") for packet in ALL}
    return tuple([packet for packet in ALL if found[packet] is one] for one in (Decided.DROP, Decided.UNDECIDED))  # type: ignore[return-value]


def test_a_list_holds_what_its_sets_hold() -> None:
    """Each as far as the directions and the IP version go."""
    text = (
        "create a hash:ip,port\nadd a 10.2.0.7,tcp:443\ncreate b hash:ip family inet6\nadd b fd00::1\n"
        "create s list:set size 8\nadd s a\nadd s b\n" + saved("-A FORWARD -m set --match-set s src,dst -j DROP")
    )
    assert [decided(text, packet) for packet in (SYN, SYN6)] == [Decided.ACCEPT, Decided.DROP]


@pytest.mark.parametrize("target", ["--add-set s src --exist", "--del-set s src"])
def test_a_set_that_rules_change_has_members_that_nobody_knows(target: str) -> None:
    """Whatever the file says of them."""
    rules = f"-A INPUT -j SET {target}\n-A FORWARD -m set --match-set s src -j DROP"
    text = f"create s hash:ip\nadd s 10.1.2.3\n{saved(rules, versions='4')}"
    assert decided(text, SYN) is Decided.UNDECIDED


@pytest.mark.parametrize("line", ["del s 10.1.2.3", "swap s t", "rename s t"])
def test_a_set_that_a_line_changes_has_members_that_nobody_knows(line: str) -> None:
    """A file of commands is no list of members."""
    text = f"create s hash:ip\nadd s 10.1.2.3\n{line}\n{saved('-A FORWARD -m set --match-set s src -j DROP')}"
    assert decided(text, SYN) is Decided.UNDECIDED


def test_a_set_may_be_emptied() -> None:
    """And filled again."""
    text = "create s hash:ip -exist\nadd s 10.1.2.3\nflush s\nadd s 10.1.2.4 -exist\n"
    text += saved("-A FORWARD -m set --match-set s src -j DROP")
    assert decided(text, SYN) is Decided.ACCEPT
    assert decided(text, SYN.replace("10.1.2.3", "10.1.2.4")) is Decided.DROP
