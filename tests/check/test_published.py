"""A private address that clients on the Internet use: they can send to it only where a point publishes it."""

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
services: {shop/web: {at: shop/server, title: web, protocol: tcp, ports: "443,8443"}}
requirements:
  shop.web: {from: shop/client, to: shop/server, service: shop/web, need: all, purpose: buy, citations: [H1]}
"""
SITE = """
site: x
products: [shop]
zones: {internet: {rest: true}, dmz: {networks: [10.2.0.0/16]}}
enforcement: {fw: {platform: nftables, interfaces: {internet: wan, dmz: lan}}}
paths: [{between: [internet, dmz], through: [fw]}]
hosts: {server: {addresses: [10.2.0.5], roles: [shop/server]}}
groups: {clients: {zone: internet, networks: [CLIENTS], roles: [shop/client]}}
"""
RULES = """
table inet filter {{
 chain forward {{
  type filter hook forward priority filter; policy drop;
  ct state established,related accept
  iifname "wan" oifname "lan" ip saddr {clients} ip daddr 10.2.0.5 {protocol} dport {{ 443, 8443 }} accept
 }}
}}
table ip nat {{
 chain prerouting {{
  type nat hook prerouting priority dstnat; policy accept;
  {to}
 }}
 chain postrouting {{
  type nat hook postrouting priority srcnat; policy accept;
  {source}
 }}
}}
"""
TWO_WAYS = "paths: [{from: internet, to: dmz, through: [fw], back: [other]}]"
MASQUERADE = 'oifname "wan" masquerade'
PUBLISHED = 'iifname "wan" ip daddr 203.0.113.10 tcp dport { 443, 8443 } dnat to 10.2.0.5'


def checked(tmp_path, to, source=MASQUERADE, clients="198.51.100.0/24", site=SITE, protocol="tcp", **others):
    (tmp_path / "shop.yaml").write_text(PRODUCT.replace("protocol: tcp", f"protocol: {protocol}"))
    catalog = load_catalog([tmp_path / "shop.yaml"])
    plan = make_plan(catalog, parse_site(site.replace("CLIENTS", clients).encode(), tmp_path, catalog))
    text = RULES.format(to=to, source=source, clients=clients, protocol=protocol)
    configs = {"fw": text, **others}
    readings = {name: Reading(read("nftables", text, f"{name}.nft"), text) for name, text in configs.items()}
    return Check(plan, readings).run()


def test_what_is_published_is_proved(tmp_path):
    """Both ports lead to the server."""
    assert checked(tmp_path, PUBLISHED).verdict == "proved"


def test_ports_that_are_published_crosswise_are_not_proved(tmp_path):
    """Whoever asks for one service gets the other."""
    led = 'iifname "wan" ip daddr 203.0.113.10 tcp dport {} dnat to 10.2.0.5:{}'
    crosswise = [led.format(443, 8443), led.format(8443, 443)]
    assert checked(tmp_path, "\n  ".join(crosswise)).verdict == "findings"


@pytest.mark.parametrize(
    ("to", "witness", "reason"),
    [
        # one port was forgotten: the forward chain would let it pass to the address that nobody can send to
        (PUBLISHED.replace("{ 443, 8443 }", "443"), "tcp 198.51.100.10:40000 > 203.0.113.10:8443", ""),
        # one leads to another host
        (
            'iifname "wan" ip daddr 203.0.113.10 dnat ip to tcp dport map { 443 : 10.2.0.5, 8443 : 10.2.0.6 }',
            "tcp 198.51.100.10:40000 > 203.0.113.10:8443",
            "it translates the packets to 10.2.0.6:8443, which is not where they are meant to go",
        ),
        # all arrive on another port
        (
            PUBLISHED.replace("to 10.2.0.5", "to 10.2.0.5:80"),
            "tcp 198.51.100.10:40000 > 203.0.113.10:443",
            "it translates the packets to 10.2.0.5:80, which is not where they are meant to go",
        ),
        # some clients are left out
        (PUBLISHED.replace("ip daddr", "ip saddr 198.51.100.0/25 ip daddr"), "tcp 198.51.100.128:40000", ""),
    ],
)
def test_a_port_that_is_not_published_is_missing(tmp_path, to, witness, reason):
    """Clients send to the public address, where that packet goes elsewhere or nowhere."""
    [found] = [one for one in checked(tmp_path, to).findings if one.kind is Kind.MISSING]
    assert found.witness.startswith(witness)
    assert found.decided_by[0].reason == reason or not reason


def test_a_server_that_is_hidden_and_not_published_is_undecided(tmp_path):
    """It answers with a public address, so that its own cannot be what clients use."""
    report = checked(tmp_path, "counter")
    [found] = [one for one in report.findings if one.kind is Kind.UNDECIDED]
    assert report.verdict == "undecided"
    assert found.point == "fw"
    assert "10.2.0.5:443" in found.message


def test_the_site_may_say_what_the_configuration_does_not(tmp_path):
    """With its own entry under nat, the address is published."""
    said = SITE + 'nat: [{at: fw, from: internet, to: "203.0.113.10", becomes: server}]\n'
    assert checked(tmp_path, "counter", site=said).verdict == "proved"


@pytest.mark.parametrize(("source", "clients"), [("counter", "198.51.100.0/24"), (MASQUERADE, "172.16.0.0/16")])
def test_an_address_within_reach_needs_no_other(tmp_path, source, clients):
    """Nothing hides it; or the clients have private addresses themselves."""
    assert checked(tmp_path, "counter", source, clients).verdict == "proved"


def test_an_exception_holds_for_the_public_address_too(tmp_path):
    """Written with the server's own address, it spares the packets by which that is reached."""
    half = PUBLISHED.replace("ip daddr", "ip saddr 198.51.100.0/25 ip daddr")
    spared = '{flow: "tcp 198.51.100.128/25 > server", reason: forged, owner: soc}'
    assert checked(tmp_path, half, site=f"{SITE}except: [{spared}]\n").verdict == "proved"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_replies_have_to_come_back_to_who_translated(tmp_path, protocol):
    """Another firewall that lets everything pass does not help."""
    site = SITE.replace("paths: [{between: [internet, dmz], through: [fw]}]", TWO_WAYS)
    site = site.replace("enforcement: {fw:", "enforcement: {other: {platform: nftables}, fw:")
    open_ = "table inet filter {\n chain forward {\n  type filter hook forward priority 0; policy accept;\n }\n}\n"
    to = PUBLISHED.replace("tcp dport", f"{protocol} dport")
    report = checked(tmp_path, to, site=site, protocol=protocol, other=open_)
    [found] = [one for one in report.findings if one.kind is Kind.REPLY_BYPASSES and one.point == "fw"]
    assert found.decided_by[0].text == to
    assert "do not come to it" in found.decided_by[0].reason
