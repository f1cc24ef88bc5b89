"""The published site and the site with a named instance, with one line lost: what hangs on translation and levels."""

import pytest
from tests.cli.running import copied, edit, line_of, run

STATIC = " nat (dmz,outside) static published service tcp 49443 49443 \n"
WHOLE, FIRST_32 = " subnet 10.4.0.0 255.255.0.0\n", " subnet 10.4.20.0 255.255.255.224\n"
TO_PARTNER = "nat (dmz,outside) source static ADFS-FARM ADFS-FARM destination static partner-idp partner-idp\n"


@pytest.fixture
def edge(tmp_path, monkeypatch):
    """Check the published site with a text of its outer firewall replaced."""
    site = copied(tmp_path, None, "f4")
    monkeypatch.chdir(site.parent)

    def checked(old, new):
        edit(site.parent / "edge-fw.cfg", old, new)
        return run("check", "site.yaml", "--format", "json", "--today", "2026-06-01")

    return checked


def test_what_a_security_level_permits_is_excess_where_addresses_are_translated(edge, tmp_path):
    """Without its access list the DMZ may send everything to the Internet, behind the address of the firewall."""
    done = edge("access-group dmz_in in interface dmz\n", "")
    assert done.document["summary"]["proved"] == done.document["summary"]["required"]
    [excess] = done.findings("excess")
    assert excess["decided_by"]["line"] == line_of(tmp_path / "f4" / "edge-fw.cfg", "security-level 50")
    assert excess["decided_by"]["default"]


def test_a_port_that_is_published_no_more_is_missing(edge):
    """Browsers still send to the public address."""
    [missing] = edge(STATIC, "").findings()
    assert missing["flow"] == "crm.sign-in-certificate/travellers>wap01"
    assert "> 203.0.113.10:49443" in missing["witness"]


def test_a_private_address_on_the_internet_is_undecided(edge):
    """Others are translated on their way out, so that the last of the farm is likely to be forgotten."""
    done = edge(WHOLE, FIRST_32)
    assert done.status == 3
    [undecided] = done.findings()
    assert undecided["flow"] == "adfs.identity-provider/adfs02>adfs/identity-provider"
    assert undecided["witness"] == "tcp 10.4.20.32:40000 > 198.51.100.40:443 in dmz out outside"
    assert "no reply finds back" in undecided["message"]


def test_a_private_address_that_is_kept_on_purpose_is_not(edge):
    """The firewall says itself that it does not translate it: a tunnel or a router behind will know it."""
    edge("access-group outside_in", f"{TO_PARTNER}access-group outside_in")
    assert edge(WHOLE, FIRST_32).document["verdict"] == "proved"


def test_an_exception_of_the_site_spares_the_published_address(edge):
    """Forged sources are denied before translation and after it, and need no rule."""
    done = edge(" network-object 127.0.0.0 255.0.0.0\n", " network-object 126.0.0.0 254.0.0.0\n")
    assert {one["witness"].split(":")[0] for one in done.findings("missing")} == {"tcp 126.0.0.0"}


def test_instances_are_told_apart_by_their_ports(tmp_path, monkeypatch):
    """The default port of SQL Server is not that of the named instance."""
    site = copied(tmp_path, None, "f5")
    monkeypatch.chdir(site.parent)
    edit(site.parent / "core-fw.cfg", "destination eq 14330", "destination eq 1433")
    done = run("check", "site.yaml", "--format", "json", "--today", "2026-06-01")
    assert {one["flow"] for one in done.findings("missing")} >= {
        "crm.database/fe01>sql01",
        "crm.sql-report/ssrs01>sql01",
    }
    assert len(done.findings("excess")) == 2
    assert any("tcp staff > sql01:1433 passes" in one["message"] for one in done.findings("assertion"))


@pytest.mark.parametrize(("point", "kinds"), [("", set()), (" at core-fw", set()), (" at edge-fw", {"missing"})])
def test_an_exception_at_a_point_holds_there_alone(point, kinds, tmp_path, monkeypatch):
    """A flow that another point stops is as missing as before."""
    site = copied(tmp_path, "proxy-to-adfs-lost", "f4")
    monkeypatch.chdir(site.parent)
    entry = f'  - {{flow: "tcp wap01 > sts:443{point}", reason: moved, owner: net}}\n'
    edit(site, "except:\n", f"except:\n{entry}")
    done = run("check", "site.yaml", "--format", "json", "--today", "2026-06-01")
    assert {one["kind"] for one in done.findings()} == kinds


@pytest.mark.parametrize(("point", "kinds"), [("", set()), (" at core-fw", set()), (" at edge-fw", {"excess"})])
def test_an_accepted_flow_at_a_point_is_accepted_there_alone(point, kinds, tmp_path, monkeypatch):
    """What another point permits is as much too wide as before."""
    site = copied(tmp_path, None, "f4")
    monkeypatch.chdir(site.parent)
    edit(site, 'flow: "tcp adm01 > 10.4.10.1:22,443"', f'flow: "tcp adm01 > 10.4.10.1:22,443{point}"')
    done = run("check", "site.yaml", "--format", "json", "--today", "2026-06-01")
    assert {one["kind"] for one in done.findings()} == kinds


def test_private_addresses_that_nobody_translates_are_told_once(tmp_path):
    """Nothing comes back from the Internet to them: somebody must translate them, here, or behind as the site says."""
    site = copied(tmp_path, example="f4")
    edge = site.parent / "edge-fw.cfg"
    lines = edge.read_text(encoding="utf-8").split("\n")
    edge.write_text("\n".join(line for line in lines if " dynamic " not in line), encoding="utf-8")
    done = run("check", site, "--format", "json", "--today", "2026-06-01")
    [found] = done.findings()
    assert (done.status, found["kind"], found["point"]) == (3, "undecided", "edge-fw")
    assert "who translates them" in found["message"]
    vouched = "assume:\n  - {at: edge-fw, private-sources: translated, reason: the provider does, owner: net}\n"
    site.write_text(site.read_text(encoding="utf-8") + vouched, encoding="utf-8")
    done = run("check", site, "--format", "json", "--today", "2026-06-01")
    assert (done.status, done.findings()) == (0, [])
    assert any("are translated behind it" in text for text in done.document["assumptions"])
