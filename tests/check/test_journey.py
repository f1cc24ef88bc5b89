"""Where points translate addresses: every client, and every address of the destination, is part of the proof."""

import pytest

from portwright.catalog.load import load_catalog
from portwright.check.points import Reading
from portwright.check.run import Check
from portwright.findings import Kind
from portwright.plan.make import make_plan
from portwright.platforms import read
from portwright.site.load import parse_site

PRODUCT = """
product: shop
title: shop
citations: {H1: {in: white-paper, says: because}}
components: {shop/client: {title: client}, shop/server: {title: server}}
services: {shop/web: {at: shop/server, title: web, protocol: tcp, ports: 443}}
requirements:
  shop.web: {from: shop/client, to: shop/server, service: shop/web, need: all, purpose: buy, citations: [H1]}
"""
SITE = """
site: x
products: [shop]
zones: {left: {networks: [10.1.0.0/16, fd00:1::/64]}, right: {networks: [10.2.0.0/16, fd00:2::/64]}}
enforcement: {fw: {platform: nftables, interfaces: {left: l, right: r}}}
paths: [{between: [left, right], through: [fw]}]
hosts: {server: {addresses: [10.2.0.5, "fd00:2::5"], roles: [shop/server]}}
groups: {clients: {zone: left, networks: [10.1.0.0/16, fd00:1::/64], roles: [shop/client]}}
"""
RULES = """
table inet filter {{
 chain forward {{
  type filter hook forward priority filter; policy drop;
  ct state established,related accept
  {forward}
 }}
 chain prerouting {{
  type nat hook prerouting priority dstnat; policy accept;
  {prerouting}
 }}
}}
"""
TO = "ip daddr 192.0.2.10 tcp dport 443 dnat ip to 10.2.0.5"
V4 = "ip saddr 10.1.0.0/16 ip daddr 10.2.0.5 tcp dport 443 accept"
V6 = "ip6 saddr fd00:1::/64 ip6 daddr fd00:2::5 tcp dport 443 accept"


def checked(tmp_path, *forward, prerouting=TO):
    (tmp_path / "shop.yaml").write_text(PRODUCT)
    catalog = load_catalog([tmp_path / "shop.yaml"])
    plan = make_plan(catalog, parse_site(SITE.encode(), tmp_path, catalog))
    text = RULES.format(forward="\n  ".join(forward), prerouting=prerouting)
    return Check(plan, {"fw": Reading(read("nftables", text, "fw.nft"), text)}).run()


def witnesses(report, kind):
    return [finding.witness for finding in report.findings if finding.kind is kind]


def test_both_families_are_proved(tmp_path):
    """IPv4 by the public address, IPv6 by the server's own."""
    assert checked(tmp_path, V4, V6).verdict == "proved"


def test_the_family_without_a_translation_is_not_forgotten(tmp_path):
    """Nobody translates IPv6, so it has to pass as it is."""
    [witness] = witnesses(checked(tmp_path, V4), Kind.MISSING)
    assert witness.startswith("tcp [fd00:1::")


def test_clients_whom_no_rule_translates_are_not_forgotten(tmp_path):
    """They send to the server's own address."""
    some = f"ip saddr 10.1.0.0/24 {TO}"
    assert checked(tmp_path, V4, V6, prerouting=some).verdict == "proved"
    translated = V4.replace("10.1.0.0/16", "10.1.0.0/24")
    [witness] = witnesses(checked(tmp_path, translated, V6, prerouting=some), Kind.MISSING)
    assert "10.1.0." not in witness.split(">")[0]
    assert "> 10.2.0.5:443" in witness


@pytest.mark.parametrize(("to", "lands"), [("10.2.0.6", "10.2.0.6"), ("10.2.0.5:8443", "10.2.0.5")])
def test_a_translation_away_from_the_destination_is_missing(tmp_path, to, lands):
    """The server's own address, translated, leads to another host or port."""
    away = f"ip daddr 10.2.0.5 tcp dport 443 dnat ip to {to}"
    report = checked(tmp_path, "tcp dport { 443, 8443 } accept", prerouting=away)
    [found] = [one for one in report.findings if one.kind is Kind.MISSING]
    assert "> 10.2.0.5:443" in found.witness
    assert found.decided_by[0].text.startswith("ip daddr 10.2.0.5")


def test_any_public_address_will_do(tmp_path):
    """Two lead to the server, and one of them is filtered before it is translated."""
    both = "ip daddr { 192.0.2.10, 192.0.2.11 } tcp dport 443 dnat ip to 10.2.0.5"
    assert checked(tmp_path, V4, V6, prerouting=both).verdict == "proved"
    first = "type filter hook prerouting priority raw; ip daddr 192.0.2.11 drop"
    one = f"table inet raw {{\n chain prerouting {{\n {first}\n }}\n}}\n"
    (tmp_path / "shop.yaml").write_text(PRODUCT)
    catalog = load_catalog([tmp_path / "shop.yaml"])
    plan = make_plan(catalog, parse_site(SITE.encode(), tmp_path, catalog))
    text = one + RULES.format(forward=f"{V4}\n  {V6}", prerouting=both)
    assert Check(plan, {"fw": Reading(read("nftables", text, "fw.nft"), text)}).run().verdict == "proved"


ONLY_V4 = SITE.replace(", fd00:1::/64", "").replace(", fd00:2::/64", "").replace(', "fd00:2::5"', "")


def judged(tmp_path, text, site=ONLY_V4, product=PRODUCT):
    (tmp_path / "shop.yaml").write_text(product)
    catalog = load_catalog([tmp_path / "shop.yaml"])
    plan = make_plan(catalog, parse_site(site.encode(), tmp_path, catalog))
    return Check(plan, {"fw": Reading(read("nftables", text, "fw.nft"), text)}).run()


def hooked(hook, priority, rule):
    """A table of its own with one base chain."""
    kind = "nat" if priority in ("srcnat", "dstnat") else "filter"
    name = f"{hook}_{priority}"
    return f"table inet {name} {{\n chain {name} {{\n type {kind} hook {hook} priority {priority};\n {rule}\n }}\n}}\n"


OUTWARD = hooked("postrouting", "srcnat", "ip saddr 10.1.0.0/16 snat ip to 192.0.2.1")


@pytest.mark.parametrize(
    "extra",
    [
        OUTWARD + hooked("prerouting", "raw", "ip daddr 192.0.2.1 drop"),
        OUTWARD + hooked("prerouting", "raw", 'iifname "r" ip daddr != 10.0.0.0/8 drop'),
        hooked("prerouting", "dstnat", TO) + hooked("postrouting", "200", "ip saddr 192.0.2.10 drop"),
        hooked("prerouting", "dstnat", TO) + hooked("prerouting", "raw", "ip saddr 10.2.0.5 tcp sport 443 notrack"),
    ],
    ids=["raw", "raw by network", "late", "notrack"],
)
def test_replies_are_never_proved_by_the_wrong_look(tmp_path, extra):
    """Filters before and behind the translation of replies see other addresses than those between."""
    forward = hooked("forward", "filter", f"ct state established,related accept\n {V4}\n drop")
    assert judged(tmp_path, forward).verdict == "proved"
    assert judged(tmp_path, forward + extra).verdict != "proved"


@pytest.mark.parametrize(
    ("hook", "priority", "verdict"),
    [
        ("prerouting", "raw", "proved"),
        ("forward", "-10", "proved"),
        ("postrouting", "mangle", "proved"),
        ("postrouting", "100", "undecided"),  # of two equal priorities the last one registered comes first
        ("postrouting", "200", "findings"),
    ],
)
def test_replies_get_the_published_address_behind_the_nat_chains_alone(tmp_path, hook, priority, verdict):
    """The hook and the priority of a chain say what it sees, also where nothing translates sources."""
    text = hooked("forward", "filter", f"ct state established,related accept\n {V4}\n drop")
    text += hooked("prerouting", "dstnat", TO) + hooked(hook, priority, "ip saddr 192.0.2.10 drop")
    assert judged(tmp_path, text).verdict == verdict


@pytest.mark.parametrize(
    ("hook", "priority", "verdict"),
    [
        ("prerouting", "raw", "findings"),
        ("prerouting", "-100", "undecided"),
        ("prerouting", "-50", "proved"),
        ("forward", "-10", "proved"),
        ("postrouting", "mangle", "proved"),
    ],
)
def test_replies_have_the_hidden_address_before_the_nat_chains_alone(tmp_path, hook, priority, verdict):
    """The hook and the priority of a chain say what it sees, also where nothing translates destinations."""
    text = hooked("forward", "filter", f"ct state established,related accept\n {V4}\n drop")
    text += OUTWARD + hooked(hook, priority, "ip daddr 192.0.2.1 drop")
    assert judged(tmp_path, text).verdict == verdict


def test_many_ports_led_to_one_do_not_all_arrive(tmp_path):
    """Whoever asks for another port than that one reaches nothing."""
    product = PRODUCT.replace("ports: 443", "ports: 5000-5100")
    forward = hooked("forward", "filter", "ct state established,related accept\n tcp dport 5000-5100 accept\n drop")
    led = hooked("prerouting", "dstnat", "ip daddr 10.2.0.5 tcp dport 5000-5100 dnat ip to 10.2.0.5:5000")
    assert judged(tmp_path, forward + led, product=product).verdict != "proved"


def test_what_strays_excuses_nothing(tmp_path):
    """A flow denied on purpose and led to another host does not make that host's port needed."""
    text = hooked(
        "forward", "filter", "ct state established,related accept\n ip daddr 10.2.0.6 tcp dport 443 accept\n drop"
    )
    text += hooked("prerouting", "dstnat", "ip daddr 10.2.0.5 tcp dport 443 dnat ip to 10.2.0.6")
    site = ONLY_V4.replace("hosts: {", "hosts: {other: {addresses: [10.2.0.6]}, ")
    site += 'except: [{flow: "tcp clients > server:443", reason: later, owner: net}]\n'
    assert witnesses(judged(tmp_path, text, site), Kind.EXCESS)


def test_a_point_that_translates_and_sees_replies_alone_is_judged(tmp_path):
    """The requests come by no point at all."""
    site = ONLY_V4.replace(
        "{between: [left, right], through: [fw]}", "{from: left, to: right, through: [], back: [fw]}"
    )
    text = hooked("forward", "filter", "accept") + hooked("prerouting", "dstnat", TO)
    assert not witnesses(judged(tmp_path, text, site), Kind.REPLY_BYPASSES)
    closed = hooked("forward", "filter", "drop") + hooked("prerouting", "dstnat", TO)
    assert witnesses(judged(tmp_path, closed, site), Kind.REPLY_BYPASSES)
