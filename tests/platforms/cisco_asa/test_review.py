"""What real devices print and do, and readers get wrong: tables in packet notation.

Line 1 of the lines given is line 15 of the file (see conftest).
"""

import time

import pytest
from tests.platforms.cisco_asa.conftest import HEAD

from portwright.packets.fields import Field
from portwright.packets.packet import Packet
from portwright.platforms.cisco_asa.access_lists import denies_ethernet_ip
from portwright.policy.walk import decide

IN, OUT = "\naccess-group a in interface inside\n", "\naccess-group a in interface outside\n"

# -- lines of running-configs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        "DNS server-group DefaultDNS\n name-server 8.8.8.8 outside\n domain-name example.net",
        "hpm topN enable",
        "no ipv6-vpn-addr-assign aaa",
        "fxos https permit 0.0.0.0 0.0.0.0 outside",
        "ip-client management",
        "auth-prompt prompt who are you",
        "nac-policy DfltGrpPolicy-nac-framework-create nac-framework\n reval-period 36000\n sq-period 300",
        "remote-access threshold session-threshold-exceeded 75",
        "snmp cpu threshold rising 75 300",
        "no flow-offload-ipsec",
        "vxlan port 4789",
        "zone internet",
        "sysopt connection tcp-max-unprocessed-seg 24",
        "object network-service Office\n domain outlook.office.com tcp eq 443",
        "interface GigabitEthernet0/3\n nameif x\n zone-member internet\n asr-group 1\n no negotiate auto",
        "interface GigabitEthernet0/3\n nameif x\n ipv6 address DELEGATED ::1:0:0:0:1/64\n ipv6 unnumbered inside",
        "interface GigabitEthernet0/3\n nameif x\n ip unnumbered inside\n policy-route path-monitoring auto",
        "interface Vlan9\n nameif x\n allow-ssc-mgmt\n ipv6 dhcprelay server fd00::1",
        "interface vni1\n segment-id 6000\n nameif x\n vtep-nve 1\n mcast-group 235.0.0.100",
        "policy-map p\n class class-default\n  shape average 2000000\n  service-policy child",
    ],
)
def test_ordinary_lines(lines, behind):
    """Every line, as devices up to 9.20 print it, is understood, and an ordinary packet passes as without them."""
    answers = behind(lines)
    assert answers.configuration.census.unknown == ()
    assert answers.decision("tcp 10.0.0.5 > 8.8.8.8:80 in inside out outside") == "accept"


FLUSH_LEFT = """\
license smart
feature tier standard
throughput level 1G
dns server-group DefaultDNS
name-server 8.8.8.8
retries 2
aaa-server RAD (inside) host 10.0.0.9
key x
radius-common-pw x
crypto ipsec ikev2 ipsec-proposal AES
protocol esp encryption aes-256
crypto ikev2 policy 1
encryption aes-256
integrity sha256
group 14
prf sha256
lifetime seconds 86400
crypto ca trustpoint T
no validation-usage
crl configure
group-policy G attributes
vpn-tunnel-protocol ikev2
split-tunnel-policy tunnelall
tunnel-group 198.51.100.9 ipsec-attributes
ikev2 remote-authentication pre-shared-key x
call-home
profile CiscoTAC-1
no active
"""


def test_lost_indentation_of_what_is_inert(behind):
    """Lines copied from a page, flush left, are known by the command above them."""
    assert behind(FLUSH_LEFT).configuration.census.unknown == ()


def test_lost_indentation_of_remote_users(behind):
    """`enable outside` below `webvpn` is not the command `enable`: remote users may connect there."""
    lines = "ip local pool P 10.200.0.1-10.200.0.9\nwebvpn\nenable outside\n"
    assert behind(lines)("tcp 10.200.0.5 > 10.0.0.5:80 in outside") == ("undecided", 17)


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("tcp 8.8.8.8 > 10.0.0.5:80", ("accept", 15)),
        ("tcp 8.8.8.8 > 10.0.0.5:81", ("accept", 16)),
        ("tcp 8.8.8.8 > 10.0.0.5:82", ("drop", 18)),
    ],
)
def test_counters(packet, expected, behind):
    """Entries as `show access-list` prints them, with hit counts and hashes, an inactive one too."""
    lines = (
        "access-list a line 1 extended permit tcp any any eq www (hitcnt=55) 0x1234abcd\n"
        "access-list a line 2 extended permit tcp any any eq 81 log informational interval 300 (hitcnt=0) 0xdeadbeef\n"
        "access-list a line 3 extended permit tcp any any eq 82 (hitcnt=0) (inactive) 0xdeadbeef"
    )
    assert behind(lines + OUT)(packet) == expected


# -- access lists of Ethernet types stand beside those of IP ---------------------------------------------------------

BESIDE = """\
access-list eth ethertype deny {0}
access-list a extended permit tcp any any eq 80
access-group a in interface inside
access-group eth in interface inside
"""


@pytest.mark.parametrize(
    ("denied", "packet", "decision"),
    [
        ("bpdu", "tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("bpdu", "tcp 10.0.0.5 > 8.8.8.8:81", "drop"),
        ("any", "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
        ("any", "tcp 10.0.0.5 > 8.8.8.8:81", "drop"),
        ("0x800", "tcp 10.0.0.5 > 8.8.8.8:80", "undecided"),
    ],
)
def test_ethernet_types(denied, packet, decision, behind):
    """Both have to let a packet through, in whichever order they are applied."""
    lines = BESIDE.format(denied)
    assert behind(lines).decision(packet) == decision
    first, second, third, fourth = lines.splitlines()
    assert behind("\n".join((first, second, fourth, third))).decision(packet) == decision


def test_ethernet_types_that_are_not_ip():
    """A permit denies nothing, and an MPLS label is not IP."""
    denying = ("access-list e ethertype permit any", "access-list e ethertype deny mpls-unicast")
    assert [denies_ethernet_ip(tuple(line.split())) for line in denying] == [False, False]


# -- translation ----------------------------------------------------------------------------------------------------

# "Mapped ... interface ... For this option, you must configure a specific interface for the real_ifc":
# https://www.cisco.com/c/en/us/td/docs/security/asa/asa91/configuration/firewall/asa_91_firewall_config/nat_rules.html
DESTINATION_INTERFACE = """\
object network web
 host 10.0.0.5
object service real
 service tcp destination eq 80
object service mapped
 service tcp destination eq 8080
access-list a extended permit tcp any host 10.0.0.5 eq 80
nat (outside,inside) source static any any destination static interface web service mapped real
"""


@pytest.mark.parametrize(
    ("lines", "packet", "leaves_as"),
    [
        (DESTINATION_INTERFACE + OUT, "tcp 8.8.8.8:7 > 203.0.113.2:8080", "tcp 8.8.8.8:7 > 10.0.0.5:80"),
        (
            "object network o\n range 10.0.0.8 10.0.0.15\n nat (inside,outside) static 203.0.113.9",
            "tcp 10.0.0.8:7 > 8.8.8.8:80",
            "tcp 203.0.113.9:7 > 8.8.8.8:80",
        ),
        (
            "object network o\n subnet fd00:1::/64\n nat (inside,outside) static 2001:db8:1::/64 net-to-net",
            "tcp [fd00:1::8]:7 > [2001:db8:9::1]:80 in inside out outside",
            "tcp [2001:db8:1::8]:7 > [2001:db8:9::1]:80 in inside out outside",
        ),
        (
            "object network o\n subnet 10.0.0.8 255.255.255.248\n nat (inside,outside) static 203.0.113.9",
            "tcp 10.0.0.8:7 > 8.8.8.8:80",
            "tcp 203.0.113.8:7 > 8.8.8.8:80",
        ),
    ],
)
def test_translations(lines, packet, leaves_as, behind):
    """The interface of a mapped destination is the one of arrival; a range begins where it is told to."""
    configuration = behind(lines).configuration
    parsed, expected = Packet.parse(packet), Packet.parse(leaves_as)
    (way,) = configuration.ways(parsed)
    assert decide(configuration.policy(), parsed.header(*way)).headers == (expected.header(*way),)


def test_a_single_address_for_a_whole_network(behind):
    """An address in place of a dynamic rule is one host, not a network as large as the object."""
    lines = "object network o\n subnet 10.0.0.0 255.255.0.0\n nat (inside,outside) dynamic 203.0.113.9"
    configuration = behind(lines).configuration
    parsed = Packet.parse("tcp 10.0.5.5:7 > 8.8.8.8:80")
    (header,) = decide(configuration.policy(), parsed.header(*configuration.ways(parsed)[0])).headers
    assert (header[Field.SRC], header[Field.SPORT]) == (0xCB007109, ((1, 65535),))


# -- routes ---------------------------------------------------------------------------------------------------------

MANAGEMENT = """\
interface Management0/0
 management-only
 nameif management
 security-level 0
 ip address 10.99.0.5 255.255.255.0
route management 0.0.0.0 0.0.0.0 10.99.0.1 1
"""


@pytest.mark.parametrize(
    ("release", "packet", "expected"),
    [
        ("9.12(4)", "tcp 10.0.0.5 > 8.8.8.8:80", ("accept", 6)),
        ("9.12(4)", "tcp 10.0.0.5 > 10.99.0.9:80", ("accept", 6)),  # by the default route of the data interfaces
        ("9.12(4)", "tcp 10.0.0.5 > 10.99.0.9:80 out management", ("drop", 16)),
        ("9.12(4)", "tcp 10.99.0.9 > 10.0.0.5:22", ("drop", 16)),
        ("9.12(4)", "tcp 10.99.0.9 > 8.8.8.8:22", ("drop", 16)),
        ("9.4(4)", "tcp 10.0.0.5 > 10.99.0.9:80", ("drop", 16)),
    ],
)
def test_management_has_a_routing_table_of_its_own(release, packet, expected, answers):
    """Since 9.5 its routes lead no packet through the firewall; before, there was one table for all.

    https://www.cisco.com/c/en/us/td/docs/security/asa/asa97/configuration/general/asa-97-general-config/route-overview.html
    """
    assert answers(HEAD.replace("9.12(4)", release) + MANAGEMENT + ": end\n")(packet) == expected


FAR_INSIDE = "route inside 10.0.0.0 255.0.0.0 10.0.0.254\nip local pool P 10.200.0.1-10.200.0.9\n"
REVERSE_ROUTE = """\
access-list v extended permit ip 10.0.0.0 255.255.0.0 10.91.0.0 255.255.0.0
crypto map m 1 match address v
crypto map m 1 set reverse-route
crypto map m interface outside
route inside 10.91.0.0 255.255.0.0 10.0.0.254
"""


@pytest.mark.parametrize(
    ("lines", "packet", "ways"),
    [
        (
            FAR_INSIDE + "webvpn\n enable outside",
            "tcp 172.16.1.5 > 10.200.0.5:80",
            [("dmz", "inside"), ("dmz", "outside")],
        ),
        (
            FAR_INSIDE + "webvpn\n enable outside",
            "tcp 10.200.0.5 > 172.16.1.5:80",
            [("inside", "dmz"), ("outside", "dmz")],
        ),
        (FAR_INSIDE + "webvpn\n enable outside", "tcp 172.16.1.5 > 10.201.0.5:80", [("dmz", "inside")]),
        (FAR_INSIDE, "tcp 172.16.1.5 > 10.200.0.5:80", [("dmz", "inside")]),
        (REVERSE_ROUTE, "tcp 172.16.1.5 > 10.91.0.5:80", [("dmz", "inside"), ("dmz", "outside")]),
        (REVERSE_ROUTE, "tcp 10.0.0.5 > 8.8.8.8:80", [("inside", "outside")]),
        (
            REVERSE_ROUTE.replace("crypto map m 1 set reverse-route\n", ""),
            "tcp 172.16.1.5 > 10.91.0.5:80",
            [("dmz", "inside")],
        ),
    ],
)
def test_tunnels_bring_routes(lines, packet, ways, behind):
    """The addresses of connected users, and of tunnels with reverse routes, lie behind the tunnel while it is up."""
    configuration = behind(lines).configuration
    name = configuration.interfaces.name
    found = configuration.ways(Packet.parse(packet))
    assert sorted((name(arrives), name(leaves)) for arrives, leaves in found) == ways


POLICY_ROUTE = """\
interface GigabitEthernet0/3
 nameif guest
 security-level 20
 ip address 192.168.9.1 255.255.255.0
 policy-route route-map M
"""


@pytest.mark.parametrize(
    ("packet", "decision"),
    [
        ("tcp 10.0.0.5 > 8.8.8.8:80", "accept"),
        ("tcp 192.168.9.5 > 8.8.8.8:80", "undecided"),
        ("tcp 192.168.9.5 > 8.8.8.8:80 out outside", "accept"),
        ("tcp 192.168.9.5 > 172.16.1.5:80 out dmz", "drop"),
        ("tcp 8.8.8.8 > 192.168.9.5:80", "drop"),
    ],
)
def test_policy_routing(packet, decision, behind):
    """A route map redirects what arrives on its own interface, and nothing else."""
    assert behind(POLICY_ROUTE).decision(packet) == decision


ZONED = """\
interface GigabitEthernet0/4
 nameif east
 security-level 10
 zone-member z
 ip address 198.51.100.2 255.255.255.0
interface GigabitEthernet0/5
 nameif west
 security-level 10
 zone-member z
 ip address 192.0.2.2 255.255.255.0
route east 10.77.0.0 255.255.0.0 198.51.100.1
route west 10.77.0.0 255.255.0.0 192.0.2.1
ip verify reverse-path interface east
ip verify reverse-path interface west
access-list z extended permit ip any any
access-group z in interface east
access-group z in interface west
"""


@pytest.mark.parametrize(
    ("lines", "packet", "decision"),
    [
        (ZONED, "tcp 10.0.0.5 > 10.77.0.5:80", "accept"),
        (ZONED, "tcp 10.77.0.5 > 10.0.0.5:80 in east", "accept"),
        (ZONED, "tcp 10.77.0.5 > 10.0.0.5:80 in west", "accept"),
        (ZONED, "tcp 10.78.0.5 > 10.0.0.5:80 in west", "drop"),
        (ZONED, "tcp 198.51.100.9 > 192.0.2.9:80", "drop"),
        (ZONED + "same-security-traffic permit inter-interface", "tcp 198.51.100.9 > 192.0.2.9:80", "undecided"),
        (
            ZONED + "same-security-traffic permit inter-interface\nsame-security-traffic permit intra-interface",
            "tcp 198.51.100.9 > 192.0.2.9:80",
            "accept",
        ),
    ],
)
def test_traffic_zones(lines, packet, decision, behind):
    """Routes of equal cost lead through every member, and each is a way back to the source."""
    assert behind(lines).decision(packet) == decision


# -- users ----------------------------------------------------------------------------------------------------------

USERS = "ip local pool P 10.200.0.1-10.200.0.9\naccess-list f extended deny ip any any\nwebvpn\n enable outside\n"
SIGN_IN = (
    "aaa authentication match m outside RAD\naccess-list m extended permit tcp any any\n"
    "access-list a extended permit tcp any any eq 80\naccess-group a in interface outside"
)


@pytest.mark.parametrize(
    ("lines", "packet", "decision"),
    [
        (USERS + "username bob attributes\n vpn-filter value f", "tcp 10.0.0.5 > 10.200.0.5:80", "undecided"),
        (USERS + "username bob attributes\n vpn-filter none", "tcp 10.0.0.5 > 10.200.0.5:80", "accept"),
        (USERS + "dynamic-access-policy-record D\n network-acl f", "tcp 10.0.0.5 > 10.200.0.5:80", "undecided"),
        (SIGN_IN, "tcp 8.8.8.8 > 10.0.0.5:22", "drop"),
        (SIGN_IN + " per-user-override", "tcp 8.8.8.8 > 10.0.0.5:22", "undecided"),
    ],
)
def test_access_lists_of_users(lines, packet, decision, behind):
    """A user's own filter may refuse what passes, and with per-user-override permit what does not."""
    assert behind(lines).decision(packet) == decision


# -- service policies -----------------------------------------------------------------------------------------------

PING = "class-map c\n match any\npolicy-map p\n class c\n  inspect icmp\n{0}service-policy p {1}\n"


@pytest.mark.parametrize(
    ("taken_back", "where", "decision"),
    [
        ("", "global", "accept"),
        ("  no inspect icmp\n", "global", "drop"),
        ("", "interface nosuch", "drop"),
        ("", "interface nosuch\nservice-policy p interface outside", "accept"),
    ],
)
def test_inspection(taken_back, where, decision, behind):
    """What is taken back, or applied to an interface that does not exist, inspects nothing."""
    packet = "icmp 8.8.8.8 > 10.0.0.5 type 0 code 0 state established"
    assert behind(PING.format(taken_back, where)).decision(packet) == decision


@pytest.mark.parametrize(
    ("inspection", "packet", "decision"),
    [
        ("pptp", "gre 8.8.8.8 > 10.0.0.5 state related", "undecided"),
        ("pptp", "gre 8.8.8.8 > 10.0.0.5", "drop"),
        ("ipsec-pass-thru", "esp 8.8.8.8 > 10.0.0.5 state related", "undecided"),
        ("ftp", "esp 8.8.8.8 > 10.0.0.5 state related", "drop"),
    ],
)
def test_inspection_of_control_connections(inspection, packet, decision, behind):
    """What PPTP and IKE negotiate belongs to their connections where these are inspected."""
    assert (
        behind(PING.format("", "global").replace("inspect icmp", f"inspect {inspection}")).decision(packet) == decision
    )


def test_interfaces_that_nothing_crosses(behind):
    """A packet arrives on no loopback interface, and whoever comes by a dynamic tunnel may pass the access lists."""
    loopback = "interface loopback1\n nameif lo\n security-level 100\n ip address 192.0.2.1 255.255.255.255\n"
    template = "interface Virtual-Template1 type tunnel\n nameif vt\n ip unnumbered outside\n"
    answers = behind(loopback + template)
    name = answers.configuration.interfaces.name
    ways = answers.configuration.ways(Packet.parse("tcp [fd00::1] > [fd00::2]:80 in inside"))
    assert sorted(name(leaves) for _, leaves in ways) == ["dmz", "outside", "vt"]
    assert answers.decision("tcp 10.91.0.5 > 10.0.0.5:80 in vt") == "undecided"


# -- bounded time ---------------------------------------------------------------------------------------------------

_MANY = 1000


def _network(number):
    return f"10.{number >> 8 & 255}.{number & 255}.0"


CRAFTED = {
    "a class of many entries, inspected": "class-map c\n match access-list x\npolicy-map p\n class c\n  inspect icmp\n"
    "service-policy p global\nobject network o\n host 10.0.0.5\n nat (inside,outside) static 203.0.113.9\n"
    + "".join(f"access-list x extended permit icmp {_network(n)} 255.255.255.0 any\n" for n in range(_MANY)),
    "many conditions on one class": "class-map c\n"
    + "".join(f" match access-list x{n}\n" for n in range(8))
    + "".join(f"access-list x{n % 8} extended permit tcp any any range {n} 60000\n" for n in range(_MANY))
    + "policy-map p\n class c\n  inspect icmp\nservice-policy p global\n",
    "policies on interfaces that do not exist": "policy-map p\n"
    + "".join(f" class c{n}\n  inspect x\n" for n in range(_MANY))
    + "".join(f"service-policy p interface n{n}\n" for n in range(_MANY)),
    "remote users on many interfaces": "".join(
        f"interface Vlan{n}\n nameif n{n}\n security-level 5\nip local pool p{n} {_network(n)}-{_network(n)}\n"
        for n in range(_MANY)
    )
    + "webvpn\n"
    + "".join(f" enable n{n}\n" for n in range(_MANY)),
    "a crypto map on many interfaces": "access-list x extended permit ip any 10.91.0.0 255.255.0.0\n"
    + "".join(
        f"interface Vlan{n}\n nameif n{n}\n security-level 5\ncrypto map m {n} match address x\n"
        f"crypto map m interface n{n}\n"
        for n in range(_MANY)
    ),
    "groups within groups, each with a line that is not understood": "".join(
        f"object-group network g{n}\n network-object host nosuch{n}\n" + (f" group-object g{n - 1}\n" if n else "")
        for n in range(4 * _MANY)
    ),
    "one large group in many rules": "object-group network g\n"
    + "".join(f" network-object host {_network(n)}\n" for n in range(0, _MANY, 2))
    + "nat (inside,outside) source static g g destination static g g\n" * (_MANY // 2),
}


@pytest.mark.parametrize("lines", CRAFTED.values(), ids=CRAFTED)
def test_crafted_files_take_bounded_time(lines, behind):
    """What multiplies is bounded; each of these once took tens of seconds or gigabytes."""
    start = time.process_time()
    behind(lines)
    assert time.process_time() - start < 10


# -- what stands around a configuration, and what nothing uses --------------------------------------------------------


def test_what_else_the_terminal_showed(answers):
    """Greetings before the version and farewells after the end are no commands of the configuration."""
    greeting = "User Access Verification\nType help or '?' for a list of available commands.\nfw# show running-config\n"
    farewell = ": end\nfw# exit\nLogoff\nConnection to fw closed by foreign host\n"
    found = answers(greeting + HEAD + "access-list a extended permit ip any any" + OUT + farewell)
    assert found.configuration.census.unknown == ()
    assert found("tcp 8.8.8.8 > 10.0.0.5:80") == ("accept", 18)


def test_a_strange_line_within_is_not_passed_over(answers):
    """Between the version and the end every line counts."""
    census = answers("Hello there\n" + HEAD + "Hello there\n: end\nHello there\n").configuration.census
    assert [(found.source.line, found.scope) for found in census.unknown] == [(16, "point")]


@pytest.mark.parametrize(
    ("lines", "remark"),
    [
        ("time-range lunch\n periodic daily 12:00 to 13:00", ("unused", 15, "time-range lunch is never used")),
        ("group-policy g attributes\n vpn-filter value f", ("undefined", 16, "access-list f is not defined")),
        (
            "class-map type management m\n match port tcp eq 22\npolicy-map p\n class m\n  set connection conn-max 5\n"
            "service-policy p interface nosuch",
            ("undefined", 20, "interface nosuch is not defined"),
        ),
    ],
)
def test_remarks(lines, remark, behind):
    """Nothing uses it, or nothing defines it; and nothing else is remarked."""
    found = behind(lines).configuration.remarks
    assert [(one.kind, one.source.line, one.message) for one in found] == [remark]
