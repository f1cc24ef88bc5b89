"""What `portwright plan` writes, `portwright import` reads; and what it made, `plan` plans."""

import json
from pathlib import Path

import pytest
from tests.cli.running import run as portwright
from tests.matrix.importing import command

from portwright.plan.make import make_plan
from portwright.site.load import load_site

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_plan_comes_back_flow_by_flow(tmp_path, format):
    """Source, destination, protocol, ports, phase and necessity of every flow of the example."""
    site = EXAMPLES / "f6" / "site.yaml"
    matrix = tmp_path / f"plan.{format}"
    assert portwright("plan", site, "--format", format, "-o", matrix).status == 0
    planned = json.loads(portwright("plan", site, "--format", "json").out)["flows"]
    fields = ("source", "destination", "protocol", "ports", "phase", "necessity")
    assert imported_flows(command(matrix)) == {tuple(flow[field] for field in fields) for flow in planned}


def imported_flows(done):
    catalog = done.catalog
    found = set()
    for one in done.requirements.values():
        ends = (catalog.components[name].title for name in (one.source, one.destination))
        service = catalog.services[one.service]
        protocol = {1: "icmp", 6: "tcp", 17: "udp"}[service.protocol]
        found.add((*ends, protocol, service.ports.text or "echo", one.phase.value, one.necessity.value))
    return found


def test_the_example_is_planned(tmp_path):
    """Its matrix, imported into the folder that its site names: every flow has its hosts, its row and its way."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    done = command(EXAMPLES / "matrix" / "flows.csv", "--product", "stock", product=folder / "stock.yaml")
    assert done.status == 0
    site = tmp_path / "site.yaml"
    site.write_bytes((EXAMPLES / "matrix" / "warehouse.yaml").read_bytes())
    loaded = load_site(site)
    plan = make_plan(loaded.catalog, loaded)
    own = [flow for flow in plan.flows if flow.requirement.product == "stock"]
    assert len(own) == len(done.requirements)
    assert plan.flow("stock.scale-1-stock-server-tcp-4001-4004/scale1>stock01").points == ("hall-fw",)
    assert plan.flow("stock.stock-server-engine-tcp-51433/stock01>sql01").requirement.citations == ("STOCK5",)
