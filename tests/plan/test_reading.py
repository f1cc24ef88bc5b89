"""Domains, tunnels, readings and products of the user's own: what decides whether a requirement becomes a flow."""

import pytest

from portwright.catalog.load import load_catalog
from portwright.catalog.model import Phase, Reading
from portwright.errors import InvalidInput
from portwright.plan.make import make_plan
from portwright.site.load import load_site, parse_site

OWN = """
product: post
title: post
citations: {H1: {in: white-paper, says: because}}
settings:
  realm: {kind: text, default: ""}
  wrap: {kind: switch, default: false}
  sorter.port: {kind: port, default: 443, printed: 80, component: post/sorter}
components:
  post/office: {title: office, implies: [post/shop]}
  post/shop: {title: shop, implies: [post/clean]}
  post/clean: {title: "clean"}
  post/kiosk: {title: kiosk, implies: [post/office], without: [post/clean]}
  post/sorter: {title: sorter}
services:
  post/sorter: {at: post/sorter, title: sorting, protocol: tcp, ports: "{sorter.port}"}
  post/old: {at: post/sorter, title: sorting as printed, protocol: udp, ports: 1025}
requirements:
  post.near: {from: post/office, to: post/sorter, service: post/sorter, need: all, within: realm, purpose: sort}
  post.abroad: {from: post/office, to: post/sorter, service: post/sorter, need: all, across: realm, purpose: send}
  post.safe: {from: post/office, to: post/sorter, service: post/sorter, need: all, tunneled: {wrap: true}, purpose: pay}
  post.old: {from: post/office, to: post/sorter, service: post/old, need: all, status: superseded, purpose: err}
  post.new: {from: post/clean, to: post/sorter, service: post/sorter, need: all, unprinted: true, purpose: mop}
scenarios:
  pay:
    title: Pay
    steps:
      - {step: 1a, requires: post.near, carries: money, user-sees: nothing, when: {wrap: false}}
      - {step: 1b, requires: post.safe, carries: money, user-sees: nothing, when: {wrap: true}}
"""
SITE = """
site: x
products: [post]
zones: {left: {networks: [10.1.0.0/16]}, right: {networks: [10.2.0.0/16]}}
enforcement:
  fw: {platform: nftables}
  own: {platform: nftables, on: b1}
paths: [{between: [left, right], through: [fw]}]
hosts:
  a1: {addresses: [10.1.0.1], roles: [post/office], settings: {realm: red}}
  a2: {addresses: [10.1.0.2], roles: [post/kiosk]}
  b1: {addresses: [10.2.0.1], roles: [post/sorter], settings: {realm: red}}
  b2: {addresses: [10.2.0.2], roles: [post/sorter], settings: {realm: blue}}
  b3: {addresses: [10.2.0.3], roles: [post/sorter]}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "post.yaml").write_text(OWN)
    return tmp_path


def planned(folder, extra="", **options):
    catalog = load_catalog([folder / "own" / "post.yaml"])
    return make_plan(catalog, parse_site((SITE + extra).encode(), folder, catalog), **options)


def flows(plan, requirement):
    return {flow.id.partition("/")[2] for flow in plan.flows if flow.requirement.id == requirement}


def test_within_stays_in_the_domain_and_across_leaves_it(folder):
    """Who does not say a domain is taken to be in every one, and in no foreign one."""
    plan = planned(folder)
    assert flows(plan, "post.near") == {"a1>b1", "a1>b3", "a2>b1", "a2>b2", "a2>b3"}
    assert flows(plan, "post.abroad") == {"a1>b2"}


@pytest.mark.parametrize(("wrap", "points"), [("false", ("fw", "own")), ("true", ("own",))])
def test_a_tunnel_hides_a_flow_from_the_firewalls_on_the_way(folder, wrap, points):
    """The firewall of the host still sees it."""
    flow = planned(folder, f"settings: {{wrap: {wrap}}}\n").flow("post.safe/a1>b1")
    assert (flow.points, flow.tunneled) == (points, wrap == "true")
    assert flow.routes


def test_a_component_can_lack_what_it_implies(folder):
    """The kiosk is an office in all but one thing."""
    plan = planned(folder)
    assert flows(plan, "post.new") == {"a1>b1", "a1>b2", "a1>b3"}
    assert plan.site.hosts["a2"].roles == {"post/kiosk", "post/office", "post/shop"}


def test_the_literal_reading_opens_what_is_printed(folder):
    """Superseded flows and printed ports, and nothing that the document forgot."""
    corrected, literal = planned(folder), planned(folder, reading=Reading.LITERAL)
    assert (flows(corrected, "post.old"), bool(flows(corrected, "post.new"))) == (set(), True)
    assert (bool(flows(literal, "post.old")), flows(literal, "post.new")) == (True, set())
    assert corrected.flow("post.near/a1>b1").describe() == "tcp 443"
    assert literal.flow("post.near/a1>b1").describe() == "tcp 80"


def test_what_the_site_says_holds_in_either_reading(folder):
    """A port that somebody has chosen is no matter of reading."""
    plan = planned(folder, "settings: {sorter.port: 8443}\n", reading=Reading.LITERAL)
    assert plan.flow("post.near/a1>b1").describe() == "tcp 8443"


@pytest.mark.parametrize(("wrap", "taken"), [("false", "1a"), ("true", "1b")])
def test_a_scenario_takes_one_of_several_ways(folder, wrap, taken):
    """A step has a condition where it is one of several; the others neither run nor break."""
    plan = planned(folder, f"settings: {{wrap: {wrap}}}\n")
    [scenario] = plan.scenarios()
    assert [step.step for step in plan.steps(scenario)] == [taken]
    broken = {found.step for flow in plan.flows for found in plan.breaks(flow)}
    assert broken == {taken}


LATER = """
product: post-2
title: post, the later version
based-on: post
leaves-out: [post.abroad, pay]
requirements:
  post.faster: {from: post/office, to: post/sorter, service: post/sorter, need: all, purpose: hurry, citations: [H1]}
"""


def test_a_later_version_keeps_all_but_what_it_leaves_out(folder):
    """Its own requirements come on top."""
    (folder / "own" / "later.yaml").write_text(LATER)
    (folder / "site.yaml").write_text(SITE.replace("[post]", "[post-2]\ncatalog: own"))
    site = load_site(folder / "site.yaml")
    plan = make_plan(site.catalog, site, phases=list(Phase))
    assert {flow.requirement.id for flow in plan.flows} == {"post.near", "post.safe", "post.new", "post.faster"}
    assert plan.scenarios() == ()


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("..", "must lie in the folder"),
        ("/etc", "must lie in the folder"),
        ("out", "must lie in the folder"),
        ("empty", "has no product files"),
        ("own/post.yaml", "has no product files"),
        ("nowhere", "has no product files"),
    ],
)
def test_product_files_lie_in_a_folder_of_the_site(folder, named, problem):
    """Nothing outside is read, whatever links there are."""
    (folder / "empty").mkdir()
    (folder / "out").symlink_to("/etc")
    (folder / "site.yaml").write_text(SITE + f"catalog: {named}\n")
    with pytest.raises(InvalidInput) as refused:
        load_site(folder / "site.yaml")
    [found] = refused.value.problems
    assert problem in found.message
    assert found.line == len(SITE.splitlines()) + 1


def test_a_file_is_part_of_a_product_or_declares_one(folder):
    """Large products come in several files."""
    (folder / "own" / "more.yaml").write_text(
        "part-of: post\nrequirements:\n  post.more: {from: post/office, to: post/sorter, service: post/sorter,"
        " need: all, purpose: grow}\n"
    )
    catalog = load_catalog(sorted((folder / "own").glob("*.yaml")))
    assert catalog.requirements["post.more"].product == "post"
    (folder / "own" / "more.yaml").write_text("part-of: post\nproduct: other\n")
    with pytest.raises(InvalidInput, match="either declares a product or is part of one"):
        load_catalog(sorted((folder / "own").glob("*.yaml")))
