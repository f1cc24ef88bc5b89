"""Values and their types ([MS-TDS] 2.2.5.4, 2.2.5.5): what we write is few types, what we read is most of them."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from portwright.protocols.conversation import Misspoken
from portwright.protocols.tds.octets import Octets

Value = None | bool | int | float | str | bytes | UUID  # dates and decimal numbers come as text
COLLATION = bytes.fromhex("0904d00034")  # SQL_Latin1_General_CP1_CI_AS, 2.2.5.1.2

_LONGEST = 8000  # bytes of a value; longer ones are of a type "max" and come in chunks (2.2.5.2.3)
_MAX = 0xFFFF
_NULL, _UNKNOWN = 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFE
_CHUNK = 1 << 20  # bytes of a chunk that we write


class Type(Enum):
    """The types that we write."""

    BIGINT = 0x26  # INTN of 8 bytes
    FLOAT = 0x6D
    BIT = 0x68
    UNIQUEIDENTIFIER = 0x24
    NVARCHAR = 0xE7
    VARBINARY = 0xA5


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer."""

    name: str
    type: Type = Type.NVARCHAR


def type_of(values: Sequence[Value]) -> Type:
    """The type that has room for all of some values; text where they differ."""
    kinds = {type(value) for value in values if value is not None}
    if int in kinds and any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values):
        return Type.NVARCHAR
    if kinds == {int, float}:
        return Type.FLOAT
    return _TYPES.get(kinds.pop(), Type.NVARCHAR) if len(kinds) == 1 else Type.NVARCHAR


_TYPES = {
    bool: Type.BIT, int: Type.BIGINT, float: Type.FLOAT, bytes: Type.VARBINARY, UUID: Type.UNIQUEIDENTIFIER
}  # fmt: skip
_SIZES = {Type.BIGINT: 8, Type.FLOAT: 8, Type.BIT: 1, Type.UNIQUEIDENTIFIER: 16}


def is_long(kind: Type, values: Sequence[Value]) -> bool:
    """Report whether a column of these values needs a type "max"."""
    return kind not in _SIZES and any(len(_plain(kind, value)) > _LONGEST for value in values if value is not None)


def type_info(kind: Type, long: bool = False) -> bytes:
    """How a type is declared."""
    if kind in _SIZES:
        return bytes([kind.value, _SIZES[kind]])
    declared = bytes([kind.value]) + (_MAX if long else _LONGEST).to_bytes(2, "little")
    return declared + COLLATION if kind is Type.NVARCHAR else declared


def written(kind: Type, value: Value, long: bool = False) -> bytes:
    """A value of a type."""
    if kind in _SIZES:
        plain = _plain(kind, value) if value is not None else b""
        return bytes([len(plain)]) + plain
    if value is None:
        return (_NULL.to_bytes(8, "little")) if long else b"\xff\xff"
    plain = _plain(kind, value)
    return _chunked(plain) if long else len(plain).to_bytes(2, "little") + plain


def _plain(kind: Type, value: Value) -> bytes:
    return _WRITERS[kind](value)


def _chunked(plain: bytes) -> bytes:
    pieces = (plain[at : at + _CHUNK] for at in range(0, len(plain), _CHUNK))
    chunks = b"".join(len(piece).to_bytes(4, "little") + piece for piece in pieces)
    return len(plain).to_bytes(8, "little") + chunks + bytes(4)


def _text(value: Value) -> bytes:
    return (value.hex() if isinstance(value, bytes) else str(value)).encode("utf-16-le", "replace")


_WRITERS: dict[Type, Callable[[Value], bytes]] = {
    Type.BIGINT: lambda value: struct.pack("<q", value),
    Type.FLOAT: lambda value: struct.pack("<d", value),
    Type.BIT: lambda value: bytes([bool(value)]),
    Type.UNIQUEIDENTIFIER: lambda value: value.bytes_le if isinstance(value, UUID) else bytes(16),
    Type.NVARCHAR: _text,
    Type.VARBINARY: lambda value: value if isinstance(value, bytes) else _text(value),
}

Read = Callable[[Octets], Value]  # reads one value of a type


def read_type(octets: Octets) -> Read:
    """How the values of the type that is declared here are read. Raises Misspoken for types that are not known."""
    code = octets.uint8()
    if code in _FIXED:
        size, decode = _FIXED[code]
        return lambda found: decode(found.take(size), 0)
    if code in _SHORT:
        return _short(octets, *_SHORT[code])
    if code in _LONG:
        return _long(octets, *_LONG[code])
    raise Misspoken(f"a value of type 0x{code:02x} is not known here")


def _short(octets: Octets, declared: int, decode: "Decode") -> Read:
    """Types whose values have one byte of length. The last byte that is declared is the scale, where there is one."""
    scale = (octets.take(declared) or b"\0")[-1]

    def read(found: Octets) -> Value:
        plain = found.take(found.uint8())
        return decode(plain, scale) if plain else None

    return read


def _long(octets: Octets, collated: bool, decode: "Decode") -> Read:
    """Types whose values have two bytes of length, or come in chunks."""
    chunked = octets.uint16() == _MAX
    octets.take(5 if collated else 0)

    def read(found: Octets) -> Value:
        plain = _in_chunks(found) if chunked else _in_one(found)
        return None if plain is None else decode(plain, 0)

    return read


def _in_one(octets: Octets) -> bytes | None:
    length = octets.uint16()
    return None if length == 0xFFFF else octets.take(length)


def _in_chunks(octets: Octets) -> bytes | None:
    total, parts = octets.uint64(), []
    if total == _NULL:
        return None
    while length := octets.uint32():
        parts.append(octets.take(length))
    plain = b"".join(parts)
    if total not in (_UNKNOWN, len(plain)):
        raise Misspoken("a long value has another length than it says")
    return plain


Decode = Callable[[bytes, int], Value]  # the bytes of a value, and the scale of its type


def _integer(plain: bytes, _: int) -> int:
    return int.from_bytes(plain, "little", signed=len(plain) > 1)  # tinyint has no sign


def _real(plain: bytes, _: int) -> float:
    if len(plain) not in (4, 8):
        raise Misspoken("a floating-point number has 4 or 8 bytes")
    return Octets(plain).real(len(plain))


def _guid(plain: bytes, _: int) -> UUID:
    if len(plain) != 16:
        raise Misspoken("a unique identifier has 16 bytes")
    return UUID(bytes_le=plain)


def _datetime(plain: bytes, _: int) -> str:
    """Days since 1900 and three-hundredths of seconds; in four bytes days and minutes (2.2.5.5.1.8)."""
    if len(plain) not in (4, 8):
        raise Misspoken("this is no date and time")
    half = len(plain) // 2
    days = int.from_bytes(plain[:half], "little", signed=half == 4)
    rest = int.from_bytes(plain[half:], "little")
    return _moment(datetime(1900, 1, 1), days, timedelta(minutes=rest) if half == 2 else timedelta(seconds=rest / 300))  # noqa: DTZ001


def _datetime2(plain: bytes, scale: int) -> str:
    """The time of the day in units of the scale, and days since the year 1."""
    if not 4 <= len(plain) <= 8 or scale > 7:
        raise Misspoken("this is no date and time")
    ticks, days = int.from_bytes(plain[:-3], "little"), int.from_bytes(plain[-3:], "little")
    return _moment(datetime(1, 1, 1), days, timedelta(microseconds=ticks * 10 ** (7 - scale) // 10))  # noqa: DTZ001


def _moment(start: datetime, days: int, rest: timedelta) -> str:
    try:
        found = start + timedelta(days=days) + rest
    except OverflowError:
        raise Misspoken("this is no date") from None
    return found.isoformat(" ", "milliseconds" if found.microsecond else "seconds")


def _date(plain: bytes, _: int) -> str:
    return _moment(datetime(1, 1, 1), int.from_bytes(plain, "little"), timedelta()).partition(" ")[0]  # noqa: DTZ001


def _decimal(plain: bytes, scale: int) -> str:
    sign, digits = "" if plain[0] else "-", str(int.from_bytes(plain[1:], "little")).rjust(scale + 1, "0")
    return sign + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)


def _money(plain: bytes, _: int) -> str:
    """Ten-thousandths; of eight bytes the upper half comes first (2.2.5.5.1.2)."""
    number = int.from_bytes(plain[4:] + plain[:4] if len(plain) == 8 else plain, "little", signed=True)
    return f"{'-' if number < 0 else ''}{abs(number) // 10000}.{abs(number) % 10000:04}"


def _wide(plain: bytes, _: int) -> str:
    return plain.decode("utf-16-le", "replace")


_FIXED: dict[int, tuple[int, Decode]] = {
    0x30: (1, _integer), 0x34: (2, _integer), 0x38: (4, _integer), 0x7F: (8, _integer),
    0x32: (1, lambda plain, _: bool(plain[0])),
    0x3B: (4, _real), 0x3E: (8, _real),
    0x3A: (4, _datetime), 0x3D: (8, _datetime), 0x3C: (8, _money), 0x7A: (4, _money),
}  # fmt: skip
_SHORT: dict[int, tuple[int, Decode]] = {  # bytes of the declaration after the code
    0x24: (1, _guid), 0x26: (1, _integer), 0x68: (1, lambda plain, _: bool(plain[0])), 0x6D: (1, _real),
    0x6E: (1, _money), 0x6F: (1, _datetime), 0x6A: (3, _decimal), 0x6C: (3, _decimal),
    0x28: (0, _date), 0x2A: (1, _datetime2),
}  # fmt: skip
_LONG: dict[int, tuple[bool, Decode]] = {  # whether a collation is declared
    0xE7: (True, _wide), 0xEF: (True, _wide),
    0xA7: (True, lambda plain, _: plain.decode("cp1252", "replace")),
    0xAF: (True, lambda plain, _: plain.decode("cp1252", "replace")),
    0xA5: (False, lambda plain, _: plain), 0xAD: (False, lambda plain, _: plain),
}  # fmt: skip
