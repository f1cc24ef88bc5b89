"""Configurations written for the example site: proved, golden, and loaded by the kernel."""

import subprocess
from pathlib import Path

import pytest
from tests.cli.running import copied, edit, run

from portwright.platforms import ON_HOSTS, RENDERING


@pytest.fixture
def site(tmp_path, monkeypatch):
    """The example F6, in the current folder."""
    path = copied(tmp_path)
    monkeypatch.chdir(path.parent)
    return path


@pytest.mark.parametrize("platform", sorted(set(RENDERING) - ON_HOSTS))
@pytest.mark.parametrize("point", ["core-fw", "data-fw"])
def test_the_text_of_a_point(site, platform, point, snapshot):
    """What people get to read; `make golden` renews it."""
    done = run("render", site.name, "--point", point, "--platform", platform)
    assert done.status == 0
    assert done.out == snapshot


def test_files_prove_the_site(site):
    """Written, then checked like anybody's configurations."""
    assert run("render", site.name, "-o", "new", "--optional").status == 0
    done = run("check", site.name, "--config", "data-fw=new/data-fw.nft", "--format", "json")
    assert (done.status, done.document["verdict"]) == (0, "proved")


def test_a_file_that_exists_is_not_overwritten(site):
    """Unless it is asked for."""
    assert run("render", site.name, "-o", "new").status == 0
    before = Path("new/core-fw.cfg").read_text(encoding="utf-8")
    again = run("render", site.name, "-o", "new")
    assert (again.status, again.err.count("exists already")) == (2, 2)
    assert run("render", site.name, "-o", "new", "--force").status == 0
    assert Path("new/core-fw.cfg").read_text(encoding="utf-8") == before


def test_a_platform_that_nothing_is_written_for_is_refused(site):
    """All such points at once, and nothing is written."""
    edit(site, "platform: nftables", "platform: sonicwall")
    done = run("render", site.name, "-o", "new")
    assert (done.status, Path("new").exists()) == (2, False)
    assert "no configuration of platform 'sonicwall' can be written" in done.err


def test_a_point_that_there_is_not_is_refused(site):
    """With the points that there are."""
    done = run("render", site.name, "--point", "edge")
    assert done.status == 2
    assert "core-fw, data-fw" in done.err


def test_what_an_access_list_cannot_say_is_an_error(site):
    """An ASA binds rules where connections arrive, so it has to know where that is."""
    edit(site, "interfaces: {users: users, app: app,", "interfaces: {app: app,")
    done = run("render", site.name, "--point", "core-fw")
    assert done.status == 2
    assert "on which interface of core-fw staff arrive" in done.err


def test_a_declared_translation_is_written_and_proved(site):
    """Clients send to the public address; both platforms lead it to the host."""
    text = site.read_text(encoding="utf-8")
    entry = 'nat:\n  - {at: core-fw, from: users, to: "192.0.2.10:443", becomes: "fe01:443"}\n'
    site.write_text(text + entry, encoding="utf-8")
    asa = run("render", site.name, "--point", "core-fw")
    assert asa.status == 0
    assert " nat (app,users) static public-192.0.2.10 service tcp 443 443" in asa.out
    nft = run("render", site.name, "--point", "core-fw", "--platform", "nftables")
    assert nft.status == 0
    assert 'iifname "users" ip daddr 192.0.2.10 tcp dport 443 dnat ip to 10.20.0.11:443' in nft.out
    table = run("render", site.name, "--point", "core-fw", "--platform", "rules-csv")
    assert (table.status, "translations" in table.err) == (2, True)


@pytest.mark.kernel
def test_the_kernel_loads_what_is_written_twice(site):
    """In a network namespace of its own; the second time replaces the first."""
    done = run("render", site.name, "--point", "data-fw")
    script = "nft -f - && nft list ruleset | sha256sum"
    lists = {
        subprocess.run(
            ["unshare", "--net", "sh", "-c", script], input=text, capture_output=True, text=True, check=True
        ).stdout
        for text in (done.out, done.out + done.out)
    }
    assert len(lists) == 1
