"""The parts of an Office file, unpacked and walked through within bounds, whatever the file says of its sizes.

Macros, pictures and links to elsewhere are not even unpacked. There is no library here on purpose: fast ones reserve as
much memory as the file tells them to, and end the program where there is not so much.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from xml.parsers import expat

from portwright.errors import InvalidInput

MAX_PARTS = 2_000
MAX_XML = 25 * 2**20  # bytes, all parts together, unpacked
_NEEDED = re.compile(r"xl/(workbook|sharedstrings|styles|_rels/workbook|worksheets/[^/]+)\.xml(\.rels)?")
_BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, expat.ExpatError, NotImplementedError, RuntimeError, EOFError,
    OSError, ValueError, LookupError,
)  # fmt: skip


class Refused(Exception):
    """The file could become too much, or is of a kind that no spreadsheet program writes; the text says what."""


class Reader(Protocol):
    """What takes a part as it is walked through; names are without their namespace."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        ...

    def text(self, text: str) -> None:
        """Text stands in the element that began last."""
        ...

    def end(self, name: str) -> None:
        """An element ends."""
        ...


@contextmanager
def office_file(file: str) -> Iterator[None]:
    """What goes wrong with an archive or its parts, as a problem of the input."""
    try:
        yield
    except Refused as problem:
        raise InvalidInput.of(str(problem), file=file, hint="save the sheet as CSV") from None
    except _BROKEN as problem:
        said = " ".join(str(problem).split())[:80]
        raise InvalidInput.of(f"is not a whole Excel workbook: {said}", file=file) from None


def unpacked(content: bytes) -> dict[str, bytes]:
    """The parts that hold cells, by name in small letters. Raises Refused, and what the archive's reader raises."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_PARTS:
            raise Refused(f"has more than {MAX_PARTS} parts")
        needed = [entry for entry in entries if _NEEDED.fullmatch(entry.filename.lower())]
        if any(entry.flag_bits & 1 for entry in needed):
            raise Refused("is encrypted")
        if len({entry.filename.lower() for entry in needed}) < len(needed):
            raise Refused("has a part twice")
        if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in needed):
            raise Refused("is compressed in an unusual way")  # one that Python unpacks without bounds
        if sum(entry.file_size for entry in needed) > MAX_XML:
            raise Refused(f"unpacks to more than {MAX_XML // 2**20} MB")
        return {entry.filename.lower(): _part(archive, entry) for entry in needed}


def _part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """A part, and never more of it than the size that was checked: only a read with a size is bounded."""
    with archive.open(entry) as stream:
        return stream.read(entry.file_size + 1)


def walk(part: bytes, reader: Reader) -> None:
    """Read an XML part. Raises Refused for a document type, with which a small text could declare a large one."""
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        reader.start(_local(name), {_local(key): value for key, value in attributes.items()})

    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: reader.end(_local(name))
    parser.CharacterDataHandler = reader.text
    parser.Parse(part, True)


def _refuse_doctype(*_: object) -> None:
    raise Refused("has a document type declaration, which no spreadsheet program writes")


def _local(name: str) -> str:
    return name.rpartition("}")[2]
