"""Hosts to test with: the cases of this folder, and small ones around a few rules."""

import json
from pathlib import Path
from typing import NamedTuple

from portwright.files import read_text
from portwright.packets.packet import Packet
from portwright.platforms import read, recognize
from portwright.policy.answer import Answerer

NAME = "windows-firewall"
CASES = sorted(one for one in (Path(__file__).parent / "cases").iterdir() if one.is_dir())
RULE = {
    "Name": "r", "DisplayName": "r", "Enabled": "True", "Profile": "Any", "Direction": "Inbound", "Action": "Allow",
    "PolicyStoreSource": "PersistentStore", "PolicyStoreSourceType": "Local", "Protocol": "TCP", "LocalPort": "Any",
    "RemotePort": "Any", "IcmpType": "Any", "DynamicTarget": "Any", "LocalAddress": "Any", "RemoteAddress": "Any",
    "Program": "Any", "Package": "", "Service": "Any", "InterfaceAlias": "Any", "InterfaceType": "Any",
    "Authentication": "NotRequired", "Encryption": "NotRequired", "OverrideBlockRules": "False", "LocalUser": "Any",
    "RemoteUser": "Any", "RemoteMachine": "Any",
}  # fmt: skip
PROFILE = {
    "Enabled": "True", "DefaultInboundAction": "Block", "DefaultOutboundAction": "Allow", "AllowInboundRules": "True",
    "AllowLocalFirewallRules": "True", "DisabledInterfaceAliases": "NotConfigured",
}  # fmt: skip
INTERFACE = {
    "InterfaceAlias": "Ethernet0", "Type": "Wired", "Category": "DomainAuthenticated", "Addresses": ["10.0.0.1/24"],
    "Gateways": [], "DnsServers": [], "DhcpServers": [], "WinsServers": [],
}  # fmt: skip


class Expected(NamedTuple):
    under: str  # hook, and the profile that is in force where the file does not say
    packet: str
    decided: str
    line: int


def host(*rules, **parts):
    """The file of a host with these rules; other parts by name."""
    made = {
        "schema": "portwright.windows-host/1",
        "computer": {"Name": "H", "Version": "10.0.17763", "FirewallService": "Running"},
        "environment": {"SystemRoot": r"C:\Windows"},
        "profiles": [PROFILE | {"Name": name} for name in ("Domain", "Private", "Public")],
        "interfaces": [INTERFACE],
        "rules": [RULE | rule for rule in rules],
        "ipsec": [],
        "tunnels": {"Teredo": False, "IPHttps": False},
        "listeners": [],
        "services": [],
        "ports": {},
        "notes": [],
    }
    return json.dumps(made | parts)


def decision(text, packet, hook="input", profile=None):
    """What a file says of a packet."""
    return Answerer(read(NAME, text, "host.json", profile), hook).decide(Packet.parse(packet))


def decided(text, packet, hook="input", profile=None):
    """The same, as a word."""
    return decision(text, packet, hook, profile).decided.value


def expectations(case):
    """The lines `PACKET -> decision line`, each under its hook and profile."""
    found, under = [], ""
    for text in (case / "decisions.txt").read_text().splitlines()[1:]:
        if "->" in text:
            packet, _, answer = text.partition(" -> ")
            found.append(Expected(under, packet, answer.split()[0], int(answer.split()[1])))
        elif text:
            under = text
    return found


def text_of(case):
    """The file of a case, whatever its encoding."""
    text = read_text(str(case / "host.json"))
    assert recognize(text) == NAME
    return text
