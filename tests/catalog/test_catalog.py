"""The catalog that ships, and the format in which everybody writes their own."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

import schemas
from portwright.catalog.load import load_catalog
from portwright.catalog.model import Necessity, Phase, Status
from portwright.catalog.schema import json_schema
from portwright.errors import InvalidInput
from portwright.packets.names import PROTOCOLS
from portwright.yamlfile import Mapping, Sequence, parse_document

CATALOG = load_catalog()
DATA = sorted((Path(schemas.FOLDER).parent / "catalog" / "data").glob("*.yaml"))


def described(service):
    """Protocol and ports, as the data say them."""
    found = CATALOG.services[service]
    names = {number: name for name, number in PROTOCOLS.items()}
    return f"{names[found.protocol]} {found.ports.text}".strip()


@pytest.mark.parametrize(
    ("requirement", "source", "destination", "service", "phase", "cited"),
    [
        ("crm.web", "crm/client", "crm/front-end", "tcp {web.port}", "run", "P40"),
        ("crm.database", "crm/front-end", "sql/engine", "tcp {sql.port}", "run", "P68"),
        ("crm.report-execution", "crm/front-end", "ssrs/report-server", "tcp {ssrs.port}", "run", "P64"),
        ("crm.report-publishing", "crm/front-end", "ssrs/report-server", "tcp {ssrs.port}", "run", "P70"),
        ("crm.sql-report", "ssrs/report-server", "sql/engine", "tcp {sql.port}", "run", "P65"),
        ("crm.fetch-report", "ssrs/report-server", "crm/front-end", "tcp {sdk_listener.port}", "run", "P61"),
        ("crm.sandbox", "crm/front-end", "crm/sandbox", "tcp {sandbox.port}", "run", "P59"),
        ("crm.sandbox-async", "crm/async", "crm/sandbox", "tcp {sandbox.port}", "run", "P58"),
        ("crm.setup-instances", "crm/server", "sql/engine", "udp 1434", "setup", "B8"),
        ("crm.deployment-powershell", "admin/workstation", "crm/deployment", "tcp {winrm.port}", "administer", "P29"),
        ("ssrs.database", "ssrs/report-server", "sql/engine", "tcp {sql.port}", "run", "S11"),
        ("windows.rdp", "admin/workstation", "windows/server", "tcp {rdp.port}", "administer", "P13"),
        ("dns.lookup", "windows/computer", "dns/server", "udp 53", "run", "P14"),
        ("dns.lookup-tcp", "windows/computer", "dns/server", "tcp 53", "run", "P14"),
        ("ad.kerberos", "ad/member", "ad/domain-controller", "tcp 88", "run", "P90"),
        ("ad.kerberos-udp", "ad/member", "ad/domain-controller", "udp 88", "run", "P90"),
        ("ad.ldap", "ad/member", "ad/domain-controller", "tcp 389", "run", "P85"),
        ("ad.ldap-locator", "ad/member", "ad/domain-controller", "udp 389", "run", "B12"),
        ("ad.global-catalog", "ad/member", "ad/global-catalog", "tcp 3268", "run", "P88"),
        ("ad.smb", "ad/member", "ad/domain-controller", "tcp 445", "run", "B7"),
        ("ad.rpc-mapper", "ad/member", "ad/domain-controller", "tcp 135", "run", "P87"),
        ("ad.rpc-dynamic", "ad/member", "ad/domain-controller", "tcp {rpc.dynamic}", "run", "B2"),
        ("ad.password-change", "ad/member", "ad/domain-controller", "tcp 464", "run", "B11"),
        ("ad.time", "ad/member", "ad/domain-controller", "udp 123", "run", "P16"),
    ],
)
def test_what_the_paper_asks_for(requirement, source, destination, service, phase, cited):
    """From whom to whom, on which port, when, and where it is written."""
    found = CATALOG.requirements[requirement]
    assert (found.source, found.destination, described(found.service)) == (source, destination, service)
    assert found.phase is Phase(phase)
    assert cited in found.citations


@pytest.mark.parametrize(
    ("requirement", "status", "erratum"),
    [
        ("ad.rpc-udp-1025", "superseded", "B2"),
        ("ad.smb-udp", "superseded", "B6"),
        ("ad.rpc-mapper-udp", "legacy", "B3"),
    ],
)
def test_what_the_paper_gets_wrong_is_kept_and_not_opened(requirement, status, erratum):
    """UDP 1025, UDP 445 and UDP 135 are in its tables; the errata say why nobody should open them."""
    found = CATALOG.requirements[requirement]
    assert found.status is Status(status)
    assert erratum in found.citations


def test_fixed_source_ports_are_said():
    """Windows asks for the time from port 123; IPsec agrees on its keys between two ports of one number."""
    fixed = {id: one.source_ports for id, one in CATALOG.requirements.items() if one.source_ports}
    assert set(fixed.values()) == {((123, 123),), ((500, 500),), ((4500, 4500),)}
    assert "ad.time" in fixed


@pytest.mark.parametrize(
    ("scenario", "steps"),
    [
        ("run-sql-report", ["1", "2", "3", "4a", "5"]),
        ("run-fetch-report", ["1", "2", "3", "4b", "6", "7"]),
        ("publish-report", ["1", "2", "3"]),
        ("sign-in-integrated", ["1", "2", "3", "4", "5", "6", "7", "8"]),
    ],
)
def test_scenarios_keep_the_numbers_of_the_paper(scenario, steps):
    """Steps are named as the paper numbers them."""
    assert [step.step for step in CATALOG.scenarios[scenario].steps] == steps


def test_a_step_knows_its_ends_and_its_service():
    """What the requirement says need not be said again; traffic back has the service of the connection it rides on."""
    steps = {step.step: step for step in CATALOG.scenarios["run-fetch-report"].steps}
    assert (steps["4b"].source, steps["4b"].destination) == ("ssrs/report-server", "crm/front-end")
    assert steps["4b"].opens
    assert (steps["7"].source, steps["7"].destination, steps["7"].rides) == (
        "crm/front-end",
        "ssrs/report-server",
        "4b",
    )
    assert steps["7"].service == steps["4b"].service == "crm/sdk-listener"
    assert not steps["7"].opens


def test_every_step_that_can_be_blocked_says_what_the_user_sees():
    """Only traffic on an open connection cannot be blocked by itself."""
    silent = [
        (one.id, step.step)
        for one in CATALOG.scenarios.values()
        for step in one.steps
        if step.opens and not step.user_sees
    ]
    assert silent == []


def test_every_requirement_says_where_it_is_written():
    """No port is open because somebody once heard so."""
    assert [one.id for one in CATALOG.requirements.values() if not one.citations] == []
    assert {Necessity.REQUIRED, Necessity.OPTIONAL} == {one.necessity for one in CATALOG.requirements.values()}


def test_facts_of_the_paper_name_their_lines():
    """P1 to P126 lead to lines of the white paper's text, B1 to B28 to an erratum that says something."""
    numbered = {f"P{n}" for n in range(1, 127)} | {f"B{n}" for n in range(1, 29)}
    assert numbered == {id for id in CATALOG.citations if id[0] in "PB"}
    facts = [one for one in CATALOG.citations.values() if one.id.startswith("P")]
    assert [one.id for one in facts if one.reference != "white-paper" or not one.lines or not one.says] == []
    assert [one.id for one in CATALOG.citations.values() if one.id.startswith("B") and not one.says] == []


def test_a_product_brings_what_it_needs():
    """CRM cannot be without a domain, a database and a report server."""
    found = CATALOG.with_needs(("dynamics-crm-2013",))
    assert found >= {"active-directory", "sql-server", "reporting-services", "windows-server"}
    assert "citrix" not in found


def test_roles_imply_roles():
    """A front end is a CRM server, a Windows server and a member of the domain."""
    assert CATALOG.implied("crm/front-end") == ("crm/server", "windows/server", "windows/computer", "ad/member")


OWN = """
product: shop
title: Our web shop
needs: [windows-server]
references:
  handbook: {title: Handbook of the shop}
citations:
  H1: {in: handbook, lines: 12-14, says: orders read the stock}
settings:
  stock.port: {kind: port, default: 5432, component: shop/stock}
components:
  shop/orders: {title: order service}
  shop/stock: {title: stock service}
services:
  shop/stock: {at: shop/stock, title: stock, protocol: tcp, ports: "80,{stock.port}"}
requirements:
  shop.stock:
    from: shop/orders
    to: shop/stock
    service: shop/stock
    need: all
    purpose: read stock levels
    citations: [H1]
scenarios:
  order:
    title: Order something
    steps:
      - {step: "1", requires: shop.stock, carries: the question, user-sees: nothing can be ordered}
      - {step: "2", from: shop/stock, to: shop/orders, rides: "1", carries: the answer}
"""


def load(tmp_path, text):
    path = tmp_path / "shop.yaml"
    path.write_text(text)
    return load_catalog([path])


def problems(tmp_path, text):
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, text)
    return "\n".join(str(problem) for problem in refused.value.problems)


def test_users_write_their_own_in_the_same_format(tmp_path):
    """Nothing is special about ours: a product of the user's own uses our components and stands beside them."""
    catalog = load(tmp_path, OWN)
    assert catalog.requirements["shop.stock"].product == "shop"
    assert catalog.services["shop/stock"].ports.settings == ("stock.port",)
    assert catalog.with_needs(("shop",)) == {"shop", "windows-server"}
    assert catalog.scenarios["order"].steps[1].service == "shop/stock"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("to: shop/stock", "to: shop/stok", "requirements.shop.stock.to: there is no component 'shop/stok'"),
        ("    service: shop/stock", "    service: dns/lookup", "shop/stock does not offer dns/lookup"),
        ("from: shop/orders\n", "from: shop/order\n", "hint: did you mean shop/orders?"),
        ("citations: [H1]", "citations: [H2]", "there is no citation 'H2'"),
        ("need: all", "need: some", "'some' is not a need: all, any, nearest"),
        ("need: all", "necessity: one-of", "a group goes with necessity one-of"),
        ("need: all", "when: {shop.open: true}", "there is no setting 'shop.open'"),
        ("{stock.port}", "{stok.port}", "there is no setting 'stok.port'"),
        ('"80,{stock.port}"', "99999", "'99999' is not a port"),
        ("protocol: tcp", "protocol: tpc", "'tpc' is not an IP protocol"),
        ("protocol: tcp", "protocol: esp", "ports go with tcp and udp"),
        ('rides: "1"', 'rides: "3"', "rides on step 3, which does not come before it"),
        ('rides: "1", ', "", "a step either requires something or rides on an earlier step"),
        ('step: "2"', 'step: "1"', "step 1 is there twice"),
        (
            "shop/orders: {title: order service}",
            "sql/engine: {title: ours}",
            "component 'sql/engine' is declared twice",
        ),
        ("title: stock service", "title: stock service, includes: [crm/full-server]", "itself a bundle"),
        ("  shop.stock:\n", "  Shop!:\n", "'Shop!' is not a dotted name"),
        ("kind: port,", "kind: prot,", "'prot' is not a kind of setting"),
        (
            "default: 5432",
            "default: 1, defaults: [{when: {web.port: 80}, value: 2}]",
            "its default depends on web.port",
        ),
        ("default: 5432", "default: stock", "shop.yaml:10:3: settings.stock.port: 'stock' is not a port"),
        ("default: 5432", "default: 1, defaults: [{when: {netbios: true}, value: 0}]", "'0' is not a port"),
        ("default: 5432", "default: 1, printed: one", "'one' is not a port"),
        ("kind: port, default: 5432", "kind: switch, default: maybe", "'maybe' is neither true nor false"),
        ("kind: port, default: 5432", "kind: choice, default: a", "values go with kind choice"),
        ("kind: port,", "kind: port, values: [a],", "values go with kind choice"),
        ("kind: port, default: 5432", "kind: choice, values: [a], default: b", "'b' is not a value of stock.port: a"),
        ("{stock.port}", "{web.scheme}", "services.shop/stock.ports: web.scheme does not hold ports"),
        ("{stock.port}", "{instance}", "instance does not hold ports"),
        ("need: all", "when: {web.scheme: [http, htps]}", "requirements.shop.stock.when: 'htps' is not a value of"),
        ("need: all", "tunneled: {netbios: yes}", "requirements.shop.stock.tunneled: 'yes' is neither true nor false"),
        ("need: all", "when: {instance: CRM}", "'CRM' is not a value of instance: default, named"),
        (
            "title: Order something",
            "title: Order\n    when: {sysvol: x}",
            "scenarios.order.when: 'x' is not a value of sysvol",
        ),
        ("carries: the question", "when: {sysvol: x}, carries: it", "scenarios.order.1.when: 'x' is not a value"),
        ("need: all", "within: ad.domain\n    across: [ad.forest, ad.domain]", "both within and across ad.domain"),
        ("need: all", "within: instance", "'instance' is no setting"),
        ("from: shop/orders\n", "from: crm/full-server\n", "crm/full-server is a bundle; name a component in it"),
        ("at: shop/stock,", "at: crm/full-server,", "services.shop/stock.at: crm/full-server is a bundle"),
        (
            "title: order service",
            "title: both, includes: [shop/stock], implies: [windows/server]",
            "components.shop/orders.implies: a bundle only includes others",
        ),
        ("title: stock service", "title: s, aliases: [shop/orders]", "shop/orders is called shop/orders already"),
        ("title: stock service", "title: s, aliases: [crm/exchange-router]", "crm/email-router is called"),
        ("needs: [windows-server]", "based-on: shop", "shop.based-on: it is a later version of itself"),
        ("product: shop\n", "", "say whose it is: 'product', or 'part-of'"),
    ],
)
def test_mistakes_are_found_where_they_are(tmp_path, old, new, problem):
    """Unknown names, contradictions and wrong values, across all files."""
    assert old in OWN
    assert problem in problems(tmp_path, OWN.replace(old, new, 1))


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("check: apart, services: [shop/stock, shop/stock]", "rules.shop.r.services: the two services are one"),
        ("check: equal, on: shop/stock, setting: instance", "rules.shop.r: 'instance' is no setting"),
        ("on: crm/back-end", "rules.shop.r.on: crm/back-end is a bundle"),
        ("when: {stock.port: many}", "rules.shop.r.when: 'many' is not a port"),
    ],
)
def test_mistakes_in_rules_are_found(tmp_path, rule, problem):
    """A rule that could never be broken, or always is, is a mistake."""
    assert problem in problems(tmp_path, f"{OWN}rules:\n  shop.r: {{says: no, {rule}}}\n")


def test_every_contradiction_at_once(tmp_path):
    """What shows only when the parts are put together is said together, each with the line of its part."""
    text = OWN.replace("default: 5432", "default: x").replace("need: all", "when: {web.scheme: gopher}")
    found = problems(tmp_path, text.replace('rides: "1"', 'rides: "3"'))
    assert len(set(re.findall(r"shop\.yaml:(\d+)", found))) == 3


def test_every_mistake_at_once(tmp_path):
    """Several wrong lines give several problems, in the order of the file."""
    found = problems(
        tmp_path, OWN.replace("kind: port,", "kind: x,").replace("to: shop/stock", "to: y").replace("carries", "brings")
    )
    lines = [int(line) for line in re.findall(r"shop\.yaml:(\d+)", found)]
    assert lines == sorted(lines)
    assert len(set(lines)) == 4


def as_json(node):
    """A node as YAML 1.2's core schema sees it."""
    if isinstance(node, Mapping):
        return {key.text: as_json(item) for key, item in node.items}
    if isinstance(node, Sequence):
        return [as_json(item) for item in node.items]
    guesses = {"true": True, "false": False}
    return int(node.text) if node.plain and node.text.isdecimal() else guesses.get(node.text, node.text)


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.stem)
def test_the_schema_accepts_our_own_files(path):
    """Editors that use the published JSON Schema see no mistake in what ships."""
    tree = as_json(parse_document(path.read_bytes(), path.name).root)
    validator = jsonschema.Draft7Validator(json_schema())
    assert [f"{'.'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(tree)] == []


def test_the_schema_file_is_the_model():
    """The published JSON Schema says what the reader reads; `tools/schemas.py --write` renews it."""
    assert (schemas.FOLDER / "catalog-1.json").read_text(encoding="utf-8") == schemas.written("catalog-1.json")


@pytest.mark.parametrize("path", sorted(schemas.FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_schemas_are_schemas(path):
    """Every schema that ships is valid draft-07."""
    jsonschema.Draft7Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
