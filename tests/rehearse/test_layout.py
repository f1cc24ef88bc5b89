"""The lab of a site has its ways: whoever sends, the packets pass exactly the firewalls that the site declares."""

from pathlib import Path

import pytest

from portwright.plan.make import make_plan
from portwright.rehearse.exchanges.placing import placed
from portwright.rehearse.lab import Port
from portwright.rehearse.network.layout import layout
from portwright.site.load import load_site

EXAMPLES = Path(__file__).parents[2] / "examples"
SITES = sorted(EXAMPLES.glob("f*/site.yaml"))


@pytest.mark.parametrize("file", SITES, ids=lambda file: file.parent.name)
def test_packets_pass_the_firewalls_of_their_way(file):
    """There and back, in both IP versions, for every flow that somebody plays."""
    site = load_site(file)
    lab, plan = layout(site), make_plan(site.catalog, site)
    wrong = []
    for flow in plan.flows:
        for exchange in placed(flow, lab, site).exchanges if not flow.tunneled else ():
            there = lab.way(exchange.source, exchange.destination, exchange.version)
            back = lab.way(exchange.destination, exchange.source, exchange.version)
            routers = [one.point for one in flow.routes[0].forward if one.hook == "forward"]
            if flow.tunneled or exchange.source == exchange.destination:
                continue  # firewalls on the way see the tunnel alone
            if there is None or there[1:-1] != routers:
                wrong.append((flow.id, there, routers))
            if back is None:
                wrong.append((flow.id, "no way back"))
    assert wrong == []


@pytest.mark.parametrize("file", SITES, ids=lambda file: file.parent.name)
def test_every_address_is_one_nodes(file):
    """No two nodes share an address, and no router takes one that the site gives to somebody."""
    lab = layout(load_site(file))
    own = [address.ip for node in lab.nodes.values() for port in node.ports for address in port.addresses]
    assert len(own) == len(set(own))


@pytest.mark.parametrize("name", ["", "a name too long for it", "with blank", "with/slash"])
def test_a_port_has_a_name_that_the_kernel_takes(name):
    """Anything else is refused at once."""
    with pytest.raises(ValueError, match="cannot be the name"):
        Port(name, "s1", ())


def test_what_is_simpler_than_the_site_is_told():
    """One member answers for an address that several share."""
    notes = layout(load_site(EXAMPLES / "f3" / "site.yaml")).notes
    assert any("answers for crm" in note for note in notes)
