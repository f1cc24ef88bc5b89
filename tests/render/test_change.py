"""Changes of running configurations: small, in the words that are there, proved, and with a way back."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.cli.running import F6, FAULTS, copied, edit, line_of, run

import patches
from portwright import platforms
from portwright.check.run import Check
from portwright.cli.site import load
from portwright.render.change import changes
from portwright.render.effect import same
from portwright.render.fix import fixes
from portwright.render.stand import Common, Stand

POINTS = {"core-fw": "core-fw.cfg", "data-fw": "data-fw.nft"}
SUFFIX = {"cisco-asa": "cfg", "nftables": "nft", "iptables": "rules", "rules-csv": "csv"}


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """The example site in the current folder, with a fault, or with a text of one of its configurations replaced."""

    def made(fault=None, file="core-fw.cfg", old="", new=""):
        site = copied(tmp_path, fault)
        monkeypatch.chdir(site.parent)
        if old:
            edit(site.parent / file, old, new)
        return site

    return made


def change_of(point, tighten=False):
    """The change of a point of the site in the current folder."""
    plan, readings = load("site.yaml", (), None)
    [change] = changes(plan, readings, [point], tighten)
    return change


def added(change):
    """All new lines."""
    return [line for step in change.steps for line in step.edit.added]


# The faults of the example


@pytest.mark.parametrize("fault", [*FAULTS])
def test_the_change_that_mends_a_fault(broken, fault, snapshot):
    """What people get to read: rule by rule, the commands, the way back and the proof; `make golden` renews it."""
    broken(fault)
    done = run("render", "site.yaml", "--undecided", "--tighten")
    assert done.status == 0
    assert max(map(len, (line for line in done.out.splitlines() if not line.startswith("    ")))) <= 110
    assert done.out == snapshot


@pytest.mark.parametrize("fault", [*FAULTS])
def test_after_the_change_the_site_is_proved(broken, fault):
    """By a check of the files that were written, which knows nothing of the change."""
    broken(fault)
    assert run("render", "site.yaml", "--undecided", "--tighten", "-o", "new").status == 0
    after = {point: f"new/{point}.after{Path(file).suffix}" for point, file in POINTS.items()}
    options = [f"--config={point}={file}" for point, file in after.items() if Path(file).exists()]
    assert len(options) == 1
    done = run("check", "site.yaml", *options, "--format", "json")
    assert (done.status, done.document["verdict"]) == (0, "proved")


@pytest.mark.parametrize("fault", ["fetch-808-blocked", "shadowed", "replies-blocked", "too-wide"])
def test_a_change_is_small(broken, fault):
    """One fault, one step."""
    broken(fault)
    for point in POINTS:
        assert len(change_of(point, tighten=True).steps) <= 1


def test_without_a_fault_nothing_changes(broken):
    """Nothing is written, and that is in order."""
    broken()
    done = run("render", "site.yaml", "--change", "-o", "new")
    assert (done.status, done.out.count("nothing to change"), Path("new").exists()) == (0, 2, False)


STEPS = {  # fault of another example -> steps that mend it, tightening included
    "f1/fetch-808-lost": 1,
    "f1/old-server": 2,
    "f1/same-level": 1,
    "f1/too-wide": 1,
    "f2/below-a-deny": 1,
    "f2/open-to-internet": 1,
    "f2/re-addressed": 8,
    "f3/deny-above": 1,
    "f3/ipv6-forgotten": 2,
    "f3/node-for-cluster": 2,
    "f3/replies-blocked": 1,
}


@pytest.mark.parametrize("fault", STEPS)
def test_other_sites_are_mended_too(fault, tmp_path, monkeypatch):
    """In few steps; with translations, two IP versions, clusters and several firewalls."""
    example, name = fault.split("/")
    source, target = F6.parent / example, tmp_path / example
    shutil.copytree(source, target)
    patches.apply_to(source, source / "faults" / f"{name}.patch", target)
    monkeypatch.chdir(target)
    done = run("render", "site.yaml", "--change", "--tighten", "-o", "new", "--format", "json")
    changed = [point for point in done.document["points"] if point["verdict"] != "nothing"]
    assert (done.status, [len(point["steps"]) for point in changed]) == (0, [STEPS[fault]])
    after = [f"--config={path.name.split('.')[0]}={path}" for path in Path("new").glob("*.after.*")]
    assert run("check", "site.yaml", *after, "--format", "json").document["verdict"] == "proved"


# In the words of the configuration


def test_objects_of_the_configuration_are_used(broken):
    """A service object, and host objects, that mean exactly the same."""
    broken("fetch-808-blocked")
    entry = "access-list reports_in extended permit object crm-sdk-listener object ssrs01 object fe01"
    assert added(change_of("core-fw")) == ["access-list reports_in remark crm.fetch-report", entry]


def test_an_entry_that_stands_too_far_down_moves_up(broken, tmp_path):
    """No entry may stand twice: it is taken out, with its remark, and put in front of the denial."""
    broken("shadowed")
    change = change_of("core-fw")
    [step] = change.steps
    assert step.edit.removed == step.edit.added
    assert step.because.line == line_of(tmp_path / "f6" / "core-fw.cfg", "deny tcp any 10.20.0.0")
    assert change.commands[0] == f"no {step.edit.removed[-1]}"


def test_groups_are_made_only_where_none_fits(broken):
    """And taken away by the rollback, when nothing uses them any more."""
    broken(old="access-list app_in extended permit object-group DC-SERVICES object fe01 object dc01 \n", new="")
    edit(Path("core-fw.cfg"), " service-object tcp destination eq 135 \n", " service-object tcp destination eq 136\n")
    change = change_of("core-fw")
    made = [line for line in change.commands if line.startswith("object")]
    assert made == ["object-group service to-dc01"]
    assert change.rollback[-1] == "no object-group service to-dc01"
    assert change.proof.failures == ()


def test_an_element_joins_the_set_on_which_a_rule_accepts(broken):
    """Rather than a rule of its own."""
    known = "10.40.0.11 . 10.30.0.21 . 1433"
    broken(None, "data-fw.nft", f"{known},\n\t\t\t     10.40.0.11 . 10.30.0.22 . 1433", known)
    change = change_of("data-fw")
    element = "element inet filter sql_clients { 10.40.0.11 . 10.30.0.22 . 1433 }"
    assert (change.commands, change.rollback) == ((f"add {element}",), (f"delete {element}",))


def test_an_element_does_not_join_a_set_of_other_things(broken):
    """Remote Desktop has no place among the clients of SQL Server, though the rule would accept it there."""
    rule = '\t\ttcp dport 3389 counter packets 4926 bytes 729048 accept comment "Remote Desktop"\n'
    broken(None, "data-fw.nft", rule, "")
    rule = 'ip saddr 10.60.0.5 ip daddr @sql_servers tcp dport 3389 accept comment "windows.rdp"'
    assert added(change_of("data-fw")) == [rule]


def test_a_rule_goes_into_the_chain_that_its_packets_run_through(broken):
    """With the sets of the ruleset where these mean the same."""
    rule = '\t\ttcp dport @dc_tcp counter packets 11901 bytes 7426224 accept comment "CRM-0118 domain members"\n'
    broken(None, "data-fw.nft", rule, "")
    [step] = change_of("data-fw").steps
    assert step.edit.place == "chain inet filter to_dc_tcp"
    assert step.edit.added[0].startswith("ip saddr @sql_servers ip daddr 10.50.0.10 tcp dport @dc_tcp accept")


@pytest.mark.parametrize("leaving", ["return", "goto nowhere", "vmap { 3389 : return }"])
def test_a_rule_goes_in_front_of_one_that_packets_leave_the_chain_by(broken, leaving):
    """Behind it they never come to the end of the chain."""
    rule = '\t\ttcp dport 3389 counter packets 4926 bytes 729048 accept comment "Remote Desktop"\n'
    broken(None, "data-fw.nft", rule, "")
    text = Path("data-fw.nft").read_text(encoding="utf-8")
    head = text.index("type filter hook forward")
    at = text.index("\n", text.index("ct state", head)) + 1
    leaver = f"tcp dport {leaving}" if leaving.startswith("vmap") else f"tcp dport 3389 {leaving}"
    text = f"{text[:at]}\t\t{leaver}\n{text[at:]}"
    nowhere = "\tchain nowhere {\n\t}\n\n\tchain forward {"
    Path("data-fw.nft").write_text(text.replace("\tchain forward {", nowhere, 1), encoding="utf-8")
    change = change_of("data-fw")
    assert (change.proof.failures, change.remaining) == ((), ())
    after = change.after.split("\n")
    new = next(number for number, line in enumerate(after) if "tcp dport 3389 accept" in line)
    assert new == next(number for number, line in enumerate(after) if line.strip() == leaver) - 1


def test_what_is_stopped_before_routing_names_no_interface_of_departure(broken):
    """Packets have not got one there; and their replies, which nothing tracks yet, need rules of their own."""
    old = 'iifname "eth1" ip saddr != 10.30.0.0/24 counter'
    broken(None, "data-fw.nft", old, 'iifname "eth1" ip saddr 10.30.0.21 counter')
    change = change_of("data-fw")
    assert {step.edit.place for step in change.steps} == {"chain inet guard prerouting"}
    assert not any("oifname" in line or "ct state" in line for line in added(change))
    assert any("tcp sport 1433" in line for line in added(change))
    assert change.proof.failures == ()


def test_replies_pass_by_one_rule_behind_the_one_for_invalid_packets(broken):
    """And what else passes thereby is said: packets of connections that were let through."""
    broken("replies-blocked")
    change = change_of("data-fw")
    assert change.commands == ("insert rule inet filter forward index 1 ct state established,related accept",)
    assert (change.proof.knows_connections, change.proof.gained, change.proof.lost) == (True, (), ())
    assert len(change.proof.mended) > 20


def test_an_interface_without_a_list_gets_one_that_goes_on_permitting(broken):
    """What its security level lets through passes as before, by the routes to lower interfaces."""
    broken(old="access-group reports_in in interface reports\n", new="")
    change = change_of("core-fw")
    kept = [line for line in added(change) if " permit ip any " in line]
    assert [line.split(" any ")[1] for line in kept] == [
        "10.9.255.0 255.255.255.252",
        "10.20.0.0 255.255.255.0",
        "10.10.0.0 255.255.0.0",
    ]
    assert change.rollback[:2] == (
        "no access-group reports_in-2 in interface reports",
        "clear configure access-list reports_in-2",
    )
    assert (change.proof.lost, change.proof.failures, change.remaining) == ((), (), ())


def test_without_all_routes_no_list_is_made(broken):
    """What a security level permits cannot be said then."""
    broken(old="access-group reports_in in interface reports\n", new="router ospf 1\n")
    change = change_of("core-fw")
    assert change.steps == ()
    assert change.remaining[0].because.text == "security-level 55"


@pytest.mark.parametrize(("fault", "point"), [("shadowed", "core-fw"), ("replies-blocked", "data-fw")])
def test_line_ends_stay_as_they_are(broken, fault, point):
    """Of a file from Windows; the commands are the same."""
    broken(fault)
    right = change_of(point)
    file = Path(POINTS[point])
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    change = change_of(point)
    assert (change.commands, change.rollback) == (right.commands, right.rollback)
    assert change.after == right.after.replace("\n", "\r\n")
    assert change.before == right.before.replace("\n", "\r\n")


def test_of_mixed_line_ends_those_of_old_lines_stay(broken):
    """And new lines end as most do."""
    broken("fetch-808-blocked")
    file = Path("core-fw.cfg")
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n").replace(b"!\r\n", b"!\n"))
    before, after = (change_of("core-fw").before, change_of("core-fw").after)
    new = [line for line in after.split("\n") if line not in before.split("\n")]
    assert [line.endswith("\r") for line in new] == [True, True]
    assert "\n".join(line for line in after.split("\n") if line not in new) == before


# Translated addresses, and hosts


_NAT = """table ip nat {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		iifname "eth0" ip daddr 192.0.2.21 tcp dport 1433 dnat to 10.30.0.21
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		iifname "eth1" oifname "eth0" ip saddr 10.30.0.22 snat to 192.0.2.22
	}
}
"""


def test_rules_have_the_addresses_that_packets_have_where_they_stand(broken):
    """data-fw translates: core-fw sees the outer addresses, and the forward chain of data-fw the inner ones."""
    broken()
    text = Path("data-fw.nft").read_text(encoding="utf-8").replace("10.20.0.11 . 10.30.0.21 . 1433,\n\t\t\t     ", "")
    Path("data-fw.nft").write_text(text + _NAT, encoding="utf-8")
    outer, inner = change_of("core-fw"), change_of("data-fw")
    assert [change.proof.failures + change.remaining for change in (outer, inner)] == [(), ()]
    assert "access-list app_in extended permit tcp object fe01 object 192.0.2.21 eq 1433" in added(outer)
    assert any("object 192.0.2.22 object dc01" in line for line in added(outer))
    assert added(inner) == ["10.20.0.11 . 10.30.0.21 . 1433"]


def test_an_asa_gets_the_real_address(broken):
    """Which its access lists speak of, also where clients send to another one."""
    broken(old=" host 10.20.0.11\n", new=" host 10.20.0.11\n nat (app,users) static 192.0.2.10\n")
    edit(Path("core-fw.cfg"), "access-list users_in extended permit tcp object staff-net object fe01 eq https \n", "")
    change = change_of("core-fw")
    assert added(change)[-1] == "access-list users_in extended permit tcp object staff-net object fe01 eq 443"
    assert change.proof.gained == ("tcp staff > 192.0.2.10:443 in users",)
    assert change.proof.failures == ()


_HOST = """table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
		ct state established accept
		tcp dport 22 accept
	}
	chain output {
		type filter hook output priority filter; policy drop;
		oif "lo" accept
	}
}
"""


def test_the_firewall_of_a_host_is_changed_too(broken):
    """What it receives, what it sends, and its answers; the loopback interface is left alone."""
    site = broken()
    edit(site, "enforcement:\n", "enforcement:\n  fw-sql01: {platform: nftables, on: sql01, config: sql01.nft}\n")
    Path("sql01.nft").write_text(_HOST, encoding="utf-8")
    change = change_of("fw-sql01", tighten=True)
    assert (change.proof.failures, change.remaining) == ((), ())
    assert [step.edit.removed for step in change.steps if step.edit.removed] == [("tcp dport 22 accept",)]
    assert "ct state established,related accept" in added(change)
    Path("after.nft").write_text(change.after, encoding="utf-8")
    done = run("check", "site.yaml", "--config", "fw-sql01=after.nft", "--format", "json")
    assert done.document["verdict"] == "proved"


# What is not needed


TOO_WIDE = {
    "one end": (
        "core-fw.cfg",
        "permit tcp object ssrs01 object-group SQL-SERVERS eq 1433",
        "permit ip object ssrs01 any",
    ),
    "accepted": (
        "core-fw.cfg",
        "permit tcp object bak01 object-group SQL-SERVERS object-group BACKUP",
        "permit ip object bak01 any",
    ),
    "all": ("core-fw.cfg", "admin_in extended deny ip any any log", "admin_in extended permit ip any any log"),
    "a port": ("data-fw.nft", "ip saddr . ip daddr . tcp dport @sql_clients", "tcp dport 1433"),
    "anything": (
        "data-fw.nft",
        "ip saddr 10.50.0.40 tcp dport 10000 counter packets 66522 bytes 18559638 accept",
        "accept",
    ),
}


@pytest.mark.parametrize("case", TOO_WIDE)
def test_tightening_takes_away_what_nothing_needs(broken, case):
    """What is required, optional or accepted stays; nothing else does, and nothing passes more."""
    file, old, new = TOO_WIDE[case]
    broken(None, file, old, new)
    assert run("check", "site.yaml", "--format", "json").document["summary"]["excess"] == 1
    assert run("render", "site.yaml", "--tighten", "-o", "new").status == 0
    point = file.split(".")[0]
    done = run("check", "site.yaml", "--config", f"{point}=new/{point}.after.{file.split('.')[1]}", "--format", "json")
    assert done.document["verdict"] == "proved"
    accepted = {"tests": done.findings("assertion"), "excess": done.findings("excess")}
    assert accepted == {"tests": [], "excess": []}
    change = change_of(point, tighten=True)
    assert (change.proof.gained, change.proof.failures) == ((), ())
    assert change.proof.lost


def test_of_two_rules_on_a_line_only_the_one_goes_that_nothing_needs(broken):
    """What stands beside it on the line stays."""
    rule = 'tcp dport 3389 counter packets 4926 bytes 729048 accept comment "Remote Desktop"'
    broken(None, "data-fw.nft", rule, f"{rule}; tcp dport 3390 accept; udp dport 3391 drop")
    [step] = (change := change_of("data-fw", tighten=True)).steps
    assert (step.edit.added, step.edit.removed) == ((), ("tcp dport 3390 accept",))
    assert f"{rule}; udp dport 3391 drop\n" in change.after
    assert (change.proof.gained, change.proof.failures, change.remaining) == ((), (), ())


def test_the_only_entry_of_a_list_becomes_a_denial(broken):
    """A list that is empty would be gone, and its interface open by its security level."""
    broken(old="access-group reports_in in interface reports\n", new="access-group one in interface reports\n")
    text = Path("core-fw.cfg").read_text(encoding="utf-8")
    entry = "access-list one extended permit ip any any\n"
    Path("core-fw.cfg").write_text(text.replace("access-group users_in", f"{entry}access-group users_in"), "utf-8")
    change = change_of("core-fw", tighten=True)
    assert (change.proof.failures, change.remaining, change.proof.gained) == ((), (), ())
    lines = [line for line in change.after.split("\n") if line.startswith("access-list one extended")]
    assert (lines[-1], any("permit ip any any" in line for line in lines)) == (
        "access-list one extended deny ip any any",
        False,
    )
    removal = change.commands.index(f"no {entry.strip()}")
    assert any(command.endswith(" extended deny ip any any") for command in change.commands[:removal])
    assert change.rollback.index("access-list one line 1 extended permit ip any any") < change.rollback.index(
        "no access-list one extended deny ip any any"
    )
    assert editor_back(change) == change.before


def editor_back(change):
    """The text after the commands and the rollback, as a device would have it."""
    editor = platforms.editor(change.platform)
    return editor.applied(editor.applied(change.before, change.commands), change.rollback)


def test_without_being_asked_nothing_is_taken_away(broken):
    """A rule too wide is no concern of a change that adds what is missing."""
    broken("too-wide")
    assert change_of("data-fw").steps == ()


# What cannot be mended


def test_what_may_be_denied_on_purpose_is_not_opened(broken):
    """A line that is not modelled may be there for a reason: only who asks for it gets a rule in front of it."""
    broken("not-understood")
    done = run("render", "site.yaml", "--change", "--format", "json")
    point = done.document["points"][0]
    assert (done.status, point["verdict"], len(point["remaining"])) == (3, "stuck", 3)
    assert {(one["undecided"], "payload-class" in one["because"]["text"]) for one in point["remaining"]} == {
        (True, True)
    }


def test_what_hangs_on_an_unknown_command_remains(broken):
    """Nothing is proposed, and the line is named; status 3, since it may be in order."""
    broken(None, "data-fw.nft", "table inet guard {", "quux all\ntable inet guard {")
    done = run("render", "site.yaml", "--change", "-o", "new")
    assert (done.status, Path("new").exists()) == (3, False)
    assert "hangs on a line that is not modelled" in " ".join(done.out.split())
    assert "quux all" in done.out


def test_what_no_rule_can_mend_remains(broken):
    """An interface that is shut down stays so."""
    broken(old=" nameif reports\n", new=" shutdown\n nameif reports\n")
    done = run("render", "site.yaml", "--change", "--format", "json")
    point = done.document["points"][0]
    assert (done.status, point["verdict"], point["steps"]) == (1, "stuck", [])
    assert {one["because"]["text"] for one in point["remaining"]} == {"shutdown"}


def test_a_deliberate_denial_stays(broken):
    """Of a flow that is denied in part on purpose only the rest is mended."""
    site = broken(old="access-list users_in extended permit tcp object staff-net object fe01 eq https \n", new="")
    deny = "access-list users_in extended deny tcp host 10.10.9.9 object fe01 eq https\n"
    edit(Path("core-fw.cfg"), "access-list users_in extended deny ip any any log", deny.strip() + "\n" + _DENY)
    text = site.read_text(encoding="utf-8")
    entry = 'except:\n  - {flow: "tcp 10.10.9.9 > fe01:443", reason: quarantine, owner: soc}\n'
    site.write_text(text + entry, encoding="utf-8")
    change = change_of("core-fw")
    assert (len(change.steps), change.proof.failures, change.remaining) == (1, (), ())
    after = change.after.split("\n")
    permit = next(n for n, line in enumerate(after) if "staff-net object fe01 eq 443" in line)
    assert permit > after.index(deny.strip())


_DENY = "access-list users_in extended deny ip any any log"


# The command


def test_a_configuration_of_ones_own_is_changed(broken):
    """`--against` names it; with one point chosen the file alone will do."""
    broken("fetch-808-blocked")
    Path("running.cfg").write_text(Path("core-fw.cfg").read_text(encoding="utf-8"), encoding="utf-8")
    one = run("render", "site.yaml", "--against", "core-fw=running.cfg", "--format", "json")
    other = run("render", "site.yaml", "--point", "core-fw", "--against", "running.cfg", "--format", "json")
    assert one.document == other.document
    assert [point["file"] for point in one.document["points"]] == ["running.cfg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--against", "core-fw.cfg"], "write POINT=FILE"),
        (["--against", "edge=core-fw.cfg"], "--against edge=core-fw.cfg: is no POINT=FILE of this site"),
        (["--change", "--optional"], "are for whole configurations"),
        (["--change", "--platform", "nftables"], "are for whole configurations"),
        (["--format", "json"], "is for changes"),
        (["--against", "data-fw=listing.json"], "not against JSON"),
    ],
)
def test_wrong_options_are_refused(broken, options, message):
    """With status 2 and what would be right."""
    broken()
    Path("listing.json").write_text('{"nftables": [{"table": {"family": "ip", "name": "t"}}]}', encoding="utf-8")
    done = run("render", "site.yaml", *options)
    assert done.status == 2
    assert message in done.err + done.out


def test_three_files_are_written(broken):
    """The commands with what they are for, the way back, and the configuration as it is then; none is overwritten."""
    broken("fetch-808-blocked")
    assert run("render", "site.yaml", "--change", "-o", "new").status == 0
    assert sorted(path.name for path in Path("new").iterdir()) == [
        "core-fw.after.cfg",
        "core-fw.change.cfg",
        "core-fw.rollback.cfg",
    ]
    assert "! crm.fetch-report\n" in Path("new/core-fw.change.cfg").read_text(encoding="utf-8")
    assert run("render", "site.yaml", "--change", "-o", "new").status == 2


# Fixes of findings


@pytest.mark.parametrize("fault", [*FAULTS])
def test_each_serious_finding_of_a_fault_has_a_fix(broken, fault):
    """Which was seen to close it; what hangs on it is closed by the same."""
    broken(fault)
    plan, readings = load("site.yaml", (), None)
    report = Check(plan, readings).run()
    found = fixes(report, plan, readings)
    assert found.keys() == {finding.id for finding in report.findings if finding.kind != "undecided"}
    assert all(found.values())


# The kernel


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "ct state vmap { invalid : jump log_invalid, established : accept, related : accept }",
            "ct state invalid drop",
        ),
        (
            "10.40.0.11 . 10.30.0.21 . 1433,\n\t\t\t     10.40.0.11 . 10.30.0.22 . 1433",
            "10.40.0.11 . 10.30.0.21 . 1433",
        ),
        ("elements = { 10.30.0.21, 10.30.0.22 }", "elements = { 10.30.0.21 }"),
        ('\t\ttcp dport 3389 counter packets 4926 bytes 729048 accept comment "Remote Desktop"\n', ""),
        ("ip saddr . ip daddr . tcp dport @sql_clients", "tcp dport 1433"),
    ],
)
def test_the_kernel_goes_there_and_back(broken, old, new):
    """The files are loaded with nft: the ruleset is then the predicted one, and afterwards the old one again."""
    broken(None, "data-fw.nft", old, new)
    plan, readings = load("site.yaml", (), None)
    [change] = changes(plan, readings, ["data-fw"], tighten=True)
    assert change.steps
    common = Common.of(readings["data-fw"].configuration, plan, "data-fw")

    def stand(text):
        return Stand(plan, "data-fw", text, common)

    there, back = (listed(change.before, *files) for files in _loaded(change))
    assert same(stand(there), stand(change.after))
    assert same(stand(back), stand(change.before))


def _loaded(change):
    files = change.files
    there = (files["data-fw.change.nft"],)
    return there, (*there, files["data-fw.rollback.nft"])


def listed(*texts):
    """The ruleset of a new network namespace after these files."""
    for number, text in enumerate(texts):
        Path(f"{number}.nft").write_text(text, encoding="utf-8")
    script = " && ".join([*(f"nft -f {number}.nft" for number in range(len(texts))), "nft list ruleset"])
    return subprocess.run(["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, check=True).stdout
