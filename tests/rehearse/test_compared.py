"""What is played of a site, and how it is compared with the proof: the very packets, by the right rules."""

import pytest
from tests.rehearse.rehearsing import rehearse, run
from tests.rehearse.shop import ON_HOSTS, OTHERS, PRODUCT, SITE, chain, closed, flows, shop, via
from tests.rehearse.test_odd_sites import CRM

pytestmark = pytest.mark.kernel


def test_neighbors_behind_a_firewall_meet_it(tmp_path):
    """Hosts of one zone that the site leads through a firewall do not talk past it."""
    site = SITE.replace("10.2.0.11]", "10.1.0.12]") + "  - {from: left, to: left, through: [fw]}\n"
    rules = chain("forward", 'iifname "eth0" oifname "eth0" udp dport 7000 drop')
    _, document, _ = rehearse(shop(tmp_path / "site", rules, site), "--patience", "0.5")
    found = flows(document)
    assert (found["shop.udp/c1>s1"]["static"], found["shop.udp/c1>s1"]["rehearsed"]) == ("missing", "blocked")
    assert via(found["shop.tcp/c1>s1"]) == [["type filter hook forward priority filter; policy accept;"]]


def test_what_does_not_cross_the_firewall_is_not_tried(tmp_path):
    """Where two zones share a segment, the lab cannot lead one of them past the firewall of the other."""
    site = """
site: shop
products: [shop]
catalog: products
zones:
  left: {networks: [10.1.0.0/24]}
  middle: {networks: [10.3.0.0/24]}
  right: {networks: [10.2.0.0/24]}
hosts:
  c1: {addresses: [10.3.0.11], roles: [shop/client]}
  s1: {addresses: [10.2.0.11], roles: [shop/server]}
enforcement:
  fw: {platform: nftables, config: fw.nft, interfaces: {left: eth0, middle: eth0, right: eth1}}
paths:
  - {between: [left, right], through: [fw]}
  - {from: middle, to: right, through: []}
  - {from: right, to: middle, through: [fw]}
"""
    _, document, _ = rehearse(shop(tmp_path / "site", site=site), "--patience", "0.5")
    assert {(one["rehearsed"], one["reason"]) for one in document["flows"]} == {
        ("not-tried", "the lab leads it through fw, the site through none")
    }


def test_a_host_called_like_a_part_of_the_lab_is_a_host(tmp_path):
    """Its shell sees its own interfaces alone."""
    site = shop(tmp_path / "site", site=SITE.replace("  c1:", "  switch:"))
    _, out, _ = run(site, "--enter", "switch", "--patience", "0.5", stdin="ip -brief link; exit\n")
    links = [line.split("@")[0].split()[0] for line in out.splitlines() if "LOOPBACK" in line or "BROADCAST" in line]
    assert links == ["lo", "eth0"]


def test_two_firewalls_on_one_host_are_not_rehearsed(tmp_path):
    """Either could take the rules of the other away, which would be said to let packets pass."""
    second = ON_HOSTS.replace("on: c1", "on: s1")
    site = shop(
        tmp_path / "site",
        site=SITE.replace("\npaths:\n", second),
        s1__nft=chain("input", "drop"),
        c1__nft="flush ruleset\n" + chain("input"),
    )
    status, _, said = run(site)
    assert (status, "s1-fw and c1-fw stand on one host" in said) == (2, True), said


_STAFF = SITE.replace("  c1: {addresses: [10.1.0.11], roles: [shop/client]}\n", "").replace(
    "enforcement:", "groups:\n  staff: {zone: left, networks: [10.1.0.0/24], roles: [shop/client]}\nenforcement:"
)


def test_who_of_a_group_is_forgotten_is_played_too(tmp_path):
    """The first address of the group passes; another one, which the rule has not, shows that it is broken."""
    rules = closed("ip saddr 10.1.0.0/25 tcp dport 8080 accept", *OTHERS)
    _, document, _ = rehearse(shop(tmp_path / "site", rules, _STAFF), "--patience", "0.5")
    found = flows(document)["shop.tcp/staff>s1"]
    assert (found["static"], found["rehearsed"]) == ("missing", "blocked")
    assert [one["outcome"] for one in found["exchanges"]] == ["answered", "silent"]
    assert found["decided_by"]["default"]
    _, out, _ = run(tmp_path / "site" / "site.yaml", "--patience", "0.5")
    assert "The proof says otherwise" not in out


def test_where_the_proof_misses_what_was_not_played_they_do_not_differ(tmp_path):
    """Ports that no client of Linux chooses, and another way: what was played passes, and that is all that is said."""
    rules = closed("tcp sport 20000-65535 tcp dport 8080 accept", *OTHERS)
    _, document, _ = rehearse(shop(tmp_path / "one", rules), "--patience", "0.5", "--stop", "s2")
    found = flows(document)["shop.tcp/c1>s1"]
    assert (found["static"], found["rehearsed"]) == ("missing", "passes")
    assert "other packets of it" in found["reason"]
    site = SITE.replace(
        "paths:\n", "  fw2: {platform: nftables, config: b.nft, interfaces: {left: a, right: b}}\npaths:\n"
    )
    site = shop(
        tmp_path / "two", closed("tcp dport 8080 accept", *OTHERS),
        site + "  - {between: [left, right], through: [fw2]}\n", b__nft=closed("ip protocol icmp accept"),
    )  # fmt: skip
    _, out, _ = run(site, "--patience", "0.5")
    assert out.startswith("shop works, as far as it was played, and may be open")
    assert "shop.udp/c1>s1: what was played passes" in out
    assert "The proof says otherwise" not in out


def test_what_the_site_denies_on_purpose_is_neither_played_nor_broken(tmp_path):
    """Somebody else of the group is played; of a flow that is denied as a whole nothing is."""
    site = (
        _STAFF
        + """except:
  - {flow: "any 10.1.0.1 > any", reason: quarantine, owner: soc}
  - {flow: "udp any > s2:7000", reason: not yet, owner: soc}
"""
    )
    denied = ("ip saddr 10.1.0.1 drop", "ip daddr 10.2.0.12 udp dport 7000 drop")
    rules = closed(*denied, "tcp dport 8080 accept", *OTHERS)
    _, document, said = rehearse(shop(tmp_path / "site", rules, site), "--patience", "0.5")
    words = {name: one["rehearsed"] for name, one in flows(document).items()}
    assert words.pop("shop.udp/staff>s2") == "not-tried"
    assert set(words.values()) == {"passes"}, said
    assert flows(document)["shop.udp/staff>s2"]["reason"] == "the site denies it on purpose: not yet"
    assert document["verdict"] == "works"


@pytest.mark.parametrize("name", ["iif", "iifname"])
def test_interfaces_are_called_as_the_rules_call_them(name, tmp_path):
    """A host's only one has another name than the lab gives it; a firewall has one that no zone is behind."""
    accepting = (f'{name} "ens192" {rule}' for rule in ("tcp dport 8080 accept", *OTHERS))
    site = shop(
        tmp_path / "site", closed(f'{name} "mgmt0" drop', "accept"), SITE.replace("\npaths:\n", ON_HOSTS),
        s1__nft=closed(*accepting, 'iif "lo" accept').replace("forward", "input"), c1__nft=chain("input"),
    )  # fmt: skip
    _, document, said = rehearse(site, "--patience", "0.5")
    assert {one["rehearsed"] for one in document.get("flows", [])} == {"passes"}, said
    assert flows(document)["shop.tcp/c1>s1"]["decided_by"]["text"] == f'{name} "ens192" tcp dport 8080 accept'


_ASA = """ASA Version 9.8(2)
interface GigabitEthernet0/0
 nameif customer-network-1
 security-level 10
 ip address 10.1.0.1 255.255.255.0
interface GigabitEthernet0/1
 nameif servers
 security-level 50
 ip address 10.2.0.1 255.255.255.0
interface GigabitEthernet0/2
 nameif customer-network-2
 security-level 10
 ip address 10.9.0.1 255.255.255.0
access-list one extended permit tcp any any eq 8080
access-list two extended deny ip any any
access-group two in interface customer-network-2
access-group one in interface customer-network-1
: end
"""


def test_interfaces_with_long_names_are_told_apart(tmp_path):
    """The kernel's names are shorter: one that no zone is behind is not taken for one that begins alike."""
    asa = "platform: cisco-asa, config: fw.cfg, interfaces: {left: customer-network-1, right: servers}"
    site = SITE.replace("platform: nftables, config: fw.nft, interfaces: {left: eth0, right: eth1}", asa)
    _, document, _ = rehearse(shop(tmp_path / "site", site=site, fw__cfg=_ASA), "--patience", "0.5")
    found = flows(document)["shop.tcp/c1>s1"]
    assert (found["static"], found["rehearsed"], found["decided_by"]["line"]) == ("proved", "passes", 14)
    assert all(one["decided_by"]["text"] for one in document["flows"])


def test_what_has_no_words_in_nftables_contradicts_nothing(tmp_path):
    """The address of a whole network is translated: nothing is said of what comes of it, not even that it is broken."""
    nat = "object network all\n subnet 10.2.0.0 255.255.0.0\n nat (servers,customer-network-1) static 172.20.0.0\n"
    asa = "platform: cisco-asa, config: fw.cfg, interfaces: {left: customer-network-1, right: servers}"
    site = SITE.replace("platform: nftables, config: fw.nft, interfaces: {left: eth0, right: eth1}", asa)
    config = _ASA.replace("access-list one", f"{nat}access-list one", 1)
    site = shop(tmp_path / "site", site=site.replace("10.2.0.0/24", "10.2.0.0/16"), fw__cfg=config)
    _, document, _ = rehearse(site, "--patience", "0.5")
    found = flows(document)["shop.tcp/c1>s1"]
    assert (found["static"], found["rehearsed"]) == ("proved", "not-tried")
    assert "fw.cfg:16 is not rehearsed, for want of words" in found["reason"]


def test_a_port_may_be_shared(tmp_path):
    """By a server and a client, where the protocol fixes both ports; and by services of which one alone is spoken."""
    product = """
product: shop
title: Shop
components:
  shop/peer: {title: peer}
services:
  shop/one: {at: shop/peer, title: one, protocol: tcp, ports: 8080}
  shop/other: {at: shop/peer, title: other, protocol: tcp, ports: 1433}
requirements:
  shop.one: {from: shop/peer, to: shop/peer, service: shop/one, need: all, purpose: read, source-ports: 8080}
  shop.other: {from: shop/peer, to: shop/peer, service: shop/other, need: all, purpose: read}
"""
    site = SITE.replace("shop/client", "shop/peer").replace("shop/server", "shop/peer")
    _, document, said = rehearse(shop(tmp_path / "site", site=site, product=product), "--patience", "0.5")
    assert len(document["flows"]) == 12
    assert {one["rehearsed"] for one in document["flows"]} == {"passes"}, said
    assert (document["unused"], document["unplanned"]) == ([], [])


def test_where_services_share_a_port_the_one_that_is_served_is_spoken(tmp_path):
    """The web site of CRM, and one of somebody else that nobody plays."""
    site = CRM.replace("[dynamics-crm-2013]", "[dynamics-crm-2013, shop]\ncatalog: products")
    site = site.replace("sql/engine]", "sql/engine, shop/server]").replace("[crm/client]", "[crm/client, shop/client]")
    _, document, said = rehearse(shop(tmp_path / "site", site=site, product=PRODUCT.replace("8080", "80")))
    found = flows(document)
    assert found["crm.web/staff>crm01"]["rehearsed"] == found["shop.tcp/staff>crm01"]["rehearsed"] == "passes", said
