"""What a client asks for ([MS-TDS] 2.2.6.6 to 2.2.6.9): batches, procedures and transactions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from portwright.protocols.conversation import Misspoken
from portwright.protocols.tds.octets import Octets
from portwright.protocols.tds.values import Type, Value, is_long, read_type, type_info, type_of, written

_NO_TRANSACTION = bytes(8)
_EXECUTE_SQL = 10  # ProcID of sp_executesql, 2.2.6.6
_BY_NUMBER = 0xFFFF
_BATCHES = (0x80, 0xFF, 0xFE)  # what parts one procedure call from the next
_MOST_PARAMETERS = 2100  # SQL Server's own bound

_DECLARED = {
    Type.BIGINT: "bigint", Type.FLOAT: "float", Type.BIT: "bit", Type.UNIQUEIDENTIFIER: "uniqueidentifier",
    Type.NVARCHAR: "nvarchar(max)", Type.VARBINARY: "varbinary(max)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """Statements, with the values of their parameters. A server asks its application this."""

    text: str
    parameters: Mapping[str, Value] = field(default_factory=dict)  # by name, with its @
    in_procedure: bool = False  # asked by sp_executesql


class Change(IntEnum):
    """What is wanted of a transaction (2.2.6.9). A server asks its application this."""

    BEGIN = 5
    COMMIT = 7
    ROLLBACK = 8


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure other than sp_executesql. A server asks its application this."""

    name: str
    parameters: tuple[tuple[str, Value], ...] = ()  # names may be empty


def _headers(transaction: bytes) -> bytes:
    """ALL_HEADERS (2.2.5.3): the transaction, and that one request is outstanding."""
    return bytes.fromhex("16000000 12000000 0200") + transaction + b"\x01\0\0\0"


def batch(text: str, transaction: bytes = _NO_TRANSACTION) -> bytes:
    """A batch of statements."""
    return _headers(transaction) + text.encode("utf-16-le", "replace")


def execute(query: Query, transaction: bytes = _NO_TRANSACTION) -> bytes:
    """A call of sp_executesql with parameters."""
    types = {name: type_of([value]) for name, value in query.parameters.items()}
    declared = ", ".join(f"{name} {_DECLARED[kind]}" for name, kind in types.items())
    values: list[tuple[str, Type, Value]] = [("", Type.NVARCHAR, query.text), ("", Type.NVARCHAR, declared)]
    values += [(name, types[name], value) for name, value in query.parameters.items()]
    start = _headers(transaction) + _BY_NUMBER.to_bytes(2, "little") + _EXECUTE_SQL.to_bytes(2, "little") + bytes(2)
    return start + b"".join(_parameter(*one) for one in values)


def _parameter(name: str, kind: Type, value: Value) -> bytes:
    long = is_long(kind, [value])
    plain = name.encode("utf-16-le", "replace")[:256]
    return bytes([len(plain) // 2]) + plain + b"\0" + type_info(kind, long) + written(kind, value, long)


def change(what: Change, transaction: bytes = _NO_TRANSACTION) -> bytes:
    """A request of the transaction manager."""
    rest = bytes(2)  # of BEGIN the isolation level and no name; of the others no name and no flags
    return _headers(transaction) + what.to_bytes(2, "little") + rest


def _after_headers(data: bytes) -> Octets:
    octets = Octets(data, "request")
    total = octets.uint32()
    if total < 4:
        raise Misspoken("ALL_HEADERS is shorter than its own length")
    octets.take(total - 4)
    return octets


def read_batch(data: bytes) -> Query:
    """A batch of statements. Raises Misspoken."""
    octets = _after_headers(data)
    return Query(octets.take(len(data) - octets.at).decode("utf-16-le", "replace"))


def read_call(data: bytes) -> Query | Procedure:
    """A call of a procedure. Raises Misspoken; several calls in one message are not known here."""
    octets = _after_headers(data)
    length = octets.uint16()
    name = _PROCEDURES.get(octets.uint16(), "") if length == _BY_NUMBER else octets.utf16(length)
    octets.uint16()  # options
    given: list[tuple[str, Value]] = []
    while octets and octets.peek() not in _BATCHES:
        given.append(_read_parameter(octets))
        if len(given) > _MOST_PARAMETERS:
            raise Misspoken(f"a call has more than {_MOST_PARAMETERS} parameters")
    if octets:
        raise Misspoken("several calls in one message are not known here")
    if name.lower() != "sp_executesql" or not given:
        return Procedure(name, tuple(given))
    return Query(str(given[0][1] or ""), dict(given[2:]), in_procedure=True)


def _read_parameter(octets: Octets) -> tuple[str, Value]:
    name = octets.utf16(octets.uint8())
    octets.uint8()  # whether it is for output
    return name, read_type(octets)(octets)


_PROCEDURES = {
    1: "sp_cursor", 2: "sp_cursoropen", 7: "sp_cursorfetch", 9: "sp_cursorclose", _EXECUTE_SQL: "sp_executesql",
    11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 15: "sp_unprepare",
}  # fmt: skip


def read_change(data: bytes) -> tuple[Change, bool]:
    """What is wanted of a transaction, and whether the next is to begin at once. Raises Misspoken."""
    octets = _after_headers(data)
    number = octets.uint16()
    if number not in {one.value for one in Change}:
        raise Misspoken(f"a transaction request of kind {number} is not known here")
    what = Change(number)
    if what is Change.BEGIN:
        return what, False
    octets.take(octets.uint8())  # its name
    return what, bool(octets.uint8() & 1)
