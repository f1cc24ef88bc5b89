"""A rehearsal never says that something happened which did not."""

import contextlib
import json
import subprocess

import pytest
from tests.cli.running import copied
from tests.rehearse.rehearsing import ENVIRONMENT, NOT_POSSIBLE, command, rehearse, run
from tests.rehearse.shop import OPEN, SITE, flows, shop, via

from portwright.check.obstacle import Judgment
from portwright.rehearse.evidence import Exchange, FlowEvidence, Tried
from portwright.rehearse.netns import _namespaces, _running, is_inside

pytestmark = pytest.mark.kernel


def test_pings_are_told_apart(tmp_path):
    """Each is decided by its own line, and not by that of another, or of its own reply."""
    rules = """
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		ip daddr 10.2.0.11 accept
		ip daddr 10.2.0.12 icmp type echo-request drop
	}
}
"""
    _, document, _ = rehearse(shop(tmp_path / "site", rules), "--patience", "0.5")
    found = flows(document)
    assert via(found["shop.ping/c1>s1"]) == [["ip daddr 10.2.0.11 accept"]]
    assert via(found["shop.ping/c1>s2"]) == [["ip daddr 10.2.0.12 icmp type echo-request drop"]]


def test_little_room_for_what_the_kernel_tells_hides_nothing(tmp_path):
    """Who may not have more of it than every user still learns of each packet what stopped it."""
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", *command(copied(tmp_path), "--format", "json")],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if "unshare failed" in done.stderr or done.returncode == NOT_POSSIBLE:
        pytest.skip(done.stderr.strip())
    document = json.loads(done.stdout)
    assert (done.returncode, document["notes"]) == (0, [])
    assert document["blocked_sample"]["blocked"] == 100


@pytest.mark.parametrize(
    "command",
    ["monitor", "replace rule inet filter forward handle 3 accept", 'include "/etc/hostname"'],
)
def test_what_nobody_has_read_is_not_run(command, tmp_path):
    """A command that nft knows and Portwright does not is told with its line, and nothing of another file."""
    status, _, said = run(shop(tmp_path / "site", f"{OPEN}{command}\n"))
    assert (status, "fw.nft:7" in said) == (2, True), said


_ON_HOSTS = """
  s1-fw: {platform: nftables, config: s1.nft, on: s1}
  c1-fw: {platform: nftables, config: c1.nft, on: c1}
paths:
"""


def _chain(hook, *rules):
    """A ruleset with one chain that accepts what these rules do not decide about."""
    lines = "".join(f"\t\t{rule}\n" for rule in rules)
    return (
        f"table inet filter {{\n\tchain {hook} {{\n\t\ttype filter hook {hook} priority filter; policy accept;\n"
        f"{lines}\t}}\n}}\n"
    )


def test_an_error_that_quotes_a_ping_is_no_echo(tmp_path):
    """A host that rejects it has not answered, and a datagram that its own host stops ends no rehearsal."""
    site = shop(
        tmp_path / "site",
        site=SITE.replace("\npaths:\n", _ON_HOSTS),
        s1__nft=_chain("input", "icmp type echo-request reject with icmp type net-unreachable"),
        c1__nft=_chain("output", "udp dport 69-161 drop"),
    )
    _, document, said = rehearse(site, "--patience", "0.5")
    found = flows(document)
    assert found["shop.ping/c1>s1"]["rehearsed"] == "blocked", said
    assert found["shop.ping/c1>s1"]["decided_by"]["text"].startswith("icmp type echo-request reject")
    assert found["shop.ping/c1>s2"]["rehearsed"] == "passes"
    assert "udp dport 69-161 drop" in {one["decided_by"]["text"] for one in document["blocked_sample"]["by"]}


def test_a_line_that_lets_the_request_through_has_not_stopped_it(tmp_path):
    """Where the reply is what does not pass, the line that stops it is named, as what stops a reply."""
    rules = _chain("forward", "tcp sport 8080 drop", "udp sport 7000 drop")
    site = shop(tmp_path / "site", rules)
    _, document, _ = rehearse(site, "--patience", "0.5")
    found = flows(document)
    assert found["shop.tcp/c1>s1"]["decided_by"]["text"] == "tcp sport 8080 drop"
    assert found["shop.udp/c1>s2"]["decided_by"]["text"] == "udp sport 7000 drop"
    _, out, _ = run(site, "--patience", "0.5")
    assert "its reply was stopped by fw, " in out
    assert "fw.nft:5  udp sport 7000 drop" in out


def test_no_fault_excuses_what_passes():
    """Packets that are late explain what does not pass; they let nothing through that the proof says is stopped."""
    exchange = Exchange("c1", "10.1.0.11", "s1", "10.2.0.11", 4, 6, 8080)
    for judgment, outcome, differs in (
        (Judgment.MISSING, "answered", True),
        (Judgment.PROVED, "silent", False),
    ):
        tried = (Tried(exchange, outcome, 40000),)
        assert FlowEvidence(None, judgment, tried, excused="packets are late on purpose").disagrees == differs


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
