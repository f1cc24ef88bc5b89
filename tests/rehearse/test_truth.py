"""A rehearsal never says that something happened which did not."""

import json
import subprocess
import sys

import pytest
from tests.cli.running import EXAMPLES, copied
from tests.rehearse.rehearsing import ENVIRONMENT, NOT_POSSIBLE, command, rehearse, run
from tests.rehearse.shop import ON_HOSTS, OTHERS, SITE, chain, closed, flows, shop, via

from portwright.check.obstacle import Judgment
from portwright.cli.site import load
from portwright.rehearse.evidence import Exchange, FlowEvidence, Rehearsal, Tried
from portwright.rehearse.exchanges.placing import placed
from portwright.rehearse.network.layout import layout
from portwright.rehearse.rules.running import Decider, Rules
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


def test_an_error_that_quotes_a_ping_is_no_echo(tmp_path):
    """A host that rejects it has not answered, and a datagram that its own host stops ends no rehearsal."""
    site = shop(
        tmp_path / "site",
        site=SITE.replace("\npaths:\n", ON_HOSTS),
        s1__nft=chain("input", "icmp type echo-request reject with icmp type net-unreachable"),
        c1__nft=chain("output", "udp dport 69-161 drop"),
    )
    _, document, said = rehearse(site, "--patience", "0.5")
    found = flows(document)
    assert found["shop.ping/c1>s1"]["rehearsed"] == "blocked", said
    assert found["shop.ping/c1>s1"]["decided_by"]["text"].startswith("icmp type echo-request reject")
    assert found["shop.ping/c1>s2"]["rehearsed"] == "passes"
    assert "udp dport 69-161 drop" in {one["decided_by"]["text"] for one in document["blocked_sample"]["by"]}


def test_a_line_that_lets_the_request_through_has_not_stopped_it(tmp_path):
    """Where the reply is what does not pass, the line that stops it is named, as what stops a reply."""
    rules = chain("forward", "tcp sport 8080 drop", "udp sport 7000 drop")
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


def test_what_stops_a_packet_first_of_all_is_named(tmp_path):
    """Before every other chain, as it comes in from a device, and where the rules themselves trace nothing."""
    rules = (
        chain("prerouting", "udp dport 7000 drop").replace("priority filter", "priority -1000")
        + 'table netdev early {\n\tchain c {\n\t\ttype filter hook ingress device "eth0" priority 0; policy accept;\n'
        "\t\ticmp type echo-request drop\n\t}\n}\n"
        + chain("forward", "meta nftrace set 0", "tcp dport 8080 drop").replace("inet filter", "inet last")
    )
    _, document, said = rehearse(shop(tmp_path / "site", rules), "--patience", "0.5")
    found = flows(document)
    assert {one["decided_by"]["text"] for one in found.values() if one["decided_by"]} == {
        "udp dport 7000 drop", "icmp type echo-request drop", "tcp dport 8080 drop",
    }, said  # fmt: skip
    assert all(one["rehearsed"] == "blocked" and one["decided_by"] for one in found.values())


def test_what_a_host_logs_or_does_not_track_is_no_record_of_ours(tmp_path):
    """A host may log what it stops, to whichever group; and what it does not track has arrived all the same."""
    site = shop(
        tmp_path / "site",
        site=SITE.replace("\npaths:\n", ON_HOSTS),
        s1__nft=chain("prerouting", "log group 77 snaplen 64", "notrack").replace("priority filter", "priority raw"),
        c1__nft=chain("input", "tcp dport 1-1023 log group 77 drop", "udp dport 1-1023 log group 77 drop"),
    )
    _, document, said = rehearse(site, "--patience", "0.5")
    assert {one["rehearsed"] for one in document["flows"]} == {"passes"}, said
    assert (document["unused"], document["unplanned"]) == ([], [])
    stopped = {one["decided_by"]["text"] for one in document["blocked_sample"]["by"]}
    assert "tcp dport 1-1023 log group 77 drop" in stopped


def test_what_was_used_and_nobody_needs_is_a_finding(tmp_path):
    """A flow that somebody needs, from a host that does not: its port alone makes no connection a planned one."""
    rules = closed("ip daddr 10.2.0.0/24 tcp dport 8080 accept", *OTHERS)
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
        tmp_path / "site", site=SITE.replace("\npaths:\n", ON_HOSTS), s1__nft=chain("input"), c1__nft=chain("input")
    )
    run(site, "--capture", tmp_path / "seen", "--patience", "0.5")
    assert {one.name for one in (tmp_path / "seen").iterdir()} == {"fw.pcapng", "s1-fw.pcapng", "c1-fw.pcapng"}


def test_what_is_late_or_lost_on_purpose_is_not_open(tmp_path):
    """A packet of the sample that no rule has seen is not said to have been let through."""
    site = shop(tmp_path / "site", closed("ip daddr 10.2.0.0/24 tcp dport 8080 accept"))
    _, document, _ = rehearse(site, "--patience", "0.5", "--latency", "700")
    assert document["blocked_sample"]["blocked"] > 20
    _, document, _ = rehearse(site, "--patience", "0.5", "--loss", "60")
    assert document["blocked_sample"]["not_blocked"] == []
