"""No command writes over what it reads, not even with --force."""

import shutil
from pathlib import Path

import pytest
from tests.cli.running import EXAMPLES, F6, copied, run


@pytest.fixture
def f6(tmp_path, monkeypatch):
    """A copy of the example site, in the current folder."""
    site = copied(tmp_path)
    monkeypatch.chdir(site.parent)
    assert run("check", site.name, "--format", "json", "-o", "before.json").status == 0
    shutil.copy("core-fw.cfg", "tonight.cfg")
    return site.parent


CHECK = ["check", "site.yaml", "--config", "core-fw=tonight.cfg", "--baseline", "before.json"]


def contents(folder):
    """What every file holds."""
    return {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    ("command", "target", "what"),
    [
        (CHECK, "site.yaml", "the site file"),
        (CHECK, "tonight.cfg", "a configuration of core-fw"),
        (CHECK, "data-fw.nft", "a configuration of data-fw"),
        (CHECK, "before.json", "the baseline"),
        (CHECK, "./before.json", "the baseline"),
        (["plan", "site.yaml"], "site.yaml", "the site file"),
        (["plan", "site.yaml", "--format", "xlsx"], "core-fw.cfg", "a configuration of core-fw"),
    ],
    ids=str,
)
def test_an_input_is_never_overwritten(f6, command, target, what):
    """Status 2, and every file stays as it is; the message says which input it is."""
    before = contents(f6)
    done = run(*command, "-o", target, "--force")
    assert (done.status, done.out) == (2, "")
    assert f"{target.removeprefix('./')}: is {what}, which this command reads: it is not overwritten" in done.err
    assert contents(f6) == before


def test_links_to_an_input_are_seen_through(f6):
    """By whatever name it is called."""
    (f6 / "report.txt").symlink_to("site.yaml")
    (f6 / "hard.txt").hardlink_to(f6 / "core-fw.cfg")
    for name, what in (("report.txt", "the site file"), ("hard.txt", "a configuration of core-fw")):
        done = run("check", "site.yaml", "-o", name, "--force")
        assert (done.status, f"is {what}" in done.err) == (2, True)


def test_a_change_is_not_written_over_the_running_configuration(tmp_path, monkeypatch):
    """Whatever that is called."""
    folder = copied(tmp_path, "fetch-808-blocked").parent
    monkeypatch.chdir(folder)
    Path("core-fw.cfg").rename("core-fw.change.cfg")
    before = contents(folder)
    done = run("render", "site.yaml", "--against", "core-fw=core-fw.change.cfg", "-o", ".", "--force")
    assert (done.status, "core-fw.change.cfg: is a configuration of core-fw" in done.err) == (2, True)
    assert contents(folder) == before


def test_rendering_may_take_the_place_of_a_configuration(f6):
    """It does not read those that the site has; the site file is safe all the same."""
    assert run("render", "site.yaml", "--point", "core-fw", "-o", ".", "--force").status == 0
    Path("site.yaml").rename("core-fw.cfg")
    assert "is the site file" in run("render", "core-fw.cfg", "--point", "core-fw", "-o", ".", "--force").err


def test_importing_and_beginning_keep_what_they_read(tmp_path, monkeypatch):
    """A matrix, a configuration, a table of hosts."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLES / "matrix" / "flows.csv", "flows.csv")
    shutil.copy(F6 / "core-fw.cfg", "core-fw.cfg")
    Path("hosts.csv").write_text("name,address,role\nfe01,10.20.0.11,crm/front-end\n", encoding="utf-8")
    before = contents(tmp_path)
    begin = ("init", "--from-config", "core-fw.cfg", "--hosts", "hosts.csv", "--force")
    for command, what in (
        (("import", "flows.csv", "-o", "flows.csv", "--force"), "the matrix"),
        ((*begin, "core-fw.cfg"), "a configuration"),
        ((*begin, "hosts.csv"), "the table of hosts"),
    ):
        done = run(*command)
        assert (done.status, f"is {what}, which this command reads" in done.err) == (2, True), command
    assert contents(tmp_path) == before
