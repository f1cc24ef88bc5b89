"""The check as a Markdown document, for a change request."""

import re
from pathlib import Path

import pytest
from tests.cli.running import FAULTS, line_of


def document(checked, *options):
    return checked.run("--format", "markdown", *options).out


def sections(text):
    """Heading -> what stands below it."""
    parts = re.split(r"^#{1,2} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_the_document_reads_as_agreed(checked, fault, snapshot):
    """Verdict and counts, findings with their lines, what was read, what the answer rests on."""
    checked.site(fault)
    assert document(checked) == snapshot


def test_the_verdict_stands_on_top(checked):
    """Then the counts, as a table."""
    checked.site("fetch-808-blocked")
    text = document(checked)
    counted = "92 of 93 required flows proved, 1 blocked, 1 test of the site does not hold."
    assert text.startswith(f"# Firewall check of contoso\n\n**NOT IN ORDER.** {counted}\n")
    assert "| of these blocked | 1 |" in text


def test_a_finding_shows_the_line_between_its_neighbors(checked):
    """As code, with the packet and the id verbatim."""
    site = checked.site("fetch-808-blocked")
    findings = sections(document(checked))["Findings"]
    line = line_of(site.parent / "core-fw.cfg", "reports_in extended deny ip any any")
    assert f"- blocked by `core-fw.cfg:{line}`" in findings
    assert f"  > {line}  access-list reports_in extended deny ip any any log\n" in findings
    assert "- packet: `tcp 10.40.0.11:40000 > 10.20.0.11:808 in reports out app`" in findings
    assert "- id: `missing:core-fw:crm.fetch-report/ssrs01>fe01`" in findings


def test_flows_with_one_cause_share_a_heading(checked):
    """And every id is told, so that nothing is lost."""
    checked.site("replies-blocked")
    findings = sections(document(checked))["Findings"]
    assert findings.count("### ") == 1
    assert findings.count("`reply:data-fw:") == 33


def test_everything_that_makes_it_judge_less_is_told(checked):
    """Entries with owner, last day and line; components that are absent."""
    site = checked.site()
    rests = sections(document(checked))["What the answer rests on"]
    line = line_of(site, "sql01:10000")
    assert f"| accept | tcp 10.50.0.40 \\> sql01:10000 | backup server | dba | 2030-12-31 | site.yaml:{line} |" in rests
    assert "- said by the site: there is no time/source here (dc01 has a radio clock of its own)" in rests
    assert "- taken for granted: routing is as the site declares it" in rests


def test_lines_that_were_not_understood_are_listed(checked):
    """With the reason, below the table of what was read."""
    site = checked.site("not-understood")
    read = sections(document(checked))["What was read"]
    assert f"| core-fw.cfg:{line_of(site.parent / 'core-fw.cfg', 'payload-class')} | " in read
    assert "| core-fw | cisco-asa | core-fw.cfg |" in read


def test_no_text_of_a_file_becomes_markup(checked):
    """Marks in a comment are escaped, or stand within longer ones."""
    checked.site("too-wide")
    file = Path("data-fw.nft")
    text = file.read_text(encoding="utf-8").replace("temporary, migration", "``` <b>*x*</b> `y` | z")
    file.write_text(text, encoding="utf-8")
    findings = sections(document(checked))["Findings"]
    assert "\n  ````\n" in findings
    assert "- id: ````excess:data-fw:" in findings
    verbatim = re.compile(r"(`{4}).*?\1", re.DOTALL)
    assert "<b>" in findings
    assert "<b>" not in verbatim.sub("", findings)


def test_what_is_known_comes_last_and_what_is_mended_is_told(checked):
    """Against an earlier report."""
    before = checked.site("too-wide").parent / "before.json"
    checked.run("--format", "json", "-o", before)
    wide = Path("data-fw.nft").read_bytes()
    checked.site("fetch-808-blocked")
    assert (
        "- data-fw permits what nothing needs"
        in sections(document(checked, "--baseline", before))[f"Mended since {before}".replace("_", "\\_")]
    )
    Path("data-fw.nft").write_bytes(wide)
    headings = re.findall(r"^### \d+\. (.*)$", document(checked, "--baseline", before), re.MULTILINE)
    assert len(headings) == 3
    assert headings[-1].startswith("\\[known\\] data-fw permits what nothing needs")
