"""`portwright lint`: what a careful person would change in one configuration, without a site."""

import pytest
from tests.cli.running import F6, copied, run
from tests.cli.running import rules as rules_of

RULESET = """\
table inet filter {{
	chain forward {{
		type filter hook forward priority filter; policy drop;
{rules}
	}}
}}
"""


@pytest.fixture
def lint(tmp_path, monkeypatch):
    """Lint rules of a forward chain whose policy is drop."""
    monkeypatch.chdir(tmp_path)

    def linted(*rules):
        text = RULESET.format(rules="\n".join(f"\t\t{rule}" for rule in rules))
        (tmp_path / "fw.nft").write_text(text, encoding="utf-8")
        return run("lint", "fw.nft", "--format", "json")

    return linted


FIRST = 4  # line of the first rule


@pytest.mark.parametrize(
    ("rules", "kind", "lines"),
    [
        (["tcp dport 1-1000 drop", "tcp dport 443 accept"], "shadowed", [FIRST + 1, FIRST]),
        (["tcp dport 443 accept", "udp dport 53 accept", "tcp dport 443 accept"], "shadowed", [FIRST + 2, FIRST]),
        (
            ["tcp dport 1-10 drop", "tcp dport 11-20 drop", "tcp dport 5-15 accept"],
            "shadowed",
            [FIRST + 2, FIRST, FIRST + 1],
        ),
        (["ip saddr 10.0.0.1 accept", "ip saddr 10.0.0.0/8 accept"], "redundant", [FIRST, FIRST + 1]),
        (["tcp dport 23 drop"], "redundant", [FIRST]),
        (["accept"], "lint", [FIRST]),
        (['iifname "eth0" accept'], "lint", [FIRST]),
    ],
    ids=str,
)
def test_a_rule_that_does_nothing_or_all_is_named(lint, rules, kind, lines):
    """The rule first, then those that make it so."""
    [finding] = [one for one in lint(*rules).findings() if one["kind"] == kind]
    assert [rule["line"] for rule in rules_of(finding)][: len(lines)] == lines


@pytest.mark.parametrize(
    "rules",
    [
        ["tcp dport 443 accept", "udp dport 53 accept"],
        ["ct state established,related accept"],  # everything, and yet nothing new
        ['iifname "lo" accept'],
        ["tcp dport 443 meta random < 10 drop", "tcp dport 443 accept"],  # what is uncertain shadows nothing
    ],
    ids=str,
)
def test_what_does_something_is_left_alone(lint, rules):
    """No warning where it is not certain."""
    assert lint(*rules).findings("shadowed", "redundant", "lint") == []


def test_a_line_not_understood_is_said_and_undecided(lint):
    """Status 3 when there is nothing else: what the rule does is not known."""
    done = lint("tcp dport 443 frobnicate accept")
    assert (done.status, done.document["verdict"]) == (3, "undecided")
    [finding] = done.findings()
    assert [rule["line"] for rule in rules_of(finding)] == [FIRST]
    assert done.document["lines"]["unknown"] == 1


def test_warnings_are_status_1_and_notes_0(lint):
    """Also beside a line that is not understood."""
    assert lint("tcp dport 1-1000 drop", "tcp dport 443 accept").status == 1
    assert lint("tcp dport 1-1000 drop", "tcp dport 443 accept", "tcp dport 1 frobnicate accept").status == 1
    assert lint("ip saddr 10.0.0.1 accept", "ip saddr 10.0.0.0/8 accept").status == 0


def test_equal_lines_have_ids_of_their_own(lint):
    """So that a baseline can tell them apart."""
    ids = [one["id"] for one in lint("accept", "tcp dport 1 accept", "tcp dport 1 accept").findings()]
    assert len(ids) == len(set(ids)) >= 3


@pytest.mark.parametrize("name", ["core-fw.cfg", "data-fw.nft"])
def test_the_example_has_nothing_to_remark(name):
    """Its configurations are right, and everything in them is read."""
    done = run("lint", F6 / name, "--format", "json")
    assert (done.status, done.document["verdict"], done.findings()) == (0, "clean", [])
    assert done.document["lines"]["unknown"] == 0


@pytest.mark.parametrize(("fault", "name"), [("shadowed", "core-fw.cfg"), ("not-understood", "core-fw.cfg")])
def test_the_report_for_people_reads_as_agreed(fault, name, tmp_path, monkeypatch, snapshot):
    """What is wrong, and the lines; 100 columns."""
    monkeypatch.chdir(copied(tmp_path, fault).parent)
    done = run("lint", name)
    assert done.err == ""
    assert max(map(len, done.out.splitlines())) <= 100
    assert done.out == snapshot
