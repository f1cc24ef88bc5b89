"""`portwright catalog`: what the catalog says, without a site."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import chain
from pathlib import Path

import click

from portwright.catalog.crossref import CrossReferences, Kind, Part, numbered, parts
from portwright.catalog.differences import differences
from portwright.catalog.load import load_catalog
from portwright.catalog.model import Catalog, Component, Phase, Reading
from portwright.catalog.tables import PHASES, Tables
from portwright.catalog.values import INSTANCE, check_value
from portwright.cli.options import format_option
from portwright.cli.output import show as print_result
from portwright.errors import ExitStatus, InvalidInput, Problem
from portwright.report import catalog as report
from portwright.report import catalog_differences as differences_report
from portwright.report import catalog_tables as tables_report
from portwright.report.catalog_diagram import diagram
from portwright.report.catalog_show import show_json, show_text
from portwright.shapes import shorten
from portwright.site.own import MAX_FILES

DEFAULT_PRODUCT = "dynamics-crm-2013"
_EVERY_PHASE = "all"
_INSTANCES = ("default", "named")
_CALLED = {"role": Kind.COMPONENT.plural, "roles": Kind.COMPONENT.plural}
_MANY = 8  # names that a hint gives
_PAPERS_FIRST = "P1"  # the first citation of the white paper
_FEWEST = 3  # letters by which a name is looked for inside others


class _KindName(click.Choice[str]):
    """A kind of part, also in the singular and by what a site file calls it."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The kind in the plural."""
        plural = {**{kind.value: kind.plural for kind in Kind}, **_CALLED}
        return super().convert(plural.get(value, value), param, ctx)


@click.group()
def catalog() -> None:
    """Look things up in the catalog: components, ports, scenarios, and what the paper says. No site needed.

    Exit status: 0 answered, 2 there is no such thing.
    """


def _catalog_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option("--catalog", "folder", metavar="DIR", help="Folder with product files of your own (*.yaml).")(
        function
    )


def _loaded(folder: str | None) -> Catalog:
    """The catalog that ships, with the product files of a folder. Raises InvalidInput."""
    if folder is None:
        return load_catalog()
    try:
        found = sorted(path for path in Path(folder).iterdir() if path.suffix in (".yaml", ".yml"))
    except (OSError, ValueError):
        raise InvalidInput.of("is no folder that can be read", file=folder) from None
    if not found:
        raise InvalidInput.of("has no product files", file=folder, hint="they end in .yaml")
    if len(found) > MAX_FILES:
        raise InvalidInput.of(f"has more than {MAX_FILES} files", file=folder)
    return load_catalog(found)


@catalog.command("list", short_help="List products, or what there is of one kind.")
@click.argument("kind", required=False, type=_KindName([kind.plural for kind in Kind]), metavar="[KIND]")
@click.option("--product", "products", multiple=True, metavar="ID", help="Only what belongs to it; repeatable.")
@_catalog_option
@format_option("text", "json")
def list_(kind: str | None, products: tuple[str, ...], folder: str | None, output: str) -> int:
    """List what there is of one KIND; without one, the products and what each has."""
    references = CrossReferences.of(_loaded(folder))
    problems: list[Problem] = []
    wanted = _products(references.catalog, products, problems)
    _refuse(problems)
    if kind is None:
        chosen = wanted or tuple(references.catalog.products)
        answer = report.products_json if output == "json" else report.products_text
        print_result(answer(references, chosen))
        return ExitStatus.PROVED
    asked = next(one for one in Kind if one.plural == kind)
    found = [part for part in parts(references.catalog) if part.kind is asked and _belongs(references, part, wanted)]
    if asked is Kind.CITATION:
        found.sort(key=lambda part: numbered(references.catalog.citations[part.id]))
    print_result((report.list_json if output == "json" else report.list_text)(references, asked, found))
    return ExitStatus.PROVED


def _belongs(references: CrossReferences, part: Part, products: tuple[str, ...]) -> bool:
    """Report whether a part is one of these products', or of those whose later versions they are."""
    if not products:
        return True
    lines = set(chain.from_iterable(_line(references.catalog, id) for id in products))
    left_out = {id for name in products for id in references.catalog.products[name].leaves_out}
    return bool(references.products[part] & lines) and part.id not in left_out


def _line(catalog: Catalog, product: str) -> Iterator[str]:
    """A product and those of which it is a later version."""
    seen: set[str] = set()
    while product and product not in seen:
        seen.add(product)
        yield product
        product = catalog.products[product].based_on


@catalog.command("show", short_help="Show all that is known of an id.")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_catalog_option
@format_option("text", "json")
def show(ids: tuple[str, ...], folder: str | None, output: str) -> int:
    """Show all that is known of an ID, whatever it is: component, setting, requirement, scenario, citation."""
    references = CrossReferences.of(_loaded(folder))
    found = _found(references, ids)
    print_result((show_json if output == "json" else show_text)(references, found))
    return ExitStatus.PROVED


def _found(references: CrossReferences, ids: Iterable[str]) -> list[Part]:
    """The parts with these ids; capitals do not matter. Raises InvalidInput for every id that nothing has."""
    found, problems = dict[Part, None](), list[Problem]()
    for id in ids:
        named = references.find(id) or references.find(id.upper()) or references.find(id.lower())
        found.update(dict.fromkeys(named))
        if not named:
            problems.append(
                _nothing("nothing in the catalog is called", id, _names(references), _saying(references, id))
            )
    _refuse(problems)
    return list(found)


def _names(references: CrossReferences) -> list[str]:
    aliases = (alias for one in references.catalog.components.values() for alias in one.aliases)
    return sorted({*(part.id for part in references.forward), *aliases})


def _saying(references: CrossReferences, text: str) -> Iterator[str]:
    """Parts in whose line of the lists all these words stand: a port, a title, what a citation says."""
    words = [word for word in text.casefold()[:80].split() if len(word) >= _FEWEST]
    patterns = [re.compile(rf"\b{re.escape(word)}") for word in words]
    for part in references.forward if patterns else ():
        line = report.line(references.catalog, part).casefold()
        if all(pattern.search(line) for pattern in patterns):
            yield part.id


def _nothing(what: str, id: str, known: Iterable[str], saying: Iterable[str] = ()) -> Problem:
    """There is no such thing; the names that are near, that contain what was asked for, or else that speak of it."""
    names = list(dict.fromkeys(known))
    near = get_close_matches(id[:80], names, n=3, cutoff=0.75)
    asked = _letters(id)
    containing = [name for name in names if len(asked) >= _FEWEST and asked in _letters(name)]
    meant = list(dict.fromkeys((*near, *containing) or saying))
    more = " ..." if len(meant) > _MANY else ""
    hint = f"did you mean {', '.join(meant[:_MANY])}{more}?" if meant else _first_few(names)
    return Problem("", 0, 0, "", f"{what} '{shorten(id)}'", hint)


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def _first_few(names: list[str]) -> str:
    return f"there are {', '.join(names)}" if len(names) <= _MANY else "`portwright catalog list` says what there is"


@catalog.command("cite", short_help="Say what a place in a document says and what became of it.")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_catalog_option
@format_option("text", "json")
def cite(ids: tuple[str, ...], folder: str | None, output: str) -> int:
    """Say where a citation stands, what it says, and what became of it: P61 a fact of the paper, B2 an erratum.

    A number is a line of the paper: all that stands there.
    """
    references = CrossReferences.of(_loaded(folder))
    citations = references.catalog.citations
    named = chain.from_iterable(_citations(references, id) for id in ids)
    asked = list(dict.fromkeys(named))
    _refuse(
        _nothing("there is no citation", id, citations, _citations_saying(references, id))
        for id in asked
        if id not in citations
    )
    print_result((report.cite_json if output == "json" else report.cite_text)(references, asked))
    return ExitStatus.PROVED


def _citations(references: CrossReferences, id: str) -> list[str]:
    """The citation with this id, capitals or not; for a number, those of the line of the paper."""
    citations = references.catalog.citations
    if not (id.isascii() and id.isdecimal()):
        return [id.upper() if id.upper() in citations else id]
    paper = next((one.reference for one in citations.values() if one.id == _PAPERS_FIRST), "")
    return [one.id for one in citations.values() if one.reference == paper and _holds(one.lines, int(id[:9]))] or [id]


def _holds(lines: str, line: int) -> bool:
    """Report whether a line is among `71-73, 89`."""
    for part in lines.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal() and int(first) <= line <= int(last if last.isdecimal() else first):
            return True
    return False


def _citations_saying(references: CrossReferences, text: str) -> Iterator[str]:
    return (id for id in _saying(references, text) if id in references.catalog.citations)


@catalog.command("ports", short_help="Show what components listen on and what they open.")
@click.argument("components", nargs=-1, metavar="[COMPONENT]...")
@click.option("--set", "chosen", multiple=True, metavar="NAME=VALUE", help="Choose a setting; repeatable.")
@click.option("--literal", is_flag=True, help="Read the paper as printed, mistakes included.")
@click.option("--differences", "compare", is_flag=True, help="List where the printed and the corrected reading differ.")
@click.option("--product", "products", multiple=True, metavar="ID", help=f"Product ({DEFAULT_PRODUCT}); repeatable.")
@click.option(
    "--phase",
    "phases",
    multiple=True,
    type=click.Choice([*(phase.value for phase in PHASES), _EVERY_PHASE]),
    help="Only what this phase needs; repeatable (default: all; in diagrams run).",
)
@click.option("--optional", is_flag=True, help="Diagrams: draw what is optional too, in broken lines.")
@_catalog_option
@format_option("text", "markdown", "csv", "json", "mermaid")
def ports(
    components: tuple[str, ...],
    chosen: tuple[str, ...],
    literal: bool,
    compare: bool,
    products: tuple[str, ...],
    phases: tuple[str, ...],
    optional: bool,
    folder: str | None,
    output: str,
) -> int:
    """Show what each component listens on and what it opens, for the settings chosen.

    With one COMPONENT, all that holds for it, also as what it implies; a bundle is one computer, and so are several
    components together. Without one, a table of each component of the product and of the products that it needs.
    """
    if compare and (literal or optional or output == "mermaid"):
        raise click.UsageError("--differences goes with neither --literal nor --optional nor a diagram")
    if optional and output != "mermaid":
        raise click.UsageError("--optional goes with --format mermaid")
    loaded = _loaded(folder)
    problems: list[Problem] = []
    settings = _settings(loaded, chosen, problems)
    asked = _components(loaded, components, problems)
    named = _products(loaded, products, problems)
    _refuse(problems)
    read = Reading.LITERAL if literal else Reading.CORRECTED
    usual = (Phase.RUN,) if output == "mermaid" and not phases else PHASES
    tables = Tables.of(
        loaded, named or _default_products(loaded, asked), settings, read, _named_phases(phases) or usual
    )
    print_result(_compared(tables, loaded, asked, output) if compare else _tabled(tables, asked, output, optional))
    return ExitStatus.PROVED


def _named_phases(names: tuple[str, ...]) -> tuple[Phase, ...]:
    """The phases with these names; none where all are named."""
    return () if _EVERY_PHASE in names else tuple(phase for phase in PHASES if phase.value in names)


def _default_products(loaded: Catalog, asked: tuple[Component, ...]) -> tuple[str, ...]:
    """The paper's product; and those of the components, where that one has not to do with them."""
    others = loaded.products.keys() - loaded.with_needs((DEFAULT_PRODUCT,))
    return (DEFAULT_PRODUCT, *dict.fromkeys(one.product for one in asked if one.product in others))


def _tabled(tables: Tables, asked: tuple[Component, ...], output: str, optional: bool) -> str | dict[str, object]:
    found = [tables.joined(asked)] if asked else list(tables.whole())
    match output:
        case "mermaid":
            return diagram(tables, found, optional)
        case "json":
            return tables_report.tables_json(tables, found)
        case "markdown":
            return tables_report.tables_markdown(tables, found)
        case "csv":
            return tables_report.tables_csv(found)
    return tables_report.tables_text(tables, found)


def _compared(tables: Tables, loaded: Catalog, asked: tuple[Component, ...], output: str) -> str | dict[str, object]:
    found = differences(loaded, tables.products, tables.chosen, tables.phases)
    if asked:
        roles = tables.joined(asked).roles
        found = tuple(one for one in found if one.source in roles or one.destination in roles)
    match output:
        case "json":
            return differences_report.differences_json(loaded, tables.products, found)
        case "markdown":
            return differences_report.differences_markdown(loaded, found)
        case "csv":
            return differences_report.differences_csv(loaded, found)
    return differences_report.differences_text(loaded, found, others=not asked)


def _products(loaded: Catalog, names: Iterable[str], problems: list[Problem]) -> tuple[str, ...]:
    """Those of the names that are products; notes the others."""
    names = tuple(dict.fromkeys(names))
    problems += [_nothing("there is no product", id, loaded.products) for id in names if id not in loaded.products]
    return tuple(id for id in names if id in loaded.products)


def _components(loaded: Catalog, names: Iterable[str], problems: list[Problem]) -> tuple[Component, ...]:
    """The components with these ids or aliases; notes the names that none has."""
    known = [*loaded.components, *(alias for one in loaded.components.values() for alias in one.aliases)]
    names = tuple(dict.fromkeys(names))
    problems += [
        _nothing("there is no component", name, known, _titled(loaded, name)) for name in names if name not in known
    ]
    return tuple(dict.fromkeys(loaded.component(name) for name in names if name in known))


def _titled(loaded: Catalog, text: str) -> Iterator[str]:
    """Components whose title has the text in it."""
    return (one.id for one in loaded.components.values() if text.casefold() in one.title.casefold())


def _settings(loaded: Catalog, texts: Iterable[str], problems: list[Problem]) -> dict[str, str]:
    """The settings chosen, by full name; notes those that do not exist and values that they cannot have."""
    chosen: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            if not equals:
                raise ValueError("is no NAME=VALUE")
            if name in chosen:
                raise ValueError("this setting has a value already")
            chosen[name] = _checked(loaded, name, value)
        except KeyError:
            problems.append(_nothing("there is no setting", name, (*loaded.settings, INSTANCE)))
        except ValueError as wrong:
            problems.append(Problem("", 0, 0, f"--set {shorten(text)}", str(wrong)))
    return chosen


def _refuse(problems: Iterable[Problem]) -> None:
    """Raise InvalidInput if there is any problem."""
    if found := list(problems):
        raise InvalidInput(found)


def _checked(loaded: Catalog, name: str, value: str) -> str:
    """The value as it is kept. Raises KeyError for an unknown setting, ValueError for a value that it cannot have."""
    if name != INSTANCE:
        return check_value(loaded.settings[name], value)
    if value not in _INSTANCES:
        raise ValueError(f"'{shorten(value)}' is not a kind of instance: {', '.join(_INSTANCES)}")
    return value
