"""What reads files that strangers may have written, and samples to begin with."""

import csv
import functools
import io
import re
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import xlsxwriter
from tests.platforms.corpus import EXAMPLES, SAMPLES

from portwright.catalog.load import load_catalog
from portwright.cli.options import read_configuration
from portwright.lint.run import lint
from portwright.matrix.read import read_matrix
from portwright.packets.packet import Packet
from portwright.platforms import PLATFORMS
from portwright.policy.answer import Answerer
from portwright.site.load import load_site

PACKETS = [
    Packet.parse(text)
    for text in ("tcp 10.0.0.1 > 10.20.0.11:443", "udp [fd00::1] > [fd00:30::21]:53", "icmp 10.10.0.5 > 10.30.0.21")
]
SMALL = 40_000  # bytes of a configuration that is looked at as a whole, too


@dataclass(frozen=True)
class Target:
    """A reader: what it is given, and how."""

    samples: tuple[bytes, ...]
    suffix: str  # of the file
    read: Callable[[Path], object]  # raises InvalidInput, or nothing

    def run(self, content: bytes) -> None:
        """Let the reader read a file with that content. Raises what it raises."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"input{self.suffix}"
            file.write_bytes(content)
            self.read(file)


@functools.cache
def targets() -> dict[str, Target]:
    """Every reader by its name."""
    return {
        **{name: _platform(name) for name in PLATFORMS},
        "site": Target(_contents("f*/site.yaml"), ".yaml", _site),
        "product": Target(_products(), ".yaml", lambda file: load_catalog([file])),
        "matrix": Target(_contents("matrix/*.csv"), ".csv", _matrix),
        "workbook": Target((_workbook(), *_parts(_workbook())), ".xlsx", _matrix_of_parts),
    }


def _platform(name: str) -> Target:
    samples = tuple(sample.file.read_bytes() for sample in SAMPLES if sample.platform == name)

    def read(file: Path) -> None:
        configuration, text = read_configuration(str(file), name)
        answerer = Answerer(configuration)
        for packet in PACKETS:
            answerer.decide(packet)
        if len(text) < SMALL:
            lint(configuration, text, "fw")

    return Target(samples, ".txt", read)


def _contents(pattern: str) -> tuple[bytes, ...]:
    return tuple(file.read_bytes() for file in sorted(EXAMPLES.glob(pattern)))


def _products() -> tuple[bytes, ...]:
    data = EXAMPLES.parent / "src" / "portwright" / "catalog" / "data"
    page = (EXAMPLES.parent / "docs" / "products.md").read_text(encoding="utf-8")
    own = next(
        block for block in re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE) if "product:" in block
    )
    return (own.encode(), *(file.read_bytes() for file in sorted(data.glob("*.yaml"))))  # these are there already


def _site(file: Path) -> None:
    load_site(file)


@functools.cache
def _workbook() -> bytes:
    """The flow matrix of the examples as an Excel workbook."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        sheet = book.add_worksheet("Flows")
        rows = csv.reader((EXAMPLES / "matrix" / "flows.csv").read_text(encoding="utf-8").splitlines(), delimiter=";")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return content.getvalue()


def _parts(workbook: bytes) -> tuple[bytes, ...]:
    """The XML files inside, each after its name."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        return tuple(name.encode() + b"\n" + archive.read(name) for name in archive.namelist())


def _matrix_of_parts(file: Path) -> None:
    """Read a workbook; where the file is one of its parts, the workbook with that part in its place."""
    name, newline, part = file.read_bytes().partition(b"\n")
    if newline and name.decode(errors="replace") in zipfile.ZipFile(io.BytesIO(_workbook())).namelist():
        with zipfile.ZipFile(io.BytesIO(_workbook())) as old, zipfile.ZipFile(file, "w") as new:
            for one in old.namelist():
                new.writestr(one, part if one == name.decode() else old.read(one))
    _matrix(file)


@functools.cache
def _catalog() -> object:
    return load_catalog()


def _matrix(file: Path) -> None:
    read_matrix(str(file), None, {}, _catalog())
