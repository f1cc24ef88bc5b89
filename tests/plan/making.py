"""Small sites of a product of their own, for tests of what is made of a plan."""

from portwright.catalog.load import load_catalog
from portwright.plan.make import make_plan
from portwright.site.load import parse_site

PRODUCT = """
product: shop
title: shop
references: {manual: {title: The manual}}
citations:
  H1: {in: manual, lines: 3-4, says: orders read stock}
  H2: {in: errata, says: "the manual prints 80; the shop answers on 443"}
  H3: {in: errata, says: the manual forgets the cache}
  H4: {in: errata, says: nobody uses telnet}
settings:
  stock.port: {kind: port-or-dynamic, default: 5432, component: shop/stock}
  stock.tls: {kind: switch, default: false}
  page.port: {kind: port, default: 443, printed: 80, component: shop/web}
  sync: {kind: choice, values: [open, pinned, tunnel], default: open, about: how stocks tell each other}
  sync.port: {kind: port-or-dynamic, default: dynamic, component: shop/stock}
components:
  shop/computer: {title: computer}
  shop/orders: {title: order service, implies: [shop/computer]}
  shop/stock: {title: stock, implies: [shop/computer]}
  shop/web: {title: web shop, implies: [shop/computer]}
  shop/cache: {title: cache}
services:
  shop/stock: {at: shop/stock, title: "stock | base", protocol: tcp, ports: "{stock.port}"}
  shop/web: {at: shop/web, title: web shop, protocol: tcp, ports: "{page.port}"}
  shop/cache: {at: shop/cache, title: cache, protocol: udp, ports: 11211}
  shop/telnet: {at: shop/stock, title: telnet, protocol: tcp, ports: 23}
  shop/sync: {at: shop/stock, title: sync, protocol: tcp, ports: 40000-40999}
  shop/sync-pinned: {at: shop/stock, title: pinned sync, protocol: tcp, ports: "{sync.port}"}
  shop/tunnel: {at: shop/stock, title: tunnel, protocol: esp}
requirements:
  shop.stock:
    from: shop/orders
    to: shop/stock
    service: shop/stock
    need: all
    purpose: read stock levels
    citations: [H1]
  shop.web:
    from: shop/orders
    to: shop/web
    service: shop/web
    need: all
    necessity: optional
    purpose: show what is sold
    citations: [H1, H2]
  shop.cache:
    from: shop/orders
    to: shop/cache
    service: shop/cache
    need: all
    purpose: be quick
    citations: [H3]
    unprinted: true
  shop.telnet:
    from: shop/orders
    to: shop/stock
    service: shop/telnet
    need: all
    purpose: look at the stock
    status: superseded
    citations: [H1, H4]
  shop.setup: {from: shop/orders, to: shop/stock, service: shop/telnet, need: all, phase: setup, purpose: install}
  shop.sync:
    from: shop/stock
    to: shop/stock
    service: shop/sync
    need: all
    when: {sync: open}
    purpose: agree
  shop.sync-pinned:
    from: shop/stock
    to: shop/stock
    service: shop/sync-pinned
    need: all
    when: {sync: pinned}
    purpose: agree
  shop.tunnel: {from: shop/stock, to: shop/stock, service: shop/tunnel, need: all, when: {sync: tunnel}, purpose: agree}
scenarios:
  buy:
    title: Buy a thing
    steps: [{step: "1", requires: shop.stock, carries: the order, user-sees: The shop is closed.}]
preconditions:
  shop.open: {says: Open the shop., citations: [H1]}
  shop.money: {says: Have money., scenarios: [buy]}
  shop.tunnel-keys: {says: Exchange keys., when: {sync: tunnel}}
"""
SITE = """
site: x
products: [shop]
zones: {left: {networks: [10.1.0.0/16]}, right: {networks: [10.2.0.0/16, "fd00:2::/32"]}, far: {rest: true}}
enforcement:
  fw: {platform: cisco-asa, interfaces: {left: inside, right: outside}}
  gw: {platform: nftables}
  on-s1: {platform: nftables, on: s1}
paths: [{between: [left, right], through: [fw]}, {between: [left, far], through: [fw, gw]}]
hosts:
  o1: {addresses: [10.1.0.1], roles: [shop/orders]}
  o2: {addresses: [10.1.0.2], roles: [shop/orders]}
  s1: {addresses: [10.2.0.1, "fd00:2::1"], roles: [shop/stock]}
  s2: {addresses: [10.2.0.2], roles: [shop/stock]}
  w1: {addresses: [10.2.0.3], roles: [shop/web, shop/cache]}
"""


def shop_site(folder, site=SITE, product=PRODUCT):
    """The site, in a folder in which the product's file is written."""
    path = folder / "shop.yaml"
    path.write_text(product, encoding="utf-8")
    return parse_site(site.encode(), folder, load_catalog([path]))


def shop_plan(folder, site=SITE, product=PRODUCT, **options):
    """The plan of the site."""
    loaded = shop_site(folder, site, product)
    return make_plan(loaded.catalog, loaded, **options)
