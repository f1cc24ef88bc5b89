"""`portwright query`: the answer for people, for programs and for spreadsheets."""

import contextlib
import csv
import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest
from tests.cli.running import EXAMPLES, F6, copied, edit, line_of, run

SITE = F6 / "site.yaml"


def query(flow, *options, site=SITE):
    """Ask the example site."""
    return run("query", site, flow, *options)


def told(done):
    """What passes, line by line, as flow notation."""
    return [piece["flow"] for part in done.document["parts"] for piece in part["packets"]]


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        ("tcp any > sql01:1433", ["tcp fe01 > sql01:1433", "tcp ssrs01 > sql01:1433"]),
        ("any ssrs01 > data", ["tcp ssrs01 > sql01,sql02:1433"]),
        ("tcp staff > app", ["tcp staff > fe01:443"]),
        ("tcp staff > data", []),
        ("udp any > data at data-fw", []),
        ("tcp reports > app", ["tcp ssrs01 > fe01:808"]),
    ],
)
def test_an_answer_names_what_the_site_names(flow, expected):
    """Hosts, groups and zones where a set is one of these."""
    done = query(flow, "--format", "json")
    assert (done.status, told(done)) == (0, expected)


def test_each_part_has_its_rules_and_what_needs_it():
    """The permitting rule at each point on the way, in its order."""
    [part, _] = query("tcp any > sql01:1433", "--format", "json").document["parts"]
    assert (part["source_zone"], part["destination_zone"], part["through"]) == ("app", "data", ["core-fw", "data-fw"])
    assert (part["passes"], part["replies"], part["need"]) == ("can", "pass", "required")
    assert part["needed_by"][0] == "crm.database/fe01>sql01"
    rules = [(rule["point"], rule["line"]) for rule in part["permitted_by"]]
    asa = line_of(F6 / "core-fw.cfg", "app_in extended permit tcp object fe01 object sql01")
    assert rules == [("core-fw", asa), ("data-fw", line_of(F6 / "data-fw.nft", "@sql_clients"))]


def test_nothing_is_left_out_silently():
    """Pairs of zones on which nothing passes, and zones within which nothing stands."""
    document = query("tcp any > sql01:1433", "--format", "json").document
    assert [one["source_zone"] for one in document["blocked"]] == ["users", "core", "admin"]
    assert [(one["source"], one["destination"]) for one in document["unfiltered"]] == [("data", "data")]
    assert document["without_path"] == []
    text = query("tcp any > sql01:1433").out
    assert "No firewall stands within data." in text
    assert "Nothing passes from users to data; from core to data; from admin to data." in text


def test_the_text_is_a_screen_of_it_and_counts_the_rest():
    """100 columns; with --all, everything."""
    short, whole = query("any any > any").out, query("any any > any", "--all").out
    assert max(map(len, whole.splitlines())) <= 100
    assert "20 more parts with 1,074,677,063 connections" in short
    assert len(short.splitlines()) < 80 < len(whole.splitlines())
    assert "--all" not in whole


def test_a_limit_spells_out_less_and_leaves_nothing_uncounted():
    """The same connections, spelled out or counted."""
    documents = [query("any fe01 > any", "--format", "json", *options).document for options in ([], ["--limit", "1"])]
    assert [sum(len(part["packets"]) for part in document["parts"]) for document in documents] == [5, 1]
    assert documents[0]["left_out"] == "0"
    assert int(documents[1]["left_out"]) == 1 + 1 + 16_396


def test_what_is_not_known_is_status_3(tmp_path):
    """Part of the answer hangs on a line that is not understood: it is named, and marked in the text."""
    site = copied(tmp_path, "not-understood")
    done = query("tcp ssrs01 > app", "--format", "json", site=site)
    assert (done.status, done.document["verdict"]) == (3, "undecided")
    [part] = done.document["parts"]
    line = line_of(site.parent / "core-fw.cfg", "payload-class")
    assert (part["passes"], [rule["line"] for rule in part["hangs_on"]]) == ("may", [line])
    text = query("tcp ssrs01 > app", site=site).out
    assert "[may pass] tcp ssrs01 > fe01:808" in text
    assert f"core-fw.cfg:{line}: not understood" in " ".join(text.split())


def test_blocked_replies_are_told(tmp_path):
    """The requests pass; the rule that stops their answers is named."""
    site = copied(tmp_path, "replies-blocked")
    done = query("tcp fe01 > sql01:1433", "--format", "json", site=site)
    [part] = done.document["parts"]
    assert (done.status, part["passes"], part["replies"]) == (0, "can", "blocked")
    assert [rule["point"] for rule in part["replies_blocked_by"]] == ["data-fw"]
    assert "the replies, or what follows them, do not pass" in query("tcp fe01 > sql01:1433", site=site).out


def test_another_configuration_is_asked_with_config(tmp_path):
    """The one that is to be loaded tonight."""
    other = copied(tmp_path, "too-wide").parent / "data-fw.nft"
    done = query("tcp app > data:22", "--config", f"data-fw={other}", "--format", "json")
    assert (query("tcp app > data:22").status, told(done)) == (0, [])  # core-fw stops it
    [part] = query("tcp app > data:22 at data-fw", "--config", f"data-fw={other}", "--format", "json").document["parts"]
    assert (part["need"], part["needed_by"]) == ("nothing", [])


def test_expired_entries_are_not_accepted_any_more():
    """`--today` decides."""
    asked = ("tcp 10.50.0.40 > sql01:10000", "--format", "json", "--today")
    needs = [query(*asked, today).document["parts"][0]["need"] for today in ("2030-12-31", "2031-01-01")]
    assert needs == ["accepted", "nothing"]


def test_the_table_has_a_line_for_each_source_destination_and_service():
    """And one for each pair that is not judged; a spreadsheet takes nothing of it for a formula."""
    rows = list(csv.DictReader(io.StringIO(query("any fe01 > any", "--format", "csv").out)))
    spelled = [(row["source"], row["destination"], row["service"], row["passes"]) for row in rows]
    assert spelled[0] == ("fe01", "sql01", "tcp 1433", "can")
    assert ("fe01", "dc01", "udp 53,88,123,389,464", "can") in spelled
    assert ("fe01", "dc01", "icmp type 8", "can") in spelled
    assert spelled[-3:] == [
        ("app", "app", "", "unfiltered"),
        ("app", "users", "", "blocked"),
        ("app", "admin", "", "blocked"),
    ]
    assert all("core-fw.cfg:" in row["permitted by"] for row in rows if row["passes"] == "can")
    assert all("dc01" in row["needed by"] for row in rows if row["destination"] == "dc01")


def test_a_table_counts_what_it_leaves_out():
    """On a line of its own, without source and destination."""
    rows = list(csv.DictReader(io.StringIO(query("any fe01 > any", "--format", "csv", "--limit", "1").out)))
    assert [row["left out"] for row in rows if row["left out"]] == ["1", "1", "16396"]


def test_names_that_look_like_formulas_are_quoted(tmp_path):
    """A rule's text may begin with anything (CWE-1236)."""
    site = copied(tmp_path)
    edit(site, "reason: backup server, owner: dba", 'reason: backup server, owner: "=1+1"')
    edit(site, '{flow: "tcp 10.50.0.40 > sql01:10000"', '{at: core-fw, rule: "BACKUP"')
    out = query("tcp 10.50.0.40 > sql02:10000", "--format", "csv", site=site).out
    assert not any(cell[:1] in "=+-@" for row in csv.reader(io.StringIO(out)) for cell in row if cell)


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        ("tcp any > nobody:1433", "FLOW: 'nobody' is neither an address nor a name of this site"),
        (
            "tcp any > sql01:1433 at edge-fw",
            "FLOW: there is no point 'edge-fw'\n    hint: the site has: core-fw, data-fw",
        ),
        ("tcp 192.0.2.1 > sql01", "FLOW: '192.0.2.1' lies in no zone of the site, so that nobody knows its way"),
        ("who reaches sql01?", "FLOW: a flow is written as PROTOCOL"[:27]),
    ],
)
def test_a_wrong_question_is_status_2(flow, says):
    """With what is wrong."""
    done = query(flow)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(says)


def test_the_help_has_examples_that_work():
    """Each is a question in flow notation."""
    text = run("query", "--help").out
    assert 'portwright query site.yaml "tcp any > sql01:1433"' in text
    assert query("tcp any > sql01:1433").status == 0


# ---------------------------------------------------------------------- IPv4 and IPv6


def test_ipv4_and_ipv6_of_the_same_names_are_one_answer():
    """The rules of both stand below it; in every format."""
    site = EXAMPLES / "f3" / "site.yaml"
    [part] = query("tcp staff > crm:443", "--format", "json", site=site).document["parts"]
    [packets] = part["packets"]
    assert (packets["flow"], packets["versions"]) == ("tcp staff > crm:443", [4, 6])
    assert [rule["text"].split()[0] for rule in part["permitted_by"]] == ["ip", "ip6"]
    text = query("tcp staff > crm:443", site=site).out
    assert text.count("tcp staff > crm:443") == 2  # the question, and the answer
    [row] = csv.DictReader(io.StringIO(query("tcp staff > crm:443", "--format", "csv", site=site).out))
    assert (row["destination"], row["IP"]) == ("crm", "4 6")


def test_one_ip_version_alone_is_told(tmp_path):
    """A name with both would say more than passes."""
    site = copied(tmp_path, "ipv6-forgotten", "f3")
    done = query("any any > any", "--all", site=site)
    assert "(IPv4 alone)" in done.out
    assert "(IPv6 alone)" not in done.out
    assert "(IPv" not in query("any any > any", "--all", site=EXAMPLES / "f3" / "site.yaml").out


def test_together_leaves_nothing_out():
    """What a limit does not spell out is counted, whatever is told together."""
    site = EXAMPLES / "f3" / "site.yaml"
    documents = [
        query("any staff > any", "--format", "json", *limit, site=site).document for limit in ([], ["--limit", "3"])
    ]
    assert documents[0]["left_out"] == "0"
    assert int(documents[1]["left_out"]) > 0
    assert sum(len(part["packets"]) for part in documents[1]["parts"]) <= 3


# ---------------------------------------------------------------------- translations, balancers


def test_every_translation_is_cited():
    """Two ports that two rules publish are one set of packets."""
    document = query("any internet > any", "--format", "json", site=EXAMPLES / "f4" / "site.yaml").document
    [part] = document["parts"]
    assert part["packets"][0]["arrives_as"].endswith("wap01:443,49443")
    assert [rule["text"].split(" service ")[1] for rule in part["translated_by"]] == [
        "tcp https https", "tcp 49443 49443",
    ]  # fmt: skip


def test_what_stays_as_it_is_is_told_once():
    """A long list of senders is not repeated where only the destination is translated, and no address is broken."""
    out = query("any internet > any", site=EXAMPLES / "f4" / "site.yaml").out
    assert "which arrives at wap01:443,49443" in " ".join(out.split())
    assert out.count("169.253.255.255") == 1
    assert out.count("172.15.255.255") == 1


def test_a_balancer_is_followed_on_to_its_members(tmp_path):
    """Where flows go on to each, they are said; where one of them is stopped, that."""
    site = copied(tmp_path, example="f3")
    edit(site, "    mode: nlb\n    members: [fe01, fe02]", "    mode: dnat\n    members: [fe01, fe02]")
    [part] = query("tcp staff > crm:443", "--format", "json", site=site).document["parts"]
    assert (part["passes"], part["leads_on_to"], part["because"]) == ("can", ["fe01", "fe02"], None)
    out = query("tcp staff > crm:443", site=site).out
    assert "crm leads it on to fe01, fe02, and nothing stops it there" in out
    assert "crm leads on to fe01: who reaches these" in query("tcp staff > fe01:443", site=site).out


def test_a_balancer_whose_way_on_is_stopped_is_told(tmp_path):
    """The member and the line."""
    site = copied(tmp_path, example="f3")
    edit(site, "    mode: nlb\n    members: [fe01, fe02]", "    mode: dnat\n    members: [fe01, ssrs01]")
    done = query("tcp staff > crm:443", "--format", "json", site=site)
    assert done.status == 3
    [part] = done.document["parts"]
    assert part["passes"] == "may"
    assert part["because"].startswith("the way on from crm to its member ssrs01 is blocked by ")


# ---------------------------------------------------------------------- terminals


@pytest.mark.parametrize(("columns", "widest"), [(80, 80), (120, 100), (60, 60)])
def test_a_text_is_as_wide_as_the_terminal(columns, widest):
    """And no wider than people read; names and addresses are never broken."""
    lines = on_a_terminal(columns, "query", SITE, "tcp any > sql01:1433")
    assert max(map(len, lines)) <= widest
    assert max(map(len, lines)) > widest - 12


def on_a_terminal(columns, *arguments):
    """What a command prints to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    command = [sys.executable, "-m", "portwright", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    done = subprocess.Popen(command, stdout=theirs, stdin=theirs, env={**environment, "NO_COLOR": "1"})
    os.close(theirs)
    parts = []
    with contextlib.suppress(OSError):  # the end, once the command is gone
        while part := os.read(ours, 65536):
            parts.append(part)
    assert done.wait() in (0, 1, 3)
    os.close(ours)
    return b"".join(parts).decode().replace("\r\n", "\n").splitlines()


def test_what_finds_no_neighbor_may_pass_at_most(tmp_path):
    """Rules that let IPv6 pass are of no use where the firewall drops what it needs to find the next hop."""
    site = copied(tmp_path, example="f3")
    edit(site.with_name("core-fw.nft"), "nd-neighbor-solicit, ", "")
    done = run("query", site, "tcp staff > crm:443")
    assert "tcp staff > crm:443 (IPv4 alone)" in done.out
    assert "[may pass] tcp staff > crm:443 (IPv6 alone)" in done.out
    assert "IPv6 neighbors are not found" in done.out
