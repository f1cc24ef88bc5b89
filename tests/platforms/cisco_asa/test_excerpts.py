"""Excerpts: what a file leaves out is not known, and never taken for a fact."""

import pytest

from portwright.platforms import cisco_asa
from portwright.policy.difference import Comparison

ADDRESS = "ip address 10.1.0.1 255.255.255.0"
WHOLE = f"""\
ASA Version 9.16(4)
interface GigabitEthernet0/0
 nameif users
 security-level 0
 {ADDRESS}
interface GigabitEthernet0/1
 nameif app
 security-level 50
 {ADDRESS.replace("10.1", "10.2")}
access-list users_in extended permit tcp 10.1.0.0 255.255.255.0 host 10.2.0.5 eq 443
access-group users_in in interface users
"""


def read(text):
    return cisco_asa.parse(text, "fw.cfg")


@pytest.mark.parametrize("text", [WHOLE, WHOLE.replace(f" {ADDRESS}\n", "")])
def test_a_changed_rule_is_a_difference(text):
    """Also where the file does not say what lies behind an interface: packets may leave on any then."""
    assert Comparison(read(text), read(text.replace("eq 443", "eq 80"))).different


def test_routes_are_known_where_every_interface_has_an_address():
    """One without, and nobody knows what lies behind it."""
    assert read(WHOLE).routing_is_complete
    assert not read(WHOLE.replace(f" {ADDRESS}\n", "")).routing_is_complete
    assert read(WHOLE.replace(f" {ADDRESS}\n", " shutdown\n")).routing_is_complete
