"""SQL Server Browser ([MC-SQLR]): at which port is this instance, and which are there?"""

from collections.abc import Sequence
from dataclasses import dataclass

from portwright.protocols.conversation import Misspoken, Talk, send, some
from portwright.protocols.lines import shown
from portwright.protocols.octets import Octets

_ALL_BROADCAST, _ALL, _ONE, _ADMINISTRATOR = 2, 3, 4, 15  # 2.2.1 to 2.2.4
_ANSWER, _VERSION = 5, 1  # 2.2.5, 2.2.6
_LONGEST_NAME = 32  # octets of an instance's name (2.2.3)
_LONGEST_ONE, _LONGEST_ALL = 1024, 0xFFFF  # octets of an answer (2.2.5)
_MOST_FIELDS = 4096


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of SQL Server, as its computer tells it."""

    server: str
    name: str
    version: str = "11.0.2100.60"
    port: int | None = None  # of TCP; None: it does not listen there
    pipe: str = ""  # "\\\\SQL01\\pipe\\MSSQL$CRM\\sql\\query"
    clustered: bool = False
    administrator_port: int | None = None  # of the dedicated connection (2.2.6)

    def __str__(self) -> str:
        return f"{self.name} at {self.port}" if self.port else f"{self.name}, not over TCP"


@dataclass(frozen=True, slots=True)
class Listing:
    """The instances of a computer."""

    instances: tuple[Instance, ...]

    def __str__(self) -> str:
        return "SQL Browser: " + ("; ".join(map(str, self.instances)) or "no instances")


def client(name: str = "") -> Talk[Listing]:
    """Ask about one instance, or about all. Silence means that there is none of this name.

    Raises Misspoken for what is no answer, and ValueError for a name that no instance has.
    """
    if len(name) > _LONGEST_NAME or not name.isascii() or "\0" in name:
        raise ValueError(f"the name of an instance has at most {_LONGEST_NAME} characters of ASCII")
    yield from send(bytes([_ONE]) + name.encode("ascii") + b"\0" if name else bytes([_ALL]))
    return Listing(_read((yield from some())))


def server(instances: Sequence[Instance]) -> Talk[None]:
    """Answer one datagram; a question about an instance that is not there is left alone, as the standard says."""
    asked = yield from some()
    kind, name = asked[:1], asked[1:].partition(b"\0")[0].decode("ascii", "replace")
    if kind in (bytes([_ALL]), bytes([_ALL_BROADCAST])):
        yield from send(_answer([_told(one) for one in instances], _LONGEST_ALL))
    elif kind == bytes([_ONE]) and (found := _named(instances, name)):
        yield from send(_answer([_told(found)], _LONGEST_ONE))
    elif kind == bytes([_ADMINISTRATOR]) and (found := _named(instances, name[1:])) and found.administrator_port:
        yield from send(bytes([_ANSWER, 6, 0, _VERSION]) + found.administrator_port.to_bytes(2, "little"))


def _named(instances: Sequence[Instance], name: str) -> Instance | None:
    return next((one for one in instances if one.name.lower() == name.lower()), None)


def _answer(told: Sequence[str], longest: int) -> bytes:
    """As many instances as an answer has room for."""
    data = b""
    for one in told:
        if len(data) + len(one) <= longest:
            data += one.encode("ascii", "replace")
    return bytes([_ANSWER]) + len(data).to_bytes(2, "little") + data


def _told(one: Instance) -> str:
    """2.2.5: names and values between semicolons, and two at the end."""
    words = ["ServerName", one.server, "InstanceName", one.name]
    words += ["IsClustered", "Yes" if one.clustered else "No", "Version", one.version]
    words += ["tcp", str(one.port)] if one.port else []
    words += ["np", one.pipe] if one.pipe else []
    return ";".join(words) + ";;"


def _read(data: bytes) -> tuple[Instance, ...]:
    octets = Octets(data, "little")
    if octets.number(1) != _ANSWER:
        raise Misspoken("this is no answer of the SQL Browser")
    text = octets.take(octets.number(2)).decode("latin-1")
    if text.count(";") > _MOST_FIELDS:
        raise Misspoken(f"more than {_MOST_FIELDS} fields")
    return tuple(_instance(part.split(";")) for part in text.split(";;") if part)


def _instance(words: list[str]) -> Instance:
    if len(words) % 2:
        raise Misspoken("a field of an instance has no value")
    told = dict(zip(words[::2], words[1::2], strict=True))
    if "ServerName" not in told or "InstanceName" not in told:
        raise Misspoken("an instance has no name")
    name, server_name = shown(told["InstanceName"]), shown(told["ServerName"])
    clustered = told.get("IsClustered", "No").lower() == "yes"
    pipe = shown(told.get("np", ""))
    return Instance(server_name, name, shown(told.get("Version", "")), _port(told.get("tcp")), pipe, clustered)


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise Misspoken("an instance has a port that is none")
    return int(text)
