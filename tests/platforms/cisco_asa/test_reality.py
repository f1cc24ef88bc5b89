"""Where a configuration looks as though packets passed, and a device does not let them: tables in packet notation.

Line 1 of the lines given is line 15 of the file (see conftest).
"""

import pytest

LIST = "access-list a extended permit tcp any any eq 80\naccess-group a in interface outside\n"
WEB = "tcp 8.8.8.8 > 10.0.0.5:80 in outside out inside"


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ("", "accept"),
        ("no access-list a extended permit tcp any any eq 80", "undecided"),
        ("no access-list a", "undecided"),
        ("no access-group a in interface outside", "undecided"),
        ("clear configure access-list a", "undecided"),
        ("no access-list b extended permit tcp any any eq 80", "accept"),  # it was never there
        ("no service-policy global_policy global", "accept"),
        ("no sysopt connection permit-vpn", "accept"),
        ("access-list a line 1 extended deny ip any any", "undecided"),
        ("access-list a line 1 remark the first", "undecided"),
        ("access-list a line 2 extended deny ip any any", "accept"),
    ],
)
def test_what_a_change_takes_back(later, expected, behind):
    """A change behind a running-config is no part of one: what it takes back or puts in front is not worked out."""
    assert behind(f"{LIST}{later}").decision(WEB) == expected


def test_the_numbers_of_a_shown_access_list_are_in_order(behind):
    """A group's entries come under one number."""
    shown = """\
access-list a line 1 remark web
access-list a line 2 extended permit tcp any object-group servers eq 80 0x1a2b3c4d
access-list a line 2 extended permit tcp any host 10.0.0.5 eq 80 (hitcnt=3) 0x1a2b3c4e
access-list a line 2 extended permit tcp any host 10.0.0.6 eq 80 (hitcnt=0) 0x1a2b3c4f
access-list a line 3 extended deny ip any any (hitcnt=0) 0x1a2b3c50
access-group a in interface outside
object-group network servers
 network-object host 10.0.0.5
 network-object host 10.0.0.6"""
    assert behind(shown).decision(WEB) == "accept"


def test_a_translation_that_goes_in_front_of_others_is_not_placed(behind):
    """No running-config has numbers in it."""
    lines = f"{LIST}object network web\n host 10.0.0.5\nnat (inside,outside) 1 source static web web"
    assert behind(lines).decision(WEB) == "undecided"


@pytest.mark.parametrize(
    ("interface", "packet", "expected"),
    [
        (" ip address 10.5.0.1 255.255.255.0", "tcp 10.0.0.5 > 10.5.0.5:80 in inside out x", "accept"),
        (" ip address dhcp", "tcp 10.0.0.5 > 10.5.0.5:80 in inside out x", "accept"),
        (" no ip address", "tcp 10.0.0.5 > 10.5.0.5:80 in inside out x", "drop"),
        (" no ip address\n ip address 10.5.0.1 255.255.255.0", "tcp 10.0.0.5 > 10.5.0.5:80 in inside out x", "accept"),
        (" ip unnumbered inside", "tcp 10.0.0.5 > 10.5.0.5:80 in inside out x", "accept"),
        (" no ip address\n bridge-group 1", "tcp 10.0.0.5 > 10.5.0.5:80 in inside out x", "accept"),
        (" no ip address\n ipv6 enable", "tcp fd00::5 > [fd00:5::5]:80 in inside out x", "accept"),
        (" no ip address\n ipv6 address fd00:5::1/64", "tcp fd00::5 > [fd00:5::5]:80 in inside out x", "accept"),
        (" no ip address", "tcp fd00::5 > [fd00:5::5]:80 in inside out x", "drop"),
        (" ip address 10.5.0.1 255.255.255.0", "tcp fd00::5 > [fd00:5::5]:80 in inside out x", "drop"),
        (" ip address 10.5.0.1 255.255.255.0", "tcp fd00:5::5 > [fd00::5]:80 in x out inside", "drop"),
    ],
)
def test_an_interface_without_an_address(interface, packet, expected, behind):
    """A router passes what it has an address for; an excerpt without any address says nothing about that."""
    lines = f"interface GigabitEthernet0/3\n nameif x\n security-level 0\n{interface}"
    assert behind(lines).decision(packet) == expected


def test_an_excerpt_without_addresses(answers):
    """It leaves open what the device has."""
    text = "".join(f"interface Gi0/{n}\n nameif {name}\n" for n, name in enumerate(("inside", "outside")))
    found = answers(f"ASA Version 9.12(4)\n{text}: end\n")
    assert found.decision("tcp fd00::5 > [fd00:5::5]:80 in inside out outside") == "accept"


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("police output 8000", "accept"),
        ("police output 8000 1500 conform-action transmit exceed-action drop", "accept"),  # a rate: not judged
        ("police output 8000 1500 conform-action drop exceed-action drop", "undecided"),
    ],
)
def test_policing_that_drops_what_keeps_to_the_rate(action, expected, behind):
    """It is no rate any more."""
    lines = f"{LIST}class-map c\n match any\npolicy-map p\n class c\n  {action}\nservice-policy p global"
    assert behind(lines).decision(WEB) == expected
