"""What is broken on purpose: a rule, a host, the network."""

import os
import shutil
import signal
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.cli.running import EXAMPLES, copied
from tests.rehearse.rehearsing import ENVIRONMENT, command, rehearse, run
from tests.rehearse.shop import OPEN, SITE, shop

from portwright.check.points import Reading
from portwright.check.run import Check
from portwright.cli.site import load
from portwright.errors import InvalidInput
from portwright.platforms import read
from portwright.rehearse.faults import Faults, faults_of, without_rules
from portwright.trace.happening import scenarios_of
from portwright.trace.run import trace

kernel = pytest.mark.kernel
SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6  # blocks of pcapng


@kernel
@pytest.mark.slow
@pytest.mark.parametrize("example", ["f6", "f2"])
def test_each_rule_that_is_taken_away_does_what_the_catalog_says(example):
    """Broken at the predicted step, and played in vain; or degraded, and played all the same."""
    site = EXAMPLES / example / "site.yaml"
    _, whole, _ = rehearse(site)
    lines = sorted(_permitting(whole))
    assert len(lines) > 15
    with ThreadPoolExecutor(2) as pool:
        wrong = [found for found in pool.map(lambda line: _differs(site, line), lines) if found]
    assert wrong == []


def _permitting(document):
    """The lines that let required flows pass, by point."""
    return {
        (rule["point"], rule["line"])
        for flow in document["flows"]
        for exchange in flow["exchanges"]
        for rule in exchange["via"]
        if flow["static"] == "proved" and not rule["default"] and rule["line"]
    }


def _differs(site, line):
    """How proof, rehearsal and plays differ where a line is taken away; None where they agree."""
    point, number = line
    status, document, said = rehearse(site, "--without-rule", f"{point}:{number}", "--patience", "1")
    if status == 2:
        return None if "the rule cannot be taken away alone" in said else (line, said)
    if flows := [one["id"] for one in document["flows"] if _disagrees(one)]:
        return line, "flows", flows
    predicted, rehearsed = _predicted(site, line), {one["id"]: one for one in document["scenarios"]}
    cut_off = {one["id"].split("/")[1].split(">")[0] for one in document["flows"] if one["rehearsed"] == "blocked"}
    for name, (verdict, user_sees) in predicted.items():
        found = rehearsed[name]
        is_whole = all(step["verdict"] != "undecided" for step in found["steps"])
        if is_whole and (found["user_sees"] or "") != user_sees:
            return line, name, verdict, user_sees, found
        played = found["played"] or {"works": verdict != "broken"}
        if is_whole and played["works"] and verdict == "broken":
            return line, name, "was played, though the proof says that it breaks", found
        if not played["works"] and verdict != "broken" and not cut_off & _taking_part(found):
            return line, name, "was played in vain, though nobody in it is cut off", found
    return None


def _taking_part(scenario):
    """The hosts from which somebody opens a connection in it."""
    return {step["flow"].split("/")[1].split(">")[0] for step in scenario["steps"] if step["flow"]}


def _disagrees(flow):
    wanted = {"proved": "passes", "missing": "blocked"}.get(flow["static"], flow["rehearsed"])
    return flow["rehearsed"] not in (wanted, "not-tried")


def _predicted(site, line):
    """What the proof says of each scenario without the line."""
    plan, readings = load(str(site), (), None)
    judge = Check(plan, without_rules(readings, Faults(without=(line,)))).judge
    traces = [trace(plan, judge, one) for one, reason in scenarios_of(plan) if not reason]
    return {one.scenario.id: (one.verdict, one.user_sees) for one in traces}


APART = {"KERBEROS": ["tcp-udp destination eq 88"], "RPC": ["tcp destination eq 135", "object rpc-dynamic"]}


@pytest.fixture
def apart(tmp_path):
    """F6, its firewall with rules for Kerberos and for RPC alone: the site, and their lines by list and group."""
    site = copied(tmp_path)
    config = site.parent / "core-fw.cfg"
    lines, members = [], [one for of in APART.values() for one in of]
    for line in config.read_text().splitlines():
        if line == "object-group service BACKUP tcp":
            for name, of in APART.items():
                lines += [f"object-group service {name}", *(f" service-object {one}" for one in of)]
        lines += [] if line.strip().removeprefix("service-object ") in members else [line]
        if "permit object-group DC-SERVICES" in line:
            lines += [line.replace("DC-SERVICES", name) for name in APART]
    config.write_text("\n".join(lines) + "\n")
    return site, {
        (line.split()[1], line.split()[5]): number for number, line in enumerate(lines, 1) if "permit object" in line
    }


@kernel
def test_without_kerberos_windows_goes_on_by_ntlm(apart):
    """As the catalog says; the front end then has to reach Netlogon, or the browser shows 401."""
    site, lines = apart
    kerberos = ["--without-rule", f"core-fw:{lines['users_in', 'KERBEROS']}"]
    _, document, _ = rehearse(site, *kerberos, "--patience", "1")
    found = {one["id"]: one for one in document["scenarios"]}
    assert found["sign-in-integrated"]["verdict"] == "degraded"
    for name in ("sign-in-integrated", "run-sql-report"):
        assert found[name]["played"]["works"], found[name]
        assert found[name]["played"]["told"].endswith("by NTLM, as staff got no ticket")
    rpc = ["--without-rule", f"core-fw:{lines['app_in', 'RPC']}"]
    _, document, _ = rehearse(site, *kerberos, *rpc, "--patience", "1")
    found = {one["id"]: one["played"] for one in document["scenarios"]}
    for name in ("sign-in-integrated", "run-sql-report"):
        assert not found[name]["works"]
        assert "401" in found[name]["told"]
        assert found[name]["told"].endswith("fe01 gets no answer from dc01 (ad.rpc-mapper)")


@kernel
def test_a_host_that_is_stopped_is_no_disagreement(tmp_path):
    """What hangs on it is broken; the proof, which knows nothing of it, is not contradicted."""
    site = copied(tmp_path)
    status, document, _ = rehearse(site, "--stop", "ssrs01", "--patience", "1")
    assert (status, document["verdict"], document["faults"]) == (1, "broken", ["ssrs01 is stopped"])
    blocked = [one["id"] for one in document["flows"] if one["rehearsed"] == "blocked" and one["static"] == "proved"]
    assert blocked
    assert all("ssrs01" in id for id in blocked)
    scenarios = {one["id"]: one for one in document["scenarios"]}
    assert scenarios["run-sql-report"]["played"] == {
        "works": False,
        "told": "The report cannot be displayed: the report server cannot be reached;"
        " fe01 gets no answer from ssrs01 (crm.report-execution)",
    }
    assert scenarios["sign-in-integrated"]["played"]["works"]
    _, out, _ = run(site, "--stop", "ssrs01", "--patience", "1")
    assert "The proof says otherwise" not in out


@kernel
def test_packets_that_are_late_or_lost_are_told(tmp_path):
    """Everything works as before, and the report says what was done."""
    site = copied(tmp_path)
    status, document, _ = rehearse(site, "--latency", "30")
    assert (status, document["verdict"]) == (0, "works")
    assert document["faults"] == ["each packet takes 30 ms longer"]
    status, document, _ = rehearse(site, "--loss", "100", "--patience", "0.5")
    assert (status, document["verdict"]) == (1, "broken")
    assert not any(one["rehearsed"] == "passes" for one in document["flows"] if one["exchanges"] and one["decided_by"])


_ON_A_HOST = (
    SITE.partition("enforcement:")[0]
    + """enforcement:
  on-s1: {platform: nftables, on: s1, config: fw.nft}
paths:
  - {between: [left, right], through: []}
"""
)


@kernel
def test_firewalls_on_hosts_lose_packets_too(tmp_path):
    """What arrives at such a host is lost; the others have everything."""
    _, document, _ = rehearse(
        shop(tmp_path, OPEN.replace("forward", "input"), _ON_A_HOST), "--loss", "100", "--patience", "0.5"
    )
    found = {one["id"]: one["rehearsed"] for one in document["flows"]}
    assert {name for name, came in found.items() if came == "blocked"} == {
        name for name in found if name.endswith("s1")
    }


@kernel
def test_captures_hold_what_each_point_sees(tmp_path):
    """As pcapng, with the names of the interfaces, and the connections of the flows in it."""
    folder = tmp_path / "captures"
    rehearse(copied(tmp_path), "--capture", folder)
    assert {file.name for file in folder.iterdir()} == {"core-fw.pcapng", "data-fw.pcapng"}
    blocks = list(_blocks((folder / "data-fw.pcapng").read_bytes()))
    assert blocks[0][0] == SECTION
    assert {body[12:16].rstrip(b"\0") for kind, body in blocks if kind == INTERFACE} >= {b"eth0", b"eth1"}
    packets = [body[20:] for kind, body in blocks if kind == PACKET]
    assert any(packet[12:14] == b"\x08\x00" and packet[23] == 6 and packet[36:38] == b"\x05\x99" for packet in packets)


def _blocks(data):
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        yield kind, data[at + 8 : at + size - 4]
        at += size


@kernel
def test_a_shell_opens_in_a_host(tmp_path):
    """It sees the addresses of that host alone, and nobody there is who is not in the lab."""
    _, out, _ = run(copied(tmp_path), "--enter", "sql01", stdin="ip -brief -4 address; exit\n")
    addresses = [line.split()[-1] for line in out.splitlines() if line.startswith("eth0@")]
    assert addresses == ["10.30.0.21/24"]


@kernel
def test_a_lab_that_is_kept_stays_until_somebody_interrupts_it(tmp_path):
    """Its status is then that of the report; meanwhile others look in, and are told its hosts, not its cables."""
    site = copied(tmp_path)
    with subprocess.Popen(
        command(site, "--keep"), env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        said = ""
        while "the lab stays" not in said:
            if not (line := process.stderr.readline()):
                pytest.skip(said)
            said += line
        status, _, hosts = run(site, "--enter", "nobody")
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=120)
    assert process.returncode == 0
    assert status == 2
    assert hosts.endswith("hint: there are: fe01, ssrs01, sql01, sql02, dc01, adm01, staff, core-fw, data-fw\n")


@kernel
@pytest.mark.skipif(not shutil.which("nft"), reason="nft is not here")
@pytest.mark.parametrize("percent", ["0.00001", "99.999", "100"])
def test_any_part_of_the_packets_may_be_lost(percent):
    """The kernel takes the rule; none is lost by mistake where hardly any is to be."""
    rules = Faults(loss=float(percent)).rules("forward")
    done = subprocess.run(["nft", "-c", "-f", "-"], input=rules, capture_output=True, text=True, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--without-rule", "core-fw"], "core-fw, data-fw"),
        (["--without-rule", "nobody:3"], "core-fw, data-fw"),
        (["--without-rule", "core-fw:1"], "no rule stands on this line"),
        (["--stop", "sql1"], "did you mean sql01?"),
        (["--loss", "101"], "between 0 and 100"),
        (["--latency", "-1"], "between 0 and 2000"),
        (["--enter", "nobody"], "there are: "),
    ],
)
def test_what_cannot_be_broken_is_told(options, hint, tmp_path):
    """With status 2, before anything is built or at once after."""
    status, _, said = run(copied(tmp_path), *options)
    assert (status, hint in said) == (2, True), said


def test_all_wrong_faults_are_told_at_once():
    """Not one after the other."""
    plan, _ = load(str(EXAMPLES / "f6" / "site.yaml"), (), None)
    with pytest.raises(Exception, match=r"(?s)nobody:1.*no such host.*between 0 and 100"):
        faults_of(plan.site, ["nobody:1"], ["who"], None, 200.0)


def test_a_line_without_a_rule_keeps_the_numbers_of_the_others():
    """So that what decides is still told by its own line."""
    _, readings = load(str(EXAMPLES / "f6" / "site.yaml"), (), None)
    reading = readings["data-fw"]
    lines = {rule.source.line for chain in _chains(reading) for rule in chain.rules if not rule.default}
    taken = max(lines)
    after = without_rules(readings, Faults(without=(("data-fw", taken),)))["data-fw"]
    assert {rule.source.line for chain in _chains(after) for rule in chain.rules if not rule.default} == lines - {taken}


def _chains(reading):
    return [
        chain
        for policy in reading.configuration.policies.values()
        for stage in policy.stages
        for chain in stage.chains.values()
    ]


_FORWARD = """table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
RULES
	}
}
"""


@pytest.mark.parametrize(
    ("rules", "line", "left"),
    [
        ("tcp dport 8080 \\\n accept\n udp dport 7000 accept", 5, [4, 7]),
        ("tcp dport {\n 8080,\n 8081\n } accept\n udp dport 7000 accept", 5, [4, 9]),
        ("# a form feed \f and a line separator \u2028 end no line\n tcp dport 8080 accept", 6, [4]),
        ("tcp dport 8080 accept; udp dport 7000 accept", 5, [4]),
        ("jump web\n }\n chain web {\n tcp dport 8080 accept", 5, [4]),
    ],
)
def test_the_whole_rule_is_taken_away_and_nothing_else(rules, line, left):
    """A rule of several lines leaves no rest of it, which would let everything pass."""
    text = _FORWARD.replace("RULES", rules)
    reading = Reading(read("nftables", text, "fw.nft"), text)
    after = without_rules({"fw": reading}, Faults(without=(("fw", line),)))["fw"]
    assert sorted({rule.source.line for chain in _chains(after) for rule in chain.rules if not rule.default}) == left
    assert after.text.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    "text",
    [
        "table inet f { chain c { type filter hook forward priority 0; policy drop; tcp dport 80 accept; } }\n",
        "table inet f {\nchain c { type filter hook forward priority 0; policy drop; tcp dport 80 accept; }\n}\n",
    ],
)
def test_a_rule_that_shares_its_line_with_its_chain_stays(text):
    """Without the line the policy of the chain would be gone, too."""
    reading = Reading(read("nftables", text, "fw.nft"), text)
    line = 1 + text.partition("dport")[0].count("\n")
    with pytest.raises(InvalidInput, match="cannot be taken away alone"):
        without_rules({"fw": reading}, Faults(without=(("fw", line),)))
