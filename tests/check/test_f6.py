"""The example site: right as it is, and what each fault does to it."""

import pytest
from tests.cli.running import FAULTS, copied, edit, line_of, rules, run

FETCH = "crm.fetch-report/ssrs01>fe01"


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Check the site with a fault, from within its folder, as JSON."""

    def checked(fault=None, *options):
        monkeypatch.chdir(copied(tmp_path, fault).parent)
        return run("check", "site.yaml", "--format", "json", *options)

    return checked


def test_the_right_site_is_proved(check):
    """Nothing is missing, nothing too wide, every line is understood."""
    done = check()
    assert done.status == 0
    assert done.document["verdict"] == "proved"
    assert done.document["findings"] == []
    assert done.document["summary"]["proved"] == done.document["summary"]["required"] > 50
    assert [(point["name"], point["unknown"]) for point in done.document["points"]] == [("core-fw", 0), ("data-fw", 0)]


def test_a_lost_rule_breaks_fetch_based_reports(check, tmp_path):
    """The finding names the flow, the point, the denying line, the step that breaks and where the paper asks for it."""
    done = check("fetch-808-blocked")
    assert done.status == 1
    [missing] = done.findings("missing")
    deny = line_of(tmp_path / "f6" / "core-fw.cfg", "access-list reports_in extended deny ip any any")
    assert (missing["point"], missing["flow"]) == ("core-fw", FETCH)
    assert missing["id"] == f"missing:core-fw:{FETCH}"
    assert missing["witness"] == "tcp 10.40.0.11:40000 > 10.20.0.11:808 in reports out app"
    assert [(rule["file"], rule["line"], rule["default"]) for rule in rules(missing)] == [("core-fw.cfg", deny, False)]
    assert {"P61", "P66"} <= set(missing["citations"])
    assert [(one["scenario"], one["step"], one["effect"]) for one in missing["breaks"]] == [
        ("run-fetch-report", "4b", "broken")
    ]


def test_a_right_rule_below_a_deny_is_missing_and_shadowed(check, tmp_path):
    """The deny blocks, and the permit is named as the rule that can never decide."""
    done = check("shadowed")
    assert done.status == 1
    config = tmp_path / "f6" / "core-fw.cfg"
    deny, permit = line_of(config, "deny tcp any 10.20.0.0"), line_of(config, "permit object crm-sdk-listener")
    [missing] = done.findings("missing")
    [shadowed] = done.findings("shadowed")
    assert (missing["flow"], [rule["line"] for rule in rules(missing)]) == (FETCH, [deny])
    assert [rule["line"] for rule in rules(shadowed)] == [permit, deny]
    assert shadowed["severity"] == "warning"


def test_a_rule_too_wide_is_excess_and_breaks_nothing(check, tmp_path):
    """One finding for the rule, with a packet that it lets pass; every flow is still proved."""
    done = check("too-wide")
    assert done.status == 1
    [excess] = done.findings()
    assert (excess["kind"], excess["point"], excess["breaks"]) == ("excess", "data-fw", [])
    assert [rule["line"] for rule in rules(excess)] == [
        line_of(tmp_path / "f6" / "data-fw.nft", "temporary, migration")
    ]
    assert excess["witness"].startswith("tcp 10.20.0.")
    assert done.document["summary"]["proved"] == done.document["summary"]["required"]


def test_a_line_nobody_understands_leaves_reports_undecided(check, tmp_path):
    """It is named once, with every scenario that hangs on it; nothing is called missing and nothing proved."""
    done = check("not-understood")
    assert done.status == 3
    assert done.document["verdict"] == "undecided"
    about_flows = [one for one in done.findings("undecided") if one["requirements"]]
    [undecided] = about_flows
    line = line_of(tmp_path / "f6" / "core-fw.cfg", "payload-class")
    assert [rule["line"] for rule in rules(undecided)] == [line]
    assert "payload-class" in undecided["decided_by"]["reason"]
    assert {one["scenario"] for one in undecided["breaks"]} == {"run-sql-report", "run-fetch-report", "publish-report"}
    assert done.document["summary"]["undecided"] == 3
    assert done.findings("missing", "excess") == []


def test_replies_that_a_stateless_ruleset_drops_break_everything(check, tmp_path):
    """The requests pass; each flow across the point is found by its reply, and the default that drops it."""
    done = check("replies-blocked")
    assert done.status == 1
    replies = done.findings("reply")
    assert len(replies) == done.document["summary"]["missing"] > 20
    first = next(one for one in replies if one["flow"] == "crm.sql-report/ssrs01>sql01")
    assert first["witness"] == "tcp 10.30.0.21:1433 > 10.40.0.11:40000 in eth1 out eth0 state established"
    [rule] = rules(first)
    assert (rule["default"], rule["reason"]) == (True, "policy of chain inet filter forward")
    assert rule["line"] == line_of(tmp_path / "f6" / "data-fw.nft", "hook forward priority")
    assert done.findings("missing") == []


def test_many_flows_with_one_cause_are_told_once(tmp_path, monkeypatch):
    """In the text, flows that the same rule stops share a paragraph; in JSON each has its own finding."""
    monkeypatch.chdir(copied(tmp_path, "replies-blocked").parent)
    done = run("check", "site.yaml")
    assert done.out.count("blocked by") == 1
    assert "it also stops" in done.out
    assert "and 26 more" in done.out


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_the_report_for_people_reads_as_agreed(fault, tmp_path, monkeypatch, snapshot):
    """The consequence first, then the line, the packet, the need and its source; 100 columns, no color in a file."""
    monkeypatch.chdir(copied(tmp_path, fault).parent)
    done = run("check", "site.yaml", "--today", "2026-06-01")
    assert done.err == ""
    assert max(map(len, done.out.splitlines())) <= 100
    assert "\x1b" not in done.out
    assert done.out == snapshot


def test_ids_do_not_depend_on_lines_or_order(tmp_path, monkeypatch):
    """Lines put above a rule, and hosts written in another order, change no id."""
    site = copied(tmp_path, "fetch-808-blocked")
    monkeypatch.chdir(site.parent)
    before = [one["id"] for one in run("check", "site.yaml", "--format", "json").findings()]
    edit(
        site.parent / "core-fw.cfg",
        "access-list users_in remark CRM-0118",
        "access-list users_in remark new\naccess-list users_in remark CRM-0118",
    )
    text = site.read_text(encoding="utf-8")
    host = "  adm01: {zone: admin, addresses: [10.60.0.5], roles: [admin/workstation]}\n"
    assert host in text
    site.write_text("# moved\n" + text.replace(host, "").replace("hosts:\n", f"hosts:\n{host}"), encoding="utf-8")
    after = run("check", "site.yaml", "--format", "json")
    assert sorted(one["id"] for one in after.findings()) == sorted(before)
    assert len(set(before)) == len(before)


def test_another_configuration_takes_the_place_of_the_sites_own(check, tmp_path):
    """`--config POINT=FILE` is what is judged, and what the findings name."""
    faulty = tmp_path / "tonight.cfg"
    text = (copied(tmp_path / "other", "fetch-808-blocked").parent / "core-fw.cfg").read_text(encoding="utf-8")
    faulty.write_text(text, encoding="utf-8")
    done = check(None, "--config", f"core-fw={faulty}")
    assert done.status == 1
    assert done.findings("missing")[0]["decided_by"]["file"].endswith("tonight.cfg")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["core-fw"], "is no POINT=FILE of this site"),
        (["edge-fw=core-fw.cfg"], "its points: core-fw, data-fw"),
        (["core-fw=core-fw.cfg", "core-fw=data-fw.nft"], "has a configuration already"),
        (["core-fw=nowhere.cfg"], "nowhere.cfg: there is no such file"),
    ],
)
def test_a_wrong_config_option_is_refused(check, entries, message):
    """What is no point, given twice or not there ends with status 2 and says so."""
    options = [word for entry in entries for word in ("--config", entry)]
    done = check(None, *options)
    [error] = done.document["errors"]
    assert done.status == 2
    assert message in f"{error['file']}: {error['message']} {error['hint']}"
