"""What a careful person asks about a site's own words: entries that cover everything, configurations mixed up."""

import pytest
from tests.cli.running import line_of

SQL_REPORT = "crm.sql-report/ssrs01>sql01"
TOO_WIDE = '\t\tip saddr 10.20.0.0/24 counter accept comment "migration"\n\t\tip saddr @admins jump'
OPEN = '\t\tcounter packets 1 bytes 60 accept comment "migration"\n\t\tip saddr @admins jump'


def warnings(done):
    return [one["message"] for one in done.findings("lint")]


@pytest.mark.parametrize(
    ("key", "flow"),
    [
        ("accept", "any any > any"),
        ("accept", "tcp any > any"),
        ("accept", "tcp any > any:443"),
        ("accept", "any 0.0.0.0/0 > 0.0.0.0/0"),
        ("accept", "icmpv6 any > ::/0"),
        ("except", "udp any > any"),
    ],
)
def test_an_entry_from_anywhere_to_anywhere_is_told(f6, key, flow):
    """The answer stays what the entry makes of it; the warning says what it is worth, and at which line."""
    f6.say(key, f'{{flow: "{flow}", reason: later, owner: net}}')
    done = f6.check()
    assert done.status == 0
    [lint] = done.findings()
    assert (lint["kind"], lint["severity"], lint["id"]) == ("lint", "warning", f"lint:{key}/{flow}")
    assert lint["place"] == f"site.yaml:{line_of(f6.site, 'reason: later')}"
    assert f"'{key}', {flow}, goes from anywhere to anywhere" in lint["message"]


@pytest.mark.parametrize("flow", ["any app > any", "icmp any > sql01", "any 0.0.0.0/1 > any", "tcp staff > data"])
def test_an_entry_with_an_end_is_no_matter(f6, flow):
    """Somebody thought about it."""
    f6.say("accept", f'{{flow: "{flow}", reason: later, owner: net}}')
    assert f6.check().findings() == []


def test_an_entry_that_answers_for_a_rule_from_anywhere_to_anywhere_is_told(f6):
    """It names the rule and the entry."""
    f6.edit(f6.data, "\t\tip saddr @admins jump", OPEN)
    f6.say("accept", '{at: data-fw, rule: "migration", reason: later, owner: net}')
    done = f6.check()
    assert done.status == 0
    [lint] = done.findings("lint")
    assert lint["decided_by"]["line"] == line_of(f6.data, "migration")
    assert lint["place"] == f"site.yaml:{line_of(f6.site, 'reason: later')}"


def test_an_entry_that_answers_for_a_narrower_rule_is_not(f6):
    """A rule with a source is not open to everybody."""
    f6.edit(f6.data, "\t\tip saddr @admins jump", TOO_WIDE)
    f6.say("accept", '{at: data-fw, rule: "migration", reason: later, owner: net}')
    assert warnings(f6.check()) == []


@pytest.mark.parametrize("hostname", ["data-fw", "DATA-FW", "data-fw01", "datafw"])
def test_a_configuration_of_another_point_is_told(f6, hostname):
    """core-fw has a file whose device has the other point's name."""
    f6.edit(f6.core, "hostname core-fw", f"hostname {hostname}")
    done = f6.check()
    assert done.status == 0
    [lint] = done.findings()
    assert lint["message"] == (
        f"core-fw: its configuration calls itself {hostname}, which looks like data-fw: were the files mixed up?"
    )
    assert lint["id"] == f"lint:core-fw:hostname {hostname}"
    assert lint["decided_by"]["line"] == line_of(f6.core, f"hostname {hostname}")


@pytest.mark.parametrize("hostname", ["core-fw", "CORE-FW-1", "corefw", "asa5516", "fw"])
def test_a_configuration_by_its_own_name_or_none_of_the_site_is_no_matter(f6, hostname):
    """Devices have names that nobody uses on paper."""
    f6.edit(f6.core, "hostname core-fw", f"hostname {hostname}")
    assert f6.check().findings() == []


def test_the_most_alike_name_counts(f6):
    """Of points that are numbered, the one whose whole name it is."""
    text = f6.site.read_text(encoding="utf-8").replace("data-fw:", "core-fw10:").replace("data-fw]", "core-fw10]")
    f6.site.write_text(text, encoding="utf-8")
    f6.edit(f6.core, "hostname core-fw", "hostname core-fw10")
    assert [one["id"] for one in f6.check().findings()] == ["lint:core-fw:hostname core-fw10"]


def test_a_configuration_without_a_name_is_no_matter(f6):
    """The line may be missing."""
    f6.edit(f6.core, "hostname core-fw\n", "")
    assert f6.check().findings() == []


def test_a_flow_that_two_points_stop_is_told_with_both(f6):
    """Each finding says which of the two it is about, so that nobody mends one and wonders."""
    above = "access-list reports_in remark CRM-0113"
    f6.edit(f6.core, above, f"access-list reports_in extended deny tcp any host 10.30.0.21 eq 1433\n{above}")
    [alone] = [one for one in f6.check().findings("missing") if one["flow"] == SQL_REPORT]
    assert alone["message"].endswith("cannot reach sql01 on tcp 1433")
    above = "ct state vmap { invalid : jump log_invalid, established : accept"
    f6.edit(f6.data, above, f"ip saddr 10.40.0.11 ip daddr 10.30.0.21 drop\n\t\t{above}")
    both = [one for one in f6.check().findings("missing") if one["flow"] == SQL_REPORT]
    assert [(one["point"], one["message"].partition(" on tcp 1433 ")[2]) for one in both] == [
        ("core-fw", "(at core-fw, and also stopped at data-fw)"),
        ("data-fw", "(at data-fw, and also stopped at core-fw)"),
    ]


def test_an_interface_without_a_zone_is_named(f6):
    """Whatever may come in there, no zone of the site is behind it, so nothing of it is judged."""
    f6.edit(f6.core, "interface GigabitEthernet0/0\n", UPLINK)
    [note] = [one for one in f6.check().findings("note") if "no zone" in one["message"]]
    assert note["message"] == (
        "core-fw: the site puts no zone behind interface uplink; what may come in there is not judged"
    )


UPLINK = """interface GigabitEthernet0/7
 nameif uplink
 security-level 0
 ip address 203.0.113.2 255.255.255.0
!
interface GigabitEthernet0/0
"""
