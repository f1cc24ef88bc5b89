"""The command: what it writes, what it refuses, and how it asks on a terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from tests.cli.running import F6, run

from portwright.cli import COMMANDS
from portwright.init.topologies import NAMES, topology

PROGRAM = "from portwright.cli import COMMANDS, main; COMMANDS['init'] = ('portwright.cli.init', ''); main()"
SOURCE = str(Path(__file__).parents[2] / "src")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.setitem(COMMANDS, "init", ("portwright.cli.init", "Write a site file to begin with."))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_topology_is_written_and_plans(folder, name):
    """Without questions; what comes next is said."""
    done = run("init", "--topology", name)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("site.yaml is written: ")
    assert "portwright plan site.yaml" in done.out
    assert [file.name for file in folder.iterdir()] == ["site.yaml"]
    assert (folder / "site.yaml").read_text() == topology(name).text
    assert run("plan", "site.yaml").status == 0


def test_the_topologies_are_listed():
    """One line each."""
    done = run("init", "--list")
    assert (done.status, done.err) == (0, "")
    assert [line.split()[0] for line in done.out.splitlines()] == list(NAMES)
    assert max(map(len, done.out.splitlines())) <= 110


def test_a_file_that_exists_stays_as_it_is(folder):
    """Unless --force is given; a link to nowhere exists too."""
    for path in ("site.yaml", "link.yaml"):
        (folder / "link.yaml").unlink(missing_ok=True)
        (folder / "link.yaml").symlink_to("nowhere.yaml")
        (folder / "site.yaml").write_text("mine\n")
        done = run("init", path, "--topology", "split")
        assert (done.status, done.out) == (2, "")
        assert f"{path}: exists already" in done.err
        assert "--force" in done.err
        assert (folder / "site.yaml").read_text() == "mine\n"
        assert run("init", path, "--topology", "split", "--force").status == 0
        name = "contoso" if path == "site.yaml" else "link"
        assert (folder / path).read_text() == topology("split").text.replace("site: contoso", f"site: {name}")
    assert not (folder / "nowhere.yaml").exists()


def test_standard_output_is_a_file_too(folder):
    """As - ; nothing is written beside it."""
    done = run("init", "-", "--topology", "nlb")
    assert (done.status, done.out, done.err) == (0, topology("nlb").text, "")
    assert list(folder.iterdir()) == []


def test_a_proposal_is_written_beside_its_configurations(folder):
    """And can be planned and checked."""
    (folder / "core-fw.cfg").write_bytes((F6 / "core-fw.cfg").read_bytes())
    (folder / "hosts.csv").write_text(
        "name,address,role\nfe01,10.20.0.11,crm/full-server\nsql01,10.30.0.21,sql/engine\n"
    )
    done = run("init", "office.yaml", "--from-config", "core-fw.cfg", "--hosts", "hosts.csv")
    assert (done.status, done.err) == (0, "")
    assert "office.yaml is written: 7 zones, 2 hosts and groups, 1 firewall." in done.out
    assert "Say in it which file" not in done.out
    assert (folder / "office.yaml").read_text().splitlines()[2] == "site: office"
    assert run("plan", "office.yaml").status == 0
    assert run("check", "office.yaml").status == 1  # nobody placed the rest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--topology", "no-such"], "'no-such' is not one of 'full-server'"),
        (["--topology", "split", "--list"], "give one of --topology, --from-config and --list"),
        (["--topology", "split", "--from-config", "x.cfg"], "give one of --topology, --from-config and --list"),
        (["--hosts", "x.csv"], "--hosts goes with --from-config"),
        (["--topology", "split", "--hosts", "x.csv"], "--hosts goes with --from-config"),
        ([], "nobody can be asked here"),
        (["a.yaml", "b.yaml"], "unexpected extra argument"),
        (["--from-config", "none.cfg"], "none.cfg: there is no such file"),
        (["--from-config", "."], ".: is a folder"),
    ],
)
def test_misuse_is_status_2(folder, arguments, message):
    """And writes nothing."""
    done = run("init", *arguments)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(folder):
    """Status 4, and nothing is left behind."""
    (folder / "file").write_text("")
    done = run("init", "file/site.yaml", "--topology", "split")
    assert done.status == 4
    assert "cannot be written" in done.err


# ---------------------------------------------------------------------- terminals


class Terminal:
    """The command at a terminal, as a process of its own."""

    def __init__(self, *arguments):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "init", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "PYTHONPATH": SOURCE, "TERM": "dumb"},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 (in the background it is ignored)
        )
        os.close(slave)
        self.shown = ""

    def wait_for(self, text):
        while text not in self.shown:
            assert select.select([self.master], [], [], 20)[0], self.shown
            self.shown += self._read()

    def answer(self, question, text):
        self.wait_for(question)
        self.shown = ""
        os.write(self.master, f"{text}\n".encode())

    def interrupt(self):
        """Press Ctrl-C, again where it came between two steps of Python."""
        for _ in range(10):
            if self.process.poll() is not None:
                return
            self.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(2)

    def end(self):
        """The exit status."""
        while select.select([self.master], [], [], 20)[0] and (chunk := self._read()):
            self.shown += chunk
        os.close(self.master)
        return self.process.wait(20)

    def _read(self):
        try:
            return os.read(self.master, 10_000).decode(errors="replace")
        except OSError:  # on Linux the end of a terminal is an error
            return ""


def test_a_terminal_is_asked(folder):
    """Answers make the file; a wrong one is asked again with what is wrong."""
    terminal = Terminal("office.yaml")
    terminal.answer("Name of the site [office]:", "")
    terminal.answer("Number [1]:", "split")
    terminal.answer("Which version of CRM runs there?", "")
    terminal.answer("Number [1]:", "claims")
    terminal.answer("Number [1]:", "4")
    terminal.answer("Number [1]:", "1")
    terminal.answer("Number [1]:", "9")
    terminal.answer("Error: '9' is none of them: give a number from 1 to 2, or a name\r\nNumber [1]:", "no")
    terminal.answer("users (the users' computers) [10.10.0.0/16]:", "10.1.0.0/16")
    for zone in ("front", "back", "data", "core", "admin"):
        terminal.answer(f"  {zone} (", "")
    terminal.answer("Configuration of core-fw", "")
    terminal.answer("Number [1]:", "")
    assert terminal.end() == 0
    assert "office.yaml is written: 6 zones, 11 hosts and groups, 1 firewall." in terminal.shown
    text = (folder / "office.yaml").read_text()
    for line in (
        "site: office",
        "  authentication: claims ",
        "  mail.mode: server-side ",
        "  exch01: ",
        "[10.1.0.0/16]",
    ):
        assert line in text
    assert run("plan", "office.yaml").status == 0


@pytest.mark.parametrize("how", ["interrupt", "end of input"])
def test_who_leaves_leaves_nothing_behind(folder, how):
    """Status 130, no traceback, no file."""
    terminal = Terminal()
    terminal.answer("Name of the site", "office")
    terminal.wait_for("Number [1]:")
    if how == "interrupt":
        terminal.interrupt()
    else:
        os.write(terminal.master, b"\x04")
    assert terminal.end() == 130
    assert "Traceback" not in terminal.shown
    assert "interrupted" in terminal.shown
    assert list(folder.iterdir()) == []


def test_nobody_is_asked_in_vain(folder):
    """A file that is there is refused before the first question."""
    (folder / "site.yaml").write_text("mine\n")
    terminal = Terminal()
    assert terminal.end() == 2
    assert "exists already" in terminal.shown
    assert "Name of the site" not in terminal.shown
