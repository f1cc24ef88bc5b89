"""What scripts rely on: exit statuses, schemas, streams, errors by contract."""

import errno
import json
import os
import pty
import subprocess
import sys
from importlib import resources

import jsonschema
import pytest
from tests.cli.running import F6, FAULTS, copied, edit, run

from portwright.cli import COMMANDS, _run
from portwright.cli.output import colored, printable
from portwright.errors import ExitStatus
from portwright.findings import Kind, Severity

CORE, SITE = F6 / "core-fw.cfg", F6 / "site.yaml"
FETCH = "tcp 10.40.0.11:50000 > 10.20.0.11:808"
GOOD = {  # command -> arguments with which it has nothing to complain about
    "check": [SITE],
    "trace": [SITE, "run-sql-report"],
    "plan": [SITE],
    "decide": [CORE, FETCH],
    "lint": [CORE],
    "diff": [CORE, CORE],
    "why": [SITE, "crm.fetch-report"],
    "query": [SITE, "tcp any > sql01:1433"],
}
JUDGING = sorted(GOOD)  # read files and answer in JSON too; the other commands look things up, or write


def process(*arguments, **options):
    """The command as a process of its own."""
    return subprocess.run([sys.executable, "-m", "portwright", *map(str, arguments)], check=False, **options)


def test_every_published_schema_is_one():
    """Each file below schemas/ is a JSON Schema whose id says its name."""
    files = [
        file for file in resources.files("portwright").joinpath("schemas").iterdir() if file.name.endswith(".json")
    ]
    assert {"check-1.json", "trace-1.json", "plan-1.json", "diff-1.json", "decide-1.json", "errors-1.json"} <= {
        file.name for file in files
    }
    for file in files:
        jsonschema.Draft202012Validator.check_schema(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("command", JUDGING)
def test_all_is_well_is_status_0(command):
    """Results on standard output, nothing on the other."""
    done = run(command, *GOOD[command], "--format", "json")
    assert (done.status, done.err) == (0, "")
    assert done.documents if command == "decide" else done.document


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", ["check", "plan"])
def test_every_output_is_as_its_schema_says(command, fault, tmp_path):
    """With findings of every kind too."""
    assert run(command, copied(tmp_path, fault), "--format", "json").document["site"] == "contoso"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_difference_is_status_1_and_a_doubt_3(fault, tmp_path):
    """`diff` of the right configuration and the faulty one."""
    folder = copied(tmp_path, fault).parent
    statuses = {
        run("diff", F6 / name, folder / name, "--format", "json").status for name in ("core-fw.cfg", "data-fw.nft")
    }
    documents = [run("diff", F6 / n, folder / n, "--format", "json").document for n in ("core-fw.cfg", "data-fw.nft")]
    expected = {"equal": 0, "different": 1, "undecided": 3}
    assert statuses == {expected[one["verdict"]] for one in documents} == {0, 3 if fault == "not-understood" else 1}


def test_a_finding_comes_before_a_doubt(tmp_path):
    """The precedence is 2, 4, 1, 3, 0."""
    site = copied(tmp_path, "not-understood")
    assert run("check", site).status == 3
    edit(site.parent / "core-fw.cfg", "access-list app_in extended permit tcp object fe01 object ssrs01 eq https", "")
    assert run("check", site).status == 1
    edit(site, "platform: nftables", "platform: nothing")
    assert run("check", site).status == 2


@pytest.mark.parametrize("command", JUDGING)
@pytest.mark.parametrize("arguments", [[], ["--format", "xml"], ["--nonsense"], ["a", "b", "c", "d"]], ids=str)
def test_misuse_is_status_2(command, arguments):
    """With the usage on standard error, and nothing on standard output."""
    done = run(command, *arguments)
    assert (done.status, done.out) == (2, "")
    assert f"Usage: portwright {command}" in done.err


def test_an_unknown_command_is_misuse():
    """Status 2."""
    assert run("chekc").status == 2


@pytest.mark.parametrize("command", JUDGING)
def test_misuse_is_json_where_that_is_wanted(command):
    """One object on standard output, by the contract of input errors."""
    done = run(command, "--format", "json")
    assert (done.status, done.err) == (2, "")
    assert "Missing argument" in done.document["errors"][0]["message"]


@pytest.mark.parametrize("command", JUDGING)
def test_a_missing_file_is_an_input_error(command):
    """The file is named; in JSON by contract."""
    arguments = ["nowhere.x", *GOOD[command][1:]]
    done = run(command, *arguments)
    assert (done.status, done.out) == (2, "")
    assert "nowhere.x: " in done.err
    [error] = run(command, *arguments, "--format=json").document["errors"]
    assert (error["file"], error["line"], error["column"], error["path"]) == ("nowhere.x", 0, 0, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_status_0(command):
    """On standard output."""
    done = run(command, "--help")
    assert (done.status, done.err) == (0, "")
    assert "Exit status" in done.out or command not in {"check", "trace", "lint", "diff"}


@pytest.mark.parametrize("today", ["2024-02-30", "today", "2024", "99999-01-01"])
def test_today_is_a_date(today):
    """Anything else is misuse."""
    assert run("check", SITE, "--today", today).status == 2


def test_many_problems_are_told_at_once(tmp_path):
    """Each on a line of its own, with file and line, and how many there are."""
    site = copied(tmp_path)
    edit(site, "zone: app", "zone: ap")
    edit(site, "platform: cisco-asa", "platfrom: cisco-asa")
    done = run("check", site)
    assert done.status == 2
    places = [line for line in done.err.splitlines() if line.startswith(f"{site}:")]
    assert len(places) >= 2
    assert "nothing was judged" in done.err


def test_a_mistake_of_our_own_is_status_70(monkeypatch):
    """No traceback; how to report it. With PORTWRIGHT_DEBUG the traceback is there."""
    monkeypatch.setattr("portwright.files.Path.open", lambda *_: 1 / 0)
    done = run("lint", CORE)
    assert done.status == ExitStatus.INTERNAL
    assert "internal error (ZeroDivisionError)" in done.err
    assert "Traceback" not in done.err
    monkeypatch.setenv("PORTWRIGHT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        _run(["lint", str(CORE)])


@pytest.mark.parametrize(
    ("raised", "status"), [(KeyboardInterrupt(), 130), (MemoryError(), 4), (OSError(errno.ENOSPC, "full"), 4)]
)
def test_what_the_machine_does_has_a_status(monkeypatch, capfd, raised, status):
    """Interrupted 130; out of memory or disk is not possible here, 4."""

    def fail(*_):
        raise raised

    monkeypatch.setattr("portwright.cli.options.read_text", fail)
    assert run("lint", CORE).status == status


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("output", ["text", "json"])
def test_standard_streams_may_be_closed(tmp_path, closed, output):
    """The status says what came of it, and no file that is read or written stands in their place."""
    site, written = copied(tmp_path), tmp_path / "report"
    command = [sys.executable, "-m", "portwright", "check", site, "--format", output, "-o", written]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "internal" in done.stderr) == (0, False)
    assert run("check", site, "--format", output).out.startswith(written.read_text(encoding="utf-8")[:20])


def test_output_to_a_reader_that_has_gone_is_no_proof():
    """`portwright ... | head` cut the answer short: interrupted, and no traceback."""
    packets = f"{FETCH}\n" * 20_000
    with subprocess.Popen(
        [sys.executable, "-m", "portwright", "decide", str(CORE), "--packets", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        running.stdin.write(packets.encode())
        running.stdin.close()
        running.stdout.readline()
        running.stdout.close()
        assert b"Traceback" not in running.stderr.read()
        assert running.wait() == ExitStatus.INTERRUPTED


def test_an_encoding_without_our_characters_does_not_matter(tmp_path):
    """They are written as escapes."""
    file = tmp_path / "grün.cfg"
    file.write_bytes(CORE.read_bytes().replace(b"CRM-0113", "größer ✓".encode()))
    done = process("decide", file, FETCH, env={**os.environ, "PYTHONIOENCODING": "cp1252"}, capture_output=True)
    assert done.returncode == 0
    assert "größer \\u2713".encode("cp1252") in done.stdout


def test_a_name_that_is_no_text_does_not_matter(tmp_path):
    """A file name may be any bytes."""
    name = os.fsencode(tmp_path) + b"/\xff.cfg"
    done = subprocess.run(
        [sys.executable, "-m", "portwright", "decide", name, FETCH], check=False, capture_output=True, text=True
    )
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_a_current_folder_that_is_gone_does_not_matter(tmp_path, monkeypatch):
    """Files with whole paths are read all the same."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run("check", SITE).status == 0


# ---------------------------------------------------------------------- terminals


def on_a_terminal(*arguments, **environment):
    """What a command writes to a terminal."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "portwright", *map(str, arguments)],
        stdout=slave,
        stderr=slave,
        env={key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"} | environment,
    ) as running:
        os.close(slave)
        written = b""
        while chunk := _read(master):
            written += chunk
        running.wait()
    os.close(master)
    return written.decode()


def _read(master):
    try:
        return os.read(master, 10_000)
    except OSError:  # on Linux the end of a terminal is an error
        return b""


def test_colors_are_for_terminals_only():
    """The verdict and the marked line; NO_COLOR switches them off, and a file never has any."""
    assert "\x1b[32m\x1b[1mpasses\x1b[0m" in on_a_terminal("decide", CORE, FETCH)
    assert "\x1b" not in on_a_terminal("decide", CORE, FETCH, NO_COLOR="1")
    assert "\x1b" not in run("decide", CORE, FETCH).out


def test_colors_set_off_the_verdict_and_the_marked_line():
    """Nothing else, whatever words a configuration holds."""
    text = "contoso: NOT IN ORDER.\n\n     1  remark PROVED\n  >  2  deny ip any any"
    assert colored(text).split("\n") == [
        "contoso: \x1b[31m\x1b[1mNOT IN ORDER\x1b[0m.",
        "",
        "     1  remark PROVED",
        "\x1b[1m  >  2  deny ip any any\x1b[0m",
    ]


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\x1b[2Jb", "a\N{REPLACEMENT CHARACTER}[2Jb"),
        ("a\tb\u00a0c\u2028d", "a b c d"),
        (
            "a\u202eb\x9bc\x07\r",
            "a" + "\N{REPLACEMENT CHARACTER}b" + "\N{REPLACEMENT CHARACTER}c" + 2 * "\N{REPLACEMENT CHARACTER}",
        ),
        ("größer ✓ 日本\nx", "größer ✓ 日本\nx"),
    ],
)
def test_no_file_commands_the_terminal(hostile, shown):
    """Control characters and turned writing are replaced wherever text is printed; letters of any script stay."""
    assert printable(hostile) == shown


def test_a_configuration_cannot_command_the_terminal(tmp_path):
    """In the context of a rule and in errors."""
    file = tmp_path / "core-fw.cfg"
    file.write_bytes(CORE.read_bytes().replace(b"CRM-0113", b"\x1b[31m\x1b]0;owned\x07"))
    assert "\x1b" not in run("decide", file, FETCH).out
    done = run("check", tmp_path / "\x1b[31m.yaml")
    assert (done.status, "\x1b" in done.err) == (2, False)


@pytest.mark.parametrize("schema", ["check-1", "lint-1"])
def test_the_schemas_know_every_kind_and_severity(schema):
    """What the code may say, the schema allows, and nothing else."""
    text = resources.files("portwright").joinpath("schemas", f"{schema}.json").read_text(encoding="utf-8")
    finding = json.loads(text)["properties"]["findings"]["items"]["properties"]
    assert finding["kind"]["enum"] == list(Kind)
    assert sorted(finding["severity"]["enum"]) == sorted(Severity)
