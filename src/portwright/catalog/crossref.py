"""What in the catalog speaks of what: every part by its id, the links between parts, and the links read backwards."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from portwright.catalog.model import (
    Catalog,
    Citation,
    Component,
    Condition,
    Precondition,
    Product,
    Requirement,
    Scenario,
    Service,
    Setting,
    Step,
    SupportRule,
)

ERRATA = "errata"  # the Reference into which errata are cited
_FIRST = {"P": 0, "B": 1}  # facts of the white paper, then the errata to it
_NAMED = re.compile(r"\b[A-Z]{1,3}[0-9]{1,4}[a-z]?\b")  # a citation that the text of another names


class Kind(StrEnum):
    """What a part of the catalog is."""

    PRODUCT = "product"
    COMPONENT = "component"
    SERVICE = "service"
    SETTING = "setting"
    REQUIREMENT = "requirement"
    SCENARIO = "scenario"
    RULE = "rule"
    PRECONDITION = "precondition"
    CITATION = "citation"
    REFERENCE = "reference"

    @property
    def plural(self) -> str:
        """The name of the catalog's table of such parts."""
        return f"{self.value}s"


class Relation(StrEnum):
    """How a part speaks of another; named as the keys of catalog files are."""

    PRODUCT = "product"
    NEEDS = "needs"
    BASED_ON = "based-on"
    LEAVES_OUT = "leaves-out"
    INCLUDES = "includes"
    IMPLIES = "implies"
    WITHOUT = "without"
    AT = "at"  # the component that offers a service, or whose setting it is
    PORTS = "ports"  # the setting that holds ports of a service
    DEFAULT = "default"  # the setting on which a default depends
    FROM = "from"
    TO = "to"
    SERVICE = "service"
    WHEN = "when"
    WITHIN = "within"
    ACROSS = "across"
    TUNNELED = "tunneled"
    REQUIRES = "requires"
    SCENARIOS = "scenarios"  # what fails without a precondition
    ON = "on"
    SETTING = "setting"
    CITES = "citations"
    IN = "in"  # the document of a citation
    SEE = "see"
    NAMES = "names"  # the text of a citation names another


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A part of the catalog, by its id."""

    kind: Kind
    id: str

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class Link:
    """A part speaks of another."""

    source: Part
    relation: Relation
    target: Part
    step: str = ""  # of a scenario, where the step speaks and not the scenario as a whole


Mention = tuple[Relation, Kind, str]


def _all(relation: Relation, kind: Kind, ids: Iterable[str | None]) -> Iterator[Mention]:
    return ((relation, kind, id) for id in ids if id)


def _asked(relation: Relation, condition: Condition | None) -> Iterator[Mention]:
    return _all(relation, Kind.SETTING, (name for name, _ in condition.settings) if condition else ())


def _cited(citations: Iterable[str]) -> Iterator[Mention]:
    return _all(Relation.CITES, Kind.CITATION, citations)


def _of_product(product: Product) -> Iterator[Mention]:
    yield from _all(Relation.NEEDS, Kind.PRODUCT, product.needs)
    yield from _all(Relation.BASED_ON, Kind.PRODUCT, [product.based_on])
    for kind in (Kind.REQUIREMENT, Kind.SCENARIO, Kind.PRECONDITION, Kind.RULE):
        yield from _all(Relation.LEAVES_OUT, kind, product.leaves_out)
    yield from _cited(product.citations)


def _of_component(component: Component) -> Iterator[Mention]:
    yield Relation.PRODUCT, Kind.PRODUCT, component.product
    yield from _all(Relation.INCLUDES, Kind.COMPONENT, component.includes)
    yield from _all(Relation.IMPLIES, Kind.COMPONENT, component.implies)
    yield from _all(Relation.WITHOUT, Kind.COMPONENT, component.without)
    yield from _cited(component.citations)


def _of_service(service: Service) -> Iterator[Mention]:
    yield Relation.AT, Kind.COMPONENT, service.component
    yield from _all(Relation.PORTS, Kind.SETTING, service.ports.settings)
    yield from _cited(service.citations)


def _of_setting(setting: Setting) -> Iterator[Mention]:
    yield from _all(Relation.AT, Kind.COMPONENT, [setting.component])
    for condition, _ in setting.defaults:
        yield from _asked(Relation.DEFAULT, condition)
    yield from _cited(setting.citations)


def _of_requirement(requirement: Requirement) -> Iterator[Mention]:
    yield Relation.PRODUCT, Kind.PRODUCT, requirement.product
    yield Relation.FROM, Kind.COMPONENT, requirement.source
    yield Relation.TO, Kind.COMPONENT, requirement.destination
    yield Relation.SERVICE, Kind.SERVICE, requirement.service
    yield from _asked(Relation.WHEN, requirement.when)
    yield from _all(Relation.WITHIN, Kind.SETTING, requirement.within)
    yield from _all(Relation.ACROSS, Kind.SETTING, requirement.across)
    yield from _asked(Relation.TUNNELED, requirement.tunneled)
    yield from _cited(requirement.citations)


def _of_scenario(scenario: Scenario) -> Iterator[Mention]:
    yield Relation.PRODUCT, Kind.PRODUCT, scenario.product
    yield from _asked(Relation.WHEN, scenario.when)
    yield from _cited(scenario.citations)


def _of_step(step: Step) -> Iterator[Mention]:
    yield Relation.FROM, Kind.COMPONENT, step.source
    yield Relation.TO, Kind.COMPONENT, step.destination
    yield from _all(Relation.REQUIRES, Kind.REQUIREMENT, step.requirements)
    yield from _all(Relation.SERVICE, Kind.SERVICE, [step.service])
    yield from _asked(Relation.WHEN, step.when)
    yield from _cited(step.citations)


def _of_precondition(precondition: Precondition) -> Iterator[Mention]:
    yield Relation.PRODUCT, Kind.PRODUCT, precondition.product
    yield from _all(Relation.SCENARIOS, Kind.SCENARIO, precondition.scenarios)
    yield from _asked(Relation.WHEN, precondition.when)
    yield from _cited(precondition.citations)


def _of_rule(rule: SupportRule) -> Iterator[Mention]:
    yield Relation.PRODUCT, Kind.PRODUCT, rule.product
    yield from _all(Relation.ON, Kind.COMPONENT, rule.on)
    yield from _all(Relation.SETTING, Kind.SETTING, [rule.setting])
    yield from _all(Relation.SERVICE, Kind.SERVICE, rule.services)
    yield from _asked(Relation.WHEN, rule.when)
    yield from _all(Relation.WITHIN, Kind.SETTING, rule.within)
    yield from _cited(rule.citations)


def _of_citation(citation: Citation) -> Iterator[Mention]:
    yield Relation.IN, Kind.REFERENCE, citation.reference
    yield from _all(Relation.SEE, Kind.REFERENCE, citation.see)
    named = dict.fromkeys(_NAMED.findall(citation.says))
    yield from _all(Relation.NAMES, Kind.CITATION, (id for id in named if id != citation.id))


def _of_reference(_: object) -> Iterator[Mention]:
    return iter(())


_MENTIONS: dict[Kind, Callable[..., Iterator[Mention]]] = {
    Kind.PRODUCT: _of_product,
    Kind.COMPONENT: _of_component,
    Kind.SERVICE: _of_service,
    Kind.SETTING: _of_setting,
    Kind.REQUIREMENT: _of_requirement,
    Kind.SCENARIO: _of_scenario,
    Kind.RULE: _of_rule,
    Kind.PRECONDITION: _of_precondition,
    Kind.CITATION: _of_citation,
    Kind.REFERENCE: _of_reference,
}
_UNOWNED = (Kind.SETTING, Kind.CITATION, Kind.REFERENCE)  # belong to the products that speak of them


@dataclass(frozen=True, slots=True, eq=False)
class CrossReferences:
    """The links of a catalog, both ways."""

    catalog: Catalog
    forward: Mapping[Part, tuple[Link, ...]]
    back: Mapping[Part, tuple[Link, ...]]
    products: Mapping[Part, frozenset[str]]  # to which a part belongs

    @classmethod
    def of(cls, catalog: Catalog) -> "CrossReferences":
        """The links between the parts of a catalog."""
        forward: dict[Part, list[Link]] = {part: [] for part in parts(catalog)}
        back: dict[Part, list[Link]] = {part: [] for part in forward}
        for link in dict.fromkeys(_links(catalog)):
            if link.target in back:
                forward[link.source].append(link)
                back[link.target].append(link)
        return cls(catalog, _fixed(forward), _fixed(back), _products(catalog, forward))

    def find(self, id: str) -> tuple[Part, ...]:
        """The parts with this id, or the component with this alias; several where different kinds share the id."""
        found = tuple(part for kind in Kind if (part := Part(kind, id)) in self.forward)
        aliased = (part.id for part in self.catalog.components.values() if id in part.aliases)
        return found or tuple(Part(Kind.COMPONENT, name) for name in aliased)

    def became(self, citation: str) -> tuple[Link, ...]:
        """What rests on a citation: the parts and steps that cite it."""
        return tuple(link for link in self.back[Part(Kind.CITATION, citation)] if link.relation is Relation.CITES)

    def read_with(self, citation: str) -> tuple[Citation, ...]:
        """To a fact the errata that explain it, to an erratum the facts: what names it, or is cited along with it."""
        wanted = not is_erratum(self.catalog.citations[citation])
        part = Part(Kind.CITATION, citation)
        named = [link.target.id for link in self.forward[part] if link.relation is Relation.NAMES]
        naming = [link.source.id for link in self.back[part] if link.relation is Relation.NAMES]
        beside = (self._cited_by(link) for link in self.became(citation) if link.source.kind is not Kind.SCENARIO)
        found = dict.fromkeys(chain(named, naming, *beside))
        return tuple(one for one in self.catalog.citations.values() if one.id in found and self._fits(one, wanted))

    def _fits(self, citation: Citation, wanted: bool) -> bool:
        return is_erratum(citation) if wanted else citation.id.startswith("P")

    def _cited_by(self, link: Link) -> Iterator[str]:
        return (other.target.id for other in self.forward[link.source] if other.relation is Relation.CITES)


def is_erratum(citation: Citation) -> bool:
    """Report whether a citation says what is wrong with a document."""
    return citation.reference == ERRATA


def numbered(citation: Citation) -> tuple[int, str, int, str]:
    """The order of citations: facts and errata by their numbers, then all others."""
    letters = citation.id.rstrip("0123456789abcdefghijklmnopqrstuvwxyz")
    number = re.search("[0-9]+", citation.id)
    return _FIRST.get(letters, len(_FIRST)), letters, int(number[0]) if number else 0, citation.id


def parts(catalog: Catalog) -> Iterator[Part]:
    """Every part of a catalog, kind by kind."""
    return (Part(kind, id) for kind in Kind for id in getattr(catalog, kind.plural))


def _links(catalog: Catalog) -> Iterator[Link]:
    for part in parts(catalog):
        mentions = _MENTIONS[part.kind](getattr(catalog, part.kind.plural)[part.id])
        yield from (Link(part, relation, Part(kind, id)) for relation, kind, id in mentions)
    for scenario in catalog.scenarios.values():
        part = Part(Kind.SCENARIO, scenario.id)
        for step in scenario.steps:
            yield from (Link(part, relation, Part(kind, id), step.step) for relation, kind, id in _of_step(step))


def _fixed(links: Mapping[Part, list[Link]]) -> dict[Part, tuple[Link, ...]]:
    return {part: tuple(found) for part, found in links.items()}


def _products(catalog: Catalog, forward: Mapping[Part, list[Link]]) -> dict[Part, frozenset[str]]:
    """Whose each part is; what declares no product belongs to those whose parts speak of it."""
    found: dict[Part, set[str]] = {part: set(_own_product(catalog, part)) for part in forward}
    waiting = [part for part, products in found.items() if products]
    owned = set(waiting)
    while waiting:
        part = waiting.pop()
        for link in forward[part]:
            target = link.target
            if target.kind in _UNOWNED and target not in owned and not found[part] <= found[target]:
                found[target] |= found[part]
                waiting.append(target)
    return {part: frozenset(products) for part, products in found.items()}


def _own_product(catalog: Catalog, part: Part) -> Iterator[str]:
    thing = getattr(catalog, part.kind.plural)[part.id]
    if isinstance(thing, Product):
        yield thing.id
    elif isinstance(thing, Service | Setting):
        yield from (catalog.components[name].product for name in [thing.component] if name)
    elif part.kind not in _UNOWNED and thing.product:
        yield thing.product
