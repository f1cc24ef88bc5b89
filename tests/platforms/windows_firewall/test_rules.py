"""What each member of a rule means, one at a time."""

import pytest
from tests.platforms.windows_firewall.hosts import INTERFACE, PROFILE, decided, decision, host

HOME = "tcp 10.0.0.9:40000 > 10.0.0.1:80"
AWAY = "tcp 10.9.0.9:40000 > 10.0.0.1:80"
SIX = "tcp [fd00::9]:40000 > [fd00::1]:80"
DUAL = INTERFACE | {"Addresses": ["10.0.0.1/24", "fd00::1/64"]}
SVCHOST = r"%SystemRoot%\System32\svchost.exe"


def listener(program, *services, port=80, protocol="TCP", address="0.0.0.0"):
    return {
        "Protocol": protocol, "LocalAddress": address, "LocalPort": port, "Program": program, "Services": [*services]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "packet", "expected"),
    [
        ({}, HOME, "accept"),
        ({"Enabled": "False"}, HOME, "drop"),
        ({"Enabled": 2}, HOME, "drop"),
        ({"Enabled": "Perhaps"}, HOME, "undecided"),
        ({"Action": "Block"}, HOME, "drop"),
        ({"Action": 4}, HOME, "drop"),
        ({"Action": "Ponder"}, HOME, "undecided"),
        ({"Direction": "Outbound"}, HOME, "drop"),
        ({"Direction": 2}, HOME, "drop"),
        ({"Direction": "Sideways"}, HOME, "undecided"),
        ({"Profile": "Domain, Private"}, HOME, "accept"),
        ({"Profile": "Public"}, HOME, "drop"),
        ({"Profile": 3}, HOME, "accept"),
        ({"Profile": 4}, HOME, "drop"),
        ({"Profile": 0}, HOME, "accept"),
        ({"Profile": "Office"}, HOME, "undecided"),
        ({"Protocol": "Any"}, HOME, "accept"),
        ({"Protocol": "6"}, HOME, "accept"),
        ({"Protocol": 6}, HOME, "accept"),
        ({"Protocol": "UDP"}, HOME, "drop"),
        ({"Protocol": "GRE"}, "gre 10.0.0.9 > 10.0.0.1", "accept"),
        ({"Protocol": 50}, "esp 10.0.0.9 > 10.0.0.1", "accept"),
        ({"Protocol": 256}, HOME, "undecided"),
        ({"Protocol": "QUIC"}, HOME, "undecided"),
        ({"Protocol": "Any", "LocalPort": "80"}, HOME, "undecided"),
        ({"LocalPort": "80"}, HOME, "accept"),
        ({"LocalPort": 80}, HOME, "accept"),
        ({"LocalPort": ["79", "81-90"]}, HOME, "drop"),
        ({"LocalPort": ["79", "80-90"]}, HOME, "accept"),
        ({"LocalPort": {"value": ["79", "80"], "Count": 2}}, HOME, "accept"),
        ({"LocalPort": "90-80"}, HOME, "undecided"),
        ({"LocalPort": "80-70000"}, HOME, "undecided"),
        ({"LocalPort": "Web"}, HOME, "undecided"),
        ({"LocalPort": "RPC"}, HOME, "drop"),
        ({"LocalPort": "RPC"}, "tcp 10.0.0.9:40000 > 10.0.0.1:50000", "undecided"),
        ({"LocalPort": "RPCEPMap"}, "tcp 10.0.0.9:40000 > 10.0.0.1:135", "accept"),
        ({"LocalPort": "RPCEPMap"}, "tcp 10.0.0.9:40000 > 10.0.0.1:593", "undecided"),
        ({"LocalPort": "mDNS", "Protocol": "UDP"}, "udp 10.0.0.9:5353 > 10.0.0.1:5353", "accept"),
        ({"LocalPort": "PlayToDiscovery", "Protocol": "UDP"}, "udp 10.0.0.9:5353 > 10.0.0.1:1900", "undecided"),
        ({"LocalPort": "IPHTTPSIn"}, HOME, "drop"),
        ({"LocalPort": "Teredo", "Protocol": "UDP"}, "udp 10.0.0.9:5353 > 10.0.0.1:50000", "drop"),
        ({"RemotePort": "40000"}, HOME, "accept"),
        ({"RemotePort": "1-1023"}, HOME, "drop"),
        ({"RemoteAddress": "10.0.0.9"}, HOME, "accept"),
        ({"RemoteAddress": "10.0.0.0/255.255.255.0"}, HOME, "accept"),
        ({"RemoteAddress": "10.0.0.0/255.255.255.0"}, AWAY, "drop"),
        ({"RemoteAddress": "10.0.0.77/24"}, HOME, "accept"),
        ({"RemoteAddress": "10.0.0.0/0.0.0.255"}, HOME, "undecided"),
        ({"RemoteAddress": "10.0.0.8-10.0.0.9"}, HOME, "accept"),
        ({"RemoteAddress": "fd00::/64"}, HOME, "drop"),
        ({"RemoteAddress": "fd00::/64"}, SIX, "accept"),
        ({"RemoteAddress": ["fd00::/64", "10.0.0.9"]}, HOME, "accept"),
        ({"RemoteAddress": "fileserver.contoso.local"}, HOME, "undecided"),
        ({"RemoteAddress": "LocalSubnet"}, HOME, "accept"),
        ({"RemoteAddress": "LocalSubnet"}, AWAY, "drop"),
        ({"RemoteAddress": "LocalSubnet"}, SIX, "accept"),
        ({"RemoteAddress": "LocalSubnet4"}, SIX, "drop"),
        ({"RemoteAddress": "localsubnet6"}, SIX, "accept"),
        ({"RemoteAddress": "DNS"}, HOME, "drop"),
        ({"RemoteAddress": "Intranet"}, HOME, "undecided"),
        ({"RemoteAddress": "Internet6"}, HOME, "drop"),
        ({"RemoteDynamicKeywordAddresses": ["{guid}"], "RemoteAddress": "10.9.9.9"}, HOME, "undecided"),
        ({"LocalAddress": "10.0.0.1"}, HOME, "accept"),
        ({"LocalAddress": "10.0.0.2"}, HOME, "drop"),
        ({"LocalAddress": "LocalSubnet"}, HOME, "undecided"),
        ({"Protocol": "ICMPv4", "IcmpType": "8"}, "icmp 10.0.0.9 > 10.0.0.1 type 8 code 0", "accept"),
        ({"Protocol": 1, "IcmpType": ["3:4", "8:*"]}, "icmp 10.0.0.9 > 10.0.0.1 type 3 code 4", "accept"),
        ({"Protocol": 1, "IcmpType": ["3:4", "8:*"]}, "icmp 10.0.0.9 > 10.0.0.1 type 3 code 3", "drop"),
        ({"Protocol": "ICMPv4"}, "icmp 10.0.0.9 > 10.0.0.1 type 13 code 0", "accept"),
        ({"Protocol": "ICMPv6", "IcmpType": "128"}, "icmpv6 [fd00::9] > [fd00::1] type 128 code 0", "accept"),
        ({"Protocol": "ICMPv6", "IcmpType": "128"}, "icmp 10.0.0.9 > 10.0.0.1 type 128 code 0", "drop"),
        ({"Protocol": "ICMPv4", "IcmpType": "ping"}, "icmp 10.0.0.9 > 10.0.0.1 type 8 code 0", "undecided"),
        ({"Protocol": "ICMPv4", "IcmpType": "ping"}, HOME, "drop"),
        ({"InterfaceAlias": "Ethernet0"}, HOME, "accept"),
        ({"InterfaceAlias": ["WLAN", "ETHERNET0"]}, HOME, "accept"),
        ({"InterfaceAlias": "WLAN"}, HOME, "drop"),
        ({"InterfaceAlias": "Eth*"}, HOME, "undecided"),
        ({"InterfaceType": "Wired"}, HOME, "accept"),
        ({"InterfaceType": 3}, HOME, "accept"),
        ({"InterfaceType": "Wireless, RemoteAccess"}, HOME, "drop"),
        ({"InterfaceType": "Carrier"}, HOME, "undecided"),
        ({"Program": r"C:\x.exe"}, HOME, "undecided"),
        ({"Service": "x"}, HOME, "undecided"),
        ({"Package": "S-1-15-2-1"}, HOME, "undecided"),
        ({"LocalUser": "O:LSD:(A;;CC;;;S-1-5-21-1)"}, HOME, "undecided"),
        ({"RemoteUser": "O:LSD:(A;;CC;;;S-1-5-21-1)"}, HOME, "undecided"),
        ({"RemoteMachine": "O:LSD:(A;;CC;;;S-1-5-21-1)"}, HOME, "undecided"),
        ({"Owner": "S-1-5-21-1"}, HOME, "undecided"),
        ({"DynamicTarget": "ProximityApps"}, HOME, "undecided"),
        ({"PrimaryStatus": "Error"}, HOME, "undecided"),
        ({"PrimaryStatus": 1}, HOME, "accept"),
        ({"Platform": ["6.1", "6.2+"]}, HOME, "accept"),
        ({"Platform": "6.1"}, HOME, "drop"),
        ({"Platform": "Vista"}, HOME, "undecided"),
        ({"Authentication": "Required"}, HOME, "drop"),
        ({"Encryption": 1}, HOME, "drop"),
        ({"Authentication": "Perhaps"}, HOME, "undecided"),
        ({"OverrideBlockRules": "Perhaps"}, HOME, "undecided"),
        ({"OverrideBlockRules": False}, HOME, "accept"),
        ({"EdgeTraversalPolicy": "DeferToUser"}, HOME, "accept"),
        ({"DisplayGroup": "@FirewallAPI.dll,-28502", "LooseSourceMapping": True}, HOME, "accept"),
        ({"Weather": "fair"}, HOME, "undecided"),
        ({"LocalPort": None}, HOME, "undecided"),
        ({"Program": None}, HOME, "undecided"),
        ({"RemoteUser": {"a": 1}}, HOME, "undecided"),
        ({"LocalPort": None, "RemoteAddress": "10.9.9.9"}, HOME, "drop"),
    ],
)
def test_a_member_of_a_rule(rule, packet, expected):
    """Alone, on a host that blocks what no rule permits and has no connection security rule."""
    assert decided(host(rule, interfaces=[DUAL]), packet) == expected


@pytest.mark.parametrize(
    ("rule", "listening", "expected"),
    [
        ({"Program": r"C:\App\app.exe"}, listener(r"C:\APP\APP.EXE"), "accept"),
        ({"Program": r"C:\App\app.exe"}, listener(r"C:\other.exe"), "drop"),
        ({"Program": r"C:\App\app.exe"}, listener(None), "undecided"),
        ({"Program": r"C:\App\app.exe"}, listener(r"C:\App\app.exe", port=81), "undecided"),
        ({"Program": r"C:\App\app.exe"}, listener(r"C:\other.exe", protocol="UDP"), "undecided"),
        ({"Program": r"C:\App\app.exe"}, listener(r"C:\other.exe", address="127.0.0.1"), "undecided"),
        ({"Program": r"C:\PROGRA~1\app.exe"}, listener(r"C:\Program Files\app.exe"), "undecided"),
        ({"Program": r"%Nowhere%\app.exe"}, listener(r"C:\app.exe"), "undecided"),
        ({"Program": r"%Nowhere%\app.exe"}, listener(r"C:\other.exe"), "drop"),
        ({"Program": "System"}, listener("System"), "accept"),
        ({"Program": r"C:\App\app.exe"}, listener("System"), "drop"),
        ({"Program": SVCHOST, "Service": "W"}, listener(r"C:\Windows\System32\svchost.exe", "V", "W"), "accept"),
        ({"Program": SVCHOST, "Service": "W"}, listener(r"C:\Windows\System32\svchost.exe", "V"), "drop"),
        ({"Service": "anonymous"}, listener(r"C:\a.exe", "anonymous"), "undecided"),
        ({"Service": "*"}, listener(r"C:\a.exe", "W"), "accept"),
        ({"Service": "*"}, listener(r"C:\a.exe"), "drop"),
        ({"Package": "S-1-15-2-1"}, listener(r"C:\a.exe", "W"), "drop"),
        ({"Package": "S-1-15-2-1"}, listener(r"C:\a.exe"), "undecided"),
    ],
)
def test_who_listens_tells_whether_a_rule_is_for_the_port(rule, listening, expected):
    """By path, with variables and without regard to capitals, and by service."""
    services = [{"Name": "w", "ServiceSidType": 1}, {"Name": "anonymous", "ServiceSidType": None}]
    assert decided(host(rule, listeners=[listening], services=services), HOME) == expected


def test_two_listeners_on_a_port_leave_it_open():
    """A rule for one of them may be for the packet."""
    both = [listener(r"C:\a.exe", address="10.0.0.1"), listener(r"C:\b.exe", address="10.0.0.2")]
    assert decided(host({"Program": r"C:\a.exe"}, listeners=both), HOME) == "undecided"


@pytest.mark.parametrize(
    ("packet", "program", "expected"),
    [
        ("icmp 10.0.0.9 > 10.0.0.1 type 8 code 0", "System", "accept"),
        ("icmp 10.0.0.9 > 10.0.0.1 type 8 code 0", r"C:\a.exe", "drop"),
        ("esp 10.0.0.9 > 10.0.0.1", "System", "undecided"),
    ],
)
def test_the_kernel_answers_pings(packet, program, expected):
    """ICMP is received by the system itself; other protocols without ports by nobody knows whom."""
    assert decided(host({"Program": program, "Protocol": "Any"}), packet) == expected


def test_block_beats_allow_wherever_it_stands():
    """The order of rules says nothing; neither does how exact they are."""
    rules = [{"RemoteAddress": "10.0.0.9", "LocalPort": "80"}, {"Action": "Block", "Protocol": "Any"}]
    assert {decided(host(*order), HOME) for order in (rules, rules[::-1])} == {"drop"}


def test_a_block_that_is_not_certain_leaves_a_permit_undecided():
    """And without a permit the default decides."""
    block = {"Action": "Block", "RemoteAddress": "Internet"}
    assert decided(host({}, block), HOME) == "undecided"
    assert decided(host(block), HOME) == "drop"


@pytest.mark.parametrize(("rules", "expected"), [([], "drop"), ([{"Action": "Block"}], "drop")])
def test_a_bypass_rule_needs_ipsec(rules, expected):
    """It beats block rules for those who prove themselves; where no rule provides IPsec, it is as though not there."""
    bypass = {"Authentication": "Required", "OverrideBlockRules": "True", "RemoteMachine": "O:LSD:(A;;CC;;;S-1-1)"}
    offer = [{"DisplayName": "offer", "Enabled": "True", "InboundSecurity": "Request", "OutboundSecurity": "Request"}]
    assert decided(host(bypass, *rules), HOME) == expected
    assert decided(host(bypass, *rules, ipsec=offer), HOME) == "undecided"


@pytest.mark.parametrize(
    ("demand", "packet", "hook", "expected"),
    [
        ({"InboundSecurity": "Require"}, HOME, "input", "undecided"),
        ({"InboundSecurity": "Request"}, HOME, "input", "accept"),
        ({"InboundSecurity": 2}, HOME, "input", "undecided"),
        ({"InboundSecurity": "Require", "RemoteAddress": ["10.9.0.0/16"]}, HOME, "input", "accept"),
        ({"InboundSecurity": "Require", "RemoteAddress": ["10.9.0.0/16"]}, AWAY, "input", "undecided"),
        ({"InboundSecurity": "Require", "Enabled": "False"}, HOME, "input", "accept"),
        ({"OutboundSecurity": "Require"}, "tcp 10.0.0.1:40000 > 10.9.0.9:80", "output", "undecided"),
        ({"OutboundSecurity": "None"}, "tcp 10.0.0.1:40000 > 10.9.0.9:80", "output", "accept"),
    ],
)
def test_what_requires_ipsec_may_drop_the_rest(demand, packet, hook, expected):
    """Whether the other end has it, packets do not show."""
    rule = {"DisplayName": "d", "Enabled": "True", "InboundSecurity": "None", "OutboundSecurity": "None"}
    assert decided(host({}, ipsec=[rule | {"RemoteAddress": "Any"} | demand]), packet, hook) == expected


def test_a_service_that_windows_restricts():
    """Its own rule permits nothing beyond; what the restriction allows is not in doubt."""
    store = {"PolicyStoreSource": "StaticServiceStore", "PolicyStoreSourceType": "Hardcoded", "Service": "W"}
    rules = [{}, store | {"Action": "Block", "Protocol": "Any"}, store | {"LocalPort": "80"}]
    parts = {
        "listeners": [listener(r"C:\w.exe", "W"), listener(r"C:\w.exe", "W", port=81), listener(r"C:\x.exe", port=82)],
        "services": [{"Name": "W", "ServiceSidType": "1"}],
    }
    found = {port: decided(host(*rules, **parts), HOME.replace(":80", f":{port}")) for port in (80, 81, 82, 83)}
    assert found == {80: "accept", 81: "undecided", 82: "accept", 83: "accept"}
    assert decided(host(*rules[2:], **parts), HOME) == "drop"


@pytest.mark.parametrize(
    ("setting", "hook", "expected"),
    [
        ({}, "input", "drop"),
        ({"DefaultInboundAction": "NotConfigured"}, "input", "drop"),
        ({"DefaultInboundAction": 0}, "input", "drop"),
        ({"DefaultInboundAction": "Allow"}, "input", "accept"),
        ({"DefaultInboundAction": ""}, "input", "undecided"),
        ({"DefaultOutboundAction": "NotConfigured"}, "output", "accept"),
        ({"DefaultOutboundAction": 4}, "output", "drop"),
        ({"Enabled": "False"}, "input", "accept"),
        ({"Enabled": 0}, "input", "accept"),
        ({"Enabled": "NotConfigured"}, "input", "drop"),
        ({"Enabled": ""}, "input", "undecided"),
        ({"DisabledInterfaceAliases": ["Ethernet0"]}, "input", "accept"),
        ({"DisabledInterfaceAliases": ["WLAN"]}, "input", "drop"),
        ({"AllowUnicastResponseToMulticast": "True"}, "input", "drop"),
        ({"Weather": "fair"}, "input", "undecided"),
    ],
)
def test_a_setting_of_the_profile(setting, hook, expected):
    """Without any rule; what is not configured is as Windows has it: block in, allow out."""
    profiles = [PROFILE | {"Name": "Domain"} | setting]
    packet = HOME if hook == "input" else "tcp 10.0.0.1:40000 > 10.9.0.9:80"
    assert decided(host(profiles=profiles), packet, hook, "domain") == expected


@pytest.mark.parametrize(
    ("setting", "kind", "expected"),
    [
        ({"AllowInboundRules": "False"}, "Local", "drop"),
        ({"AllowInboundRules": 2}, "Local", "accept"),
        ({"AllowInboundRules": ""}, "Local", "undecided"),
        ({"AllowInboundRules": "False", "DefaultInboundAction": "Allow"}, "Local", "undecided"),
        ({"AllowLocalFirewallRules": "False"}, "Local", "drop"),
        ({"AllowLocalFirewallRules": "False"}, 1, "drop"),
        ({"AllowLocalFirewallRules": "False"}, "GroupPolicy", "accept"),
        ({"AllowLocalFirewallRules": "False"}, "Somewhere", "undecided"),
        ({"AllowLocalFirewallRules": ""}, "Local", "undecided"),
    ],
)
def test_profiles_that_do_not_take_every_rule(setting, kind, expected):
    """No inbound rules at all, or none of the computer's own beside those of Group Policy."""
    profiles = [PROFILE | {"Name": "Domain"} | setting]
    text = host({"PolicyStoreSourceType": kind}, profiles=profiles)
    assert decided(text, HOME, profile="domain") == expected


@pytest.mark.parametrize(
    "parts",
    [
        {"computer": {"Name": "H", "FirewallService": "Stopped"}},
        {"computer": None},
        {"ipsec": None},
        {"profiles": None},
        {"rules": None},
        {"weather": {}},
    ],
)
def test_without_a_part_nothing_is_certain(parts):
    """Neither what passes nor what does not; what belongs to a known connection passes all the same."""
    for rule in ({}, {"Action": "Block"}):
        text = host(rule, **parts)
        assert decided(text, HOME) == "undecided"
        assert decided(text, f"{HOME} state established") == "accept"


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("tcp 10.0.0.9:40000 > 10.0.0.1:80 state established", "accept"),
        ("udp 10.0.0.9:40000 > 10.0.0.1:80 state related", "accept"),
        ("tcp 10.0.0.9:40000 > 10.0.0.1:80 state invalid", "drop"),
        ("tcp 127.0.0.1:40000 > 127.0.0.1:80", "accept"),
        ("tcp [::1]:40000 > [::1]:80", "accept"),
        ("tcp 10.0.0.1:40000 > 10.0.0.1:80", "accept"),
        ("tcp 127.0.0.1:40000 > 10.9.0.1:80", "drop"),
    ],
)
def test_what_is_not_asked_of_rules(packet, expected):
    """Connections that are known, and the host's talk with itself."""
    assert decided(host({"Action": "Block"}), packet) == expected


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("tcp 10.0.0.9:40000 > 10.0.0.1:80", "drop"),
        ("tcp 10.0.0.1:40000 > 10.0.0.9:80", "accept"),
        ("udp 10.0.0.9:40000 > 224.0.0.251:5353", "drop"),
        ("tcp 10.8.0.9:40000 > 10.9.0.1:80", "undecided"),
        ("tcp 127.0.0.1:40000 > 127.0.0.1:80", "accept"),
    ],
)
def test_without_a_hook_the_addresses_tell_what_is_sent(packet, expected):
    """Packets between others are not the host's; nothing is said of them."""
    assert decided(host(), packet, "forward") == expected


def test_a_rule_is_named_as_people_know_it():
    """In one line, with its line in the file, and without control characters."""
    text = host({"DisplayName": "SQL\n\x1b[31m Server", "LocalPort": "1433", "RemoteAddress": ["10.0.0.0/24"]})
    rule = decision(text.replace('{"Name": "r"', '\n{"Name": "r"'), "tcp 10.0.0.9:40000 > 10.0.0.1:1433").rule
    assert (rule.source.line, rule.source.text) == (2, 'allow in "SQL [31m Server" TCP 1433 remote 10.0.0.0/24')
