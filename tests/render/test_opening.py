"""Changes that would open more than is needed: told, and made only where the platform has nothing narrower."""

import pytest

from portwright import platforms

_ASA = """ASA Version 9.16(4)
interface GigabitEthernet0/0
 nameif wan
 security-level {level}
 ip address 203.0.113.2 255.255.255.240
interface GigabitEthernet0/1
 nameif dmz
 security-level 50
 ip address 10.20.0.1 255.255.255.0
interface GigabitEthernet0/2
 nameif inside
 security-level {level}
 ip address 10.30.0.1 255.255.255.0
access-list wan_in extended permit tcp 198.51.100.0 255.255.255.0 host 10.20.0.11 eq 443
{entries}access-list wan_in extended deny ip any any
access-group wan_in in interface wan
{bound}route wan 0.0.0.0 0.0.0.0 203.0.113.1 1
: end
"""
_EQUAL = "same-security-traffic permit inter-interface"


def test_traffic_among_equals_is_permitted_where_a_flow_needs_it(shop):
    """The access lists go on to say what passes; the way back takes the command away."""
    text = _ASA.format(level=50, entries="", bound="access-group wan_in in interface inside\n")
    change = shop("", text.replace("access-group wan_in in interface inside\n", ""))
    assert change.commands == (_EQUAL,)
    assert change.rollback == (f"no {_EQUAL}",)
    assert (change.proof.failures, change.remaining) == ((), ())
    editor = platforms.editor(change.platform)
    assert editor.applied(change.after, change.rollback) == change.before


def test_what_else_passes_among_equals_is_told(shop):
    """Exactly; the flow itself is none of it."""
    entry = "access-list wan_in extended permit tcp host 198.51.100.9 host 10.20.0.11 eq 22\n"
    deny = "access-list none extended deny ip any any\n"
    bound = "access-group none in interface dmz\naccess-group none in interface inside\n"
    change = shop("", _ASA.format(level=50, entries=entry + deny, bound=bound))
    assert change.commands == (_EQUAL,)
    assert change.proof.opened == ("tcp 198.51.100.9 > web01:22 in wan",)
    assert set(change.proof.gained) == {"tcp 198.51.100.9 > web01:22 in wan", "tcp customers > web01:443 in wan"}


def test_a_test_of_the_site_is_not_broken_by_it(shop):
    """It is told what would be opened, and nothing is done."""
    entry = "access-list wan_in extended permit tcp host 198.51.100.9 host 10.20.0.11 eq 22\n"
    change = shop('tests:\n  - deny: "tcp internet > web01:22"\n', _ASA.format(level=50, entries=entry, bound=""))
    assert change.steps == ()
    [remaining] = change.remaining
    assert remaining.reason.startswith("what would let it pass here would also let pass ")
    assert "tcp 198.51.100.9 > web01:22" in remaining.reason
    assert remaining.reason.endswith("since it holds between all interfaces of equal security level")


@pytest.mark.parametrize(
    ("level", "told"),
    [(0, ""), (100, "what would let it pass here would also let pass tcp customers > web01:443 in inside")],
)
def test_an_entry_that_holds_for_other_interfaces_too_is_told(shop, level, told):
    """A list for what leaves an interface cannot say where packets come from: whoever forges their source gets in."""
    entries = "access-list dmz_out extended deny ip any any\n"
    text = _ASA.format(level=level, entries=entries, bound="access-group dmz_out out interface dmz\n")
    change = shop("", text)
    assert [one.reason for one in change.remaining] == ([told] if told else [])


def test_an_entry_of_a_global_list_goes_to_the_interface_where_it_would_open_more(shop):
    """Its own list is read first, and leaves the rest to the global one."""
    text = _ASA.format(level=0, entries="", bound="").replace("wan_in in interface wan", "wan_in global")
    text = text.replace(" host 10.20.0.11 eq 443", " host 10.20.0.11 eq 80")
    change = shop("", text)
    assert [step.edit.place for step in change.steps] == ["access-list wan_in-2, new, on interface wan"]
    assert change.commands[-1] == "access-group wan_in-2 in interface wan"
    assert (change.proof.failures, change.remaining) == ((), ())
    assert change.proof.gained == ("tcp customers > web01:443 in wan",)
