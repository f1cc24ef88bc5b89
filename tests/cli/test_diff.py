"""`portwright diff`: what two configurations do, not what they look like."""

import pytest
from tests.cli.running import F6, copied, line_of, run

from portwright.platforms import PLATFORMS

RULESET = "table inet f {\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n%s\t}\n}\n"


@pytest.fixture
def diff(tmp_path, monkeypatch):
    """Compare two lists of rules of a forward chain."""
    monkeypatch.chdir(tmp_path)

    def compared(old, new, *options):
        for name, rules in (("old.nft", old), ("new.nft", new)):
            text = RULESET % "".join(f"\t\t{rule}\n" for rule in rules)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return run("diff", "old.nft", "new.nft", *options)

    return compared


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["tcp dport 80 accept", "tcp dport 443 accept"], ["tcp dport { 80, 443 } accept"]),
        (["tcp dport 80 accept", "udp dport 53 accept"], ["udp dport 53 accept", "tcp dport 80 accept"]),
        (["ip saddr 10.0.0.0/8 accept"], ["ip saddr 10.0.0.0/9 accept", "ip saddr 10.128.0.0/9 accept"]),
        (["tcp dport 80 accept"], ['tcp dport 80 counter accept comment "web"', "tcp dport 80 drop"]),
        (["meta random < 10 accept"], ["meta random < 10 accept"]),  # the same text means the same
    ],
    ids=str,
)
def test_what_does_the_same_is_equal(diff, old, new):
    """Status 0."""
    done = diff(old, new, "--format", "json")
    assert (done.status, done.document["verdict"], done.document["differences"]) == (0, "equal", [])


def test_a_difference_has_a_witness_and_both_lines(diff):
    """Status 1; what each side does with the packet, and which others are treated so."""
    done = diff(["tcp dport 80 accept"], ["tcp dport 80-81 accept"], "--format", "json")
    [difference] = done.document["differences"]
    assert (done.status, done.document["verdict"], done.document["not_listed"]) == (1, "different", "0")
    assert difference["witness"].endswith(":81")
    assert (difference["old"]["decision"], difference["old"]["rule"]["default"]) == ("drop", True)
    assert (difference["new"]["decision"], difference["new"]["rule"]["line"]) == ("accept", 4)
    assert difference["cover"] == ["tcp any > any:81"]


def test_a_line_that_may_differ_is_undecided(diff):
    """Status 3, and the line is named."""
    done = diff(
        ["tcp dport 80 accept"], ["tcp dport 81 meta random < 10 accept", "tcp dport 80 accept"], "--format", "json"
    )
    assert (done.status, done.document["verdict"]) == (3, "undecided")
    [difference] = done.document["differences"]
    assert [rule["line"] for rule in difference["new"]["undecided_by"]] == [4]


def test_packets_without_a_route_are_alike(tmp_path):
    """An ASA with complete routes forwards nothing to other destinations: neither file leaves that open."""
    new = copied(tmp_path, "fetch-808-blocked").with_name("core-fw.cfg")
    document = run("diff", F6 / "core-fw.cfg", new, "--format", "json").document
    assert {one["witness"] for one in document["differences"]} == {"tcp 10.40.0.11:40000 > 10.20.0.11:808 in reports"}


def test_the_text_names_both_lines_and_what_else_is_open(tmp_path, monkeypatch):
    """100 columns; what nobody can compare is said at the end."""
    new = copied(tmp_path, "fetch-808-blocked").with_name("core-fw.cfg")
    monkeypatch.chdir(tmp_path)
    done = run("diff", F6 / "core-fw.cfg", "f6/core-fw.cfg")
    assert max(map(len, done.out.splitlines()[2:])) <= 100
    assert f"f6/core-fw.cfg:{line_of(new, 'reports_in extended deny ip')}" in done.out
    assert "Beside these, some packets hang on lines that are not modelled" in done.out


def test_only_comments_of_the_platform_make_no_difference(tmp_path):
    """To nft a line that begins with an exclamation mark goes on with the one before."""
    rule = "tcp dport \\\n{} 22 meta random < 10 accept"
    files = [tmp_path / name for name in ("old.nft", "new.nft", "same.nft")]
    for file, text in zip(files, ("!=", "==", "# a comment\n!="), strict=True):
        comment, _, operator = text.rpartition("\n")
        body = "type filter hook forward priority 0; policy drop;\n" + rule.format(operator)
        file.write_text(f"{comment}\ntable ip t {{\nchain c {{\n{body}\n}}\n}}\n")
    assert run("diff", files[0], files[1]).status == 3
    assert run("diff", files[0], files[2]).status == 0


SMALL = {  # platform -> a configuration
    "nftables": RULESET % "\t\ttcp dport 80 accept\n",
    "iptables": "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m mark --mark 1 -s 10.0.0.1 -j ACCEPT\nCOMMIT\n",
    "cisco-asa": "ASA Version 9.8(4)\nhostname fw\n: end\n",
    "windows-firewall": '{"schema": "portwright.windows-host/1", "rules": []}\n',
    "rules-csv": "order,action,from,to,source,destination,service\n1,permit,any,any,any,any,tcp/1\n",
}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_platform_equals_itself(platform, tmp_path):
    """Also where a line is not understood, and with blank lines."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text(SMALL[platform], encoding="utf-8")
    new.write_text(SMALL[platform] + "\n", encoding="utf-8")
    assert run("diff", old, new).status == 0
