"""Small sites to try a part of the catalog on: what every site of CRM has, and the lines that a test is about."""

from pathlib import Path

from portwright.catalog.load import load_catalog
from portwright.catalog.model import Phase, Reading
from portwright.packets.names import protocol_name
from portwright.packets.notation import ports_text
from portwright.plan.make import make_plan
from portwright.plan.ports import ports_on
from portwright.site.load import load_site, parse_site

CATALOG = load_catalog()
EXAMPLES = Path(__file__).parents[2] / "examples"

BASE = """
site: small
products: [dynamics-crm-2013, citrix]
zones:
  inside: {networks: [10.1.0.0/16]}
  dmz: {networks: [10.2.0.0/16]}
  internet: {rest: true}
hosts:
  crm: {addresses: [10.1.0.11], roles: [crm/full-server]}
  data: {addresses: [10.1.0.21], roles: [sql/engine, ssrs/report-server]}
"""
PATHS = """
absent: {time/source: of no matter}
enforcement: {outer: {platform: nftables}, inner: {platform: nftables}}
paths:
  - {between: [internet, dmz], through: [outer]}
  - {between: [dmz, inside], through: [inner]}
  - {between: [internet, inside], through: [outer, inner]}
"""
DIRECTORY = "dc: {addresses: [10.1.0.5], roles: [ad/global-catalog, ad/pdc-emulator, dns/server]}"
STAFF = "staff: {zone: inside, networks: [10.1.9.0/24], roles: [crm/client]}"


def planned(*hosts, groups=(STAFF,), settings="{}", directory=DIRECTORY, extra="", reading=Reading.CORRECTED):
    """The plan of the base with these hosts and groups, each a line of the site file, for every phase."""
    lines = [f"  {line}" for line in (*hosts, directory) if line]
    parts = [BASE.rstrip(), *lines, "groups:", *(f"  {line}" for line in groups)]
    text = "\n".join([*parts, f"settings: {settings}", extra, PATHS])
    site = parse_site(text.encode(), Path(), CATALOG)
    return make_plan(CATALOG, site, phases=list(Phase), reading=reading)


def example(name):
    """The plan of an example site, for every phase."""
    site = load_site(EXAMPLES / name / "site.yaml")
    return make_plan(site.catalog, site, phases=list(Phase))


def flows(plan, *prefixes):
    """The flows of the requirements whose ids begin so, as `crm.web crm > data tcp 80`."""
    return {
        f"{flow.requirement.id} {flow.source.name} > {flow.destination.name} {flow.describe()}"
        for flow in plan.flows
        if flow.requirement.id.startswith(prefixes)
    }


def met(plan):
    """The support rules that are met, with the hosts that meet them."""
    rules = plan.catalog.rules
    return {one.subject for one in plan.findings if one.subject.partition("/")[0] in rules}


def listens(plan, service, host):
    """The protocol and ports on which a host offers a service, as `tcp 443`."""
    found, server = plan.catalog.services[service], plan.site.hosts[host]
    [instance] = server.instances_of(found.component)
    return f"{protocol_name(found.protocol)} {ports_text(ports_on(plan.site, found.ports, server, instance))}"


def idle(plan, scenario):
    """The steps that would be taken on the site and run nowhere on it."""
    legs = ((step.step, plan.legs(scenario, step)) for step in plan.steps(scenario))
    return [number for number, found in legs if not found.flows and not found.local]
