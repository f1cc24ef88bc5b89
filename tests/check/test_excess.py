"""Excess has a universe: what can arrive on an interface and has something of the site at one end."""

import pytest

STRANGERS = "extended permit tcp 10.50.0.128 255.255.255.128 10.60.0.128 255.255.255.128 eq 22"
FIRST = {"users_in": "CRM-0118", "app_in": "CRM-0118", "core_in": "CRM-0140"}  # remark above the first rule
INTERNET = """\
interface GigabitEthernet0/9
 nameif net
 security-level 0
 ip address 203.0.113.1 255.255.255.0
!
"""


def permit(f6, rule, access_list="users_in"):
    """Put a rule before the first one of an access list of core-fw."""
    first = f"access-list {access_list} remark {FIRST[access_list]}"
    return f6.edit(f6.core, first, f"access-list {access_list} {rule}\n{first}")


def with_internet(f6, rule, translation=""):
    """Give core-fw an interface toward the rest of the world, with a rule of its own."""
    admin = "  admin:   {networks: [10.60.0.0/24]}\n"
    f6.edit(f6.site, admin, admin + "  net: {rest: true}\n")
    f6.edit(f6.site, "admin: admin, data: transit", "admin: admin, data: transit, net: net")
    f6.edit(f6.core, "interface GigabitEthernet0/0\n", INTERNET + "interface GigabitEthernet0/0\n")
    users = "access-group users_in in interface users\n"
    f6.edit(f6.core, users, f"access-list net_in {rule}\n{translation}access-group net_in in interface net\n{users}")
    return f6


def test_what_strangers_may_do_among_themselves_is_counted(f6):
    """Neither end is declared: not judged, and said so; `--all` judges it."""
    permit(f6, STRANGERS, "core_in")
    done = f6.check()
    assert done.status == 0
    assert done.document["summary"]["not_judged"] == 1
    everything = f6.check("--all")
    assert everything.status == 1
    assert [one["decided_by"]["text"].endswith(STRANGERS) for one in everything.findings("excess")] == [True]
    assert everything.document["summary"]["not_judged"] == 0


@pytest.mark.parametrize(
    "rule",
    [
        "extended permit tcp object staff-net 10.60.0.128 255.255.255.128 eq 22",  # from a declared group
        "extended permit tcp any object sql01 eq 1433",  # to a declared host
        "extended permit udp object staff-net object dc01 eq 1434",
    ],
)
def test_a_declared_end_is_judged(f6, rule):
    """One finding for the rule, however many pairs of hosts it opens."""
    done = permit(f6, rule).check()
    [excess] = done.findings("excess")
    assert excess["decided_by"]["text"].endswith(rule)
    assert done.document["summary"]["excess"] == 1


def test_sources_that_cannot_arrive_on_the_interface_are_no_excess(f6):
    """Nobody behind `users` has an address of the data zone."""
    assert permit(f6, "extended permit tcp 10.30.0.0 255.255.255.0 object dc01 eq 9999").check().status == 0


def test_anybody_may_arrive_from_the_rest_of_the_world(f6):
    """On the side of the Internet every source address can arrive, also one that the site uses elsewhere."""
    with_internet(f6, "extended permit tcp 10.30.0.0 255.255.255.0 object dc01 eq 9999")
    [excess] = f6.check().findings("excess")
    assert " in net " in excess["witness"]


def test_a_flow_of_another_phase_is_labelled(f6):
    """What only setup needs is excess in daily work, and named."""
    permit(f6, "extended permit udp object fe01 object sql01 eq 1434", "app_in")
    messages = [one["message"] for one in f6.check().findings("excess")]
    assert len(messages) == 1
    assert "setup" in messages[0]


def test_what_a_translation_opens_is_excess(f6):
    """A packet to the public address reaches the host, and the rule that lets it pass speaks of the real one."""
    translation = "object network fe01\n nat (app,net) static 203.0.113.10\n"
    with_internet(f6, "extended permit tcp any object fe01 eq 3389", translation)
    done = f6.check()
    [excess] = done.findings("excess")
    assert "> 203.0.113.10:3389" in excess["witness"]
    assert excess["decided_by"]["text"].endswith("extended permit tcp any object fe01 eq 3389")


def test_what_the_routes_lead_elsewhere_is_not_open(f6):
    """An address of the firewall itself is in the zone of the rest, and yet no packet for it leaves there."""
    f6.edit(f6.site, "zones:\n", "zones:\n  net: {rest: true}\n")
    f6.edit(f6.site, "interfaces: {users: users,", "interfaces: {net: users, users: users,")
    assert f6.check().findings() == []
