"""What an earlier report knows does not count; what is new does; what is gone is told."""

import json

import pytest
from tests.cli.running import edit, run

WIDE = '\t\tip saddr 10.20.0.0/24 counter packets 3 bytes 120 accept comment "migration"\n'
JUMP = "\t\tip saddr @admins jump"
PERMIT = "access-list reports_in extended permit object crm-sdk-listener object ssrs01 object fe01\n"


def known(done):
    """Id -> whether it is known."""
    return {one["id"]: one.get("known", False) for one in done.findings()}


def saved(f6, *options):
    """An earlier report of the site as it is now."""
    f6.check("-o", "before.json", *options)
    return ("--baseline", "before.json")


def widened(f6):
    return f6.edit(f6.data, JUMP, WIDE + JUMP)


def blocked(f6):
    """The site without the rule that a test of the site needs too."""
    text = f6.core.read_text(encoding="utf-8")
    f6.core.write_text("\n".join(line for line in text.split("\n") if "crm-sdk-listener object ssrs01" not in line))
    return f6


def test_what_is_known_does_not_count(f6):
    """Status 0, and the verdict stays what it is: nothing is called proved for being old."""
    baseline = saved(widened(f6))
    assert f6.check().status == 1
    done = f6.check(*baseline)
    assert (done.status, done.document["verdict"]) == (0, "findings")
    assert list(known(done).values()) == [True]
    assert done.document["baseline"] == {"file": "before.json", "known": 1, "new": 0, "grown": 0, "mended": []}


def test_what_is_new_counts(f6):
    """Beside what is known."""
    baseline = saved(widened(f6))
    done = blocked(f6).check(*baseline)
    assert done.status == 1
    assert sorted(known(done).values()) == [False, False, True]
    assert [id for id, is_known in known(done).items() if is_known] == [
        'excess:data-fw:ip saddr 10.20.0.0/24 counter accept comment "migration"'
    ]


def test_what_is_gone_is_told(f6):
    """By id and message."""
    baseline = saved(widened(f6))
    f6.edit(f6.data, WIDE, "")
    done = f6.check(*baseline)
    assert done.status == 0
    [mended] = done.document["baseline"]["mended"]
    assert mended["kind"] == "excess"
    assert mended["message"].startswith("data-fw permits what nothing needs: any app > sql01,sql02")
    text = run("check", "site.yaml", "--today", "2026-06-01", *baseline).out
    assert "Mended since before.json\n  data-fw permits what nothing needs" in text


def test_moved_lines_and_counters_change_nothing(f6):
    """A rule is known again by its point and its text, without what the kernel counts in it."""
    baseline = saved(widened(f6))
    f6.edit(f6.data, WIDE, "\n\n" + WIDE.replace("packets 3 bytes 120", "packets 4711 bytes 99"))
    assert list(known(f6.check(*baseline)).values()) == [True]


def test_without_a_difference_nothing_is_new(f6):
    """The empty report as a baseline: every finding counts."""
    baseline = saved(f6)
    done = widened(f6).check(*baseline)
    assert (done.status, done.document["baseline"]["new"]) == (1, 1)


def test_new_ones_come_first_in_the_text(f6):
    """The others are marked."""
    baseline = saved(widened(f6))
    out = run("check", "site.yaml", *blocked(f6) and baseline).out
    assert "Since before.json: 2 findings are new, 1 known, 0 mended." in out
    assert "\n 3. [known] data-fw permits what nothing needs" in out


def test_fail_on_chooses_among_what_is_new(f6):
    """A known excess does not count even where excess is chosen; a new one does."""
    baseline = saved(widened(f6))
    assert f6.check(*baseline, "--fail-on", "excess").status == 0
    f6.edit(f6.data, JUMP, WIDE.replace("10.20.0.0", "10.40.0.0").replace("migration", "more") + JUMP)
    assert f6.check(*baseline, "--fail-on", "excess").status == 1
    assert f6.check(*baseline, "--fail-on", "missing").status == 0


def test_what_is_mended_outside_the_focus_is_not_told(f6):
    """The focus holds for both reports."""
    baseline = saved(blocked(f6))
    f6.core.write_text((f6.site.parents[0] / "core-fw.cfg").read_text(encoding="utf-8"))
    edit(
        f6.core,
        "access-list reports_in extended deny ip any any",
        PERMIT + "access-list reports_in extended deny ip any any",
    )
    assert len(f6.check(*baseline).document["baseline"]["mended"]) == 2
    assert len(f6.check(*baseline, "--focus", "run-fetch-report").document["baseline"]["mended"]) == 1
    assert f6.check(*baseline, "--focus", "sql02").document["baseline"]["mended"] == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"[" * 200_000, "is no JSON"),
        (b'{"schema": ' + b"9" * 10_000 + b"}", "is no JSON"),
        (b"[]", "is no 'portwright.check/1'"),
        (b'{"schema": "portwright.plan/1"}', "is no 'portwright.check/1'"),
        (b'{"schema": "portwright.check/1", "site": "fabrikam"}', "is a check of 'fabrikam', not of 'contoso'"),
        (b'{"schema": "portwright.check/1", "site": "contoso"}', "is no list of findings"),
        (b"\x00", "is binary"),
    ],
    ids=range(9),
)
def test_a_bad_baseline_is_wrong_input(f6, content, told):
    """Status 2, with the file and what is wrong with it."""
    (f6.site.parent / "bad.json").write_bytes(content)
    done = run("check", "site.yaml", "--baseline", "bad.json")
    assert (done.status, done.out) == (2, "")
    assert "bad.json" in done.err
    assert told in done.err


def test_every_strange_finding_of_a_baseline_is_told(f6):
    """With its place, and no more of them than a person reads."""
    entries = [{"id": 1}, 7, {"id": "a", "kind": [], "message": ""}, {"id": "a", "kind": "lint", "message": "fine"}]
    document = {"schema": "portwright.check/1", "site": "contoso", "findings": [*entries, *[None] * 100]}
    (f6.site.parent / "bad.json").write_text(json.dumps(document), encoding="utf-8")
    done = run("check", "site.yaml", "--baseline", "bad.json")
    assert done.status == 2
    assert [f"findings[{number}]: is no finding" in done.err for number in range(4)] == [True, True, True, False]
    assert done.err.count("is no finding") == 20


def test_a_baseline_may_hold_more_than_this_version_says(f6):
    """Members of another version are left alone, and so are those of a type that nobody expects."""
    finding = {
        "id": "x",
        "kind": "lint",
        "message": "m" * 1000,
        "flows": 7,
        "decided_by": "y",
        "related": [3],
        "new": 1,
    }
    document = {"schema": "portwright.check/1", "site": "contoso", "findings": [finding], "more": {}}
    (f6.site.parent / "other.json").write_text(json.dumps(document), encoding="utf-8")
    [mended] = f6.check("--baseline", "other.json").document["baseline"]["mended"]
    assert mended == {"id": "x", "kind": "lint", "message": "m" * 300}


def grown(done):
    """Id -> what has been added to it since the baseline."""
    return {one["id"]: one["grown"] for one in done.findings() if "grown" in one}


GROUP = "object-group network backup\n network-object host 10.40.0.99\n"
OPEN = "access-list reports_in extended permit tcp object-group backup object sql01 eq 10000\n"
DENY = "access-list reports_in extended deny ip any any"
IN_IT = "excess:core-fw:access-list reports_in extended permit tcp object-group backup object sql01 eq 10000"


def with_a_group(f6):
    """The site with a rule that nothing needs, from the members of a group."""
    return f6.edit(f6.core, DENY, OPEN + DENY).edit(f6.core, "object network fe01\n", GROUP + "object network fe01\n")


def member(f6, address):
    """One more member of the group."""
    return f6.edit(f6.core, GROUP, f"{GROUP} network-object host {address}\n")


def test_what_has_grown_counts(f6):
    """A group has a member more: the rule keeps its text, and opens more than anybody has accepted."""
    baseline = saved(with_a_group(f6))
    assert f6.check(*baseline).status == 0
    done = member(f6, "10.40.0.100").check(*baseline)
    assert (done.status, known(done)) == (1, {IN_IT: False})
    assert grown(done) == {IN_IT: "tcp 10.40.0.100 > sql01:10000"}
    assert done.document["baseline"] == {"file": "before.json", "known": 0, "new": 0, "grown": 1, "mended": []}


def test_the_text_says_what_was_added(f6):
    """First among the findings, with how many there are."""
    baseline = saved(with_a_group(f6))
    out = run("check", "site.yaml", *member(f6, "10.40.0.100") and baseline).out
    assert "Since before.json: 0 findings are new, 1 has grown, 0 known, 0 mended." in out
    assert " 1. [grown] core-fw permits what nothing needs" in out
    assert "grown          since the baseline: tcp 10.40.0.100 > sql01:10000" in out


def test_what_has_shrunk_is_known(f6):
    """Fewer members are no news."""
    baseline = saved(member(with_a_group(f6), "10.40.0.100"))
    f6.edit(f6.core, " network-object host 10.40.0.100\n", "")
    assert (f6.check(*baseline).status, known(f6.check(*baseline))) == (0, {IN_IT: True})


def test_what_moves_has_grown(f6):
    """As many members, and others."""
    baseline = saved(with_a_group(f6))
    f6.edit(f6.core, "network-object host 10.40.0.99", "network-object host 10.40.0.100")
    assert grown(f6.check(*baseline)) == {IN_IT: "tcp 10.40.0.100 > sql01:10000"}


def test_a_flow_that_is_blocked_for_more_of_its_clients_has_grown(f6):
    """First one network of the users is denied, then another as well."""
    rule = "access-list users_in extended permit tcp object staff-net object fe01"
    line = "access-list users_in extended deny tcp object-group banned any\n"
    f6.edit(f6.core, rule, line + rule)
    f6.edit(f6.core, "object network fe01\n", GROUP.replace("backup", "banned") + "object network fe01\n")
    f6.edit(f6.core, "host 10.40.0.99", "10.10.7.0 255.255.255.0")
    baseline = saved(f6)
    assert f6.check(*baseline).status == 0
    f6.edit(f6.core, " network-object 10.10.7.0", " network-object 10.10.8.0 255.255.255.0\n network-object 10.10.7.0")
    done = f6.check(*baseline)
    assert done.status == 1
    assert set(grown(done).values()) == {"tcp 10.10.8.0/24 > fe01:443"}


def test_more_flows_that_hang_on_a_line_are_told(f6):
    """The line that is not understood is known, and what hangs on it is more."""
    trial = "access-list reports_in extended deny tcp any {} payload-class TRIAL\n"
    rule = "access-list reports_in remark CRM-0113"
    baseline = saved(f6.edit(f6.core, rule, trial.format("object-group SQL-SERVERS") + rule))
    assert f6.check(*baseline).status == 0
    assert [len(one["flows"]) for one in f6.check().findings("undecided")] == [2]
    servers = "object-group network SQL-SERVERS\n"
    f6.edit(f6.core, servers, f"{servers} network-object object fe01\n")
    [hanging] = [one for one in f6.check(*baseline).findings("undecided") if "grown" in one]
    assert hanging["grown"] == "crm.fetch-report/ssrs01>fe01; tcp ssrs01 > fe01:1433"  # the flow, and what may be open


def test_a_baseline_without_packets_is_held_against_by_ids_alone(f6):
    """One of an earlier version still serves, and the report says how far."""
    baseline = saved(with_a_group(f6))
    document = json.loads((f6.site.parent / "before.json").read_text(encoding="utf-8"))
    del document["findings"][0]["packets"]
    (f6.site.parent / "before.json").write_text(json.dumps(document), encoding="utf-8")
    done = member(f6, "10.40.0.100").check(*baseline)
    assert (done.status, done.document["baseline"]["by_id_alone"]) == (0, 1)
    out = " ".join(run("check", "site.yaml", *baseline).out.split())
    assert "Of 1 known finding only the id was compared, as its packets are not told" in out


def test_a_test_of_the_site_is_held_against_by_its_id(f6):
    """The report does not say of which packets it is, and says that."""
    baseline = saved(f6.say("tests", '{deny: "tcp staff > fe01"}'))
    done = f6.check(*baseline)
    assert (done.status, done.document["baseline"]["by_id_alone"]) == (0, 1)


def test_what_was_no_error_and_is_one_has_grown(f6):
    """Versions may judge a kind otherwise."""
    baseline = saved(with_a_group(f6))
    document = json.loads((f6.site.parent / "before.json").read_text(encoding="utf-8"))
    document["findings"][0]["severity"] = "note"
    (f6.site.parent / "before.json").write_text(json.dumps(document), encoding="utf-8")
    done = f6.check(*baseline)
    assert (done.status, grown(done)) == (1, {IN_IT: "it is an error and was a note"})


def test_sarif_says_that_it_was_updated(f6):
    """With what was added among its properties."""
    baseline = saved(with_a_group(f6))
    member(f6, "10.40.0.100")
    log = json.loads(run("check", "site.yaml", "--format", "sarif", *baseline).out)
    [result] = log["runs"][0]["results"]
    assert result["baselineState"] == "updated"
    assert result["properties"]["grown"] == "tcp 10.40.0.100 > sql01:10000"


@pytest.mark.parametrize("packets", [7, [], {"boxes": 1}, {"boxes": [1]}, {"boxes": [{"version": "9" * 300}]}], ids=str)
def test_packets_that_nobody_understands_are_as_none(f6, packets):
    """The id still serves."""
    baseline = saved(with_a_group(f6))
    document = json.loads((f6.site.parent / "before.json").read_text(encoding="utf-8"))
    document["findings"][0]["packets"] = packets
    (f6.site.parent / "before.json").write_text(json.dumps(document), encoding="utf-8")
    assert f6.check(*baseline).document["baseline"]["by_id_alone"] == 1
