"""Zones and the firewalls between them, from the routes of configurations."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.init.firewalls import Behind, Firewall
from portwright.init.ways import find_ways
from portwright.init.zones import propose_zones, zone_finder, zones_around
from portwright.policy.configuration import Census, Configuration, Route
from portwright.policy.interfaces import Interfaces
from portwright.source import Source


def firewall(name, *routes):
    """A firewall with routes as text: `inside 10.1.0.0/24`, with `via` before the interface where not its own."""
    found = []
    for line, text in enumerate(routes, 1):
        *via, interface, network = text.split()
        found.append(Route(ip_network(network), interface, not via, Source(name, line)))
    interfaces = Interfaces.of(route.interface for route in found)
    configuration = Configuration("nftables", name, {}, interfaces, Census(0, 0), routes=tuple(found))
    return Firewall(name, name, configuration, ())


def proposed(*firewalls):
    """The zones, each as its networks, and the ways as text."""
    zones = propose_zones(firewalls, ())
    ways = find_ways(firewalls, [zone for zone in zones if any(zone.place)])
    shown = {zone.name: [*map(str, zone.networks), *(["rest"] if zone.has_rest else [])] for zone in zones}
    paths = {
        f"{','.join(way.ones)} - {','.join(way.others)}": [firewalls[number].name for number in way.through]
        for way in ways.known
    }
    return shown, paths, [f"{one} - {other}" for one, other in ways.unknown]


def test_one_firewall_stands_between_all_that_lies_behind_it():
    """A zone has the name of the interface, its own network and those routed to it; the default route is the rest."""
    edge = firewall(
        "edge", "inside 10.1.0.0/24", "via inside 10.2.0.0/16", "dmz 10.3.0.0/24", "outside 203.0.113.0/29",
        "via outside 0.0.0.0/0",
    )  # fmt: skip
    zones, paths, unknown = proposed(edge)
    assert zones == {
        "inside": ["10.1.0.0/24", "10.2.0.0/16"],
        "dmz": ["10.3.0.0/24"],
        "outside": ["203.0.113.0/29", "rest"],
    }
    assert paths == {"inside,dmz,outside - inside,dmz,outside": ["edge"]}
    assert unknown == []


def test_two_firewalls_in_a_row_are_crossed_in_their_order():
    """Where each sees the other behind one interface; the network between them belongs to no zone with paths."""
    edge = firewall("edge", "up 203.0.113.0/29", "via up 0.0.0.0/0", "wire 10.9.0.0/30", "via wire 10.0.0.0/8")
    core = firewall("core", "out 10.9.0.0/30", "via out 0.0.0.0/0", "app 10.1.0.0/24", "data 10.2.0.0/24")
    zones, paths, unknown = proposed(edge, core)
    assert zones == {
        "up": ["203.0.113.0/29", "rest"],
        "wire": ["10.0.0.0/8"],
        "app": ["10.1.0.0/24"],
        "data": ["10.2.0.0/24"],
        "wires": ["10.9.0.0/30"],
    }
    assert paths == {
        "up,wire - up,wire": ["edge"],
        "up - app,data": ["edge", "core"],
        "wire,app,data - wire,app,data": ["core"],
    }
    assert unknown == []


def test_the_order_of_files_does_not_turn_a_way():
    """Only the firewalls' own view does."""
    edge = firewall("edge", "up 203.0.113.0/29", "via up 0.0.0.0/0", "wire 10.9.0.0/30", "via wire 10.0.0.0/8")
    core = firewall("core", "out 10.9.0.0/30", "via out 0.0.0.0/0", "app 10.1.0.0/24")
    _, paths, _ = proposed(core, edge)
    assert paths["app - up"] == ["core", "edge"]


def test_what_the_routes_do_not_tell_is_not_made_up():
    """Two firewalls side by side, or one that knows only one end."""
    left = firewall("left", "a 10.1.0.0/24", "b 10.2.0.0/24")
    right = firewall("right", "c 10.1.0.0/24", "d 10.2.0.0/24")
    assert proposed(left, right)[1:] == ({}, ["a - b"])
    core = firewall("core", "a 10.1.0.0/24", "b 10.2.0.0/24")
    leaf = firewall("leaf", "up 10.2.0.0/24", "data 10.3.0.0/24")
    assert proposed(core, leaf)[1:] == ({}, ["a - b", "a - data", "b - data"])


@pytest.mark.parametrize(
    ("routes", "host", "zones"),
    [
        (["a 10.9.0.0/30", "via a 10.1.0.0/24"], None, {"a": ["10.1.0.0/24"], "wires": ["10.9.0.0/30"]}),
        (["a 10.9.0.0/29", "via a 0.0.0.0/0"], None, {"a": ["rest"], "wires": ["10.9.0.0/29"]}),
        (["a 10.9.0.0/30"], None, {"a": ["10.9.0.0/30"]}),  # nothing lies behind it
        (["a 10.9.0.0/30", "via a 10.1.0.0/24"], "10.9.0.2", {"a": ["10.9.0.0/30", "10.1.0.0/24"]}),
        (["a 10.9.0.0/28", "via a 10.1.0.0/24"], None, {"a": ["10.9.0.0/28", "10.1.0.0/24"]}),
        (["a 198.51.100.0/30", "via a 0.0.0.0/0"], None, {"a": ["198.51.100.0/30", "rest"]}),  # published addresses
        (["a fd00:9::/127", "via a fd00:1::/64"], None, {"a": ["fd00:1::/64"], "wires": ["fd00:9::/127"]}),
    ],
)
def test_networks_between_firewalls_and_routers_are_wires(routes, host, zones):
    """Small local ones that lead on and in which no host lies."""
    found = propose_zones([firewall("fw", *routes)], (), [ip_address(host)] if host else [])
    assert {zone.name: [*map(str, zone.networks), *(["rest"] if zone.has_rest else [])] for zone in found} == zones


def test_a_firewall_without_ipv6_does_not_split_zones():
    """IPv6 networks belong to the IPv4 ones behind the same interface; otherwise they stay by themselves."""
    edge = firewall("edge", "up 203.0.113.0/29", "via up 0.0.0.0/0", "wire 10.9.0.0/29", "via wire 10.0.0.0/8")
    core = firewall(
        "core", "out 10.9.0.0/29", "via out 0.0.0.0/0", "app fd00:1::/64", "app 10.1.0.0/24", "v6 fd00:2::/64"
    )
    assert proposed(edge, core)[0] == {
        "up": ["203.0.113.0/29", "rest"],
        "wire": ["10.0.0.0/8"],
        "app": ["10.1.0.0/24", "fd00:1::/64"],
        "v6": ["fd00:2::/64"],
        "wires": ["10.9.0.0/29"],
    }


def test_nobody_is_where_packets_are_discarded():
    """Nor on the loopback."""
    assert proposed(firewall("fw", "a 10.1.0.0/24", "via Null0 10.0.0.0/8", "lo 127.0.0.0/8"))[0] == {
        "a": ["10.1.0.0/24"]
    }


def test_a_choice_of_interfaces_is_told():
    """The first is taken, the others are named."""
    [a, *_] = propose_zones([firewall("fw", "via a 10.1.0.0/24", "via b 10.1.0.0/24", "b 10.2.0.0/24")], ())
    assert (a.name, a.place, a.why) == ("a", ("a",), "behind a of fw; some also behind b")


def test_a_firewall_without_routes_is_on_no_way():
    """And takes no other from its own."""
    zones, paths, unknown = proposed(firewall("core", "a 10.1.0.0/24", "b 10.2.0.0/24"), firewall("bridge"))
    assert (list(zones), paths, unknown) == (["a", "b"], {"a,b - a,b": ["core"]}, [])


def test_names_are_fit_for_a_site_file():
    """Made of the interface's, not taken already, no word of flow notation, no mere number."""
    one = firewall("one", "any 10.1.0.0/24", "wan@eth0 10.2.0.0/24", "0 10.3.0.0/24", "fe01 10.4.0.0/24")
    zones = propose_zones([one, firewall("two", "fe01 10.5.0.0/24")], ["fe01"])
    assert [zone.name for zone in zones] == ["any-2", "wan-eth0", "zone-0", "fe01-2", "fe01-3"]


@pytest.mark.parametrize(
    ("address", "zone"),
    [("10.1.2.3", "site"), ("10.1.9.9", "dmz"), ("8.8.8.8", "up"), ("fd00::1", "v6"), ("fd01::1", "up")],
)
def test_the_longest_prefix_wins(address, zone):
    """As in the site file."""
    zones = propose_zones(
        [firewall("fw", "site 10.1.0.0/16", "dmz 10.1.9.0/24", "v6 fd00::/64", "via up 0.0.0.0/0")], ()
    )
    found = zone_finder(zones).zone_of(ip_address(address))
    assert found is not None
    assert found.name == zone


def test_without_routes_zones_lie_around_the_hosts():
    """A network of the usual size for each."""
    zones = zones_around(map(ip_address, ("10.2.0.7", "10.1.0.9", "fd00::1", "10.1.0.1")), 1, ["net-10.1.0.0"])
    assert [(zone.name, *map(str, zone.networks)) for zone in zones] == [
        ("net-10.1.0.0-2", "10.1.0.0/24"),
        ("net-10.2.0.0", "10.2.0.0/24"),
        ("net-fd00", "fd00::/64"),
    ]


NETWORKS = st.builds(lambda a, n: ip_network((a, n), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32))


@given(st.dictionaries(NETWORKS, st.sampled_from("abc"), max_size=12), NETWORKS)
def test_the_longest_route_leads(routes, network):
    """As the plain look through all routes says."""
    table = Behind.of(Route(net, interface, False, Source("x", 1)) for net, interface in routes.items())
    around = [net for net in routes if network.subnet_of(net)]
    expected = (routes[max(around, key=lambda net: net.prefixlen)],) if around else ()
    assert table.toward(network) == expected


@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.randoms())
def test_in_a_row_of_firewalls_the_ways_are_the_row(rooms, random):
    """Firewalls in a line, with so many networks of its own each, read in any order."""
    count = len(rooms)
    own = [[f"10.{at}.{room}.0/24" for room in range(number)] for at, number in enumerate(rooms)]
    wires = [f"10.200.{at}.0/30" for at in range(count - 1)]
    row = []
    for at in range(count):
        routes = [f"room{at}x{number} {network}" for number, network in enumerate(own[at])]
        for side, others, near in (("left", range(at), at - 1), ("right", range(at + 1, count), at)):
            if not others:
                continue
            routes.append(f"{side}{at} {wires[near]}")
            routes += [f"via {side}{at} {network}" for other in others for network in own[other]]
            behind = wires[: at - 1] if side == "left" else wires[at + 1 :]
            routes += [f"via {side}{at} {wire}" for wire in behind]
        row.append(firewall(f"fw{at}", *routes))
    shuffled = random.sample(row, count)
    zones = propose_zones(shuffled, ())
    ways = find_ways(shuffled, [zone for zone in zones if any(zone.place)])
    position = {zone.name: _position(zone.networks[0], own) for zone in zones if any(zone.place)}
    told = {}
    for way in ways.known:
        names = [shuffled[number].name for number in way.through]
        for one in way.ones:
            for other in way.others:
                if one != other:
                    told[one, other], told[other, one] = names, names[::-1]
    assert ways.unknown == ()
    for one, here in position.items():
        for other, there in position.items():
            if here < there:
                crossed = [f"fw{at}" for at in range(count) if here[0] <= at <= there[0]]
                assert told[one, other] == crossed


def _position(network, own):
    """Where a network lies in the row: at which firewall, and in which of its rooms."""
    return next((at, rooms.index(str(network))) for at, rooms in enumerate(own) if str(network) in rooms)
