"""Sites that are unlike the examples: nothing fails, and nothing is said to have been played that was not."""

from collections import Counter
from textwrap import dedent

import pytest
from tests.rehearse.rehearsing import rehearse

pytestmark = pytest.mark.kernel
PRODUCT = """
    product: odd
    title: Whatever is unlike the rest
    components:
      odd/asker: {title: who asks}
      odd/server: {title: who answers}
    services:
      odd/web: {at: odd/server, title: web, protocol: tcp, ports: 443}
      odd/ping: {at: odd/server, title: ping, protocol: icmp}
      odd/esp: {at: odd/server, title: ESP, protocol: esp}
      odd/ah: {at: odd/server, title: AH, protocol: ah}
      odd/gre: {at: odd/server, title: GRE, protocol: gre}
      odd/sctp: {at: odd/server, title: SCTP, protocol: sctp, ports: 5060}
    requirements:
      odd.web: {from: odd/asker, to: odd/server, service: odd/web, need: all, purpose: read}
      odd.ping: {from: odd/asker, to: odd/server, service: odd/ping, need: all, purpose: see}
      odd.esp: {from: odd/asker, to: odd/server, service: odd/esp, need: all, purpose: hide}
      odd.ah: {from: odd/asker, to: odd/server, service: odd/ah, need: all, purpose: sign}
      odd.gre: {from: odd/asker, to: odd/server, service: odd/gre, need: all, purpose: wrap}
      odd.sctp: {from: odd/asker, to: odd/server, service: odd/sctp, need: all, purpose: call}
"""
HEAD = """
site: odd
products: [odd]
catalog: products
"""
TWO_HOSTS = """
zones: {one: {networks: [ONE]}, two: {networks: [TWO]}}
hosts:
  asker: {zone: one, addresses: [ASKER], roles: [odd/asker]}
  server: {zone: two, addresses: [SERVER], roles: [odd/server]}
"""
FOUR = {"ONE": "10.1.0.0/24", "TWO": "10.2.0.0/24", "ASKER": "10.1.0.5", "SERVER": "10.2.0.5"}
SIX = {"ONE": '"fd00:1::/64"', "TWO": '"fd00:2::/64"', "ASKER": '"fd00:1::5"', "SERVER": '"fd00:2::5"'}
FIREWALL = """
enforcement: {fw: {platform: nftables, interfaces: {one: eth0, two: eth1}}}
paths: [{between: [one, two], through: [fw]}]
"""


def site(text, names=FOUR):
    """The text with addresses in place of their names."""
    for name, value in names.items():
        text = text.replace(name, value)
    return HEAD + text


def rehearsed(folder, text, *options):
    """The rehearsal of a site file: exit status, flows by their requirement and destination, document."""
    (folder / "products").mkdir()
    (folder / "products" / "odd.yaml").write_text(dedent(PRODUCT), encoding="utf-8")
    (folder / "site.yaml").write_text(text, encoding="utf-8")
    status, document, said = rehearse(folder / "site.yaml", "--patience", "1", *options)
    assert "flows" in document, said
    return status, {one["id"]: one for one in document["flows"]}, document


@pytest.mark.parametrize("platform", ["nftables", pytest.param("iptables", marks=pytest.mark.kernel("iptables"))])
@pytest.mark.parametrize("names", [FOUR, SIX], ids=["IPv4", "IPv6"])
def test_protocols_without_ports(names, platform, tmp_path):
    """Each is sent and answered, by its own rule; what nobody speaks is not said to pass."""
    firewall = FIREWALL.replace("nftables", platform)
    _, flows, document = rehearsed(tmp_path, site(TWO_HOSTS + firewall, names))
    words = {name.partition("/")[0]: one["rehearsed"] for name, one in flows.items()}
    assert words == {
        **dict.fromkeys(("odd.web", "odd.ping", "odd.esp", "odd.ah", "odd.gre"), "passes"),
        "odd.sctp": "not-tried",
    }
    assert flows["odd.sctp/asker>server"]["reason"] == "no stand-in speaks this protocol"
    assert {flows[f"odd.{name}/asker>server"]["decided_by"]["point"] for name in ("esp", "ah", "gre")} == {"fw"}
    assert (document["unplanned"], document["unused"]) == ([], [])


def test_a_site_without_any_firewall(tmp_path):
    """Nothing stands between the two: everything passes, and there is nothing to sample."""
    _, flows, document = rehearsed(tmp_path, site(TWO_HOSTS + "paths: [{between: [one, two], through: []}]\n"))
    assert Counter(one["rehearsed"] for one in flows.values()) == {"passes": 5, "not-tried": 1}
    assert (document["rules_from"], document["blocked_sample"]["tried"]) == ({}, 0)


def test_zones_without_a_path(tmp_path):
    """Nobody gets there, and the proof does not know either."""
    _, flows, _ = rehearsed(tmp_path, site(TWO_HOSTS))
    assert not any(one["rehearsed"] == "passes" for one in flows.values())


def test_a_single_host(tmp_path):
    """What it needs of itself is no flow."""
    text = "zones: {one: {networks: [10.1.0.0/24]}}\nhosts:\n"
    text += "  all: {zone: one, addresses: [10.1.0.5], roles: [odd/asker, odd/server]}\n"
    status, flows, document = rehearsed(tmp_path, site(text))
    assert (status, flows, document["verdict"]) == (0, {}, "works")


def test_a_group_in_a_zone_without_a_network(tmp_path):
    """Somebody of the Internet plays it."""
    text = """
zones: {world: {rest: true}, two: {networks: [10.2.0.0/24]}}
hosts:
  server: {zone: two, addresses: [10.2.0.5], roles: [odd/server]}
groups:
  people: {zone: world, roles: [odd/asker]}
enforcement: {fw: {platform: nftables, interfaces: {world: eth0, two: eth1}}}
paths: [{between: [world, two], through: [fw]}]
"""
    _, flows, _ = rehearsed(tmp_path, site(text))
    assert flows["odd.web/people>server"]["rehearsed"] == "passes"


def test_several_ways_are_not_all_played(tmp_path):
    """One is, and that is said."""
    text = """
enforcement:
  fw: {platform: nftables, interfaces: {one: eth0, two: eth1}}
  other: {platform: nftables, interfaces: {one: eth0, two: eth1}}
paths: [{between: [one, two], through: [fw]}, {between: [one, two], through: [other]}]
"""
    _, flows, document = rehearsed(tmp_path, site(TWO_HOSTS + text))
    assert flows["odd.web/asker>server"]["rehearsed"] == "passes"
    assert any("one of 2 alternatives" in note for note in document["notes"])


BALANCED = """
zones: {one: {networks: [10.1.0.0/24]}, two: {networks: [10.2.0.0/24]}, three: {networks: [10.3.0.0/24]}}
hosts:
  asker: {zone: one, addresses: [10.1.0.5], roles: [odd/asker]}
  left: {zone: two, addresses: [10.2.0.5], roles: [odd/server, odd/asker]}
  right: {zone: ZONE, addresses: [RIGHT], roles: [odd/server]}
virtual:
  front: {address: 10.2.0.10, mode: MODE, members: [left, right], services: [odd/web, odd/ping, odd/esp]}
enforcement: {fw: {platform: nftables, interfaces: {one: eth0, two: eth1, three: eth2}}}
paths: [{between: [[one, two, three], [one, two, three]], through: [fw]}]
"""


@pytest.mark.parametrize("zone", ["two", "three"])
@pytest.mark.parametrize("mode", ["dnat", "snat", "dsr", "nlb"])
def test_whoever_is_behind_an_address(mode, zone, tmp_path):
    """Members here and in another zone, one of which asks for the address itself; nothing contradicts the proof."""
    right = {"two": "10.2.0.6", "three": "10.3.0.6"}[zone]
    _, flows, document = rehearsed(tmp_path, site(BALANCED, {"ZONE": zone, "RIGHT": right, "MODE": mode}))
    assert [one for one in flows.values() if one["rehearsed"] == "blocked"] == []
    asked = {name: flows[f"odd.{name}/asker>front"]["rehearsed"] for name in ("web", "ping", "esp")}
    hidden = {"esp": "not-tried"} if mode == "snat" else {}  # many clients, one address, no ports
    assert asked == {"web": "passes", "ping": "passes", "esp": "passes", **hidden}
    assert all(one["reason"] for one in flows.values() if one["rehearsed"] == "not-tried")
    assert document["unplanned"] == []
    if mode in ("dnat", "snat"):
        sender = "asker>front" if mode == "dnat" else "front"
        assert {flows[f"odd.web/{sender}>{one}"]["rehearsed"] for one in ("left", "right")} == {"passes"}


def test_two_names_for_one_address(tmp_path):
    """One device answers for both."""
    again = "{address: 10.2.0.10, port: 8443, mode: MODE, members: [left, right], services: [odd/ping]}"
    text = BALANCED.replace("services: [odd/web, odd/ping, odd/esp]}", f"services: [odd/web]}}\n  again: {again}")
    status, flows, _ = rehearsed(tmp_path, site(text, {"ZONE": "two", "RIGHT": "10.2.0.6", "MODE": "dnat"}))
    assert status in (0, 1, 3)
    assert flows["odd.web/asker>front"]["rehearsed"] == "passes"


def test_a_host_that_has_the_virtual_address_itself(tmp_path):
    """Nobody knows how it leads on: the way behind it is not played."""
    text = BALANCED.replace("virtual:", "  device: {zone: two, addresses: [10.2.0.10], roles: []}\nvirtual:")
    _, flows, _ = rehearsed(tmp_path, site(text, {"ZONE": "three", "RIGHT": "10.3.0.6", "MODE": "dnat"}))
    behind = [one for name, one in flows.items() if ">front>" in name]
    assert behind
    assert {(one["rehearsed"], one["reason"]) for one in behind} == {
        ("not-tried", "nothing says how device leads on what comes for front")
    }


CRM = """
site: small
products: [dynamics-crm-2013]
zones: {lan: {networks: [10.1.0.0/24]}, users: {networks: [10.9.0.0/24]}}
hosts:
  crm01: {zone: lan, addresses: [10.1.0.11], roles: [crm/full-server, ssrs/report-server, sql/engine]}
  dc01: {zone: lan, addresses: [10.1.0.5], roles: [ad/global-catalog, ad/pdc-emulator, dns/server]}
groups: {staff: {zone: users, roles: [crm/client]}}
absent: {time/source: has a radio clock}
settings: {authentication: integrated}
enforcement: {fw: {platform: nftables, interfaces: {lan: eth0, users: eth1}}}
paths: [{between: [lan, users], through: [fw]}]
"""


def test_one_host_is_all_of_crm(tmp_path):
    """The web site and Reporting Services share its ports; everything passes, and people see their pages."""
    (tmp_path / "site.yaml").write_text(CRM, encoding="utf-8")
    _, document, said = rehearse(tmp_path / "site.yaml")
    assert document.get("verdict") == "works", said
    assert {one["rehearsed"] for one in document["flows"]} <= {"passes", "not-tried"}
