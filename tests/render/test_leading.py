"""Translations that lead to the wrong host: mended where the site says what is meant, told where it does not."""

from pathlib import Path

import pytest
from tests.cli.running import run

from portwright import platforms

_PORT = 'nat:\n  - {at: edge-fw, from: internet, to: "203.0.113.10:443", becomes: "web01:443"}\n'
_OTHER_PORT = 'nat:\n  - {at: edge-fw, from: internet, to: "203.0.113.10:8443", becomes: "web01:443"}\n'
_WHOLE = "nat:\n  - {at: edge-fw, from: internet, to: 203.0.113.10, becomes: web01}\n"

_NFT = """table ip filter {{
	chain forward {{
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		iifname "wan" oifname "dmz" ip saddr 198.51.100.0/24 ip daddr 10.20.0.11 tcp dport 443 accept
	}}
}}
table ip nat {{
	chain prerouting {{
		type nat hook prerouting priority dstnat; policy accept;
		{}
	}}
}}
"""
_ASA = """ASA Version 9.16(4)
interface GigabitEthernet0/0
 nameif wan
 security-level 0
 ip address 203.0.113.2 255.255.255.240
interface GigabitEthernet0/1
 nameif dmz
 security-level 50
 ip address 10.20.0.1 255.255.255.0
object network web01
 host 10.20.0.11
object network old
 host 10.20.0.12
object network published
 host 203.0.113.10
object network customers
 subnet 198.51.100.0 255.255.255.0
access-list wan_in extended permit tcp object customers object web01 eq 443
{}access-list wan_in extended deny ip any any
access-list dmz_in extended deny ip any any
{}access-group wan_in in interface wan
access-group dmz_in in interface dmz
route wan 0.0.0.0 0.0.0.0 203.0.113.1 1
: end
"""
_OBJECT = "object network old\n nat (dmz,wan) static published service tcp {} {}\n"
_USED = "access-list wan_in extended permit tcp object customers object old eq 80\n"

MENDED = {  # what the site says, the configuration -> lines that are new
    "nft": (
        _PORT,
        _NFT.format('iifname "wan" ip daddr 203.0.113.10 tcp dport 443 dnat to 10.20.0.12'),
        ('iifname "wan" ip daddr 203.0.113.10 tcp dport 443 dnat to 10.20.0.11',),
    ),
    "nft, another port": (
        _OTHER_PORT,
        _NFT.format("ip daddr 203.0.113.10 tcp dport 8443 counter packets 1 bytes 2 dnat to 10.20.0.11:444"),
        ("ip daddr 203.0.113.10 tcp dport 8443 counter packets 1 bytes 2 dnat to 10.20.0.11:443",),
    ),
    "object": (_PORT, _ASA.format("", _OBJECT.format("https", "https")), ("host 10.20.0.11",)),
    "object, another port": (
        _OTHER_PORT,
        _ASA.format("", _OBJECT.format("444", "8443")),
        ("host 10.20.0.11", "nat (dmz,wan) static published service tcp 443 8443"),
    ),
    "object that others use": (
        _PORT,
        _ASA.format(_USED, _OBJECT.format("https", "https")),
        ("object network old-1", "host 10.20.0.11", "nat (dmz,wan) static published service tcp https https"),
    ),
    "twice, as source": (
        _WHOLE,
        _ASA.format("", "nat (dmz,wan) source static old published\n"),
        ("nat (dmz,wan) source static web01 published",),
    ),
    "twice, as destination": (
        _WHOLE,
        _ASA.format("", "nat (wan,dmz) source static any any destination static published old\n"),
        ("nat (wan,dmz) source static any any destination static published web01",),
    ),
    "twice, the second of two": (
        _WHOLE,
        _ASA.format(
            "",
            "nat (dmz,wan) source static customers customers destination static web01 web01\n"
            "nat (dmz,wan) source static old published\n",
        ),
        ("nat (dmz,wan) source static web01 published",),
    ),
}

TOLD = {  # what the site says, the configuration -> why it stays
    "not declared": (
        "",
        _NFT.format("ip daddr 203.0.113.10 tcp dport { 80, 443 } dnat to 10.20.0.12")
        .replace("ip daddr 10.20.0.11", "ip daddr { 10.20.0.11, 10.20.0.12 }")
        .replace("\t}\n}\n", "\t\tip daddr 203.0.113.10 tcp dport 22 dnat to 10.20.0.11\n\t}\n}\n"),
        "where they are to go is not declared under nat",
    ),
    "by a map": (
        _PORT,
        _NFT.format("dnat to tcp dport map { 443 : 10.20.0.12, 80 : 10.20.0.13 }"),
        "no way to write that into this line is certain",
    ),
    "more than is declared": (
        _PORT,
        _ASA.format("", "nat (dmz,wan) source static old published\n"),
        "the site says that 203.0.113.10:443 becomes web01:443, and no way to write that into this line is certain",
    ),
}


@pytest.mark.parametrize("case", MENDED)
def test_a_translation_is_led_to_the_host_that_the_site_says(case, shop):
    """In one step, in the line that is wrong; what is translated otherwise is told, and the commands lead back."""
    nat, text, new = MENDED[case]
    change = shop(nat, text)
    assert [tuple(map(str.strip, step.edit.added)) for step in change.steps] == [new]
    assert (change.proof.failures, change.remaining, change.proof.lost) == ((), (), ())
    assert change.proof.mended == ("shop.buy/customers>web01",)
    assert any("203.0.113.10" in line for line in change.proof.moved)
    editor = platforms.editor(change.platform)
    back = editor.applied(editor.applied(change.before, change.commands), change.rollback)
    if change.platform == "cisco-asa":
        assert {*back.split("\n")} == {*text.split("\n")}
    else:  # the commands stand below the text
        Path("back.conf").write_text(back, encoding="utf-8")
        assert run("diff", "edge-fw.conf", "back.conf", "--platform", "nftables").status == 0
    Path("after.conf").write_text(change.after, encoding="utf-8")
    done = run("check", "site.yaml", "--config", "edge-fw=after.conf", "--format", "json")
    assert (done.document["summary"]["proved"], done.findings("missing", "undecided", "reply")) == (1, [])


@pytest.mark.parametrize("case", TOLD)
def test_what_is_not_certain_is_told(case, shop):
    """And nothing is opened toward the host that the line leads to."""
    nat, text, why = TOLD[case]
    change = shop(nat, text)
    assert change.steps == ()
    [remaining] = change.remaining
    assert why in remaining.reason


def test_what_others_reach_by_a_mended_translation_is_told(shop):
    """A translation knows no clients: who gets through is for the rules that are there."""
    text = _NFT.format("ip daddr 203.0.113.10 tcp dport 443 dnat to 10.20.0.12").replace(
        "ip saddr 198.51.100.0/24", "ip saddr 198.51.0.0/16"
    )
    change = shop(_PORT, text)
    assert change.proof.failures == ()
    assert change.proof.opened == (
        "tcp 198.51.0.0-198.51.99.255 > 203.0.113.10:443 in wan out dmz",
        "tcp 198.51.101.0-198.51.255.255 > 203.0.113.10:443 in wan out dmz",
    )
