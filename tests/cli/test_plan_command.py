"""`portwright plan`: its formats, phases, points and questions, the files it writes, and what it refuses."""

import csv
import io
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from tests.cli.running import TRACEBACK, edit, line_of, run

EXAMPLES = Path(__file__).parents[2] / "examples"
F2, F6, F7 = (EXAMPLES / name / "site.yaml" for name in ("f2", "f6", "f7"))


def flows(*arguments):
    return [flow["id"] for flow in run("plan", *arguments, "--format", "json").document["flows"]]


@pytest.mark.parametrize("output", ["text", "table", "csv", "json", "markdown", "mermaid"])
def test_a_format_goes_to_the_terminal_or_into_a_file(tmp_path, output):
    """Both have the same text."""
    shown = run("plan", F6, "--format", output)
    written = run("plan", F6, "--format", output, "-o", tmp_path / "plan")
    assert (shown.status, written.status, written.out) == (0, 0, "")
    assert (tmp_path / "plan").read_bytes().decode().rstrip("\n") == shown.out.rstrip("\n")


def test_a_workbook_goes_into_a_file(tmp_path):
    """Twice the same bytes."""
    for name in ("a.xlsx", "b.xlsx"):
        assert run("plan", F6, "--format", "xlsx", "-o", tmp_path / name, "--today", "2026-01-02").status == 0
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    book = CalamineWorkbook.from_path(tmp_path / "a.xlsx")
    assert book.sheet_names == ["All flows", "core-fw", "data-fw", "Citations", "About"]


def test_a_file_is_not_overwritten_unasked(tmp_path):
    """Status 2, the file as it was, and a hint; with --force it is replaced whole."""
    path = tmp_path / "plan.csv"
    path.write_text("mine")
    done = run("plan", F6, "--format", "csv", "-o", path)
    assert (done.status, path.read_text()) == (2, "mine")
    assert "exists already" in done.err
    assert "--force" in done.err
    assert run("plan", F6, "--format", "csv", "-o", path, "--force").status == 0
    assert path.read_text().startswith("Source,")
    assert [found.name for found in tmp_path.iterdir()] == ["plan.csv"]


def test_what_cannot_be_written_is_said(tmp_path):
    """A folder in place of a file is wrong input; a place where nothing can be made is not possible here."""
    assert run("plan", F6, "-o", tmp_path).status == 2
    (tmp_path / "file").write_text("")
    done = run("plan", F6, "-o", tmp_path / "file" / "plan.txt")
    assert done.status == 4
    assert TRACEBACK not in done.err


def test_csv_is_of_the_same_flows_as_json():
    """And each cell of the path names the points."""
    rows = list(csv.DictReader(io.StringIO(run("plan", F6, "--format", "csv").out, newline="")))
    assert [row["Flow"] for row in rows] == flows(F6)
    assert {row["Path"] for row in rows} == {"core-fw", "core-fw > data-fw", "data-fw > core-fw"}


def test_phases_are_chosen():
    """Without a choice run and administer; several add up; all is all."""
    usual, run_only, administer = (
        set(flows(F6, *chosen)) for chosen in ([], ["--phase", "run"], ["--phase", "administer"])
    )
    assert usual == run_only | administer
    assert run_only.isdisjoint(administer)
    assert set(flows(F6, "--phase", "administer", "--phase", "run")) == usual
    everything = set(flows(F6, "--phase", "all"))
    assert "crm.setup-instances/fe01>sql01" in everything - usual
    document = run("plan", F6, "--phase", "run", "--phase", "setup", "--format", "json").document
    assert document["phases"] == ["setup", "run"]


def test_the_literal_reading_opens_what_is_printed():
    """UDP 1025 among it."""
    done = run("plan", F6, "--literal", "--format", "json").document
    assert done["reading"] == "literal"
    assert "ad.rpc-udp-1025/fe01>dc01" in {flow["id"] for flow in done["flows"]}
    assert "in the literal reading" in run("plan", F6, "--literal").out


def test_only_what_crosses_a_point():
    """Several add up; a name that is none is refused with the nearest."""
    assert set(flows(F6, "--point", "data-fw")) < set(flows(F6))
    assert flows(F6, "--point", "data-fw", "--point", "core-fw") == flows(F6)
    done = run("plan", F6, "--point", "data-fx")
    assert done.status == 2
    assert "did you mean data-fw?" in done.err


@pytest.mark.parametrize(
    ("question", "schema"),
    [
        (["--differences"], "portwright.differences/1"),
        (["--checklist"], "portwright.checklist/1"),
        (["--compare", "replication"], "portwright.comparison/1"),
    ],
)
@pytest.mark.parametrize("site", [F2, F6, F7], ids=["f2", "f6", "f7"])
def test_a_question_is_answered_in_three_formats(site, question, schema):
    """Text, Markdown, and JSON by its schema."""
    assert run("plan", site, *question).status == 0
    assert run("plan", site, *question, "--format", "markdown").out.startswith("# ")
    document = run("plan", site, *question, "--format", "json").document
    assert document["schema"] == schema


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--differences", "--checklist"], "different questions"),
        (["--differences", "--literal"], "leave --literal out"),
        (["--checklist", "--format", "csv"], "told as text, markdown, json"),
        (["--format", "xlsx"], "give its name with -o"),
        (["--format", "xlsx", "-o", "-"], "give its name with -o"),
        (["--host-settings"], "give a folder with -o"),
        (["--phase", "lunch"], "lunch"),
        (["--compare", "nothing"], "there is no such setting"),
        (["--compare", ""], "there is no such setting"),
        (["--all"], "goes with --format mermaid"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, says):
    """Status 2, and what to do instead."""
    done = run("plan", F6, *arguments)
    assert (done.status, done.out) == (2, "")
    assert says in done.err


def test_settings_of_hosts_are_written(tmp_path):
    """A folder with the files of each host; the output names them, in JSON by its schema."""
    done = run("plan", F2, "--host-settings", "-o", tmp_path / "hosts", "--format", "json")
    document = done.document
    assert document["schema"] == "portwright.host-settings/1"
    assert sorted(Path(name).name for name in document["files"]) == sorted(
        one.name for one in (tmp_path / "hosts").iterdir()
    )
    assert {"fe01.ps1", "fe01.reg"} <= {Path(name).name for name in document["files"]}
    again = run("plan", F2, "--host-settings", "-o", tmp_path / "hosts")
    assert again.status == 2
    assert again.err.count("exists already") == len(document["files"])
    assert run("plan", F2, "--host-settings", "-o", tmp_path / "hosts", "--force").status == 0


def test_where_nothing_is_to_be_set_nothing_is_written(tmp_path):
    """And the output says why."""
    done = run("plan", F6, "--host-settings", "-o", tmp_path / "hosts")
    assert (done.status, (tmp_path / "hosts").exists()) == (0, False)
    assert "every value is the usual one" in done.out


def test_a_setting_that_no_host_can_have_is_wrong_input(tmp_path):
    """With the line of the host, and nothing written."""
    site = tmp_path / "site.yaml"
    site.write_text(F2.read_text(encoding="utf-8"), encoding="utf-8")
    edit(site, "[crm/async], settings: {", "[crm/async], settings: {rpc.dynamic: 50000-50010, ")
    done = run("plan", site, "--host-settings", "-o", tmp_path / "hosts", "--format", "json")
    assert (done.status, (tmp_path / "hosts").exists()) == (2, False)
    [problem] = done.document["errors"]
    assert (problem["path"], problem["line"]) == ("be01: rpc.dynamic", line_of(site, "be01:"))


@pytest.mark.parametrize("output", ["csv", "xlsx"])
def test_what_plan_writes_import_reads(tmp_path, output):
    """The matrix finds its way back: every flow is a requirement of the product made of it."""
    matrix = tmp_path / f"matrix.{output}"
    assert run("plan", F6, "--format", output, "-o", matrix).status == 0
    sheet = ["--sheet", "All flows"] if output == "xlsx" else []
    done = run("import", matrix, "-o", tmp_path / "product.yaml", *sheet)
    assert (done.status, f"from {len(flows(F6))} rows of" in done.out) == (0, True)
