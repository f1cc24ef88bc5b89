"""Windows Defender Firewall on one host, from the file that `collect.ps1` writes there.

The file holds the rules of the active store joined with their filters, the profiles, the interfaces, who listens where,
and the real ports of the software. `read_host` says what is in it, `Compiler` what it means. Which profile is in force
says the site; without its word it is the one that each interface had.
"""

from functools import partial

from portwright.platforms.windows_firewall import script
from portwright.platforms.windows_firewall.host import PROFILES, Host
from portwright.platforms.windows_firewall.observed import observed
from portwright.platforms.windows_firewall.owners import Owners
from portwright.platforms.windows_firewall.policy import Compiler, census, profiles_of
from portwright.platforms.windows_firewall.reading import SCHEMA, read_host
from portwright.policy.configuration import Configuration, Remark
from portwright.policy.interfaces import Interfaces
from portwright.source import Source

NAME = "windows-firewall"
TITLE = "Windows Defender Firewall of a host (the file of the collector, or a script that render wrote)"

_HEAD = 2000  # characters in which the schema's name stands


def recognizes(text: str) -> bool:
    """Report whether a text is the file of a host, or a script of rules that Portwright wrote."""
    head = text[:_HEAD].lstrip("\ufeff \t\r\n")
    return (head.startswith("{") and SCHEMA.rpartition("/")[0] in head) or script.MARK in head


def parse(text: str, file: str) -> Configuration:
    """The configuration that a host's file, or a script, means. Raises InvalidInput with every problem in it."""
    text = text.removeprefix("\ufeff")
    host = script.read_script(text, file) if script.MARK in text[:_HEAD] else read_host(text, file)
    return _configuration(host, None)


def _configuration(host: Host, profile: str | None) -> Configuration:
    present = profiles_of(host)
    in_force = profile or (next(iter(present)) if len(present) == 1 else None)
    owners = Owners(host)
    compiler = Compiler(host, in_force, owners)
    policies = compiler.policies()
    return Configuration(
        NAME,
        host.file,
        policies,
        Interfaces.of(()),
        census(host, compiler.modeled),
        remarks=tuple(_remarks(host, profile, owners)),
        hostname=host.name,
        named_at=host.named_at,
        observed=observed(host.ports, host.file),
        profiles={name.lower(): partial(_configuration, host, name) for name in PROFILES},
    )


def _remarks(host: Host, profile: str | None, owners: Owners) -> list[Remark]:
    """What the collector could not read, and interfaces that are in another profile than the site says."""
    found = [Remark("note", f"the collector could not read {text}", source) for text, source in host.notes]
    if owners.are_too_many:
        message = "rules and listeners are too many to be compared: who listens is not looked at"
        found.append(Remark("note", message, Source(host.file, 0)))
    elsewhere = sorted(profiles_of(host) - {profile}) if profile else []
    if elsewhere:
        message = f"the site says profile {profile}, and the host has a connection in {', '.join(elsewhere)}"
        found.append(Remark("note", message, host.named_at or Source(host.file, 0)))
    return found
