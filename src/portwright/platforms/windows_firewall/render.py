"""An intent as a script for PowerShell 5.1 that puts one group of rules into the firewall of a host."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from textwrap import wrap

from portwright.errors import InvalidInput
from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.fields import ICMP, ICMPV6, TCP, UDP
from portwright.packets.intervals import Interval, normalize
from portwright.platforms.windows_firewall.members import ANY
from portwright.platforms.windows_firewall.powershell import quoted
from portwright.platforms.windows_firewall.script import CALL, GRANTED, MARK, frame
from portwright.policy.intent import Intended, Intent, Named, Traffic

SUFFIX = ".ps1"
_SIDES = {"input": "Inbound", "output": "Outbound"}
_PORTS = {TCP: "TCP", UDP: "UDP"}
_ECHO = {4: ("ICMPv4", "8"), 6: ("ICMPv6", "128")}  # RFC 792; RFC 4443, 4.1
_DISCOVERY = ("133", "134", "135", "136")  # solicitations and advertisements of routers and neighbors
_MOST = 500  # addresses or ports of one rule
_NAME = 200  # characters of a rule's name
_WIDTH = 110  # columns of a comment

Call = dict[str, list[str]]


def render(intent: Intent) -> str:
    """The script. Raises InvalidInput for what Windows Firewall cannot express."""
    if not intent.is_host:
        hint = "say under 'on' on which host it runs, or choose another platform"
        raise InvalidInput.of(f"{intent.point}: Windows Firewall guards one host, and no way between zones", hint=hint)
    if intent.redirections:
        raise InvalidInput.of(f"{intent.point}: rules of Windows Firewall cannot express the site's translations")
    return "\n".join([*_head(intent), *_body(intent), ""])


def context(_intent: Intent) -> str:
    """What the rules say nothing about: the settings of the profile, and other rules."""
    return f"{GRANTED}\n"


def _head(intent: Intent) -> Iterator[str]:
    yield "#Requires -Version 5.1"
    yield "#Requires -RunAsAdministrator"
    yield MARK
    yield f"# {intent.point} of site {intent.site}: what the plan needs, and nothing else. Written by Portwright."
    yield "#"
    yield "# Run it with -WhatIf to see what it would change, with -Remove to take its rules back, with -PolicyStore to"
    yield "# write them into a Group Policy object. Run again, it puts the same rules in place of its old ones."
    yield "# Rules of other groups stay: what they permit, and what they block, is not for this script to say."


def _body(intent: Intent) -> Iterator[str]:
    for line in frame():
        if line == "@calls":
            yield from _rules(intent)
        else:
            yield line.replace("@group", quoted(f"Portwright: {intent.point}"))


def _rules(intent: Intent) -> Iterator[str]:
    for rule in intent.rules:
        if rule.hook in _SIDES:
            yield ""
            why = f"{_names(rule.sources)} > {_names(rule.destinations)}: {', '.join(rule.requirements)}"
            yield from wrap(why, _WIDTH, initial_indent=" " * 8 + "# ", subsequent_indent=" " * 8 + "#   ")
            yield from (f"        {CALL}{_arguments(call)}" for call in _calls(rule, intent.profile))
    if any(_joined(rule.sources).v6 and _joined(rule.destinations).v6 for rule in intent.rules):
        yield ""
        yield "        # IPv6: routers and neighbors are found (RFC 4861, 4)"
        yield from (f"        {CALL}{_arguments(call)}" for call in _discovery(intent.profile))


def _discovery(profile: str | None) -> Iterator[Call]:
    for direction in _SIDES.values():
        yield {
            "DisplayName": [f"IPv6 neighbors: {direction.lower()}"],
            "Profile": [_profile(profile)],
            "Direction": [direction],
            "Action": ["Allow"],
            "Protocol": ["ICMPv6"],
            "IcmpType": [*_DISCOVERY],
        }


def _profile(name: str | None) -> str:
    return name.capitalize() if name else ANY


def _names(ends: Iterable[Named]) -> str:
    return ", ".join(dict.fromkeys(end.name for end in ends))


def _calls(rule: Intended, profile: str | None) -> Iterator[Call]:
    """The rules of Windows that one of the intent becomes."""
    ends = f"{_names(rule.sources)} > {_names(rule.destinations)}"
    name = f"{ends}: {' '.join(rule.requirements)}"
    head: Call = {
        "DisplayName": [name if len(name) <= _NAME else f"{name[:_NAME]}..."],
        "Profile": [_profile(profile)],
        "Direction": [_SIDES[rule.hook]],
        "Action": ["Allow"],
    }
    sources, destinations = _joined(rule.sources), _joined(rule.destinations)
    local, remote = (destinations, sources) if rule.hook == "input" else (sources, destinations)
    for traffic, versions in _traffic(rule, is_inbound=rule.hook == "input"):
        for here, there in _pairs(local, remote, versions):
            yield {**head, **traffic, "LocalAddress": here, "RemoteAddress": there}


def _joined(ends: Iterable[Named]) -> Addresses:
    found = Addresses()
    for end in ends:
        found = found | end.addresses
    return found


def _pairs(local: Addresses, remote: Addresses, versions: tuple[int, ...]) -> Iterator[tuple[list[str], list[str]]]:
    """Both ends in the IP versions that they have in common, long lists in several."""
    common = [version for version in versions if local.family(version) and remote.family(version)]
    if common:
        here, there = (_texts(end, common) for end in (local, remote))
        yield from ((some, others) for some in _chunks(here) for others in _chunks(there))


def _texts(end: Addresses, versions: list[int]) -> list[str]:
    if end == EVERY_ADDRESS and len(versions) == 2:
        return [ANY]
    return [text for version in versions for text in _family(end, version)]


def _family(end: Addresses, version: int) -> Iterator[str]:
    only = Addresses(v4=end.v4) if version == 4 else Addresses(v6=end.v6)
    networks = only.texts()
    if len(networks) <= len(only.family(version)) and not any(text.endswith("/0") for text in networks):
        yield from networks
    else:
        yield from (_span(pair, version) for pair in only.family(version))


def _span(pair: Interval, version: int) -> str:
    first, last = (str(IPv4Address(value) if version == 4 else IPv6Address(value)) for value in pair)
    return first if first == last else f"{first}-{last}"


def _chunks(texts: list[str]) -> Iterator[list[str]]:
    return (texts[start : start + _MOST] for start in range(0, len(texts), _MOST))


def _traffic(rule: Intended, is_inbound: bool) -> Iterator[tuple[Call, tuple[int, ...]]]:
    """The parameters for protocol and ports, and the IP versions for which they are."""
    ports: dict[int, list[Interval]] = {}
    for kind in rule.traffic:
        if kind.protocol in _PORTS:
            ports.setdefault(kind.protocol, []).extend(kind.ports)
        else:
            yield from _without_ports(kind)
    own = "LocalPort" if is_inbound != rule.is_reply else "RemotePort"
    for number, ranges in ports.items():
        texts = [str(first) if first == last else f"{first}-{last}" for first, last in normalize(ranges)]
        for some in _chunks(texts):
            yield {"Protocol": [_PORTS[number]], own: some}, (4, 6)


def _without_ports(kind: Traffic) -> Iterator[tuple[Call, tuple[int, ...]]]:
    if kind.protocol not in (ICMP, ICMPV6):
        yield {"Protocol": [str(kind.protocol)]}, (4, 6)
        return
    for version, (name, echo) in _ECHO.items():
        yield {"Protocol": [name], "IcmpType": [ANY if kind.icmp_type is None else echo]}, (version,)


def _arguments(call: Call) -> str:
    return "".join(f" -{name} {', '.join(map(quoted, values))}" for name, values in call.items())
