"""Hosts that a configuration gives a name, for people to pick from; the reader itself keeps packets, not names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from portwright.packets.addresses import Address
from portwright.source import Source

_NAMES = {  # platform -> a line that names an address, perhaps over two lines
    "cisco-asa": re.compile(
        r"^(?:object network (?P<object>\S{1,80})[ \t]*\r?\n[ \t]+host[ \t]+(?P<host>[0-9A-Fa-f.:]{2,45})|"
        r"name[ \t]+(?P<address>[0-9.]{7,15})[ \t]+(?P<name>\S{1,80}))",
        re.MULTILINE,
    ),
    "nftables": re.compile(
        r"^[ \t]*define[ \t]+(?P<name>\w{1,80})[ \t]*=[ \t]*(?P<address>[0-9A-Fa-f.:]{2,45})[ \t]*$", re.MULTILINE
    ),
}


@dataclass(frozen=True, slots=True)
class NamedHost:
    """A name for an address, and where it is given."""

    name: str
    address: Address
    source: Source


def named_hosts(platform: str, text: str, file: str) -> Iterator[NamedHost]:
    """The single addresses that a configuration names, in file order."""
    line, reached = 1, 0
    for found in _NAMES[platform].finditer(text) if platform in _NAMES else ():
        line, reached = line + text.count("\n", reached, found.start()), found.start()
        groups = {key: value for key, value in found.groupdict().items() if value}
        name = groups.get("object") or groups["name"]
        try:
            address = ip_address(groups.get("host") or groups["address"])
        except ValueError:
            continue  # no address, so no host; the platform's reader says so
        yield NamedHost(name, address, Source(file, line, found[0].split("\n")[0]))
