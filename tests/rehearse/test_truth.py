"""A rehearsal never says that something happened which did not."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from tests.cli.running import EXAMPLES, copied
from tests.rehearse.rehearsing import ENVIRONMENT, NOT_POSSIBLE, command, rehearse, run
from tests.rehearse.shop import OPEN, PRODUCT, SITE, flows, shop, via
from tests.rehearse.test_odd_sites import CRM

from portwright.check.obstacle import Judgment
from portwright.cli.site import load
from portwright.rehearse.evidence import Exchange, FlowEvidence, Rehearsal, Tried
from portwright.rehearse.exchanges.placing import placed
from portwright.rehearse.network.layout import layout
from portwright.rehearse.rules.running import Decider, Rules
from portwright.rehearse.supervisor import _namespaces, _running, is_inside
from portwright.rehearse.watching import deciders
from portwright.rehearse.watching.deciders import Traced
from portwright.rehearse.watching.tracing import Run
from portwright.source import Source

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
        timeout=600,
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
    assert "its reply was stopped by fw," in (told := " ".join(out.split()))
    assert "fw.nft:5 udp sport 7000 drop" in told


def test_no_fault_excuses_what_passes():
    """Packets that are late explain what does not pass; they let nothing through that the proof says is stopped."""
    exchange = Exchange("c1", "10.1.0.11", "s1", "10.2.0.11", 4, 6, 8080)
    for judgment, outcome, differs in (
        (Judgment.MISSING, "answered", True),
        (Judgment.PROVED, "silent", False),
    ):
        tried = (Tried(exchange, outcome, 40000),)
        assert FlowEvidence(None, judgment, tried, excused="packets are late on purpose").disagrees == differs


def test_what_the_kernel_had_no_room_to_tell_is_not_said_to_be_unused():
    """That no host has recorded a connection says nothing where some records are lost."""
    plan, _ = load(str(EXAMPLES / "f6" / "site.yaml"), (), None)
    lab = layout(plan.site)
    flow = next(one for one in plan.flows if one.id == "crm.web/staff>fe01")
    one = placed(flow, lab, plan.site)
    evidence = FlowEvidence(one, Judgment.PROVED, tuple(Tried(each, "answered", 40000) for each in one.exchanges))
    for has_lost, unused in ((False, (flow,)), (True, ())):
        assert Rehearsal(plan, lab, (), (evidence,), frozenset(), has_lost=has_lost).unused == unused


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


def test_an_answer_of_somebody_else_is_none(tmp_path):
    """Where the firewall leads a client to another host, or answers itself, what the plan names has not answered."""
    rules = """
table ip nat {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr 10.2.0.11 tcp dport 8080 dnat to 10.2.0.12
		ip daddr 10.2.0.11 icmp type echo-request redirect
	}
}
"""
    _, document, said = rehearse(shop(tmp_path / "site", rules), "--patience", "0.5")
    found = flows(document)
    for name, other in (("shop.tcp/c1>s1", "s2"), ("shop.ping/c1>s1", "fw")):
        outcomes = [(one["outcome"], one["said"]) for one in found[name]["exchanges"]]
        assert (found[name]["rehearsed"], outcomes) == ("blocked", [("astray", f"{other} has answered")]), said
    assert found["shop.udp/c1>s1"]["rehearsed"] == "passes"


def test_neighbors_behind_a_firewall_meet_it(tmp_path):
    """Hosts of one zone that the site leads through a firewall do not talk past it."""
    site = SITE.replace("10.2.0.11]", "10.1.0.12]") + "  - {from: left, to: left, through: [fw]}\n"
    rules = _chain("forward", 'iifname "eth0" oifname "eth0" udp dport 7000 drop')
    _, document, _ = rehearse(shop(tmp_path / "site", rules, site), "--patience", "0.5")
    found = flows(document)
    assert (found["shop.udp/c1>s1"]["static"], found["shop.udp/c1>s1"]["rehearsed"]) == ("missing", "blocked")
    assert via(found["shop.tcp/c1>s1"]) == [["type filter hook forward priority filter; policy accept;"]]


def test_what_does_not_cross_the_firewall_is_not_tried(tmp_path):
    """Where two zones share a segment, the lab cannot lead one of them past the firewall of the other."""
    site = """
site: shop
products: [shop]
catalog: products
zones:
  left: {networks: [10.1.0.0/24]}
  middle: {networks: [10.3.0.0/24]}
  right: {networks: [10.2.0.0/24]}
hosts:
  c1: {addresses: [10.3.0.11], roles: [shop/client]}
  s1: {addresses: [10.2.0.11], roles: [shop/server]}
enforcement:
  fw: {platform: nftables, config: fw.nft, interfaces: {left: eth0, middle: eth0, right: eth1}}
paths:
  - {between: [left, right], through: [fw]}
  - {from: middle, to: right, through: []}
  - {from: right, to: middle, through: [fw]}
"""
    _, document, _ = rehearse(shop(tmp_path / "site", site=site), "--patience", "0.5")
    assert {(one["rehearsed"], one["reason"]) for one in document["flows"]} == {
        ("not-tried", "the lab leads it through fw, the site through none")
    }


def test_a_line_that_becomes_several_rules_shifts_no_other(tmp_path):
    """Iptables makes a rule of each address of a list: the lines behind it keep their rules, the policy its own."""
    rules = """*filter
:FORWARD DROP [0:0]
-A FORWARD -s 10.9.0.1,10.9.0.2,10.9.0.3 -m comment --comment "not \\" -s 10.9.0.4,10.9.0.5" -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -p udp -d 10.2.0.11 -j ACCEPT
-A FORWARD -p icmp -j DROP
COMMIT
"""
    site = SITE.replace("platform: nftables, config: fw.nft", "platform: iptables, config: fw.rules")
    _, document, _ = rehearse(shop(tmp_path / "site", site=site, fw__rules=rules), "--patience", "0.5")
    found = flows(document)
    assert via(found["shop.udp/c1>s1"]) == [["-A FORWARD -p udp -d 10.2.0.11 -j ACCEPT"]]
    assert via(found["shop.ping/c1>s1"]) == [["-A FORWARD -p icmp -j DROP"]]
    assert found["shop.udp/c1>s2"]["decided_by"]["text"] == ":FORWARD DROP [0:0]"


def test_a_rule_whose_line_is_not_known_hides_no_other():
    """Where a line that is not known has decided, an earlier chain that let the packet pass has not."""
    traced = Traced(None, {})
    exchange = Exchange("c1", "10.1.0.11", "s1", "10.2.0.11", 4, 6, 8080)
    network, transport = bytes([0x45, *bytes(8), 6, *bytes(2), 10, 1, 0, 11, 10, 2, 0, 11]), bytes(20)
    runs = [
        Run("ip", table, "PREROUTING", decider, True, (), network, transport)
        for table, decider in (("raw", None), ("filter", ("ip", "filter", 7)), ("portwright_faults", ("ip", "p", 1)))
    ]
    traced._places["fw"] = {("ip", "raw", "PREROUTING"): Decider("fw", Source("fw", 4))}
    traced._identities[deciders._key(exchange, 40000)] = runs[0].identity
    traced._runs["fw", 6, runs[0].identity] = runs
    assert traced.of(exchange, 40000, ["fw"]) == ()
    traced._places["fw"]["ip", "filter", 7] = Decider("fw", Source("fw", 18))
    assert [one.place.line for one in traced.of(exchange, 40000, ["fw"])] == [18]


def test_a_rule_whose_line_is_not_known_is_no_other_line():
    """Where a chain has more rules in the kernel than the file says, nothing is said of any of them."""
    text = "table ip t {\n\tchain c {\n\t\taccept\n\t}\n}\n"
    rules = Rules("fw", "native", text, "fw.nft", dict(enumerate(text.splitlines(), 1)))
    listing = "table ip t { # handle 1\n\tchain c { # handle 1\n\t\taccept # handle 2\n{}\t}\n}\n"
    assert rules.places(listing.replace("{}", "")).keys() == {("ip", "t", 2)}
    assert not rules.places(listing.replace("{}", "\t\tdrop # handle 3\n"))


def test_a_host_called_like_a_part_of_the_lab_is_a_host(tmp_path):
    """Its shell sees its own interfaces alone."""
    site = shop(tmp_path / "site", site=SITE.replace("  c1:", "  switch:"))
    _, out, _ = run(site, "--enter", "switch", "--patience", "0.5", stdin="ip -brief link; exit\n")
    links = [line.split("@")[0].split()[0] for line in out.splitlines() if "LOOPBACK" in line or "BROADCAST" in line]
    assert links == ["lo", "eth0"]


def test_two_firewalls_on_one_host_are_not_rehearsed(tmp_path):
    """Either could take the rules of the other away, which would be said to let packets pass."""
    second = _ON_HOSTS.replace("on: c1", "on: s1")
    site = shop(
        tmp_path / "site",
        site=SITE.replace("\npaths:\n", second),
        s1__nft=_chain("input", "drop"),
        c1__nft="flush ruleset\n" + _chain("input"),
    )
    status, _, said = run(site)
    assert (status, "s1-fw and c1-fw stand on one host" in said) == (2, True), said


def test_captures_that_are_not_whole_are_told(tmp_path):
    """And none of them has the name of a whole one."""
    folder = tmp_path / "full"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], check=False).returncode:
        pytest.skip("this machine allows no mounts")
    try:
        site = shop(tmp_path / "shop")
        _, out, said = run(site, "--capture", folder, "--patience", "0.5")
        assert "the captures are not whole: No space left on device" in out, said
        assert ("Traceback" in said, list(folder.iterdir())) == (False, [])
    finally:
        subprocess.run(["umount", folder], check=True)


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


_STAFF = SITE.replace("  c1: {addresses: [10.1.0.11], roles: [shop/client]}\n", "").replace(
    "enforcement:", "groups:\n  staff: {zone: left, networks: [10.1.0.0/24], roles: [shop/client]}\nenforcement:"
)
_OTHERS = ("udp dport 7000 accept", "icmp type echo-request accept")
_REPLIES = "ct state established accept"


def _closed(*rules):
    return _chain("forward", _REPLIES, *rules).replace("policy accept", "policy drop")


def test_who_of_a_group_is_forgotten_is_played_too(tmp_path):
    """The first address of the group passes; another one, which the rule has not, shows that it is broken."""
    rules = _closed("ip saddr 10.1.0.0/25 tcp dport 8080 accept", *_OTHERS)
    _, document, _ = rehearse(shop(tmp_path / "site", rules, _STAFF), "--patience", "0.5")
    found = flows(document)["shop.tcp/staff>s1"]
    assert (found["static"], found["rehearsed"]) == ("missing", "blocked")
    assert [one["outcome"] for one in found["exchanges"]] == ["answered", "silent"]
    assert found["decided_by"]["default"]
    _, out, _ = run(tmp_path / "site" / "site.yaml", "--patience", "0.5")
    assert "The proof says otherwise" not in out


def test_where_the_proof_misses_what_was_not_played_they_do_not_differ(tmp_path):
    """Ports that no client of Linux chooses, and another way: what was played passes, and that is all that is said."""
    rules = _closed("tcp sport 20000-65535 tcp dport 8080 accept", *_OTHERS)
    _, document, _ = rehearse(shop(tmp_path / "one", rules), "--patience", "0.5", "--stop", "s2")
    found = flows(document)["shop.tcp/c1>s1"]
    assert (found["static"], found["rehearsed"]) == ("missing", "passes")
    assert "other packets of it" in found["reason"]
    site = SITE.replace(
        "paths:\n", "  fw2: {platform: nftables, config: b.nft, interfaces: {left: a, right: b}}\npaths:\n"
    )
    site = shop(
        tmp_path / "two", _closed("tcp dport 8080 accept", *_OTHERS),
        site + "  - {between: [left, right], through: [fw2]}\n", b__nft=_closed("ip protocol icmp accept"),
    )  # fmt: skip
    _, out, _ = run(site, "--patience", "0.5")
    assert out.startswith("shop works, as far as it was played, and may be open")
    assert "shop.udp/c1>s1: what was played passes" in out
    assert "The proof says otherwise" not in out


def test_what_the_site_denies_on_purpose_is_neither_played_nor_broken(tmp_path):
    """Somebody else of the group is played; of a flow that is denied as a whole nothing is."""
    site = (
        _STAFF
        + """except:
  - {flow: "any 10.1.0.1 > any", reason: quarantine, owner: soc}
  - {flow: "udp any > s2:7000", reason: not yet, owner: soc}
"""
    )
    denied = ("ip saddr 10.1.0.1 drop", "ip daddr 10.2.0.12 udp dport 7000 drop")
    rules = _closed(*denied, "tcp dport 8080 accept", *_OTHERS)
    _, document, said = rehearse(shop(tmp_path / "site", rules, site), "--patience", "0.5")
    words = {name: one["rehearsed"] for name, one in flows(document).items()}
    assert words.pop("shop.udp/staff>s2") == "not-tried"
    assert set(words.values()) == {"passes"}, said
    assert flows(document)["shop.udp/staff>s2"]["reason"] == "the site denies it on purpose: not yet"
    assert document["verdict"] == "works"


def test_what_stops_a_packet_first_of_all_is_named(tmp_path):
    """Before every other chain, as it comes in from a device, and where the rules themselves trace nothing."""
    rules = (
        _chain("prerouting", "udp dport 7000 drop").replace("priority filter", "priority -1000")
        + 'table netdev early {\n\tchain c {\n\t\ttype filter hook ingress device "eth0" priority 0; policy accept;\n'
        "\t\ticmp type echo-request drop\n\t}\n}\n"
        + _chain("forward", "meta nftrace set 0", "tcp dport 8080 drop").replace("inet filter", "inet last")
    )
    _, document, said = rehearse(shop(tmp_path / "site", rules), "--patience", "0.5")
    found = flows(document)
    assert {one["decided_by"]["text"] for one in found.values() if one["decided_by"]} == {
        "udp dport 7000 drop", "icmp type echo-request drop", "tcp dport 8080 drop",
    }, said  # fmt: skip
    assert all(one["rehearsed"] == "blocked" and one["decided_by"] for one in found.values())


def test_no_table_of_a_site_is_taken_for_one_of_the_rehearsal(tmp_path):
    """Its rules would be said not to be there."""
    status, _, said = run(shop(tmp_path / "site", OPEN.replace("inet filter", "inet portwright_trace")))
    assert (status, "is called like those of a rehearsal itself" in said) == (2, True), said


def test_what_a_host_logs_or_does_not_track_is_no_record_of_ours(tmp_path):
    """A host may log what it stops, to whichever group; and what it does not track has arrived all the same."""
    site = shop(
        tmp_path / "site",
        site=SITE.replace("\npaths:\n", _ON_HOSTS),
        s1__nft=_chain("prerouting", "log group 77 snaplen 64", "notrack").replace("priority filter", "priority raw"),
        c1__nft=_chain("input", "tcp dport 1-1023 log group 77 drop", "udp dport 1-1023 log group 77 drop"),
    )
    _, document, said = rehearse(site, "--patience", "0.5")
    assert {one["rehearsed"] for one in document["flows"]} == {"passes"}, said
    assert (document["unused"], document["unplanned"]) == ([], [])
    stopped = {one["decided_by"]["text"] for one in document["blocked_sample"]["by"]}
    assert "tcp dport 1-1023 log group 77 drop" in stopped


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
    more = _ON_HOSTS.replace("c1-fw: {platform: nftables, config: c1.nft, on: c1}", "aside: {platform: nftables}")
    site = shop(tmp_path / "site", site=SITE.replace("\npaths:\n", more), s1__nft=_chain("input"))
    status, out, told = run(site, *options)
    assert (status, out) == (2, "")
    assert said in told


def test_what_was_used_and_nobody_needs_is_a_finding(tmp_path):
    """A flow that somebody needs, from a host that does not: its port alone makes no connection a planned one."""
    rules = _closed("ip daddr 10.2.0.0/24 tcp dport 8080 accept", *_OTHERS)
    site = SITE.replace("  s1:", "  c2: {addresses: [10.1.0.12]}\n  s1:")
    site = shop(tmp_path / "site", rules, site)
    call = f"{sys.executable} -c \"import socket; socket.create_connection(('10.2.0.11', 8080), 2)\"\n"
    status, out, said = run(site, "--enter", "c2", "--patience", "0.5", stdin=call)
    assert status == 1, said
    assert "Recorded, and in no plan: tcp 10.1.0.12 > 10.2.0.11:8080" in out
    _, out, _ = run(site, "--enter", "c2", "--patience", "0.5", "--format", "junit", stdin=call)
    assert '<failure type="records" message="tcp 10.1.0.12 &gt; 10.2.0.11:8080">' in out


def test_captures_are_of_firewalls_on_hosts_too(tmp_path):
    """One for each point, by its name."""
    site = shop(
        tmp_path / "site", site=SITE.replace("\npaths:\n", _ON_HOSTS), s1__nft=_chain("input"), c1__nft=_chain("input")
    )
    run(site, "--capture", tmp_path / "seen", "--patience", "0.5")
    assert {one.name for one in (tmp_path / "seen").iterdir()} == {"fw.pcapng", "s1-fw.pcapng", "c1-fw.pcapng"}


@pytest.mark.parametrize("name", ["iif", "iifname"])
def test_interfaces_are_called_as_the_rules_call_them(name, tmp_path):
    """A host's only one has another name than the lab gives it; a firewall has one that no zone is behind."""
    accepting = (f'{name} "ens192" {rule}' for rule in ("tcp dport 8080 accept", *_OTHERS))
    site = shop(
        tmp_path / "site", _closed(f'{name} "mgmt0" drop', "accept"), SITE.replace("\npaths:\n", _ON_HOSTS),
        s1__nft=_closed(*accepting, 'iif "lo" accept').replace("forward", "input"), c1__nft=_chain("input"),
    )  # fmt: skip
    _, document, said = rehearse(site, "--patience", "0.5")
    assert {one["rehearsed"] for one in document.get("flows", [])} == {"passes"}, said
    assert flows(document)["shop.tcp/c1>s1"]["decided_by"]["text"] == f'{name} "ens192" tcp dport 8080 accept'


def test_many_hosts_need_no_room_in_the_kernel(tmp_path):
    """It keeps a thousand neighbors for all namespaces together, and loses packets for others."""
    hosts = "".join(f"  n{one}: {{addresses: [10.2.0.{one + 20}], roles: [shop/client]}}\n" for one in range(60))
    site = shop(tmp_path / "site", site=SITE.replace("enforcement:", f"{hosts}enforcement:"))
    _, out, said = run(site, "--enter", "s1", stdin="ip -4 neighbor show nud permanent\n")
    known = {line.split()[0] for line in out.splitlines() if "PERMANENT" in line}
    assert {"10.2.0.254", "10.2.0.20", "10.2.0.79"} <= known, said
    assert "10.2.0.12" not in known


_ASA = """ASA Version 9.8(2)
interface GigabitEthernet0/0
 nameif customer-network-1
 security-level 10
 ip address 10.1.0.1 255.255.255.0
interface GigabitEthernet0/1
 nameif servers
 security-level 50
 ip address 10.2.0.1 255.255.255.0
interface GigabitEthernet0/2
 nameif customer-network-2
 security-level 10
 ip address 10.9.0.1 255.255.255.0
access-list one extended permit tcp any any eq 8080
access-list two extended deny ip any any
access-group two in interface customer-network-2
access-group one in interface customer-network-1
: end
"""


def test_interfaces_with_long_names_are_told_apart(tmp_path):
    """The kernel's names are shorter: one that no zone is behind is not taken for one that begins alike."""
    asa = "platform: cisco-asa, config: fw.cfg, interfaces: {left: customer-network-1, right: servers}"
    site = SITE.replace("platform: nftables, config: fw.nft, interfaces: {left: eth0, right: eth1}", asa)
    _, document, _ = rehearse(shop(tmp_path / "site", site=site, fw__cfg=_ASA), "--patience", "0.5")
    found = flows(document)["shop.tcp/c1>s1"]
    assert (found["static"], found["rehearsed"], found["decided_by"]["line"]) == ("proved", "passes", 14)
    assert all(one["decided_by"]["text"] for one in document["flows"])


def test_what_has_no_words_in_nftables_contradicts_nothing(tmp_path):
    """The address of a whole network is translated: nothing is said of what comes of it, not even that it is broken."""
    nat = "object network all\n subnet 10.2.0.0 255.255.0.0\n nat (servers,customer-network-1) static 172.20.0.0\n"
    asa = "platform: cisco-asa, config: fw.cfg, interfaces: {left: customer-network-1, right: servers}"
    site = SITE.replace("platform: nftables, config: fw.nft, interfaces: {left: eth0, right: eth1}", asa)
    config = _ASA.replace("access-list one", f"{nat}access-list one", 1)
    site = shop(tmp_path / "site", site=site.replace("10.2.0.0/24", "10.2.0.0/16"), fw__cfg=config)
    _, document, _ = rehearse(site, "--patience", "0.5")
    found = flows(document)["shop.tcp/c1>s1"]
    assert (found["static"], found["rehearsed"]) == ("proved", "not-tried")
    assert "fw.cfg:16 is not rehearsed, for want of words" in found["reason"]


def test_what_is_late_or_lost_on_purpose_is_not_open(tmp_path):
    """A packet of the sample that no rule has seen is not said to have been let through."""
    site = shop(tmp_path / "site", _closed("ip daddr 10.2.0.0/24 tcp dport 8080 accept"))
    _, document, _ = rehearse(site, "--patience", "0.5", "--latency", "700")
    assert document["blocked_sample"]["blocked"] > 20
    _, document, _ = rehearse(site, "--patience", "0.5", "--loss", "60")
    assert document["blocked_sample"]["not_blocked"] == []


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


def test_a_port_may_be_shared(tmp_path):
    """By a server and a client, where the protocol fixes both ports; and by services of which one alone is spoken."""
    product = """
product: shop
title: Shop
components:
  shop/peer: {title: peer}
services:
  shop/one: {at: shop/peer, title: one, protocol: tcp, ports: 8080}
  shop/other: {at: shop/peer, title: other, protocol: tcp, ports: 1433}
requirements:
  shop.one: {from: shop/peer, to: shop/peer, service: shop/one, need: all, purpose: read, source-ports: 8080}
  shop.other: {from: shop/peer, to: shop/peer, service: shop/other, need: all, purpose: read}
"""
    site = SITE.replace("shop/client", "shop/peer").replace("shop/server", "shop/peer")
    _, document, said = rehearse(shop(tmp_path / "site", site=site, product=product), "--patience", "0.5")
    assert len(document["flows"]) == 12
    assert {one["rehearsed"] for one in document["flows"]} == {"passes"}, said
    assert (document["unused"], document["unplanned"]) == ([], [])


def test_where_services_share_a_port_the_one_that_is_served_is_spoken(tmp_path):
    """The web site of CRM, and one of somebody else that nobody plays."""
    site = CRM.replace("[dynamics-crm-2013]", "[dynamics-crm-2013, shop]\ncatalog: products")
    site = site.replace("sql/engine]", "sql/engine, shop/server]").replace("[crm/client]", "[crm/client, shop/client]")
    _, document, said = rehearse(shop(tmp_path / "site", site=site, product=PRODUCT.replace("8080", "80")))
    found = flows(document)
    assert found["crm.web/staff>crm01"]["rehearsed"] == found["shop.tcp/staff>crm01"]["rehearsed"] == "passes", said
