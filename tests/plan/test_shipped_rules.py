"""The support rules that ship: each is met on a site made for it, is silent once that is mended, and on the example."""

from datetime import date
from pathlib import Path

import pytest

from portwright.catalog.load import load_catalog
from portwright.findings import Kind
from portwright.plan.make import make_plan
from portwright.site.load import load_site, parse_site

CATALOG = load_catalog()
F6 = Path(__file__).parents[2] / "examples" / "f6" / "site.yaml"
TODAY = date(2026, 1, 1)
SITE = """
site: x
products: [{products}]
zones: {{near: {{networks: [10.1.0.0/16]}}, far: {{rest: true}}}}
enforcement: {{fw: {{platform: nftables}}}}
paths: [{{between: [near, far], through: [fw]}}]
outside: {{{outside}}}
settings: {{{settings}}}
hosts:
{hosts}
"""
EVERYTHING = "dynamics-crm-2013, active-directory, ad-fs, exchange, mail"
LATER = EVERYTHING.replace("dynamics-crm-2013", "dynamics-365-9.1")

FE, BE, SBX = "fe: crm/front-end", "be: crm/async", "sbx: crm/sandbox"
DC, EXCH, ER = "dc: ad/domain-controller", "exch: exchange/server", "er: crm/email-router"
ONLINE = "exchange/online: {zone: far}"
SYNC = "mail.mode: server-side, "
TWO = "fe1: crm/front-end {crm.deployment: one}", "fe2: crm/front-end {crm.deployment: two}"

# rule -> hosts (`name: role {settings}`, after `far` those behind the firewall), settings of the site, the mended site
CASES = {
    "ad.pinned-ports-apart": (
        [DC],
        "replication: pinned, ntds.port: 5000, netlogon.port: 5000",
        {"netlogon.port: 5000": "netlogon.port: 5001"},
    ),
    "ad.directory-and-dfsr-apart": (
        [DC],
        "replication: pinned, ntds.port: 5000, dfsr.port: 5000",
        {"replication: pinned": "replication: dynamic"},
    ),
    "ad.netlogon-and-dfsr-apart": (
        [DC],
        "replication: pinned, netlogon.port: 5000, dfsr.port: 5000",
        {"dfsr.port: 5000": "dfsr.port: dynamic"},
    ),
    "ad.open-replication": ([DC, "far", "dc2: ad/rodc"], "", {"settings: {": "settings: {replication: ipsec"}),
    "adfs.proxy-on-server": (["fs: adfs/server, adfs/proxy"], "", {"adfs/server, adfs/proxy": "adfs/server"}),
    "crm.claims-over-http": ([FE], "authentication: claims", {"claims": "claims, web.scheme: https"}),
    "crm.adfs-listener": (["fe: crm/front-end, adfs/server"], "adfs.version: 2012r2", {"2012r2": "2016"}),
    "crm.adfs-sandbox": (["sbx: crm/sandbox, adfs/server"], "adfs.version: 2012r2", {"adfs/server]": "ad/member]"}),
    "crm.adfs-web": (["fe: crm/front-end, adfs/server"], "web.scheme: https", {"https": "https, web.port: 444"}),
    "crm.mixed-mail-profile": ([BE], SYNC + "mail.profile: exchange-smtp", {"exchange-smtp": "exchange"}),
    "crm.exchange-online": ([BE, "online"], SYNC, {"server-side": "none"}),
    "crm.exchange-too-old": (
        [BE + " {mail.mode: server-side}", EXCH + " {exchange.version: 2007}"],
        "",
        {"version: 2007": "version: 2010"},
    ),
    "crm.exchange-unlisted": ([BE, EXCH], SYNC + "exchange.version: 2019", {"version: 2019": "version: 2013"}),
    "crm.ews-in-clear": ([BE, EXCH], SYNC + "ews.scheme: http", {"ews.scheme: http": "ews.scheme: https"}),
    "crm.direct-sql-views": ([FE], "excel_dynamic_export: true", {"export: true": "export: false"}),
    "crm.sandbox-port": (
        [FE + " {sandbox.port: 909}", BE + " {sandbox.port: 909}", SBX],
        "",
        {"{sandbox.port: 909}": "{}"},
    ),
    "crm.web-and-listener": ([FE], "web.port: 808", {"web.port: 808": "web.port: 809"}),
    "crm.web-and-sandbox": (
        ["fs: crm/full-server"],
        "web.port: 909, sandbox.port: 909",
        {"web.port: 909": "web.port: 910"},
    ),
    "crm.one-report-server": ([*TWO, "rs: ssrs/report-server"], "", {"deployment: two": "deployment: one"}),
    "crm.report-server-mode": (
        ["rs: ssrs/report-server {ssrs.mode: sharepoint}"],
        "",
        {"mode: sharepoint": "mode: native"},
    ),
    "exchange.filtered": ([EXCH, "far", "e2: exchange/server"], "", {"through: [fw]": "through: []"}),
    "exchange.filtered-directory": (
        [EXCH + " {ad.forest: a}", "far", "dc: ad/global-catalog {ad.forest: a}"],
        "",
        {"global-catalog], settings: {ad.forest: a": "global-catalog], settings: {ad.forest: b"},
    ),
    "d365.router-deprecated": ([ER], "mail.mode: router", {"mail.mode: router": "mail.mode: none"}),
    "d365.router-left-over": ([ER], "mail.mode: none", {"mail.mode: none": "mail.mode: router"}),
    "d365.router-or-synchronization": (
        [ER + " {mail.mode: router}", BE],
        SYNC,
        {"mail.mode: router": "mail.mode: server-side"},
    ),
}


def written(rule):
    """The text of the site on which a rule is met."""
    entries, settings, _ = CASES[rule]
    outside = ONLINE if "online" in entries else ""
    far = entries.index("far") if "far" in entries else len(entries)
    lines = []
    for number, entry in enumerate(entries):
        if entry in ("far", "online"):
            continue
        name, roles, own = (*entry.replace(" {", ": {").split(": ", 2), "{}")[:3]
        address = f"192.0.2.{number}" if number > far else f"10.1.0.{number + 1}"
        lines.append(f"  {name}: {{addresses: [{address}], roles: [{roles}], settings: {own}}}")
    products = LATER if rule.startswith("d365.") else EVERYTHING
    return SITE.format(products=products, outside=outside, settings=settings, hosts="\n".join(lines))


def met(text):
    """The rules that are met on a site."""
    plan = make_plan(CATALOG, parse_site(text.encode(), Path(), CATALOG), today=TODAY)
    return {finding.subject.partition("/")[0]: finding for finding in plan.findings if finding.kind is Kind.LINT}


def test_every_rule_has_a_case():
    """And no case is about a rule that there is not."""
    assert set(CASES) == set(CATALOG.rules)


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_is_met_and_mended(rule):
    """It is met on the site made for it; with the one change it is silent."""
    text = written(rule)
    finding = met(text)[rule]
    assert finding.message.startswith(CATALOG.rules[rule].says.rstrip("."))
    assert finding.citations == CATALOG.rules[rule].citations
    assert finding.fix
    assert finding.citations
    for old, new in CASES[rule][2].items():
        assert old in text
        assert rule not in met(text.replace(old, new))


def test_a_mixed_profile_is_no_matter_of_later_versions_that_leave_a_rule_out():
    """What a later version supports is left out of its rules."""
    text = written("crm.exchange-online").replace("dynamics-crm-2013", "dynamics-365-9.1")
    assert "crm.exchange-online" not in met(text)


def test_no_rule_is_met_on_the_example():
    """F6 is supported."""
    site = load_site(F6)
    assert not [finding for finding in make_plan(site.catalog, site, today=TODAY).findings if finding.kind is Kind.LINT]
