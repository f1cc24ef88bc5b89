"""The tokens of an answer ([MS-TDS] 2.2.7): rows, counts, errors, changes, and who is signed in."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from portwright.protocols.conversation import Misspoken
from portwright.protocols.tds.octets import Octets
from portwright.protocols.tds.values import COLLATION, Column, Read, Type, Value, is_long, read_type, type_info, written

VERSION = 0x74000004  # TDS 7.4, 2.2.6.4
MOST_CELLS = 1_000_000  # of an answer that is taken; the protocol has no bound

ERROR, INFO, ENVCHANGE, LOGINACK, SSPI = 0xAA, 0xAB, 0xE3, 0xAD, 0xED
COLMETADATA, ROW, NBCROW, RETURNSTATUS = 0x81, 0xD1, 0xD2, 0x79
DONE, DONEPROC, DONEINPROC = 0xFD, 0xFE, 0xFF
MORE, FAILED, COUNTED, ATTENTION = 0x01, 0x02, 0x10, 0x20  # 2.2.7.6, Status

DATABASE, LANGUAGE, PACKET_SIZE, SQL_COLLATION, BEGUN, COMMITTED, ROLLED_BACK = 1, 2, 4, 7, 8, 9, 10  # 2.2.7.9, Type
_NULLABLE = 0x0001  # 2.2.7.4, Flags
_NO_METADATA = 0xFFFF


@dataclass(frozen=True, slots=True)
class Told:
    """What a server says: an error from severity 11 on, else an information."""

    number: int  # of sys.messages
    text: str
    severity: int = 16
    state: int = 1
    line: int = 1


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query found."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows a statement concerned."""

    rows: int


@dataclass(frozen=True, slots=True)
class Moved:
    """Another database is the current one."""

    database: str
    before: str


Result = Rows | Count | Told | Moved


def told(one: Told, server: str = "") -> bytes:
    """An error or an information."""
    body = one.number.to_bytes(4, "little") + bytes([one.state, one.severity]) + _wide(one.text, 2) + _wide(server)
    return _sized(ERROR if one.severity > 10 else INFO, body + _wide("") + one.line.to_bytes(4, "little"))


def changed(what: int, new: str, old: str = "") -> bytes:
    """A change that is said in text: of database, language or packet size."""
    return _sized(ENVCHANGE, bytes([what]) + _wide(new) + _wide(old))


def changed_bytes(what: int, new: bytes, old: bytes = b"") -> bytes:
    """A change that is said in bytes: of collation or transaction."""
    return _sized(ENVCHANGE, bytes([what, len(new)]) + new + bytes([len(old)]) + old)


def moved(one: Moved, server: str = "") -> bytes:
    """The current database is another one."""
    said = Told(5701, f"Changed database context to '{one.database}'.", 0, 2)
    return changed(DATABASE, one.database, one.before) + told(said, server)


def login_ack(program: str, version: tuple[int, int, int]) -> bytes:
    """The sign-in has succeeded."""
    major, minor, build = version
    body = b"\x01" + VERSION.to_bytes(4, "big") + _wide(program) + bytes([major, minor]) + build.to_bytes(2, "big")
    return _sized(LOGINACK, body)


def sspi(token: bytes) -> bytes:
    """A token of the server's security package."""
    return _sized(SSPI, token)


def done(status: int = 0, rows: int = 0, kind: int = DONE) -> bytes:
    """A statement has ended. The last token of an answer has no MORE."""
    return bytes([kind]) + status.to_bytes(2, "little") + b"\0\0" + rows.to_bytes(8, "little")


def rows(found: Rows) -> bytes:
    """The description of the columns, and each row."""
    columns = [[row[place] for row in found.rows] for place in range(len(found.columns))]
    long = [is_long(one.type, values) for one, values in zip(found.columns, columns, strict=True)]
    head = b"".join(_column(one, wide) for one, wide in zip(found.columns, long, strict=True))
    return bytes([COLMETADATA]) + len(found.columns).to_bytes(2, "little") + head + b"".join(
        _row(found.columns, row, long) for row in found.rows
    )  # fmt: skip


def _row(columns: Iterable[Column], row: Iterable[Value], long: Iterable[bool]) -> bytes:
    return bytes([ROW]) + b"".join(
        written(one.type, value, wide) for one, value, wide in zip(columns, row, long, strict=True)
    )


def _column(one: Column, long: bool) -> bytes:
    return bytes(4) + _NULLABLE.to_bytes(2, "little") + type_info(one.type, long) + _wide(one.name[:128])


def answer(results: Sequence[Result], *, in_procedure: bool, server: str = "") -> bytes:
    """The tokens of an answer: within a procedure (RPC) its statements end by DONEINPROC, itself by DONEPROC."""
    kind = DONEINPROC if in_procedure else DONE
    last = len(results) - 1
    parts = [_result(one, kind, in_procedure or place < last, server) for place, one in enumerate(results)]
    failed = any(isinstance(one, Told) and one.severity > 10 for one in results)
    if in_procedure:
        parts.append(bytes([RETURNSTATUS]) + int(failed).to_bytes(4, "little") + done(FAILED * failed, kind=DONEPROC))
    return b"".join(parts) or done()


def _result(one: Result, kind: int, more: bool, server: str) -> bytes:
    match one:
        case Rows():
            return rows(one) + done(COUNTED | more, len(one.rows), kind)
        case Count(number):
            return done(COUNTED | more, number, kind)
        case Moved():
            return moved(one, server) + done(more, kind=kind)
        case Told(severity=severity):
            return told(one, server) + done((FAILED if severity > 10 else 0) | more, kind=kind)


def _sized(token: int, body: bytes) -> bytes:
    return bytes([token]) + len(body).to_bytes(2, "little") + body


def _wide(text: str, size: int = 1) -> bytes:
    """Text after the count of its code units, in one byte or two; what has no room is cut off."""
    plain = text.encode("utf-16-le", "replace")[: 2 * (0xFF if size == 1 else 0x3FFF)]
    return (len(plain) // 2).to_bytes(size, "little") + plain


@dataclass(slots=True)
class Answer:
    """What an answer said, put together token by token."""

    results: list[Result] = field(default_factory=list)
    server: str = ""  # the program that took a sign-in; empty while none did
    changes: dict[int, bytes | str] = field(default_factory=dict)
    token: bytes | None = None  # of the server's security package
    done: int = 0  # status of the last DONE
    names: tuple[Column, ...] = ()
    reads: tuple[Read, ...] = ()
    cells: int = 0


def read_answer(data: bytes) -> Answer:
    """The tokens of a whole message. Raises Misspoken for what is none."""
    octets, found = Octets(data, "answer"), Answer()
    while octets:
        token = octets.uint8()
        reader = _READERS.get(token)
        if reader is None:
            raise Misspoken(f"an answer has no token 0x{token:02x}")
        reader(octets, found)
    found.results = [_whole(one) for one in found.results]
    return found


def _whole(one: Result) -> Result:
    return Rows(one.columns, tuple(one.rows)) if isinstance(one, Rows) else one


def _read_columns(octets: Octets, found: Answer) -> None:
    count = octets.uint16()
    if count == _NO_METADATA:
        return
    columns = [_read_column(octets) for _ in range(count)]
    found.names = tuple(Column(name, kind) for name, kind, _ in columns)
    found.reads = tuple(read for _, _, read in columns)
    found.results.append(Rows(found.names, []))  # type: ignore[arg-type]  # a list, until the answer is whole


def _read_column(octets: Octets) -> tuple[str, Type, Read]:
    octets.take(6)  # user type and flags
    code = octets.peek()
    read = read_type(octets)
    return octets.utf16(octets.uint8()), _KINDS.get(code, Type.NVARCHAR), read


_KINDS = {one.value: one for one in Type} | {
    0x30: Type.BIGINT, 0x34: Type.BIGINT, 0x38: Type.BIGINT, 0x7F: Type.BIGINT, 0x32: Type.BIT,
    0x3B: Type.FLOAT, 0x3E: Type.FLOAT, 0xAD: Type.VARBINARY,
}  # fmt: skip


def _read_row(octets: Octets, found: Answer) -> None:
    _add_row(found, tuple(read(octets) for read in found.reads))


def _read_bitmap_row(octets: Octets, found: Answer) -> None:
    """A row that says by a bit for each column which are null (2.2.7.13)."""
    bits = int.from_bytes(octets.take((len(found.reads) + 7) // 8), "little")
    _add_row(found, tuple(None if bits >> place & 1 else read(octets) for place, read in enumerate(found.reads)))


def _add_row(found: Answer, row: tuple[Value, ...]) -> None:
    last = found.results[-1] if found.results else None
    found.cells += len(row)
    if not isinstance(last, Rows) or not row:
        raise Misspoken("a row comes without its columns")
    if found.cells > MOST_CELLS:
        raise Misspoken(f"the answer has more than {MOST_CELLS} values")
    last.rows.append(row)  # type: ignore[attr-defined]


def _read_told(octets: Octets, found: Answer) -> None:
    body = Octets(octets.take(octets.uint16()), "error")
    number, state, severity, text = body.uint32(), body.uint8(), body.uint8(), body.utf16(body.uint16())
    body.utf16(body.uint8())  # server
    body.utf16(body.uint8())  # procedure
    found.results.append(Told(number, text, severity, state, body.uint32()))


def _read_done(octets: Octets, found: Answer) -> None:
    found.done = octets.uint16()
    octets.uint16()  # the command, which old clients name
    count = octets.uint64()
    if found.done & COUNTED and not (found.results and isinstance(found.results[-1], Rows)):
        found.results.append(Count(count))


def _read_login_ack(octets: Octets, found: Answer) -> None:
    body = Octets(octets.take(octets.uint16()), "LOGINACK")
    body.take(5)
    program = body.utf16(body.uint8()).rstrip("\0")
    major, minor = body.uint8(), body.uint8()
    found.server = f"{program} {major}.{minor}.{int.from_bytes(body.take(2), 'big')}"


def _read_change(octets: Octets, found: Answer) -> None:
    body = Octets(octets.take(octets.uint16()), "ENVCHANGE")
    what = body.uint8()
    if what in (DATABASE, LANGUAGE, PACKET_SIZE):
        found.changes[what] = body.utf16(body.uint8())
    elif what in (BEGUN, COMMITTED, ROLLED_BACK):
        found.changes[what] = body.take(body.uint8())


def _read_sspi(octets: Octets, found: Answer) -> None:
    found.token = octets.take(octets.uint16())


def _skip(octets: Octets, _: Answer) -> None:
    octets.take(octets.uint16())


def _skip_long(octets: Octets, _: Answer) -> None:
    octets.take(octets.uint32())


def _read_status(octets: Octets, _: Answer) -> None:
    octets.uint32()


def _read_features(octets: Octets, _: Answer) -> None:
    while octets.uint8() != 0xFF:
        octets.take(octets.uint32())


def _read_output(octets: Octets, _: Answer) -> None:
    """The value of an output parameter (2.2.7.19), which nothing here asks for."""
    octets.uint16()
    octets.utf16(octets.uint8())
    octets.take(7)
    read_type(octets)(octets)


_READERS: dict[int, Callable[[Octets, Answer], None]] = {
    COLMETADATA: _read_columns, ROW: _read_row, NBCROW: _read_bitmap_row,
    ERROR: _read_told, INFO: _read_told, LOGINACK: _read_login_ack, ENVCHANGE: _read_change, SSPI: _read_sspi,
    DONE: _read_done, DONEPROC: _read_done, DONEINPROC: _read_done,
    RETURNSTATUS: _read_status, 0xAC: _read_output,
    0xA9: _skip, 0xA5: _skip, 0xA4: _skip, 0xE4: _skip_long, 0xAE: _read_features,
}  # fmt: skip

COLLATION_CHANGE = changed_bytes(SQL_COLLATION, COLLATION)
