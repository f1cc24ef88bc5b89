"""What the tests of the import share: writing matrices, running the command, reading the product that it wrote."""

import csv
import functools
import io
import json
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import xlsxwriter
from click.testing import CliRunner

from portwright.catalog.load import load_catalog
from portwright.catalog.schema import json_schema
from portwright.cli.import_ import import_
from portwright.errors import InvalidInput
from portwright.matrix.headers import parse_mapping
from portwright.matrix.product import make_product
from portwright.matrix.read import read_matrix
from portwright.packets.names import protocol_name
from portwright.yamlfile import Mapping, Scalar, parse_document

CATALOG = load_catalog()
VALIDATOR = jsonschema.Draft7Validator(json_schema())
COLUMNS = ("Source", "Destination", "Protocol", "Port", "Purpose")


@functools.cache
def catalog_with(product, text):
    """The catalog with a product file of that text, for which the published schema holds."""
    VALIDATOR.validate(plain(parse_document(text.encode(), "product").root))
    return load_catalog([product])


@dataclass(frozen=True)
class Imported:
    """What the command has done."""

    status: int
    out: str
    err: str
    problems: tuple
    product: Path

    @property
    def catalog(self):
        """The catalog with the product in it."""
        assert self.status == 0, self.err or self.problems
        return catalog_with(self.product, self.product.read_text(encoding="utf-8"))

    @property
    def requirements(self):
        """The product's own requirements by id."""
        return {id: one for id, one in self.catalog.requirements.items() if one.written.file == str(self.product)}

    @property
    def flows(self):
        """Titles of the ends, protocol and ports of each requirement, sorted."""
        catalog = self.catalog
        return sorted(
            (
                catalog.components[one.source].title,
                catalog.components[one.destination].title,
                described(catalog.services[one.service]),
            )
            for one in self.requirements.values()
        )

    @property
    def told(self):
        """The problems, each as one line."""
        return [str(problem).split("\n")[0] for problem in self.problems]


def described(service):
    """`tcp 80,443`."""
    return f"{protocol_name(service.protocol)} {service.ports.text}".strip()


def plain(node):
    """A YAML tree as JSON has it; the schema takes numbers for texts where the reader does."""
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node.items}
    return node.text if isinstance(node, Scalar) else [plain(item) for item in node.items]


def run(matrix, *options, product=None):
    """Do what the command does to a file, with a catalog that is there already."""
    arguments = import_.make_context("import", [str(matrix), "-o", "-", *options]).params
    output = product or matrix.with_name("product.yaml")
    name = arguments["product"] or matrix.stem
    try:
        found = read_matrix(str(matrix), arguments["sheet"], parse_mapping(arguments["mapped"]), CATALOG)
        made = make_product(found, name, arguments["title"] or "Flows", matrix.name, CATALOG)
    except InvalidInput as wrong:
        return Imported(2, "", "", wrong.problems, output)
    output.write_text(made.text, encoding="utf-8")
    return Imported(0, "", "", (), output)


def command(matrix, *options, product=None):
    """Run the command itself."""
    output = product or matrix.with_name("product.yaml")
    done = CliRunner().invoke(import_, [str(matrix), "-o", str(output), *options], standalone_mode=False)
    if done.exception is None:
        return Imported(done.return_value, done.stdout, done.stderr, (), output)
    if not isinstance(done.exception, InvalidInput):
        raise done.exception
    return Imported(2, done.stdout, done.stderr, done.exception.problems, output)


def text_of(rows, delimiter=",", **dialect):
    """Rows as CSV."""
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, **dialect).writerows(rows)
    return stream.getvalue()


def from_text(folder, text, *options, name="flows.csv", encoding="utf-8", how=run):
    """Import a matrix given as text."""
    matrix = folder / name
    matrix.write_bytes(text.encode(encoding))
    return how(matrix, *options)


def from_rows(folder, *rows, header=COLUMNS, options=(), how=run):
    """Import a matrix given as rows below a header."""
    return from_text(folder, text_of([header, *rows]), *options, how=how)


rows_by_command = functools.partial(from_rows, how=command)
text_by_command = functools.partial(from_text, how=command)


def workbook(path, **sheets):
    """Write an Excel workbook: sheets of rows, or functions that fill a sheet."""
    with xlsxwriter.Workbook(path) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            if callable(rows):
                rows(book, sheet)
                continue
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)
    return path


def errors(done):
    """The problems as JSON would have them."""
    return json.loads(json.dumps([[one.line, one.column, one.message] for one in done.problems]))
