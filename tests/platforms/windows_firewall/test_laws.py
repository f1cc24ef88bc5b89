"""Laws: the walk agrees with the algebra, and what the renderer writes permits what is meant, in both families."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.platforms.windows_firewall.hosts import INTERFACE, PROFILE, host
from tests.render.test_laws import ENDS, TRAFFIC, boxes

from portwright.packets.box import Box
from portwright.packets.diagram import Operation, PacketMap, Space
from portwright.packets.fields import Field, Flags, State
from portwright.packets.packet import Packet
from portwright.packets.packetset import PacketSet, well_formed
from portwright.platforms import read
from portwright.platforms.windows_firewall.render import context, render
from portwright.policy.algebra import VERDICTS, PolicyMap, is_possible, is_sure
from portwright.policy.intent import Intended, Intent
from portwright.policy.model import Verdict
from portwright.policy.walk import Decided, Walker

NAME = "windows-firewall"
RULES = st.fixed_dictionaries(
    {},
    optional={
        "Action": st.sampled_from(["Allow", "Block", "Block", "AllowBypass", "?"]),
        "Direction": st.sampled_from(["Inbound", "Outbound"]),
        "Profile": st.sampled_from(["Any", "Domain", "Public", 3]),
        "Protocol": st.sampled_from(["TCP", "UDP", "Any", "ICMPv4"]),
        "LocalPort": st.sampled_from(["Any", "80", ["79-81", "443"], "RPC"]),
        "RemoteAddress": st.sampled_from(["Any", "10.0.0.0/24", ["10.0.0.9", "fd00::/64"], "LocalSubnet", "Internet"]),
        "Program": st.sampled_from(["Any", r"C:\a.exe", r"C:\b.exe", "System"]),
        "InterfaceAlias": st.sampled_from(["Any", "Ethernet0", "WLAN"]),
        "Authentication": st.sampled_from(["NotRequired", "Required"]),
        "Enabled": st.sampled_from(["True", "True", "True", "False"]),
    },
)
SETTINGS = st.fixed_dictionaries(
    {
        "Enabled": st.sampled_from(["True", "True", "True", "False", ""]),
        "DefaultInboundAction": st.sampled_from(["Block", "Allow", "NotConfigured"]),
        "DefaultOutboundAction": st.sampled_from(["Block", "Allow"]),
        "AllowInboundRules": st.sampled_from(["True", "True", "False"]),
        "DisabledInterfaceAliases": st.sampled_from([[], ["WLAN"]]),
    }
)
LISTENERS = [
    {"Protocol": "TCP", "LocalAddress": "0.0.0.0", "LocalPort": 80, "Program": r"C:\a.exe", "Services": []},
    {"Protocol": "TCP", "LocalAddress": "::", "LocalPort": 443, "Program": "System", "Services": []},
]
INTERFACES = [
    INTERFACE | {"Addresses": ["10.0.0.1/24", "fd00::1/64"]},
    INTERFACE | {"InterfaceAlias": "WLAN", "Addresses": ["10.9.0.1/24"], "Category": "Public", "Type": "Wireless"},
]
OFFER = [{"DisplayName": "o", "Enabled": "True", "InboundSecurity": "Request", "OutboundSecurity": "Require"}]
ADDRESSES = {
    4: ["10.0.0.1", "10.0.0.9", "10.9.0.1", "10.9.0.7", "203.0.113.9"],
    6: ["fd00::1", "fd00::9", "2001:db8::9"],
}
PACKETS = st.sampled_from([
    Packet.parse(f"{protocol} {text.format(source, 40000)} > {text.format(destination, port)} state {state}")
    for addresses, text in ((ADDRESSES[4], "{}:{}"), (ADDRESSES[6], "[{}]:{}"))
    for source in addresses
    for destination in addresses
    for protocol in ("tcp", "udp")
    for port in (22, 80, 443, 50000)
    for state in ("new", "established", "invalid")
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(RULES, max_size=6),
    st.lists(PACKETS, min_size=1, max_size=20),
    st.sampled_from(["input", "output", "forward"]),
    st.sampled_from([None, "domain", "public"]),
    st.sampled_from([[], OFFER]),
    st.tuples(SETTINGS, SETTINGS),
)
def test_the_walk_and_the_algebra_agree(rules, packets, hook, profile, ipsec, settings):
    """Whatever the rules, the profile and the direction."""
    profiles = [PROFILE | one | {"Name": name} for one, name in zip(settings, ("Domain", "Public"), strict=True)]
    text = host(*rules, interfaces=INTERFACES, listeners=LISTENERS, ipsec=ipsec, profiles=profiles)
    policy = read(NAME, text, "host.json", profile).policy(hook)
    verdicts, walker = PolicyMap(Space(), policy).verdicts, Walker(policy)
    for packet in packets:
        header = packet.header(1, 1)
        found = verdicts[header] & VERDICTS
        expected = Decided.ACCEPT if found == Verdict.ACCEPT else Decided.UNDECIDED
        assert walker.decide(header).decided is (expected if found & Verdict.ACCEPT else Decided.DROP)


@settings(max_examples=60, deadline=None)
@given(st.lists(RULES, max_size=6), RULES, st.lists(PACKETS, min_size=1, max_size=20))
def test_a_disabled_rule_changes_nothing(rules, more, packets):
    """Wherever it stands."""
    plain, longer = (
        Walker(read(NAME, host(*some, interfaces=INTERFACES), "host.json").policy("input"))
        for some in (rules, [more | {"Enabled": "False"}, *rules])
    )
    for packet in packets:
        header = packet.header(1, 1)
        assert plain.decide(header).decided is longer.decide(header).decided


@st.composite
def intents(draw):
    """The firewall of a host with up to five rules."""
    some = st.lists(st.sampled_from(ENDS), min_size=1, max_size=3, unique=True).map(tuple)
    rules = []
    for number in range(draw(st.integers(0, 5))):
        hook = draw(st.sampled_from(["input", "output"]))
        traffic = tuple(draw(st.lists(TRAFFIC, min_size=1, max_size=3, unique=True)))
        arriving, leaving = (None, "") if hook == "input" else ("", None)
        rules.append(Intended(hook, arriving, leaving, draw(some), draw(some), traffic, (f"r.{number}",), ()))
    return Intent("fw", "site", {}, True, tuple(rules), (), draw(st.sampled_from([None, "domain"])))


def new(space, configuration, hook):
    """The verdicts on new connections."""
    root = PolicyMap(space, configuration.policy(hook)).verdicts.root
    either = Operation(lambda one, other: one | other)
    for field, value in ((Field.STATE, State.NEW), (Field.FLAGS, Flags.OPENS), (Field.IN, 0), (Field.OUT, 0)):
        root = space.assign(field, root, ((int(value), int(value)),), either)
    return PacketMap(space, root)


DISCOVERY = Box.of({Field.VERSION: ((6, 6),), Field.PROTOCOL: ((58, 58),), Field.TYPE: ((133, 136),)})  # RFC 4861, 4


def pairs(rule):
    """Who may send to whom."""
    return [(source, destination) for source in rule.sources for destination in rule.destinations]


@pytest.mark.parametrize("hook", ["input", "output"])
@settings(max_examples=40, deadline=None)
@given(intent=intents())
def test_what_is_written_permits_what_is_meant(hook, intent):
    """Nothing more and nothing less, in both directions, and with IPv6 its neighbors; loopback is not asked."""
    configuration = read(NAME, context(intent) + render(intent), "fw.ps1", intent.profile)
    assert configuration.census.unknown == ()
    space = Space()
    verdicts = new(space, configuration, hook)
    loopback = PacketSet.of(space, [Box.of({Field.SRC: ((0x7F << 24, 0x7FFFFFFF),)}), Box.of({Field.SRC: ((1, 1),)})])
    real = well_formed(space) - loopback
    meant = PacketSet.of(space, [box for rule in intent.rules if rule.hook == hook for box in boxes(rule) if box])
    if any(one.addresses.v6 and other.addresses.v6 for rule in intent.rules for one, other in pairs(rule)):
        meant = meant | PacketSet.of(space, [DISCOVERY])
    assert meant & real <= PacketSet.where(verdicts, is_sure)
    assert PacketSet.where(verdicts, is_possible) & real <= meant


@given(intents())
@settings(max_examples=20, deadline=None)
def test_the_same_is_written_twice(intent):
    """Byte by byte."""
    assert render(intent) == render(intent)
