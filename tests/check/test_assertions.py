"""The tests that a site states: `deny` holds when no packet passes, `allow` when all do, and neither without a path."""

import pytest
from tests.cli.running import rules


def outcome(f6, entry):
    """The kinds of findings that a test of the site brings, and the finding about it."""
    done = f6.say("tests", entry).check()
    found = done.findings()
    return done.status, [one["kind"] for one in found], found[0] if found else None


@pytest.mark.parametrize(
    "entry",
    [
        'deny: "tcp staff > sql01:1433"',
        'deny: "any staff > data"',
        'deny: "tcp any > ssrs01:445 at core-fw"',
        'allow: "tcp staff > fe01:443"',
        'allow: "tcp ssrs01 > sql02:1433"',
    ],
)
def test_what_is_so_holds(f6, entry):
    """No finding."""
    assert outcome(f6, entry)[:2] == (0, [])


@pytest.mark.parametrize(
    ("entry", "witness", "lines"),
    [
        ('deny: "tcp fe01 > sql01"', "tcp 10.20.0.11:40000 > 10.30.0.21:1433", ["core-fw.cfg", "data-fw.nft"]),
        ('deny: "tcp any > ssrs01:443"', "tcp 10.20.0.11:40000 > 10.40.0.11:443", ["core-fw.cfg"]),
        ('deny: "tcp sql01 > sql02:1433"', "tcp 10.30.0.21:40000 > 10.30.0.22:1433", []),  # no firewall between them
    ],
)
def test_a_deny_fails_on_one_packet_that_passes(f6, entry, witness, lines):
    """The packet is shown, and the rules that let it pass at each point."""
    status, kinds, finding = outcome(f6, entry)
    assert (status, kinds) == (1, ["assertion"])
    assert finding["witness"].startswith(witness)
    assert [rule["file"] for rule in rules(finding)] == lines
    assert finding["place"].startswith("site.yaml:")


@pytest.mark.parametrize(
    "entry",
    ['allow: "tcp staff > fe01:80"', 'allow: "tcp staff > fe01:443,444"', 'allow: "tcp app > ssrs01:443"'],
)
def test_an_allow_fails_when_some_packet_is_stopped(f6, entry):
    """All of it must pass; the rule that stops the rest is named."""
    status, kinds, finding = outcome(f6, entry)
    assert (status, kinds) == (1, ["assertion"])
    assert [(rule["point"], "deny" in rule["text"]) for rule in rules(finding)] == [("core-fw", True)]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ('deny: "tcp 192.0.2.1 > sql01:1433"', "lies in no zone"),
        ('allow: "tcp staff > 192.0.2.0/24:443"', "lies in no zone"),
        ('deny: "tcp staff > fe01:443 at data-fw"', "declares no path that crosses data-fw"),
    ],
)
def test_no_path_is_never_a_pass(f6, entry, says):
    """What the site does not declare cannot be tested, and that is an error."""
    status, kinds, finding = outcome(f6, entry)
    assert (status, kinds) == (1, ["assertion"])
    assert says in finding["message"]


def test_a_test_at_one_point_looks_at_that_point_alone(f6):
    """data-fw lets the front end reach sql01; whether core-fw does is another matter."""
    rule = "access-list app_in extended permit tcp object fe01 object sql01 eq 1433"
    f6.edit(f6.core, rule, rule.replace("permit", "deny"))
    f6.say("tests", 'allow: "tcp fe01 > sql01:1433 at data-fw"')
    assert f6.check().findings("assertion") == []


def test_a_line_not_understood_leaves_a_test_undecided(f6):
    """Neither that it holds nor that it fails."""
    rule = "access-list users_in extended deny ip any any"
    f6.edit(f6.core, rule, f"access-list users_in extended permit tcp any object sql01 eq 1433 payload-class X\n{rule}")
    tests = [one for one in f6.check().findings("undecided") if "a test of the site" in one["message"]]
    assert tests == []  # data-fw stops the packet whatever core-fw does
    f6.say("tests", 'deny: "tcp staff > sql01:1433 at core-fw"')
    [finding] = [one for one in f6.check().findings("undecided") if "a test of the site" in one["message"]]
    assert "payload-class" in finding["decided_by"]["text"]


def test_a_deny_holds_for_every_address_of_the_destination(f6):
    """Whoever sends to the translated address reaches the host as well."""
    static = "object network fe01\n nat (app,users) static 10.10.255.10\n"
    f6.edit(f6.core, "access-group users_in", static + "access-group users_in")
    f6.say("tests", 'deny: "tcp staff > fe01:3389"')
    assert f6.check().findings("assertion", "undecided") == []
    rule = "access-list users_in extended deny ip any any"
    f6.edit(f6.core, rule, f"access-list users_in extended permit tcp any object fe01 eq 3389\n{rule}")
    [finding] = f6.check().findings("assertion")
    assert "> 10.10.255.10:3389" in finding["witness"]
    assert finding["decided_by"]["text"].endswith("permit tcp any object fe01 eq 3389")


def test_a_point_without_configuration_leaves_tests_undecided(f6):
    """Nothing is known of what it lets pass."""
    f6.edit(f6.site, "    config: data-fw.nft\n", "")
    found = [one for one in f6.check().findings() if "a test of the site" in one["message"]]
    assert {one["kind"] for one in found} == {"undecided"}
