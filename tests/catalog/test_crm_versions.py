"""Dynamics 365 9.1 beside CRM 2013: what differs, and that nothing else does."""

import pytest
from tests.catalog.crm_sites import CATALOG, EXCHANGE, FULL, SPLIT, SQL, SSRS, advice, flows, small, undecided

from portwright.catalog.model import Reading

ONLINE = "outside: {exchange/online: {zone: far}, microsoft/identity-platform: {zone: far}}\n"
SYNCHRONIZED = "mail: {mode: server-side, profile: exchange}, exchange.version: online"


def test_what_is_left_out_of_9_1_and_what_is_new():
    """The whole list: Exchange Online and tokens for it, and the E-mail Router on its way out."""
    product = CATALOG.products["dynamics-365-9.1"]
    assert product.based_on == "dynamics-crm-2013"
    assert set(product.leaves_out) == {"crm.exchange-online", "crm.exchange-unlisted", "crm.sync-on-premises"}
    new = {
        name: {part.id for part in getattr(CATALOG, name).values() if part.product == product.id}
        for name in ("requirements", "scenarios", "rules", "preconditions")
    }
    assert new == {
        "requirements": {"d365.exchange-online", "d365.identity-platform"},
        "scenarios": set(),
        "rules": {"d365.router-deprecated", "d365.router-left-over", "d365.router-or-synchronization"},
        "preconditions": {
            "d365.hybrid-profile",
            "d365.internet-facing",
            "d365.fips",
            "d365.organization-service",
            "d365.web-api",
            "d365.ipv6",
        },
    }


def test_9_1_needs_what_2013_needs():
    """The same site, the same flows, in both readings."""
    for reading in Reading:
        old, new = (small(*SPLIT, product=one, reading=reading) for one in ("dynamics-crm-2013", "dynamics-365-9.1"))
        assert flows(old) == flows(new)
        assert (new.unplaced, advice(new)) == ((), set())


def test_9_1_with_exchange_online():
    """Supported, unlike with 2013; tokens come from the identity platform."""
    old, new = (
        small(FULL, SQL, SSRS, settings=SYNCHRONIZED, more=ONLINE, product=product)
        for product in ("dynamics-crm-2013", "dynamics-365-9.1")
    )
    assert flows(new) - flows(old) == {
        "d365.exchange-online/crm>exchange/online tcp 443",
        "d365.identity-platform/crm>microsoft/identity-platform tcp 443",
    }
    assert flows(old) <= flows(new)
    assert "crm.sync-exchange/crm>exchange/online tcp 443" in flows(new)
    assert "crm.exchange-online/exchange/online" in advice(old)
    assert advice(new) == set()


def test_9_1_with_mailboxes_here_and_there():
    """Some in Exchange Online, the others on a server of the site's own, which the site names."""
    exchange = "exch: {addresses: 10.2.0.9, roles: [exchange/server], settings: {exchange.version: 2016}}"
    crm = FULL.replace("]}", "], uses: {crm.sync-exchange: exch}}")
    plan = small(crm, SQL, SSRS, exchange, settings=SYNCHRONIZED, more=ONLINE, product="dynamics-365-9.1")
    assert flows(plan, "crm.sync-exchange", "d365.exchange-online") == {
        "crm.sync-exchange/crm>exch tcp 443",
        "d365.exchange-online/crm>exchange/online tcp 443",
    }
    assert (undecided(plan), advice(plan)) == (set(), set())


@pytest.mark.parametrize(
    ("version", "product", "supported"),
    [
        (2007, "dynamics-crm-2013", False),
        (2010, "dynamics-crm-2013", True),
        (2013, "dynamics-crm-2013", True),
        (2016, "dynamics-crm-2013", False),
        (2007, "dynamics-365-9.1", False),
        (2010, "dynamics-365-9.1", True),
        (2016, "dynamics-365-9.1", True),
        (2019, "dynamics-365-9.1", True),
    ],
)
def test_which_exchange_a_version_synchronizes_with(version, product, supported):
    """The matrix of 2013 and that of 9.1."""
    settings = f"mail: {{mode: server-side, profile: exchange}}, exchange.version: {version}"
    found = advice(small(FULL, SQL, SSRS, EXCHANGE, settings=settings, product=product))
    assert (found == set()) is supported


@pytest.mark.parametrize(
    ("router", "mode", "met"),
    [
        ("router", "router", {"d365.router-deprecated"}),
        ("server-side", "server-side", {"d365.router-left-over"}),
        ("router", "server-side", {"d365.router-deprecated", "d365.router-or-synchronization"}),
    ],
)
def test_router_or_synchronization(router, mode, met):
    """Never both, and rather the second."""
    er = f"er: {{addresses: 10.2.0.8, roles: [crm/email-router], settings: {{mail.mode: {router}}}}}"
    settings = f"mail: {{mode: {mode}, profile: exchange}}"
    found = advice(small(FULL, SQL, SSRS, EXCHANGE, er, settings=settings, product="dynamics-365-9.1"))
    assert {subject.partition("/")[0] for subject in found} == met
    old = small(FULL, SQL, SSRS, EXCHANGE, er, settings=settings)
    assert advice(old) == set()  # of 2013 nothing is said against it
