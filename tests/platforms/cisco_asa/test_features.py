"""Single features, in ASA's own words: lines behind three interfaces (see conftest), packets, decisions.

Line 1 of the lines given is line 15 of the file.
"""

import pytest

OUT = "access-group a in interface inside"  # what the entries below are applied by


def entries(*lines):
    return "\n".join((*lines, OUT))


@pytest.mark.parametrize(
    ("entry", "packet", "decision"),
    [
        # operators on ports
        ("permit tcp any any eq www", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("permit tcp any any neq www", "tcp 10.0.0.5 > 8.8.8.8:80", "drop"),
        ("permit tcp any any neq www", "tcp 10.0.0.5 > 8.8.8.8:81", "accept"),
        ("permit tcp any any lt 80", "tcp 10.0.0.5 > 8.8.8.8:80", "drop"),
        ("permit tcp any any gt 80", "tcp 10.0.0.5 > 8.8.8.8:80", "drop"),
        ("permit tcp any any gt 80", "tcp 10.0.0.5 > 8.8.8.8:65535", "accept"),
        ("permit tcp any any range 80 443", "tcp 10.0.0.5 > 8.8.8.8:443", "accept"),
        ("permit tcp any range 80 90 any", "tcp 10.0.0.5:85 > 8.8.8.8:1", "accept"),
        ("permit tcp any lt 1 any", "tcp 10.0.0.5:0 > 8.8.8.8:1", "accept"),
        ("permit tcp any any lt 0", "tcp 10.0.0.5 > 8.8.8.8:0", "drop"),
        ("permit tcp any any gt 65535", "tcp 10.0.0.5 > 8.8.8.8:65535", "drop"),
        # names that differ from IANA's
        ("permit udp any any eq kerberos", "udp 10.0.0.5 > 8.8.8.8:750", "accept"),
        ("permit udp any any eq radius", "udp 10.0.0.5 > 8.8.8.8:1645", "accept"),
        ("permit tcp any any eq sqlnet", "tcp 10.0.0.5 > 8.8.8.8:1521", "accept"),
        ("permit tcp any any eq citrix-ica", "tcp 10.0.0.5 > 8.8.8.8:1494", "accept"),
        ("permit ipsec any any", "esp 10.0.0.5 > 8.8.8.8", "accept"),
        ("permit pptp any any", "proto 47 10.0.0.5 > 8.8.8.8", "accept"),
        ("permit 112 any any", "proto 112 10.0.0.5 > 8.8.8.8", "accept"),
        ("permit sctp any any eq 3868", "proto 132 10.0.0.5:1 > 8.8.8.8:3868", "accept"),
        # addresses
        ("permit ip host 10.0.0.5 any", "tcp 10.0.0.5 > 8.8.8.8:1", "accept"),
        ("permit ip 10.0.0.4 255.255.255.252 any", "tcp 10.0.0.7 > 8.8.8.8:1", "accept"),
        ("permit ip 10.0.0.4 255.255.255.252 any", "tcp 10.0.0.8 > 8.8.8.8:1", "drop"),
        ("permit ip 0.0.0.0 0.0.0.0 any", "tcp 10.0.0.8 > 8.8.8.8:1", "accept"),
        ("permit ip any4 any4", "tcp [fd00::1] > [2001:db8::1]:1 in inside out outside", "drop"),
        ("permit ip any6 any6", "tcp [fd00::1] > [2001:db8::1]:1 in inside out outside", "accept"),
        ("permit ip any6 any6", "tcp 10.0.0.5 > 8.8.8.8:1", "drop"),
        ("permit ip any any", "tcp [fd00::1] > [2001:db8::1]:1 in inside out outside", "accept"),
        ("permit tcp any 2001:db8::/32 eq 443", "tcp [fd00::1] > [2001:db8:5::1]:443 in inside out outside", "accept"),
        ("permit tcp any host 2001:db8::1", "tcp [fd00::1] > [2001:db8::2]:443 in inside out outside", "drop"),
        ("permit ip interface inside any", "tcp 10.0.0.1 > 8.8.8.8:1 in inside", "accept"),
        ("permit ip interface inside any", "tcp 10.0.0.2 > 8.8.8.8:1 in inside", "drop"),
        # ICMP
        ("permit icmp any any", "icmp 10.0.0.5 > 8.8.8.8 type 13 code 0", "accept"),
        ("permit icmp any any echo", "icmp 10.0.0.5 > 8.8.8.8 type 8 code 0", "accept"),
        ("permit icmp any any echo", "icmp 10.0.0.5 > 8.8.8.8 type 0 code 0", "drop"),
        ("permit icmp any any 3 4", "icmp 10.0.0.5 > 8.8.8.8 type 3 code 4", "accept"),
        ("permit icmp any any unreachable 4", "icmp 10.0.0.5 > 8.8.8.8 type 3 code 3", "drop"),
        ("permit icmp any any conversion-error", "icmp 10.0.0.5 > 8.8.8.8 type 31 code 0", "accept"),
        (
            "permit icmp6 any any neighbor-solicitation",
            "icmpv6 fd00::1 > fd00::2 type 135 code 0 in inside out outside",
            "accept",
        ),
        ("permit icmp6 any any echo", "icmpv6 fd00::1 > fd00::2 type 128 code 0 in inside out outside", "accept"),
        # what stands around an entry
        ("permit tcp any any eq 80 log", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("permit tcp any any eq 80 log disable", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("permit tcp any any eq 80 log notifications interval 600", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("permit tcp any any eq 80 log 5 interval 600", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("permit tcp any any eq 80 inactive", "tcp 10.0.0.5 > 8.8.8.8:80", "drop"),
        ("permit tcp any any eq 80 log inactive", "tcp 10.0.0.5 > 8.8.8.8:80", "drop"),
        ("permit tcp any any eq 80 time-range lunch", "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
        ("permit tcp any any eq 80 time-range lunch inactive", "tcp 10.0.0.5 > 8.8.8.8:80", "drop"),
        ("permit tcp any any eq 80 rule-id 12345", "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
        ("permit tcp any any eq 80 rule-id 12345", "tcp 10.0.0.5 > 8.8.8.8:81", "drop"),
        ("permit tcp any any eq nosuchport", "udp 10.0.0.5 > 8.8.8.8:81", "drop"),
        ("permit tcp any any eq nosuchport", "tcp 10.0.0.5 > 8.8.8.8:81", "undecided"),
        ("permit nosuchprotocol any any", "udp 10.0.0.5 > 8.8.8.8:81", "undecided"),
        ("permit tcp 10.0.0.0 255.0.255.0 any", "tcp 10.0.0.5 > 8.8.8.8:81", "undecided"),
        ("permit tcp any object-group-network-service WEBAPPS", "tcp 10.0.0.5 > 8.8.8.8:81", "undecided"),
    ],
)
def test_an_entry(entry, packet, decision, behind):
    """One entry of an extended access list, and the implicit deny after it."""
    assert behind(entries(f"access-list a extended {entry}")).decision(packet) == decision


@pytest.mark.parametrize(
    "line",
    ["access-list a line 1 extended permit tcp any any eq 80", "access-list a permit tcp any any eq 80"],
)
def test_an_entry_is_written_in_other_ways(line, behind):
    """With its number in the list, or without the word extended."""
    assert behind(entries(line))("tcp 10.0.0.5 > 8.8.8.8:80") == ("accept", 15)


@pytest.mark.parametrize(
    ("lines", "packet", "decision"),
    [
        ("", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("", "tcp 172.16.1.5 > 10.0.0.5:80", "drop"),
        ("", "tcp 172.16.1.5 > 8.8.8.8:80", "accept"),
        (
            "access-list a extended permit ip any any\naccess-group a in interface dmz",
            "tcp 172.16.1.5 > 10.0.0.5:80",
            "accept",
        ),
        ("access-list a extended permit ip any any\naccess-group a global", "tcp 172.16.1.5 > 10.0.0.5:80", "accept"),
        ("access-list a extended deny tcp any any\naccess-group a global", "udp 10.0.0.5 > 8.8.8.8:80", "drop"),
        (
            "access-list a extended deny tcp any any\naccess-group a out interface outside",
            "udp 10.0.0.5 > 8.8.8.8:80",
            "drop",
        ),
        (
            "access-list a extended permit udp any any\naccess-group a out interface outside",
            "udp 10.0.0.5 > 8.8.8.8:80",
            "accept",
        ),
        (
            "access-list a extended permit udp any any\naccess-group a out interface outside",
            "udp 10.0.0.5 > 172.16.1.5:80",
            "accept",
        ),
        (
            "access-list a extended permit ip any any\naccess-group a out interface inside",
            "udp 172.16.1.5 > 10.0.0.5:80",
            "drop",
        ),
        (
            "access-list a extended deny ip any any\naccess-group a in interface inside control-plane",
            "udp 10.0.0.5 > 8.8.8.8:80",
            "accept",
        ),
        (
            "access-list a standard permit 10.0.0.0 255.0.0.0\naccess-group a in interface inside",
            "tcp 10.0.0.5 > 8.8.8.8:80",
            "undecided",
        ),
        (
            "access-list a remark nothing here\naccess-group a in interface inside",
            "tcp 10.0.0.5 > 8.8.8.8:80",
            "undecided",
        ),
        (
            "access-list a ethertype permit bpdu\naccess-group a in interface inside",
            "tcp 10.0.0.5 > 8.8.8.8:80",
            "accept",
        ),
        (
            "access-list a ethertype deny any\naccess-group a in interface inside",
            "tcp 10.0.0.5 > 8.8.8.8:80",
            "undecided",
        ),
        ("access-group nosuch in interface inside", "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
        ("access-group nosuch in interface outside", "tcp 8.8.8.8 > 10.0.0.5:80", "drop"),
    ],
)
def test_where_lists_apply(lines, packet, decision, behind):
    """In, out and global; without a list the security levels; what is not an extended list is in doubt."""
    assert behind(lines).decision(packet) == decision


EQUAL = "interface GigabitEthernet0/3\n nameif twin\n security-level 50\n ip address 172.17.1.1 255.255.255.0\n"
PERMIT_TWIN = EQUAL + "access-list a extended permit ip any any\naccess-group a in interface twin\n"


@pytest.mark.parametrize(
    ("lines", "packet", "decision"),
    [
        (EQUAL, "tcp 172.17.1.5 > 172.16.1.5:80", "drop"),
        (EQUAL + "same-security-traffic permit inter-interface", "tcp 172.17.1.5 > 172.16.1.5:80", "accept"),
        (EQUAL + "same-security-traffic permit intra-interface", "tcp 172.17.1.5 > 172.16.1.5:80", "drop"),
        (PERMIT_TWIN, "tcp 172.17.1.5 > 172.16.1.5:80", "drop"),
        (PERMIT_TWIN + "same-security-traffic permit inter-interface", "tcp 172.17.1.5 > 172.16.1.5:80", "accept"),
        (PERMIT_TWIN, "tcp 172.17.1.5 > 172.17.1.6:80", "drop"),
        (PERMIT_TWIN + "same-security-traffic permit intra-interface", "tcp 172.17.1.5 > 172.17.1.6:80", "accept"),
    ],
)
def test_same_security_traffic(lines, packet, decision, behind):
    """Needed between equal levels and back through one interface, whatever an access list permits."""
    assert behind(lines).decision(packet) == decision


INSPECT = """\
class-map inspection_default
 match default-inspection-traffic
class-map chosen
 match access-list some
access-list some extended permit icmp host 10.0.0.5 any
access-list some extended permit tcp host 10.0.0.5 any
policy-map global_policy
 class {0}
  {1}
service-policy global_policy {2}
"""


@pytest.mark.parametrize(
    ("policy", "packet", "decision"),
    [
        (
            ("inspection_default", "inspect icmp", "global"),
            "icmp 8.8.8.8 > 10.0.0.5 type 0 code 0 state established",
            "accept",
        ),
        (
            ("inspection_default", "inspect ftp", "global"),
            "icmp 8.8.8.8 > 10.0.0.5 type 0 code 0 state established",
            "drop",
        ),
        (
            ("class-default", "inspect icmp", "global"),
            "icmp 8.8.8.8 > 10.0.0.5 type 0 code 0 state established",
            "accept",
        ),
        (
            ("inspection_default", "inspect icmp", "interface outside"),
            "icmp 8.8.8.8 > 10.0.0.5 type 0 code 0 state established",
            "accept",
        ),
        (
            ("inspection_default", "inspect icmp", "interface dmz"),
            "icmp 8.8.8.8 > 10.0.0.5 type 0 code 0 state established",
            "drop",
        ),
        (
            ("inspection_default", "inspect icmp", "interface dmz"),
            "icmp 172.16.1.5 > 10.0.0.5 type 0 code 0 state established",
            "accept",
        ),
        (("chosen", "inspect icmp", "global"), "icmp 8.8.8.8 > 10.0.0.5 type 0 code 0 state established", "accept"),
        (("chosen", "inspect icmp", "global"), "icmp 8.8.8.8 > 10.0.0.6 type 0 code 0 state established", "drop"),
        (
            ("inspection_default", "inspect icmp", "global"),
            "icmp 8.8.8.8 > 10.0.0.5 type 3 code 1 state related",
            "undecided",
        ),
        (
            ("inspection_default", "inspect ftp", "global"),
            "icmp 8.8.8.8 > 10.0.0.5 type 3 code 1 state related",
            "drop",
        ),
        (("class-default", "set connection conn-max 100", "global"), "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        (("class-default", "police output 1000000", "global"), "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        (("class-default", "sfr fail-open", "global"), "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
        (("class-default", "sfr fail-open monitor-only", "global"), "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        (("chosen", "ips inline fail-close", "global"), "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
        (("chosen", "ips inline fail-close", "global"), "tcp 10.0.0.6 > 8.8.8.8:80", "accept"),
        (("class-default", "teleport", "global"), "tcp 10.0.0.6 > 8.8.8.8:80", "undecided"),
        (
            ("chosen", "set connection advanced-options tcp-state-bypass", "global"),
            "tcp 10.0.0.5:80 > 8.8.8.8:80 state invalid",
            "undecided",
        ),
        (
            ("chosen", "set connection advanced-options tcp-state-bypass", "global"),
            "tcp 10.0.0.6:80 > 8.8.8.8:80 state invalid",
            "drop",
        ),
    ],
)
def test_service_policies(policy, packet, decision, behind):
    """ICMP inspection, modules, bypasses; everything else that a policy does is inert."""
    assert behind(INSPECT.format(*policy)).decision(packet) == decision


@pytest.mark.parametrize(
    ("packet", "decision"),
    [
        ("tcp 10.0.0.5:5 > 8.8.8.8:80 state established", "accept"),
        ("tcp 8.8.8.8:80 > 10.0.0.5:5 state established", "accept"),
        ("udp 8.8.8.8:53 > 10.0.0.5:5 state established", "accept"),
        ("proto 132 8.8.8.8:53 > 10.0.0.5:5 state established", "accept"),
        ("esp 8.8.8.8 > 10.0.0.5 state established", "drop"),
        ("tcp 8.8.8.8:20 > 10.0.0.5:5 state related", "accept"),
        ("tcp 10.0.0.5:5 > 8.8.8.8:80 state invalid", "drop"),
        ("tcp 10.0.0.5:5 > 8.8.8.8:80 state untracked", "accept"),
        ("udp 8.8.8.8:53 > 10.0.0.5:5 state untracked", "drop"),
    ],
)
def test_connections(packet, decision, behind):
    """TCP, UDP and SCTP know their connections; other protocols are let through packet by packet."""
    assert behind("").decision(packet) == decision


@pytest.mark.parametrize(
    ("lines", "packet", "decision"),
    [
        ("established tcp 4000 0 permitto tcp 5000", "tcp 8.8.8.8 > 10.0.0.5:5000", "undecided"),
        ("established tcp 4000 0 permitto tcp 5000", "tcp 8.8.8.8 > 10.0.0.5:5001", "drop"),
        ("shun 8.8.8.8", "tcp 10.0.0.5:5 > 8.8.8.8:80", "accept"),
        ("shun 10.0.0.5", "tcp 10.0.0.5:5 > 8.8.8.8:80 state established", "undecided"),
        ("filter url http 10.0.0.0 255.255.0.0 0.0.0.0 0.0.0.0", "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
        ("filter url http 10.0.0.0 255.255.0.0 0.0.0.0 0.0.0.0", "tcp 10.0.0.5 > 8.8.8.8:81", "accept"),
        ("filter activex 80 10.0.0.0 255.255.0.0 0.0.0.0 0.0.0.0", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("wccp web-cache", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("wccp interface inside web-cache redirect in", "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
        ("wccp interface inside web-cache redirect in", "tcp 172.16.1.5 > 8.8.8.8:80", "accept"),
        ("dynamic-filter drop blacklist", "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
        ("ip audit attack action alarm drop", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("ip audit info action alarm drop", "icmp 10.0.0.5 > 8.8.8.8", "undecided"),
        ("ip audit info action alarm drop", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("aaa authentication match a inside RADIUS", "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
        ("aaa authentication match a inside RADIUS", "tcp 10.0.0.5 > 8.8.8.8:80 state established", "accept"),
        ("aaa authentication match a inside RADIUS", "tcp 172.16.1.5 > 8.8.8.8:80", "accept"),
        ("aaa authentication ssh console RADIUS LOCAL", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("ip verify reverse-path interface outside", "tcp 10.0.0.9 > 10.0.0.5:80 in outside", "drop"),
        ("ip verify reverse-path interface inside", "tcp 10.0.0.9 > 8.8.8.8:80 in inside", "accept"),
        ("ip verify reverse-path interface inside", "tcp 8.8.4.4 > 8.8.8.8:80 in inside", "drop"),
        ("multicast-routing", "udp 10.0.0.5 > 239.1.1.1:80 in inside out outside", "undecided"),
        ("flux-capacitor enable", "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
        ("flux-capacitor enable", "tcp 8.8.8.8 > 10.0.0.5:80", "undecided"),
        ("flux-capacitor enable", "tcp 10.0.0.5:5 > 8.8.8.8:80 state established", "undecided"),
        ("management-access inside", "tcp 8.8.8.8 > 10.0.0.1:22", "drop"),
        ("", "tcp 8.8.8.8 > 10.0.0.1:22", "drop"),
    ],
)
def test_commands_in_doubt(lines, packet, decision, behind):
    """A command whose effect the file does not tell makes undecided what it could change, and nothing else."""
    assert behind(lines).decision(packet) == decision


CRYPTO = """\
access-list vpn extended permit ip 10.0.0.0 255.255.0.0 10.91.0.0 255.255.0.0
crypto map M 10 match address vpn
crypto map M 10 set peer 198.51.100.1
crypto map M interface outside
"""
DYNAMIC = """\
crypto dynamic-map D 1 set ikev1 transform-set AES
crypto map M 65535 ipsec-isakmp dynamic D
crypto map M interface outside
"""


def test_tunnels_reach_an_interface_for_management(behind):
    """From the far end the firewall answers at an address inside."""
    fw = behind(f"{CRYPTO}management-access inside\n")
    assert fw.decision("tcp 10.91.0.5 > 10.0.0.1:22 in outside") == "undecided"


POOL = "ip local pool P 10.200.0.1-10.200.0.9 mask 255.255.255.0\n"


@pytest.mark.parametrize(
    ("lines", "packet", "decision"),
    [
        (CRYPTO, "tcp 10.91.0.5 > 10.0.0.5:22 in outside", "undecided"),
        (CRYPTO, "tcp 10.92.0.5 > 10.0.0.5:22 in outside", "drop"),
        (CRYPTO, "tcp 10.91.0.5 > 10.0.0.5:22 in dmz", "drop"),
        (CRYPTO + "no sysopt connection permit-vpn", "tcp 10.91.0.5 > 10.0.0.5:22 in outside", "drop"),
        (CRYPTO.replace("crypto map M interface outside", ""), "tcp 10.91.0.5 > 10.0.0.5:22 in outside", "drop"),
        (DYNAMIC + POOL, "tcp 10.200.0.5 > 10.0.0.5:22 in outside", "undecided"),
        (DYNAMIC + POOL, "tcp 8.8.8.8 > 10.0.0.5:22 in outside", "drop"),
        (DYNAMIC, "tcp 8.8.8.8 > 10.0.0.5:22 in outside", "undecided"),
        (
            DYNAMIC + POOL + "tunnel-group DefaultL2LGroup ipsec-attributes\n ikev1 pre-shared-key x",
            "tcp 8.8.8.8 > 10.0.0.5:22",
            "undecided",
        ),
        ("webvpn\n enable outside\n" + POOL, "tcp 10.200.0.5 > 10.0.0.5:22 in outside", "undecided"),
        ("webvpn\n anyconnect enable\n" + POOL, "tcp 10.200.0.5 > 10.0.0.5:22 in outside", "drop"),
        ("crypto map M interface nosuch\n" + CRYPTO, "tcp 10.91.0.5 > 10.0.0.5:22 in outside", "undecided"),
    ],
)
def test_tunnels(lines, packet, decision, behind):
    """Packets from the far end of a tunnel may pass without a look at the access lists; others may not."""
    assert behind(lines).decision(packet) == decision


@pytest.mark.parametrize(
    ("lines", "packet", "ways"),
    [
        ("", "tcp 10.0.0.5 > 8.8.8.8:80", [("inside", "outside")]),
        ("route inside 10.5.0.0 255.255.0.0 10.0.0.254", "tcp 10.5.0.5 > 172.16.1.9:80", [("inside", "dmz")]),
        ("route dmz 10.0.9.0 255.255.255.0 172.16.1.9", "tcp 8.8.8.8 > 10.0.9.1:80", [("outside", "dmz")]),
        (
            "route dmz 10.7.0.0 255.255.0.0 172.16.1.9 250\nroute inside 10.7.0.0 255.255.0.0 10.0.0.9 1",
            "tcp 8.8.8.8 > 10.7.0.1:80",
            [("outside", "inside")],
        ),
        (
            "route dmz 10.7.0.0 255.255.0.0 172.16.1.9 5\nroute inside 10.7.0.0 255.255.0.0 10.0.0.9 1 track 1",
            "tcp 8.8.8.8 > 10.7.0.1:80",
            [("outside", "dmz"), ("outside", "inside")],
        ),
        ("route dmz 0.0.0.0 0.0.0.0 172.16.1.9 tunneled", "tcp 10.0.0.5 > 8.8.8.8:80", [("inside", "outside")]),
        ("router ospf 1\n network 10.0.0.0 255.0.0.0 area 0", "tcp 10.0.0.5 > 172.16.1.9:80", [("inside", "dmz")]),
        (
            "router ospf 1\n network 10.0.0.0 255.0.0.0 area 0",
            "tcp 10.0.0.5 > 8.8.8.8:80",
            [("inside", "dmz"), ("inside", "outside")],
        ),
        ("", "tcp [fd00::1] > [fd00::2]:80 in inside", [("inside", "dmz"), ("inside", "outside")]),
        ("", "tcp 10.0.0.5 > 10.0.0.6:80", [("inside", "inside")]),
        ("", "tcp 10.0.0.5 > 8.8.8.8:80 in dmz out inside", [("dmz", "inside")]),
        (
            "object network w\n host 172.16.1.5\n nat (dmz,outside) static 203.0.113.9",
            "tcp 8.8.8.8 > 203.0.113.9:80",
            [("outside", "dmz")],
        ),
        (
            "object network w\n host 172.16.1.5\n nat (any,outside) static 203.0.113.9",
            "tcp 8.8.8.8 > 203.0.113.9:80",
            [("outside", "dmz")],
        ),
    ],
)
def test_ways(lines, packet, ways, behind):
    """Where a packet arrives and leaves: translation first, then the longest prefix; what is not certain stays open."""
    from portwright.packets.packet import Packet

    configuration = behind(lines).configuration
    found = configuration.ways(Packet.parse(packet))
    name = configuration.interfaces.name
    assert sorted((name(arrives), name(leaves)) for arrives, leaves in found) == ways


@pytest.mark.parametrize(
    ("nat", "packet", "leaves_as"),
    [
        ("nat (inside,outside) static 203.0.113.9", "tcp 10.0.5.5:7 > 8.8.8.8:80", "tcp 203.0.113.9:7 > 8.8.8.8:80"),
        (
            "nat (inside,outside) static 203.0.113.9 service tcp 22 2222",
            "tcp 10.0.5.5:22 > 8.8.8.8:80",
            "tcp 203.0.113.9:2222 > 8.8.8.8:80",
        ),
        (
            "nat (inside,outside) static 203.0.113.9 service tcp 22 2222",
            "tcp 10.0.5.5:23 > 8.8.8.8:80",
            "tcp 10.0.5.5:23 > 8.8.8.8:80",
        ),
        ("nat (inside,outside) static 10.0.5.5", "tcp 10.0.5.5:7 > 8.8.8.8:80", "tcp 10.0.5.5:7 > 8.8.8.8:80"),
        ("nat (inside,outside) static 203.0.113.9", "tcp 10.0.5.5:7 > 172.16.1.5:80", "tcp 10.0.5.5:7 > 172.16.1.5:80"),
    ],
)
def test_static_sources(nat, packet, leaves_as, behind):
    """A static rule gives the source its mapped address and port on the way out of its interface."""
    from portwright.packets.packet import Packet
    from portwright.policy.walk import decide

    configuration = behind(f"object network o\n host 10.0.5.5\n {nat}").configuration
    parsed, expected = Packet.parse(packet), Packet.parse(leaves_as)
    way = configuration.ways(parsed)[0]
    assert decide(configuration.policy(), parsed.header(*way)).headers == (expected.header(*way),)


def test_a_pool_leaves_the_source_open(behind):
    """With dynamic port translation the source is one of the pool, its port any."""
    from portwright.packets.fields import Field
    from portwright.packets.packet import Packet
    from portwright.policy.walk import decide

    configuration = behind(
        "object network o\n subnet 10.0.0.0 255.255.0.0\n nat (inside,outside) dynamic interface"
    ).configuration
    parsed = Packet.parse("tcp 10.0.5.5:7 > 8.8.8.8:80")
    (header,) = decide(configuration.policy(), parsed.header(*configuration.ways(parsed)[0])).headers
    assert header[Field.SRC] == 0xCB007102
    assert header[Field.SPORT] == ((1, 65535),)


def test_what_has_no_ports_gets_none(behind):
    """An error message behind a shared address has its source translated, and is a real packet still."""
    from portwright.packets.packet import Packet
    from portwright.policy.walk import decide

    configuration = behind(
        "object network o\n subnet 10.0.0.0 255.255.0.0\n nat (inside,outside) dynamic interface"
    ).configuration
    parsed = Packet.parse("icmp 10.0.5.5 > 8.8.8.8 type 3 code 4")
    expected = Packet.parse("icmp 203.0.113.2 > 8.8.8.8 type 3 code 4")
    way = configuration.ways(parsed)[0]
    assert decide(configuration.policy(), parsed.header(*way)).headers == (expected.header(*way),)


@pytest.mark.parametrize(
    ("mapped", "ports"),
    [
        ("interface", (1024, 65535)),
        ("pat-pool pool flat", (1024, 65535)),
        ("pat-pool pool flat include-reserve", (1, 65535)),
    ],
)
def test_a_high_port_stays_one(mapped, ports, behind):
    """If it is taken it becomes another of the same range, unless the rule says otherwise."""
    from portwright.packets.fields import Field
    from portwright.packets.packet import Packet
    from portwright.policy.walk import decide

    pool = "object network pool\n range 203.0.113.20 203.0.113.21\n"
    lines = f"{pool}object network o\n subnet 10.0.0.0 255.255.0.0\n nat (inside,outside) dynamic {mapped}"
    configuration = behind(lines).configuration
    parsed = Packet.parse("tcp 10.0.5.5:40000 > 8.8.8.8:80")
    (header,) = decide(configuration.policy(), parsed.header(*configuration.ways(parsed)[0])).headers
    assert header[Field.SPORT] == (ports,)


@pytest.mark.parametrize(
    ("lines", "packet", "decision"),
    [
        ("object network o\n host 10.0.0.5\nobject network o\n host 10.0.0.6", "tcp 10.0.0.5 > 8.8.8.8:80", "drop"),
        ("object network o\n host 10.0.0.5\nobject network o\n host 10.0.0.6", "tcp 10.0.0.6 > 8.8.8.8:80", "accept"),
        ("object network o\n host 10.0.0.5\nobject network o\n description x", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
    ],
)
def test_an_object_has_one_value(lines, packet, decision, behind):
    """Defined again it holds what was said last; a group holds all that was ever added."""
    assert behind(f"{lines}\n" + entries("access-list a extended permit ip object o any")).decision(packet) == decision


def test_one_list_for_each_direction(behind):
    """A second access-group for an interface takes the place of the first."""
    lists = "access-list a extended permit ip any any\naccess-list b extended permit udp any any\n"
    answers = behind(lists + "access-group a in interface inside\naccess-group b in interface inside")
    assert answers("tcp 10.0.0.5 > 8.8.8.8:80") == ("drop", 18)
    assert [remark.source.line for remark in answers.configuration.remarks] == [17]


BRIDGE = """\
interface GigabitEthernet1/2
 bridge-group 1
 nameif left
 security-level 80
interface GigabitEthernet1/3
 bridge-group 1
 nameif right
 security-level 80
interface BVI1
 nameif office
 security-level 80
 ip address 192.168.1.1 255.255.255.0
access-list a extended permit ip any any
"""


@pytest.mark.parametrize(
    ("lines", "decision"),
    [
        (BRIDGE, "accept"),
        (BRIDGE + "access-group a in interface left\naccess-group a in interface right", "accept"),
        (BRIDGE + "access-group a in interface office", "undecided"),
    ],
)
def test_bridge_groups(lines, decision, behind):
    """A bridge group's network lies behind its members; an access list on the bridge itself is in doubt."""
    assert behind(lines).decision("tcp 192.168.1.5 > 8.8.8.8:443") == decision


def test_a_translation_that_is_not_understood_may_lead_a_packet_elsewhere(behind):
    """Whatever arrives on its mapped interface is undecided, wherever the routes would lead it."""
    lines = "object network web\n host 10.0.0.9\n nat (inside,outside) static 203.0.113.9 sideways\n"
    answer = behind(f"{lines}access-list open extended permit ip any any\naccess-group open in interface outside\n")
    assert answer.decision("tcp 8.8.8.8 > 172.16.1.10:80 in outside") == "undecided"
    assert answer.decision("tcp 10.0.0.9 > 172.16.1.10:80 in inside") == "accept"


def test_a_ban_between_interfaces_that_is_not_understood_is_no_permission(behind):
    """`no forward interface` with a word more."""
    head = (
        "interface Vlan1\n nameif lan\n security-level 10\n ip address 10.8.0.1 255.255.0.0\n"
        "interface Vlan3\n no forward interface {}\n nameif guest\n security-level 90\n"
        " ip address 10.9.0.1 255.255.0.0\n"
    )
    packet = "tcp 10.9.0.9 > 10.8.0.9:80"
    assert behind(head.format("Vlan1")).decision(packet) == "drop"
    assert behind(head.format("Vlan 1")).decision(packet) == "drop"
    assert behind(head.format("Vlan1 sometimes")).decision(packet) == "undecided"


def test_blanks_between_the_interfaces_of_a_translation_do_not_matter(behind):
    """They are read as the pair that they are."""
    lines = "object network web\n host 10.0.0.9\n nat (inside ,outside) static 203.0.113.9\n"
    lines += "access-list in extended permit tcp any host 10.0.0.9 eq 80\naccess-group in in interface outside\n"
    answer = behind(lines)
    assert answer.decision("tcp 8.8.8.8 > 203.0.113.9:80") == "accept"
