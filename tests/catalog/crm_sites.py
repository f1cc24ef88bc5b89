"""Small sites of CRM, with one firewall between users, CRM and data, and what is asked of their plans."""

from pathlib import Path

from portwright.catalog.load import load_catalog
from portwright.catalog.model import Phase, Reading
from portwright.plan.make import make_plan
from portwright.site.load import parse_site

CATALOG = load_catalog()
OURS = ("crm.", "ssrs.", "sql.", "d365.")

HEAD = """
site: small
products: [{product}]
zones:
  users: {{networks: [10.1.0.0/24]}}
  app:   {{networks: [10.2.0.0/24]}}
  data:  {{networks: [10.3.0.0/24]}}
  far:   {{rest: true}}
groups:
  staff: {{zone: users, roles: [crm/client]}}
  admins: {{zone: users, networks: [10.1.0.0/28], roles: [admin/workstation]}}
enforcement:
  fw: {{platform: nftables, interfaces: {{users: eth0, app: eth1, data: eth2, far: eth3}}}}
paths:
  - {{between: [[users, app, data, far], [users, app, data, far]], through: [fw]}}
absent: {{ad/domain-controller: elsewhere, dns/server: elsewhere, time/source: elsewhere}}
hosts:
"""
FULL = "crm: {addresses: 10.2.0.1, roles: [crm/full-server]}"
SQL = "sql: {addresses: 10.3.0.1, roles: [sql/engine]}"
NAMED = "sql: {addresses: 10.3.0.1, roles: [{sql/engine: {instance: CRM, port: 14330}}]}"
SSRS = "ssrs: {addresses: 10.3.0.2, roles: [ssrs/report-server]}"
SPLIT = (
    "fe: {addresses: 10.2.0.1, roles: [crm/front-end]}",
    "be: {addresses: 10.2.0.2, roles: [crm/async, crm/deployment]}",
    "sbx: {addresses: 10.2.0.3, roles: [crm/sandbox]}",
    SQL,
    SSRS,
)
EXCHANGE = "exch: {addresses: 10.2.0.9, roles: [exchange/server, mail/smtp-server]}"


def small(*hosts, settings="", more="", product="dynamics-crm-2013", reading=Reading.CORRECTED):
    """The plan, for every phase, of a site with these hosts."""
    text = HEAD.format(product=product) + "".join(f"  {host}\n" for host in hosts or (FULL, SQL, SSRS))
    text += (f"settings: {{{settings}}}\n" if settings else "") + more
    site = parse_site(text.encode(), Path(), CATALOG)
    return make_plan(site.catalog, site, phases=list(Phase), reading=reading)


def flows(plan, *requirements):
    """The flows of requirements, or of all of ours: `crm.web/staff>crm tcp 80`."""
    found = (flow for flow in plan.flows if flow.requirement.id.startswith(OURS))
    return {f"{flow.id} {flow.describe()}" for flow in found if not requirements or flow.requirement.id in requirements}


def advice(plan):
    """The support rules that the plan meets."""
    return {finding.subject for finding in plan.findings if finding.kind.value == "lint"}


def undecided(plan):
    """What the plan cannot settle, by flow or subject."""
    return {finding.flow or finding.subject for finding in plan.findings if finding.kind.value == "undecided"}
