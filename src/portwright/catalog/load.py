"""Catalog files, ours and the user's own in the same format, into one `Catalog`: or every problem at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from portwright.catalog.consistency import Wrong, inconsistencies
from portwright.catalog.model import Catalog, Product, Requirement, Scenario, Step
from portwright.catalog.schema import FILE, CatalogFile
from portwright.catalog.values import INSTANCE
from portwright.errors import InvalidInput, Problem
from portwright.shapes import Ledger, read
from portwright.yamlfile import MAX_PROBLEMS, load_document


def load_catalog(own: Sequence[Path] = ()) -> Catalog:
    """The catalog that ships with Portwright, and the files of the user's own. Raises InvalidInput."""
    ledger = Ledger()
    ledger.declare("setting", [INSTANCE])
    documents = [load_document(path, name) for path, name in (*_shipped(), *((path, str(path)) for path in own))]
    parts = [part for document in documents if (part := read(FILE, document, ledger)) is not None]
    ledger.settle()
    catalog = _joined(parts)
    if problems := sorted({_problem(wrong, ledger) for wrong in inconsistencies(catalog)}):
        raise InvalidInput(problems[:MAX_PROBLEMS])
    return catalog


def _shipped() -> list[tuple[Path, str]]:
    folder = Path(str(files("portwright.catalog") / "data"))
    return [(path, f"catalog/{path.name}") for path in sorted(folder.glob("*.yaml"), key=lambda path: path.stem)]


def _joined(parts: Iterable[CatalogFile]) -> Catalog:
    """All files as one catalog, every part knowing its product and every step what its requirements say."""
    catalog = Catalog({}, {}, {}, {}, {}, {}, {}, {}, {}, {})
    merged = {name: dict(getattr(catalog, name)) for name in catalog.__slots__}
    parts = list(parts)
    for part in parts:
        if part.product:
            merged["products"][part.product] = Product(
                part.product, part.title, part.needs, part.based_on, part.leaves_out, part.about, part.cited
            )
        for name in ("references", "citations", "settings", "services"):
            merged[name].update(getattr(part, name))
        for name in ("components", "requirements", "preconditions", "rules"):
            values = getattr(part, name).items()
            merged[name].update({id: replace(value, product=part.product or part.part_of) for id, value in values})
    for part in parts:
        for id, scenario in part.scenarios.items():
            steps = _completed(scenario, merged["requirements"])
            merged["scenarios"][id] = replace(scenario, product=part.product or part.part_of, steps=tuple(steps))
    return Catalog(**merged)


def _completed(scenario: Scenario, requirements: dict[str, Requirement]) -> Iterator[Step]:
    done: dict[str, Step] = {}
    for step in scenario.steps:
        done[step.step] = _opened(step, requirements) if step.requirements else _riding(step, done)
        yield done[step.step]


def _opened(step: Step, requirements: dict[str, Requirement]) -> Step:
    first = requirements[step.requirements[0]]
    source, destination = step.source or first.source, step.destination or first.destination
    return replace(step, source=source, destination=destination, service=first.service)


def _riding(step: Step, done: dict[str, Step]) -> Step:
    return replace(step, service=done[step.rides].service) if step.rides in done else step


def _problem(wrong: Wrong, ledger: Ledger) -> Problem:
    """What is wrong, and the line in which the part is declared."""
    kind, id, below, message = wrong
    path = ".".join(filter(None, ["" if kind == "product" else f"{kind}s", id, below]))
    declared = ledger.declared.get(kind, {}).get(id)
    if declared is None:
        return Problem("catalog", 0, 0, path, message)
    return Problem(declared.place.document.file, declared.node.mark.line, declared.node.mark.column, path, message)
