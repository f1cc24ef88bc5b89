"""A small site for tests of what a rehearsal says: two zones, a firewall between them, services that echo."""

from pathlib import Path

PRODUCT = """
product: shop
title: Shop
components:
  shop/server: {title: server}
  shop/client: {title: client}
services:
  shop/tcp: {at: shop/server, title: TCP, protocol: tcp, ports: 8080}
  shop/udp: {at: shop/server, title: UDP, protocol: udp, ports: 7000}
  shop/ping: {at: shop/server, title: ping, protocol: icmp}
requirements:
  shop.tcp: {from: shop/client, to: shop/server, service: shop/tcp, need: all, purpose: read}
  shop.udp: {from: shop/client, to: shop/server, service: shop/udp, need: all, purpose: read}
  shop.ping: {from: shop/client, to: shop/server, service: shop/ping, need: all, purpose: read}
"""
SITE = """
site: shop
products: [shop]
catalog: products
zones:
  left: {networks: [10.1.0.0/24]}
  right: {networks: [10.2.0.0/24]}
hosts:
  c1: {addresses: [10.1.0.11], roles: [shop/client]}
  s1: {addresses: [10.2.0.11], roles: [shop/server]}
  s2: {addresses: [10.2.0.12], roles: [shop/server]}
enforcement:
  fw: {platform: nftables, config: fw.nft, interfaces: {left: eth0, right: eth1}}
paths:
  - {between: [left, right], through: [fw]}
"""
OPEN = """
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy accept;
	}
}
"""
# What stands behind `enforcement:` where hosts have firewalls of their own.
ON_HOSTS = """
  s1-fw: {platform: nftables, config: s1.nft, on: s1}
  c1-fw: {platform: nftables, config: c1.nft, on: c1}
paths:
"""
# Rules beside those of shop.tcp.
OTHERS = ("udp dport 7000 accept", "icmp type echo-request accept")
REPLIES = "ct state established accept"


def shop(folder: Path, rules: str = OPEN, site: str = SITE, product: str = PRODUCT, **files: str) -> Path:
    """The site file of a shop with these rules at its firewall `fw`; in the names of other files __ is a dot."""
    texts = {"site.yaml": site, "fw.nft": rules, "products/shop.yaml": product}
    texts |= {name.replace("__", "."): text for name, text in files.items()}
    (folder / "products").mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "site.yaml"


def flows(document: dict) -> dict:
    """The flows of a rehearsal by their ids."""
    return {one["id"]: one for one in document["flows"]}


def via(flow: dict) -> list[list[str]]:
    """The texts of the lines that decided about each exchange of a flow."""
    return [[rule["text"] for rule in exchange["via"]] for exchange in flow["exchanges"]]


def chain(hook: str, *rules: str) -> str:
    """A ruleset with one chain that accepts what these rules do not decide about."""
    lines = "".join(f"\t\t{rule}\n" for rule in rules)
    return (
        f"table inet filter {{\n\tchain {hook} {{\n\t\ttype filter hook {hook} priority filter; policy accept;\n"
        f"{lines}\t}}\n}}\n"
    )


def closed(*rules: str) -> str:
    """A ruleset that forwards replies and what these rules let through, and nothing else."""
    return chain("forward", REPLIES, *rules).replace("policy accept", "policy drop")
