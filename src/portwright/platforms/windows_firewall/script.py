"""The script that Portwright writes, read back: what it runs is known line by line, or it is refused.

Theory of operation. The script is a frame, the same in all of them, around calls of `New-NetFirewallRule`, one a line.
The reader compares the frame with the one that ships, takes each call apart, and knows every parameter that it may
have; whatever is not there is as the command has it by itself. Comments are skipped: nothing runs in them. What the
host has beside these rules no script can say: without the line that says what is taken for granted nothing is known.
"""

import re
from collections.abc import Iterator
from importlib.resources import files as resources

from portwright.errors import InvalidInput, Problem
from portwright.platforms.windows_firewall.display import rule_text, shown
from portwright.platforms.windows_firewall.host import PROFILES, FirewallRule, Host, Profile, Tunnels
from portwright.platforms.windows_firewall.jsontext import Value
from portwright.platforms.windows_firewall.members import ANY
from portwright.platforms.windows_firewall.powershell import QUOTED, unquoted
from portwright.source import Source

MARK = "# portwright.windows-firewall-rules/1"
GRANTED = "# taken for granted: the firewall is on, has no other rules, and blocks both ways what no rule permits"
CALL = "$new += New-NetFirewallRule -PolicyStore $PolicyStore -Group $group -WhatIf:$WhatIfPreference"
PARAMETERS: dict[str, str] = {  # that a call may have -> what it is without
    "DisplayName": "", "Profile": ANY, "Direction": "Inbound", "Action": "Allow", "Protocol": ANY, "LocalPort": ANY,
    "RemotePort": ANY, "IcmpType": ANY, "LocalAddress": ANY, "RemoteAddress": ANY,
}  # fmt: skip
_WITHOUT: dict[str, Value] = {  # what the command gives a rule, and no call of ours changes
    "Enabled": "True", "PolicyStoreSource": "PersistentStore", "PolicyStoreSourceType": "Local", "DynamicTarget": ANY,
    "Program": ANY, "Package": "", "Service": ANY, "InterfaceAlias": ANY, "InterfaceType": ANY, "LocalUser": ANY,
    "RemoteUser": ANY, "RemoteMachine": ANY, "Authentication": "NotRequired", "Encryption": "NotRequired",
    "OverrideBlockRules": "False",
}  # fmt: skip
_CALLS, _GROUP = "@calls", "$group = @group"
_IS_GROUP = re.compile(rf"\$group = {QUOTED}")
_ARGUMENT = re.compile(rf" -([A-Za-z]+) ({QUOTED}(?:, {QUOTED})*)")
_VALUE = re.compile(QUOTED)
_MOST_PROBLEMS = 100


def frame() -> list[str]:
    """The lines of every script; `@group` and `@calls` stand where its own come."""
    text = resources("portwright.platforms.windows_firewall").joinpath("rules.ps1").read_text(encoding="ascii")
    return text.splitlines()


def read_script(text: str, file: str) -> Host:
    """The host on which a script has run, as far as it says. Raises InvalidInput for one that does anything else."""
    lines = [line.strip() for line in text.splitlines()]
    problems = list(_strange(lines, file))
    rules = [_rule(line, Source(file, number, ""), problems) for number, line in _calls(lines)]
    if problems:
        raise InvalidInput(sorted(problems)[:_MOST_PROBLEMS])
    return _host(file, tuple(rules), is_all=lines[:1] == [GRANTED])


def _calls(lines: list[str]) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(lines, start=1) if line.startswith(CALL))


def _strange(lines: list[str], file: str) -> Iterator[Problem]:
    """Where a script is not the frame around calls."""
    expected = [line for line in map(str.strip, frame()) if line and not line.startswith("#")]
    at = 0
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#"):
            continue
        if line.startswith(CALL) and at < len(expected) and expected[at] == _CALLS:
            continue
        at += at < len(expected) and expected[at] == _CALLS
        if at == len(expected) or not _is_like(line, expected[at]):
            yield Problem(file, number, 0, "", f"this is no line of such a script: {shown(line, 60)}", _HINT)
            return
        at += 1
    if at < len(expected):
        yield Problem(file, len(lines), 0, "", "the script ends too early", _HINT)


_HINT = "scripts that Portwright wrote are read, and no others: export the rules of the host with collect.ps1"


def _is_like(line: str, expected: str) -> bool:
    return bool(_IS_GROUP.fullmatch(line)) if expected == _GROUP else line == expected


def _rule(line: str, source: Source, problems: list[Problem]) -> FirewallRule:
    """What a call makes."""
    members: dict[str, Value] = {**PARAMETERS, **_WITHOUT}
    given, at = set[str](), len(CALL)
    while found := _ARGUMENT.match(line, at):
        name, at = found[1], found.end()
        if name not in PARAMETERS or name in given:
            break
        given.add(name)
        members[name] = [unquoted(value) for value in _VALUE.findall(found[2])]
    if at != len(line) or (found and found[1] not in given) or "DisplayName" not in given:
        message = f"this call is not understood: {shown(line[len(CALL) :], 60)}"
        problems.append(Problem(source.file, source.line, at + 1, "", message, _HINT))
    return FirewallRule(members, Source(source.file, source.line, rule_text(members)))


def _host(file: str, rules: tuple[FirewallRule, ...], is_all: bool) -> Host:
    """A host with these rules; unless they are all that it has, nothing else is known of it."""
    settings = ("True", "Block", "Block", "True", "True") if is_all else ("", "", "", "", "")
    return Host(
        file=file,
        name="",
        named_at=None,
        version=None,
        firewall_service="Running" if is_all else None,
        environment={},
        profiles={name: Profile(name, *settings, (), Source(file, 0)) for name in PROFILES},
        interfaces=(),
        rules=rules,
        listeners=None,
        service_sids={},
        ipsec=() if is_all else None,
        tunnels=Tunnels(teredo=None, iphttps=None),
    )
