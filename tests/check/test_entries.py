"""What the site file says beside the configurations: accept, except, assume, expiry, paths, points, interfaces."""

import pytest
from tests.cli.running import line_of

TOO_WIDE = '\t\tip saddr 10.20.0.0/24 counter accept comment "migration"\n\t\tip saddr @admins jump'
FAR = "until: 2030-12-31"


def too_wide(f6):
    """A rule of data-fw that permits everything from the front end's network to the SQL Servers."""
    return f6.edit(f6.data, "\t\tip saddr @admins jump", TOO_WIDE)


def unknown_words(f6):
    """A deny of core-fw that nobody understands, above the rules for reports."""
    rule = "access-list reports_in remark CRM-0113"
    return f6.edit(f6.core, rule, f"access-list reports_in extended deny tcp any any payload-class X\n{rule}")


# ---------------------------------------------------------------------- accept


def test_an_accepted_flow_is_no_excess(f6):
    """Somebody answers for every packet that the rule lets pass."""
    too_wide(f6).say("accept", '{flow: "any app > data", reason: migration, owner: dba}')
    assert f6.check().status == 0


def test_a_rule_is_accepted_by_its_text(f6):
    """`rule` names a rule of a point by a part of it."""
    too_wide(f6).say("accept", '{at: data-fw, rule: "migration", reason: migration, owner: dba}')
    assert f6.check().status == 0


def test_a_rule_is_accepted_by_the_remark_above_it(f6):
    """On an ASA, people write the reason in a remark before the rule."""
    rule = "access-list app_in remark CRM-0112"
    permit = "access-list app_in extended permit tcp object fe01 object dc01 eq lpd"
    text = f"access-list app_in remark CHG-7 printers\n{permit}\n"
    f6.edit(f6.core, rule, text + rule)
    assert f6.check().status == 1
    f6.say("accept", '{at: core-fw, rule: "CHG-7", reason: printers, owner: net}')
    assert f6.check().status == 0


def test_an_accept_for_another_point_does_not_count(f6):
    """The rule stands at data-fw."""
    too_wide(f6).say("accept", '{at: core-fw, rule: "migration", reason: migration, owner: dba}')
    assert [one["kind"] for one in f6.check().findings()] == ["excess"]


@pytest.mark.parametrize(("today", "kinds"), [("2026-06-30", []), ("2026-07-01", ["excess", "expired"])])
def test_an_accept_holds_through_its_last_day(f6, today, kinds):
    """`until` is inclusive; a day later the entry is a finding, and what it covered is excess again."""
    too_wide(f6).say("accept", '{flow: "any app > data", reason: migration, owner: dba, until: 2026-06-30}')
    done = f6.check("--today", today)
    assert sorted(one["kind"] for one in done.findings()) == kinds
    assert done.status == (1 if kinds else 0)


def test_an_expired_entry_names_its_line_and_owner(f6):
    """The message has the last day, the reason and the owner; the place is the line of the site file."""
    f6.say("accept", '{flow: "tcp app > dc01:80", reason: trial, owner: anna, until: 2026-01-31}')
    [expired] = f6.check().findings()
    assert "2026-01-31: trial, anna answers for it" in expired["message"]
    assert expired["place"] == f"site.yaml:{line_of(f6.site, 'reason: trial')}"


# ---------------------------------------------------------------------- except


def test_a_deliberate_deny_inside_a_required_flow_is_no_finding(f6):
    """A quarantined client need not reach CRM; all other clients still must."""
    rule = "access-list users_in remark CRM-0118"
    f6.edit(f6.core, rule, f"access-list users_in extended deny ip host 10.10.9.9 any\n{rule}")
    assert {one["witness"].split()[1].partition(":")[0] for one in f6.check().findings("missing")} == {"10.10.9.9"}
    f6.say("except", '{flow: "any 10.10.9.9 > any", reason: quarantine, owner: soc}')
    done = f6.check()
    assert done.status == 0
    assert "any 10.10.9.9 > any is denied on purpose and not required (quarantine, soc)" in done.document["assumptions"]


def test_an_expired_exception_excuses_nothing(f6):
    """The deny is a missing flow again."""
    rule = "access-list users_in remark CRM-0118"
    f6.edit(f6.core, rule, f"access-list users_in extended deny ip host 10.10.9.9 any\n{rule}")
    f6.say("except", '{flow: "any 10.10.9.9 > any", reason: quarantine, owner: soc, until: 2026-05-31}')
    assert {"missing", "expired"} == {one["kind"] for one in f6.check().findings()}


# ---------------------------------------------------------------------- assume


def test_an_assumed_line_decides_nothing_and_is_reported(f6):
    """Somebody vouches for the line that is not understood; the report lists it with reason and owner."""
    unknown_words(f6)
    assert f6.check().status == 3
    line = line_of(f6.core, "payload-class")
    f6.say("assume", f"{{at: core-fw, line: {line}, reason: asked the vendor, owner: net}}")
    done = f6.check()
    assert done.status == 0
    assert f"at core-fw line {line} decides nothing (asked the vendor, net)" in done.document["assumptions"]
    assert done.findings() == []


def test_a_way_without_a_firewall_is_said(f6):
    """Nothing is judged there, so the report says on whose word."""
    users, apps = "[users, app, reports, core, admin]", "[app, reports, core, admin]"
    f6.edit(f6.site, f"between: [{users}, {users}], through: [core-fw]", f"between: [{users}, {apps}], through: []")
    assert "no firewall stands between app and users" in f6.check().document["assumptions"]


def test_an_entry_without_owner_says_its_reason_alone(f6):
    """No empty place is left for the name."""
    f6.say("except", '{flow: "any 10.10.9.9 > any", reason: quarantine}')
    assert any(text.endswith(" (quarantine)") for text in f6.check().document["assumptions"])


def test_an_assumed_pattern_stands_for_all_its_lines(f6):
    """By text instead of by line."""
    unknown_words(f6).say("assume", "{at: core-fw, pattern: payload-class, reason: asked the vendor, owner: net}")
    assert f6.check().status == 0


def test_an_assumption_cannot_wish_a_known_deny_away(f6):
    """Only what is not understood can be vouched for: a deny that is understood still blocks."""
    rule = "access-list reports_in remark CRM-0113"
    f6.edit(f6.core, rule, f"access-list reports_in extended deny tcp any 10.20.0.0 255.255.255.0\n{rule}")
    f6.say("assume", "{at: core-fw, pattern: deny tcp any 10.20.0.0, reason: hope, owner: net}")
    assert "missing" in {one["kind"] for one in f6.check().findings()}


ASSUMED = "{at: data-fw, rate-limits: not-exceeded, reason: measured, owner: net}"
SQL = "ip saddr . ip daddr . tcp dport @sql_clients counter"


@pytest.mark.parametrize(
    ("limited", "status"),
    [
        ("limit rate 100/second ", 0),
        ("limit rate over 100/second ", 3),  # passes only what exceeds it
        ("meta cpu 1 ", 3),  # no rate
        ('meta iifgroup "a rate limit: x" ', 3),
    ],
)
def test_rates_are_assumed_not_to_be_exceeded(f6, limited, status):
    """Without the assumption undecided; with it, only a limit within its rate surely matches."""
    f6.edit(f6.data, SQL, SQL.replace("counter", f"{limited}counter"))
    assert f6.check().status == 3
    assert f6.say("assume", ASSUMED).check().status == status


def test_an_expired_assumption_leaves_the_line_open(f6):
    """Undecided again, and expired."""
    unknown_words(f6).say(
        "assume", "{at: core-fw, pattern: payload-class, reason: asked, owner: net, until: 2026-05-31}"
    )
    assert {"undecided", "expired"} == {one["kind"] for one in f6.check().findings()}


# ---------------------------------------------------------------------- components, paths, points


def test_a_required_component_that_nobody_placed_is_a_finding(f6):
    """An absence must be said, or it is an error."""
    f6.without("absent")
    unplaced = f6.check().findings("unplaced")
    assert [one["id"] for one in unplaced] == ["unplaced:time/source"]


def test_no_declared_path_is_undecided(f6):
    """Nothing is passed for want of a path: the zones are named, once for each two."""
    old = "[[users, app, reports, core, admin], data], through"
    done = f6.edit(f6.site, old, old.replace("app, ", "")).without("tests").check()
    assert done.status == 3
    assert [one["id"] for one in done.findings()] == ["undecided:path/app>data"]
    assert 0 < done.document["summary"]["undecided"] < 10


def test_ends_without_a_common_ip_version_are_undecided(f6):
    """No packet can go from one to the other, so there is nothing to prove."""
    f6.edit(f6.site, "addresses: [10.40.0.11]", 'addresses: ["fd00:40::11"]')
    f6.edit(f6.site, "networks: [10.40.0.0/24]", 'networks: ["fd00:40::/64"]').without("tests")
    done = f6.check()
    assert done.status == 3
    assert (
        done.document["summary"]["proved"] + done.document["summary"]["undecided"]
        == done.document["summary"]["required"]
    )
    assert done.document["summary"]["undecided"] > 10


def test_a_point_without_configuration_is_undecided(f6):
    """Every flow across it is, and the finding says why once."""
    f6.edit(f6.site, "    config: data-fw.nft\n", "")
    done = f6.check()
    assert done.status == 3
    [about_flows] = [one for one in done.findings() if one["requirements"]]
    assert about_flows["point"] == "data-fw"
    assert "no configuration of this point is given" in about_flows["message"]
    assert done.document["summary"]["undecided"] > 20


def test_a_point_that_no_flow_crosses_is_undecided_without_configuration(f6):
    """What it permits is not known, so the site is not proved."""
    f6.edit(f6.site, "enforcement:\n", "enforcement:\n  edge-fw: {platform: nftables}\n")
    done = f6.check()
    assert done.status == 3
    assert [(one["kind"], one["point"]) for one in done.findings()] == [("undecided", "edge-fw")]


# ---------------------------------------------------------------------- platforms and interfaces


def test_an_interface_that_the_configuration_lacks_is_an_input_problem(f6):
    """An ASA declares its interfaces: a name that it does not have is a slip in the site file."""
    f6.edit(f6.site, "{users: users, app: app,", "{users: users, app: aqq,")
    done = f6.check()
    [error] = done.document["errors"]
    assert done.status == 2
    assert (error["file"], error["line"]) == ("site.yaml", line_of(f6.site, "platform: cisco-asa"))
    assert error["path"] == "enforcement.core-fw.interfaces.app"
    assert error["message"] == "core-fw.cfg has no interface 'aqq'"
    assert error["hint"] == "known: admin, app, core, reports, transit, users"


def test_an_interface_that_a_ruleset_does_not_mention_is_any_other(f6):
    """nftables declares no interfaces: packets of one that it does not mention meet the rules for all the others."""
    f6.edit(f6.site, "{data: eth1, users: eth0,", "{data: eth1, users: eth7,")
    done = f6.check()
    assert done.status == 0  # no user needs the SQL Servers, and the ruleset lets nothing of eth7 pass
    f6.edit(f6.site, "{data: eth1,", "{data: eth9,")
    assert {one["point"] for one in f6.check().findings("missing")} == {"data-fw"}


def test_a_platform_that_cannot_be_read_is_an_input_problem(f6):
    """The line of the point, and the platforms there are."""
    f6.edit(f6.site, "platform: nftables", "platform: nftabels")
    [error] = f6.check().document["errors"]
    assert (error["file"], error["line"]) == ("site.yaml", line_of(f6.site, "nftabels"))
    assert "nftabels" in error["message"]
    assert "nftables" in error["hint"]


# ---------------------------------------------------------------------- ways back, translations


def test_replies_around_a_stateful_point_are_found(f6):
    """data-fw never sees the replies: to it, what follows the first packet is invalid, and it drops that."""
    old = "{between: [[users, app, reports, core, admin], data], through: [core-fw, data-fw]}"
    new = "{from: [users, app, reports, core, admin], to: data, through: [core-fw, data-fw], back: [core-fw]}"
    back = "{from: data, to: [users, app, reports, core, admin], through: [data-fw, core-fw]}"
    f6.edit(f6.site, old, f"{new}\n  - {back}")
    done = f6.check()
    assert done.status == 1
    bypassed = done.findings("reply-bypasses")
    assert {one["point"] for one in bypassed} == {"data-fw"}
    assert "crm.sql-report/ssrs01>sql01" in {one["flow"] for one in bypassed}
    assert all("state invalid" in one["witness"] for one in bypassed)


def test_a_translation_that_the_site_declares_is_not_ignored(f6):
    """Users send to the address that is translated, and the filter sees what it becomes."""
    f6.say("nat", '{at: core-fw, from: users, to: "192.0.2.10:443", becomes: "fe01:443"}')
    assert f6.check().status == 0
    f6.edit(f6.core, "object staff-net object fe01 eq https", "object staff-net object fe01 eq www")
    missing = {one["flow"]: one for one in f6.check().findings("missing")}
    assert "> 192.0.2.10:443" in missing["crm.web/staff>fe01"]["witness"]


@pytest.mark.parametrize(
    ("kinds", "status"), [("missing", 0), ("excess", 1), ("missing,excess", 1), ("undecided", 0), ("shadowed", 0)]
)
def test_fail_on_chooses_what_counts(f6, kinds, status):
    """The findings are told all the same; only the exit status changes."""
    too_wide(f6)
    done = f6.check("--fail-on", kinds)
    assert done.status == status
    assert done.document["verdict"] == "findings"


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["missing", "excess"], 1),
        (["excess", "missing"], 1),
        (["missing,undecided", "shadowed"], 0),
        (["errors"], 1),
        (["warnings", "notes"], 0),
        (["undecided", "errors"], 1),
    ],
    ids=str,
)
def test_fail_on_may_be_said_again(f6, options, status):
    """All that are named count, whatever the order; `errors` stands for every kind that is one."""
    too_wide(f6)
    assert f6.check(*(word for one in options for word in ("--fail-on", one))).status == status


def test_fail_on_refuses_a_kind_that_there_is_not(f6):
    """A misspelled kind would never fail."""
    done = f6.check("--fail-on", "mising")
    assert done.status == 2
    assert "there is no kind 'mising'" in done.document["errors"][0]["message"]


def test_a_point_on_no_path_is_undecided(f6):
    """Either it stops nothing of the site, or a path lacks it."""
    f6.edit(f6.site, "through: [core-fw, data-fw]", "through: [core-fw]")
    done = f6.check()
    assert (done.status, done.document["verdict"]) == (3, "undecided")
    [finding] = done.document["findings"]
    assert finding["message"] == "no path of the site crosses data-fw, so that what must pass it is not judged"


def test_an_unknown_interface_is_named_as_the_cause(f6):
    """The lines are all understood: it is the site file that does not say enough."""
    f6.edit(f6.site, "interfaces: {data: eth1, users: eth0", "interfaces: {users: eth0")
    done = f6.check()
    assert done.status == 3
    messages = [finding["message"] for finding in done.findings("undecided")]
    assert any("the site does not say behind which of its interfaces the zones lie" in text for text in messages)
    assert not any("hang on a line" in text for text in messages)


VIRTUAL = "virtual:\n  vip: {address: 10.20.0.99, port: 443, mode: nlb, members: [fe01], services: [crm/web]}\n"


@pytest.fixture
def vip(f6):
    """Users reach the front end by a virtual address, and core-fw permits that."""
    f6.site.write_text(f6.site.read_text(encoding="utf-8") + "\n" + VIRTUAL, encoding="utf-8")
    f6.edit(f6.core, "object network ssrs01\n", "object network vip\n host 10.20.0.99\nobject network ssrs01\n")
    return f6.edit(f6.core, "object staff-net object fe01 eq https", "object staff-net object vip eq https")


def test_a_virtual_address_in_the_zone_of_its_members_is_proved(vip):
    """The packets end there."""
    assert vip.check().status == 0


@pytest.mark.parametrize(
    ("mode", "flow", "sender"),
    [("dnat", "crm.web/staff>vip>fe01", "10.10.0."), ("snat", "crm.web/vip>fe01", "10.10.200.99")],
)
def test_the_way_on_from_a_virtual_address_is_judged(vip, mode, flow, sender):
    """To each member: with the clients' addresses, or with the load balancer's own."""
    vip.edit(vip.site, "mode: nlb", f"mode: {mode}").say("tests", "allow: tcp staff > vip:443")
    assert vip.check().status == 0  # no firewall stands between the address and its member
    vip.edit(vip.site, "address: 10.20.0.99", "address: 10.10.200.99")  # now one does
    done = vip.check()
    [missing] = done.findings("missing")
    assert (missing["flow"], missing["point"]) == (flow, "core-fw")
    assert missing["witness"].startswith(f"tcp {sender}")
    assert missing["breaks"]
    assert len(done.findings("assertion")) == 1


def test_connections_end_at_a_proxy(vip):
    """What follows are requirements of their own, so nothing goes on from its address."""
    vip.edit(vip.site, "mode: nlb", "mode: proxy").edit(vip.site, "address: 10.20.0.99", "address: 10.10.200.99")
    assert vip.check().findings("missing", "undecided") == []


@pytest.mark.parametrize("mode", ["nlb", "dsr"])
def test_the_firewall_of_a_member_is_crossed(vip, mode):
    """Packets to the virtual address arrive at a member, whose own firewall must let them in."""
    vip.edit(vip.site, "mode: nlb", f"mode: {mode}").say("tests", "allow: tcp staff > vip:443")
    rules = "ct state established,related accept\ntcp dport { 808, 3389, 5985 } accept\n"
    chain = f"chain input {{ type filter hook input priority 0; policy drop;\n{rules}}}"
    (vip.site.parent / "fe01.nft").write_text(f"table inet f {{\n{chain}\n}}\n", encoding="utf-8")
    vip.edit(vip.site, "enforcement:\n", "enforcement:\n  fe01-fw: {platform: nftables, config: fe01.nft, on: fe01}\n")
    done = vip.check()
    [missing] = done.findings("missing")
    assert (missing["point"], missing["flow"]) == ("fe01-fw", "crm.web/staff>vip")
    [test] = done.findings("assertion")
    assert test["decided_by"]["point"] == "fe01-fw"


def test_an_allow_does_not_hold_where_a_point_sees_one_direction(f6):
    """Its replies go around data-fw, which then blocks the rest of the connection."""
    both = "{between: [[users, app, reports, core, admin], data], through: [core-fw, data-fw]}"
    one = "{from: [users, app, reports, core, admin], to: data, through: [core-fw, data-fw], back: [core-fw]}"
    f6.edit(f6.site, f"  - {both}", f"  - {one}\n  - {{from: data, to: [core, admin], through: [data-fw, core-fw]}}")
    f6.say("tests", "allow: tcp fe01 > sql01:1433")
    [test] = f6.check().findings("assertion")
    assert "in one direction alone" in test["message"]


def test_a_route_that_contradicts_the_site_leaves_its_flows_undecided(f6):
    """The firewall itself would send the packets out of another interface than the site says."""
    wrong = "route admin 10.30.0.0 255.255.255.0 10.60.0.9 1\n"
    f6.edit(f6.core, "route transit 10.30.0.0 255.255.255.0 10.99.0.2 1\n", wrong)
    done = f6.check()
    assert (done.status, done.document["verdict"]) == (3, "undecided")
    says = ": its routes lead 10.30.0.21 to interface admin, and the site says transit"
    assert any(finding["message"].endswith(says) for finding in done.findings("undecided"))


def test_a_missing_route_is_the_site_s_to_know(f6):
    """Routing is as the site declares it, where the configuration says nothing else."""
    f6.edit(f6.core, "route transit 10.30.0.0 255.255.255.0 10.99.0.2 1\n", "")
    assert f6.check().status == 0
