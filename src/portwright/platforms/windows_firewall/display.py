"""Rules in one line, as reports quote them: an object of JSON runs over many, or is one that nobody can read."""

from collections.abc import Iterator, Mapping

from portwright.platforms.windows_firewall.jsontext import Value
from portwright.platforms.windows_firewall.members import ANY, NUMBERS, named, texts

_LONGEST = 200  # characters of a line
_MOST = 6  # values of a list
_WORDS = {"Inbound": "in", "Outbound": "out"}
_DETAILS = (  # what a rule asks for, in the order in which people say it
    ("Protocol", ""), ("LocalPort", ""), ("IcmpType", "type "), ("RemotePort", "remote port "), ("LocalAddress", "at "),
    ("RemoteAddress", "remote "), ("Program", "program "), ("Service", "service "), ("Package", "package "),
    ("InterfaceAlias", "on "), ("InterfaceType", "on "),
)  # fmt: skip
_USUAL = {None, (), (ANY,), ("",), ("0",)}


def shown(text: object, longest: int = _LONGEST) -> str:
    """A text of the file on one line, without what a terminal would take for something else."""
    plain = " ".join("".join(one if one.isprintable() else " " for one in str(text)).split())
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def rule_text(members: Mapping[str, Value]) -> str:
    """`allow in "SQL Server (TCP-In)" TCP 1433 remote LocalSubnet`."""
    action = (named(members.get("Action"), NUMBERS["Action"]) or "?").lower()
    direction = named(members.get("Direction"), NUMBERS["Direction"]) or "?"
    name = texts(members.get("DisplayName")) or texts(members.get("Name")) or ("?",)
    return shown(" ".join([action, _WORDS.get(direction, direction), f'"{shown(name[0], 80)}"', *_details(members)]))


def _details(members: Mapping[str, Value]) -> Iterator[str]:
    has_ports = texts(members.get("Protocol")) in (("TCP",), ("UDP",), ("6",), ("17",), (ANY,))
    for name, word in _DETAILS:
        if name.endswith("Port") and not has_ports:  # for ICMP Windows shows "RPC" there, which means nothing
            continue
        values = texts(members.get(name))
        if values is not None and values not in _USUAL:
            more = ",..." if len(values) > _MOST else ""
            yield f"{word}{','.join(values[:_MOST])}{more}"
