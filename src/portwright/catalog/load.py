"""Catalog files, ours and the user's own in the same format, into one `Catalog`: or every problem at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from portwright.catalog.model import Catalog, Product, Requirement, Scenario, Step
from portwright.catalog.schema import FILE, CatalogFile
from portwright.errors import InvalidInput, Problem
from portwright.shapes import Ledger, read
from portwright.yamlfile import load_document

INSTANCE = "instance"  # what a condition may ask beside settings: is the instance `default` or `named`?


def load_catalog(own: Sequence[Path] = ()) -> Catalog:
    """The catalog that ships with Portwright, and the files of the user's own. Raises InvalidInput."""
    ledger = Ledger()
    ledger.declare("setting", [INSTANCE])
    documents = [load_document(path, name) for path, name in (*_shipped(), *((path, str(path)) for path in own))]
    parts = [part for document in documents if (part := read(FILE, document, ledger)) is not None]
    ledger.settle()
    catalog = _joined(parts)
    problems = sorted(_inconsistencies(catalog))
    if problems:
        raise InvalidInput(problems)
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


def _inconsistencies(catalog: Catalog) -> Iterator[Problem]:
    """What no single part can know to be wrong."""
    for component in catalog.components.values():
        nested = [part for part in component.includes if catalog.components[part].includes]
        if nested:
            yield _problem(f"components.{component.id}", f"includes {nested[0]}, itself a bundle")
    for setting in catalog.settings.values():
        asked = {name for condition, _ in setting.defaults for name, _ in condition.settings} - {INSTANCE}
        if moving := sorted(name for name in asked if catalog.settings[name].defaults):
            message = f"its default depends on {moving[0]}, whose own default depends on others"
            yield _problem(f"settings.{setting.name}", message)
    for requirement in catalog.requirements.values():
        served = (requirement.destination, *catalog.implied(requirement.destination))
        if catalog.services[requirement.service].component not in served:
            message = f"{requirement.destination} does not offer {requirement.service}"
            yield _problem(f"requirements.{requirement.id}", message, requirement)
    for scenario in catalog.scenarios.values():
        yield from _wrong_rides(scenario)


def _wrong_rides(scenario: Scenario) -> Iterator[Problem]:
    earlier: set[str] = set()
    for step in scenario.steps:
        path = f"scenarios.{scenario.id}.{step.step}"
        if step.step in earlier:
            yield _problem(path, f"step {step.step} is there twice")
        if step.rides and step.rides not in earlier:
            yield _problem(path, f"rides on step {step.rides}, which does not come before it")
        earlier.add(step.step)


def _problem(path: str, message: str, requirement: Requirement | None = None) -> Problem:
    written = requirement.written if requirement else None
    return Problem(written.file if written else "catalog", written.line if written else 0, 0, path, message)
