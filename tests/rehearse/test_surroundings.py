"""A rehearsal runs nothing of others, needs no more than it says, and tells what it did not do."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from tests.rehearse.rehearsing import ENVIRONMENT, NOT_POSSIBLE, command, run
from tests.rehearse.shop import ON_HOSTS, OPEN, SITE, chain, shop

from portwright.rehearse.supervisor import _namespaces, _running, is_inside

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    "command",
    ["monitor", "replace rule inet filter forward handle 3 accept", 'include "/etc/hostname"'],
)
def test_what_nobody_has_read_is_not_run(command, tmp_path):
    """A command that nft knows and Portwright does not is told with its line, and nothing of another file."""
    status, _, said = run(shop(tmp_path / "site", f"{OPEN}{command}\n"))
    assert (status, "fw.nft:7" in said) == (2, True), said


def test_a_variable_alone_makes_no_namespaces(tmp_path, monkeypatch):
    """Whoever has it in the environment, such as a shell in a lab, still gets namespaces of its own."""
    for value in ("1", "net:[1] mnt:[2]", " ".join(_namespaces())):
        monkeypatch.setenv("PORTWRIGHT_REHEARSAL", value)
        assert not is_inside()


def test_no_lab_of_another_user_is_entered(tmp_path, monkeypatch):
    """Another user could pretend one, and have a shell of ours run in it."""
    site = shop(tmp_path / "site")
    with kept(site) as (process, said):
        monkeypatch.setattr("os.geteuid", lambda: 12345)
        assert _running(str(site)) is None, said
        monkeypatch.undo()
        assert _running(str(site)) is not None
        del process


@contextlib.contextmanager
def kept(site, *options):
    """A lab that is kept until the end: its process, and what it has said."""
    with subprocess.Popen(
        command(site, "--keep", "--patience", "0.5", *options),
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said = []
        while (line := process.stderr.readline()) and "the lab stays" not in line:
            said.append(line)
        if process.poll() == NOT_POSSIBLE:
            pytest.skip("".join(said))
        yield process, said
        process.stdin.close()


def test_an_input_that_is_closed_has_ended(tmp_path):
    """A lab that is kept without one goes at once."""
    words = " ".join(command(shop(tmp_path / "site"), "--keep", "--patience", "0.5"))
    done = subprocess.run(
        ["sh", "-c", f"exec {words} <&-"], env=ENVIRONMENT, capture_output=True, timeout=600, check=False
    )
    assert done.returncode in (1, NOT_POSSIBLE), done.stderr


def test_many_hosts_need_no_setting_of_the_shell(tmp_path):
    """The usual limit of open files is none where the user may have more."""
    hosts = "".join(f"  n{one}: {{addresses: [10.1.0.{one + 20}], roles: [shop/client]}}\n" for one in range(40))
    site = shop(tmp_path / "site", site=SITE.replace("enforcement:", f"{hosts}enforcement:"))
    words = " ".join(command(site, "--format", "json"))
    done = subprocess.run(
        ["sh", "-c", f"ulimit -S -n 64; exec {words}"], env=ENVIRONMENT, capture_output=True, timeout=600, check=False
    )
    if done.returncode == NOT_POSSIBLE:
        pytest.skip(done.stderr.decode())
    assert {one["rehearsed"] for one in json.loads(done.stdout)["flows"]} == {"passes"}, done.stderr


def test_no_module_and_no_program_of_the_present_folder_is_run(tmp_path):
    """A site that came from somewhere may lie among files that are called like Python's modules."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "random.py").write_text("raise SystemExit(77)\n", encoding="utf-8")
    for program in ("ip", "nft", "mount", "unshare"):
        (folder / program).write_text("#!/bin/sh\ntouch run\n", encoding="utf-8")
        (folder / program).chmod(0o755)
    start = "import runpy; runpy.run_module('portwright', run_name='__main__', alter_sys=True)"
    words = ["-P", "-c", start, *command(shop(tmp_path / "site"))[3:]]  # as the installed command starts
    done = subprocess.run(
        [sys.executable, *words, "--patience", "0.5"],
        env=ENVIRONMENT | {"PATH": f":{os.environ['PATH']}:"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode == NOT_POSSIBLE:
        pytest.skip(done.stderr)
    assert (done.returncode, (folder / "run").exists()) == (1, False), done.stderr


@pytest.mark.parametrize("right", ["net_admin", "net_raw", "sys_admin"])
def test_root_that_lacks_a_right_is_told(right, tmp_path):
    """As in a container: it is not possible there, and nothing of ours is to blame."""
    program = ["setpriv", f"--bounding-set=-{right}", *command(shop(tmp_path / "site"))]
    if os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("this needs root, and setpriv")
    done = subprocess.run(program, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == NOT_POSSIBLE, done.stderr
    assert "internal error" not in done.stderr


def test_no_disk_has_to_be_writable(tmp_path):
    """No key of the lab ever lies on one."""
    words = " ".join(command(shop(tmp_path / "site"), "--patience", "0.5"))
    program = ["unshare", "--mount", "sh", "-c", f"mount -o remount,ro,bind / && exec {words}"]
    done = subprocess.run(program, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    if "mount" in done.stderr or "unshare" in done.stderr or done.returncode == NOT_POSSIBLE:
        pytest.skip(done.stderr)
    assert done.returncode == 1, done.stderr


def test_no_table_of_a_site_is_taken_for_one_of_the_rehearsal(tmp_path):
    """Its rules would be said not to be there."""
    status, _, said = run(shop(tmp_path / "site", OPEN.replace("inet filter", "inet portwright_trace")))
    assert (status, "is called like those of a rehearsal itself" in said) == (2, True), said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--stop", "s1-fw"], "--stop s1-fw: it stands on s1, stop that"),
        (["--stop", "aside"], "--stop aside: nobody plays it"),
        (["--without-rule", "aside:4"], "--without-rule aside: no way leads through it"),
        (["--capture", "/run/captures"], "a rehearsal has a /run of its own"),
        (["--patience", "nan"], "--patience nan: is no number"),
    ],
)
def test_nothing_is_said_to_have_been_done_that_was_not(options, said, tmp_path):
    """What cannot be stopped, taken away or written is told, and no report follows."""
    more = ON_HOSTS.replace("c1-fw: {platform: nftables, config: c1.nft, on: c1}", "aside: {platform: nftables}")
    site = shop(tmp_path / "site", site=SITE.replace("\npaths:\n", more), s1__nft=chain("input"))
    status, out, told = run(site, *options)
    assert (status, out) == (2, "")
    assert said in told


def test_many_hosts_need_no_room_in_the_kernel(tmp_path):
    """It keeps a thousand neighbors for all namespaces together, and loses packets for others."""
    hosts = "".join(f"  n{one}: {{addresses: [10.2.0.{one + 20}], roles: [shop/client]}}\n" for one in range(60))
    site = shop(tmp_path / "site", site=SITE.replace("enforcement:", f"{hosts}enforcement:"))
    _, out, said = run(site, "--enter", "s1", stdin="ip -4 neighbor show nud permanent\n")
    known = {line.split()[0] for line in out.splitlines() if "PERMANENT" in line}
    assert {"10.2.0.254", "10.2.0.20", "10.2.0.79"} <= known, said
    assert "10.2.0.12" not in known


def test_a_shell_says_nothing_in_a_document(tmp_path):
    """Programs read it."""
    _, out, said = run(shop(tmp_path / "site"), "--enter", "c1", "--format", "json", stdin="echo here\n")
    assert (json.loads(out)["site"], "here" in said) == ("shop", True)


def test_what_can_be_read_only_once_is_told(tmp_path):
    """Not that there is no such file."""
    site = shop(tmp_path / "site")
    words = " ".join(command(site, "--config", f"fw=<(cat {tmp_path}/site/fw.nft)"))
    done = subprocess.run(["bash", "-c", words], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, "a rehearsal reads it twice" in done.stderr) == (2, True), done.stderr
