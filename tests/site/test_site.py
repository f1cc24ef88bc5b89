"""The site file: what it means, and every problem at once, each where it is and with a hint."""

import json
from datetime import date
from ipaddress import ip_address
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from portwright.catalog.load import load_catalog
from portwright.errors import InvalidInput
from portwright.packets.addresses import EVERY_ADDRESS, Addresses, parse_addresses
from portwright.packets.packet import Packet
from portwright.site.load import load_site, parse_site
from portwright.site.model import Crossing
from portwright.site.schema import json_schema
from portwright.yamlfile import Mapping, Sequence, parse_document

CATALOG = load_catalog()
EXAMPLE = Path(__file__).parents[2] / "examples" / "f6" / "site.yaml"

EVERYTHING = """
site: contoso
products: [dynamics-crm-2013]
zones:
  internet: {rest: true}
  users:    {networks: [10.10.0.0/16]}
  app:      {networks: [10.20.0.0/24]}
  data:     {networks: [10.30.0.0/24, "fd00:30::/64"]}
hosts:
  fe01:   {zone: app,  addresses: [10.20.0.11], roles: [crm/front-end]}
  fe02:   {zone: app,  addresses: [10.20.0.12], roles: [crm/front-end], without: [ad/member]}
  ssrs01: {zone: data, addresses: [10.30.0.31], roles: [ssrs/report-server], uses: {sql/engine: "sql01#CRM"}}
  sql01:
    zone: data
    addresses: [10.30.0.21, "fd00:30::21"]
    roles:
      - sql/engine: {instance: CRM, port: 51433}
      - sql/engine: {instance: OTHER}
    settings: {rpc: {dynamic: 50000-50999}}
groups:
  staff: {zone: users, networks: [10.10.0.0/17], roles: [crm/client]}
virtual:
  crm: {address: 10.20.0.10, port: 443, mode: nlb, members: [fe01, fe02], services: [crm/web]}
absent:
  citrix/host: not used here
outside:
  mail/provider: {names: [smtp.example.net], zone: internet}
settings: {authentication: integrated, mail: {mode: server-side, profile: exchange}, replication: pinned}
enforcement:
  core-fw:  {platform: cisco-asa, config: core-fw.cfg, interfaces: {users: outside, app: inside, data: data}}
  edge-fw:  {platform: nftables, interfaces: {internet: wan, app: lan}}
  fw-sql01: {platform: windows-firewall, on: sql01, profile: domain, config: sql01.json}
paths:
  - {between: [users, app], through: [core-fw]}
  - {from: internet, to: app, through: [edge-fw, core-fw], back: [core-fw, edge-fw]}
nat:
  - {at: edge-fw, from: internet, to: "203.0.113.10:443", becomes: "crm:443"}
accept:
  - {flow: "tcp 10.9.0.5 > sql01:51433", reason: backup, owner: dba, until: 2027-06-30}
  - {at: core-fw, rule: "remark backup", reason: backup, owner: dba}
except:
  - {flow: "tcp 10.10.9.9 > crm:443", reason: quarantine, owner: soc}
assume:
  - {at: core-fw, rate-limits: not-exceeded, reason: measured in May, owner: net}
tests:
  - deny: "tcp staff > sql01:51433"
"""


def parse(text, folder=Path("/nowhere")):
    return parse_site(text.encode(), folder, CATALOG)


def problems(text, folder=Path("/nowhere")):
    with pytest.raises(InvalidInput) as refused:
        parse(text, folder)
    return [str(problem) for problem in refused.value.problems]


@pytest.fixture(scope="module")
def site():
    return parse(EVERYTHING)


def test_instances_keep_their_options(site):
    """A host has several instances of a component, and each its own settings."""
    sql01 = site.hosts["sql01"]
    assert [(one.name, dict(one.options)) for one in sql01.instances_of("sql/engine")] == [
        ("CRM", {"sql.port": "51433"}),
        ("OTHER", {}),
    ]


def test_roles_bring_what_they_imply_unless_the_host_opts_out(site):
    """Every Windows server is a member of the domain; a perimeter host may say that it is not."""
    assert {"crm/front-end", "crm/server", "windows/server", "ad/member"} <= site.hosts["fe01"].roles
    assert "windows/server" in site.hosts["fe02"].roles
    assert "ad/member" not in site.hosts["fe02"].roles


def test_a_bundle_places_its_parts():
    """`crm/full-server` is all CRM roles."""
    site = load_site(EXAMPLE, CATALOG)
    assert {one.component for one in site.hosts["fe01"].instances} == set(CATALOG.parts("crm/full-server"))


@pytest.mark.parametrize(
    ("name", "host", "instance", "value"),
    [
        ("sql.port", "sql01", 0, "51433"),  # the instance says it
        ("sql.port", "sql01", 1, "dynamic"),  # a named instance without a port takes another one at every start
        ("rpc.dynamic", "sql01", None, "50000-50999"),  # the host says it
        ("rpc.dynamic", "fe01", None, "49152-65535"),  # the product's default
        ("mail.mode", None, None, "server-side"),  # the site says it
        ("web.port", "fe01", None, "80"),
    ],
)
def test_the_narrowest_scope_says_what_a_setting_is(site, name, host, instance, value):
    """Product < site < host < instance."""
    placed = site.hosts[host] if host else None
    one = placed.instances[instance] if instance is not None else None
    assert site.setting(name, placed, one) == value


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ("10.10.1.1", "users"),
        ("10.30.0.21", "data"),
        ("fd00:30::21", "data"),
        ("192.0.2.1", "internet"),
        ("fd00::", "internet"),
    ],
)
def test_an_address_lies_in_one_zone(site, address, zone):
    """The rest zone has what no other names, in both IP versions."""
    found = ip_address(address)
    assert site.zone_of(found.version, int(found)) == zone


def test_the_longest_prefix_wins():
    """A zone inside another takes its addresses from it."""
    site = parse("site: x\nproducts: []\nzones: {a: {networks: [10.0.0.0/8, fd00::/8]}, b: {networks: [10.1.0.0/16]}}")
    assert site.zone_of(4, int(ip_address("10.1.2.3"))) == "b"
    assert site.zone_of(4, int(ip_address("10.2.0.0"))) == "a"
    assert site.zone_of(4, int(ip_address("11.0.0.0"))) is None
    assert site.split(EVERY_ADDRESS)["a"] == parse_addresses("10.0.0.0/8") - parse_addresses(
        "10.1.0.0/16"
    ) | parse_addresses("fd00::/8")


PREFIXES = st.builds(
    lambda bits, length: f"10.{bits << (16 - length) & 255}.0.0/{length}", st.integers(0, 255), st.integers(9, 15)
)


@given(st.dictionaries(PREFIXES.filter(lambda text: not _strict(text)), st.sampled_from("abc"), max_size=8))
def test_zones_share_out_every_address_once(networks):
    """However zones overlap, no address is in two, and with a rest zone none is in none."""
    zones = {name: [text for text, owner in networks.items() if owner == name] for name in "abc"}
    written = {name: {"networks": found} for name, found in zones.items() if found} | {"other": {"rest": "true"}}
    site = parse(f"site: x\nproducts: []\nzones: {json.dumps(written)}".replace('"', ""))
    shares = [zone.addresses for zone in site.zones.values()]
    together = Addresses()
    for share in shares:
        assert not together & share
        together |= share
    assert together == EVERY_ADDRESS


def _strict(text):
    try:
        parse_addresses(text)
    except ValueError as problem:
        return str(problem)
    return ""


def test_a_path_between_zones_goes_both_ways(site):
    """Each direction sees the interfaces behind which its ends lie."""
    [there] = site.routes("users", "app")
    [back] = site.routes("app", "users")
    assert there.forward == (Crossing("core-fw", "forward", "outside", "inside"),)
    assert there.back == back.forward == (Crossing("core-fw", "forward", "inside", "outside"),)


def test_a_path_from_zone_to_zone_goes_one_way(site):
    """The replies cross what `back` says; nobody declared the other direction."""
    [route] = site.routes("internet", "app")
    assert [crossing.point for crossing in route.forward] == ["edge-fw", "core-fw"]
    assert [crossing.point for crossing in route.back] == ["core-fw", "edge-fw"]
    assert route.is_symmetric
    assert site.routes("app", "internet") == ()


def test_an_interface_that_the_site_does_not_name_is_not_known(site):
    """core-fw says nothing of the Internet's interface."""
    [route] = site.routes("internet", "app")
    assert [(one.interface_in, one.interface_out) for one in route.forward] == [("wan", "lan"), (None, "inside")]


def test_no_firewall_stands_within_a_zone(site):
    """A zone to itself needs no path; two zones without one have none, which is not the same."""
    [route] = site.routes("data", "data")
    assert route.forward == ()
    assert site.routes("users", "data") == ()


def test_lists_of_zones_make_every_pair():
    """Two firewalls in a row: the first one lists the zones behind the second on its interface toward it."""
    site = load_site(EXAMPLE, CATALOG)
    [route] = site.routes("reports", "data")
    assert route.forward == (
        Crossing("core-fw", "forward", "reports", "transit"),
        Crossing("data-fw", "forward", "eth0", "eth1"),
    )
    assert [crossing.point for crossing in site.routes("data", "reports")[0].forward] == ["data-fw", "core-fw"]
    assert len(site.routes("users", "app")) == 1


def test_alternative_paths_are_kept_apart():
    """Two firewalls side by side: either may carry the packet, so both must pass it."""
    text = "site: x\nproducts: []\nzones: {a: {rest: true}, b: {networks: [10.0.0.0/8]}}\n"
    text += "enforcement: {f: {platform: nftables}, g: {platform: nftables}}\n"
    text += "paths: [{between: [a, b], through: [f]}, {between: [b, a], through: [g]}, {between: [a, b], through: [f]}]"
    assert [route.forward[0].point for route in parse(text).routes("a", "b")] == ["f", "g"]


def test_flows_name_what_the_site_names(site):
    """Hosts, groups, zones, virtual addresses and outside components are names in flow notation."""
    header = Packet.parse("tcp 10.10.9.9:40000 > 10.20.0.10:443").header(1, 1)
    assert any(header in box for box in site.exceptions[0].flow.boxes())
    assert site.resolve("users") == parse_addresses("10.10.0.0/16")
    assert site.resolve("sql01#CRM") == site.resolve("sql01")
    assert not site.resolve("mail/provider") & site.resolve("users")


def test_the_last_day_still_counts(site):
    """`until` is inclusive; without it an entry has no end."""
    dated, endless = site.accepts
    assert not dated.has_expired(date(2027, 6, 30))
    assert dated.has_expired(date(2027, 7, 1))
    assert not endless.has_expired(date(9999, 1, 1))


HEAD = "site: x\nproducts: [dynamics-crm-2013]\nzones: {a: {networks: [10.0.0.0/8]}, b: {rest: true}}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hosts: {h: {zone: c, addresses: [10.0.0.1]}}", "4:19: hosts.h.zone: there is no zone 'c'"),
        ("hosts: {h: {zone: b, addresses: [10.0.0.1]}}", "10.0.0.1 lies in zone 'a', and 'h' in zone 'b'"),
        ("hosts: {h: {addresses: [10.0.0.1/8]}}", "is not an IPv4 or IPv6 address; a network belongs into a group"),
        (
            "hosts: {h: {addresses: [10.0.0.1, 11.0.0.1]}}",
            "11.0.0.1 lies in zone 'b', the address before it in zone 'a'",
        ),
        ("hosts: {h: {addresses: 10.0.0.1}, i: {addresses: 10.0.0.1}}", "10.0.0.1 is already an address of 'h'"),
        ("hosts: {h: {addresses: []}}", "hosts.h: a host has at least one address"),
        ("hosts: {h: {}}", "4:12: hosts.h: a host needs 'addresses'"),
        ("hosts: {h: }", "expected a host, a mapping, found nothing"),
        ("hosts: [h]", "expected a mapping, found a list"),
        ("hosts: {1.2.3.4: {addresses: 10.0.0.1}}", "'1.2.3.4' is not a name; write it like 'sql01'"),
        ("hosts: {any: {addresses: 10.0.0.1}}", "the host 'any' has the name of a word of flow notation"),
        ("hosts: {a: {addresses: 10.0.0.1}}", "the zone 'a' has the name of a host"),
        (
            "hosts: {h: {addresses: 10.0.0.1, roles: [crm/frontend]}}",
            "there is no component 'crm/frontend'\n    hint: did you mean crm/front-end?",
        ),
        (
            "hosts: {h: {addresses: 10.0.0.1, role: [crm/front-end]}}",
            "a host has no 'role'\n    hint: did you mean roles?",
        ),
        (
            "hosts: {h: {addresses: 10.0.0.1, roles: [{sql/engine: {prot: 1}}]}}",
            "there is no setting 'prot' here\n    hint: did you mean port?",
        ),
        (
            "hosts: {h: {addresses: 10.0.0.1, roles: [{sql/engine: {port: 65536}}]}}",
            "'65536' is not a port (1 to 65535)",
        ),
        ("hosts: {h: {addresses: 10.0.0.1, uses: {sql/engine: i}}}", "there is no host 'i'"),
        ("hosts: {h: {addresses: 10.0.0.1, uses: {sql/engine: h}}}", "'h' does not run sql/engine"),
        (
            "hosts: {h: {addresses: 10.0.0.1, roles: [sql/engine], uses: {sql/engine: h#X}}}",
            "'h' has no instance 'X' of sql/engine",
        ),
        ("hosts: {h: {addresses: 10.0.0.1, uses: {sql/engin: h}}}", "there is no component or requirement 'sql/engin'"),
        ("groups: {g: {zone: a, networks: [11.0.0.0/8]}}", "11.0.0.0/8 is not wholly in zone 'a'"),
        ("groups: {g: {zone: a, networks: [10.0.0.1/8]}}", "has bits set beyond its prefix; the network is 10.0.0.0/8"),
        (
            "virtual: {v: {address: 10.0.0.9, mode: lb, members: [], services: []}}",
            "'lb' is not a mode: nlb, dnat, snat, dsr",
        ),
        (
            "virtual: {v: {address: 10.0.0.9, mode: nlb, members: [x], services: [crm/wep]}}",
            "there is no service 'crm/wep'",
        ),
        ("absent: {citrix/hosts: no}", "there is no component 'citrix/hosts'\n    hint: did you mean citrix/host?"),
        ("settings: {authentication: kerberos}", "'kerberos' is not a value of authentication: integrated, claims"),
        (
            "settings: {autentication: claims}",
            "there is no setting 'autentication' here\n    hint: did you mean authentication?",
        ),
        ("settings: {netbios: yes}", "'yes' is neither true nor false"),
        ("enforcement: {f: {}}", "an enforcement point needs 'platform'"),
        ("enforcement: {f: {platform: nftables, config: /etc/passwd}}", "must lie in the folder of the site file"),
        ("enforcement: {f: {platform: nftables, config: ../x}}", "must lie in the folder of the site file"),
        ("enforcement: {f: {platform: nftables, interfaces: {c: eth0}}}", "there is no zone 'c'"),
        ("enforcement: {f: {platform: nftables, on: h}}", "there is no host 'h'"),
        ("paths: [{between: [a, b], through: [f]}]", "there is no enforcement point 'f'"),
        ("paths: [{between: [a], through: []}]", "'between' has two ends, found 1"),
        ("paths: [{between: [a, b]}]", "a path needs 'through'"),
        ("paths: [{from: a, through: []}]", "a path with 'from' has 'to'"),
        ("paths: [{between: [a, b], from: a, to: b, through: []}]", "a path has either 'between' or 'from' and 'to'"),
        (
            "hosts: {h: {addresses: 10.0.0.1}}\nenforcement: {f: {platform: x, on: h}}\n"
            "paths: [{between: [a, b], through: [f]}]",
            "'f' runs on a host, so it lies on no path",
        ),
        (
            "enforcement: {f: {platform: x}}\npaths: [{between: [a, b], through: [f, f]}]",
            "'f' is on this way already",
        ),
        ("accept: [{flow: tcp any > h:1, reason: r}]", "'h' is neither an address nor a name of this site"),
        ("accept: [{flow: any b > a, rule: x, at: f, reason: r}]", "an accept entry has either 'flow' or 'rule'"),
        ("accept: [{flow: any b > a, reason: r, until: 30.6.2027}]", "'30.6.2027' is not a date; write 2027-06-30"),
        ("accept: [{flow: any b > a}]", "an accept entry needs 'reason'"),
        ("assume: [{at: f, reason: r}]", "an assumption is about one of 'line', 'pattern', 'rate-limits'"),
        ("tests: [{deny: any b > a at f}]", "there is no enforcement point 'f'"),
        ("tests: [{deny: any b > a, allow: any b > a}]", "a test has either 'allow' or 'deny'"),
        ("colour: red", "4:1: colour: the site file has no 'colour'"),
        ("hosts: {h: {addresses: [10.0.0.1], roles: sql/engine}}", "hint: write it in brackets: [sql/engine]"),
        ("hosts: {h: {addresses: [10.0.0.1], roles: [sql/server]}}", "did you mean sql/engine or sql/replica?"),
        ("hosts: {h: {addresses: [10.0.0.1], roles: [smtp]}}", "did you mean mail/smtp-server?"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(text, problem):
    """Each with line, column and path, and a suggestion where a name is nearly right."""
    assert problem in "\n".join(problems(HEAD + text))


@pytest.mark.parametrize(
    ("zones", "problem"),
    [
        ("{a: {networks: [10.0.0.0/8]}, b: {networks: [10.0.0.0/8]}}", "the network 10.0.0.0/8 is already in zone 'a'"),
        ("{a: {rest: true}, b: {rest: true}}", "only one zone can have the rest of all addresses"),
        ("{a: {}}", "a zone has networks, or 'rest: true'"),
    ],
)
def test_zones_that_contradict_each_other(zones, problem):
    """An address that two zones claim with the same prefix belongs to neither."""
    assert problem in "\n".join(problems(f"site: x\nproducts: []\nzones: {zones}"))


def test_every_problem_at_once():
    """Wrong values, unknown names, contradictions between parts and wrong notation come in one report, in order."""
    text = HEAD + "\n".join([
        "hosts:",
        "  h: {zone: c, addresses: [10.0.0.300]}",
        "  i: {zone: b, addresses: [10.0.0.1], roles: [sql/engin]}",
        "  j: {zone: b, addresses: [192.0.2.1], colour: red}",
        "settings: {sql: {prt: 1}}",
        "paths: [{between: [a], through: [f]}]",
        "tests: [{deny: tcp k > j:1}, {deny: tcp h > j:99999}, {allow: tcp any > b}]",
    ])  # fmt: skip
    found = problems(text)
    assert [int(problem.split(":")[1]) for problem in found] == [5, 5, 6, 6, 7, 8, 9, 9, 10, 10]
    assert not any("'h' is neither" in problem for problem in found)  # what is wrong is said once


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"k{i}: 1\n" for i in range(20_000)),
        "groups: {" + ",".join(f"g{i}: {{zone: z{i}}}" for i in range(20_000)) + "}",
        "tests: [" + ",".join("{deny: tcp %s > b:1}" % ("c" * 900) for _ in range(2_000)) + "]",
        "hosts: {" + ",".join(f"h{i}: {{addresses: x}}" for i in range(20_000)) + "}",
    ],
    ids=["keys", "names", "flows", "values"],
)
def test_a_file_that_is_all_wrong_is_not_reported_whole(text):
    """Past two hundred problems it is some other file; time and output stay bounded."""
    assert len(problems(HEAD + text)) == 200


def test_a_crafted_list_of_zones_does_not_become_millions_of_ways():
    """The number of ways between zones is bounded before they are built."""
    many = ",".join("ab"[i % 2] for i in range(1000))
    [found] = problems(HEAD + f"paths: [{{between: [[{many}], [{many}]], through: []}}]")
    assert "has more than 200000 ways between zones" in found


def test_a_configuration_is_a_file_in_the_folder_of_the_site(tmp_path):
    """A link out of the folder is refused; a link inside it, or a file still to be written, is fine."""
    folder = tmp_path / "site"
    folder.mkdir()
    (tmp_path / "secret").write_text("x")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "real").write_text("x")
    (folder / "in").symlink_to(folder / "real")
    (folder / "dir").mkdir()
    text = HEAD + "enforcement: {f: {platform: x, config: %s}}"
    assert parse(text % "in", folder).points["f"].config == folder / "in"
    assert parse(text % "new.cfg", folder).points["f"].config == folder / "new.cfg"
    for name in ("out", "dir", "."):
        assert "must be a file in the folder of the site file" in problems(text % name, folder)[0]


def test_secrets_and_long_texts_are_not_echoed_whole():
    """A message quotes at most sixty characters of what it refuses."""
    found = problems(HEAD + f"hosts: {{h: {{addresses: [{'x' * 5000}]}}}}")
    assert max(len(line) for line in found) < 300


def test_the_schema_file_is_the_model():
    """The published JSON Schema says what the reader reads; `tools/schemas.py --write` renews it."""
    assert (schemas.FOLDER / "site-1.json").read_text(encoding="utf-8") == schemas.written("site-1.json")


def as_json(node):
    """A node as YAML 1.2's core schema sees it."""
    if isinstance(node, Mapping):
        return {key.text: as_json(item) for key, item in node.items}
    if isinstance(node, Sequence):
        return [as_json(item) for item in node.items]
    guesses = {"true": True, "false": False}
    return int(node.text) if node.plain and node.text.isdecimal() else guesses.get(node.text, node.text)


def test_the_schema_accepts_what_the_reader_accepts():
    """As an editor sees the files: plain scalars may be numbers and truth values."""
    validator = jsonschema.Draft7Validator(json_schema())
    for text in (EVERYTHING, EXAMPLE.read_text()):
        tree = as_json(parse_document(text.encode(), "site.yaml").root)
        assert [error.message for error in validator.iter_errors(tree)] == []


@pytest.mark.parametrize("key", ["colour: red", "hosts: {h: {}}", "paths: [{through: 1}]", "virtual: {v: {mode: lb}}"])
def test_the_schema_refuses_what_the_reader_refuses(key):
    """Unknown keys, missing keys and wrong words show in the editor already."""
    tree = as_json(parse_document((HEAD + key).encode(), "site.yaml").root)
    assert list(jsonschema.Draft7Validator(json_schema()).iter_errors(tree))
