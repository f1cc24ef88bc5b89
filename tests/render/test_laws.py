"""What every renderer promises: read back, its text permits exactly what was intended, in both families."""

from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portwright import platforms
from portwright.packets.addresses import Addresses
from portwright.packets.box import AH_OVER_IPV6, Box
from portwright.packets.diagram import Operation, PacketMap, Space
from portwright.packets.fields import ICMP, ICMP_PROTOCOL, PORT_PROTOCOLS, Field, Flags, State
from portwright.packets.packetset import PacketSet, well_formed
from portwright.policy.algebra import PolicyMap, is_possible, is_sure
from portwright.policy.intent import Intended, Intent, Named, Traffic

ROUTING = [name for name in platforms.RENDERING if name not in platforms.ON_HOSTS]  # the others have laws of their own
INTERFACES = {"users": "left", "app": "middle", "data": "right"}
_ENDS = (
    ("staff", "10.1.0.0/16"),
    ("fe01", "10.2.0.11"),
    ("fe02", "10.2.0.12"),
    ("both", "10.3.0.21 fd00:3::21"),
    ("pair", "10.3.0.30 10.3.0.40"),
    ("many", " ".join(f"10.4.{n}.{n}" for n in range(1, 12))),
    ("six", "fd00:9::/64"),
    ("any", "0.0.0.0/0 ::/0"),
)


# A firewall that routes passes no broadcast, and multicast on other terms.
UNICAST = [
    Box.of({Field.VERSION: ((4, 4),), Field.DST: ((0, 0xDFFFFFFF), (0xF0000000, 0xFFFFFFFE))}),
    Box.of({Field.VERSION: ((6, 6),), Field.DST: ((0, (0xFF << 120) - 1),)}),
]


def addresses(text):
    return Addresses.of(ip_network(part) for part in text.split())


ENDS = [Named(name, addresses(text)) for name, text in _ENDS]
PORTS = st.integers(1, 65535).flatmap(
    lambda first: st.integers(first, min(first + 50, 65535)).map(lambda last: (first, last))
)
TRAFFIC = st.one_of(
    st.builds(Traffic, st.sampled_from((6, 17)), PORTS.map(lambda pair: (pair,))),
    st.just(Traffic(ICMP, (), 8)),
    st.builds(Traffic, st.sampled_from((47, 50))),
)
SOME = st.lists(st.sampled_from(ENDS), min_size=1, max_size=3, unique=True).map(tuple)
WAYS = st.sampled_from([(i, o) for i in INTERFACES.values() for o in INTERFACES.values() if i != o])


@st.composite
def intents(draw):
    """A point with up to five rules."""
    rules = []
    for number in range(draw(st.integers(0, 5))):
        arriving, leaving = draw(WAYS)
        traffic = tuple(draw(st.lists(TRAFFIC, min_size=1, max_size=3, unique=True)))
        rules.append(Intended("forward", arriving, leaving, draw(SOME), draw(SOME), traffic, (f"r.{number}",), ()))
    return Intent("fw", "site", INTERFACES, False, tuple(rules))


def boxes(rule):
    """What a rule is meant to permit."""
    for version in (4, 6):
        for kind in rule.traffic:
            for source in rule.sources:
                for destination in rule.destinations:
                    protocol = ICMP_PROTOCOL[version] if kind.protocol == ICMP else kind.protocol
                    found = {
                        Field.VERSION: ((version, version),),
                        Field.SRC: source.addresses.family(version),
                        Field.DST: destination.addresses.family(version),
                        Field.PROTOCOL: ((protocol, protocol),),
                    }
                    found |= {Field.DPORT: kind.ports} if protocol in PORT_PROTOCOLS else {}
                    found |= {Field.TYPE: (({4: 8, 6: 128}[version],) * 2,)} if kind.icmp_type is not None else {}
                    yield Box.of(found)


def permitted(space, configuration, arriving, leaving):
    """What the configuration lets pass between two interfaces of new connections: surely, and possibly."""
    root = PolicyMap(space, configuration.policy("forward", path=True)).verdicts.root
    atoms = configuration.interfaces
    fixed = {
        Field.IN: atoms.atom(arriving),
        Field.OUT: atoms.atom(leaving),
        Field.STATE: int(State.NEW),
        Field.FLAGS: int(Flags.OPENS),
    }
    either = Operation(lambda one, other: one | other)
    for field, value in fixed.items():
        root = space.assign(field, root, ((value, value),), either)
    verdicts = PacketMap(space, root)
    return PacketSet.where(verdicts, is_sure), PacketSet.where(verdicts, is_possible)


@pytest.mark.parametrize("platform", ROUTING)
@settings(max_examples=25, deadline=None)
@given(intent=intents())
def test_what_is_written_permits_what_is_meant(platform, intent):
    """Between each two interfaces, whatever a packet may be; an access list cannot tell where a packet leaves."""
    writer = platforms.renderer(platform)
    configuration = platforms.read(platform, writer.context(intent) + writer.render(intent), "fw")
    space = Space()
    real = well_formed(space) & PacketSet.of(space, UNICAST)
    for arriving in INTERFACES.values():
        for leaving in set(INTERFACES.values()) - {arriving}:
            on_way = [r for r in intent.rules if r.interface_in == arriving and r.interface_out == leaving]
            from_there = [r for r in intent.rules if r.interface_in == arriving]
            meant = PacketSet.of(space, [b for rule in on_way for b in boxes(rule) if b is not None])
            most = PacketSet.of(space, [b for rule in from_there for b in boxes(rule) if b is not None])
            sure, possible = permitted(space, configuration, arriving, leaving)
            assert meant & real <= sure
            hidden = PacketSet.of(space, AH_OVER_IPV6 if platform == "iptables" else ())  # as it passes without AH
            assert (possible & real) - hidden <= (most if platform == "cisco-asa" else meant)


@pytest.mark.parametrize("platform", ROUTING)
@given(intent=intents())
@settings(max_examples=10, deadline=None)
def test_the_same_is_written_twice(platform, intent):
    """Byte by byte."""
    writer = platforms.renderer(platform)
    assert writer.render(intent) == writer.render(intent)


@pytest.mark.parametrize("platform", ROUTING)
@given(intent=intents())
@settings(max_examples=25, deadline=None)
def test_everything_written_is_understood(platform, intent):
    """Not a line is unknown to the reader, and nothing is referred to that is not there."""
    writer = platforms.renderer(platform)
    configuration = platforms.read(platform, writer.context(intent) + writer.render(intent), "fw")
    assert configuration.census.unknown == ()
    assert [remark.message for remark in configuration.remarks if remark.kind != "note"] == []
