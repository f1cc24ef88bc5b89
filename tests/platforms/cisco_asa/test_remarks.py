"""Remarks: what is undefined, unused or worth a note, each with its line."""

import pytest


@pytest.mark.parametrize(
    ("lines", "remarks"),
    [
        ("object network a\n host 10.0.0.1", [("unused", 15, "object a is never used")]),
        ("object network a\n host 10.0.0.1\n nat (inside,outside) dynamic interface", []),
        ("object-group network g\n network-object host 10.0.0.1", [("unused", 15, "object-group g is never used")]),
        ("access-list a extended permit ip any any", [("unused", 15, "access-list a is never used")]),
        ("access-list a remark b\naccess-list a extended permit ip any any\naccess-group a global", []),
        ("access-list s standard permit any4\ngroup-policy p attributes\n split-tunnel-network-list value s", []),
        (
            "access-list a extended permit ip object b object-group g\naccess-group a global",
            [("undefined", 15, "object b is not defined"), ("undefined", 15, "object-group g is not defined")],
        ),
        ("access-group a global", [("undefined", 15, "access-list a is not defined")]),
        (
            "access-list a extended permit ip any any\naccess-group a in interface lost",
            [("undefined", 16, "interface lost is not defined")],
        ),
        ("route lost 10.9.0.0 255.255.0.0 10.0.0.9", [("undefined", 15, "interface lost is not defined")]),
        ("nat (lost,outside) source dynamic any interface", [("undefined", 15, "interface lost is not defined")]),
        (
            "access-list a extended permit ip any any time-range t\naccess-group a global",
            [("undefined", 15, "time-range t is not defined")],
        ),
        ("service-policy p global", [("undefined", 15, "policy-map p is not defined")]),
        (
            "crypto map m 1 match address x\ncrypto map m interface outside",
            [("undefined", 15, "access-list x is not defined")],
        ),
        ("name 10.0.0.1 a\nname 10.0.0.2 a", [("note", 16, "name a is defined twice: the last holds")]),
        (
            "object network a\n host 10.0.0.1\nobject-group network a\n network-object object a",
            [("note", 17, "a is the name of an object and of a group")],
        ),
    ],
)
def test_remarks(lines, remarks, behind):
    """Each with the line it is about, in the order of the file."""
    found = behind(lines).configuration.remarks
    assert [(remark.kind, remark.source.line, remark.message) for remark in found] == remarks


def test_a_routing_protocol_makes_routing_incomplete(behind):
    """What the file says of routes is then not all there is."""
    assert behind("").configuration.routing_is_complete
    assert not behind("router eigrp 1\n network 10.0.0.0").configuration.routing_is_complete


def test_no_version_is_read_as_a_recent_one(behind, answers):
    """A part of a configuration without the line 'ASA Version' is read as 9.0 or later, with a note."""
    found = answers("interface Vlan1\n nameif inside\n security-level 100\n: end\n").configuration
    assert [remark.message for remark in found.remarks] == ["no 'ASA Version' line: read as release 9.0 or later"]
    assert behind("").configuration.remarks == ()
