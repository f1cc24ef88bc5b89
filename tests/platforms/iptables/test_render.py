"""Files for iptables-restore and ip6tables-restore: what they hold, and that both programs of the kernel take them."""

import subprocess
from ipaddress import ip_network

import pytest
from tests.platforms.iptables.rulesets import decided

from portwright.errors import InvalidInput
from portwright.packets.addresses import Addresses
from portwright.platforms.iptables.render import render
from portwright.policy.intent import Intended, Intent, Named, Redirection, Traffic
from portwright.policy.walk import Decided

WEB = Traffic(6, ((80, 80), (443, 443)))


def named(name, *networks):
    return Named(name, Addresses.of(map(ip_network, networks)))


ONE, BOTH = named("one", "10.1.0.1/32"), named("both", "10.2.0.1/32", "fd00:2::1/128")
MANY = named("many", *(f"10.3.{n}.{n}/32" for n in range(1, 9)))


def rule(source, destination, *traffic, requirements=("r.one",), hook="forward", arriving="left", leaving="right"):
    return Intended(hook, arriving, leaving, (source,), (destination,), traffic, requirements, ())


def lines(*rules, redirections=(), is_host=False):
    intent = Intent("fw", "site", {}, is_host, rules, redirections)
    return [line for line in render(intent).splitlines() if not line.startswith("#")]


def added(*rules, **options):
    """The rules behind those that every file has."""
    return [
        line for line in lines(*rules, **options) if "--comment" in line or "-j portwright" in line or "DNAT" in line
    ]


def test_each_ip_version_has_its_own_lines():
    """That begin with its number, so that the other program leaves them out."""
    found = added(rule(BOTH, BOTH, WEB, Traffic(1, (), 8)))
    assert [line[:2] for line in found] == ["-4", "-4", "-6", "-6"]
    assert "-p icmp -m icmp --icmp-type 8" in found[0]
    assert "-p ipv6-icmp -m icmp6 --icmpv6-type 128" in found[2]


def test_ah_is_found_by_its_header_in_ipv6():
    """Legacy ip6tables takes what stands behind AH for the protocol; both find what `-m ah` asks for."""
    text = render(Intent("fw", "site", {}, False, (rule(BOTH, BOTH, Traffic(51)),), ()))
    assert [line.split(" -m comment")[0].split(" ", 11)[-1] for line in text.splitlines() if "--comment" in line] == [
        "-p ah",
        "-m ah",
    ]
    assert decided(text, "ah fd00:2::1 > fd00:2::1 in left out right") is Decided.ACCEPT
    assert decided(text, "ah 10.2.0.1 > 10.2.0.1 in left out right") is Decided.ACCEPT


def test_a_rule_says_what_it_is_for():
    """As far as the kernel keeps a comment."""
    (line,) = added(rule(ONE, ONE, WEB, requirements=tuple(f"some.requirement-{n}" for n in range(40))))
    comment = line.split('"')[1]
    assert len(comment) <= 255
    assert comment.startswith("some.requirement-0 some.requirement-1 ")
    assert comment.endswith(" ...")


def test_pairs_of_many_ends_share_a_chain():
    """Where every pair would be more lines than a chain of its own needs."""
    found = added(rule(MANY, MANY, WEB))
    assert len([line for line in found if "-j portwright-1" in line]) == 8
    assert len([line for line in found if "-A portwright-1" in line]) == 8
    assert ":portwright-1 - [0:0]" in lines(rule(MANY, MANY, WEB))
    assert len(added(rule(MANY, ONE, WEB))) == 8


def test_ports_go_together_as_far_as_multiport_takes_them():
    """Fifteen, of which a range takes two."""
    ports = tuple((port, port + port % 2) for port in range(10, 90, 4))
    found = added(rule(ONE, ONE, Traffic(6, tuple((first, first + 1) for first, _ in ports))))
    assert [line.split("--dports ")[1].split()[0].count(":") for line in found] == [7, 7, 6]


def test_a_range_of_addresses_is_one_match():
    """Where networks would be more."""
    (line,) = added(rule(named("range", "10.1.0.1/32", "10.1.0.2/31"), ONE, WEB))
    assert "-m iprange --src-range 10.1.0.1-10.1.0.3" in line


@pytest.mark.parametrize(
    ("becomes", "target"),
    [("10.9.0.1/32", "-j DNAT --to-destination 10.9.0.1:8443"), ("fd00:9::1/128", "[fd00:9::1]:8443")],
)
def test_a_translation_is_written(becomes, target):
    """For the IP version of its ends."""
    to = named("public", "203.0.113.1/32" if "." in becomes else "2001:db8::1/128")
    entry = Redirection("left", None, to, ((443, 443),), named("web", becomes), ((8443, 8443),), (6,))
    (line,) = added(redirections=(entry,))
    assert target in line
    assert "-A PREROUTING -i left -d" in line


INEXPRESSIBLE = [
    ({"arriving": "a-name-that-is-too-long"}, (), "an interface named"),
    ({"arriving": "eth+"}, (), "an interface named"),
    ({}, (Traffic(0),), "protocol 0"),
]


@pytest.mark.parametrize(("way", "traffic", "words"), INEXPRESSIBLE)
def test_what_iptables_cannot_say_is_an_error(way, traffic, words):
    """Never a rule that means something else."""
    with pytest.raises(InvalidInput, match=words):
        lines(rule(ONE, ONE, *(traffic or (WEB,)), **way))


def test_a_translation_to_several_addresses_is_an_error():
    """Which one it would be is not said."""
    entry = Redirection(None, None, ONE, None, MANY, None, ())
    with pytest.raises(InvalidInput, match="more than one address"):
        lines(redirections=(entry,))


@pytest.mark.kernel
@pytest.mark.parametrize("kind", ["nft", "legacy"])
@pytest.mark.parametrize("is_host", [False, True])
def test_both_programs_load_it_twice(kind, is_host):
    """The second time nothing changes, and rules of other chains stay."""
    hook = "input" if is_host else "forward"
    to = Redirection("left", None, named("public", "203.0.113.1/32"), ((443, 443),), ONE, ((8443, 8443),), (6,))
    rules = (
        rule(MANY, MANY, WEB, Traffic(47), hook=hook, leaving=None),
        rule(BOTH, BOTH, WEB, hook=hook, leaving=None),
    )
    text = render(Intent("fw", "site", {}, is_host, rules, () if is_host else (to,)))
    load = " && ".join(f"{name}-{kind}-restore --noflush <<'END'\n{text}END\n{name}-{kind}-save" for name in PROGRAMS)
    script = f"iptables-{kind}-A OUTPUT -j ACCEPT".replace(f"{kind}-A", f"{kind} -A")
    outputs = []
    for times in (1, 2):
        loads = " && ".join([script, *[load] * times])
        done = subprocess.run(["unshare", "--net", "sh", "-c", loads], capture_output=True, text=True, check=True)
        outputs.append([line for line in done.stdout.splitlines() if not line.startswith("#")])
    assert outputs[1] == outputs[0] * 2
    assert "-A OUTPUT -j ACCEPT" in outputs[0]


PROGRAMS = ("iptables", "ip6tables")
