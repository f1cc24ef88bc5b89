"""What a site file says and its author hardly means."""

import pytest

from portwright.catalog.load import load_catalog
from portwright.findings import Kind, Severity
from portwright.plan.make import make_plan
from portwright.site.load import parse_site

CATALOG = load_catalog()
SITE = """
site: x
products: [dynamics-crm-2013]
zones: {inside: {networks: [10.1.0.0/16]}, internet: {rest: true}}
hosts:
  crm01: {addresses: [10.1.0.1], roles: [crm/full-server]}
  sql01: {addresses: [10.1.0.2], roles: [sql/engine, ssrs/report-server]}
  dc01: {addresses: [10.1.0.3], roles: [ad/pdc-emulator, ad/global-catalog, dns/server]}
  relay01: {addresses: [10.1.0.4], roles: [mail/smtp-server]}
groups:
  travelers: {zone: internet, roles: [crm/client]}
paths: [{between: [inside, internet], through: []}]
absent: {time/source: a clock of its own}
"""


def surprising(text, subject):
    """The findings about it."""
    found = make_plan(CATALOG, parse_site(text.encode(), ".", CATALOG)).findings
    return [one for one in found if one.subject.startswith(subject)]


def test_a_role_that_nothing_uses_is_told():
    """With the settings under which something would, the simplest first."""
    [found] = surprising(SITE, "idle/")
    assert (found.kind, found.severity, found.subject) == (Kind.NOTE, Severity.NOTE, "idle/relay01/mail/smtp-server")
    assert "relay01 has no flow as mail/smtp-server" in found.message
    assert found.fix.startswith("set what it is there for (ssrs.subscriptions is true; or ")


def test_a_role_that_something_uses_is_not():
    """Here the report server sends mail."""
    assert surprising(f"{SITE}settings: {{ssrs.subscriptions: true}}", "idle/") == []


def test_a_role_that_waits_for_a_partner_is_none_that_a_setting_would_use():
    """A single domain controller replicates with nobody, and is in order."""
    alone = SITE.replace("  relay01: {addresses: [10.1.0.4], roles: [mail/smtp-server]}\n", "")
    assert surprising(alone, "idle/") == []


def test_members_of_the_domain_anywhere_are_told():
    """They would open the domain controllers to the Internet; leaving out the role settles it."""
    [found] = surprising(SITE, "anywhere/")
    assert (found.kind, found.severity) == (Kind.LINT, Severity.WARNING)
    assert "travelers may have any address of zone internet" in found.message
    assert "as windows/computer" in found.message
    assert "to dc01: they would be open to everybody" in found.message
    assert "without: [windows/computer]" in found.fix


@pytest.mark.parametrize(
    "narrower",
    [
        "zone: internet, without: [windows/computer]",
        "zone: internet, networks: [198.51.100.0/24]",
        "zone: inside, networks: [10.1.8.0/24]",
    ],
)
def test_whoever_is_in_no_domain_or_somewhere_certain_is_not(narrower):
    """What stays open to everybody is what they are there for: the web site."""
    assert surprising(SITE.replace("zone: internet, roles", f"{narrower}, roles"), "anywhere/") == []
