"""`portwright import`: a flow matrix as a product of the catalog, and the real ports of a host for the site file."""

import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import click

from portwright.cli.output import printable, show
from portwright.cli.saving import Input, force_option, save
from portwright.errors import ExitStatus, InvalidInput, Problem

if TYPE_CHECKING:
    from portwright.catalog.model import Catalog
    from portwright.matrix.flows import Matrix
    from portwright.matrix.product import Product


@click.command("import")
@click.argument("matrix", required=False)
@click.option("-o", "--output", metavar="FILE", help="File to write: the product, the settings, or the collector.")
@click.option(
    "--collector", is_flag=True, help="Write the script that collects what there is to know of a Windows host."
)
@click.option("--product", metavar="ID", help="Name of the product (default: made of the matrix's file name).")
@click.option("--title", help="Title of the product (default: the matrix's file name).")
@click.option(
    "--map", "mapped", multiple=True, metavar="FIELD=HEADER", help="Column of a field by its header; repeatable."
)
@click.option("--sheet", metavar="NAME", help="Sheet of an Excel workbook with several.")
@force_option
def import_(
    matrix: str | None, output: str | None, collector: bool, product: str | None, title: str | None,
    mapped: tuple[str, ...], sheet: str | None, force: bool,
) -> int:  # fmt: skip
    """Make a product of the catalog from the flow matrix MATRIX, a CSV file or an Excel workbook (.xlsx).

    MATRIX has a row for each flow and columns such as Source, Destination, Protocol, Ports and Purpose. It may also be
    what the collector wrote on a Windows host: then its real ports are shown as they belong into the site file.
    """
    if collector:
        if matrix is not None:
            raise click.UsageError("--collector writes a script and reads nothing: leave MATRIX out")
        return _written(_collector(), output, force)
    if matrix is None:
        raise click.UsageError("Missing argument 'MATRIX'.")
    if (text := _host_text(matrix)) is not None:
        if product or title or mapped or sheet:
            raise click.UsageError("--product, --title, --map and --sheet are for flow matrices")
        return _written(_settings(text, matrix), output, force, [Input(Path(matrix), "the file of the host")])
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    return _product(matrix, output, product, title, mapped, sheet, force)


_HEAD = 4000  # bytes in which the file of a host says what it is


def _host_text(matrix: str) -> str | None:
    """The text of a host's file; None for anything else, a matrix above all."""
    from portwright.files import read_text
    from portwright.platforms import load

    path = Path(matrix)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return None  # standard input, or a problem that reading the matrix will tell
    if b"windows-host/" not in head.replace(b"\0", b""):
        return None
    text = read_text(matrix)
    return text if load("windows-firewall").recognizes(text) else None


def _settings(text: str, file: str) -> str:
    from portwright.catalog.load import load_catalog
    from portwright.init.observed import settings_text
    from portwright.platforms import read

    return settings_text(read("windows-firewall", text, file), load_catalog())


def _collector() -> str:
    from importlib.resources import files

    return files("portwright.platforms.windows_firewall").joinpath("collect.ps1").read_text(encoding="ascii")


def _written(text: str, output: str | None, force: bool, inputs: Sequence[Input] = ()) -> int:
    """Print a text, or write it into a file, a script with the line ends of Windows."""
    if output is None or output == "-":
        show(text.rstrip("\n"))
        return ExitStatus.PROVED
    content = text.replace("\n", "\r\n") if output.lower().endswith(".ps1") else text
    save({Path(output): content.encode()}, force, inputs)
    show(f"written: {output}")
    return ExitStatus.PROVED


def _product(
    matrix: str, output: str, product: str | None, title: str | None, mapped: tuple[str, ...], sheet: str | None,
    force: bool,
) -> int:  # fmt: skip
    """A product of a flow matrix."""
    from portwright.catalog.load import load_catalog
    from portwright.matrix.headers import parse_mapping
    from portwright.matrix.product import make_product
    from portwright.matrix.read import read_matrix

    catalog = load_catalog()
    mapping = parse_mapping(mapped)
    id = _product_id(product, matrix, catalog)
    found = read_matrix(matrix, sheet, mapping, catalog)
    made = make_product(found, id, _title(title, matrix), _file_name(matrix), catalog)
    _validate(made.text, output)
    save({Path(output): made.text.encode()}, force, [Input(Path(matrix), "the matrix")])
    _show_unused(matrix, found.header.unused)
    show("\n".join(_summary(found, made, _file_name(matrix), output)))
    return ExitStatus.PROVED


def _file_name(matrix: str) -> str:
    return "standard input" if matrix == "-" else _line(PurePath(matrix).name)


def _line(text: str) -> str:
    """The text on one line, without what a terminal or a comment would take for something else."""
    return " ".join(printable(text).split())


def _title(title: str | None, matrix: str) -> str:
    return _line(title or "") or f"Flows of {PurePath(_file_name(matrix)).stem}"


def _product_id(given: str | None, matrix: str, catalog: "Catalog") -> str:
    """The product's name. Raises InvalidInput when it cannot be one, or is one already."""
    from portwright.catalog.schema import PRODUCT_ID
    from portwright.matrix.naming import slug

    id = given if given is not None else slug(PurePath(_file_name(matrix)).stem)
    try:
        PRODUCT_ID.parse(id)
        if len(id) > _LONGEST:
            raise ValueError(f"the name of a product made of a matrix has at most {_LONGEST} characters")
    except ValueError as problem:
        raise InvalidInput.of(f"--product {id[:60]}: {problem}") from None
    if id in catalog.products:
        raise InvalidInput.of(f"--product {id}: the catalog has this product already", hint="choose another name")
    return id


_LONGEST = 40  # characters of a product's name; ids of 80 begin with it


def _validate(text: str, output: str) -> None:
    """Load the product with the catalog before anybody sees it. Raises InvalidInput."""
    from portwright.catalog.load import load_catalog

    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "product.yaml"
            path.write_text(text, encoding="utf-8")
            load_catalog([path])
    except InvalidInput as wrong:
        problems = [Problem(output, one.line, one.column, one.path, one.message, one.hint) for one in wrong.problems]
        raise InvalidInput(problems) from None


def _show_unused(matrix: str, headers: Sequence[str]) -> None:
    if headers:
        listed = ", ".join(f"'{' '.join(header.split())[:40]}'" for header in headers[:20])
        more = f" and {len(headers) - 20} more" if len(headers) > 20 else ""
        click.echo(printable(f"{matrix}: columns not used: {listed}{more}"), err=True)


def _summary(found: "Matrix", made: "Product", file: str, output: str) -> list[str]:
    from portwright.matrix.product import lines_text

    rows = len({flow.line for flow in found.flows})
    counts = [
        _counted(made.requirements, "requirement"), _counted(made.services, "service"),
        _counted(len(made.components), "component"),
    ]  # fmt: skip
    lines = [f"{output}: {', '.join(counts)} from {_counted(rows, 'row')} of {file}"]
    if made.known:
        lines.append(f"  of the catalog: {', '.join(made.known)}")
    lines += [f"  {lines_text(where)}: {note}" for note, where in found.notes.items()]
    return lines + [f"  {lines_text(where)} skipped: {why}" for why, where in found.skipped.items()]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
