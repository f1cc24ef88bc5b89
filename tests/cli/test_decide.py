"""`portwright decide`: one packet, one answer, and the line that gives it."""

import json

import pytest
from tests.cli.running import F6, copied, line_of, run

CORE, DATA = F6 / "core-fw.cfg", F6 / "data-fw.nft"
FETCH = "tcp 10.40.0.11:50000 > 10.20.0.11:808"
REFERENCE = ["point", "file", "line", "text", "default", "reason"]
UNCERTAIN = """\
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ip saddr 10.0.0.1 tcp dport 80 accept
		iifname "eth1" tcp dport 22 accept
		tcp dport 23 reject with tcp reset
		tcp dport 7 frobnicate accept
	}
}
"""


@pytest.fixture
def uncertain(tmp_path):
    """A ruleset with a rule that nobody understands."""
    file = tmp_path / "uncertain.nft"
    file.write_text(UNCERTAIN.replace("frobnicate", "meta random < 10"), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("packet", "decision", "text"),
    [
        (FETCH, "accept", "permit object crm-sdk-listener"),
        ("tcp 10.40.0.11:50000 > 10.20.0.11:809", "drop", "access-list reports_in extended deny ip any any"),
        (
            "udp 10.10.3.4:5353 > 10.50.0.10:53",
            "accept",
            "access-list users_in extended permit object-group DC-SERVICES",
        ),
        ("icmp 10.60.0.5 > 10.20.0.11 type 8 code 0", "accept", "access-list admin_in extended permit icmp"),
        ("esp 10.10.3.4 > 10.50.0.10", "drop", "access-list users_in extended deny ip any any"),
    ],
)
def test_the_deciding_line_is_named(packet, decision, text):
    """By file and line, in a reference that is the same everywhere."""
    done = run("decide", CORE, packet, "--format", "json")
    [answer] = done.documents
    assert done.status == 0
    assert (answer["packet"], answer["decision"]) == (packet, decision)
    assert list(answer["rule"]) == REFERENCE
    assert (answer["rule"]["point"], answer["rule"]["line"]) == ("core-fw", line_of(CORE, text))
    assert answer["rule"] in answer["via"]
    assert answer["undecided_by"] == []


def test_a_default_says_where_it_comes_from():
    """Nobody wrote the rule: it is marked, and its reason names the policy of the chain."""
    [answer] = run("decide", DATA, "tcp 10.10.0.9:40000 > 10.30.0.21:1433", "--format", "json").documents
    assert (answer["decision"], answer["rule"]["default"]) == ("drop", True)
    assert "policy" in answer["rule"]["reason"]


def test_reject_is_not_drop(uncertain):
    """A probe can tell them apart, so the answer does."""
    [answer] = run("decide", uncertain, "tcp 10.0.0.9:40000 > 10.0.0.2:23", "--format", "json").documents
    assert answer["decision"] == "reject"


def test_a_rule_that_may_match_leaves_the_packet_undecided(uncertain):
    """Status 3, no rule, and the line that could change the answer with what is not known about it."""
    done = run("decide", uncertain, "tcp 10.0.0.9:40000 > 10.0.0.2:7", "--format", "json")
    [answer] = done.documents
    assert done.status == 3
    assert (answer["decision"], answer["rule"]) == ("undecided", None)
    assert [(rule["line"], bool(rule["reason"])) for rule in answer["undecided_by"]] == [(7, True)]


def test_without_interfaces_all_are_considered(uncertain):
    """Undecided where the interfaces make a difference, and only there."""
    packet = "tcp 10.0.0.9:40000 > 10.0.0.2:22"
    answers = run("decide", uncertain, packet, "--format", "json").documents
    answers += run("decide", uncertain, f"{packet} in eth1", "--format", "json").documents
    answers += run("decide", uncertain, f"{packet} in eth2", "--format", "json").documents
    answers += run("decide", uncertain, "tcp 10.0.0.1:40000 > 10.0.0.2:80", "--format", "json").documents
    assert [answer["decision"] for answer in answers] == ["undecided", "accept", "drop", "accept"]
    assert all("eth1" in rule["reason"] or "*" in rule["reason"] for rule in answers[0]["undecided_by"])


def test_an_asa_derives_the_interfaces_from_its_routes():
    """They are certain there, so that the packet need not name them; one that names the wrong one is dropped."""
    packet = "tcp 10.40.0.11:50000 > 10.20.0.11:808"
    for said in ("", " in reports", " in reports out app"):
        assert run("decide", CORE, packet + said, "--format", "json").documents[0]["decision"] == "accept"
    assert run("decide", CORE, f"{packet} in users", "--format", "json").documents[0]["decision"] == "drop"


def test_many_packets_give_one_object_a_line_in_their_order(tmp_path):
    """Blank lines and comments are left out."""
    packets = [FETCH, "tcp 10.40.0.11:50000 > 10.20.0.11:809", FETCH]
    file = tmp_path / "packets.txt"
    file.write_text("# reports\n" + "\n\n".join(packets) + "\n", encoding="utf-8")
    done = run("decide", CORE, "--packets", file, "--format", "json")
    assert done.status == 0
    assert [(one["packet"], one["decision"]) for one in done.documents] == list(
        zip(packets, ["accept", "drop", "accept"], strict=True)
    )


def test_packets_come_from_standard_input_too():
    """`--packets -`; line ends of another system do not matter."""
    done = run("decide", CORE, "--packets", "-", "--format", "json", stdin=f"{FETCH}\r\n{FETCH}".encode())
    assert [one["packet"] for one in done.documents] == [FETCH, FETCH]


BAD = [
    "tcp 10.40.0.11 > ",
    "tcp 10.40.0.11:70000 > 10.20.0.11:808",
    f"tcp 10.40.0.11:{'9' * 5000} > 10.20.0.11:808",
    "tcp 10.40.0.11:٣ > 10.20.0.11:808",
    "tcp 300.1.1.1:1 > 10.20.0.11:808",
    "tcp fd00::1 > 10.20.0.11:808",
    "quic 10.40.0.11:1 > 10.20.0.11:808",
    "tcp 10.40.0.11:1 > 10.20.0.11:808 state open",
    f"proto {'9' * 5000} 10.40.0.11 > 10.20.0.11",
    f"icmp 10.40.0.11 > 10.20.0.11 type {'9' * 5000}",
    "x" * 100_000,
    "[" * 10_000,
]


@pytest.mark.parametrize("bad", BAD, ids=lambda text: text[:30])
def test_a_bad_line_gives_an_error_in_its_place(bad):
    """The other packets are decided; the status is 2 at the end, also over an undecided one."""
    done = run("decide", CORE, "--packets", "-", "--format", "json", stdin=f"{FETCH}\n{bad}\n{FETCH}\n".encode())
    first, error, last = done.documents
    assert done.status == 2
    assert first["decision"] == last["decision"] == "accept"
    assert error["packet"] == bad.strip()
    assert 0 < len(error["error"]) < 400


@pytest.mark.parametrize("bad", BAD, ids=lambda text: text[:30])
def test_a_bad_packet_is_an_input_error(bad):
    """Status 2 and a sentence."""
    done = run("decide", CORE, bad, "--format", "json")
    assert done.status == 2
    assert len(done.document["errors"]) == 1


def test_what_is_wrong_comes_before_what_is_undecided(uncertain):
    """The precedence is 2, 4, 1, 3, 0."""
    undecided = "tcp 10.0.0.9:40000 > 10.0.0.2:7"
    lines = f"{undecided}\nnonsense\n{undecided}\n".encode()
    assert run("decide", uncertain, "--packets", "-", "--format", "json", stdin=lines).status == 2
    assert (
        run("decide", uncertain, "--packets", "-", stdin=f"{undecided}\ntcp 10.0.0.1:1 > 10.0.0.2:80".encode()).status
        == 3
    )


def test_a_path_that_both_would_read_is_refused():
    """Standard input cannot be the configuration and the packets."""
    assert run("decide", "-", "--packets", "-", stdin=b"x").status == 2


def test_a_configuration_comes_from_standard_input(tmp_path):
    """`decide - PACKET`."""
    done = run("decide", "-", FETCH, "--format", "json", stdin=CORE.read_bytes())
    assert done.documents[0]["decision"] == "accept"


def test_the_text_shows_the_line_in_its_context(tmp_path, monkeypatch):
    """The packet and what becomes of it first."""
    monkeypatch.chdir(copied(tmp_path).parent)
    done = run("decide", "core-fw.cfg", FETCH)
    number = line_of(CORE, "permit object crm-sdk-listener")
    assert done.out.splitlines()[0] == f"{FETCH} passes"
    assert f"decided by core-fw.cfg:{number}" in done.out
    assert f"> {number}  access-list reports_in extended permit object crm-sdk-listener" in done.out


def test_json_has_one_object_a_line_even_for_one_packet():
    """No indentation: a line is a record."""
    done = run("decide", CORE, FETCH, "--format", "json")
    assert len(done.out.splitlines()) == 1
    assert json.loads(done.out)["decision"] == "accept"
