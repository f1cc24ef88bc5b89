"""A site proposed from configurations and a table of hosts: it loads, it plans, and it says what is a guess."""

import os
import shutil
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.catalog.load import load_catalog
from portwright.errors import InvalidInput
from portwright.init import firewalls
from portwright.init.firewalls import Firewall
from portwright.init.hosts import Row
from portwright.init.named import named_hosts
from portwright.init.propose import Proposal, propose
from portwright.plan.make import make_plan
from portwright.policy.configuration import Census, Configuration, Route
from portwright.policy.interfaces import Interfaces
from portwright.site.load import parse_site
from portwright.source import Source

CATALOG = load_catalog()
F6 = Path(__file__).parents[2] / "examples" / "f6"
TABLE = """\
Host;IP Address;Role;Owner
fe01;10.20.0.11;Full Server;crm team
ssrs01;10.40.0.11;report server;crm team
sql01;10.30.0.21;sql/engine;dba
adm01;10.60.0.5;administrator's computer;
pc;10.10.7.7;crm/client;
dc01;10.50.0.10;ad/global-catalog, ad/pdc-emulator dns/server; it
"""
EDGE = """\
ASA Version 9.16(4)
!
interface GigabitEthernet0/0
 nameif outside
 security-level 0
 ip address 203.0.113.1 255.255.255.248
!
interface GigabitEthernet0/1
 nameif wire
 security-level 100
 ip address 10.99.0.9 255.255.255.252
!
name 10.20.0.11 web-server
object network mail
 host 10.20.0.12
object network mail-v6
 host fd00::12
object network nothing
 range 10.20.0.1 10.20.0.9
access-list all extended permit ip any any
access-group all global
route outside 0.0.0.0 0.0.0.0 203.0.113.2
route wire 10.0.0.0 255.0.0.0 10.99.0.10
: end
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the example's configurations and a table of its hosts."""
    for name in ("core-fw.cfg", "data-fw.nft"):
        shutil.copy(F6 / name, tmp_path)
    (tmp_path / "hosts.csv").write_text(TABLE)
    (tmp_path / "edge-fw.cfg").write_text(EDGE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def site_of(text, folder):
    return parse_site(text.encode(), folder, CATALOG)


def proposed(folder, *configs, hosts=None):
    """The text, and the site that it is."""
    text = propose(configs, hosts, folder / "site.yaml", CATALOG)
    return text, site_of(text, folder)


def test_what_exists_becomes_a_site_that_plans(folder):
    """Zones of the interfaces with their routes, hosts in them, the firewall between them."""
    text, site = proposed(folder, "core-fw.cfg", "data-fw.nft", hosts="hosts.csv")
    zones = {name: zone.addresses.texts() for name, zone in site.zones.items()}
    assert zones == {
        "users": ("10.10.0.0/16",),
        "app": ("10.20.0.0/24",),
        "reports": ("10.40.0.0/24",),
        "transit": ("10.30.0.0/24",),
        "core": ("10.50.0.0/24",),
        "admin": ("10.60.0.0/24",),
        "wires": ("10.9.255.0/30", "10.99.0.0/29"),
    }
    assert {name: host.zone for name, host in site.hosts.items()} == {
        "fe01": "app", "ssrs01": "reports", "sql01": "transit", "adm01": "admin", "pc": "users", "dc01": "core"
    }  # fmt: skip
    assert site.points["core-fw"].interfaces == {zone: zone for zone in zones if zone != "wires"}
    assert site.points["core-fw"].config == folder / "core-fw.cfg"
    assert site.points["data-fw"].platform == "nftables"
    plan = make_plan(CATALOG, site)
    assert plan.unplaced == ("time/source",)
    assert {point for flow in plan.flows for point in flow.points} == {"core-fw"}
    assert all(flow.routes for flow in plan.flows)
    assert "data-fw does not say which networks lie behind eth1" in text
    assert "put data-fw on the paths" in text


def test_every_guess_is_marked_as_one(folder):
    """Zones, named hosts and paths stand under a comment that says so."""
    text, _ = proposed(folder, "core-fw.cfg", hosts="hosts.csv")
    lines = text.splitlines()
    for key in ("zones:", "paths:"):
        assert lines[lines.index(key) - 1].startswith("# proposed: ")
    assert "# proposed" in next(line for line in lines if line.startswith("products:"))


def test_hosts_that_a_configuration_names_are_offered(folder):
    """As comments with file and line; those of the table are not offered again, nor is what is no single address."""
    text, site = proposed(folder, "core-fw.cfg", hosts="hosts.csv")
    offered = [line.strip() for line in text.splitlines() if line.startswith("  # ") and "roles: []" in line]
    assert offered == [
        "# sql02: {addresses: [10.30.0.22], roles: []}     # core-fw.cfg:83",
        "# bak01: {addresses: [10.50.0.40], roles: []}     # core-fw.cfg:92",
    ]
    assert "bak01" not in site.hosts


def test_what_is_no_host_of_the_site_is_not_offered(folder):
    """The name of a network, and an address on the Internet."""
    names = "name 10.20.0.0 app-net\nname 198.51.100.9 somebody\nname 10.20.0.9 other\n"
    (folder / "edge-fw.cfg").write_text(
        EDGE.replace("route wire 10.0.0.0 255.0.0.0", f"{names}route wire 10.20.0.0 255.255.0.0")
    )
    text, _ = proposed(folder, "edge-fw.cfg")
    assert "# other: {addresses: [10.20.0.9], roles: []}" in text
    assert "app-net" not in text
    assert "somebody" not in text


def test_offered_hosts_need_only_be_taken_in(folder):
    """Without a table too: the comment signs away, and the file is one."""
    text, site = proposed(folder, "core-fw.cfg")
    assert site.hosts == {}
    lines = text.splitlines()
    start = lines.index("# hosts:")
    wanted = [line.replace("# ", "", 1) for line in lines[start:] if "roles: []" in line or line == "# hosts:"]
    assert set(site_of("\n".join([*lines[:start], *wanted, *lines[start:]]), folder).hosts) == {
        "fe01", "ssrs01", "sql01", "sql02", "dc01", "adm01", "bak01"
    }  # fmt: skip


def test_two_firewalls_in_a_row_are_two_on_the_paths(folder):
    """Where their routes tell."""
    inner = (F6 / "core-fw.cfg").read_text().replace("description users, by way", "description all, by way")
    inner = inner.replace("10.9.255.1 255.255.255.252", "10.99.0.10 255.255.255.252")
    inner = inner.replace("route users 10.10.0.0 255.255.0.0 10.9.255.2", "route users 0.0.0.0 0.0.0.0 10.99.0.9")
    (folder / "core-fw.cfg").write_text(inner)
    text, site = proposed(folder, "edge-fw.cfg", "core-fw.cfg", hosts="hosts.csv")
    assert site.zones["outside"].rest
    assert [crossing.point for crossing in site.routes("outside", "app")[0].forward] == ["edge-fw", "core-fw"]
    assert [crossing.point for crossing in site.routes("app", "outside")[0].forward] == ["core-fw", "edge-fw"]
    assert [crossing.interface_in for crossing in site.routes("outside", "app")[0].forward] == ["outside", "users"]
    assert [crossing.point for crossing in site.routes("wire", "app")[0].forward] == ["core-fw"]
    assert site.zones["wires"].addresses.texts() == ("10.99.0.0/29", "10.99.0.8/30")
    assert "the routes do not tell" not in text


def test_without_routes_zones_lie_around_the_hosts(folder):
    """And nothing is said of paths."""
    text, site = proposed(folder, "data-fw.nft", hosts="hosts.csv")
    assert site.zones["net-10.20.0.0"].addresses.texts() == ("10.20.0.0/24",)
    assert len(site.zones) == 6
    assert site.declared_routes == {}
    assert "do not tell through which firewalls" in text
    assert make_plan(CATALOG, site).flows


def test_without_anything_there_is_one_zone_to_begin_with(folder):
    """It loads all the same."""
    text, site = proposed(folder, "data-fw.nft")
    assert list(site.zones) == ["everywhere"]
    assert "name your zones" in text


def test_a_host_that_cannot_be_placed_stays_a_comment(folder):
    """With the reason; a second address elsewhere is left out with one, and so is a role that nobody knows."""
    (folder / "hosts.csv").write_text(
        "name,address,role\nlost,172.16.0.1,sql/engine\nboth,10.20.0.5 10.60.0.7 fd00::1,web shop\n"
    )
    text, site = proposed(folder, "core-fw.cfg", hosts="hosts.csv")
    assert list(site.hosts) == ["both"]
    assert site.hosts["both"].addresses.texts() == ("10.20.0.5",)
    assert "# lost: no zone has 172.16.0.1" in text
    assert "# both: the catalog has no role web shop" in text
    assert text.count("# both: 10.60.0.7 lies elsewhere") == text.count("# both: fd00::1 lies elsewhere") == 1


def test_zones_give_way_to_hosts(folder):
    """A host keeps its name, and a zone of that name gets another."""
    (folder / "hosts.csv").write_text("name,address\napp,10.20.0.5\n")
    _, site = proposed(folder, "core-fw.cfg", hosts="hosts.csv")
    assert site.hosts["app"].zone == "app-2"
    assert site.points["core-fw"].interfaces["app-2"] == "app"


def test_a_configuration_elsewhere_is_named_in_a_comment(folder, tmp_path_factory):
    """A site names files of its own folder only."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copy(F6 / "core-fw.cfg", elsewhere / "my fw.cfg")
    text, site = proposed(folder, str(elsewhere / "my fw.cfg"))
    assert site.points["my-fw"].config is None
    assert f"# config: copy {elsewhere}/my fw.cfg into the folder of this file" in text
    (folder / "link.cfg").symlink_to(elsewhere / "my fw.cfg")
    assert proposed(folder, "link.cfg")[1].points["link"].config is None


def test_names_of_files_are_fit_for_a_site(folder):
    """Two of one name are told apart; one given twice is one."""
    (folder / "site2").mkdir()
    shutil.copy(F6 / "core-fw.cfg", folder / "site2")
    shutil.copy(F6 / "core-fw.cfg", folder / "1.cfg")
    _, site = proposed(folder, "core-fw.cfg", "site2/core-fw.cfg", "core-fw.cfg", "1.cfg")
    assert list(site.points) == ["core-fw", "core-fw-2", "firewall-1"]
    assert site.points["core-fw-2"].config == folder / "site2" / "core-fw.cfg"


def test_all_problems_of_all_files_are_told(folder):
    """Configurations and table together, each with its place."""
    (folder / "loop.cfg").write_text("object-group network a\n group-object a\naccess-group x global\n")
    (folder / "other.txt").write_text("hello\n")
    (folder / "hosts.csv").write_text("name,address\na b,10.0.0.1\nc,d\n")
    with pytest.raises(InvalidInput) as wrong:
        proposed(folder, "loop.cfg", "other.txt", "none.cfg", hosts="hosts.csv")
    assert [(problem.file, problem.line) for problem in wrong.value.problems] == [
        ("loop.cfg", 2), ("other.txt", 0), ("none.cfg", 0), ("hosts.csv", 2), ("hosts.csv", 3)
    ]  # fmt: skip


def test_too_many_are_refused(folder, monkeypatch):
    """Firewalls, routes, zones."""
    monkeypatch.setattr(firewalls, "MAX_ROUTES", 3)
    with pytest.raises(InvalidInput, match="more than 3 routes"):
        proposed(folder, "core-fw.cfg")
    monkeypatch.setattr(firewalls, "MAX_FIREWALLS", 1)
    with pytest.raises(InvalidInput, match="more than 1 configurations"):
        proposed(folder, "core-fw.cfg", "data-fw.nft")
    monkeypatch.undo()
    blocks = "".join(
        f"interface Vlan{n}\n nameif v{n}\n security-level 1\n ip address 10.{n // 250}.{n % 250}.1 255.255.255.0\n"
        for n in range(300)
    )
    (folder / "many.cfg").write_text(f"ASA Version 9.16(4)\n{blocks}: end\n")
    with pytest.raises(InvalidInput, match="300 zones"):
        proposed(folder, str(folder / "many.cfg"))


def test_hostile_names_stay_what_they_are(folder):
    """Nothing that a configuration or a file is called adds a line or a key."""
    (folder / "core-fw.cfg").write_text(
        (F6 / "core-fw.cfg")
        .read_text()
        .replace("nameif app", "nameif a\x85b:{}")
        .replace("interface app", "interface x")
        + "name 10.20.0.77 evil\u2028key:\n"
    )
    (folder / "a\nb: [.cfg").write_text(EDGE)
    text, site = proposed(folder, "core-fw.cfg", "a\nb: [.cfg")
    assert all(line.isprintable() for line in text.split("\n"))
    assert list(site.points) == ["core-fw", "a-b"]


def test_names_that_mean_something_in_yaml_are_names(folder):
    """Of interfaces, files and hosts."""
    text = (
        (F6 / "core-fw.cfg").read_text().replace("nameif app", "nameif null").replace("interface app", "interface null")
    )
    (folder / "on.cfg").write_text(text.replace("nameif core", "nameif no").replace("interface core", "interface no"))
    (folder / "hosts.csv").write_text("name,address,role\nyes,10.20.0.11,crm/full-server\ntrue,10.50.0.10,dns/server\n")
    _, site = proposed(folder, "on.cfg", hosts="hosts.csv")
    assert site.points["on"].interfaces["null"] == "null"
    assert {name: host.zone for name, host in site.hosts.items()} == {"yes": "null", "true": "no"}
    assert site.routes("null", "no")[0].forward[0].point == "on"


def test_many_hosts_take_little_time(folder):
    """Ten thousand."""
    rows = "".join(f"h{n},10.10.{n // 250}.{n % 250 + 1},crm/client\n" for n in range(10_000))
    (folder / "hosts.csv").write_text(f"name,address,role\n{rows}")
    assert len(proposed(folder, "core-fw.cfg", hosts="hosts.csv")[1].hosts) == 10_000


def test_many_names_take_little_time(folder):
    """Also when all are the same; the first are offered, the others counted."""
    names = "".join(f"name 10.10.{n // 250}.{n % 250 + 1} x\n" for n in range(30_000))
    (folder / "core-fw.cfg").write_text((F6 / "core-fw.cfg").read_text().replace(": end", f"{names}: end"))
    text, _ = proposed(folder, "core-fw.cfg")
    offered = [line for line in text.splitlines() if "roles: []" in line]
    assert len(offered) == 200
    assert "  # x-2: {addresses: [10.10.0.2], roles: []}" in text
    assert "  # and 29807 more" in text


def test_names_are_found_where_the_platform_has_them():
    """With their lines; what is no address is none."""
    found = [(one.name, str(one.address), one.source.line) for one in named_hosts("cisco-asa", EDGE, "edge-fw.cfg")]
    assert found == [("web-server", "10.20.0.11", 13), ("mail", "10.20.0.12", 14), ("mail-v6", "fd00::12", 16)]
    text = "define web = 10.0.0.1\n\ndefine nets = { 10.0.0.0/8 }\n  define v6 = fd00::1\n"
    found = [(one.name, str(one.address), one.source.line) for one in named_hosts("nftables", text, "x.nft")]
    assert found == [("web", "10.0.0.1", 1), ("v6", "fd00::1", 4)]
    assert list(named_hosts("cisco-asa", "name 300.1.1.1 x\nname 10.0.0.1\n", "x")) == []


NETWORKS = st.one_of(
    st.builds(lambda a, n: ip_network((a, n), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32)),
    st.builds(lambda a, n: ip_network((a, n), strict=False), st.integers(2**32, 2**128 - 1), st.integers(0, 128)),
    st.sampled_from(
        [*map(ip_network, ("10.1.0.0/24", "10.1.0.0/16", "10.9.0.0/30", "0.0.0.0/0", "::/0", "fd00::/64"))]
    ),
)
INTERFACES = st.one_of(
    st.sampled_from(["eth0", "inside", "null", "any"]), st.text(st.characters(categories=["L", "N", "S"]), min_size=1)
)
ROUTES = st.lists(st.tuples(NETWORKS, INTERFACES, st.booleans()), max_size=6)
ADDRESSES = st.one_of(st.integers(2**32, 2**128 - 1), st.integers(0, 2**32 - 1), st.just(0x0A010007)).map(ip_address)


@given(st.lists(ROUTES, min_size=1, max_size=3), st.lists(ADDRESSES, unique=True, max_size=4))
def test_whatever_the_routes_say_the_proposal_is_a_site(routes, addresses):
    """With the hosts where the zones have their addresses, and firewalls on paths only where they lead to both ends."""
    found = []
    for number, one in enumerate(routes):
        known = tuple(Route(network, interface, own, Source("x", 1)) for network, interface, own in one)
        names = Interfaces.of(interface for _, interface, _ in one)
        found.append(
            Firewall(f"fw{number}", "x", Configuration("nftables", "x", {}, names, Census(0, 0), routes=known), ())
        )
    rows = [Row(f"h{number}", (address,), (), (), 1) for number, address in enumerate(addresses)]
    site = site_of(Proposal.of("x", Path(), CATALOG, found, rows).text(), Path())
    for host in site.hosts.values():
        assert host.addresses <= site.zones[host.zone].addresses
    for (source, destination), ways in site.declared_routes.items():
        [way] = ways
        assert way.is_symmetric
        assert not any(crossing.is_vague or crossing.interface_in == crossing.interface_out for crossing in way.forward)
        assert source != destination


def test_the_same_input_gives_the_same_bytes(folder):
    """Whatever the order of sets in this run of Python."""
    code = (
        "from pathlib import Path; from portwright.catalog.load import load_catalog;"
        "from portwright.init.propose import propose;"
        "print(propose(['edge-fw.cfg', 'core-fw.cfg', 'data-fw.nft'], 'hosts.csv', Path('x.yaml'), load_catalog()))"
    )
    source = str(Path(__file__).parents[2] / "src")
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": source},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(texts) == 1
    assert texts.pop().startswith(b"# Proposed from edge-fw.cfg")
