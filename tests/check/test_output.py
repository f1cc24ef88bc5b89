"""Where a report goes: to the terminal, or to a file that nobody loses by mistake."""

import json
from pathlib import Path

import pytest
from tests.cli.running import run

FORMATS = ["text", "json", "sarif", "junit", "markdown"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_holds_what_would_be_printed(f6, form):
    """And nothing is printed; the exit status is the same."""
    f6.edit(f6.core, "hostname core-fw", "hostname data-fw")
    printed = run("check", "site.yaml", "--format", form)
    written = run("check", "site.yaml", "--format", form, "-o", "reports/report")
    assert (written.out, written.err, written.status) == ("", "", printed.status)
    assert Path("reports/report").read_text(encoding="utf-8").rstrip("\n") == printed.out.rstrip("\n")


def test_a_file_that_exists_is_kept(f6):
    """Unless it is to be overwritten; `-` is standard output."""
    Path("report.json").write_text("mine", encoding="utf-8")
    refused = run("check", "site.yaml", "--format", "json", "-o", "report.json")
    assert (refused.status, refused.document["errors"][0]["message"]) == (2, "exists already")
    assert Path("report.json").read_text(encoding="utf-8") == "mine"
    assert run("check", "site.yaml", "--format", "json", "-o", "report.json", "--force").status == 0
    assert json.loads(Path("report.json").read_text(encoding="utf-8"))["verdict"] == "proved"
    assert run("check", "site.yaml", "--format", "json", "-o", "-").document["verdict"] == "proved"


def test_a_report_is_the_same_every_time(f6):
    """It has no date and no order of chance, so that two of them can be compared."""
    f6.edit(f6.core, "hostname core-fw", "hostname data-fw")
    for form in FORMATS:
        assert run("check", "site.yaml", "--format", form).out == run("check", "site.yaml", "--format", form).out


def test_json_says_what_it_rests_on(f6):
    """Entries with their last day and line, lines that were not understood, what was not judged."""
    rule = "access-list reports_in remark CRM-0113"
    f6.edit(f6.core, rule, f"access-list reports_in extended deny tcp any any payload-class X\n{rule}")
    document = f6.check("--focus", "ssrs01").document
    assert document["not_judged"] == ["what does not touch ssrs01"]
    assert [(one["entry"], one["about"], one["owner"], one["until"]) for one in document["entries"]] == [
        ("accept", "tcp 10.50.0.40 > sql01:10000", "dba", "2030-12-31"),
        ("accept", "tcp 10.50.0.40 > sql02:10000", "dba", "2030-12-31"),
        ("accept", "icmp adm01 > any", "net", None),
    ]
    [core] = [one for one in document["points"] if one["name"] == "core-fw"]
    assert core["file"] == "core-fw.cfg"
    [unknown] = core["not_understood"]
    assert "payload-class" in unknown["text"]
    hanging = [one["flows"] for one in document["findings"] if "flows" in one]
    assert [len(flows) for flows in hanging] == [3]


def test_a_fix_was_tried(f6):
    """The commands that close the finding, on lines of their own; without --fix nothing is tried."""
    f6.edit(f6.core, "access-list reports_in extended permit object crm-sdk-listener object ssrs01 object fe01 \n", "")
    [missing] = f6.check().findings("missing")
    assert missing["fix"] is None
    [missing] = f6.check("--fix").findings("missing")
    commands = missing["fix"].split("\n")
    assert commands[-1].endswith("extended permit object crm-sdk-listener object ssrs01 object fe01")
    text = run("check", "site.yaml", "--today", "2026-06-01", "--fix").out
    assert all(command in " ".join(text.split()) for command in commands)
